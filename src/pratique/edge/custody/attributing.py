"""Attribution of a leaked sample: indexes, codewords and commitments brought together.

1. The index of each run is the one that the ledger names. 2. The sample is read once, against all of them.
3. The broker tells biases and bits at the readable marks. 4. The scores name leases, or nobody. 5. For a
named lease the broker opens the commitment, which is compared with the ledger's entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.custody.access_log import AccessLog, DatasetRead
from pratique.custody.codewords import commitment, unpack_bits
from pratique.custody.marks.attribution import (
    Candidate,
    DatasetAnswer,
    Proof,
    given_places,
    joined_parts,
    looks_canonical,
)
from pratique.custody.marks.index import Index, Place, Reading, parse_index
from pratique.custody.marks.records import MarkRun, MarkState
from pratique.custody.marks.tardos import attribute, attribute_parts
from pratique.custody.model import Copy, Lease, LeaseId, ObjectId
from pratique.custody.read_entries import read_lines, reads_body
from pratique.edge.custody.broker_admin import BrokerAdmin
from pratique.edge.custody.operator_parts import OperatorParts
from pratique.errors import IntegrityError
from pratique.ledger.entries import Entry

_LEASES_AT_A_TIME: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributingGround:
    """What attribution works with."""

    marks: MarkState
    admin: BrokerAdmin
    parts: OperatorParts
    leases: Sequence[Lease]
    """All that exist, ended ones included."""
    entry: Callable[[int], Entry]
    """An entry of the ledger by its sequence."""
    access_log: Callable[[str], AccessLog]
    """What was disclosed of a dataset."""
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedDataset:
    """A dataset's indexes, each with what a sample showed of it."""

    name: str
    runs: tuple[MarkRun, ...]
    readings: tuple[tuple[Index, Reading], ...]

    @property
    def marks(self) -> int:
        """How many marks the dataset has."""
        return self.runs[-1].first + self.runs[-1].count

    def place(self, mark: int) -> Place:
        """Where a mark is."""
        return next(
            index.place(mark)
            for index, _ in self.readings
            if index.first <= mark < index.first + index.count
        )


async def open_dataset(ground: AttributingGround, name: str) -> MarkedDataset | None:
    """A dataset's indexes; None when it has no marks.

    Raises: IntegrityError when an index is not the one that the ledger names.
    """
    runs = tuple(ground.marks.mark_runs(name))
    if not runs:
        return None
    readings = []
    for run in runs:
        data = await ground.parts.read_all(run.index, run.wrapped_key, run.index_size)
        _check(ground, run, data)
        index = parse_index(data)
        readings.append((index, Reading(index)))
    return MarkedDataset(name=name, runs=runs, readings=tuple(readings))


def _check(ground: AttributingGround, run: MarkRun, data: bytes) -> None:
    entry = ground.entry(run.entry)
    named = _body(entry, "marks", f"dataset:{run.dataset}").get("index_sha256")
    if hashlib.sha256(data).hexdigest() != named:
        raise IntegrityError(
            f"the index of marks of dataset {run.dataset} is not the one that ledger entry {run.entry} names",
            remedy="restore the parts and the database of that time; without them nobody can be named",
        )


def answer(
    ground: AttributingGround, dataset: MarkedDataset, extra: Mapping[int, int]
) -> DatasetAnswer:
    """What the sample says about the dataset's leases. Order: after the sample was read.

    `extra`: marks whose forms somebody else's detector tells.
    """
    bits: dict[int, int] = {}
    for _, reading in dataset.readings:
        bits.update(reading.bits())
    bits.update(extra)
    positions = tuple(sorted(bits))
    leak = bytes(bits[mark] for mark in positions)
    marked = [lease for lease in ground.leases if _reads(lease, dataset.name, Copy.MARKED)]
    biases, words = _words(ground, dataset.name, marked, positions)
    outcome = attribute(leak, biases, words, leases=len(ground.leases), bound=ground.bound)
    log = ground.access_log(dataset.name)
    places = [dataset.place(mark) for mark in positions]
    canonical = {str(lease.id) for lease in ground.leases if lease.copy is Copy.CANONICAL}
    given = _given(log, dataset.name, places)
    candidates = sorted(
        (Candidate(lease=lease, given=len(found)) for lease, found in given.items()),
        key=lambda one: (-one.given, one.lease),
    )
    parts = _parts(marked, given, dict(words))
    holders = attribute_parts(
        leak,
        biases,
        [(name, joined_parts(leases, dict(words))) for name, leases in parts.items()],
        bound=ground.bound,
    )
    suspects = [one.lease for one in outcome.named]
    suspects += [lease for one in holders for lease in parts[one.lease]]
    proofs = {
        lease: proof
        for lease in suspects
        if (proof := _proof(ground, dataset, lease, positions, dict(words)[lease], log))
    }
    return DatasetAnswer(
        dataset=dataset.name,
        marks=dataset.marks,
        positions=positions,
        leak=leak,
        blurred=sum(reading.blurred for _, reading in dataset.readings),
        outcome=outcome,
        holders=holders,
        holder_leases={one.lease: tuple(parts[one.lease]) for one in holders},
        canonical=looks_canonical(leak, biases, leases=len(ground.leases), bound=ground.bound),
        candidates=tuple(one for one in candidates if one.lease not in canonical),
        canonical_candidates=tuple(one for one in candidates if one.lease in canonical),
        proofs=proofs,
        marks_entries=tuple(run.entry for run in dataset.runs),
    )


def _reads(lease: Lease, dataset: str, copy: Copy) -> bool:
    return lease.copy is copy and any(
        selector.partition("/")[0] == dataset for selector in lease.selectors
    )


def _words(
    ground: AttributingGround, dataset: str, leases: Sequence[Lease], positions: Sequence[int]
) -> tuple[tuple[float, ...], list[tuple[str, bytes]]]:
    """Biases at the positions, and each lease's bits there, one byte each."""
    words: list[tuple[str, bytes]] = []
    biases: tuple[float, ...] = ()
    if not positions:
        return biases, words
    for at in range(0, max(1, len(leases)), _LEASES_AT_A_TIME):
        ids = [lease.id for lease in leases[at : at + _LEASES_AT_A_TIME]]
        biases, packed = ground.admin.codewords(dataset, ids, positions)
        words += [
            (name, unpack_bits(bits, len(positions)))
            for name, bits in zip(ids, packed, strict=True)
        ]
    return biases, words


def _of_dataset(log: AccessLog, dataset: str) -> list[tuple[str, DatasetRead, tuple[int, ...]]]:
    return [
        (lease.lease, read, lease.entries)
        for lease in log.leases
        for read in lease.datasets
        if read.dataset == dataset
    ]


def _given(log: AccessLog, dataset: str, places: Sequence[Place]) -> dict[str, list[int]]:
    """Which of these places each lease was given, by number."""
    found = {}
    for lease, read, _ in _of_dataset(log, dataset):
        given = given_places(places, {ObjectId(one.object): one.segments for one in read.objects})
        if given:
            found[lease] = given
    return found


def _parts(
    leases: Sequence[Lease], given: Mapping[str, list[int]], words: Mapping[str, bytes]
) -> dict[str, dict[str, list[int]]]:
    """Holders who were given places under several leases, with those leases."""
    holders: dict[str, dict[str, list[int]]] = {}
    for lease in leases:
        if lease.id in given and lease.id in words:
            holders.setdefault(lease.scopes[1], {})[lease.id] = given[lease.id]
    return {name: found for name, found in holders.items() if len(found) > 1}


def _proof(
    ground: AttributingGround,
    dataset: MarkedDataset,
    lease: str,
    positions: Sequence[int],
    scored: bytes,
    log: AccessLog,
) -> Proof | None:
    """Open a lease's commitment; None when the ledger has none that covers these marks."""
    for word in ground.marks.codewords(LeaseId(lease), dataset.name):
        if word.marks <= positions[-1]:
            continue
        body = _body(ground.entry(word.entry), "codeword", f"lease:{lease}")
        opening = ground.admin.reveal(dataset.name, lease, word.marks)
        bits = unpack_bits(opening.codeword, word.marks)
        opens = (
            body.get("dataset") == dataset.name
            and body.get("marks") == word.marks
            and body.get("commitment") == commitment(opening.salt, opening.codeword)
            and bytes(bits[mark] for mark in positions) == scored
        )
        return Proof(
            entry=word.entry,
            first_read=_first_marked_read(ground, dataset.name, lease, log),
            commitment=str(body.get("commitment", "")),
            marks=word.marks,
            opens=opens,
            salt=opening.salt,
            codeword=opening.codeword,
        )
    return None


def _first_marked_read(
    ground: AttributingGround, dataset: str, lease: str, log: AccessLog
) -> int | None:
    """The first entry that says that the lease read of its marked copy."""
    for one, _, entries in _of_dataset(log, dataset):
        for sequence in sorted(entries) if one == lease else ():
            body = reads_body(ground.entry(sequence))
            if any(line.variant for line in read_lines(body)):
                return sequence
    return None


def _body(entry: Entry, kind: str, subject: str) -> Mapping[str, Any]:
    """The body of an entry that is what a row says it is. Raises: IntegrityError."""
    if entry.kind != kind or entry.subject != subject:
        raise IntegrityError(
            f"ledger entry {entry.sequence} is no `{kind}` entry of {subject}",
            remedy="the database does not belong to this ledger: restore the one that does",
        )
    return entry.body
