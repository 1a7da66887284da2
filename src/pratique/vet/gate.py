"""The gate: one linear pass over a Python source that decides whether it has to be parsed.

Owns: that decision, and what can be told of a source that is not parsed (its imports, and which
capabilities its words speak of). It may let too much in and nothing out: a source that does not pass holds
no word without which an analysis could see anything. Why that holds for disguised sources too:
docs/explain/vetting.md, "The gate".
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import cache

from pratique.vet.gate_patterns import RUNS_OF_BLANKS, Hit, patterns
from pratique.vet.matching import Matcher, best_matcher
from pratique.vet.model import Capability, CapabilityUse, Import

_HEAD = 400
"""Bytes in which the two lines that may hold an encoding cookie are looked for."""
_COOKIE = re.compile(rb"^[ \t\f]*#[^\n]{0,200}?coding[:=][ \t]*([-\w.]{1,60})")
_NAMES_IN = re.compile(rb"\bimport[ \t]{0,9}\(")
"""Parentheses that only hold imported names."""
_PLAIN_CODECS = frozenset({"utf-8", "ascii", "iso8859-1"})
"""In these, ASCII bytes are ASCII letters: the gate sees every word."""


@cache
def matcher() -> Matcher:
    """The compiled patterns; made once a process, in about a tenth of a second."""
    return best_matcher(patterns())


def scan(data: bytes) -> Hit:
    """What occurs in a source, disguised letters included."""
    bits = matcher().search(data)
    if any(run in data for run in RUNS_OF_BLANKS):
        bits |= _BLANKS
    if b"import" in data and _calls_something(data):
        bits |= _CALLS
    found = Hit(bits)
    if data.isascii():
        return found | Hit.ODD if b"\0" in data or _strange_cookie(data) else found
    if _strange_cookie(data):
        return found | Hit.ODD
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return found | Hit.ODD
    if b"\0" in data:
        return found | Hit.ODD
    # Python reads identifiers in NFKC: a word in mathematical letters is that word.
    if not unicodedata.is_normalized("NFKC", text):
        plain = unicodedata.normalize("NFKC", text).encode("utf-8", "replace")
        more = Hit(matcher().search(plain))
        return found | more | Hit.ODD if more & ~found else found
    return found


_BLANKS, _CALLS = int(Hit.BLANKS), int(Hit.CALLS)


def _calls_something(data: bytes) -> bool:
    """Whether there are parentheses that hold more than imported names, or decorators."""
    if b"@" in data:
        return True
    opened = data.count(b"(")
    # Seldom has every `import` its parenthesis; only then each has to be looked at.
    return opened > data.count(b"import") or opened > len(_NAMES_IN.findall(data))


def _strange_cookie(data: bytes) -> bool:
    """Whether the source names an encoding in which words could hide (PEP 263)."""
    if b"coding" not in data[:_HEAD]:
        return False
    for line in data[:_HEAD].split(b"\n", 2)[:2]:
        if (found := _COOKIE.match(line)) is None:
            continue
        try:
            return codecs.lookup(found[1].decode("ascii")).name not in _PLAIN_CODECS
        except (LookupError, UnicodeDecodeError):
            return True
    return False


class Standing(IntEnum):
    """What a path says about when its code runs; decides how much it takes to be parsed."""

    ASIDE = 0
    """Tests, documentation, examples, type stubs, archives inside, text under another name."""
    MODULE = 1
    UNASKED = 2
    """Build, start of the interpreter, a package's own `__init__`."""


DEEDS = (
    Hit.EXECUTE | Hit.IMPORTER | Hit.ATTRIBUTE | Hit.PROCESS | Hit.NETWORK | Hit.NATIVE | Hit.SPY
    | Hit.FILES | Hit.HOOK | Hit.SENSITIVE | Hit.RAW_ADDRESS
)  # fmt: skip
"""Something can be done with these, or with what they name."""
ALONE = Hit.BLANKS | Hit.PACKER | Hit.AGENT | Hit.ODD
"""Enough wherever it stands."""
HARMLESS = Hit.CHARACTERS | Hit.SECRET_WORD | Hit.URL | Hit.DECODE | Hit.HOST
"""Not enough without a deed, even where code runs unasked."""
CHAINS = (
    Hit.BLOB | Hit.EXECUTE, Hit.BLOB | Hit.PROCESS, Hit.BLOB | Hit.DECODE, Hit.LONG_LINE | Hit.EXECUTE,
    Hit.EXECUTE | Hit.DECODE | Hit.CHARACTERS, Hit.EXECUTE | Hit.DECODE | Hit.NETWORK,
    Hit.EXECUTE | Hit.RAW_ADDRESS, Hit.PROCESS | Hit.RAW_ADDRESS, Hit.NETWORK | Hit.SENSITIVE | Hit.HOST,
    Hit.PROCESS | Hit.COMMAND | Hit.NETWORK, Hit.SPY | Hit.NETWORK | Hit.RAW_ADDRESS,
    Hit.NETWORK | Hit.RAW_ADDRESS | Hit.HOST, Hit.NETWORK | Hit.RAW_ADDRESS | Hit.SENSITIVE,
    Hit.NATIVE | Hit.DECODE | Hit.NETWORK, Hit.PERSIST | Hit.PROCESS | Hit.FILES,
    Hit.PERSIST | Hit.COMMAND,
)  # fmt: skip
"""What payloads need together. Of 283 malicious archives of evals' development list all but four have a
source with one of these, or with hits that runs unasked; of the code of popular projects a quarter has."""


def must_parse(found: Hit, standing: Standing) -> bool:
    """Whether a source with these hits has to be read where it stands."""
    bits = int(found)
    if bits & _ALONE or any(bits & chain == chain for chain in _CHAINS):
        return True
    if standing is Standing.UNASKED:
        return bool(bits & ~_HARMLESS)
    return standing is Standing.MODULE and bool(bits & _DEEDS)


# Plain numbers: asked of every source, and flags are ten times slower.
_ALONE, _HARMLESS, _DEEDS = int(ALONE), int(HARMLESS), int(DEEDS)
_CHAINS = tuple(int(chain) for chain in CHAINS)


def strength(found: Hit) -> int:
    """How many chains a source could hold: which of many are read first."""
    bits = int(found)
    return sum(1 for chain in _CHAINS if bits & chain == chain) + 2 * bool(bits & _ALONE)


def adds_something(found: Hit) -> bool:
    """Whether added lines with these hits ask for reading their file.

    Wider than `must_parse`: what is done with a command or an address may stand in old lines.
    """
    return bool(int(found) & ~_NOTHING_NEW)


_NOTHING_NEW = int(Hit.CHARACTERS | Hit.SECRET_WORD | Hit.HOST | Hit.CALLS)


QUIET_BYTES = 64 * 1024
"""Size of sources without a deed that are parsed for what they call; such modules are small."""

QUIET_FIRST_BYTES = 4 * 1024
"""The same in a first release, where all of them are new."""


def may_start(found: Hit, standing: Standing, size: int) -> bool:
    """Whether a source that is new, or has new lines, may run what other files hold."""
    return bool(found & Hit.CALLS) and standing is not Standing.ASIDE and size <= QUIET_BYTES


_BUILD_NAMES = frozenset({"setup.py", "hatch_build.py", "pdm_build.py", "build.py", "conftest.py"})
_START_NAMES = frozenset({"sitecustomize.py", "usercustomize.py"})
_NEAR = 3
"""Folders of a package's `__init__` that runs with the package: `name-1.0/src/package/`."""


_ASIDE = re.compile(r"(?:tests?|testing|docs?|examples?|benchmarks?|samples?|demos?|notebooks)")


def standing_of(path: str, project: str = "") -> Standing:
    """What a path alone says about when its code runs; `project` as in the file's name.

    More may run unasked (what such code imports): that is told later, by reach.
    """
    *folders, name = path.split("/")
    if name.endswith((".pth", ".start")) or name in _START_NAMES or name in _BUILD_NAMES:
        return Standing.UNASKED
    if "!" in path or name.endswith(".pyi"):
        return Standing.ASIDE
    # The first folder is a wheel's package or what an sdist is packed in, whatever it is called.
    if any(_ASIDE.fullmatch(part) and part != project for part in folders[1:]):
        return Standing.ASIDE
    if name == "__init__.py" and len(folders) <= _NEAR:
        return Standing.UNASKED
    return Standing.MODULE


_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")


def names_in(text: bytes) -> frozenset[bytes]:
    """Every identifier-like word."""
    return frozenset(_IDENTIFIER.findall(text))


def added_lines(old: bytes, new: bytes) -> bytes:
    """The lines of a content that its predecessor nowhere had."""
    had = frozenset(old.split(b"\n"))
    return b"\n".join(line for line in new.split(b"\n") if line not in had)


_CAPABILITIES = (
    (Hit.NETWORK, Capability.NETWORK),
    (Hit.PROCESS, Capability.PROCESS),
    (Hit.NATIVE, Capability.NATIVE),
)


def uses_of(found: Hit) -> Iterator[CapabilityUse]:
    """What an unparsed source may do, by its words alone."""
    for hit, capability in _CAPABILITIES:
        if hit in found:
            yield CapabilityUse(capability=capability, name="(by its words)")


_IMPORT = re.compile(
    rb"[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+([^\n#;]{1,2000})|import[ \t]+([\w., \t]{1,1000}))"
)
_NAME = re.compile(rb"\w+")
_CONTINUED = 8_000
"""Bytes of names in parentheses after one `from … import`."""


def imports_of(data: bytes, limit: int) -> tuple[Import, ...]:
    """Imports by their looks, one line after the other; enough to tell which module reaches which.

    Imports inside functions count as the module's own, so that reach is never less than in truth.
    """
    found: list[Import] = []
    line, counted = 1, 0
    place = data.find(b"import")
    while place >= 0 and len(found) < limit:
        start = data.rfind(b"\n", 0, place) + 1
        if (match := _IMPORT.match(data, start)) is not None:
            line += data.count(b"\n", counted, start)
            counted = start
            found.extend(_imported(data, match, line))
        end = data.find(b"\n", place)
        place = data.find(b"import", end) if end >= 0 else -1
    return tuple(found[:limit])


def _imported(data: bytes, match: re.Match[bytes], line: int) -> Iterator[Import]:
    module, names, plain = match.groups()
    if plain is not None:
        for part in plain.split(b","):
            if words := part.split():
                yield Import(module=words[0].decode("utf-8", "replace"), line=line)
        return
    if names.lstrip().startswith(b"("):
        start = match.start(2)
        end = data.find(b")", start, start + _CONTINUED)
        names = data[start : end if end >= 0 else start + _CONTINUED]
        names = b"\n".join(row.partition(b"#")[0] for row in names.split(b"\n"))
    text = module.decode("utf-8", "replace")
    if names.strip() == b"*":
        yield Import(module=text, name="*", line=line)
    for part in names.split(b","):
        if name := _NAME.search(part):
            yield Import(module=text, name=name[0].decode("utf-8", "replace"), line=line)
