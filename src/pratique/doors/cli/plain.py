"""Foreign text on a terminal: one line, nothing that moves the cursor, nothing endless."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 600


def safe_line(text: str, longest: int = LONGEST) -> str:
    """A text as one printable line."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(one if one.isprintable() else _escaped(one) for one in cut)


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
