"""Recorded advisories: which revisions there are, and what they say.

The projection knows where each revision is; what it says is read from its ledger entry, or from the
evidence when the record was too long for an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pratique.exposure.advisories.entries import read_advisory, read_record
from pratique.exposure.advisories.model import Advisory
from pratique.exposure.ports import NOW_TX
from pratique.ledger.entries import Entry
from pratique.ledger.store import LogStore
from pratique.store.connect import Database, Row
from pratique.values.instants import Instant
from pratique.values.spans import from_micros

_PAGE: Final = 1000


class RevisionRow(NamedTuple):
    """One recorded revision."""

    entry: int
    id: str
    at: Instant
    revision: str
    """SHA-256 of the record."""
    overlay: str
    """SHA-256 of the overlay's text; empty when there is none."""
    source: str
    modified: str
    withdrawn: bool
    summary: str


class AdvisoryStore:
    """Reads recorded advisories. `tx` is a ledger size: only entries below it count."""

    def __init__(
        self, database: Database, log: LogStore, evidence: Callable[[str], bytes | None]
    ) -> None:
        """`evidence` gives bytes by SHA-256, None when they are not kept."""
        self._database = database
        self._log = log
        self._evidence = evidence

    def revisions(self, id_: str, *, tx: int = NOW_TX) -> Sequence[RevisionRow]:
        """Every revision of an advisory, oldest first."""
        rows = self._database.fetch("list_advisory_revisions", id=id_, tx=tx)
        return tuple(_revision_row(row) for row in rows)

    def newest_row(self, id_: str, *, tx: int = NOW_TX) -> RevisionRow | None:
        """The newest revision of an advisory."""
        rows = self._database.fetch("find_newest_advisory", id=id_, tx=tx)
        return _revision_row(rows[0]) if rows else None

    def newest_rows(self, *, tx: int = NOW_TX) -> Iterator[RevisionRow]:
        """The newest revision of every advisory, by id."""
        after = ""
        while True:
            rows = self._database.fetch("list_newest_advisories", tx=tx, after=after, count=_PAGE)
            yield from (_revision_row(row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = str(rows[-1][1])

    def mentioning(self, what: str, *, tx: int = NOW_TX) -> Sequence[str]:
        """Ids of advisories that name `package:TYPE/NAME`, or `alias:ID`."""
        rows = self._database.fetch("list_advisories_mentioning", what=what, tx=tx)
        return tuple(str(row[0]) for row in rows)

    def known_versions(self, type_: str, name: str) -> Sequence[str]:
        """Versions of a project that any evidence named."""
        rows = self._database.fetch("list_item_versions", type=type_, name=name)
        return tuple(str(row[0]) for row in rows)

    def listed_versions(self, project: str) -> Sequence[str]:
        """Versions of a Python project that any page of the door listed."""
        rows = self._database.fetch("list_listed_versions", project=project)
        return tuple(str(row[0]) for row in rows)

    def load(self, entry: int) -> Advisory:
        """The advisory of an entry.

        Raises: MissingEvidenceError when its record is kept apart and gone; ValueFormatError.
        """
        return read_advisory(self._entry(entry), self._evidence)

    def record_bytes(self, entry: int) -> bytes:
        """The raw bytes of the record of an entry. Raises: as `load`."""
        return read_record(self._entry(entry), self._evidence)

    def _entry(self, entry: int) -> Entry:
        return next(iter(self._log.entries(entry, entry + 1)))

    def newest(self, id_: str, *, tx: int = NOW_TX) -> Advisory | None:
        """The newest revision of an advisory, read; None when none was recorded.

        Raises: as `load`.
        """
        row = self.newest_row(id_, tx=tx)
        return None if row is None else self.load(row.entry)


def _revision_row(row: Row) -> RevisionRow:
    entry, id_, at, revision, overlay, source, modified, withdrawn, summary = row
    return RevisionRow(
        entry, id_, from_micros(at), revision, overlay, source, modified, bool(withdrawn), summary
    )
