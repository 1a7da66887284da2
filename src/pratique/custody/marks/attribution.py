"""From what a leaked sample shows to what may be said of leases: values, and the arithmetic between them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.custody.marks.index import Place
from pratique.custody.marks.tardos import Outcome, Suspicion
from pratique.custody.model import SEGMENT_BYTES, ObjectId

_FEWEST_CANONICAL: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows others that a lease's marks were fixed before it read anything."""

    entry: int
    """The `codeword` entry."""
    first_read: int | None
    """The lease's first `reads` entry for the dataset; None: the ledger has none."""
    commitment: str
    marks: int
    opens: bool
    """Whether salt and codeword, as the broker reveals them, hash to the commitment of that entry, and the
    codeword has the bits that were scored."""
    salt: bytes
    codeword: bytes

    @property
    def holds(self) -> bool:
        """Whether the commitment opens, and came first."""
        return self.opens and (self.first_read is None or self.entry < self.first_read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A lease that was given some of the marked places that the sample shows."""

    lease: str
    given: int
    """How many of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetAnswer:
    """What a sample says about the leases of one dataset."""

    dataset: str
    marks: int
    """Of the dataset."""
    positions: tuple[int, ...]
    """Readable marks in the sample, by number."""
    leak: bytes
    """Their forms, one byte (0 or 1) each."""
    blurred: int
    """Marks that were recognised but made unreadable."""
    outcome: Outcome
    holders: tuple[Suspicion, ...]
    """Holders (scopes `holder:V/P/H`) who read the dataset in parts, under several leases."""
    holder_leases: Mapping[str, tuple[str, ...]]
    """The leases that they read those parts under."""
    canonical: bool
    """Whether the sample was made from canonical bytes: no lease with marks could show it by chance."""
    candidates: tuple[Candidate, ...]
    canonical_candidates: tuple[Candidate, ...]
    """Leases that read canonical bytes of those places."""
    proofs: Mapping[str, Proof]
    marks_entries: tuple[int, ...]


def looks_canonical(leak: bytes, biases: Sequence[float], *, leases: int, bound: float) -> bool:
    """Whether only first forms are seen, where a marked copy would have shown others (union bound)."""
    if len(leak) < _FEWEST_CANONICAL or any(leak):
        return False
    chance = sum(math.log(1 - p) for p in biases)
    return chance <= math.log(bound / max(1, leases))


def given_places(
    places: Sequence[Place], runs: Mapping[ObjectId, Sequence[tuple[int, int]]]
) -> list[int]:
    """Which of the places lie in runs of segments (first, last) that were disclosed, by number."""
    starts = {one: [first for first, _ in spans] for one, spans in runs.items()}
    found = []
    for number, place in enumerate(places):
        spans = runs.get(place.object)
        if not spans:
            continue
        segment = place.start // SEGMENT_BYTES
        index = bisect_right(starts[place.object], segment) - 1
        if index >= 0 and spans[index][1] >= segment:
            found.append(number)
    return found


def joined_parts(given: Mapping[str, Sequence[int]], words: Mapping[str, bytes]) -> dict[int, int]:
    """What one holder's copies show together: place → bit, where their leases agree."""
    joined: dict[int, int] = {}
    differing: set[int] = set()
    for lease, places in given.items():
        for place in places:
            if joined.setdefault(place, words[lease][place]) != words[lease][place]:
                differing.add(place)
    return {place: bit for place, bit in joined.items() if place not in differing}
