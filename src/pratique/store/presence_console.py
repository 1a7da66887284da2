"""What the console shows of the projection: blocks, refusals, events, files and where they stood."""

from __future__ import annotations

import json
from collections.abc import Sequence

from packaging.version import Version

from pratique.exposure.question import release_key
from pratique.store.connect import Database, Row
from pratique.store.presence_rows import BlockRow, EventRow, KnownFile, RefusalRow, version_of
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName
from pratique.values.spans import from_micros, from_micros_or_null

_RECENT_SPAN = 200_000
"""How many of the newest ledger entries are searched for recent blocks."""


class ConsoleReader:
    """Reads a database with the projection's tables. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def block(self, block: str) -> BlockRow | None:
        """What a block id stands for; None when it was never shown."""
        shown = self._database.fetch("find_block", block=block)
        refused = self._database.fetch("find_refused_block", block=block)
        refusal = _refusal_row(refused[0]) if refused else None
        if shown:
            return _block_row(shown[0], reason=refusal.reason if refusal else "")
        return _block_of_refusal(refusal) if refusal else None

    def recent_blocks(self, count: int) -> Sequence[BlockRow]:
        """Blocks shown last, newest first."""
        rows = self._database.fetch("list_recent_blocks", span=_RECENT_SPAN, count=count)
        found = (self.block(block) for block, _ in rows)
        return tuple(row for row in found if row is not None)

    def recent_refusals(self, count: int) -> Sequence[RefusalRow]:
        """Refusals, newest first."""
        rows = self._database.fetch("list_recent_refusals", count=count)
        return tuple(_refusal_row(row) for row in rows)

    def recent_events(self, kind: str, count: int) -> Sequence[EventRow]:
        """Events of a kind, newest first."""
        rows = self._database.fetch("list_recent_events", kind=kind, count=count)
        return tuple(_event_row(row) for row in rows)

    def events(self, kind: str) -> Sequence[EventRow]:
        """All events of a kind, oldest first."""
        return tuple(_event_row(row) for row in self._database.fetch("list_events", kind=kind))

    def known_files(self, project: ProjectName, version: Version) -> Sequence[KnownFile]:
        """Files of a release that stood on a page of ours with a hash, by name."""
        found = []
        with self._database.snapshot() as session:
            for page, index, _ in session.run("list_pages_of_project", project=project):
                rows = session.run("list_known_files", page=page, version=release_key(version))
                found += [
                    KnownFile(index=index, project=project, filename=name, sha256=Sha256(digest))
                    for name, digest in rows
                    if version.local is None or version_of(name, project) == version
                ]
        return tuple(sorted(found, key=lambda f: (f.filename, f.sha256, f.index)))

    def places(self, digest: Sha256) -> Sequence[KnownFile]:
        """Where a file with this hash ever stood."""
        with self._database.snapshot() as session:
            found = [
                KnownFile(
                    index=index, project=ProjectName(project), filename=filename, sha256=digest
                )
                for page, filename in session.run("list_places_of_sha256", sha256=digest)
                for index, project in session.run("find_page_name", page=page)
            ]
        return tuple(sorted(found, key=lambda f: (f.index, f.filename)))


def _block_row(row: Row, *, reason: str) -> BlockRow:
    index, project, filename, sha256, outcome, rule, until, block, *times = row
    _, _, first_at, first_seq = times
    return BlockRow(
        block=block,
        index=index,
        project=ProjectName(project),
        version=version_of(filename, ProjectName(project)),
        filename=filename,
        sha256=sha256,
        outcome=outcome,
        rule=rule,
        reason=reason,
        until=from_micros_or_null(until),
        since=from_micros(first_at),
        sequence=first_seq,
    )


def _block_of_refusal(refusal: RefusalRow) -> BlockRow:
    return BlockRow(
        block=refusal.block,
        index=refusal.index,
        project=refusal.project,
        version=refusal.version,
        filename=refusal.filename,
        sha256=refusal.sha256,
        outcome=refusal.outcome,
        rule=refusal.rule,
        reason=refusal.reason,
        until=refusal.until,
        since=refusal.at,
        sequence=refusal.sequence,
    )


def _refusal_row(row: Row) -> RefusalRow:
    sequence, at, actor, index, project, filename, sha256, door, outcome, *more = row
    rule, reason, until, block, agent = more
    return RefusalRow(
        sequence=sequence,
        at=from_micros(at),
        actor=actor,
        index=index,
        project=ProjectName(project),
        version=version_of(filename, ProjectName(project)),
        filename=filename,
        sha256=sha256,
        door=door,
        outcome=outcome,
        rule=rule,
        reason=reason,
        until=from_micros_or_null(until),
        block=block,
        agent=agent,
    )


def _event_row(row: Row) -> EventRow:
    sequence, at, kind, subject, actor, body = row
    return EventRow(
        sequence=sequence,
        at=from_micros(at),
        kind=kind,
        subject=subject,
        actor=actor,
        body=json.loads(body),
    )
