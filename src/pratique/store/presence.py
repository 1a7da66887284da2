"""Presence: what the ledger's projection knows of who was answered what.

`open_presence` opens it, `catch_up` brings it up to date, `answer_exposed` asks it. Everything here
can be thrown away and made again from the ledger (`rebuild_projections`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pratique.errors import InputError
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_reader import InventoryStore
from pratique.store.projector import Projector
from pratique.store.reach_cache import REACH_FILE

if TYPE_CHECKING:
    from packaging.version import Version

    from pratique.exposure.answer import Answer
    from pratique.exposure.facts import DoorFacts
    from pratique.exposure.question import Question
    from pratique.exposure.watch_book import WatchBook
    from pratique.ledger.store import LogStore
    from pratique.settings import Settings
    from pratique.store.advisories import AdvisoryStore
    from pratique.store.connect import Database
    from pratique.store.custody_reads import CustodyReads
    from pratique.store.presence_console import ConsoleReader
    from pratique.store.presence_rows import BlockRow, EventRow, KnownFile, RefusalRow
    from pratique.store.watch_cache import WatchCache
    from pratique.values.digests import Sha256
    from pratique.values.instants import Instant
    from pratique.values.names import ProjectName

FACTS_SCHEMA = "pratique_facts"
FACTS_FILE = "facts.db"
IN_MEMORY = Path(":memory:")
_STATEMENT_SECONDS = 60.0
"""Nothing in a request waits for these statements, except `knows_view`, which is one look-up."""


class PresenceStore:
    """Reads the projection of one log. Safe to call from any thread."""

    def __init__(self, database: Database, log: LogStore) -> None:
        self._database = database
        self._log = log
        folder = None
        if isinstance(database, SqliteDatabase) and database.path != IN_MEMORY:
            folder = database.path.parent
        self._folder = folder
        self._watches: WatchCache | None = None
        self._inventory = InventoryStore(
            database, reach_file=None if folder is None else folder / REACH_FILE
        )

    @property
    def inventory(self) -> InventoryStore:
        """What collectors saw, in the same tables."""
        return self._inventory

    def watch_book(self, applied: int) -> WatchBook | None:
        """How every asset was watched, as of everything applied; None if that must be looked up."""
        if self._watches is None:
            from pratique.store.watch_cache import WATCH_FILE, WatchCache  # noqa: PLC0415 - one question

            beside = None if self._folder is None else self._folder / WATCH_FILE
            self._watches = WatchCache(self._database, self._inventory, beside)
        return self._watches.book(self._log, applied)

    def catch_up(self, *, batches: int | None = None) -> int:
        """Apply what the log has and the projection lacks; gives the number of entries.

        `batches` bounds the work for those who do it beside something else.
        """
        return Projector(self._log, self._database).catch_up(batches=batches)

    def applied(self) -> int:
        """Ledger entries that the projection rests on."""
        rows = self._database.fetch("read_projection")
        return int(rows[0][0]) if rows else 0

    def facts(self, question: Question) -> DoorFacts:
        """What bears on a question, as of the entries applied."""
        # What only the door's own record needs is loaded here, in this method and others below.
        from pratique.exposure.gather import gather_facts  # noqa: PLC0415 - only the door's own record needs it
        from pratique.store.presence_reader import PresenceReader  # noqa: PLC0415 - only the door's own record needs it

        with self._database.snapshot() as session:
            return gather_facts(PresenceReader(session), question)

    def versions(self, project: ProjectName) -> frozenset[str]:
        """Versions of a project that a door ever listed, delivered or refused; see the reader."""
        from pratique.store.presence_reader import PresenceReader  # noqa: PLC0415 - as above

        with self._database.snapshot() as session:
            return PresenceReader(session).versions(project)

    def knows_doors(self) -> bool:
        """Whether a door ever watched or answered here, or anybody has a token for one."""
        return bool(self._database.fetch("knows_doors")[0][0])

    def replayed(self, log: LogStore, end: int) -> PresenceStore:
        """What a log's entries below `end` say, in memory: a past state, whatever came later."""
        return replay_in_memory(log, end)

    def knows_view(self, index: str, project: ProjectName, view: str) -> bool:
        """Whether a view of this page has been recorded completely, as far as applied."""
        found = self._database.fetch("has_view", index_name=index, project=project, view=view)
        return bool(found)

    def advisories_mentioning(self, what: str, *, tx: int) -> Sequence[str]:
        """Ids of recorded advisories that name `package:TYPE/NAME`, or `alias:ID`."""
        rows = self._database.fetch("list_advisories_mentioning", what=what, tx=tx)
        return tuple(str(row[0]) for row in rows)

    def advisories(self, evidence: Callable[[str], bytes | None]) -> AdvisoryStore:
        """Recorded advisories; `evidence` gives raw bytes by SHA-256."""
        from pratique.store.advisories import AdvisoryStore  # noqa: PLC0415 - few questions read records

        return AdvisoryStore(self._database, self._log, evidence)

    @property
    def custody(self) -> CustodyReads:
        """What the ledger says of reads of data in custody."""
        from pratique.store.custody_reads import CustodyReads  # noqa: PLC0415 - few questions ask

        return CustodyReads(self._database, self._log)

    def find_batch(self, batch: str) -> int | None:
        """The entry that names a batch which a collector pushed, as far as applied."""
        found = self._database.fetch("find_intake", subject=f"batch:{batch}")
        return int(found[0][0]) if found else None

    # ── for the console ──────────────────────────────────────────────────────────────────────

    @property
    def _console(self) -> ConsoleReader:
        from pratique.store.presence_console import ConsoleReader  # noqa: PLC0415 - loads packaging

        return ConsoleReader(self._database)

    def block(self, block: str) -> BlockRow | None:
        """What a block id stands for; None when it was never shown."""
        return self._console.block(block)

    def recent_blocks(self, count: int) -> Sequence[BlockRow]:
        """Blocks shown last, newest first."""
        return self._console.recent_blocks(count)

    def recent_refusals(self, count: int) -> Sequence[RefusalRow]:
        """Refusals, newest first."""
        return self._console.recent_refusals(count)

    def recent_events(self, kind: str, count: int) -> Sequence[EventRow]:
        """Events of a kind, newest first."""
        return self._console.recent_events(kind, count)

    def events(self, kind: str) -> Sequence[EventRow]:
        """All events of a kind, oldest first."""
        return self._console.events(kind)

    def known_files(self, project: ProjectName, version: Version) -> Sequence[KnownFile]:
        """Files of a release that stood on a page of ours with a hash, by name."""
        return self._console.known_files(project, version)

    def places(self, digest: Sha256) -> Sequence[KnownFile]:
        """Where a file with this hash ever stood."""
        return self._console.places(digest)

    def close(self) -> None:
        """Close the projection; the log stays open."""
        self._database.close()


def replay_in_memory(log: LogStore, end: int | None = None) -> PresenceStore:
    """What a log's entries below `end` say; nothing is read from or written to a disk."""
    database = SqliteDatabase(IN_MEMORY, "facts")
    try:
        Projector(log, database, end=end).catch_up()
    except BaseException:
        database.close()
        raise
    return PresenceStore(database, log)


def open_presence(settings: Settings, *, log: LogStore) -> PresenceStore:
    """Open the projection of the installation's log: `facts.db` in home, or PostgreSQL."""
    return PresenceStore(open_facts(settings), log)


def open_facts(settings: Settings) -> Database:
    """Open the database that holds the projection."""
    if settings.storage.database_url:
        from pratique.store.connect_postgres import PostgresDatabase  # noqa: PLC0415 - psycopg is slow to import

        return PostgresDatabase(
            settings.storage.database_url,
            ("facts",),
            schema=FACTS_SCHEMA,
            deadline_seconds=_STATEMENT_SECONDS,
        )
    return SqliteDatabase(settings.home / FACTS_FILE, "facts")


def answer_exposed(
    presence: PresenceStore,
    log: LogStore,
    question: Question,
    *,
    now: Instant,
    as_known_at: int | None = None,
) -> Answer:
    """Bring the projection up to date and answer a question.

    With `as_known_at` the log is replayed in memory up to that sequence, so that the answer is
    exactly the one that could have been given then; later entries cannot change it.
    Raises: InputError when the log has no such entry.
    """
    from pratique.exposure.answer import answer  # noqa: PLC0415 - as above

    if as_known_at is None:
        presence.catch_up()
        return answer(question, presence.facts(question), now=now)
    if not 0 <= as_known_at < log.size():
        raise InputError(
            f"the ledger has no entry {as_known_at}",
            expected=f"a sequence from 0 to {log.size() - 1}",
        )
    known_then = next(log.entries(as_known_at, as_known_at + 1)).recorded_at
    then = presence.replayed(log, as_known_at + 1)
    try:
        facts = then.facts(question)
    finally:
        then.close()
    return answer(question, facts, now=min(now, known_then))
