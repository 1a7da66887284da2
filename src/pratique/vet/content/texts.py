"""Contents as text: decoded within bounds, and signs placed by line and column."""

from __future__ import annotations

from pratique.vet.model import Language, Sign
from pratique.vet.safe_text import SHOWN, excerpt, printable

SCRIPTS = frozenset(
    {Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT, Language.NOTEBOOK, Language.PTH}
)
"""Languages that are judged as text; Python is read properly elsewhere."""
MAX_CONTENT = 8 * 1024 * 1024
"""Text beyond 8 MiB is a generated table; the archive reader holds no more of a text either."""

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def bounded_text(data: bytes, language: Language = Language.TEXT) -> str:
    """A content as text: UTF-8 or UTF-16 by its mark, what is not text as U+FFFD.

    PowerShell saves UTF-16 without a mark now and then, so every second NUL tells it too.
    """
    data = data[:MAX_CONTENT]
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if language is Language.POWERSHELL and data[1:40:2].count(0) > len(data[1:40:2]) // 2:
        return data.decode("utf-16-le", "replace")
    return data.decode("utf-8", "replace")


def place_of(text: str, at: int) -> tuple[int, int]:
    """Line (1-based) and column (0-based) of a character."""
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1)


def sign_at(rule: str, trait: str, text: str, at: int, *, shown: str = "", layer: int = 0) -> Sign:
    """A sign at a character's place, with the line around it as excerpt."""
    line, column = place_of(text, at)
    return Sign(
        rule=rule, trait=trait, line=line, column=column,
        excerpt=excerpt(text, at), shown=printable(shown, SHOWN), layer=layer,
    )  # fmt: skip


_NEAR = 24
"""Characters of what is shown that are looked for, to place it."""


def sign_near(rule: str, trait: str, text: str, shown: str, *, layer: int = 0) -> Sign:
    """A sign where what is shown stands in the text, as far as it stands there as written."""
    at = text.find(shown[:_NEAR])
    if at < 0:
        at = text.lower().find(shown[:_NEAR].lower())
    if at < 0:
        first = shown.split(" ", 1)[0]
        at = text.find(first) if first else -1
    return sign_at(rule, trait, text, max(at, 0), shown=shown, layer=layer)
