"""What a base holds that could be set off by a line that looks like nothing: `go()`.

Owns: names of the functions that act, by themselves or through others, and of the modules of which that
is not known. A new line that names one of them asks for parsing its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pratique.vet.base import Base
from pratique.vet.examine import READ_AS_PYTHON
from pratique.vet.gate import DEEDS
from pratique.vet.gate_words import Hit
from pratique.vet.model import ContentFacts, Region

MAX_NAMES = 32
"""Names of one import line that are looked at."""
_THROUGH = 3
"""Functions between a call and the deed that are followed; with more, half of all names are among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Names by which deeds of a base can be set off."""

    names: frozenset[bytes] = frozenset()
    modules: frozenset[str] = frozenset()
    """Sources that were not parsed, and hold words of deeds."""
    all: frozenset[str] = frozenset()
    """Every source, and the folders they are in."""

    def is_own(self, module: str) -> bool:
        """Whether a module is of the release, by its first name."""
        return module.startswith(".") or module.partition(".")[0] in self.all

    def new_modules_in(self, lines: bytes) -> bool:
        """Whether lines import a module of the release that the base did not have."""
        for line in lines.split(b"\n"):
            words = line.decode("utf-8", "replace").replace(",", " ").split()
            if len(words) < 2 or words[0] not in {"import", "from"}:  # noqa: PLR2004 - the word and a name
                continue
            module = words[1]
            own = self.is_own(module)
            names = words[3:] if not module.strip(".") else [module.rpartition(".")[2]]
            if own and any(name.strip("()") not in self.all for name in names[:MAX_NAMES]):
                return True
        return False

    def called_in(self, names: AbstractSet[bytes], facts: ContentFacts, *, aliased: bool) -> bool:
        """Whether lines with these names may call something loaded, in a file with these facts.

        Shape: `aliased` when the file gives imports other names, which its facts do not hold.
        """
        if not self.names.isdisjoint(names):
            return True
        for item in facts.imports:
            if item.module.rpartition(".")[2] in self.modules:
                if item.name == "*" or aliased or item.name.encode() in names:
                    return True
            elif aliased and item.name.encode() in self.names:
                return True
        return False


def loaded_by(base: Base | None) -> Loaded:
    """Look through the facts of a base."""
    if base is None:
        return Loaded()
    known = base.made.get("loaded")
    if isinstance(known, Loaded):
        return known
    found = base.made["loaded"] = _look_through(base)
    return found


def _look_through(base: Base) -> Loaded:
    modules: set[str] = set()
    every: set[str] = set()
    for entry in base.release.files:
        if entry.language in READ_AS_PYTHON:
            every |= set(module_path(entry.path).split("/"))
        facts = base.contents.get((entry.sha256, entry.language))
        if entry.language not in READ_AS_PYTHON or (facts is not None and facts.parsed):
            continue
        if facts is None or Hit(facts.hits) & DEEDS:
            modules.add(_module_word(entry.path))
    words = frozenset(word.encode() for word in _acting(base))
    return Loaded(
        names=words | {word.encode() for word in modules},
        modules=frozenset(modules),
        all=frozenset(every),
    )


def _acting(base: Base) -> set[str]:
    """Last words of the functions that act, and of those that call them."""
    found: set[str] = set()
    callers: dict[str, set[str]] = {}
    for facts in base.contents.values():
        acting = {use.region for use in facts.uses} | {sign.region for sign in facts.signs}
        for index, region in enumerate(facts.regions):
            if index == 0:
                continue
            word = called_by(region.name)
            if index in acting:
                found.add(word)
            for called in _words_called(region):
                callers.setdefault(called, set()).add(word)
    last = found
    for _ in range(_THROUGH - 1):
        last = {caller for word in last for caller in callers.get(word, ())} - found
        found = found | last
    return found


def _words_called(region: Region) -> Iterator[str]:
    for name in region.calls:
        yield name.replace("()", "").rpartition(".")[2]


def called_by(name: str) -> str:
    """The word by which a function is called: for `Class.__init__` the class."""
    parts = name.split(".")
    while len(parts) > 1 and parts[-1].startswith("__"):
        parts.pop()
    return parts[-1]


def _module_word(path: str) -> str:
    """How an import names a source: `evil` for `pkg/evil.py` and for `pkg/evil/__init__.py`."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return folder.rpartition("/")[2] if stem == "__init__" else stem


def module_path(path: str) -> str:
    """Where an import finds a source: `/pkg/evil` for `pkg/evil.py` and for `pkg/evil/__init__.py`."""
    stem = path.removesuffix(".py").removesuffix(".pyw").removesuffix("/__init__")
    return f"/{stem}"
