"""The intake: batches from a real spool to a real door, each recorded once, whole or not at all."""
# ruff: noqa: E501 - one case per line reads best

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from kit.door import Door, running_door
from kit.shop import NOW
from kit.upstream import FakeUpstream
from pratique.edge.sweep.drafting import Drafting, NothingKnown
from pratique.edge.sweep.push import PushLimits, PushReport, PushTarget, parse_target, push
from pratique.edge.sweep.spool import Spool
from pratique.errors import InputError
from pratique.inventory.observed.batches import BATCH_BYTES, batch_id, render_batch
from pratique.inventory.observed.entries import facts_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Item,
    Look,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft

AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BATCH_HEADER = "X-Pratique-Batch"


def look(asset: str, *words: str, locator: str = "/srv/.venv", **more: Any) -> Look:
    return Look(
        asset=asset,
        asset_kind=AssetKind.SERVER,
        place_kind=PlaceKind.ENVIRONMENT,
        locator=locator,
        at_lo=AT,
        at_hi=AT,
        sightings=tuple(
            Sighting(item=Item(type="pypi", name=w, version="1"), stage=Stage.INSTALLED)
            for w in words
        ),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/environments",
        **more,
    )


def drafts(*looks: Look) -> list[Draft]:
    drafting = Drafting(NothingKnown())
    return [draft for one in looks for draft in drafting.drafts(one)]


class Agent:
    """A collector with its own spool."""

    def __init__(self, door: Door, folder: Path, token: str) -> None:
        self.door = door
        self.spool = Spool(folder / "spool")
        self.target = PushTarget(url=door.url, token=token)

    def put(self, *looks: Look) -> str:
        return self.spool.put(drafts(*looks)).id

    def push(self, **more: Any) -> PushReport:
        return push(self.spool, self.target, **more)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with (
        FakeUpstream() as upstream,
        running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as opened,
    ):
        yield opened


@pytest.fixture
def agent(door: Door, tmp_path: Path) -> Agent:
    return Agent(door, tmp_path, door.add_token("web-1"))


def post(
    door: Door,
    content: bytes,
    *,
    token: str = "",
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, Any]]:
    import base64  # noqa: PLC0415 - this helper alone speaks raw HTTP

    where = urlsplit(door.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    sent = {BATCH_HEADER: batch_id(content), "Content-Type": "application/json"}
    if token:
        sent["Authorization"] = "Basic " + base64.b64encode(f"__token__:{token}".encode()).decode()
    connection.request(
        method, "/_pratique/intake", body=content, headers={**sent, **(headers or {})}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body)


# ── what is taken ────────────────────────────────────────────────────────────────────────────────


def test_what_was_spooled_is_in_the_ledger_under_the_tokens_name(agent: Agent, door: Door) -> None:
    name = agent.put(look("web-1", "litellm"))
    report = agent.push()
    assert (report.sent, report.known, report.waiting, report.trouble) == (1, 0, 0, "")
    assert agent.spool.waiting() == []
    [content] = door.entries("content")
    [entry] = door.entries("look", subject="asset:web-1")
    [intake] = door.entries("intake")
    assert content.actor == entry.actor == intake.actor == "asset:web-1"
    assert entry.body["collector"] == "sweep/environments"
    assert intake.subject == f"batch:{name}"
    assert content.sequence < entry.sequence < intake.sequence


def test_the_same_batch_twice_is_recorded_once(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "litellm"))
    agent.push()
    agent.put(look("web-1", "litellm"))
    report = agent.push()
    assert (report.sent, report.known) == (1, 1)
    assert len(door.entries("look")) == len(door.entries("intake")) == 1


def test_a_batch_whose_answer_was_lost_is_recorded_once_after_a_restart(tmp_path: Path) -> None:
    content = render_batch(drafts(look("web-1", "litellm")))
    with FakeUpstream() as upstream:
        with running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as door:
            token = door.add_token("web-1")
            status, first = post(door, content, token=token)
            assert (status, first["new"]) == (201, True)
        with running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as door:
            status, again = post(door, content, token=token)
            assert (status, again["new"], again["entry"]) == (200, False, first["entry"])
            assert len(door.entries("look")) == 1


def test_one_batch_sent_by_many_at_once_is_recorded_once(agent: Agent, door: Door) -> None:
    content = render_batch(drafts(look("web-1", *(f"w{n}" for n in range(200)))))
    answers: list[int] = []
    token = agent.target.token
    threads = [
        threading.Thread(target=lambda: answers.append(post(door, content, token=token)[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(answers) == [200] * 7 + [201]
    assert len(door.entries("look")) == 1


def test_a_content_that_is_known_is_not_written_again(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "litellm"))
    agent.push()
    agent.put(look("web-1", "litellm", locator="/other"))
    agent.push()
    assert len(door.entries("content")) == 1
    assert len(door.entries("look")) == 2
    assert door.entries("intake")[1].body["known"] == 1


def test_order_is_kept(agent: Agent, door: Door) -> None:
    for n in range(5):
        agent.put(look("web-1", f"w{n}"))
    assert agent.push().sent == 5
    names = [e.body["added"][0]["item"]["name"] for e in door.entries("content")]
    assert names == [f"w{n}" for n in range(5)]


def test_what_was_pushed_can_be_asked(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "litellm"))
    agent.push()
    inventory = door.parts.presence.inventory
    [item] = inventory.items_named([("pypi", "litellm")], tx=10**9)
    assert item.version == "1"


# ── who may say what ─────────────────────────────────────────────────────────────────────────────


def test_an_asset_speaks_for_itself_and_what_is_named_below_it(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "a"))
    agent.put(look("web-1/container-7", "b"))
    agent.put(look("web-2", "c"))
    agent.put(look("web-10", "d"))
    agent.put(look("web-1", "e"))
    report = agent.push()
    assert report.sent == 3
    assert len(report.refused) == 2
    assert "speaks for web-1 only" in report.refused[0]
    assert {e.subject for e in door.entries("look")} == {"asset:web-1", "asset:web-1/container-7"}
    assert len(list((agent.spool._folder / "refused").glob("*.why.txt"))) == 2


def test_a_collector_speaks_for_many_and_installs_nothing(door: Door, tmp_path: Path) -> None:
    token = door.add_token("fleet", role="collector")
    agent = Agent(door, tmp_path, token)
    agent.put(look("web-2", "c"), look("image/sha256:" + "ab" * 32, "d"))
    agent.spool.put(
        facts_drafts(
            [Fact(relation=Relation.OPERATED_BY, subject="asset:web-2", object="vendor:x")],
            source="cmdb",
            actor="",
        )
    )
    assert agent.push().sent == 2
    assert door.entries("look")[0].actor == "collector:fleet"
    assert len(door.entries("facts")) == 1
    assert door.ask("/pypi/simple/demo/", login=("__token__", token)).status == 403
    assert door.ask("/pypi/packages/x", login=("__token__", token)).status == 403


def test_facts_need_a_collector(agent: Agent) -> None:
    agent.spool.put(
        facts_drafts(
            [Fact(relation=Relation.OPERATED_BY, subject="asset:web-2", object="vendor:x")],
            source="cmdb",
            actor="",
        )
    )
    assert "collector's token" in agent.push().refused[0]


def test_without_a_token_nothing_is_taken_even_from_loopback(door: Door) -> None:
    status, answer = post(door, render_batch(drafts(look("web-1", "a"))))
    assert status == 403
    assert "token" in answer["detail"]
    token = door.add_token("boss", role="approver")
    assert post(door, render_batch(drafts(look("boss", "a"))), token=token)[0] == 403
    assert door.entries("look", at_least=0) == []


def test_a_revoked_token_lets_batches_wait(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "a"))
    door.revoke_token("web-1")
    report = agent.push()
    assert "revoked" in report.trouble
    assert report.waiting == 1
    agent.target = PushTarget(url=door.url, token=door.add_token("web-1"))
    assert agent.push().sent == 1


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


def wire(*entries: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode({"format": 1, "drafts": list(entries), **more})


def plain(one: Draft) -> dict[str, Any]:
    return {"kind": one.kind, "subject": one.subject, "body": one.body}


OTHER, _OTHER_LOOK = (plain(one) for one in drafts(look("web-2", "litellm")))
CONTENT, LOOK = (plain(one) for one in drafts(look("web-1", "a")))


def spoilt(one: dict[str, Any], **body: Any) -> dict[str, Any]:
    return {**one, "body": {**one["body"], **body}}


BAD: dict[str, bytes] = {
    "no JSON": b"{",
    "nothing": wire(),
    "another format": wire(LOOK, format=2),
    "another kind": wire({**LOOK, "kind": "waiver"}),
    "a token entry": wire({"kind": "token", "subject": "token:x", "body": {}}),
    "an actor": wire({**LOOK, "actor": "operator:root"}),
    "no asset": wire(CONTENT, {**LOOK, "subject": "web-1"}),
    "a look that ends before it starts": wire(CONTENT, spoilt(LOOK, at_hi="2020-01-01T00:00:00Z")),
    "a stage that is none": wire(spoilt(CONTENT, added=[{"item": {"type": "pypi", "name": "a"}, "stage": 9}]), LOOK),
    "a part that is none": wire(spoilt(CONTENT, part=1), LOOK),
    "a content with no id": wire({**CONTENT, "subject": "content:x"}, LOOK),
    "a base outside": wire(spoilt(CONTENT, base="ab" * 16), LOOK),
    "a look at a content outside": wire(LOOK),
    "a content under another's name": wire({**CONTENT, "subject": OTHER["subject"]}, {**LOOK, "body": {**LOOK["body"], "content": OTHER["subject"][8:]}}),
    "a content under another's name, not looked at": wire({**CONTENT, "subject": OTHER["subject"]}, CONTENT, LOOK),
    "half of another's content": wire(spoilt(OTHER, parts=2), CONTENT, LOOK),
    "a content told twice": wire(CONTENT, CONTENT, LOOK),
    "a content that changes itself": wire(spoilt(CONTENT, base=CONTENT["subject"][8:]), LOOK),
    "a look from the future": wire(CONTENT, spoilt(LOOK, at_hi="2099-01-01T00:00:00Z", mode="event")),
    "a number that no ledger holds": wire(CONTENT, spoilt(LOOK, gaps_total=2**60)),
    "an entry that is too large": wire(CONTENT, spoilt(LOOK, locator="x" * 70_000)),
    "too many": wire(*[LOOK] * 1001),
    "deep": wire({**LOOK, "body": {"a": json.loads("[" * 300 + "]" * 300)}}),
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_batch_is_taken_whole_or_not_at_all(agent: Agent, door: Door, content: bytes) -> None:
    status, answer = post(door, content, token=agent.target.token)
    assert status == 422, answer
    assert answer["detail"]
    assert door.entries("look", at_least=0) == []
    assert door.entries("content", at_least=0) == []


def test_bytes_that_are_not_those_of_the_name_change_nothing(agent: Agent, door: Door) -> None:
    content = render_batch(drafts(look("web-1", "a")))
    for name in ("", "0" * 64, batch_id(content)[:63]):
        status, _ = post(door, content, token=agent.target.token, headers={BATCH_HEADER: name})
        assert status == 400
    assert door.entries("look", at_least=0) == []


def test_a_batch_that_is_too_large_is_not_read(agent: Agent, door: Door) -> None:
    status, _ = post(door, b" " * (BATCH_BYTES + 1), token=agent.target.token)
    assert status == 413


def test_only_post(agent: Agent, door: Door) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert post(door, b"", token=agent.target.token, method=method)[0] == 405


# ── the server is away ───────────────────────────────────────────────────────────────────────────


def test_batches_wait_for_a_server_that_is_away(agent: Agent, tmp_path: Path) -> None:
    agent.put(look("web-1", "a"))
    target = PushTarget(url="http://127.0.0.1:9", token="x")
    report = push(agent.spool, target, limits=PushLimits(connect_seconds=1, batch_seconds=2))
    assert "cannot be reached" in report.trouble
    assert report.waiting == 1
    assert agent.push().sent == 1


def test_an_answer_of_something_else_removes_nothing(agent: Agent, door: Door) -> None:
    agent.put(look("web-1", "a"))
    elsewhere = PushTarget(url=f"{door.url}/pypi/simple", token=agent.target.token)
    report = push(agent.spool, elsewhere)
    assert report.trouble
    assert (report.sent, report.waiting) == (0, 1)


def test_two_that_send_one_spool_do_not_meet(agent: Agent) -> None:
    agent.put(look("web-1", "a"))
    with agent.spool.exclusive() as mine:
        assert mine
        assert "another process" in agent.push().trouble
    assert agent.push().sent == 1


def test_tls_is_verified(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        FakeUpstream() as upstream,
        running_door(home=home, upstream=upstream, now=NOW, settings=TLS) as door,
    ):
        agent = Agent(door, tmp_path, door.add_token("web-1"))
        agent.put(look("web-1", "a"))
        assert "not trusted" in agent.push().trouble
        agent.target = PushTarget(url=door.url, token=agent.target.token, ca_file=door.ca)
        assert agent.push().sent == 1


TLS = """
[door]
tls_certificate = "auto"
[[upstream]]
name = "public"
url = "{upstream}"
[vet]
mode = "off"
"""

# ── the token ────────────────────────────────────────────────────────────────────────────────────


def test_a_target_is_checked_and_its_token_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("pratique_canary\n")
    target = parse_target("https://door.example/", file)
    assert (target.url, target.token) == ("https://door.example", "pratique_canary")
    assert "canary" not in repr(target)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert parse_target("http://127.0.0.1:8420", link).token == "pratique_canary"
    for url in (
        "http://door.example",
        "ftp://x",
        "door.example",
        "https://u:p@door.example",
        "https://x/?a",
    ):
        with pytest.raises(InputError):
            parse_target(url, file)
    for text in ("", "two words\n", "é", "a\nb"):
        file.write_text(text)
        with pytest.raises(InputError, match="token"):
            parse_target("https://door.example", file)
    with pytest.raises(InputError, match="cannot read the token file"):
        parse_target("https://door.example", tmp_path / "missing")
