"""`pratique party check`, `findings` and `finding` as commands, against real stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.leases import a_lease
from pratique.custody.model import Lease, LeaseId, ScopeId
from pratique.doors.cli import cli
from pratique.doors.cli.party_acts import halved
from pratique.edge.custody.broker_admin import broker_running, started_broker
from pratique.errors import InputError
from pratique.exposure.advisories.entries import advisory_draft
from pratique.exposure.advisories.overlay import combine
from pratique.exposure.advisories.records import parse_revision
from pratique.home import prepare_home
from pratique.inventory.observed.entries import look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.parties.model import FindingState
from pratique.settings import load_settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log
from pratique.store.parties import read_register
from pratique.store.presence import open_presence
from pratique.values.instants import now_utc

GIB = 1 << 30
REGISTER = """
[own]
name = "mercury"

[[vendor]]
name = "acme"
products = ["labeler"]

[[client]]
name = "lab"

[[project]]
name = "coding"
vendor = "acme"
client = "lab"
purpose = "annotation"
holders = ["p-17"]
budget = "100GiB"

[[contract]]
id = "acme-msa"
party = "acme"
starts = 2025-01-01
notice_hours = 24
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    monkeypatch.delenv("PRATIQUE_APPROVER_TOKEN", raising=False)
    place = tmp_path / "home"
    prepare_home(place)
    file = tmp_path / "parties.toml"
    file.write_text(REGISTER, "utf-8")
    assert run(place, "import", str(file)).exit_code == 0
    return place


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["party", *words, "--home", str(home)])


def asked(home: Path, *words: str) -> tuple[int, Any]:
    result = run(home, *words, "--format", "json")
    assert isinstance(result.exception, SystemExit | None), (result.output, result.exception)
    return result.exit_code, json.loads(result.stdout)


def refused(home: Path, *words: str) -> str:
    result = run(home, *words)
    assert isinstance(result.exception, InputError), (result.output, result.exception)
    return f"{result.exception.message} {result.exception.expected} {result.exception.remedy}"


def entries(home: Path) -> int:
    with closing(open_log(load_settings(home, environ={}))) as log:
        return log.size()


def see(home: Path, *releases: tuple[str, str]) -> None:
    """An SBOM of acme's product."""
    now = now_utc() - timedelta(seconds=5)
    look = Look(
        asset="vendor/acme/labeler", asset_kind=AssetKind.VENDOR_SYSTEM, place_kind=PlaceKind.SBOM,
        locator="bom", at_lo=now, at_hi=now, evidence_class=EvidenceClass.DECLARED, collector="t",
        sightings=tuple(
            Sighting(item=Item(type="pypi", name=name, version=version), stage=Stage.INSTALLED)
            for name, version in releases
        ),
    )  # fmt: skip
    with closing(open_log(load_settings(home, environ={}))) as log:
        log.append(look_drafts(look, base=None, is_recorded=lambda _: False), now=now_utc())


def advise(home: Path, id_: str, name: str, version: str) -> None:
    record = {
        "id": id_,
        "affected": [{"package": {"ecosystem": "PyPI", "name": name}, "versions": [version]}],
    }
    data = json.dumps(record).encode()
    read = combine(parse_revision(data, source="t", seen_at=now_utc()), None)
    with closing(open_log(load_settings(home, environ={}))) as log:
        log.append([advisory_draft(read, data, actor="operator:t")], now=now_utc())


def grant(home: Path, number: int = 0, **changes: Any) -> Lease:
    now = now_utc()
    terms: dict[str, Any] = {
        "id": LeaseId(f"PQL{'A' * 16}{chr(65 + number)}"), "holder": "p-17", "project": "coding",
        "budget_bytes": 8 * GIB, "granted_at": now, "not_before": now, "not_after": now + timedelta(hours=1),
        **changes,
    }  # fmt: skip
    lease = a_lease(**terms)
    with closing(open_custody(load_settings(home, environ={}))) as custody:
        custody.add_lease(lease)
    return lease


def cap_of(home: Path, scope: str) -> int | None:
    with closing(open_custody(load_settings(home, environ={}))) as custody:
        found = custody.scope(ScopeId(scope))
    assert found is not None
    return found.cap_bytes


# ── check ────────────────────────────────────────────────────────────────────────────────────


def test_exit_codes_tell_wrong_from_unknown_from_nothing(home: Path) -> None:
    assert asked(home, "check", "--rule", "keys-shared")[0] == 0
    assert asked(home, "check", "--rule", "components-poisoned")[0] == 3
    code, answer = asked(home, "check", "--rule", "contract-clocks")
    assert code == 1
    assert answer["counts"]["medium"] == 2  # neither evidence nor return is agreed on
    assert asked(home, "check", "lab", "--rule", "contract-clocks")[0] == 3


def test_only_changes_are_recorded(home: Path) -> None:
    code, first = asked(home, "check")
    assert code == 1
    assert len(first["changed"]) == len(first["findings"]) > 5
    size = entries(home)
    _, again = asked(home, "check")
    assert again["changed"] == []
    assert entries(home) == size
    assert [one["id"] for one in again["findings"]] == [one["id"] for one in first["findings"]]
    assert all(one["serves"] and one["owner"] == "" for one in again["findings"])


def test_text_says_what_is_new_and_how_much_is_open(home: Path) -> None:
    told = run(home, "check", "acme", "--rule", "contract-clocks").stdout
    assert told.count("opened  F-") == 3
    assert told.splitlines()[-1] == "open: 2 medium; 1 that nobody can say"
    assert (
        run(home, "check", "acme", "--rule", "contract-clocks").stdout
        == told.splitlines()[-1] + "\n"
    )


def test_what_cannot_be_meant_is_refused(home: Path) -> None:
    assert "no rule 'nothing'" in refused(home, "check", "--rule", "nothing")
    assert "components-poisoned" in refused(home, "check", "--rule", "nothing")
    assert "acme" in refused(home, "check", "acmee")
    assert "goes by itself" in refused(home, "check", "acme", "--since-advisory", "MAL-1")
    assert "no advisory" in refused(home, "check", "--since-advisory", "MAL-1")
    assert refused(home, "finding", "show", "F-0000000000").startswith("no finding begins")


def test_an_advisory_opens_a_finding_and_a_new_sbom_does_not_close_it(home: Path) -> None:
    see(home, ("litellm", "1.82.8"), ("idna", "3.7"))
    advise(home, "MAL-2026-1", "litellm", "1.82.8")
    code, answer = asked(home, "check", "--since-advisory", "MAL-2026-1")
    assert code == 1
    (found,) = answer["findings"]
    assert (
        found["found"]["subject"] == "pkg:pypi/litellm@1.82.8 in vendor/acme/labeler (MAL-2026-1)"
    )
    (act,) = answer["actions"]
    assert (act["party"], act["action"], act["done"]) == ("acme", "pause", False)
    assert act["how"].startswith("pratique party suspend acme --reason 'F-")
    see(home, ("litellm", "1.82.9"), ("idna", "3.7"))
    code, answer = asked(home, "check", "--since-advisory", "MAL-2026-1")
    assert code == 1
    assert "had pkg:pypi/litellm@1.82.8 until" in answer["findings"][0]["found"]["sentence"]
    assert asked(home, "check", "--rule", "components-poisoned")[1]["changed"] == []


# ── acting ───────────────────────────────────────────────────────────────────────────────────


def test_caps_are_halved_once_and_only_when_told_to(home: Path) -> None:
    grant(home, holder="p-99")
    rule = ("check", "acme", "--rule", "holders-named")
    code, answer = asked(home, *rule)
    assert code == 1
    assert [one["action"] for one in answer["actions"]] == ["narrow"]
    assert cap_of(home, "vendor:acme") is None
    _, answer = asked(home, *rule, "--act")
    assert [one["done"] for one in answer["actions"]] == [True]
    assert cap_of(home, "vendor:acme") == 4 * GIB
    _, answer = asked(home, *rule, "--act")
    assert answer["actions"] == []
    assert cap_of(home, "vendor:acme") == 4 * GIB


def test_a_finding_that_came_back_is_acted_on_again(home: Path) -> None:
    grant(home, holder="p-99")
    rule = ("check", "acme", "--rule", "holders-named")
    asked(home, *rule, "--act")
    assert run(home, "project", "set", "acme/coding", "--holder", "p-99").exit_code == 0
    assert asked(home, *rule)[0] == 0
    assert run(home, "project", "set", "acme/coding", "--holder", "p-17").exit_code == 0
    _, answer = asked(home, *rule, "--act")
    assert [one["done"] for one in answer["actions"]] == [True]
    assert cap_of(home, "vendor:acme") == 2 * GIB


def test_a_poisoned_party_is_suspended_when_told_to(home: Path) -> None:
    see(home, ("litellm", "1.82.8"))
    advise(home, "MAL-2026-1", "litellm", "1.82.8")
    lease = grant(home)
    settings = load_settings(home, environ={})
    with started_broker(settings), broker_running(settings) as admin:
        admin.make_client("lab")
        code, answer = asked(home, "check", "--since-advisory", "MAL-2026-1", "--act")
        assert code == 1
        (act,) = answer["actions"]
        assert (act["action"], act["done"]) == ("pause", True), act
        assert "1 lease stopped" in act["how"]
        assert asked(home, "check", "--since-advisory", "MAL-2026-1", "--act")[1]["actions"] == []
    with closing(open_log(settings)) as log, closing(open_presence(settings, log=log)) as presence:
        presence.catch_up()
        register = read_register(presence)
    (suspension,) = register.suspensions.values()
    assert (suspension.scope.party, suspension.leases) == ("acme", 1)
    assert suspension.reason.startswith("F-")
    with closing(open_custody(settings)) as custody:
        assert custody.standing_holds()
    assert lease.vendor == "acme"


def test_halving_takes_half_of_what_is_left(home: Path) -> None:
    leases = [grant(home), grant(home, 1, not_after=now_utc())]
    with closing(open_custody(load_settings(home, environ={}))) as custody:
        scopes = list(custody.scopes())
    living = leases[:1]
    assert dict(halved(scopes, living, "acme")) == {"vendor:acme": 4 * GIB}
    assert dict(halved(scopes, [], "acme")) == {}
    assert dict(halved(scopes, living, "other")) == {}
    capped = {"project:acme/coding", "vendor:acme"}
    told = [
        replace(one, cap_bytes=10, reserved_bytes=4) if one.id in capped else one for one in scopes
    ]
    assert dict(halved(told, living, "acme")) == {"project:acme/coding": 7, "vendor:acme": 7}
    spent = [replace(one, cap_bytes=10, reserved_bytes=10) for one in scopes]
    assert dict(halved(spent, living, "acme")) == {}


# ── findings ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checked(home: Path) -> Path:
    asked(home, "check")
    return home


def test_findings_are_listed_by_what_is_asked(checked: Path) -> None:
    code, everything = asked(checked, "findings")
    assert code == 1
    known = [one["found"]["unknown"] for one in everything["findings"]]
    assert known == sorted(known)  # what is known comes first
    for words, says in (
        (("--rule", "contract-clocks"), lambda one: one["found"]["rule"] == "contract-clocks"),
        (("--known",), lambda one: not one["found"]["unknown"]),
        (("lab",), lambda one: one["found"]["party"] == "lab"),
        (("--severity", "medium"), lambda one: one["found"]["severity"] != "low"),
    ):
        _, answer = asked(checked, "findings", *words)
        assert answer["findings"] == [one for one in everything["findings"] if says(one)]
        assert answer["findings"]
    assert asked(checked, "findings", "--overdue") == (0, {"findings": []})
    assert asked(checked, "findings", "--state", "closed") == (0, {"findings": []})
    assert asked(checked, "findings", "lab")[0] == 3
    # That nothing is overdue does not mean that nothing is open.
    assert run(checked, "findings", "--overdue").stdout == "none that was asked for\n"


def one_of(home: Path, rule: str = "contract-clocks") -> str:
    return str(asked(home, "findings", "--rule", rule, "--known")[1]["findings"][0]["id"])


def test_an_owner_and_a_date_are_said_by_people(checked: Path) -> None:
    id_ = one_of(checked)
    assert asked(checked, "finding", "assign", id_, "legal")[1]["owner"] == "legal"
    assert (
        asked(checked, "finding", "due", id_, "2020-01-31")[1]["due_at"] == "2020-01-31T00:00:00Z"
    )
    overdue = asked(checked, "findings", "--overdue")[1]["findings"]
    assert [one["id"] for one in overdue] == [id_]
    assert asked(checked, "check")[1]["changed"] == []
    told = run(checked, "finding", "show", id_).stdout
    assert "owner: legal" in told
    assert "by operator:alice" in told
    assert "serves: " in told
    assert told.count("entry ") == 3
    steps = asked(checked, "finding", "show", id_)[1]["steps"]
    assert [one["owner"] for one in steps] == ["", "legal", "legal"]
    assert "that is no owner" in refused(checked, "finding", "assign", id_, "a\x1bb")


def approver(home: Path) -> str:
    result = CliRunner().invoke(
        cli,
        ["token", "create", "bob", "--role", "approver", "--format", "json", "--home", str(home)],
    )
    return str(json.loads(result.stdout)["token"])


def test_only_an_approver_accepts_and_only_for_a_while(
    checked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = one_of(checked)
    words = ("finding", "accept", id_, "--until", "2999-01-01", "--reason", "renewed in spring")
    monkeypatch.setenv("PRATIQUE_APPROVER_TOKEN", "nobody")
    assert "living token of an approver" in refused(checked, *words)
    monkeypatch.setenv("PRATIQUE_APPROVER_TOKEN", approver(checked))
    _, answer = asked(checked, *words)
    assert (answer["state"], answer["reason"]) == (FindingState.ACCEPTED, "renewed in spring")
    assert id_ not in [one["id"] for one in asked(checked, "findings")[1]["findings"]]
    assert asked(checked, "findings", "--state", "accepted")[0] == 0
    steps = asked(checked, "finding", "show", id_)[1]["steps"]
    assert steps[-1]["actor"] == "approver:bob"
    past = ("finding", "accept", id_, "--until", "2020-01-01", "--reason", "x")
    assert "into the past" in refused(checked, *past)
    _, answer = asked(checked, "check")
    assert answer["changed"] == []
    assert answer["counts"]["accepted"] == 1


def test_the_console_sees_nothing_that_moves_the_cursor(checked: Path) -> None:
    see(checked, ("evil\x1b[2J", "1"))
    advise(checked, "MAL-1", "evil\x1b[2J", "1")
    told = run(checked, "check", "--since-advisory", "MAL-1").stdout
    assert "\x1b" not in told


def test_watching_checks_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: Iterator[None] = iter([None, None])

    def sleep(seconds: float) -> None:
        assert seconds == 7
        try:
            next(slept)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("pratique.doors.cli.party_check.time.sleep", sleep)
    told = run(home, "check", "--rule", "contract-clocks", "--watch", "7")
    assert told.stdout.count("that nobody can say") == 3
