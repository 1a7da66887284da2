"""From a poisoned host to the segments that left: sweep, lease, dataset, client, access log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.disclosure import LARGE, SMALL, House, house, reading
from kit.waiting import comes
from pratique.custody.model import SEGMENT_BYTES, Lease, Verb
from pratique.doors.cli import cli
from pratique.ledger.entries import Draft
from pratique.store.logs import open_log
from pratique.store.presence import open_presence
from pratique.values.instants import now_utc

CANARY = "wJalrXUtnFEMIK7MDENGbPxRfiCYcanary0"


def poisoned(folder: Path, lease: str, secret: str) -> Path:
    """A laptop with a bad release, and a lease among its credentials."""
    site = folder / "dev/.venv/lib/python3.11/site-packages"
    info = site / "litellm-1.82.8.dist-info"
    info.mkdir(parents=True)
    (folder / "dev/.venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.82.8\n")
    (info / "RECORD").write_text("litellm-1.82.8.dist-info/METADATA,,\n")
    (info / "INSTALLER").write_text("pip\n")
    keys = folder / "dev/.aws"
    keys.mkdir()
    (keys / "credentials").write_text(
        f"[lab]\naws_access_key_id = {lease}\naws_secret_access_key = {secret}\n"
    )
    return folder


def _kinds(place: House) -> set[str]:
    with closing(open_log(place.made.settings)) as log:
        return {entry.kind for entry in log.entries()}


@dataclass
class Case:
    place: House
    stolen: Lease
    safe: Lease
    secret: str


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with house(tmp_path_factory.mktemp("house")) as place:
        stolen, safe = place.grant(holder="ann"), place.grant(holder="bob", vendor="beta")
        other = place.grant(client="globex", selectors=("corpus",), holder="zoe")
        folder = tmp_path_factory.mktemp("host")

        async def read() -> None:
            async with reading(place) as get:
                assert await get(stolen, "small")  # before there was anything to fear
                assert await comes(lambda: "reads" in _kinds(place))
                await asyncio.sleep(0.05)
                poisoned(folder, stolen[0].id, CANARY)
                await asyncio.sleep(0.05)
                assert await get(stolen, "large", "65536-131071") == LARGE[65536:131072]
                assert await get(stolen, "large", "2000000-2000000")
                assert await get(safe, "large") == LARGE
                assert await get(other, "theirs", dataset="corpus") == SMALL

        asyncio.run(read())
        swept = place.run("sweep", str(folder), "--asset", "laptop-ann")
        assert swept.exit_code in {0, 3}, swept.output
        yield Case(place, stolen[0], safe[0], stolen[1])


def answered(case: Case, *words: str) -> dict[str, Any]:
    result = case.place.run(*words, "--format", "json")
    assert result.exit_code in {0, 1, 3}, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def opened(case: Case) -> dict[str, Any]:
    return answered(
        case, "incident", "open", "litellm==1.82.8", "--id", "INC-7", "--asset", "laptop-ann"
    )


def test_the_chain_leads_from_the_host_to_the_client(case: Case, opened: dict[str, Any]) -> None:
    reach = opened["reach"]
    identities = [one["entity"] for one in reach["identities"]]
    assert f"identity:lease/{case.stolen.id}" in identities
    assert f"identity:lease/{case.safe.id}" not in identities
    assert [one["entity"] for one in reach["datasets"]] == ["dataset:dialogs"]
    assert [one["entity"] for one in reach["clients"]] == ["client:meta"]
    assert [one["entity"] for one in reach["vendors"]] == ["vendor:acme"]
    [client] = reach["clients"]
    path = [step["relation"] for step in client["proof"]]
    assert path == ["holds", "opens", "belongs-to"]
    lease = next(one for one in reach["identities"] if one["entity"].endswith(case.stolen.id))
    assert lease["end"].startswith(case.stolen.not_after.strftime("%Y-%m-%dT%H:%M"))


def test_what_was_disclosed_is_told_to_the_segment(case: Case, opened: dict[str, Any]) -> None:
    [told] = opened["reach"]["disclosed"]
    assert (told["lease"], told["client"], told["holder"]) == (case.stolen.id, "meta", "ann")
    [read] = told["named"]
    assert read["object"] == case.place.objects["large"].id
    assert read["segments"] == [[1, 1], [30, 30]], "what it read before the theft is not among it"
    assert (told["bytes"], told["objects"], told["reads"]) == (2 * SEGMENT_BYTES, 1, 2)
    assert told["budget_bytes"] == case.stolen.budget_bytes
    assert told["presumed"] is False
    log = json.loads(
        case.place.run(
            "dataset",
            "log",
            "--lease",
            case.stolen.id,
            "--since",
            told["start"],
            "--format",
            "json",
        ).stdout
    )
    [logged] = log["leases"][0]["datasets"][0]["objects"]
    assert logged["segments"] == read["segments"]


def test_the_answer_says_it_in_words(case: Case, opened: dict[str, Any]) -> None:
    assert opened["incident"] == "INC-7"
    text = case.place.run("incident", "show", "INC-7").output
    assert "DISCLOSED UNDER THESE LEASES" in text
    assert "128.0 KiB of 1 objects, 2 segments of 64 KiB, in 2 reads from 1 addresses" in text
    assert "segments 1, 30" in text
    assert "could have been read at most: 1.0 GiB" in text


def test_why_says_it_of_the_asset(case: Case, opened: dict[str, Any]) -> None:
    assert opened["incident"]
    text = case.place.run("incident", "why", "INC-7", "asset:laptop-ann").output
    assert f"it held identity:lease/{case.stolen.id}" in text
    assert "read under it meanwhile: 131,072 bytes of 1 objects of client meta" in text
    assert "it ends at" in text


def test_no_secret_is_anywhere(case: Case, opened: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(opened)
    with closing(open_log(case.place.made.settings)) as log:
        whole = b"".join(log.leaves())
    assert CANARY.encode() not in whole
    assert case.secret.encode() not in whole
    assert case.stolen.id.encode() in whole, "an access key is a name"


@pytest.mark.slow
def test_the_plan_revokes_by_command_and_settles_by_the_ledger(
    case: Case, opened: dict[str, Any]
) -> None:
    assert opened["incident"]
    items = answered(case, "incident", "plan", "INC-7")["items"]
    about = [one for one in items if one["target"] == f"identity:lease/{case.stolen.id}"]
    assert [one["step"] for one in about] == ["revoke"], "nothing is issued anew or tried out"
    assert f"pratique lease revoke {case.stolen.id} --reason" in about[0]["why"]
    assert about[0]["why"].endswith("--incident INC-7")
    vendor = next(
        one for one in items if (one["step"], one["target"]) == ("isolate", "vendor:acme")
    )
    assert "pratique scope suspend vendor:acme" in vendor["why"]


def test_notices_have_the_figures_and_no_other_name(case: Case, opened: dict[str, Any]) -> None:
    assert opened["incident"]
    notices = answered(case, "incident", "notices", "INC-7")["notices"]
    by_party = {one["party"]: one for one in notices}
    assert set(by_party) == {"client:meta", "vendor:acme"}
    known = " ".join(by_party["client:meta"]["known"])
    assert f"Under lease {case.stolen.id} 128.0 KiB of 1 objects of your data were read" in known
    assert "At most 1.0 GiB could have been" in known
    assert "the log knows the lease, not the hand" in " ".join(by_party["client:meta"]["not_known"])
    for one in notices:
        assert "globex" not in json.dumps(one)
    assert "acme" not in json.dumps(by_party["client:meta"])


def test_a_case_for_the_client_holds_and_names_nobody_else(
    case: Case, opened: dict[str, Any], tmp_path: Path
) -> None:
    assert opened["incident"]
    file = tmp_path / "case.xpz"
    made = case.place.run("incident", "bundle", "INC-7", "--client", "meta", "-o", str(file))
    assert made.exit_code in {0, 1, 3}, made.output
    verified = CliRunner().invoke(cli, ["verify", str(file), "--format", "json"])
    assert verified.exit_code == 0, verified.output
    data = file.read_bytes()
    assert b"globex" not in data
    assert b"acme" not in data
    assert b"What was read under these leases" in data
    assert case.stolen.id.encode() in data


def test_a_whole_case_asked_again_gives_the_same(
    case: Case, opened: dict[str, Any], tmp_path: Path
) -> None:
    assert opened["incident"]
    file = tmp_path / "case.xpz"
    made = case.place.run("incident", "bundle", "INC-7", "--replay", "-o", str(file))
    assert made.exit_code in {0, 1, 3}, made.output
    verified = CliRunner().invoke(cli, ["verify", str(file), "--format", "json"])
    assert verified.exit_code == 0, verified.output
    assert json.loads(verified.stdout)["asked_again"] is True


def test_first_figures_count_them_too(case: Case) -> None:
    found = answered(case, "exposed", "litellm==1.82.8", "--counts")
    counted = {kind: one["count"] for kind, one in found["one_step"].items()}
    assert (counted["dataset"], counted["client"]) == (1, 1)


def test_a_rebuild_gives_the_same_tables(case: Case) -> None:
    def rows() -> dict[str, Any]:
        settings = case.place.made.settings
        with (
            closing(open_log(settings)) as log,
            closing(open_presence(settings, log=log)) as presence,
        ):
            presence.catch_up()
            database = presence._database
            counted = database.fetch("count_fact_rows")
            reader = database._reader
            return {
                name: sorted(reader.execute(f"SELECT * FROM {name}"), key=repr)
                for name, _ in counted
            }

    before = rows()
    assert case.place.run("ledger", "rebuild").exit_code == 0
    assert rows() == before
    assert before["custody_entries"]


def test_a_lease_that_only_writes_opens_nothing(case: Case) -> None:
    lease, _ = case.place.grant(verbs=frozenset({Verb.WRITE}), holder="uploader")
    with (
        closing(open_log(case.place.made.settings)) as log,
        closing(open_presence(case.place.made.settings, log=log)) as presence,
    ):
        presence.catch_up()
        opened = presence.inventory.edges_from(
            "opens", [f"identity:lease/{lease.id}"], tx=2**53 - 1
        )
        assert list(opened) == []


def test_a_revoked_lease_is_settled_and_its_window_ends(case: Case) -> None:
    place = case.place
    lease, secret = place.grant(holder="late")
    folder = place.home.parent / "second-host"
    poisoned(folder, lease.id, secret)
    assert place.run("sweep", str(folder), "--asset", "laptop-late").exit_code in {0, 3}
    body = {
        "changed": "state", "state": "ended", "reason": "lost laptop", "incident": "INC-8",
        "cap_bytes": 1, "cap_objects": 1, "epoch": 1, "by_rule": "",
    }  # fmt: skip
    draft = Draft(kind="scope", subject=f"scope:lease:{lease.id}", actor="operator:o", body=body)
    at = now_utc()
    place.record(draft)
    found = answered(
        case, "incident", "open", "litellm==1.82.8", "--id", "INC-8", "--asset", "laptop-late"
    )
    [told] = found["reach"]["disclosed"]
    assert told["revoked_at"] is not None
    assert told["end"] is not None
    assert told["end"] < lease.not_after.isoformat()
    assert told["bytes"] == 0
    text = place.run("incident", "show", "INC-8").output
    assert "nothing was read" in text
    items = answered(case, "incident", "plan", "INC-8")["items"]
    [revoke] = [one for one in items if one["target"].endswith(lease.id)]
    assert revoke["state"] == "not-needed"
    assert "revoked at" in revoke["reason"]
    assert at < now_utc()
