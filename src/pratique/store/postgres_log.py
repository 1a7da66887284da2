"""The log in PostgreSQL: any number of nodes, one transaction per batch.

The key stays on the nodes' disks (`ledger/key`, the same on all of them); the database never sees
it, so whoever owns the database can destroy the log but not write a different one.

The life of a batch, and what a crash leaves after each step:

1. Begin; take the advisory lock that all nodes append under. Nothing has changed.
2. Read the head, sign the checkpoint of the longer log. Nobody else has seen that signature.
3. Insert entries, extend tiles, move the head. Nothing is visible or durable yet; when the node or
   the server dies, PostgreSQL rolls all of it back.
4. Commit (with `synchronous_commit` on, whatever the server's default). Everything is durable, or
   nothing. When the connection breaks here, it cannot be told which: LedgerUncertainError.
5. Answer. A crash before leaves a durable batch that nobody was told of; it stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from pratique.ledger.canonical import (
    PreparedDraft,
    encode_entry,
    parse_entry,
    prepare,
    render_time,
)
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import (
    EntryFormatError,
    LedgerDamagedError,
    LedgerKeyError,
    LedgerUnavailableError,
    LedgerUncertainError,
    NoteError,
)
from pratique.ledger.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Frontier,
    extend,
    leaf_hash,
    level_width,
    split_hashes,
)
from pratique.ledger.notes import Checkpoint, Verifier, open_checkpoint
from pratique.store.connect import Row
from pratique.store.connect_postgres import PostgresDatabase, connect_server
from pratique.store.errors import StoreUnavailableError
from pratique.store.log_disk import Disk
from pratique.store.log_keys import load_signer, make_folder
from pratique.store.log_names import KEY_FILE
from pratique.store.log_proofs import ProvingLog
from pratique.store.statements import SQL_FOLDER, Statement, parse_statements

SCHEMA = "pratique"
STATEMENT_SECONDS = 30.0
"""Waiting for other nodes' batches included; each takes milliseconds."""

_LOCK_KEY = 0x6C6564676572
"""The advisory lock all nodes append under; one database holds one log."""
ENTRIES = "ledger_entries"
HEAD = "ledger_head"
TILES = "ledger_tiles"
CHUNK = 5_000
"""Entries fetched at a time."""

Connect = Callable[[], "psycopg.Connection[Row]"]


@cache
def _statements() -> Mapping[str, Statement]:
    text = (SQL_FOLDER / "ledger_postgres.sql").read_text("utf-8")
    return {one.name: one for one in parse_statements(text, dialect="postgres")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeadRow:
    frontier: Frontier
    checkpoint: str


class PostgresLog(ProvingLog):
    """A log in a database. Safe to call from any thread."""

    def __init__(
        self,
        url: str,
        *,
        folder: Path,
        origin: str,
        disk: Disk | None = None,
        connect: Connect | None = None,
    ) -> None:
        """Open the log, begin it on first use. `connect` replaces how connections are made."""
        self._origin = origin
        self._url = url
        self._folder = folder
        self._disk = disk or Disk()
        self._connect = connect or self._connect_server
        # One connection appends and asks for heads, guarded by _mutex.
        self._mutex = threading.RLock()
        self._connection: psycopg.Connection[Row] | None = None
        self._uncertain: LedgerUncertainError | None = None
        self._checked: tuple[Row, _HeadRow] | None = None
        with _as_unavailable():
            PostgresDatabase(
                url, ("ledger",), schema=SCHEMA, deadline_seconds=STATEMENT_SECONDS
            ).close()
            self._open()

    def _connect_server(self) -> psycopg.Connection[Row]:
        connection = connect_server(self._url, schema=SCHEMA, deadline_seconds=STATEMENT_SECONDS)
        connection.execute("SELECT set_config('synchronous_commit', 'on', false)")
        return connection

    def _open(self) -> None:
        make_folder(self._folder, self._disk)
        with self._mutex, self._working() as connection, connection.transaction():
            _run(connection, "lock_ledger", key=_LOCK_KEY)
            rows = _run(connection, "read_head")
            signer = load_signer(
                self._folder, origin=self._origin, disk=self._disk, may_create=not rows
            )
            if not rows:
                _run(
                    connection,
                    "create_head",
                    origin=self._origin,
                    verifier_key=signer.verifier.render(),
                    checkpoint=signer.sign(_checkpoint(self._origin, Frontier())),
                )
                rows = _run(connection, "read_head")
            self._signer, self._verifier = signer, signer.verifier
            _check_owner(rows[0], signer.verifier)
            _parse_head(rows[0], signer.verifier)

    # ── appending ────────────────────────────────────────────────────────────────────────────

    @property
    def origin(self) -> str:
        """Name of the log on its checkpoints."""
        return self._origin

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        """Give the drafts the next sequence numbers, in order, all or none.

        Order: when this returns, every entry is durable and belongs to a signed tree head.
        Raises: EntryFormatError before anything is stored; LedgerUnavailableError when nothing was
        stored; LedgerUncertainError when that cannot be told; LedgerDamagedError.
        """
        prepared = [prepare(draft) for draft in drafts]
        recorded_at = render_time(now)
        with self._mutex:
            if self._uncertain is not None:
                raise self._uncertain
            with _as_unavailable(), self._working() as connection:
                connection.execute("BEGIN")  # step 1
                _run(connection, "lock_ledger", key=_LOCK_KEY)
                head = self._read_head(connection)
                after = self._stage(connection, head, prepared, recorded_at)  # steps 2 and 3
                self._commit(connection, head.frontier.size, after)  # step 4
            return range(head.frontier.size, after)  # step 5

    def _stage(
        self,
        connection: psycopg.Connection[Row],
        head: _HeadRow,
        prepared: Sequence[PreparedDraft],
        recorded_at: str,
    ) -> int:
        first = head.frontier.size
        if not prepared:
            return first
        leaves = [
            encode_entry(draft, sequence=first + place, recorded_at=recorded_at)
            for place, draft in enumerate(prepared)
        ]
        hashes = [leaf_hash(leaf) for leaf in leaves]
        frontier, completed = extend(head.frontier, hashes)
        _run(connection, "add_entries", first=first, leaves=leaves)
        for level, row in {0: hashes, **completed}.items():
            _extend_tiles(connection, level, level_width(first, level), row)
        moved = _run(
            connection,
            "move_head",
            before=first,
            size=frontier.size,
            frontier=b"".join(frontier.hashes),
            checkpoint=self._signer.sign(_checkpoint(self._origin, frontier)),
        )
        if not moved:
            raise LedgerDamagedError("it moved while the log was locked", place=HEAD)
        return frontier.size

    def _commit(self, connection: psycopg.Connection[Row], first: int, after: int) -> None:
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if after == first:
                raise
            self._uncertain = LedgerUncertainError(
                "the connection broke during the commit", first=first, count=after - first
            )
            raise self._uncertain from error

    def reopen(self) -> None:
        """Find out anew what is durable, after LedgerUncertainError."""
        with self._mutex:
            self.close()
            with _as_unavailable():
                self._open()
            self._uncertain = None

    @contextmanager
    def _working(self) -> Iterator[psycopg.Connection[Row]]:
        """The one connection; thrown away with its transaction when anything goes wrong."""
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = self._connect()
        try:
            yield connection
        except BaseException:
            self._connection = None
            with suppress(psycopg.Error):
                connection.close()
            raise

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def _ask(self, name: str, **values: object) -> list[Row]:
        """Read with the one connection; once more when it turns out dead (a restarted server)."""
        with self._mutex, _as_unavailable():
            kept = self._connection is not None
            try:
                with self._working() as connection:
                    return _run(connection, name, **values)
            except psycopg.OperationalError:
                if not kept:
                    raise
            with self._working() as connection:
                return _run(connection, name, **values)

    def _read_head(self, connection: psycopg.Connection[Row]) -> _HeadRow:
        return self._checked_head(_run(connection, "read_head"))

    def _head(self) -> _HeadRow:
        return self._checked_head(self._ask("read_head"))

    def _checked_head(self, rows: list[Row]) -> _HeadRow:
        if not rows:
            raise LedgerDamagedError("its row is missing", place=HEAD)
        # Checking a signature takes longer than reading the row; an unchanged row was checked.
        if self._checked is None or self._checked[0] != rows[0]:
            self._checked = (rows[0], _parse_head(rows[0], self._verifier))
        return self._checked[1]

    def frontier(self) -> Frontier:
        """The frontier of all durable entries."""
        return self._head().frontier

    def size(self) -> int:
        """Number of durable entries, those of other nodes included."""
        return self._head().frontier.size

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._head().checkpoint

    def verifier_key(self) -> str:
        """The log's public key as a note verifier key."""
        return self._verifier.render()

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries `[start, end)` in order; a damaged one raises LedgerDamagedError."""
        for sequence, leaf in enumerate(self.leaves(start, end), start=start):
            try:
                entry = parse_entry(leaf)
            except EntryFormatError as error:
                raise LedgerDamagedError(error.message, place=ENTRIES, sequence=sequence) from error
            if entry.sequence != sequence:
                raise LedgerDamagedError(
                    f"it says it is entry {entry.sequence}", place=ENTRIES, sequence=sequence
                )
            yield entry

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same entries as canonical bytes."""
        size = self.size()
        end = size if end is None else min(end, size)
        expected = start
        while expected < end:
            rows = self.read_rows(expected, min(end, expected + CHUNK))
            if not rows:
                raise LedgerDamagedError("it is missing", place=ENTRIES, sequence=expected)
            for sequence, leaf in rows:
                if sequence != expected:
                    raise LedgerDamagedError("it is missing", place=ENTRIES, sequence=expected)
                yield leaf
                expected += 1

    def read_rows(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """Sequence and leaf of the rows that are there, for the audit."""
        rows = self._ask("read_leaves", start=start, end_=end)
        return [(sequence, bytes(leaf)) for sequence, leaf in rows]

    def read_tile(self, level: int, index: int) -> bytes:
        """A tile as stored, unchecked; empty when it is missing."""
        rows = self._ask("read_tile", level=level, tile=index)
        return bytes(rows[0][0]) if rows else b""

    def count_beyond(self, size: int) -> tuple[int, int]:
        """Entries and tiles that a log of `size` entries does not have."""
        entries, tiles = self._ask("count_beyond", size=size)[0]
        return entries, tiles

    def _read_hashes(self, level: int, index: int, *, width: int) -> bytes:
        return self.read_tile(level, index)[: width * HASH_BYTES]

    def rebuild_hashes(self) -> None:
        """Make the tiles again from the entries, in one transaction under the lock."""
        with (
            self._mutex,
            _as_unavailable(),
            self._working() as connection,
            connection.transaction(),
        ):
            _run(connection, "lock_ledger", key=_LOCK_KEY)
            head = self._read_head(connection)
            _run(connection, "drop_tiles")
            frontier = Frontier()
            while frontier.size < head.frontier.size:
                first = frontier.size
                end = min(first + CHUNK, head.frontier.size)
                rows = _run(connection, "read_leaves", start=first, end_=end)
                hashes = [leaf_hash(bytes(leaf)) for _, leaf in rows]
                frontier, completed = extend(frontier, hashes)
                if frontier.size != end:
                    raise LedgerDamagedError(
                        "entries are missing", place=ENTRIES, sequence=frontier.size
                    )
                for level, row in {0: hashes, **completed}.items():
                    _extend_tiles(connection, level, level_width(first, level), row)
            if frontier != head.frontier:
                raise LedgerDamagedError(
                    "the entries do not lead to the signed root", place=ENTRIES
                )

    def close(self) -> None:
        """Close the connection; nothing is lost by not calling it."""
        with self._mutex:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()


def _extend_tiles(
    connection: psycopg.Connection[Row], level: int, start: int, hashes: Sequence[bytes]
) -> None:
    done = 0
    while done < len(hashes):
        tile, offset = divmod(start + done, TILE_WIDTH)
        part = hashes[done : done + TILE_WIDTH - offset]
        _run(
            connection,
            "extend_tile",
            level=level,
            tile=tile,
            start=offset * HASH_BYTES,
            hashes=b"".join(part),
        )
        done += len(part)


def _run(connection: psycopg.Connection[Row], name: str, **values: Any) -> list[Row]:  # noqa: ANN401 - SQL values
    cursor = connection.execute(_statements()[name].sql.encode(), values, binary=True)
    return cursor.fetchall() if cursor.description is not None else []


def _parse_head(row: Row, verifier: Verifier) -> _HeadRow:
    """Check a head row against its own signature.

    Raises: LedgerDamagedError.
    """
    _, _, size, hashes, note = row
    try:
        frontier = Frontier(size=size, hashes=tuple(split_hashes(bytes(hashes))))
        checkpoint = open_checkpoint(note, verifier)
    except (ValueError, NoteError) as error:
        raise LedgerDamagedError(str(error), place=HEAD) from error
    if (checkpoint.size, checkpoint.root) != (size, frontier.root()):
        raise LedgerDamagedError("its size or frontier is not what was signed", place=HEAD)
    return _HeadRow(frontier=frontier, checkpoint=note)


def _check_owner(row: Row, verifier: Verifier) -> None:
    origin, key = row[0], row[1]
    if (origin, key) != (verifier.name, verifier.render()):
        raise LedgerKeyError(
            f"the database holds the log {origin!r} with the key {key!r}",
            expected=f"the key of this node, {verifier.render()!r}",
            remedy=f"give every node the same ledger/{KEY_FILE}, and [storage] log_origin",
        )


def _checkpoint(origin: str, frontier: Frontier) -> str:
    return Checkpoint(origin=origin, size=frontier.size, root=frontier.root()).render()


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """Turn errors of the driver and of the disk into ours where they surface."""
    try:
        yield
    except psycopg.Error as error:
        first_line = str(error).strip().partition("\n")[0] or type(error).__name__
        raise LedgerUnavailableError(
            f"PostgreSQL did not do what was asked: {first_line}",
            remedy="check that the server runs and that [storage] database_url is right",
        ) from error
    except StoreUnavailableError as error:
        raise LedgerUnavailableError(error.message, remedy=error.remedy) from error
    except OSError as error:
        raise LedgerUnavailableError(f"cannot read the log's key: {error}") from error
