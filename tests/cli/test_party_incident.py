"""What a party is told of an incident, and the proof that goes with it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.response_home import ID, Home
from pratique.doors.cli import cli
from pratique.ledger.entries import Draft
from pratique.parties.entries import contract_draft, party_draft
from pratique.parties.model import Contract, Party, PartyKind
from pratique.values.instants import parse_instant

OP = "operator:ann"


def registered() -> list[Draft]:
    parties = [
        Party(name="globex", kind=PartyKind.CLIENT),
        Party(name="hooli", kind=PartyKind.CLIENT),
        Party(name="candidates-eu", kind=PartyKind.PEOPLE, datasets=("interviews",)),
        Party(name="vandelay", kind=PartyKind.VENDOR, title="Vandelay Industries"),
    ]
    found = [party_draft(one.name, one, source="", actor=OP) for one in parties]
    contract = Contract(
        id="globex-dpa", party="globex", starts=parse_instant("2025-01-01").date(), update_hours=12
    )
    return [*found, contract_draft(contract.id, contract, source="", actor=OP)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", more=registered()).open()


def test_a_client_is_told_from_the_answer_with_entries(home: Home) -> None:
    drafted = home.json("party", "notice", "globex", "--incident", ID)
    assert drafted["cause"] == ID
    said = [one for section in ("known", "not_known", "done", "asked") for one in drafted[section]]
    assert said
    assert all(one["entries"] for one in said), [one for one in said if not one["entries"]]
    assert any("Data concerned: interviews" in one["text"] for one in drafted["known"])
    text = json.dumps(drafted).lower()
    for other in ("hooli", "vandelay", "initech"):
        assert other not in text


def test_sending_settles_the_incidents_own_plan_and_clock(home: Home) -> None:
    before = home.json("party", "clocks")["clocks"]
    assert any(one["party"] == "client:Globex" and one["met_at"] is None for one in before)
    sent = home.run("party", "notice", "globex", "--incident", ID, "--sent", "--channel", "e-mail")
    assert sent.exit_code == 0, sent.output + repr(sent.exception)
    after = home.json("party", "clocks")["clocks"]
    assert not any(one["party"] == "client:Globex" for one in after), "it is told"
    assert [one["id"] for one in after if one["party"] == "globex"] == [f"{ID}/globex/update/1"]
    steps = home.json("incident", "plan", ID, "--list", "notify")["items"]
    assert {one["target"]: one["state"] for one in steps}["client:Globex"] == "done"


def test_whoever_is_not_concerned_gets_the_proof_of_it(home: Home) -> None:
    done = home.run("party", "notice", "hooli", "--incident", ID)
    assert "pratique party proof hooli" in str(done.exception)


def test_a_clients_proof_holds_and_names_no_other_client(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "case.xpz"
    done = home.run("party", "proof", "globex", "--incident", ID, "-o", str(file))
    assert done.exit_code == 0, done.output + repr(done.exception)
    checked = CliRunner().invoke(cli, ["verify", str(file), "--key", home.key])
    assert checked.exit_code == 0, checked.output
    inside = members(file)
    text = b"".join(inside.values()).decode("utf-8", "replace").lower()
    assert "globex" in text
    for other in ("hooli", "vandelay", "initech"):
        assert other not in text


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("words", "says"), [
    (["vandelay", "--incident", ID], "is no client"),
    (["globex", "--incident", "nothing"], "nothing"),
])  # fmt: skip
def test_what_has_no_proof_is_refused(
    home: Home, tmp_path: Path, words: list[str], says: str
) -> None:
    file = tmp_path / "case.xpz"
    done: Any = home.run("party", "proof", *words, "-o", str(file))
    assert says in str(done.exception)
    assert not file.exists()
