"""Rule `hidden-text`: source that a person does not see, or sees as something else.

Source: docs/rules/hidden-text.md; "Trojan Source" (CVE-2021-42574).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.first_pass import Seen, first_pass
from pratique.vet.content.texts import bounded_text, sign_at
from pratique.vet.model import Confidence, Language, Severity, Sign
from pratique.vet.safe_text import SHOWN, printable

NAME: Final = "hidden-text"
BLANKS: Final = 60
"""Blanks inside a line behind which code is out of sight in most editors and on the web."""
ONE_LINER: Final = 5_000
"""Characters of a Python file that is one line; generated tables have at least line ends."""
MAX_LINE_ENDS: Final = 2
"""Line ends of a "one-line" file: a comment may stand above the line."""
GIANT: Final = 2 * 1024 * 1024
"""Bytes from which a source that executes what it computes is named: of a thousand honest wheels three
hold a larger module, a table each. Beyond `VetLimits.source_bytes` nobody parses it."""
MAX_PLACES: Final = 20
"""Places told per kind."""
EXAMPLE_LINES: Final = 40
"""Lines of one example of a docstring that are looked at."""
MIN_NAMES: Final = 8
"""Different names of a kind before a source is said to be written in them."""

_MEDIUM, _HIGH, _LOW = Confidence.MEDIUM, Confidence.HIGH, Confidence.LOW

RULE = Rule(
    name=NAME,
    title="Source that hides from readers",
    techniques=("T1027", "T1564"),
    what="Code stands far to the right behind blanks, characters are invisible or turn the direction of"
    " reading, or names are made to look alike.",
    danger="A reviewer approves what is shown; the interpreter runs what is there.",
    benign="Tables are aligned with blanks, right-to-left languages need marks in texts, and scientific"
    " code uses Greek letters.",
    traits={
        "far-right": trait("has code behind a long run of blanks", Severity.HIGH, _HIGH),
        "far-right-text": trait("has text behind a long run of blanks", Severity.INFO, _LOW),
        "bidi": trait("turns the direction of reading inside source", Severity.HIGH, _MEDIUM),
        "zero-width": trait("has invisible characters inside source", Severity.MEDIUM, _MEDIUM),
        "invisible-data": trait(
            "has a long run of invisible characters that can carry data", Severity.CRITICAL, _HIGH
        ),
        "lookalike-letters": trait("mixes alphabets inside one name", Severity.HIGH, _MEDIUM),
        "foreign-names": trait("is written in names of another alphabet", Severity.LOW, _LOW),
        "noise-names": trait("has names made of letters that look alike", Severity.HIGH, _HIGH),
        "one-line": trait("is one very long line", Severity.MEDIUM, _MEDIUM),
        "giant": trait(
            "is larger than anybody reads and executes what it computes", Severity.HIGH, _MEDIUM
        ),
    },
)

_FAR_RUNS: Final = (b" " * BLANKS, b"\t" * 16)
# Behind the blanks: something that does something, rather than a comment or a column of a table.
_CODE = re.compile(
    r"[;\\]?\s{0,4}(?:import\b|from\s+\w|exec\b|eval\b|__import__|getattr\b|compile\b|os\.|subprocess|requests\.|lambda|"
    r"try:|if\s|for\s|while\s|with\s|def\s|class\s|\w+\s?=\s?\S|;|[\w.]+\()"
)
_BIDI: Final = frozenset("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f\u061c")
_ZERO: Final = frozenset(
    "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u3164\uffa0\u115f\u1160"
)
_ALONE = re.compile("([\"'])[" + "".join(sorted(_BIDI | _ZERO)) + "]\\1")
_CARRIERS = re.compile(
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef\u200b-\u200d\u2060-\u2064\U000e0001-\U000e007f]{24,}"
)
_EXECUTES = re.compile(rb"(?<![\w.])(?:exec|eval|__import__)\s{0,8}\(|\bmarshal\b")
_NAMES = re.compile(r"(?<![\w'\"])[^\W\d]\w{0,120}")
_NOISE = re.compile(
    rb"(?<![A-Za-z0-9_])(?:[OQo][O0Qo]{6,39}|[Il][Il1i]{6,39}|_{0,8}[lI][_l1I]{7,39}|[OIlo][O0Il1o]{7,39})(?![A-Za-z0-9_])"
)


def find_hidden(data: bytes, language: Language) -> Iterator[Sign]:
    """Look for what hides, cheap questions first: most sources are plain ASCII with short lines."""
    seen = first_pass(data)
    far = any(run in data for run in _FAR_RUNS)
    python = language is Language.PYTHON
    if far or seen & (Seen.UNSEEN | Seen.MIXED | Seen.FOREIGN):
        text = bounded_text(data, language)
        if far:
            yield from _far_right(text)
        if Seen.UNSEEN in seen:
            yield from _unseen(text)
        if python and seen & (Seen.MIXED | Seen.FOREIGN):
            yield from _alphabets(text)
    if python and Seen.NOISE in seen:
        yield from _noise(data)
    if python and len(data) > ONE_LINER and data.count(b"\n") <= MAX_LINE_ENDS:
        head = data[:400].decode("utf-8", "replace")
        yield sign_at(NAME, "one-line", head, 0, shown=f"{len(data):,} bytes")
    if python and len(data) > GIANT and (found := _EXECUTES.search(data)) is not None:
        start = found.start()
        around = data[max(0, start - 100) : start + 100].decode("utf-8", "replace")
        yield giant(len(data), around, data.count(b"\n", 0, start) + 1)


def giant(size: int, shown: str, line: int = 0) -> Sign:
    """The sign of a source that nobody reads, held or not."""
    return Sign(
        rule=NAME, trait="giant", line=line, shown=printable(f"{size:,} bytes: {shown}", SHOWN)
    )


def _far_right(text: str) -> Iterator[Sign]:
    told: set[str] = set()
    position = 0
    for _ in range(MAX_PLACES * 50):
        starts = [at for run in _FAR_TEXTS if (at := text.find(run, position)) >= 0]
        if not starts or len(told) == 2:  # noqa: PLR2004 - enough was told
            return
        start = min(starts)
        position = start
        while position < len(text) and text[position] in " \t":
            position += 1
        rest = text[position : position + 200].partition("\n")[0]
        before = text[max(0, start - 1) : start]
        if before in {"", "\n", "\r"} or not rest.strip():
            continue  # indentation, or blanks at the end of a line
        if _is_example(text, start) and not rest.startswith(";"):
            continue
        code = before not in {"#", "|", "*"} and not rest.startswith(("#", "|", "*", '"', "'", ")"))
        kind = "far-right" if code and _CODE.match(rest) else "far-right-text"
        if kind not in told:
            told.add(kind)
            yield sign_at(NAME, kind, text, position, shown=rest)


def _is_example(text: str, position: int) -> bool:
    """Whether the line is an example of a docstring, whose continuations are set far to the right.

    No code begins with `>>>`, but `...` is a value: only below a `>>>` it is an example, and only while
    nothing ends the text that holds it.
    """
    end = position
    for _ in range(EXAMPLE_LINES):
        start = text.rfind("\n", 0, end) + 1
        line = text[max(start, end - 400) : end].lstrip()
        if ";" in line or '"""' in line or "'''" in line:
            return False
        if line.startswith(">>>"):
            return True
        if not line.startswith("...") or not start:
            return False
        end = start - 1
    return False


_FAR_TEXTS: Final = (" " * BLANKS, "\t" * 16)


def _unseen(text: str) -> Iterator[Sign]:
    # A character alone in quotes is an entry of a table, and hides nothing.
    body = _ALONE.sub(r"\1?\1", text.removeprefix("\ufeff"))
    for kind, wanted in (("bidi", _BIDI), ("zero-width", _ZERO)):
        places = [at for one in wanted if (at := body.find(one)) >= 0]
        if places:
            yield sign_at(NAME, kind, text, min(places) + len(text) - len(body))
    if (run := _CARRIERS.search(body)) is not None:
        yield sign_at(
            NAME,
            "invisible-data",
            text,
            run.start() + len(text) - len(body),
            shown=f"{len(run[0]):,} characters",
        )


def _alphabets(text: str) -> Iterator[Sign]:
    """Names with letters of two alphabets, and sources named in another alphabet altogether."""
    foreign: set[str] = set()
    mixed = False
    for line, at in _lines_with_letters(text):
        for match in _NAMES.finditer(line):
            name = match[0]
            if name.isascii():
                continue
            foreign.add(name)
            if not mixed and _mixes(name):
                mixed = True
                yield sign_at(NAME, "lookalike-letters", text, at + match.start(), shown=name)
    if len(foreign) >= MIN_NAMES:
        yield sign_at(NAME, "foreign-names", text, 0, shown=", ".join(sorted(foreign)[:12]))


MAX_FOREIGN_LINES: Final = 2_000
"""Lines with letters beyond ASCII that are looked at for names."""


def _lines_with_letters(text: str) -> Iterator[tuple[str, int]]:
    """Lines beyond ASCII, without comments and texts as far as a quick look tells."""
    position, taken = 0, 0
    for line in text.split("\n"):
        if not line.isascii() and taken < MAX_FOREIGN_LINES:
            taken += 1
            bare = _QUOTED.sub(lambda m: " " * len(m[0]), line[:4000])
            yield bare.partition("#")[0], position
        position += len(line) + 1


_QUOTED = re.compile(r"'[^'\n]*'?|\"[^\"\n]*\"?")


def _mixes(name: str) -> bool:
    """Latin beside Cyrillic, Greek or full-width letters: `eval` whose `e` is Cyrillic."""
    latin = any(c.isascii() and c.isalpha() for c in name)
    strange = any(
        "\u0400" <= c <= "\u052f" or "\uff21" <= c <= "\uff5a" or "\U0001d400" <= c <= "\U0001d7ff" or
        ("\u0370" <= c <= "\u03ff" and c in "αοορνικυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
        for c in name
    )  # fmt: skip
    full = all(
        "\uff21" <= c <= "\uff5a" or "\U0001d400" <= c <= "\U0001d7ff" or c == "_" for c in name
    )
    return strange and (latin or full)


def _noise(data: bytes) -> Iterator[Sign]:
    names: set[bytes] = set()
    first = -1
    for count, match in enumerate(_NOISE.finditer(data, 0, 1 << 20)):
        if len(set(match[0])) > 1:
            names.add(match[0])
            first = match.start() if first < 0 else first
        if len(names) >= MIN_NAMES or count > 5_000:  # noqa: PLR2004 - enough was told
            break
    if len(names) >= MIN_NAMES:
        text = data[: first + 400].decode("utf-8", "replace")
        yield sign_at(
            NAME,
            "noise-names",
            text,
            min(first, len(text)),
            shown=b", ".join(sorted(names)).decode(),
        )


ANALYSIS = ContentAnalysis(
    rule=RULE,
    languages=frozenset(
        {Language.PYTHON, Language.PTH, Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT}
    ),
    run=find_hidden,
)
