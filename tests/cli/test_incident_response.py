"""`pratique incident plan|step|clocks|notices` and `pratique sbom`, against a real log."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.incidents import later
from kit.response_home import ID, Home
from kit.schemas import cyclonedx_errors
from pratique.doors.cli import cli, main
from pratique.exposure.outputs import FORMS
from pratique.exposure.plan.model import PlanOrderError, Step, item_id
from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Identity,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)

AWS = "identity:aws-access-key/ci-deploy"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").open()


def test_a_plan_is_kept_between_commands(home: Home) -> None:
    shown = home.run("incident", "plan", ID)
    assert shown.exit_code == 1
    assert (
        shown.output.index("SNAPSHOT") < shown.output.index("DISARM") < shown.output.index("REVOKE")
    )
    assert "these 2 identities are not yet verified dead" in shown.output
    first = home.json("incident", "plan", ID)
    home.run("incident", "step", ID, "snapshot", "--state", "assigned", "--owner", "bob")
    second = home.json("incident", "plan", ID)
    assert [one["id"] for one in first["items"]] == [one["id"] for one in second["items"]]
    owners = {one["id"]: one["owner"] for one in second["items"] if one["owner"]}
    assert owners == {item_id(Step.SNAPSHOT, "asset:build-7"): "bob"}
    listed = home.json("incident", "plan", ID, "--list", "notify")
    assert {one["step"] for one in listed["items"]} == {"notify"}


def test_what_is_out_of_order_is_refused_and_nothing_is_recorded(home: Home) -> None:
    revoke = item_id(Step.REVOKE, AWS)
    refused = home.run("incident", "step", ID, "snapshot", revoke, "--state", "done")
    assert isinstance(refused.exception, PlanOrderError)
    states = {one["id"]: one["state"] for one in home.json("incident", "plan", ID)["items"]}
    assert set(states.values()) == {"open"}
    forced = home.run(
        "incident", "step", ID, revoke, "--state", "done", "--force", "--reason", "in use now"
    )
    assert "done out of order" in forced.output


def test_everything_done_is_exit_code_0(home: Home) -> None:
    for step in Step:
        items = home.json("incident", "plan", ID, "--list", step.value)["items"]
        ids = [one["id"] for one in items]
        assert home.run("incident", "step", ID, *ids, "--state", "done").exit_code == 0
    done = home.run("incident", "plan", ID)
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("complete")
    assert all(one["state"] == "told" for one in home.json("incident", "clocks", ID)["clocks"])


def test_what_comes_later_brings_new_items_and_takes_none_away(home: Home) -> None:
    before = {one["id"] for one in home.json("incident", "plan", ID)["items"]}
    opens = Fact(relation=Relation.OPENS, subject=AWS, object="dataset:more")
    owned = Fact(relation=Relation.BELONGS_TO, subject="dataset:more", object="client:Hooli",
                 note="clock=24h(DPA section 7)")  # fmt: skip
    home.append(facts_drafts([opens, owned], source="x", actor="operator:ann"))
    after = home.json("incident", "plan", ID)
    new = {one["target"] for one in after["items"] if one["id"] not in before}
    assert new == {"client:Hooli"}
    clock = next(one for one in after["clocks"] if one["party"] == "client:Hooli")
    assert (clock["hours"], clock["basis"]) == (24, "DPA section 7")


def test_clocks_run_from_the_first_awareness(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run("incident", "open", "litellm==1.82.8", "--aware-at", "2026-03-24T12:00:00Z")
    late = home.run("incident", "clocks", ID)
    assert late.exit_code == 1
    assert "overdue" in late.output
    table = tmp_path / "clocks.csv"
    table.write_text("party,hours,basis\nclient:Globex,24,DPA\n")
    clocks = home.json("incident", "clocks", ID, "--clocks", str(table))["clocks"]
    assert next(one for one in clocks if one["party"] == "client:Globex")["due_at"] == (
        "2026-03-25T12:00:00Z"
    )
    table.write_text("nonsense\n")
    assert "line 1" in str(home.run("incident", "clocks", ID, "--clocks", str(table)).exception)


def test_notices_are_drafted_for_each_party(home: Home) -> None:
    drafts = home.json("incident", "notices", ID)["notices"]
    assert {one["kind"] for one in drafts} == {"client", "people", "vendor", "authority"}
    letter = home.run("incident", "notices", ID, "--for", "client:Globex").output
    assert "DRAFT for Globex" in letter
    for other in ("Initech", "candidates-eu", "build-7", "ci-deploy", "laptop-ann"):
        assert other not in letter
    wrong = home.run("incident", "notices", ID, "--for", "client:Nobody")
    assert "does not concern" in str(wrong.exception)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_answers_come_in_every_form(home: Home, form: str) -> None:
    shown = home.run("incident", "answer", ID, "--format", form)
    assert shown.exit_code == 1
    for line in shown.stdout.splitlines() if form in {"ocsf", "timesketch"} else [shown.stdout]:
        json.loads(line)
    assert "build-7" in shown.stdout or form == "stix"


def test_an_sbom_of_an_asset_as_it_was(home: Home) -> None:
    then = home.run("sbom", "build-7", "--at", "2026-03-24T12:00:00Z", "--format", "json")
    assert cyclonedx_errors(then.stdout) is None
    found = json.loads(then.stdout)
    assert {one["name"] for one in found["components"]} == {"litellm", "dspy"}
    assert then.exit_code == 3, "a server may have had other environments"
    before = home.run("sbom", "asset:build-7", "--at", "2020-01-01T00:00:00Z")
    assert "build-7 (server)" in before.output
    unknown = home.run("sbom", "nobody")
    assert "nothing is known of an asset" in str(unknown.exception)
    future = home.run("sbom", "build-7", "--at", "2999-01-01T00:00:00Z")
    assert "has not come yet" in str(future.exception)


def test_an_overlay_says_what_to_disarm_and_goes_along_in_the_case(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    golden = Path(__file__).parents[1] / "golden" / "data" / "litellm-2026-03.json"
    added = home.run("advisory", "add", str(golden))
    assert added.exit_code in {0, 1, 3}, (added.output, added.exception)
    advisory = json.loads(golden.read_text("utf-8"))["id"]
    home.run("incident", "open", "--advisory", advisory, "--id", "inc")
    items = home.json("incident", "plan", "inc", "--list", "disarm")["items"]
    assert [one["target"] for one in items] == ["asset:build-7"]
    assert "sysmon" in items[0]["why"]
    case = tmp_path / "case.xpz"
    made = home.run("incident", "bundle", "inc", "-o", str(case), "--replay")
    assert made.exit_code == 0, (made.output, made.exception)
    with zipfile.ZipFile(case) as archive:
        assert archive.read("advisory/rev1.json") == golden.read_bytes()
    shown = CliRunner().invoke(cli, ["verify", str(case), "--key", home.key])
    assert "asked again from all entries, the answer is the same" in shown.output


def test_hostile_names_move_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "lap\x1b[2J\ntop\u202e"
    look = Look(
        asset=evil, asset_kind=AssetKind.LAPTOP, place_kind=PlaceKind.ENVIRONMENT,
        locator="/v\x07env", at_lo=later(5), at_hi=later(300), mode=LookMode.EVENT,
        collector="test", evidence_class=EvidenceClass.OBSERVED,
        sightings=(Sighting(item=Item(type="pypi", name="litellm", version="1.82.8"),
                            stage=Stage.EXECUTED),),
        identities=(Identity(kind="env", name="K\x1b]0;EY"),),
    )  # fmt: skip
    home = Home(tmp_path / "home", look_drafts(look, base=None, is_recorded=lambda _: False)).open()
    for words in (
        ("plan", ID), ("clocks", ID), ("notices", ID), ("answer", ID), ("show", ID),
    ):  # fmt: skip
        shown = home.run("incident", *words).output
        assert all(one.isprintable() for one in shown.split("\n")), words
    listed = home.run("sbom", evil, "--at", "2026-03-24T12:00:00Z").output
    assert "litellm" in listed
    assert all(one.isprintable() for one in listed.split("\n"))
    disarm = next(one for one in home.json("incident", "plan", ID)["items"] if one["after"])
    with pytest.raises(SystemExit):
        main(["incident", "step", ID, disarm["id"], "--state", "done", "--home", str(home.path)])
    said = capsys.readouterr().err
    assert "waits for" in said
    assert all(one.isprintable() for one in said.split("\n"))


def test_a_plan_says_when_the_incident_is_closed(home: Home) -> None:
    home.run("incident", "close", ID, "--reason", "all dead")
    assert ": all dead)" in home.run("incident", "plan", ID).output.split("\n")[0]
