"""What was disclosed to whom: `reads` entries folded into distinct segments.

A read is in the ledger before its first byte leaves, so what is folded here is at least what was
disclosed: a stream that was cut in the middle may have sent less than its last entry says, never more.
docs/explain/access-log.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from pratique.custody.coverage import Coverage
from pratique.custody.model import SEGMENT_BYTES
from pratique.errors import ValueFormatError
from pratique.ledger.entries import Entry
from pratique.values.instants import Instant

_MOST_SEGMENTS: Final = (5 << 40) // SEGMENT_BYTES
"""Of an object: S3 knows none beyond 5 TiB."""
_PART_BYTES: Final = 128
"""Bytes of a bitmap that are searched at once."""

Run = tuple[int, int]
"""First and last segment, both included."""
Sizes = Callable[[str], int | None]
"""Plaintext bytes of an object by id; None where nobody recorded it."""


class ReadsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `reads` entry (docs/reference/ledger-entries.md)."""

    client: str
    dataset: str
    vendor: str
    project: str
    holder: str
    reads: tuple[tuple[str, int, int, int, int, int, int, int], ...]
    names: tuple[str, ...]
    chain: str = ""
    """Which process wrote it; empty in entries from before chains."""
    number: int = -1
    """How many entries of this client the process wrote before it."""


class ReadLine(NamedTuple):
    """One stretch of one object that was disclosed."""

    object: str
    variant: int
    """0: canonical bytes; 1: the lease's own copy."""
    first: int
    last: int
    """-1: nothing of the content."""
    bytes: int
    status: int
    address: str
    agent: str


def reads_body(entry: Entry) -> ReadsBody:
    """The body of a `reads` entry. Raises: ValueFormatError when it is not as documented."""
    try:
        return msgspec.convert(entry.body, ReadsBody)
    except msgspec.ValidationError as error:
        raise ValueFormatError(f"entry {entry.sequence}: {error}", expected="reads") from error


def read_lines(body: ReadsBody) -> Iterator[ReadLine]:
    """The reads of an entry. Raises: ValueFormatError."""
    count = len(body.names)
    for object_id, variant, first, last, size, status, address, agent in body.reads:
        nothing = first == last == -1
        if not nothing and not 0 <= first <= last < _MOST_SEGMENTS:
            raise ValueFormatError(f"segments {first} to {last}", expected="0 <= first <= last")
        if not (0 <= address < count and 0 <= agent < count):
            raise ValueFormatError(
                "a read names who it does not list", expected="an index of names"
            )
        names = body.names[address], body.names[agent]
        yield ReadLine(object_id, variant, first, last, size, status, *names)


def lease_of(entry: Entry) -> str:
    """The lease that an entry is about; empty when it is about none."""
    kind, _, name = entry.subject.partition(":")
    return name if kind == "lease" else ""


# ── what comes out ───────────────────────────────────────────────────────────────────────────


class ObjectRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed of one object."""

    object: str
    size: int | None
    """None: nobody recorded it; then its last segment counts as a full one."""
    segments: tuple[Run, ...]
    bytes: int
    """Distinct; the last segment of an object counts with the bytes that it has."""
    reads: int
    marked: bool
    """Whether any of it was the lease's own marked copy."""
    canonical: bool
    first_at: Instant
    last_at: Instant

    @property
    def whole(self) -> bool:
        """Whether all of it was disclosed."""
        return self.size is not None and self.bytes == self.size

    @property
    def count(self) -> int:
        """Number of distinct segments."""
        return sum(last - first + 1 for first, last in self.segments)


class DatasetRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed of one dataset."""

    dataset: str
    objects: tuple[ObjectRead, ...]

    @property
    def bytes(self) -> int:
        """Distinct bytes."""
        return sum(one.bytes for one in self.objects)

    @property
    def segments(self) -> int:
        """Distinct segments."""
        return sum(one.count for one in self.objects)


class LeaseRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed under one lease."""

    lease: str
    client: str
    vendor: str
    project: str
    holder: str
    datasets: tuple[DatasetRead, ...]
    reads: int
    sent: int
    """Bytes of all answers, repeated ones included."""
    addresses: tuple[str, ...]
    agents: tuple[str, ...]
    first_at: Instant
    last_at: Instant
    entries: tuple[int, ...]
    """Ledger sequences, in order."""

    @property
    def bytes(self) -> int:
        """Distinct bytes."""
        return sum(one.bytes for one in self.datasets)

    @property
    def segments(self) -> int:
        """Distinct segments."""
        return sum(one.segments for one in self.datasets)

    @property
    def objects(self) -> int:
        """Distinct objects."""
        return sum(len(one.objects) for one in self.datasets)


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of one client that one process of the door wrote, by their running numbers."""

    chain: str
    first: int
    last: int
    missing: tuple[int, ...]
    """Numbers between 0 and `last` that are not here (at most 100 are named)."""
    doubled: tuple[int, ...]
    """Numbers that two entries have: one of them is not what it says."""

    @property
    def unbroken(self) -> bool:
        """Whether every entry from the first one on is here, once."""
        return not self.missing and not self.doubled


class AccessLog(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed, by lease."""

    leases: tuple[LeaseRead, ...]
    """The first reader first."""
    bytes: int
    """Distinct over all leases: what left at all, however many have it."""
    segments: int
    objects: int
    reads: int
    chains: tuple[Chain, ...]
    unnumbered: int
    """Entries from before chains."""
    unreadable: int
    """Entries that are not as documented; what they disclosed is not counted."""


# ── folding ──────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Object:
    coverage: Coverage
    size: int | None
    first_at: Instant
    last_at: Instant
    reads: int = 0
    variants: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Lease:
    body: ReadsBody
    first_at: Instant
    last_at: Instant
    objects: dict[tuple[str, str], _Object] = field(default_factory=dict)
    reads: int = 0
    sent: int = 0
    addresses: dict[str, None] = field(default_factory=dict)
    agents: dict[str, None] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)


class AccessFold:
    """Takes in `reads` entries in the order of the log; a law: the order does not matter."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._leases: dict[str, _Lease] = {}
        self._all: dict[str, Coverage] = {}
        self._chains: dict[str, list[int]] = {}
        self._unnumbered = self._unreadable = 0

    def add(self, entry: Entry) -> None:
        """Take in one; another kind says nothing here."""
        if entry.kind != "reads":
            return
        try:
            body = reads_body(entry)
            lines = tuple(read_lines(body))
        except ValueFormatError:
            self._unreadable += 1
            return
        self._number(body)
        lease = self._lease(entry, body)
        lease.entries.append(entry.sequence)
        for line in lines:
            self._line(lease, body.dataset, line, entry.recorded_at)

    def _number(self, body: ReadsBody) -> None:
        if body.chain:
            self._chains.setdefault(body.chain, []).append(body.number)
        else:
            self._unnumbered += 1

    def _lease(self, entry: Entry, body: ReadsBody) -> _Lease:
        at, name = entry.recorded_at, lease_of(entry)
        lease = self._leases.setdefault(name, _Lease(body, at, at))
        lease.first_at, lease.last_at = min(lease.first_at, at), max(lease.last_at, at)
        return lease

    def _line(self, lease: _Lease, dataset: str, line: ReadLine, at: Instant) -> None:
        lease.reads += 1
        lease.sent += line.bytes
        lease.addresses[line.address] = lease.agents[line.agent] = None
        key = dataset, line.object
        one = lease.objects.get(key)
        if one is None:
            size = self._sizes(line.object)
            one = lease.objects[key] = _Object(Coverage(_room(size)), size, at, at)
            self._all.setdefault(line.object, Coverage(_room(size)))
        one.first_at, one.last_at = min(one.first_at, at), max(one.last_at, at)
        one.reads += 1
        one.variants.add(line.variant)
        if line.first >= 0:
            span = line.first * SEGMENT_BYTES, (line.last + 1) * SEGMENT_BYTES
            one.coverage.add(*span)
            self._all[line.object].add(*span)

    def coverage(self, lease: str) -> dict[str, bytes]:
        """Bitmaps of a lease by object, as `custody.coverage` writes them."""
        found = self._leases.get(lease)
        objects = {} if found is None else found.objects
        return {key[1]: one.coverage.to_bytes() for key, one in objects.items()}

    def result(self) -> AccessLog:
        """What was taken in so far."""
        leases = [_lease_read(name, one) for name, one in self._leases.items()]
        everything = [runs_of(one.to_bytes()) for one in self._all.values()]
        return AccessLog(
            leases=tuple(sorted(leases, key=lambda one: (one.first_at, one.lease))),
            bytes=sum(
                _bytes_in(runs, self._sizes(name))
                for name, runs in zip(self._all, everything, strict=True)
            ),
            segments=sum(last - first + 1 for runs in everything for first, last in runs),
            objects=len(self._all),
            reads=sum(one.reads for one in leases),
            chains=tuple(_chain(name, some) for name, some in sorted(self._chains.items())),
            unnumbered=self._unnumbered,
            unreadable=self._unreadable,
        )


def fold_reads(entries: Iterable[Entry], sizes: Sizes) -> AccessLog:
    """The access log of these entries."""
    fold = AccessFold(sizes)
    for entry in entries:
        fold.add(entry)
    return fold.result()


def _room(size: int | None) -> int:
    return _MOST_SEGMENTS * SEGMENT_BYTES if size is None else size


def _lease_read(name: str, lease: _Lease) -> LeaseRead:
    datasets: dict[str, list[ObjectRead]] = {}
    for (dataset, object_id), one in lease.objects.items():
        datasets.setdefault(dataset, []).append(_object_read(object_id, one))
    return LeaseRead(
        lease=name,
        client=lease.body.client,
        vendor=lease.body.vendor,
        project=lease.body.project,
        holder=lease.body.holder,
        datasets=tuple(
            DatasetRead(dataset=dataset, objects=tuple(sorted(some, key=lambda one: one.object)))
            for dataset, some in sorted(datasets.items())
        ),
        reads=lease.reads,
        sent=lease.sent,
        addresses=tuple(sorted(lease.addresses)),
        agents=tuple(sorted(lease.agents)),
        first_at=lease.first_at,
        last_at=lease.last_at,
        entries=tuple(sorted(lease.entries)),
    )


def _object_read(object_id: str, one: _Object) -> ObjectRead:
    runs = runs_of(one.coverage.to_bytes())
    return ObjectRead(
        object=object_id,
        size=one.size,
        segments=runs,
        bytes=_bytes_in(runs, one.size),
        reads=one.reads,
        marked=1 in one.variants,
        canonical=0 in one.variants,
        first_at=one.first_at,
        last_at=one.last_at,
    )


def _bytes_in(runs: Sequence[Run], size: int | None) -> int:
    """Bytes of whole segments, but for those that an object does not have."""
    end = _room(size)
    return sum(
        max(0, min(end, (last + 1) * SEGMENT_BYTES) - first * SEGMENT_BYTES) for first, last in runs
    )


def runs_of(bitmap: bytes) -> tuple[Run, ...]:
    """The runs of ones in a bitmap whose segment 0 is bit 0 of byte 0."""
    found: list[Run] = []
    for at in range(0, len(bitmap), _PART_BYTES):
        bits = int.from_bytes(bitmap[at : at + _PART_BYTES], "little")
        base = at * 8
        while bits:
            skip = (bits & -bits).bit_length() - 1
            bits >>= skip
            length = (~bits & (bits + 1)).bit_length() - 1
            first = base + skip
            if found and found[-1][1] == first - 1:
                found[-1] = (found[-1][0], first + length - 1)
            else:
                found.append((first, first + length - 1))
            bits >>= length
            base = first + length
    return tuple(found)


_NAMED: Final = 100


def _chain(name: str, numbers: Sequence[int]) -> Chain:
    here = sorted(numbers)
    missing: list[int] = []
    follows = 0
    for number in here:
        missing += range(follows, min(number, follows + _NAMED))
        follows = max(follows, number + 1)
    doubled = {one for one, other in pairwise(here) if one == other}
    return Chain(
        chain=name,
        first=here[0],
        last=here[-1],
        missing=tuple(missing[:_NAMED]),
        doubled=tuple(sorted(doubled)[:_NAMED]),
    )


def render_runs(runs: Sequence[Run], *, most: int = 20) -> str:
    """`0-15, 20`, for a person."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:most]]
    more = len(runs) - most
    return ", ".join(shown) + (f" and {more} more runs" if more > 0 else "")
