"""Which popular name a project's name could be mistaken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pratique.vet.content.data_tables import load_table
from pratique.vet.release.popular import popular_names

SHORTEST = 5
"""Characters of a name that one slip may turn into another: shorter ones are all alike."""
LONG = 10
"""Characters from which two slips are still the same word."""
WEIGHTY = 2
"""How many projects must require a name before it is worth squatting."""
MAX_NAME = 100
"""Characters compared; longer names are not mistaken for short ones."""


class Nearness(StrEnum):
    """How a name is like a popular one, the surest first."""

    CONFUSABLE = "confusable"
    SEPARATORS = "separators"
    EDIT = "edit"
    SWAPPED = "swapped"
    AFFIX = "affix"
    COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Near:
    """A popular name and how the asked one is like it."""

    popular: str
    nearness: Nearness


@dataclass(frozen=True, slots=True)
class _Index:
    """Popular names by what makes names alike."""

    names: frozenset[str]
    compared: tuple[str, ...]
    joined: dict[str, str]
    looks: dict[str, str]
    words: dict[tuple[str, ...], str]


_LOOKS = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))


def _look(name: str) -> str:
    """The name as a hasty reader sees it."""
    for written, seen in _LOOKS:
        name = name.replace(written, seen)
    return name


@cache
def _index() -> _Index:
    names = [name for name, weight in popular_names().items() if weight >= WEIGHTY]
    first_wins = list(reversed(names))
    return _Index(
        names=frozenset(popular_names()),
        compared=tuple(name for name in names if len(name) >= SHORTEST - 1),
        joined={name.replace("-", ""): name for name in first_wins},
        looks={_look(name): name for name in first_wins},
        words={tuple(sorted(name.split("-"))): name for name in first_wins if "-" in name},
    )


@lru_cache(maxsize=4096)
def nearest_popular(name: str) -> Near | None:
    """The popular name that a normalised name could be mistaken for; None for popular names themselves."""
    index = _index()
    if name in index.names or len(name) > MAX_NAME or len(name) < SHORTEST - 1:
        return None
    return next(_nearest(name, index), None)


def _nearest(name: str, index: _Index) -> Iterator[Near]:
    if name.replace("-", "") in index.joined:
        yield Near(index.joined[name.replace("-", "")], Nearness.SEPARATORS)
    if _look(name) in index.looks and len(name) >= SHORTEST:
        yield Near(index.looks[_look(name)], Nearness.CONFUSABLE)
    if tuple(sorted(name.split("-"))) in index.words:
        yield Near(index.words[tuple(sorted(name.split("-")))], Nearness.SWAPPED)
    if (slip := _slip(name, index)) is not None:
        yield Near(slip, Nearness.EDIT)
    if (bare := _without_affix(name, index)) is not None:
        yield Near(bare, Nearness.AFFIX)
    first, hyphen, second = name.partition("-")
    if hyphen and {first, second} <= index.names and min(len(first), len(second)) >= SHORTEST - 1:
        yield Near(first, Nearness.COMBINED)


def _slip(name: str, index: _Index) -> str | None:
    if len(name) < SHORTEST:
        return None
    most = 2 if len(name) >= LONG else 1
    found = process.extractOne(name, index.compared, scorer=OSA.distance, score_cutoff=most)
    if found is None or (found[1] > 1 and len(found[0]) < LONG):
        return None
    # `name-3` beside `name-2` is numbering, not a slip.
    return None if _letters(found[0]) == _letters(name) else found[0]


def _letters(name: str) -> str:
    return "".join(char for char in name if char.isalpha())


def _without_affix(name: str, index: _Index) -> str | None:
    table = load_table("release-names")["affixes"]
    for word in table["before"].split():
        rest = name.removeprefix(word)
        if rest != name and rest.strip("-") in index.names and len(rest.strip("-")) >= SHORTEST - 1:
            return rest.strip("-")
    for word in table["behind"].split():
        rest = name.removesuffix(word)
        if rest != name and rest.strip("-") in index.names and len(rest.strip("-")) >= SHORTEST - 1:
            return rest.strip("-")
    return None
