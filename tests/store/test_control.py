"""One contract for control state: SQLite, PostgreSQL and the naive oracle must agree."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from packaging.version import Version

from kit.control_oracle import OracleControl
from kit.waiting import happens
from pratique.index.ports import ControlState, DeliveredFile, ReleaseStudy, TokenRecord, Waiver
from pratique.policy.model import FreshDependency, Publisher, Verdict, VettingFacts
from pratique.settings import Settings, StorageSettings
from pratique.store.control import open_control
from pratique.store.control_postgres import PostgresControl
from pratique.store.control_sqlite import SqliteControl
from pratique.store.errors import StoreUnavailableError
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName

T0 = datetime(2026, 3, 24, 10, 39, 0, 123456, tzinfo=UTC)
DIGESTS = tuple(Sha256(character * 64) for character in "abcdef")
PROJECTS = (ProjectName("litellm"), ProjectName("zope-interface"))
TABLES = "tokens, waivers, verdicts, studies, origins, serials, delivered_files, pinned_hashes, cleared_files"


def _token(number: int = 1, **changes: Any) -> TokenRecord:
    token = TokenRecord(
        id=f"t{number}",
        name="ci-runner",
        role="asset",
        secret_sha256=f"{number:064x}",
        created_at=T0 + timedelta(seconds=number),
        expires_at=None,
        revoked_at=None,
    )
    return replace(token, **changes)


def _waiver(number: int = 1, **changes: Any) -> Waiver:
    waiver = Waiver(
        id=f"w{number}",
        sha256=DIGESTS[0],
        filename="litellm-1.82.7-py3-none-any.whl",
        index="pypi",
        asset="*",
        approver="alice",
        reason="geprüft — 'quoted'",
        created_at=T0 + timedelta(seconds=number),
        expires_at=T0 + timedelta(days=7),
        overrides_deny=False,
    )
    return replace(waiver, **changes)


def _delivered(version: str, digest: Sha256, **changes: Any) -> DeliveredFile:
    file = DeliveredFile(
        index="pypi",
        project=PROJECTS[0],
        version=Version(version),
        filename=f"litellm-{version}.tar.gz",
        sha256=digest,
        upstream="public",
        door_path=f"aa/bb/litellm-{version}.tar.gz",
        raw=b'{"filename": "\xc3\xa9", "x": 1}',
    )
    return replace(file, **changes)


def _study(digest: Sha256, **changes: Any) -> ReleaseStudy:
    study = ReleaseStudy(
        sha256=digest,
        fresh_dependencies=(
            FreshDependency(project=PROJECTS[1], first_upload=T0),
            FreshDependency(project=PROJECTS[0], first_upload=None),
        ),
        publisher=Publisher(kind="GitHub", repository="acme/x", workflow="release.yml"),
        studied_at=T0,
    )
    return replace(study, **changes)


@pytest.fixture(params=["oracle", "sqlite", "postgres"])
def control(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlState]:
    if request.param == "oracle":
        yield OracleControl()
        return
    if request.param == "sqlite":
        opened: SqliteControl | PostgresControl = SqliteControl(tmp_path)
    else:
        opened = PostgresControl(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


# ── the contract ─────────────────────────────────────────────────────────────────────────────


def test_a_token_is_found_by_its_secret_alone_and_stays_after_its_end(
    control: ControlState,
) -> None:
    ends = _token(2, role="approver", expires_at=T0 + timedelta(days=90))
    control.add_token(_token(1))
    control.add_token(ends)
    assert control.token_by_secret(ends.secret_sha256) == ends
    assert control.token_by_secret("f" * 64) is None
    assert control.tokens() == (_token(1), ends)
    assert control.revoke_token("t2", at=T0 + timedelta(days=1))
    assert not control.revoke_token("t2", at=T0 + timedelta(days=2))
    assert not control.revoke_token("t9", at=T0)
    assert control.token_by_secret(ends.secret_sha256) == replace(
        ends, revoked_at=T0 + timedelta(days=1)
    )


def test_waivers_are_found_by_digest_and_keep_every_field(control: ControlState) -> None:
    other = _waiver(2, sha256=DIGESTS[1], asset="laptop", overrides_deny=True)
    control.add_waiver(other)
    control.add_waiver(_waiver(1))
    assert control.waivers() == (_waiver(1), other)
    assert control.waivers([DIGESTS[1], DIGESTS[2]]) == (other,)
    assert control.waivers([]) == ()
    assert control.revoke_waiver("w2", at=T0)
    assert not control.revoke_waiver("w2", at=T0)
    assert control.waivers([DIGESTS[1]]) == (replace(other, revoked_at=T0),)


def test_the_same_waiver_again_does_not_bring_a_revoked_one_back(control: ControlState) -> None:
    control.add_waiver(_waiver(1))
    control.revoke_waiver("w1", at=T0)
    control.add_waiver(_waiver(1))
    assert control.waivers() == (_waiver(1, revoked_at=T0),)


def test_the_first_pin_of_a_name_holds_per_index(control: ControlState) -> None:
    assert control.origin("pypi", PROJECTS[0]) is None
    assert control.pin_origin("pypi", PROJECTS[0], "private") == "private"
    assert control.pin_origin("pypi", PROJECTS[0], "public") == "private"
    assert control.pin_origin("torch", PROJECTS[0], "public") == "public"
    assert control.origin("pypi", PROJECTS[0]) == "private"
    control.pin_origin("pypi", ProjectName("aiohttp"), "public")
    assert control.projects("pypi") == (ProjectName("aiohttp"), PROJECTS[0])
    assert control.projects("other") == ()


def test_serials_only_rise(control: ControlState) -> None:
    assert control.serial("public", PROJECTS[0]) is None
    assert control.raise_serial("public", PROJECTS[0], 7) == 7
    assert control.raise_serial("public", PROJECTS[0], 5) == 7
    assert control.raise_serial("public", PROJECTS[0], 2**40) == 2**40
    assert control.serial("public", PROJECTS[1]) is None


def test_verdicts_and_studies_are_replaced_and_kept_apart_by_file(control: ControlState) -> None:
    control.set_vetting(DIGESTS[0], VettingFacts(verdict=Verdict.CLEAN))
    control.set_vetting(DIGESTS[0], VettingFacts(verdict=Verdict.MALICIOUS))
    assert control.vettings(DIGESTS) == {DIGESTS[0]: VettingFacts(verdict=Verdict.MALICIOUS)}
    control.add_study(_study(DIGESTS[0]))
    nothing_known = _study(DIGESTS[1], fresh_dependencies=None, publisher=None)
    none_fresh = _study(DIGESTS[2], fresh_dependencies=(), publisher=None)
    control.add_study(nothing_known)
    control.add_study(none_fresh)
    assert control.studies(DIGESTS) == {
        DIGESTS[0]: _study(DIGESTS[0]),
        DIGESTS[1]: nothing_known,
        DIGESTS[2]: none_fresh,
    }


def test_thousands_of_digests_are_looked_up_at_once(control: ControlState) -> None:
    control.set_vetting(DIGESTS[3], VettingFacts(verdict=Verdict.CLEAN))
    many = [Sha256(f"{number:064x}") for number in range(40_000)]
    assert control.vettings([*many, DIGESTS[3]]) == {
        DIGESTS[3]: VettingFacts(verdict=Verdict.CLEAN)
    }


def test_the_last_good_version_is_the_highest_not_the_last_text(control: ControlState) -> None:
    wheel = _delivered("1.82.10", DIGESTS[2], filename="litellm-1.82.10-py3-none-any.whl")
    for file in (
        _delivered("1.82.10", DIGESTS[0]),
        _delivered("1.82.9", DIGESTS[1]),
        wheel,
        _delivered("1.82.10rc1", DIGESTS[3]),
        _delivered("0.1", DIGESTS[4], index="torch"),
        _delivered("0.1", DIGESTS[5], project=PROJECTS[1]),
    ):
        control.add_delivered(file)
    assert control.last_good() == {DIGESTS[0], DIGESTS[2], DIGESTS[4], DIGESTS[5]}


def test_a_delivered_file_keeps_what_upstream_said_the_first_time(control: ControlState) -> None:
    control.add_delivered(_delivered("1.82.6", DIGESTS[0]))
    control.add_delivered(_delivered("1.82.6", DIGESTS[0], raw=b"changed"))
    assert control.delivered("pypi", PROJECTS[0]) == (_delivered("1.82.6", DIGESTS[0]),)
    assert control.delivered("pypi", PROJECTS[1]) == ()


def test_the_first_pin_of_a_hash_holds(control: ControlState) -> None:
    url = "https://files.example/a?b=1%20#c"
    assert control.pinned_hash("extra", url) is None
    assert control.pin_hash("extra", url, DIGESTS[0]) == DIGESTS[0]
    assert control.pin_hash("extra", url, DIGESTS[1]) == DIGESTS[0]
    assert control.pinned_hash("public", url) is None


def test_every_decision_changes_the_epoch_and_what_is_merely_seen_does_not(
    control: ControlState,
) -> None:
    changes = (
        lambda: control.add_token(_token()),
        lambda: control.revoke_token("t1", at=T0),
        lambda: control.add_waiver(_waiver()),
        lambda: control.revoke_waiver("w1", at=T0),
        lambda: control.set_vetting(DIGESTS[0], VettingFacts(verdict=Verdict.MALICIOUS)),
        lambda: control.add_study(_study(DIGESTS[0])),
        lambda: control.add_study(_study(DIGESTS[0], publisher=None)),
    )
    seen = {control.epoch()}
    for change in changes:
        change()
        epoch = control.epoch()
        assert epoch not in seen
        seen.add(epoch)
    quiet = (
        lambda: control.pin_origin("pypi", PROJECTS[0], "public"),
        lambda: control.raise_serial("public", PROJECTS[0], 4),
        lambda: control.add_delivered(_delivered("1", DIGESTS[0])),
        lambda: control.pin_hash("public", "u", DIGESTS[0]),
        lambda: control.set_vetting(DIGESTS[0], VettingFacts(verdict=Verdict.MALICIOUS)),
        lambda: control.add_study(_study(DIGESTS[0], publisher=None, studied_at=T0)),
        control.tokens,
    )
    epoch = control.epoch()
    for look in quiet:
        look()
        assert control.epoch() == epoch


# ── against the oracle ───────────────────────────────────────────────────────────────────────


class _Comparison(RuleBasedStateMachine):
    """The same random steps on the real store and on the oracle; every answer must be equal."""

    subject: ControlState
    numbers = st.integers(0, 4)
    digests = st.sampled_from(DIGESTS)
    projects = st.sampled_from(PROJECTS)
    names = st.sampled_from(["pypi", "torch"])
    versions = st.sampled_from(["1.0", "1.0.0", "1.10", "1.9", "1!0.1", "2.0+cpu", "2.0rc1", "2"])
    times = st.integers(0, 10**9).map(lambda us: T0 + timedelta(microseconds=us))

    def __init__(self) -> None:
        super().__init__()
        self.oracle = OracleControl()

    def both(self, method: str, *args: Any, **values: Any) -> None:
        expected = getattr(self.oracle, method)(*args, **values)
        assert getattr(self.subject, method)(*args, **values) == expected

    @rule(number=numbers, name=names, at=times, ends=st.none() | times)
    def add_token(self, number: int, name: str, at: datetime, ends: datetime | None) -> None:
        self.both("add_token", _token(number, name=name, created_at=at, expires_at=ends))

    @rule(number=numbers, at=times)
    def revoke_token(self, number: int, at: datetime) -> None:
        self.both("revoke_token", f"t{number}", at=at)

    @rule(number=numbers, digest=digests, at=times, deny=st.booleans())
    def add_waiver(self, number: int, digest: Sha256, at: datetime, deny: bool) -> None:
        waiver = _waiver(number, sha256=digest, created_at=at, overrides_deny=deny)
        self.both("add_waiver", waiver)

    @rule(number=numbers, at=times)
    def revoke_waiver(self, number: int, at: datetime) -> None:
        self.both("revoke_waiver", f"w{number}", at=at)

    @rule(
        digest=digests,
        verdict=st.sampled_from(Verdict),
        headline=st.sampled_from(["", "setup.py:3 starts a shell"]),
        gained=st.sampled_from([(), ("network",), ("native", "process")]),
    )
    def set_vetting(
        self, digest: Sha256, verdict: Verdict, headline: str, gained: tuple[str, ...]
    ) -> None:
        self.both(
            "set_vetting",
            digest,
            VettingFacts(verdict=verdict, headline=headline, gained=gained),
        )

    @rule(digest=digests)
    def drop_vetting(self, digest: Sha256) -> None:
        self.both("drop_vetting", digest)

    @rule(project=projects, digest=digests)
    def add_cleared(self, project: ProjectName, digest: Sha256) -> None:
        self.both("add_cleared", project, digest)

    @rule(digest=digests, fresh=st.sampled_from([None, ()]), at=times)
    def add_study(self, digest: Sha256, fresh: tuple[()] | None, at: datetime) -> None:
        self.both("add_study", _study(digest, fresh_dependencies=fresh, studied_at=at))

    @rule(index=names, project=projects, upstream=st.sampled_from(["public", "private"]))
    def pin_origin(self, index: str, project: ProjectName, upstream: str) -> None:
        self.both("pin_origin", index, project, upstream)

    @rule(project=projects, serial=st.integers(0, 2**53))
    def raise_serial(self, project: ProjectName, serial: int) -> None:
        self.both("raise_serial", "public", project, serial)

    @rule(index=names, project=projects, version=versions, digest=digests)
    def add_delivered(self, index: str, project: ProjectName, version: str, digest: Sha256) -> None:
        file = _delivered(version, digest, index=index, project=project)
        self.both("add_delivered", file)

    @rule(upstream=names, digest=digests)
    def pin_hash(self, upstream: str, digest: Sha256) -> None:
        self.both("pin_hash", upstream, "https://files.example/x", digest)

    @rule(digests=st.lists(digests))
    def ask_for_some(self, digests: list[Sha256]) -> None:
        for method in ("waivers", "vettings", "studies"):
            self.both(method, digests)

    @invariant()
    def all_answers_are_equal(self) -> None:
        for method in ("tokens", "waivers", "last_good"):
            self.both(method)
        for method in ("vettings", "studies"):
            self.both(method, DIGESTS)
        for index in ("pypi", "torch"):
            self.both("projects", index)
            for project in PROJECTS:
                self.both("delivered", index, project)
                self.both("origin", index, project)
        for project in PROJECTS:
            self.both("serial", "public", project)
            self.both("cleared", project)


def _compare(control: ControlState, *, empty: Any, examples: int) -> None:
    class Machine(_Comparison):
        subject = control

        def __init__(self) -> None:
            super().__init__()
            empty()

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_answers_as_the_oracle_does(tmp_path: Path) -> None:
    control = SqliteControl(tmp_path)

    def empty() -> None:
        for database in (control._control, control._seen):
            with database.write(durable=False) as session:
                for table in _tables_of(session._connection):
                    session._connection.execute(f"DELETE FROM {table}")

    _compare(control, empty=empty, examples=25)
    control.close()


def _tables_of(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_migrations'"
    )
    return [name for (name,) in rows]


def test_postgres_answers_as_the_oracle_does(postgres_url: str) -> None:
    control = PostgresControl(postgres_url)

    def empty() -> None:
        with control._database.connection() as connection:
            connection.execute(f"TRUNCATE {TABLES}".encode())
        control._look_through(control._database)  # as the listener does a moment later

    _compare(control, empty=empty, examples=12)
    control.close()


# ── processes and threads ────────────────────────────────────────────────────────────────────


_ADD_WAIVER_WHEN_TOLD = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pratique.index.ports import Waiver
from pratique.store.control_postgres import PostgresControl
from pratique.store.control_sqlite import SqliteControl

place = sys.argv[1]
control = PostgresControl(place) if place.startswith("postgresql") else SqliteControl(Path(place))
print("ready", flush=True)
assert sys.stdin.readline() == "go\\n"
now = datetime(2026, 3, 24, tzinfo=UTC)
control.add_waiver(Waiver(id="other", sha256="a" * 64, filename="f", index="pypi", asset="*",
    approver="bob", reason="r", created_at=now, expires_at=now + timedelta(days=1),
    overrides_deny=False))
print("done", flush=True)
control.close()
"""


@contextmanager
def _other_process(place: str) -> Iterator[Callable[[], None]]:
    """Another process on the same store; gives what makes it add a waiver."""
    command = [sys.executable, "-c", _ADD_WAIVER_WHEN_TOLD, place]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def add_waiver() -> None:
            print("go", file=process.stdin, flush=True)
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"

        yield add_waiver
        assert process.wait(30) == 0


def test_sqlite_sees_another_process_at_the_very_next_call(tmp_path: Path) -> None:
    control = SqliteControl(tmp_path)
    with _other_process(str(tmp_path)) as add_waiver:
        before = control.epoch()
        add_waiver()
        assert control.epoch() != before
        assert [waiver.id for waiver in control.waivers()] == ["other"]
    control.close()


def test_two_processes_on_one_postgres_agree_within_a_second(postgres_url: str) -> None:
    control = PostgresControl(postgres_url)
    with _other_process(postgres_url) as add_waiver:
        before = control.epoch()
        add_waiver()
        assert happens(lambda: control.epoch() != before, within=1.0)
        assert [waiver.id for waiver in control.waivers()] == ["other"]
    control.close()


def test_postgres_notices_by_looking_when_no_notice_comes(postgres_url: str) -> None:
    control = PostgresControl(postgres_url)
    before = control.epoch()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        # What a lost notice looks like: the value is raised and nobody is told.
        other.execute("UPDATE pratique.control_epoch SET value = value + 1")
    assert happens(lambda: control.epoch() != before, within=3.0)
    control.close()


def test_postgres_epoch_counts_a_restored_backup_as_a_change(postgres_url: str) -> None:
    control = PostgresControl(postgres_url)
    control.add_waiver(_waiver())
    before = control.epoch()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("UPDATE pratique.control_epoch SET value = 1")
        other.execute("NOTIFY pratique_control")
    assert happens(lambda: control.epoch() > before, within=3.0)
    control.close()


def test_postgres_that_cannot_be_reached_closes_the_doors(postgres_url: str) -> None:
    clock = [0.0]
    control = PostgresControl(postgres_url, monotonic=lambda: clock[0])
    control.epoch()
    control._closing.set()
    control._listener.join(5)
    clock[0] = 2.9
    control.epoch()
    clock[0] = 3.1
    with pytest.raises(StoreUnavailableError, match="not been heard of for 3 s"):
        control.epoch()
    control.close()


def test_postgres_recovers_when_its_connections_are_cut(postgres_url: str) -> None:
    control = PostgresControl(postgres_url)
    control.add_token(_token(1))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert control.token_by_secret(_token(1).secret_sha256) == _token(1)
        time.sleep(0.5)
        before = control.epoch()
        other.execute("UPDATE pratique.verdicts SET verdict = 'clean'")
        assert happens(lambda: control.epoch() != before, within=3.0)
    control.close()


def test_a_server_that_does_not_exist_is_said_in_a_sentence(tmp_path: Path) -> None:
    url = f"postgresql://user:hunter2@/none?host={tmp_path}"
    with pytest.raises(StoreUnavailableError) as caught:
        PostgresControl(url)
    assert "hunter2" not in str(caught.value)
    assert "database_url" in str(caught.value)


def test_many_threads_share_one_control(control: ControlState) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(5):
                control.add_waiver(_waiver(number * 100 + step))
                control.epoch()
                control.raise_serial("public", PROJECTS[0], number * 100 + step)
                assert control.waivers([DIGESTS[0]])
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must show it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(control.waivers()) == 30
    assert control.serial("public", PROJECTS[0]) == 504


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = SqliteControl(tmp_path)
    first.add_token(_token())
    first.add_delivered(_delivered("1.0", DIGESTS[0]))
    first.close()
    second = SqliteControl(tmp_path)
    assert second.tokens() == (_token(),)
    assert second.last_good() == {DIGESTS[0]}
    second.close()


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    control = SqliteControl(tmp_path / "home")
    control.add_token(_token())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home").iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    control.close()


def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreUnavailableError, match=r"control\.db"):
        SqliteControl(tmp_path)


def test_the_settings_choose_the_store(tmp_path: Path, postgres_url: str) -> None:
    embedded = open_control(Settings(home=tmp_path))
    assert isinstance(embedded, SqliteControl)
    embedded.close()
    storage = StorageSettings(database_url=postgres_url)
    shared = open_control(Settings(home=tmp_path, storage=storage))
    assert isinstance(shared, PostgresControl)
    shared.close()


def test_asking_for_all_waivers_again_runs_no_statement_until_something_changes(
    tmp_path: Path,
) -> None:
    control = SqliteControl(tmp_path)
    control.add_waiver(_waiver())
    assert control.waivers() == (_waiver(),)
    statements: list[str] = []
    control._control._reader.set_trace_callback(statements.append)
    for _ in range(3):
        assert control.waivers() == (_waiver(),)
    assert statements == []
    other = SqliteControl(tmp_path)
    other.revoke_waiver("w1", at=T0)
    other.close()
    assert control.waivers() == (_waiver(revoked_at=T0),)
    assert len(statements) == 1
    control.close()


def test_asking_for_the_epoch_costs_microseconds(control: ControlState) -> None:
    control.epoch()
    took = []
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(50):
            control.epoch()
        took.append((time.perf_counter() - started) / 50)
    # The best of several; a real question to a server would take ten times as long.
    assert min(took) < 100e-6
