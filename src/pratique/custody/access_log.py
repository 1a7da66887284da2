"""What was disclosed to whom: `reads` entries folded into distinct segments.

A large read is in the ledger before its first byte leaves; small ones were announced before and are noted
after. So what is folded here is at least what was disclosed: a stream that was cut may have sent less
than its entry says, and of a process that did not end in order, what it had announced in its last
seconds counts as disclosed although no read says so (*presumed*). docs/explain/access-log.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from pratique.custody.coverage import Coverage
from pratique.custody.model import SEGMENT_BYTES
from pratique.custody.read_entries import (
    MOST_SEGMENTS,
    EndedBody,
    ReadLine,
    ReadsBody,
    lease_of,
    read_lines,
    reads_body,
)
from pratique.custody.runs import Run, runs_of
from pratique.errors import ValueFormatError
from pratique.ledger.entries import Entry
from pratique.values.instants import Instant

Sizes = Callable[[str], int | None]
"""Plaintext bytes of an object by id; None where nobody recorded it."""


class ObjectRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was disclosed of one object."""

    object: str
    size: int | None
    """None: nobody recorded it; then its last segment counts as a full one."""
    segments: tuple[Run, ...]
    presumed: tuple[Run, ...]
    """Those of them that were announced by a process that has not ended in order, and that no read
    names."""
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
        return _count(self.segments)


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

    process: str
    entries: int
    ended: int | None
    """How many it says it wrote, at its orderly end; None: it has not ended, or not in order."""
    missing: tuple[int, ...]
    """Numbers that are not here (at most 100 are named)."""
    doubled: tuple[int, ...]
    """Numbers that two entries have: one of them is not what it says."""

    @property
    def unbroken(self) -> bool:
        """Whether no entry is missing before the last one that is here."""
        return not self.missing and not self.doubled

    @property
    def whole(self) -> bool:
        """Whether it is shown that the process wrote no other entry."""
        return self.unbroken and self.ended == self.entries


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
    """Of a whole client's entries; of a selection they tell nothing."""
    unreadable: int
    """Entries that are not as documented; what they disclosed is not counted."""


# ── folding ──────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Object:
    coverage: Coverage
    size: int | None
    first_at: Instant
    last_at: Instant
    presumed: Coverage | None = None
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


class _Announced(NamedTuple):
    lease: str
    body: ReadsBody
    at: Instant
    sequence: int

    @property
    def over(self) -> Instant:
        """When it is good no longer."""
        return self.at + timedelta(seconds=self.body.seconds)


@dataclass(slots=True)
class _Process:
    """What one process of the door wrote for one client."""

    last_at: Instant
    numbers: list[int] = field(default_factory=list)
    announced: deque[_Announced] = field(default_factory=deque)
    ended: int | None = None

    def forget(self) -> None:
        """Drop announcements that no longer count whatever follows: the process lived on."""
        while self.announced and self.announced[0].over < self.last_at:
            self.announced.popleft()


class AccessFold:
    """Takes in entries of custody; the order does not matter."""

    def __init__(
        self, sizes: Sizes, *, since: Instant | None = None, until: Instant | None = None
    ) -> None:
        """Count what was disclosed in `[since, until)`."""
        self._sizes = sizes
        self._since, self._until = since, until
        self._leases: dict[str, _Lease] = {}
        self._processes: dict[tuple[str, str], _Process] = {}
        self._unreadable = 0

    def add(self, entry: Entry) -> None:
        """Take in one; a kind that is not about reads says nothing here."""
        try:
            if entry.kind in {"reads", "reads-ahead"}:
                self._reads(entry, reads_body(entry))
            elif entry.kind == "reads-ended":
                body = msgspec.convert(entry.body, EndedBody)
                process = self._process(body.process, body.client, entry.recorded_at)
                process.ended = body.entries
        except (ValueFormatError, msgspec.ValidationError):
            self._unreadable += 1

    def _process(self, name: str, client: str, at: Instant) -> _Process:
        process = self._processes.setdefault((name, client), _Process(at))
        process.last_at = max(process.last_at, at)
        return process

    def _reads(self, entry: Entry, body: ReadsBody) -> None:
        at, lease = entry.recorded_at, lease_of(entry)
        process = self._process(body.process, body.client, at)
        process.numbers.append(body.number)
        if body.ahead:
            process.announced.append(_Announced(lease, body, at, entry.sequence))
            process.forget()
        if not body.reads or not self._counts(at):
            return
        one = self._lease(lease, body, at)
        one.entries.append(entry.sequence)
        for line in read_lines(body):
            self._line(one, body.dataset, line, at)

    def _counts(self, at: Instant) -> bool:
        after = self._since is None or at >= self._since
        return after and (self._until is None or at < self._until)

    def _lease(self, name: str, body: ReadsBody, at: Instant) -> _Lease:
        lease = self._leases.setdefault(name, _Lease(body, at, at))
        lease.first_at, lease.last_at = min(lease.first_at, at), max(lease.last_at, at)
        return lease

    def _object(self, lease: _Lease, dataset: str, name: str, at: Instant) -> _Object:
        one = lease.objects.get((dataset, name))
        if one is None:
            size = self._sizes(name)
            one = lease.objects[dataset, name] = _Object(Coverage(_room(size)), size, at, at)
        one.first_at, one.last_at = min(one.first_at, at), max(one.last_at, at)
        return one

    def _line(self, lease: _Lease, dataset: str, line: ReadLine, at: Instant) -> None:
        lease.reads += 1
        lease.sent += line.bytes
        lease.addresses[line.address] = lease.agents[line.agent] = None
        one = self._object(lease, dataset, line.object, at)
        one.reads += 1
        one.variants.add(line.variant)
        if line.first >= 0:
            one.coverage.add(line.first * SEGMENT_BYTES, (line.last + 1) * SEGMENT_BYTES)

    def coverage(self, lease: str) -> dict[str, bytes]:
        """Bitmaps of what a lease read, by object, as `custody.coverage` writes them."""
        found = self._leases.get(lease)
        objects = {} if found is None else found.objects
        return {key[1]: one.coverage.to_bytes() for key, one in objects.items()}

    # ── what comes out ───────────────────────────────────────────────────────────────────────

    def result(self) -> AccessLog:
        """What was taken in. Order: last; nothing is added afterwards."""
        self._presume()
        leases = [_lease_read(name, one) for name, one in self._leases.items()]
        everything = self._union()
        return AccessLog(
            leases=tuple(sorted(leases, key=lambda one: (one.first_at, one.lease))),
            bytes=sum(_bytes_in(runs, self._sizes(name)) for name, runs in everything.items()),
            segments=sum(_count(runs) for runs in everything.values()),
            objects=len(everything),
            reads=sum(one.reads for one in leases),
            chains=tuple(_chain(name, one) for (name, _), one in sorted(self._processes.items())),
            unreadable=self._unreadable,
        )

    def _presume(self) -> None:
        """Count what processes announced shortly before they fell silent.

        Whatever such a process answered and did not note, it had announced in the last seconds before
        it died; it died no earlier than its last entry here.
        """
        for process in self._processes.values():
            for one in process.announced if process.ended is None else ():
                valid = timedelta(seconds=one.body.seconds)
                after = self._since is None or one.at + valid > self._since
                if one.at >= process.last_at - valid and after and _before(one.at, self._until):
                    self._count_announced(one)

    def _count_announced(self, one: _Announced) -> None:
        lease = self._lease(one.lease, one.body, one.at)
        lease.entries.append(one.sequence)
        for name, variant, first, last in one.body.ahead:
            found = self._object(lease, one.body.dataset, name, one.at)
            found.variants.add(variant)
            if first >= 0:
                if found.presumed is None:
                    found.presumed = Coverage(_room(found.size))
                found.presumed.add(first * SEGMENT_BYTES, (last + 1) * SEGMENT_BYTES)

    def _union(self) -> dict[str, tuple[Run, ...]]:
        union: dict[str, Coverage] = {}
        for lease in self._leases.values():
            for (_, name), one in lease.objects.items():
                whole = union.setdefault(name, Coverage(_room(one.size)))
                whole.merge(one.coverage.to_bytes())
                if one.presumed is not None:
                    whole.merge(one.presumed.to_bytes())
        return {name: runs_of(one.to_bytes()) for name, one in union.items()}


def fold_reads(entries: Iterable[Entry], sizes: Sizes) -> AccessLog:
    """The access log of these entries."""
    fold = AccessFold(sizes)
    for entry in entries:
        fold.add(entry)
    return fold.result()


def _room(size: int | None) -> int:
    return MOST_SEGMENTS * SEGMENT_BYTES if size is None else size


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
    read = one.coverage.to_bytes()
    presumed: tuple[Run, ...] = ()
    if one.presumed is not None:
        only = int.from_bytes(one.presumed.to_bytes(), "little")
        only &= ~int.from_bytes(read, "little")
        presumed = runs_of(only.to_bytes(-(-only.bit_length() // 8), "little"))
        one.coverage.merge(one.presumed.to_bytes())
    runs = runs_of(one.coverage.to_bytes())
    return ObjectRead(
        object=object_id,
        size=one.size,
        segments=runs,
        presumed=presumed,
        bytes=_bytes_in(runs, one.size),
        reads=one.reads,
        marked=1 in one.variants,
        canonical=0 in one.variants,
        first_at=one.first_at,
        last_at=one.last_at,
    )


def _before(at: Instant, until: Instant | None) -> bool:
    return until is None or at < until


def _count(runs: Sequence[Run]) -> int:
    return sum(last - first + 1 for first, last in runs)


def _bytes_in(runs: Sequence[Run], size: int | None) -> int:
    """Bytes of whole segments, but for those that an object does not have."""
    end = _room(size)
    return sum(
        max(0, min(end, (last + 1) * SEGMENT_BYTES) - first * SEGMENT_BYTES) for first, last in runs
    )


_NAMED: Final = 100


def _chain(name: str, process: _Process) -> Chain:
    here = sorted(process.numbers)
    missing: list[int] = []
    follows = 0
    for number in [*here, process.ended or 0]:
        missing += range(follows, min(number, follows + _NAMED))
        follows = max(follows, number + 1)
    doubled = {one for one, other in pairwise(here) if one == other}
    return Chain(
        process=name,
        entries=len(here),
        ended=process.ended,
        missing=tuple(missing[:_NAMED]),
        doubled=tuple(sorted(doubled)[:_NAMED]),
    )
