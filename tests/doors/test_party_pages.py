"""The pages of parties: who may see them, what stands on them, and that the form suspends in order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.asking import Answer
from kit.custody import a_dataset, a_lease, lease_id
from kit.devtools import chromium_tab
from kit.shop import NOW, Shop
from pratique.ledger.entries import Draft
from pratique.parties.entries import (
    FindingBody,
    contract_draft,
    evidence_draft,
    finding_draft,
    party_draft,
    project_draft,
)
from pratique.parties.model import (
    Action,
    Contact,
    Contract,
    Evidence,
    EvidenceKind,
    FindingState,
    Found,
    Party,
    PartyKind,
    Project,
    Promise,
    Severity,
    Signature,
)
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody

MARKUP = "<script>alert(1)</script>"


def register() -> list[Draft]:
    vendor, client = PartyKind.VENDOR, PartyKind.CLIENT
    parties = [
        Party(name="mercury", kind=PartyKind.OWN),
        Party(
            name="acme",
            kind=vendor,
            title=f"Acme {MARKUP}",
            contacts=(Contact(role="security", address="soc@acme.example"),),
            promises=(Promise(evidence="sbom", every_days=30, basis="MSA 4.2"),),
        ),
        Party(name="annotators", kind=vendor, works_for=("acme",)),
        Party(name="meta", kind=client),
        Party(name="talkers", kind=PartyKind.PEOPLE, datasets=("dialogs",)),
    ]
    project = Project(
        name="dialogs", vendor="acme", client="meta", purpose="labelling", datasets=("dialogs",)
    )
    contracts = [
        Contract(id="msa", party="acme", starts=NOW.date(), evidence_hours=48, basis="MSA 9.1"),
        Contract(id="dpa", party="meta", starts=NOW.date(), notice_hours=24, basis="DPA 7"),
    ]
    found = Found(
        rule="evidence-fresh",
        party="acme",
        subject="sbom",
        severity=Severity.HIGH,
        sentence=f"no SBOM was ever given {MARKUP}",
        action=Action.ALERT,
    )
    broken = Evidence(
        party="acme",
        kind=EvidenceKind.ATTESTATION,
        sha256="0" * 64,
        size=1,
        media_type="application/json",
        filename="build.dsse",
        subjects=(),
        made_at=None,
        expires_at=None,
        signature=Signature.BROKEN,
        signer="",
        claims=(),
        claims_total=0,
        faults=("the signature does not fit the bytes",),
    )
    by = "operator:ann"
    return [
        *(party_draft(one.name, one, source="", actor=by) for one in parties),
        project_draft(project.id, project, source="", actor=by),
        *(contract_draft(one.id, one, source="", actor=by) for one in contracts),
        finding_draft(FindingBody(found=found, state=FindingState.OPEN, owner="vera"), actor=by),
        evidence_draft(broken, actor=by),
    ]


@pytest.fixture
def state(shop: Shop) -> Iterator[CustodyStore]:
    shop.door.parts.log.append(register(), now=shop.door.clock())
    with closing(open_custody(Settings(home=shop.door.home))) as opened:
        opened.add_dataset(a_dataset())
        for number, vendor in enumerate(("acme", "acme", "annotators", "globex"), start=1):
            lease = a_lease(id=lease_id(number), granted_at=NOW, not_before=NOW)
            until = NOW + timedelta(hours=4)
            opened.add_lease(replace(lease, holder=f"p-{number}", vendor=vendor, not_after=until))
        yield opened


@pytest.fixture
def login(shop: Shop) -> tuple[str, str]:
    return "ann", shop.door.add_token("ann", role="approver")


def page(shop: Shop, login: tuple[str, str], path: str) -> str:
    answer = shop.door.ask(path, login=login)
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    assert "<script>" not in text
    return text


def data(shop: Shop, login: tuple[str, str], path: str) -> Any:
    answer = shop.door.ask(f"{path}?format=json", login=login)
    assert answer.status == 200, answer.body
    return answer.json


def send(shop: Shop, login: tuple[str, str], name: str = "acme", **form: str) -> Answer:
    fields = {"action": "suspend", "reason": "theft", "incident": "INC-42", "token": login[1]}
    return shop.door.ask(
        f"/parties/{name}/suspend", method="POST", login=login, form={**fields, **form}
    )


@pytest.mark.usefixtures("state")
def test_only_approvers_see_parties(shop: Shop, login: tuple[str, str]) -> None:
    asset = "ci", shop.door.add_token("ci")
    for path in ("/parties", "/parties/acme"):
        anonymous = shop.door.ask(path)
        assert anonymous.status == 401
        assert "Basic" in anonymous.header("WWW-Authenticate")
        assert shop.door.ask(path, login=asset).status == 403
        assert shop.door.ask(path, login=login).status == 200
    assert shop.door.ask("/parties/nobody", login=login).status == 404
    assert shop.door.ask("/parties/acme/x/y", login=login).status == 404


@pytest.mark.usefixtures("state")
def test_the_list_says_how_each_party_stands(shop: Shop, login: tuple[str, str]) -> None:
    found = {one["name"]: one for one in data(shop, login, "/parties")["parties"]}
    assert list(found) == ["mercury", "acme", "annotators", "meta", "talkers"]
    acme = found["acme"]
    assert (acme["leases"], acme["findings"], acme["worst"]) == (2, 1, "high")
    assert (acme["promises_kept"], acme["promises"], acme["state"]) == (0, 1, "live")
    assert found["meta"]["leases"] == 4
    assert "no SBOM was ever given" in page(shop, login, "/parties")


@pytest.mark.usefixtures("state")
def test_a_party_is_shown_with_what_is_known_and_how(shop: Shop, login: tuple[str, str]) -> None:
    found = data(shop, login, "/parties/acme")
    assert {one["standing"] for one in found["lines"]} == {"observed", "claimed"}
    observed = [one["text"] for one in found["lines"] if one["standing"] == "observed"]
    assert observed == ["2 unexpired, held by p-1, p-2"]
    assert [one["kept"] for one in found["promises"]] == [False]
    assert [one["faults"] for one in found["faulty"]] == [["the signature does not fit the bytes"]]
    assert found["projects"] == ["acme/dialogs for meta: labelling"]
    text = page(shop, login, "/parties/acme")
    for words in ("soc@acme.example", "MSA 4.2", "not kept", "vera", "See what would stop"):
        assert words in text, words
    assert "See what would stop" not in page(shop, login, "/parties/talkers")


def test_looking_changes_nothing_and_names_what_would_stop(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    shop.door.add_token("acme-ci", party="acme")
    size = shop.door.parts.log.size()
    answer = send(shop, login, action="look")
    assert answer.status == 200
    for words in ("Would stop", "p-1 of acme", "p-3 of annotators", "acme-ci", "meta: notify by"):
        assert words in answer.body.decode(), words
    assert "globex" not in answer.body.decode()
    assert list(state.standing_holds()) == []
    kinds = {one.kind for one in shop.door.parts.log.entries(size)}
    assert "suspension" not in kinds


def test_the_form_suspends_and_the_pages_say_so(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    answer = send(shop, login)
    assert answer.status == 200, answer.body
    assert "Suspended as S-" in answer.body.decode()
    [hold] = state.standing_holds()
    assert (hold.reason, hold.incident, sorted(hold.vendors)) == (
        "theft", "INC-42", ["acme", "annotators"],
    )  # fmt: skip
    [entry] = [one for one in shop.door.parts.log.entries() if one.kind == "suspension"]
    assert entry.actor == "approver:ann"
    assert entry.body["leases"] == 3
    listed = data(shop, login, "/parties")
    assert [one["incident"] for one in listed["suspensions"]] == ["INC-42"]
    states = {one["name"]: one["state"] for one in listed["parties"]}
    assert (states["acme"], states["annotators"], states["meta"]) == (
        "suspended", "suspended", "live",
    )  # fmt: skip
    shown = data(shop, login, "/parties/acme")
    assert [one["duty"] for one in shown["clocks"]] == ["evidence"]
    assert login[1].encode() not in shop.door.everything_written()


def test_alone_leaves_sub_processors_at_work(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    assert send(shop, login, alone="yes", kind="read").status == 200
    [hold] = state.standing_holds()
    assert (sorted(hold.vendors), hold.kind.value) == (["acme"], "read")


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"token": "wrong"}, 403, "not the token of an approver"),
        ({"action": "burn"}, 400, "look or suspend?"),
        ({"reason": ""}, 400, "Nothing was changed"),
        ({"kind": "x"}, 400, "no kind of leases"),
        ({"project": "nothing"}, 400, "that would stop nothing"),
    ],
)
def test_wrong_forms_change_nothing(
    shop: Shop,
    state: CustodyStore,
    login: tuple[str, str],
    form: dict[str, str],
    status: int,
    said: str,
) -> None:
    answer = send(shop, login, **form)
    assert answer.status == status
    assert said in answer.body.decode()
    assert list(state.standing_holds()) == []


def test_people_cannot_be_suspended(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    answer = send(shop, login, name="talkers")
    assert answer.status == 400
    assert "group of people" in answer.body.decode()
    assert list(state.standing_holds()) == []


def test_without_parties_the_page_says_how_to_begin(shop: Shop, login: tuple[str, str]) -> None:
    text = page(shop, login, "/parties")
    for words in ("pratique party import", "pratique party check"):
        assert words in text


@pytest.mark.chromium
@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_pages_in_a_real_browser(
    shop: Shop, login: tuple[str, str], tmp_path: Path, width: int
) -> None:
    assert send(shop, login).status == 200
    base = shop.door.url.replace("://", f"://{login[0]}:{login[1]}@")
    async with chromium_tab(tmp_path / "profile", width=width, height=1800) as tab:
        for name, path in (("parties", "/parties"), ("party", "/parties/acme")):
            await tab.open(f"{base}{path}", {})
            await tab.until("document.body && document.body.innerText.includes('INC-42')")
            wide = await tab.ask("document.documentElement.scrollWidth <= window.innerWidth")
            assert wide, f"{path} scrolls sideways at {width}"
            shot = tmp_path / f"{name}-{width}.png"
            await tab.screenshot(shot)
            if kept := os.environ.get("PRATIQUE_TEST_SCREENSHOTS"):
                shutil.copy(shot, kept)
