"""Pages of incidents: who may see them, what stands on them, and that names cannot break them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kit.fact_story import FactStory, at, item, seen
from kit.shop import Shop
from pratique.exposure.incident import Asked, Release, WindowLine
from pratique.exposure.standing import opened_draft
from pratique.inventory.observed.model import AssetKind, Identity, PlaceKind, Relation
from pratique.ledger.entries import Draft

MARKUP = "ci/<script>alert(1)</script>"
WINDOW = WindowLine(
    channel="pypi", start=at("10:39"), end=at("11:25"), source="<b>blog</b>", confidence="low"
)


def tell(shop: Shop, story: FactStory) -> None:
    ledger = shop.door.parts.log
    drafts = [
        Draft(kind=e.kind, subject=e.subject, actor=e.actor, body=e.body) for e in story.log.kept
    ]
    ledger.append(drafts, now=shop.door.clock())


@pytest.fixture
def login(shop: Shop) -> tuple[str, str]:
    story = FactStory()
    story.run(MARKUP, seen(item("litellm", "1.82.8"), at="line 88", parents=("dspy",)))
    story.holds(MARKUP, "DEPLOY", when="10:41", kind=AssetKind.CI_RUN)
    story.fact(Relation.OPENS, "identity:ci-secret/DEPLOY", "dataset:acme")
    story.run("ci/2", whole=False)
    asked = Asked(
        releases=(Release(type="pypi", name="litellm", version="1.82.8"),), windows=(WINDOW,)
    )
    story.write(
        opened_draft("llm", asked, title="<i>LLM</i>", aware_at=at("12:00"), actor="operator:x")
    )
    tell(shop, story)
    return "ann", shop.door.add_token("ann", role="approver")


def page(shop: Shop, path: str, login: tuple[str, str]) -> str:
    answer = shop.door.ask(path, login=login)
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    assert "<script>" not in text
    assert "<i>" not in text
    assert "<b>blog" not in text
    return text


def data(shop: Shop, path: str, login: tuple[str, str]) -> Any:
    answer = shop.door.ask(path, login=login, headers={"Accept": "application/json"})
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.parametrize("path", ["/incidents", "/incidents/llm", "/incidents/llm/why?asset=ci/2"])
def test_only_approvers_see_incidents(shop: Shop, login: tuple[str, str], path: str) -> None:
    asset = "ci", shop.door.add_token("ci")
    anonymous = shop.door.ask(path)
    assert anonymous.status == 401
    assert "Basic" in anonymous.header("WWW-Authenticate")
    refused = shop.door.ask(path, login=asset)
    assert refused.status == 403
    assert b"DEPLOY" not in anonymous.body + refused.body
    assert shop.door.ask(path, login=login).status == 200
    assert shop.door.ask(path, login=login, method="HEAD").status == 200
    assert shop.door.ask(path, login=login, method="POST").status == 405


def test_the_list_leads_to_the_incident_with_all_its_counts(
    shop: Shop, login: tuple[str, str]
) -> None:
    listed = page(shop, "/incidents", login)
    assert 'href="/incidents/llm"' in listed
    text = page(shop, "/incidents/llm", login)
    for word in ("confirmed 0", "probable 1", "possible 0", "unknown 1", "cleared 0"):
        assert word in text
    assert "What we cannot see" in text
    assert "not all of it was read" in text
    assert "identity:ci-secret/DEPLOY" in text
    assert "dataset:acme" in text
    assert "revoke" in text
    assert text.index("What we cannot see") < text.index("Assets that had it")


def test_every_asset_leads_to_its_chain_of_evidence(shop: Shop, login: tuple[str, str]) -> None:
    text = page(shop, "/incidents/llm", login)
    links = re.findall(r'href="(/incidents/llm/why\?asset=[^"]+)"', text)
    assert len(links) == 2
    chains = [page(shop, link, login) for link in links]
    assert any("line 88; required by dspy" in chain for chain in chains)
    assert all("pratique ledger export --entry" in chain for chain in chains)


def test_the_json_twin_is_the_answer_itself(shop: Shop, login: tuple[str, str]) -> None:
    found = data(shop, "/incidents/llm", login)
    assert found["answer"]["counts"]["probable"] == 1
    assert found["answer"]["digest"]
    steps = [one["step"] for one in found["work"]]
    assert steps.index("snapshot") < steps.index("revoke") < steps.index("verify")
    why = data(shop, "/incidents/llm/why?asset=ci/2", login)
    assert why["why"]["line"]["rule"] == "unreadable"


def test_an_earlier_state_can_be_looked_at(shop: Shop, login: tuple[str, str]) -> None:
    now = data(shop, "/incidents/llm", login)["answer"]
    size = now["as_known_at"]
    same = data(shop, f"/incidents/llm?known={size - 1}", login)["answer"]
    assert same["counts"] == now["counts"]
    wrong = shop.door.ask("/incidents/llm?known=999999", login=login)
    assert wrong.status == 400
    assert "no entry 999999" in wrong.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/ghost",
        "/incidents/llm/why",
        "/incidents/llm?known=yesterday",
        "/incidents/llm/x",
    ],
)
def test_what_is_not_there_is_said(shop: Shop, login: tuple[str, str], path: str) -> None:
    answer = shop.door.ask(path, login=login)
    assert answer.status in {400, 404}
    assert answer.json["detail"]


def test_what_was_read_under_a_stolen_lease_stands_there(shop: Shop) -> None:
    lease = "PQL" + "A" * 17
    story = FactStory()
    story.run("ci/9", seen(item("litellm", "1.82.8")))
    stolen = (Identity(kind="lease", name=lease),)
    values = {"place": PlaceKind.SECRETS, "locator": "secrets", "identities": stolen}
    story.look("ci/9", start=at("10:41"), **values)
    terms = {
        "holder": "ann", "vendor": "acme", "project": "p", "client": "meta", "purpose": "labelling",
        "selectors": ["dialogs"], "verbs": ["read"], "copy": "marked", "budget_bytes": 1 << 30,
        "not_before": "2026-03-24T09:00:00Z", "not_after": "2036-03-24T20:00:00Z",
    }  # fmt: skip
    who = {key: terms[key] for key in ("holder", "vendor", "project", "client")}
    read = {"process": "p1", "number": 0, "names": ["192.0.2.1", "x"], "dataset": "dialogs"}
    rows = [["ab" * 16, 0, 0, 1, 131072, 200, 0, 1]]
    subject = f"lease:{lease}"
    story.write(
        Draft(kind="dataset", subject="dataset:dialogs", actor="o", body={"client": "meta"})
    )
    story.write(Draft(kind="lease", subject=subject, actor="o", body=terms))
    story.write(
        Draft(kind="reads", subject=subject, actor=subject, body=who | read | {"reads": rows})
    )
    asked = Asked(releases=(Release(type="pypi", name="litellm", version="1.82.8"),))
    story.write(opened_draft("lost", asked, title="x", aware_at=at("12:00"), actor="operator:x"))
    tell(shop, story)
    login = "ann", shop.door.add_token("ann", role="approver")
    text = page(shop, "/incidents/lost", login)
    assert f"Lease <strong>{lease}</strong>, data of meta: 131,072 bytes of 1 objects" in text
    assert "at most 1,073,741,824 bytes could be" in text
    [told] = data(shop, "/incidents/lost", login)["answer"]["reach"]["disclosed"]
    assert told["named"][0]["segments"] == [[0, 1]]
