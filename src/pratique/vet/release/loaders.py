"""Calls that bring a file of the release to life: open it, load it, run it.

Which file they take is rarely known, so each may take any file of its kind in its own package.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from pratique.vet.model import Capability, Language
from pratique.vet.release.paths import extension
from pratique.vet.release.words import word_set


class Load(StrEnum):
    """What a call does with a file."""

    OPEN = "open"
    UNPICKLE = "unpickle"
    NATIVE = "native"
    RUN = "run"


LOADERS = {word: kind for kind in Load for word in word_set("loads", kind.value)}
"""Last part of a call's name → what it may do."""

_OWNERS = {
    Load.RUN: word_set("loads", "run_of"),
    Load.UNPICKLE: word_set("loads", "unpickle_of"),
}
"""Names that many things share count only from these modules."""


@lru_cache(maxsize=20_000)
def load_of(name: str) -> Load | None:
    """What a call of that name may do with a file: `open`, or a method of what `open` gave."""
    kind = LOADERS.get(name.partition("()")[0].rpartition(".")[2]) or LOADERS.get(
        name.rpartition(".")[2]
    )
    owners = _OWNERS.get(kind) if kind else None
    return None if owners is not None and name.partition(".")[0] not in owners else kind


BY_CAPABILITY = {
    Capability.FILESYSTEM: Load.OPEN,
    Capability.PROCESS: Load.RUN,
    Capability.NATIVE: Load.NATIVE,
}
"""The same, by what a region can do."""

_OPENED_AS: dict[Language, tuple[Load, ...]] = {
    Language.SHELL: (Load.RUN,),
    Language.POWERSHELL: (Load.RUN,),
    Language.JAVASCRIPT: (Load.RUN,),
    Language.NATIVE: (Load.NATIVE, Load.RUN),
    Language.PICKLE: (Load.UNPICKLE, Load.OPEN),
    Language.PYTHON: (Load.OPEN, Load.RUN),
    Language.PYC: (Load.OPEN, Load.RUN, Load.UNPICKLE),
    Language.ARCHIVE: (Load.OPEN, Load.RUN),
    Language.METADATA: (),
}

_PROSE = frozenset((".md", ".rst", ".typed", ".pyi"))


def opens(path: str, language: Language) -> tuple[Load, ...]:
    """Which kinds of calls could bring that file to life."""
    return () if extension(path) in _PROSE else _OPENED_AS.get(language, (Load.OPEN,))
