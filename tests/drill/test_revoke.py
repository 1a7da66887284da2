"""The revocation drill at real doors: what it measures, what it leaves, when it says no."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.asking import ask
from kit.door import free_port, run_pratique
from kit.s3_door import custodian
from pratique.custody.model import ScopeId, ScopeState
from pratique.doors.cli.up_processes import beside
from pratique.drill.revocation import RevocationReport, StreamLine, percentile
from pratique.settings import CustodySettings, Settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log


@contextmanager
def door_of(home: Path) -> Iterator[str]:
    custody = CustodySettings(s3_listen="127.0.0.1:0")
    with beside(Settings(home=home, custody=custody), verbose=False) as found:
        assert found.s3_url is not None
        assert ask(found.s3_url, "/_pratique/health").status == 200
        yield found.s3_url


def no_door_at_the_usual_port(home: Path) -> None:
    """A drill takes the door that runs: it must not be somebody else's on this machine."""
    (home / "pratique.toml").write_text(f'[custody]\ns3_listen = "127.0.0.1:{free_port()}"\n')


def drilled(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The best of three: on a machine that stands still for a second a drill says no, as it should."""
    for _ in range(2):
        done = run_pratique(*words, home=home)
        if done.returncode == 0:
            return done
    return run_pratique(*words, home=home)


def kinds(home: Path) -> list[tuple[str, str]]:
    with closing(open_log(Settings(home=home))) as log:
        return [(entry.kind, str(entry.body.get("state", ""))) for entry in log.entries()]


@pytest.mark.slow
def test_a_drill_at_two_running_doors(tmp_path: Path) -> None:
    with door_of(tmp_path) as one, door_of(tmp_path) as other:
        words = (
            "drill", "revoke", "--streams", "12", "--door", one, "--door", other, "--format", "json",
        )  # fmt: skip
        done = drilled(*words, home=tmp_path)
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["streams"] == report["told_why"] == 12
    assert report["sentence"] == "lease suspended: vendor pratique-drill, revocation drill"
    assert 0 < report["p99_ms"] <= 1000
    assert report["nodes"] == 2
    assert len({line["process"] for line in report["processes"]}) == 2
    assert all(line["process"] > 0 for line in report["processes"])
    assert ("revocation-drill", "") in kinds(tmp_path)
    states = [state for kind, state in kinds(tmp_path) if kind == "scope"]
    assert states[-3:] == ["suspended", "live", "ended"]
    assert len(states) % 3 == 0, states
    with closing(open_custody(Settings(home=tmp_path))) as state:
        scopes = {scope.id: scope.state for scope in state.scopes()}
    assert scopes.pop("vendor:pratique-drill") is ScopeState.LIVE
    assert {s for name, s in scopes.items() if name.startswith("lease:")} == {ScopeState.ENDED}


@pytest.mark.slow
def test_a_real_scope_is_resumed_and_a_suspended_one_left_alone(tmp_path: Path) -> None:
    no_door_at_the_usual_port(tmp_path)
    first = drilled("drill", "revoke", "--streams", "2", home=tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    holder = "holder:pratique-drill/pratique-drill/pratique-drill"
    again = drilled("drill", "revoke", "--streams", "2", "--scope", holder, home=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    with closing(open_custody(Settings(home=tmp_path))) as state:
        found = state.scope(holder)  # type: ignore[arg-type] - as a person writes it
        assert found is not None
        assert found.state is ScopeState.LIVE
        state.set_state(found.id, ScopeState.SUSPENDED, reason="theft", incident="")
    refused = run_pratique("drill", "revoke", "--scope", holder, home=tmp_path)
    assert refused.returncode == 2
    assert "theft" in refused.stderr


@pytest.mark.slow
def test_a_client_and_a_dataset_are_drilled_without_reading_their_data(tmp_path: Path) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        made.dataset("intake", sealed=True, seal_key=bytes(32))
        made.put("a", b"theirs")
    with door_of(tmp_path) as door:
        for scope, said in (("client:meta", "client meta"), ("dataset:dialogs", "dataset dialogs")):
            words = ("drill", "revoke", "--streams", "4", "--scope", scope, "--door", door)
            done = run_pratique(*words, "--format", "json", home=tmp_path)
            assert done.stdout, done.stderr
            report = json.loads(done.stdout)
            assert (report["scope"], report["told_why"]) == (scope, 4)
            assert said in report["sentence"]
            assert "revocation drill" in report["sentence"]
    with closing(open_custody(Settings(home=tmp_path))) as state:
        assert [one.key for one in state.objects("dialogs")] == ["a"]
        for scope in ("client:meta", "dataset:dialogs"):
            found = state.scope(ScopeId(scope))
            assert found is not None
            assert found.state is ScopeState.LIVE
        own = [one for one in state.datasets() if one.name.startswith("pratique-drill")]
        assert [(one.client, one.classification) for one in own] == [("meta", "public")]
    with closing(open_log(Settings(home=tmp_path))) as log:
        read = {entry.body["dataset"] for entry in log.entries() if entry.kind == "reads"}
        removed = [entry.subject for entry in log.entries() if entry.kind == "object-removed"]
    assert read == {own[0].name, "dialogs"}
    assert removed == ["dataset:dialogs"]
    sealed = run_pratique("drill", "revoke", "--scope", "dataset:intake", home=tmp_path)
    assert sealed.returncode == 2
    assert "client:meta" in sealed.stderr


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("lease:PQLAAAAAAAAAAAAAAAAA", "only its holder has its secret"),
        ("client:meta", "nothing in custody is theirs"),
        ("dataset:none", "no scope"),
        ("vendor:x", "no scope"),
        ("x", "not a scope"),
    ],
)
def test_scopes_that_no_drill_takes(tmp_path: Path, scope: str, said: str) -> None:
    refused = run_pratique("drill", "revoke", "--scope", scope, home=tmp_path)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def a_report(**changes: Any) -> RevocationReport:
    line = StreamLine(
        door="http://a", process=1, slow=False, last_byte_ms=90, bytes_after=1, ended=True,
        told="x",
    )  # fmt: skip
    report = RevocationReport(
        scope="vendor:x", streams=1, not_ended=0, in_force_ms=1, p50_ms=90, p99_ms=90,
        slowest_ms=90, bytes_after_max=1, bytes_after_total=1, told_why=1, sentence="x", nodes=1,
        processes=(), lines=(line,),
    )  # fmt: skip
    return msgspec.structs.replace(report, **changes)


def test_each_miss_counts() -> None:
    assert a_report().holds
    assert not a_report(p99_ms=1000.1).holds
    assert not a_report(bytes_after_max=2_621_441).holds
    assert not a_report(not_ended=1).holds
    assert not a_report(told_why=0).holds, "a stream that nobody explained"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5.0], 99) == 5.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
