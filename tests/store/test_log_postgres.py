"""What only the log in PostgreSQL can do wrong: commits that break, rows that change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kit.logs import NOW, ORIGIN, check_log, draft, drafts, segment_log
from pratique.ledger.audit import AuditReport
from pratique.ledger.errors import (
    LedgerDamagedError,
    LedgerKeyError,
    LedgerUnavailableError,
    LedgerUncertainError,
)
from pratique.store.connect_postgres import connect_server
from pratique.store.migrations import load_migrations, load_schema
from pratique.store.postgres_audit import audit_postgres
from pratique.store.postgres_log import SCHEMA, PostgresLog
from pratique.store.recorder import GroupCommitRecorder


class BreakingConnection:
    """A connection that breaks before or after a chosen statement of an append."""

    def __init__(self, real: Any, at: int, mode: str, seen: list[str]) -> None:
        self._real = real
        self._at = at
        self._mode = mode
        self.seen = seen

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if "set_config" in text:
            return self._real.execute(query, *args, **options)
        self.seen.append(text.split()[0])
        due = len(self.seen) - 1 == self._at
        if due and self._mode.endswith("before"):
            self._break()
        result = self._real.execute(query, *args, **options)
        if due:
            self._break()
        return result

    def _break(self) -> None:
        if self._mode.startswith("kill"):
            import os  # noqa: PLC0415 - only the child needs it
            import signal  # noqa: PLC0415 - as above

            os.kill(os.getpid(), signal.SIGKILL)
        self._real.close()
        raise psycopg.OperationalError("injected: connection lost")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def open_log(postgres_url: str, tmp_path: Path) -> Iterator[Callable[..., PostgresLog]]:
    opened: list[PostgresLog] = []

    def open_it(**options: Any) -> PostgresLog:
        opened.append(
            PostgresLog(postgres_url, folder=tmp_path / "ledger", origin=ORIGIN, **options)
        )
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


@pytest.fixture
def run(postgres_url: str) -> Iterator[Callable[..., Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"SET search_path = {SCHEMA}".encode())

        def execute(text: str, *values: object) -> Any:
            cursor = connection.execute(text.encode(), values)
            return cursor.fetchall() if cursor.description else None

        yield execute


def breaking(log: PostgresLog, at: int, mode: str) -> list[str]:
    """Make the log's next connections break at a statement; gives what they were asked."""
    seen: list[str] = []
    real = log._connect
    log.close()
    log._connect = lambda: BreakingConnection(real(), at, mode, seen)  # type: ignore[assignment,return-value] # a stand-in
    return seen


# BEGIN, lock, head, entries, one tile, move head, COMMIT
STATEMENTS = ["BEGIN", "SELECT", "SELECT", "INSERT", "INSERT", "UPDATE", "COMMIT"]


def test_an_append_asks_as_its_docstring_says(open_log: Callable[..., PostgresLog]) -> None:
    log = open_log()
    seen = breaking(log, -1, "before")
    log.append(drafts(0, 3), now=NOW)
    assert seen == STATEMENTS


@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("step", range(len(STATEMENTS)))
def test_a_connection_that_breaks(
    open_log: Callable[..., PostgresLog], step: int, mode: str
) -> None:
    log, witness = open_log(), open_log()
    log.append(drafts(0, 3), now=NOW)
    seen = breaking(log, step, mode)
    committing = STATEMENTS[step] == "COMMIT"
    expected: type[Exception] = LedgerUncertainError if committing else LedgerUnavailableError
    with pytest.raises(expected):
        log.append(drafts(3, 6), now=NOW)
    assert seen == STATEMENTS[: step + 1]
    stored = committing and mode == "after"
    if committing:
        with pytest.raises(LedgerUncertainError):
            log.append(drafts(9, 10), now=NOW)
        log.reopen()
    numbers = [0, 1, 2, *([3, 4, 5] if stored else [])]
    assert check_log(witness) == numbers
    log.append(drafts(6, 8), now=NOW)
    assert check_log(log) == check_log(witness) == [*numbers, 6, 7]


KILLED = """
import json, sys
from pathlib import Path
import importlib.util
from kit.logs import NOW, ORIGIN, drafts
from pratique.store.postgres_log import PostgresLog
spec = importlib.util.spec_from_file_location("faults", sys.argv[1])
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)
log = PostgresLog(sys.argv[2], folder=Path(sys.argv[3]), origin=ORIGIN)
print(json.dumps(list(log.append(drafts(3, 6), now=NOW))), flush=True)
faults.breaking(log, int(sys.argv[4]), sys.argv[5])
print(json.dumps(list(log.append(drafts(6, 9), now=NOW))), flush=True)
"""


@pytest.mark.parametrize("step", range(len(STATEMENTS) + 1))
def test_a_process_killed_between_two_steps(
    open_log: Callable[..., PostgresLog], postgres_url: str, tmp_path: Path, step: int
) -> None:
    log = open_log()
    log.append(drafts(0, 3), now=NOW)
    # Dying after one statement is dying before the next; the last one has no next.
    at, mode = (step, "kill-before") if step < len(STATEMENTS) else (step - 1, "kill-after")
    words = [__file__, postgres_url, str(tmp_path / "ledger"), str(at), mode]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    answered = [number for line in done.stdout.splitlines() for number in json.loads(line)]
    assert answered == [3, 4, 5]
    log.append(drafts(20, 22), now=NOW)  # waits for the dead one's transaction to be gone
    stored = [6, 7, 8] if mode == "kill-after" else []
    assert check_log(log) == [0, 1, 2, 3, 4, 5, *stored, 20, 21]


def test_an_uncertain_commit_is_looked_up_by_the_recorder(
    open_log: Callable[..., PostgresLog],
) -> None:
    for mode, first in (("before", 0), ("after", 3)):
        log = open_log()
        real = log._connect
        recorder = GroupCommitRecorder(log, clock=lambda: NOW, first_retry_seconds=0.01)
        breaking(log, 6, mode)
        futures = [recorder.enqueue(draft(number)) for number in range(first, first + 3)]
        log_connect_back(log, real, futures[0])
        assert [future.result(10) for future in futures] == [first, first + 1, first + 2]
        assert recorder.close()
        assert check_log(log) == list(range(first + 3))


def log_connect_back(log: PostgresLog, real: Any, _future: object) -> None:
    """The server is back as soon as the first connection broke."""
    broken = log._connect
    calls = []

    def connect() -> Any:
        calls.append(1)
        return broken() if len(calls) == 1 else real()

    log._connect = connect


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET leaf = 'x' WHERE sequence = 1",
        "DELETE FROM ledger_entries WHERE sequence = 2",
        "TRUNCATE ledger_entries",
        "DELETE FROM ledger_head",
        "TRUNCATE ledger_head",
        "UPDATE ledger_head SET size = 1",
        "UPDATE ledger_head SET origin = 'other'",
        "UPDATE ledger_head SET verifier_key = 'other'",
        "INSERT INTO ledger_entries VALUES (1, 'x')",
        "INSERT INTO ledger_entries VALUES (-1, 'x')",
        "INSERT INTO ledger_head VALUES (true, 'o', 'k', 0, '', 'c')",
    ],
)
def test_the_database_itself_refuses_changes(
    open_log: Callable[..., PostgresLog], run: Callable[..., Any], statement: str
) -> None:
    log = open_log()
    log.append(drafts(0, 3), now=NOW)
    with pytest.raises(psycopg.Error):
        run(statement)
    assert check_log(log) == [0, 1, 2]


def audit(log: PostgresLog) -> AuditReport:
    return audit_postgres(log, progress=lambda _done, _total: None)


def tamper(run: Callable[..., Any], statement: str, *values: object) -> None:
    """What the owner of the database can do after all."""
    run("ALTER TABLE ledger_entries DISABLE TRIGGER ALL")
    run("ALTER TABLE ledger_head DISABLE TRIGGER ALL")
    run(statement, *values)


def test_a_sound_log_is_sound(open_log: Callable[..., PostgresLog]) -> None:
    log = open_log()
    for first in range(0, 700, 100):
        log.append(drafts(first, first + 100), now=NOW)
    report = audit(log)
    assert report.sound
    assert report.size == 700
    assert report.root == log.frontier().root()
    assert report.checkpoint == log.checkpoint()


@pytest.mark.parametrize(
    ("statement", "place", "sequence"),
    [
        (
            "UPDATE ledger_entries SET leaf = overlay(leaf placing 'D' from 40) WHERE sequence = 7",
            "ledger_entries",
            7,
        ),
        ("DELETE FROM ledger_entries WHERE sequence = 5", "ledger_entries", 5),
        ("DELETE FROM ledger_entries WHERE sequence = 299", "ledger_entries", 299),
        ("DELETE FROM ledger_entries", "ledger_entries", 0),
        ("INSERT INTO ledger_entries VALUES (300, 'x')", "ledger_entries", 300),
        (
            "UPDATE ledger_tiles SET hashes = set_byte(hashes, 70, 0) WHERE level = 0 AND tile = 1",
            "ledger_tiles",
            258,
        ),
        ("DELETE FROM ledger_tiles WHERE level = 1", "ledger_tiles", 0),
    ],
)
def test_a_changed_row_is_found_and_named(
    open_log: Callable[..., PostgresLog],
    run: Callable[..., Any],
    statement: str,
    place: str,
    sequence: int,
) -> None:
    log = open_log()
    log.append(drafts(0, 300), now=NOW)
    tamper(run, statement)
    damage = audit(log).damages[0]
    assert (damage.place, damage.sequence) == (place, sequence)
    if place == "ledger_tiles":
        assert damage.repairable
        log.prove_inclusion(258)
        log.rebuild_hashes()
        assert audit(log).sound


def test_two_changed_entries_swap_nothing_unnoticed(
    open_log: Callable[..., PostgresLog], run: Callable[..., Any]
) -> None:
    log = open_log()
    log.append(drafts(0, 10), now=NOW)
    tamper(
        run,
        "UPDATE ledger_entries AS e SET leaf = o.leaf FROM ledger_entries AS o"
        " WHERE (e.sequence, o.sequence) IN ((3, 4), (4, 3))",
    )
    report = audit(log)
    assert [damage.sequence for damage in report.damages][:2] == [3, 4]
    with pytest.raises(LedgerDamagedError, match="entry 4"):
        list(log.entries())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_head SET size = 9",
        "UPDATE ledger_head SET frontier = set_byte(frontier, 3, 0)",
        "UPDATE ledger_head SET checkpoint = replace(checkpoint, '10', '11')",
        "DELETE FROM ledger_head",
    ],
)
def test_a_changed_head_stops_everything(
    open_log: Callable[..., PostgresLog], run: Callable[..., Any], statement: str
) -> None:
    log = open_log()
    log.append(drafts(0, 10), now=NOW)
    tamper(run, statement)
    for ask in (log.size, log.checkpoint, lambda: log.append(drafts(10, 11), now=NOW)):
        with pytest.raises(LedgerDamagedError):
            ask()


def test_every_node_needs_the_same_key(
    open_log: Callable[..., PostgresLog], postgres_url: str, tmp_path: Path
) -> None:
    open_log().append(drafts(0, 1), now=NOW)
    with pytest.raises(LedgerKeyError, match="missing"):
        PostgresLog(postgres_url, folder=tmp_path / "second-node", origin=ORIGIN)
    segment_log(tmp_path / "stranger").close()
    with pytest.raises(LedgerKeyError, match="the same ledger/key"):
        PostgresLog(postgres_url, folder=tmp_path / "stranger", origin=ORIGIN)


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://someone:verysecret@127.0.0.1:9/nothing"
    with pytest.raises(LedgerUnavailableError) as caught:
        PostgresLog(url, folder=tmp_path / "ledger", origin=ORIGIN)
    assert "verysecret" not in str(caught.value)


def test_a_batch_is_durable_whatever_the_servers_default(
    open_log: Callable[..., PostgresLog], postgres_url: str
) -> None:
    database = postgres_url.partition("@/")[2].partition("?")[0]
    with connect_server(postgres_url, schema="public", deadline_seconds=5) as admin:
        admin.execute(f"ALTER DATABASE {database} SET synchronous_commit = off".encode())
    log = open_log()
    log.append(drafts(0, 1), now=NOW)
    assert log._connection is not None
    assert log._connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]


def test_the_schema_is_what_the_migrations_add_up_to() -> None:
    (only,) = load_migrations("postgres", "ledger")
    assert only.sql == load_schema("postgres", "ledger")
