"""Second forms of a text: the same words, spelled or set otherwise, and how each is recognised.

What may change:
- words, which survive typographic clean-up: contractions ("do not" / "don't"), spellings of one word
  ("organise" / "organize", "colour" / "color", "towards" / "toward");
- type, which does not: straight and curly apostrophes between letters, "..." and "…", a dash between
  blanks or digits, two blanks in the middle of a sentence.
What never does: anything in a text that looks like code, a link, a path, markup or an address, that is
shorter than `SHORTEST_UNIT`, or that has no sentence long enough to be found again.

A mark sits in one *unit*: a sentence or line. Detection cuts leaked texts into units too, so a mark
survives that records are cut, joined or put into templates. `fold` maps both forms to one text;
`smooth` undoes the changes of type only, and tells the forms of words still.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Final, NamedTuple

SHORTEST_UNIT: Final = 32
"""Characters of a unit that is marked: shorter ones are said again by chance."""
LONGEST_UNIT: Final = 4_000
_TRIED: Final = 4
"""Changes of each kind that are tried in one text."""

_UNIT_END: Final = re.compile(r"(?:[.!?…]+[\"'”’)\]]*\s+)|\n+")
_CODE_SIGNS: Final = ("```", "</", "/>", ";\n", "{\n", "):\n", "()", " = ", "=>", "#include", "\t")
"""Signs of code or tables: a text with one of them is left alone as a whole."""
_NOT_PROSE: Final = re.compile(r"[{}<>\\`$=|@#~^]|://|\(\)|[a-z]\.[a-z]|[a-z]_[a-z]")
"""Signs of code, links, paths, markup and addresses: such a unit is left alone."""

_NOT = {
    f"{verb} not": f"{verb}n't"
    for verb in (
        "do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "would", "should", "could",
    )
}  # fmt: skip
_PAIRS: Final = {
    **_NOT,
    "cannot": "can't",
    "will not": "won't",
    "i am": "i'm",
    "you are": "you're",
    "we are": "we're",
    "they are": "they're",
    "i will": "i'll",
    "we will": "we'll",
    "you will": "you'll",
    "they will": "they'll",
    "it is": "it's",
    "that is": "that's",
}
"""Long form → short form, in lower case."""
_ONE_WAY: Final = frozenset({"it's", "that's"})
"""May also mean "has": never made long, but folded like the others."""
_LONG: Final = {short: long for long, short in _PAIRS.items()}

_STEMS_SZ: Final = (
    "organ|real|recogn|util|minim|maxim|emphas|priorit|special|summar|general|optim|standard|custom|final|visual|"
    "apolog|categor|critic|author|memor|modern|character"
)
_STEMS_OUR: Final = "col|fav|behavi|neighb|hon|lab|flav|hum|rum|harb"
_SPELLING: Final = re.compile(
    rf"\b(?:(?:{_STEMS_SZ})i(?P<sz>[sz])(?:e|es|ed|ing|ation|ations)"
    rf"|analy(?P<ly>[sz])(?:e|ed|ing)"
    rf"|(?:{_STEMS_OUR})o(?P<our>u?)r(?:s|ed|ing|ite|al|able|hood)?"
    rf"|(?:toward|afterward|among|amid)(?P<tail>s|st|)"
    rf"|gr(?P<grey>[ae])y)\b"
)
"""Lower case only: with a capital it may be a name."""
_CONTRACTED: Final = re.compile(
    r"(?: (?:not|am|are|will|is)|(?<=can)not|n['’]t|['’](?:m|re|ll|s))"
    r"(?= (?!i\b|you\b|we\b|they\b|he\b|she\b|it\b|there\b)[a-z])"
)
"""The end of a contraction or of what may be one; a word follows that is no subject of a question."""
_FOLDED_SHORT: Final = re.compile(r"\b(?:" + "|".join(sorted(_LONG, key=len)[::-1]) + r")\b")
_TYPE: Final = re.compile(
    r"['’](?<=[A-Za-z].)(?=[A-Za-z])|\.\.\.(?<=\w...)(?!\.)|…(?<=\w.)"
    r"|[–-](?<= .)(?= )|–(?<=\d.)(?=\d)|  (?<=[a-z,;]..)(?=[a-z])"
)
"""Each begins with what it changes and looks back from there: so the search skips quickly."""
_OTHER_TYPE: Final = {"'": "’", "’": "'", "...": "…", "…": "...", "–": "-", "-": "–", "  ": " "}
_PLAIN: Final = str.maketrans(
    {"’": "'", "\u2018": "'", "“": '"', "”": '"', "…": "...", "–": "-", "—": "-", "\u00a0": " "}
)


class Change(NamedTuple):
    """One stretch of a text with its other form."""

    start: int
    end: int
    other: str
    lasting: bool
    """Whether it survives typographic clean-up."""


def units(text: str) -> Iterator[tuple[int, int]]:
    """Sentences and lines of a text, as spans."""
    start = 0
    for found in _UNIT_END.finditer(text):
        # A sentence keeps its mark of punctuation, not the blanks behind it.
        end = found.start() + len(found[0].rstrip())
        if end > start:
            yield start, end
        start = found.end()
    if start < len(text):
        yield start, len(text)


def unit_around(text: str, place: int) -> tuple[int, int]:
    """The unit that a place of a text lies in."""
    start = 0
    for found in _UNIT_END.finditer(text):
        if found.end() > place:
            return start, found.start() + len(found[0].rstrip())
        start = found.end()
    return start, len(text)


def one_unit(text: str) -> bool:
    """Whether a text is a single unit."""
    return _UNIT_END.search(text) is None


def smooth(unit: str) -> str:
    """Without differences of type, case and blanks."""
    plain = unit if unit.isascii() else unit.translate(_PLAIN)
    return " ".join(plain.lower().split())


def fold(smoothed: str) -> str:
    """What both forms of a smoothed unit have in common."""
    if "'" in smoothed:
        smoothed = _FOLDED_SHORT.sub(lambda found: _LONG[found[0]], smoothed)
    return _SPELLING.sub(_common_spelling, smoothed)


@lru_cache(maxsize=64)
def both(unit: str) -> tuple[str, str]:
    """A unit smoothed, and that folded. Marking asks for the same one several times in a row."""
    smoothed = smooth(unit)
    return smoothed, fold(smoothed)


def is_code(text: str) -> bool:
    """Whether a text must be left alone as a whole."""
    for sign in _CODE_SIGNS:  # noqa: SIM110 - a generator would cost twice as much as looking
        if sign in text:
            return True
    return False


def is_prose(unit: str) -> bool:
    """Whether a unit may be changed."""
    return SHORTEST_UNIT <= len(unit) <= LONGEST_UNIT and _NOT_PROSE.search(unit) is None


def lasting_changes(text: str) -> Iterator[Change]:
    """Changes of words: contractions, then spellings."""
    for found in _CONTRACTED.finditer(text):
        change = _contraction(text, found)
        if change is not None:
            yield change
    for found in _SPELLING.finditer(text):
        yield Change(found.start(), found.end(), _other_spelling(found), lasting=True)


def type_changes(text: str) -> Iterator[Change]:
    """Changes of type."""
    for found in _TYPE.finditer(text):
        yield Change(found.start(), found.end(), _OTHER_TYPE[found[0]], lasting=False)


def other_texts(text: str, *, may_grow: bool = True) -> Iterator[tuple[str, str, str]]:
    """Other forms of a whole text, best first: (the other text, the unit that differs, its other form).

    By a lasting change with one of type beside it, by a lasting one, by one of type. What detection would
    not recognise as one mark is left out.
    """
    if is_code(text):
        return
    for change in chain(islice(lasting_changes(text), _TRIED), islice(type_changes(text), _TRIED)):
        if not may_grow and len(change.other) > change.end - change.start:
            continue
        start, end = unit_around(text, change.start)
        unit = text[start:end]
        if change.end > end or not is_prose(unit):
            continue
        inner = Change(change.start - start, change.end - start, change.other, change.lasting)
        common = both(unit)[1]
        for changes in _with_one_beside(unit, inner):
            second = _applied(unit, changes)
            if one_unit(second) and both(second)[1] == common:
                yield text[:start] + second + text[end:], unit, second


def _with_one_beside(unit: str, change: Change) -> Iterator[tuple[Change, ...]]:
    """The change with one of type that does not touch it, where there is one; then alone."""
    if change.lasting:
        for other in type_changes(unit):
            if other.end <= change.start or other.start >= change.end:
                yield change, other
                break
    yield (change,)


def _applied(text: str, changes: tuple[Change, ...]) -> str:
    for change in sorted(changes, reverse=True):
        text = text[: change.start] + change.other + text[change.end :]
    return text


def _contraction(text: str, found: re.Match[str]) -> Change | None:
    """The contraction that ends here with its other form; None where changing it would read wrong."""
    start, end = found.span()
    while start > 0 and text[start - 1].isalpha():
        start -= 1
    written = text[start:end]
    plain = written.replace("’", "'")
    lower = plain.lower()
    other = _PAIRS.get(lower) or ("" if lower in _ONE_WAY else _LONG.get(lower, ""))
    if not other or not (plain[1:] == lower[1:] or lower[0] == "i"):
        return None  # capitals have their reasons
    if plain[0].isupper():
        other = other[0].upper() + other[1:]
    if "’" in written:
        other = other.replace("'", "’")
    return Change(start, end, other, lasting=True)


def _other_spelling(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    start, end = (place - found.start() for place in found.span(kind))
    word, part = found[0], found[kind]
    return word[:start] + _other_part(kind, part, word) + word[end:]


def _other_part(kind: str, part: str, word: str) -> str:
    if kind in {"sz", "ly"}:
        other = "z" if part == "s" else "s"
    elif kind == "our":
        other = "" if part else "u"
    elif kind == "grey":
        other = "a" if part == "e" else "e"
    else:
        full = "st" if word.startswith("am") else "s"
        other = "" if part else full
    return other


def _common_spelling(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    start, end = (place - found.start() for place in found.span(kind))
    common = {"sz": "s", "ly": "s", "grey": "e"}.get(kind, "")
    return found[0][:start] + common + found[0][end:]
