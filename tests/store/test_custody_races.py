"""Budgets under many readers, several nodes, and processes that are killed: never a byte too many."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from kit.custody_samples import GIB, MIB, SEGMENT, T0, lease_id, sample_dataset, sample_lease
from pratique.custody.model import ObjectId, ScopeId, ScopeState, Slab, Stop
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.errors import StoreUnavailableError

READERS = 640
NODES = 2


def _open(home: Path, url: str = "") -> CustodyStore:
    custody = CustodySettings(velocity_factor=0)
    return open_custody(
        Settings(home=home, storage=StorageSettings(database_url=url), custody=custody)
    )


@pytest.fixture(params=["sqlite", "postgres"])
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sequence[CustodyStore]]:
    """Two doors over one database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = [_open(tmp_path, url) for _ in range(NODES)]
    yield opened
    for one in opened:
        one.close()


def _all_at_once(work: Callable[[int], None], count: int) -> None:
    """Run it in so many threads that start together; what one raises is raised here."""
    start = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        start.wait(60)
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("narrow", ["lease", "holder", "project", "vendor", "client", "dataset"])
def test_640_readers_on_two_nodes_get_exactly_the_cap(
    nodes: Sequence[CustodyStore], narrow: str
) -> None:
    store = nodes[0]
    store.add_dataset(sample_dataset())
    one_lease = narrow == "lease"
    cap = 100 * SEGMENT
    leases = [
        sample_lease(at, holder="p", budget_bytes=cap if one_lease else GIB, budget_objects=10_000)
        for at in range(1 if one_lease else 8)
    ]
    for lease in leases:
        store.add_lease(lease)
    scopes = {one.partition(":")[0]: one for one in (*leases[0].scopes, ScopeId("dataset:faces"))}
    if not one_lease:
        store.set_caps(scopes[narrow], cap_bytes=cap, cap_objects=None)
    got: list[int] = []

    def read(number: int) -> None:
        answer = nodes[number % NODES].reserve(
            leases[number % len(leases)],
            need_bytes=SEGMENT,
            need_objects=1,
            want_bytes=MIB,
            now=T0,
        )
        if isinstance(answer, Slab):
            got.append(answer.bytes)
        else:
            assert answer.stop is Stop.BUDGET
            assert answer.scope == scopes[narrow]

    _all_at_once(read, READERS)
    assert sum(got) == cap
    scope = store.scope(scopes[narrow])
    assert scope is not None
    assert scope.reserved_bytes == cap


def test_a_rate_is_kept_exactly_by_640_readers(nodes: Sequence[CustodyStore]) -> None:
    lease = sample_lease(budget_bytes=GIB, budget_objects=10_000, rate=MIB)
    nodes[0].add_lease(lease)
    got: list[int] = []

    def read(number: int) -> None:
        answer = nodes[number % NODES].reserve(
            lease, need_bytes=SEGMENT, need_objects=1, want_bytes=2 * SEGMENT, now=T0
        )
        if isinstance(answer, Slab):
            got.append(answer.bytes)
        else:
            assert answer.stop is Stop.RATE

    _all_at_once(read, READERS)
    assert sum(got) == MIB


def test_objects_are_capped_as_exactly_as_bytes(nodes: Sequence[CustodyStore]) -> None:
    lease = sample_lease(budget_bytes=GIB, budget_objects=50)
    nodes[0].add_lease(lease)
    got: list[int] = []

    def read(number: int) -> None:
        answer = nodes[number % NODES].reserve(
            lease, need_bytes=0, need_objects=1, want_bytes=0, now=T0
        )
        got.append(answer.objects if isinstance(answer, Slab) else 0)

    _all_at_once(read, 100)
    assert sum(got) == 50


def test_crossing_scopes_never_wait_in_a_circle(nodes: Sequence[CustodyStore]) -> None:
    """Leases that share everything but what is narrowest, with settles and suspensions between."""
    store = nodes[0]
    names = ("alpha", "beta", "gamma")
    for name in names:
        store.add_dataset(sample_dataset(name))
    pairs = list(itertools.permutations(names, 2))
    leases = [
        sample_lease(at, vendor=f"v{at % 2}", selectors=pair) for at, pair in enumerate(pairs)
    ]
    for lease in leases:
        store.add_lease(lease)

    def work(number: int) -> None:
        node, lease = nodes[number % NODES], leases[number % len(leases)]
        for turn in range(8):
            answer = node.reserve(lease, need_bytes=SEGMENT, need_objects=1, want_bytes=MIB, now=T0)
            if isinstance(answer, Slab):
                node.settle(answer, left_bytes=answer.bytes, left_objects=answer.objects)
            if turn == number % 8:
                scope = ScopeId(f"vendor:v{number % 2}")
                for state in (ScopeState.SUSPENDED, ScopeState.LIVE):
                    node.set_state(scope, state, reason="r", incident="")
            node.add_coverage(lease.id, {ObjectId(f"{at:032x}"): b"\x01" for at in (number % 3, 7)})

    _all_at_once(work, 24)
    assert all(one.reserved_bytes == one.reserved_objects == 0 for one in store.scopes())
    assert store.held() == {}


def test_coverage_of_two_nodes_comes_together(nodes: Sequence[CustodyStore]) -> None:
    one = ObjectId("1" * 32)

    def work(number: int) -> None:
        nodes[number % NODES].add_coverage(lease_id(1), {one: (1 << number).to_bytes(8, "little")})

    _all_at_once(work, 60)
    found = nodes[1].coverage(lease_id(1), [one])[one]
    assert int.from_bytes(found, "little") == (1 << 60) - 1


def test_epochs_follow_the_order_of_commits(nodes: Sequence[CustodyStore]) -> None:
    """Whoever polls `changes` from both nodes misses nothing, however changes interleave."""
    for at in range(6):
        nodes[0].add_lease(sample_lease(at, vendor=f"v{at}"))
    finished = threading.Event()
    seen: dict[ScopeId, str] = {}

    def poll() -> None:
        after = 0
        while not finished.is_set():
            changes = nodes[1].changes(after)
            seen.update({scope.id: scope.reason for scope in changes.scopes})
            after = changes.epoch
        seen.update({scope.id: scope.reason for scope in nodes[1].changes(after).scopes})

    poller = threading.Thread(target=poll)
    poller.start()

    def work(number: int) -> None:
        for turn in range(6):
            nodes[number % NODES].set_state(
                ScopeId(f"vendor:v{number}"),
                ScopeState.SUSPENDED,
                reason=f"turn {turn}",
                incident="",
            )

    _all_at_once(work, 6)
    finished.set()
    poller.join(30)
    assert {seen[ScopeId(f"vendor:v{at}")] for at in range(6)} == {"turn 5"}


# ── processes that are killed ────────────────────────────────────────────────────────────────

_READER = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from pratique.custody.model import LeaseId, Slab
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.custody import open_custody

home, url, lease_id, tally, piece = sys.argv[1:]
store = open_custody(Settings(home=Path(home), storage=StorageSettings(database_url=url),
                              custody=CustodySettings(velocity_factor=0)))
lease = store.lease(LeaseId(lease_id))
out = os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
now = datetime(2026, 3, 24, 11, tzinfo=UTC)
while True:
    slab = store.reserve(lease, need_bytes=int(piece), need_objects=0, want_bytes=1 << 20, now=now)
    if not isinstance(slab, Slab):
        break
    for _ in range(slab.bytes // int(piece)):
        os.write(out, b".")  # one piece is disclosed
        time.sleep(0.001)  # so that a kill comes in mid-slab
"""


@contextmanager
def _reader(arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _READER, *arguments]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_what_a_killed_process_held_is_forfeited(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """kill -9 in mid-slab, again and again: together never more than the budget, and never less
    than what the forfeited slabs leave."""
    url = request.getfixturevalue("postgres_url") if where == "postgres" else ""
    piece, cap = 16 * 1024, 8 * MIB
    store = _open(tmp_path, url)
    lease = sample_lease(budget_bytes=cap, budget_objects=1)
    store.add_lease(lease)
    tally = tmp_path / "tally"
    arguments = [str(tmp_path), url, lease.id, str(tally), str(piece)]
    killed = 0
    for _ in range(4):
        before = tally.stat().st_size if tally.exists() else 0
        with _reader(arguments) as process:
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                if tally.exists() and tally.stat().st_size > before + 5:
                    os.kill(process.pid, signal.SIGKILL)
                    killed += process.wait(10) == -signal.SIGKILL
    assert killed == 4
    with _reader(arguments) as process:
        assert process.wait(60) == 0
    disclosed = tally.stat().st_size * piece
    scope = store.scope(lease.scopes[0])
    assert scope is not None
    assert disclosed <= cap
    assert scope.reserved_bytes == cap
    # Four slabs of at most a sixteenth were lost, and nothing else.
    assert cap - 4 * cap // 16 <= disclosed < cap
    store.close()


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_processes_at_once_disclose_the_budget_exactly(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if where == "postgres" else ""
    piece, cap = 64 * 1024, 16 * MIB
    with closing(_open(tmp_path, url)) as store, ExitStack() as stack:
        lease = sample_lease(budget_bytes=cap, budget_objects=1)
        store.add_lease(lease)
        tally = tmp_path / "tally"
        arguments = [str(tmp_path), url, lease.id, str(tally), str(piece)]
        readers = [stack.enter_context(_reader(arguments)) for _ in range(4)]
        assert [reader.wait(60) for reader in readers] == [0] * 4
        assert tally.stat().st_size * piece == cap
        assert store.held() == {lease.id: cap}


def test_a_full_disk_gives_nothing_and_loses_nothing(tmp_path: Path) -> None:
    with closing(_open(tmp_path)) as store:
        database = getattr(store._database, "_inner", store._database)  # behind its guard
        assert isinstance(database, SqliteDatabase)
        lease = sample_lease(budget_bytes=GIB, budget_objects=10_000)
        store.add_lease(lease)
        (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
        database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        given_bytes, said = 0, ""
        for _ in range(2_000):
            try:
                answer = store.reserve(lease, need_bytes=1, need_objects=0, want_bytes=1, now=T0)
            except StoreUnavailableError as error:
                said = str(error)
                break
            assert isinstance(answer, Slab)
            given_bytes += answer.bytes
        assert "disk has room" in said
        assert store.held() == {lease.id: given_bytes}
        scopes = [store.scope(one) for one in lease.scopes]
        assert [one.reserved_bytes for one in scopes if one] == [given_bytes] * 5
        database._writer.execute("PRAGMA max_page_count = 1000000")
        assert isinstance(
            store.reserve(lease, need_bytes=1, need_objects=0, want_bytes=1, now=T0), Slab
        )


def test_connections_that_are_cut_cost_a_refusal_and_no_budget(
    tmp_path: Path, postgres_url: str
) -> None:
    with closing(_open(tmp_path, postgres_url)) as store:
        lease = sample_lease(budget_bytes=100 * SEGMENT, budget_objects=1000)
        store.add_lease(lease)
        given_bytes = failures = 0
        for turn in range(30):
            if turn % 3 == 0:
                with psycopg.connect(postgres_url) as link:
                    link.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
            try:
                answer = store.reserve(
                    lease, need_bytes=SEGMENT, need_objects=1, want_bytes=SEGMENT, now=T0
                )
            except StoreUnavailableError:
                failures += 1
            else:
                assert isinstance(answer, Slab)
                given_bytes += answer.bytes
        assert 0 < failures <= 10
        assert store.held() == {lease.id: given_bytes}
        scope = store.scope(lease.scopes[0])
        assert scope is not None
        assert scope.reserved_bytes == given_bytes


def test_a_clock_that_is_wrong_opens_nothing(nodes: Sequence[CustodyStore]) -> None:
    lease = sample_lease(budget_bytes=10 * SEGMENT, rate=MIB)
    nodes[0].add_lease(lease)
    got = 0
    for at in range(60):
        now = T0 + timedelta(days=(at % 7 - 3) * 365)
        answer = nodes[at % NODES].reserve(
            lease, need_bytes=SEGMENT, need_objects=1, want_bytes=MIB, now=now
        )
        got += answer.bytes if isinstance(answer, Slab) else 0
    assert got <= 10 * SEGMENT
