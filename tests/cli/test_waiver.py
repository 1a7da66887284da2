"""`pratique waiver` against real stores in a home folder."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.door_story import Story, row
from kit.waiting import happens
from pratique.doors.cli import cli
from pratique.doors.cli.stores import open_stores
from pratique.errors import InputError, ValueFormatError
from pratique.index.ports import Waiver
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.control_postgres import PostgresControl
from pratique.store.control_sqlite import SqliteControl
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

WHEEL = row("litellm-1.82.7-py3-none-any.whl", "1.82.7", "hold", "cool-down", "B1")
SDIST = row("litellm-1.82.7.tar.gz", "1.82.7", "hold", "cool-down", "B2")
OTHER = row("litellm-1.82.70.tar.gz", "1.82.70", "hold", "cool-down", "B3")
GIVEN = ("--reason", "needed for  the release", "--approver", "alice")


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["waiver", *words, "--home", str(home)])


def added(home: Path, *words: str) -> list[dict[str, Any]]:
    result = run(home, "add", *words, "--format", "json")
    assert result.exit_code == 0, result.output
    answer: list[dict[str, Any]] = json.loads(result.stdout)
    return answer


def refused(home: Path, *words: str) -> str:
    result = run(home, "add", *words)
    assert isinstance(result.exception, InputError | ValueFormatError), result.output
    return str(result.exception)


def in_force(home: Path) -> tuple[Waiver, ...]:
    control = SqliteControl(home)
    found = tuple(control.waivers())
    control.close()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose ledger has shown a page with held files."""
    folder = tmp_path / "home"
    folder.mkdir()
    story = Story()
    story.view("litellm", [WHEEL, SDIST, OTHER])
    log = open_log(Settings(home=folder))
    drafts = [
        Draft(kind=e.kind, subject=e.subject, actor=e.actor, body=e.body) for e in story.log.kept
    ]
    log.append(drafts, now=story.now)
    log.close()
    return folder


def test_a_waiver_is_durable_in_the_ledger_and_in_force(home: Path) -> None:
    (answer,) = added(home, WHEEL.sha256.upper(), *GIVEN, "--override-deny")
    (waiver,) = in_force(home)
    assert waiver.id == answer["id"]
    assert (waiver.sha256, waiver.filename) == (WHEEL.sha256, WHEEL.filename)
    assert (waiver.index, waiver.asset, waiver.approver) == ("pypi", "*", "alice")
    assert waiver.reason == "needed for the release"
    assert waiver.overrides_deny
    assert waiver.expires_at - waiver.created_at == timedelta(days=7)
    log = open_log(Settings(home=home))
    entry = next(log.entries(answer["entry"]))
    log.close()
    assert (entry.kind, entry.subject) == ("waiver", f"sha256:{WHEEL.sha256}")
    assert entry.actor == "approver:alice"
    assert entry.body == {
        "waiver": waiver.id,
        "filename": WHEEL.filename,
        "index": "pypi",
        "asset": "*",
        "reason": "needed for the release",
        "expires_at": answer["expires_at"].replace("+00:00", "Z"),
        "overrides_deny": True,
    }


def test_a_release_with_several_files_asks_which(home: Path) -> None:
    text = refused(home, "LiteLLM==1.82.7", *GIVEN)
    for one in (WHEEL, SDIST):
        assert f"{one.sha256}  {one.filename}" in text
    assert OTHER.filename not in text
    assert "--all-files" in text
    assert in_force(home) == ()
    answers = added(home, "litellm==1.82.7", *GIVEN, "--all-files")
    assert {a["sha256"] for a in answers} == {WHEEL.sha256, SDIST.sha256}
    assert {w.sha256 for w in in_force(home)} == {WHEEL.sha256, SDIST.sha256}


def test_a_release_with_one_file_needs_no_choice(home: Path) -> None:
    (answer,) = added(home, "litellm==1.82.70", *GIVEN, "--expires", "12h")
    assert answer["filename"] == OTHER.filename
    lasts = datetime.fromisoformat(answer["expires_at"]) - datetime.fromisoformat(
        answer["created_at"]
    )
    assert lasts == timedelta(hours=12)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("litellm==9", *GIVEN), "has shown files of litellm 9"),
        (("litellm>=1", *GIVEN), "64 hexadecimal digits"),
        (("litellm==1.82.7,1.82.70", *GIVEN), "one release at a time"),
        (("f" * 64, *GIVEN), "--filename"),
        (("f" * 64, *GIVEN, "--filename", "../x"), "not a file name"),
        ((WHEEL.sha256, *GIVEN, "--expires", "91d"), "at most 90d"),
        ((WHEEL.sha256, *GIVEN, "--expires", "never"), "a span of time"),
        ((WHEEL.sha256, *GIVEN, "--index", "torch"), "no index view 'torch'"),
        ((WHEEL.sha256, *GIVEN, "--asset", "ci"), "token list"),
        ((WHEEL.sha256, "--reason", " ", "--approver", "a"), "the reason"),
        ((WHEEL.sha256, "--reason", "a\nb", "--approver", "a"), "the reason"),
        ((WHEEL.sha256, "--reason", "x" * 501, "--approver", "a"), "the reason"),
        ((WHEEL.sha256, "--reason", "x", "--approver", "a:b"), "approver"),
    ],
)
def test_wrong_input_is_refused_with_what_was_expected(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(home, *words)
    assert in_force(home) == ()


def test_reason_and_approver_are_required(home: Path) -> None:
    for missing in (("--reason", "x"), ("--approver", "a")):
        assert run(home, "add", WHEEL.sha256, *missing).exit_code == 2


def test_a_waiver_can_be_for_one_asset_and_for_a_file_not_shown_yet(home: Path) -> None:
    CliRunner().invoke(cli, ["token", "create", "ci", "--home", str(home)])
    (answer,) = added(
        home, "f" * 64, *GIVEN, "--asset", "ci", "--filename", "x-1.tar.gz", "--index", "*"
    )
    assert (answer["asset"], answer["filename"], answer["index"]) == ("ci", "x-1.tar.gz", "*")


def test_with_several_index_views_one_must_be_named(home: Path) -> None:
    views = "".join(f'[[index]]\nname = "{n}"\nupstreams = ["public"]\n' for n in ("pypi", "two"))
    (home / "pratique.toml").write_text(views)
    assert "--index with one of pypi, two" in refused(home, WHEEL.sha256, *GIVEN)
    assert "has shown files" in refused(home, "litellm==1.82.70", *GIVEN, "--index", "two")
    assert len(added(home, "litellm==1.82.70", *GIVEN, "--index", "*")) == 1


def test_revoked_waivers_stay_listed_and_are_logged(home: Path) -> None:
    (answer,) = added(home, WHEEL.sha256, *GIVEN)
    assert "living" in run(home, "list").stdout
    assert "revoked waiver" in run(home, "revoke", answer["id"]).stdout
    (listed,) = json.loads(run(home, "list", "--format", "json").stdout)
    assert (listed["id"], listed["state"]) == (answer["id"], "revoked")
    again = run(home, "revoke", answer["id"])
    assert isinstance(again.exception, InputError)
    assert "already revoked" in str(again.exception)
    with open_stores(home) as stores:
        (event,) = stores.presence.events("waiver-revoked")
    assert event.body["waiver"] == answer["id"]


def test_grants_and_revocations_that_a_crash_cut_short_are_healed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqliteControl, "add_waiver", crash)
        run(home, "add", WHEEL.sha256, *GIVEN)
    assert in_force(home) == ()
    (healed,) = json.loads(run(home, "list", "--format", "json").stdout)
    (waiver,) = in_force(home)
    assert (waiver.id, waiver.sha256, waiver.approver) == (healed["id"], WHEEL.sha256, "alice")
    assert waiver.expires_at > now_utc() + timedelta(days=6)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteControl, "revoke_waiver", crash)
        run(home, "revoke", waiver.id)
    assert in_force(home)[0].revoked_at is None
    (listed,) = json.loads(run(home, "list", "--format", "json").stdout)
    assert listed["state"] == "revoked"


def test_a_lost_control_file_gets_its_waivers_back(home: Path) -> None:
    (kept,) = added(home, WHEEL.sha256, *GIVEN)
    (gone,) = added(home, SDIST.sha256, *GIVEN)
    run(home, "revoke", gone["id"])
    for path in home.glob("control.db*"):
        path.unlink()
    listed = json.loads(run(home, "list", "--format", "json").stdout)
    assert {(w["id"], w["state"]) for w in listed} == {
        (kept["id"], "living"),
        (gone["id"], "revoked"),
    }


def test_on_postgres_a_grant_reaches_another_node(tmp_path: Path, postgres_url: str) -> None:
    control = PostgresControl(postgres_url)
    before = control.epoch()
    words = ["waiver", "add", "f" * 64, *GIVEN, "--filename", "x-1.tar.gz", "--format", "json"]
    runner = CliRunner(env={"PRATIQUE_DATABASE_URL": postgres_url})
    result = runner.invoke(cli, [*words, "--home", str(tmp_path / "node-2")])
    assert result.exit_code == 0, (result.output, result.exception)
    assert happens(lambda: control.epoch() != before, within=1.0)
    (waiver,) = control.waivers()
    control.close()
    assert waiver.id == json.loads(result.stdout)[0]["id"]
    asked = ["exposed", "x==1", "--home", str(tmp_path / "node-2"), "--format", "json"]
    answer = runner.invoke(cli, asked)
    assert answer.exit_code == 3, (answer.output, answer.exception)
    assert json.loads(answer.stdout)["ledger_entries"] == 1
