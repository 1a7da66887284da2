"""What is stored about marks: a run of marking, the marks of an object, a codeword's commitment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pratique.custody.model import LeaseId, ObjectId
from pratique.values.instants import Instant

LAYOUT_PART: Final = (1 << 24) - 1
"""Number of the part that holds an object's layout, beyond the parts of any object; variant 1."""
VARIANT: Final = 1
NOTICED_SECONDS: Final = 0.5
"""After this time every door knows of a run of marking, or serves nothing to leases on marked copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRun:
    """One run of marking: marks `[first, first + count)` of a dataset, and where their index is."""

    dataset: str
    number: int
    first: int
    count: int
    index: ObjectId
    """The index is stored in parts, as an object is, but stands at no key."""
    index_size: int
    index_sha256: str
    wrapped_key: bytes
    key_commitment: str
    entry: int
    """Sequence of the `marks` entry."""
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMarks:
    """That an object has marks, and how long its layout is."""

    object: ObjectId
    dataset: str
    layout_size: int
    marks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedCodeword:
    """The ledger's word of what a lease's copies say, from before its first read."""

    lease: LeaseId
    dataset: str
    marks: int
    """Length of the codeword that was committed to."""
    commitment: str
    entry: int


class MarkState(Protocol):
    """Runs, marked objects, commitments. Safe from any thread; UnavailableError when it is not."""

    def mark_runs(self, dataset: str) -> Sequence[MarkRun]:
        """All runs of a dataset, oldest first."""
        ...

    def add_marks(self, run: MarkRun, objects: Iterable[ObjectMarks]) -> None:
        """Put a run into force. Raises: InputError when another run came first."""
        ...

    def marked(self, objects: Sequence[ObjectId]) -> Mapping[ObjectId, ObjectMarks]:
        """Those of the objects that have marks."""
        ...

    def codewords(self, lease: LeaseId, dataset: str) -> Sequence[CommittedCodeword]:
        """Commitments of a lease for a dataset, the longest codeword last."""
        ...

    def add_codeword(self, word: CommittedCodeword) -> None:
        """Remember a commitment; the same one again changes nothing."""
        ...
