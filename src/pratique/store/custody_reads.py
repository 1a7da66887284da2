"""Where the ledger says what was disclosed of data in custody: found by lease, client or dataset.

The projection knows the sequences; what the entries say is read from the ledger itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pratique.custody.access_log import AccessFold, AccessLog, LeaseRead
from pratique.errors import ValueFormatError
from pratique.exposure.disclosure import (
    ENTRIES_NAMED,
    OBJECTS_NAMED,
    Disclosed,
    DisclosedObject,
)
from pratique.ledger.canonical import parse_entry
from pratique.values.instants import parse_instant
from pratique.values.spans import DAWN, OPEN, to_micros

if TYPE_CHECKING:
    from pratique.ledger.entries import Entry
    from pratique.ledger.store import LogStore
    from pratique.store.connect import Database
    from pratique.values.instants import Instant

_LATEST: Final = 2**53 - 1
_AHEAD: Final = timedelta(minutes=1)
"""Longer than announcements count: they are looked for this long before a span."""
_NEAR: Final = 256
"""Entries this close to each other are read in one go."""


class CustodyReads:
    """Answers from one projection and its log. Order: the projection is up to date."""

    def __init__(self, database: Database, log: LogStore) -> None:
        self._database = database
        self._log = log
        self._sizes: dict[str, int | None] = {}

    def client_of(self, lease: str) -> str | None:
        """Whose data a lease was for; None: no entry grants it."""
        rows = self._database.fetch("find_custody_lease", lease=lease)
        return str(rows[0][0]) if rows else None

    def owner_of(self, dataset: str) -> str | None:
        """Whose a dataset is; None: no entry registers it."""
        rows = self._database.fetch("find_custody_owner", dataset=dataset)
        return str(rows[0][0]) if rows else None

    def size_of(self, object_id: str) -> int | None:
        """Plaintext bytes of an object, as the ledger has it."""
        if object_id not in self._sizes:
            rows = self._database.fetch("find_custody_object", object=object_id)
            self._sizes[object_id] = int(rows[0][2]) if rows else None
        return self._sizes[object_id]

    def others(self, client: str) -> frozenset[str]:
        """Names of other clients and of their datasets."""
        rows = self._database.fetch("list_custody_owners")
        found = {str(name) for row in rows if row[1] != client for name in row}
        leases = self._database.fetch("list_custody_clients")
        return frozenset(found | {str(row[0]) for row in leases} - {client})

    def object_entries(self, objects: Iterable[str]) -> list[int]:
        """Sequences of the entries that say what these objects are."""
        rows = (self._database.fetch("find_custody_object", object=one) for one in objects)
        return sorted({int(found[0][0]) for found in rows if found})

    def access_log(
        self,
        *,
        client: str = "",
        lease: str = "",
        dataset: str = "",
        since: Instant | None = None,
        until: Instant | None = None,
        tx: int = _LATEST,
    ) -> AccessLog:
        """What was disclosed under a lease, or of a client's data, in `[since, until)`."""
        fold = AccessFold(self.size_of, since=since, until=until)
        for entry in self.read_entries(
            client=client, lease=lease, dataset=dataset, since=since, until=until, tx=tx
        ):
            fold.add(entry)
        return fold.result()

    def read_entries(
        self,
        *,
        client: str = "",
        lease: str = "",
        dataset: str = "",
        since: Instant | None = None,
        until: Instant | None = None,
        tx: int = _LATEST,
    ) -> Iterator[Entry]:
        """The entries that such a log is folded from, some from shortly before the span."""
        low = DAWN if since is None else to_micros(since - _AHEAD)
        span = {"since": low, "until": OPEN if until is None else to_micros(until), "tx": tx}
        owner = client
        if lease:
            owner = self.client_of(lease) or ""
            rows = self._database.fetch("list_reads_of_lease", lease=lease, **span)
        else:
            values = {"client": client, "dataset": dataset}
            rows = self._database.fetch("list_reads_of_client", **values, **span)
        ended = self._database.fetch("list_reads_ended", client=owner, tx=tx)
        yield from self.entries([int(row[0]) for row in (*rows, *ended)])

    def disclosed(
        self, lease: str, *, start: Instant, end: Instant | None, tx: int
    ) -> Disclosed | None:
        """What was disclosed under a lease in a span; None when no entry below `tx` grants it."""
        rows = self._database.fetch("list_custody_of_lease", lease=lease, tx=tx)
        terms = _Terms.of(self.entries([int(row[0]) for row in rows]))
        if terms is None:
            return None
        log = self.access_log(lease=lease, since=start, until=end, tx=tx)
        read = log.leases[0] if log.leases else None
        found = [] if read is None else list(_named(read))
        reads = () if read is None else read.entries
        return Disclosed(
            lease=lease,
            client=terms.client,
            vendor=terms.vendor,
            project=terms.project,
            holder=terms.holder,
            start=start,
            end=end,
            not_after=terms.not_after,
            revoked_at=terms.revoked_at,
            budget_bytes=terms.budget_bytes,
            bytes=log.bytes,
            segments=log.segments,
            objects=log.objects,
            reads=log.reads,
            addresses=0 if read is None else len(read.addresses),
            first_at=None if read is None else read.first_at,
            last_at=None if read is None else read.last_at,
            presumed=read is not None
            and any(one.presumed for dataset in read.datasets for one in dataset.objects),
            named=tuple(found[:OBJECTS_NAMED]),
            entries=(*terms.entries, *reads[:ENTRIES_NAMED]),
            entries_total=len(terms.entries) + len(reads),
        )

    def own_entries(self, client: str, *, tx: int = _LATEST) -> dict[int, str]:
        """Sequences of everything in the ledger that is a client's own, with their kinds."""
        rows = self._database.fetch("list_custody_entries_of", client=client, tx=tx)
        return {int(sequence): str(kind) for sequence, kind in rows}

    def entries(self, sequences: Sequence[int]) -> Iterator[Entry]:
        """These entries of the log, in order."""
        return (parse_entry(leaf) for _, leaf in self.leaves(sequences))

    def leaves(self, sequences: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Their canonical bytes; neighbours are read in one go, because they were written in one."""
        wanted = sorted(set(sequences))
        start = 0
        while start < len(wanted):
            end = start
            while end + 1 < len(wanted) and wanted[end + 1] - wanted[end] <= _NEAR:
                end += 1
            here = set(wanted[start : end + 1])
            first = wanted[start]
            for sequence, leaf in enumerate(self._log.leaves(first, wanted[end] + 1), first):
                if sequence in here:
                    yield sequence, leaf
            start = end + 1


@dataclass(slots=True)
class _Terms:
    """What entries say of a lease."""

    client: str
    vendor: str
    project: str
    holder: str
    not_after: Instant
    budget_bytes: int
    revoked_at: Instant | None
    entries: list[int]
    """The grant, and what changed it."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> _Terms | None:
        """Read them in order; None without a grant that can be read."""
        found: _Terms | None = None
        for entry in entries:
            try:
                if found is None and entry.kind == "lease":
                    found = cls._granted(entry)
                elif found is not None:
                    found.change(entry)
            except (KeyError, TypeError, ValueFormatError):
                continue  # the projection counts what cannot be read
        return found

    @classmethod
    def _granted(cls, entry: Entry) -> _Terms:
        body = entry.body
        return cls(
            client=str(body["client"]),
            vendor=str(body["vendor"]),
            project=str(body["project"]),
            holder=str(body["holder"]),
            not_after=parse_instant(body["not_after"]),
            budget_bytes=int(body.get("budget_bytes", 0)),
            revoked_at=None,
            entries=[entry.sequence],
        )

    def change(self, entry: Entry) -> None:
        """Take in a later entry about the lease."""
        body = entry.body
        if entry.kind == "lease-budget" and body["action"] == "approved":
            self.budget_bytes = int(body["budget_bytes"])
        elif entry.kind == "scope" and body["state"] == "ended" and self.revoked_at is None:
            self.revoked_at = entry.recorded_at
        else:
            return
        self.entries.append(entry.sequence)


def _named(read: LeaseRead) -> Iterator[DisclosedObject]:
    for dataset in read.datasets:
        for one in dataset.objects:
            yield DisclosedObject(
                object=one.object,
                dataset=f"dataset:{dataset.dataset}",
                size=one.size,
                segments=one.segments,
                bytes=one.bytes,
                whole=one.whole,
            )
