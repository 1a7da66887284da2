"""Parties at the door: evidence and observations with a token of their own, and nothing of others."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner

from kit.door import Door, running_door
from kit.parties import ACME, CAIQ, OTHER, OTHER_KEY, bill, encoded, envelope, statement
from kit.shop import NOW
from kit.upstream import FakeUpstream
from pratique.doors.cli import cli
from pratique.doors.parties import service
from pratique.doors.parties.service import MAX_PIECES
from pratique.edge.sweep.drafting import Drafting, NothingKnown
from pratique.inventory.observed.batches import batch_id, render_batch
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft
from pratique.parties.entries import FindingBody, clock_draft, finding_draft, party_draft
from pratique.parties.model import Action, FindingState, Found, NoticeClock, Severity
from pratique.store.logs import open_log
from pratique.store.party_status import StatusDesk
from pratique.values.instants import render_instant

EVIDENCE = "/_pratique/party/evidence"
SELF = "/_pratique/party/self"


def record(door: Door, drafts: Sequence[Draft]) -> None:
    """As another process does."""
    with closing(open_log(door.settings)) as log:
        log.append(drafts, now=door.clock())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with (
        FakeUpstream() as upstream,
        running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as opened,
    ):
        drafts = [
            party_draft(one.name, one, source="", actor="operator:ann") for one in (ACME, OTHER)
        ]
        record(opened, drafts)
        yield opened


@pytest.fixture
def acme(door: Door) -> str:
    return door.add_token("acme-push", role="party", party="acme")


def ask(
    door: Door, token: str, path: str, content: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    where = urlsplit(door.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    login = base64.b64encode(f"__token__:{token}".encode()).decode()
    method = "GET" if content is None else "POST"
    connection.request(
        method, path, body=content, headers={"Authorization": f"Basic {login}", **headers}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body)


def fresh_bill(name: str = "labeler") -> dict[str, Any]:
    document = bill(name)
    document["metadata"]["timestamp"] = render_instant(NOW - timedelta(hours=1))
    return document


# ── evidence ─────────────────────────────────────────────────────────────────────────────────


def test_a_vendor_gives_evidence_once_and_it_becomes_a_look(door: Door, acme: str) -> None:
    content = encoded(fresh_bill())
    status, answer = ask(door, acme, f"{EVIDENCE}?filename=bom.json", content)
    assert (status, answer["kind"], answer["faults"]) == (201, "sbom", [])
    [entry] = door.entries("evidence")
    assert (entry.subject, entry.actor, entry.sequence) == (
        "party:acme", "party:acme", answer["entry"],
    )  # fmt: skip
    assert entry.body["filename"] == "bom.json"
    assert door.entries("look", subject="asset:vendor/acme/labeler")
    again, told = ask(door, acme, EVIDENCE + "?filename=bom.json", content)
    assert (again, told["new"], told["entry"]) == (200, False, answer["entry"])
    assert len(door.entries("evidence")) == 1


def test_what_is_wrong_is_recorded_and_answered_without_naming_others(
    door: Door, acme: str
) -> None:
    said = statement({"verificationResult": "PASSED", "timeVerified": render_instant(NOW)})
    status, answer = ask(door, acme, EVIDENCE, encoded(envelope(said, OTHER_KEY)))
    assert (status, answer["signature"], answer["signer"]) == (201, "broken", "")
    assert answer["faults"] == [
        "its signature is none by a key or identity of acme in the register"
    ]
    assert "other" not in json.dumps(answer)
    [entry] = door.entries("evidence")
    assert (entry.body["signature"], entry.body["signer"]) == ("foreign", "other/other-1")
    assert entry.body["faults"] == ["it is signed with a key of other, not of acme"]
    _, stolen = ask(door, acme, EVIDENCE, encoded(fresh_bill("viewer")))
    assert stolen["faults"] == ["it is about viewer@4.1, and about no product of acme"]
    assert door.entries("look", at_least=0) == []


def test_the_query_says_what_a_piece_is(door: Door, acme: str) -> None:
    made = render_instant(NOW - timedelta(days=2))
    path = f"{EVIDENCE}?filename=caiq.csv&kind=questionnaire&made={quote(made)}"
    status, answer = ask(door, acme, path, CAIQ.encode())
    assert (status, answer["kind"], answer["made_at"]) == (201, "questionnaire", made)
    for query, told in (("kind=poem", "unknown kind"), ("name=x", "unknown parameter"),
                        ("made=soon", "not an instant")):  # fmt: skip
        status, answer = ask(door, acme, f"{EVIDENCE}?{query}", b"{}")
        assert status == 422
        assert told in answer["detail"]


def test_who_may_not_give_evidence(door: Door, acme: str) -> None:
    for role in ("asset", "collector", "approver"):
        token = door.add_token(f"x-{role}", role=role, party="acme" if role == "asset" else "")
        assert ask(door, token, EVIDENCE, b"{}")[0] == 403
        assert ask(door, token, SELF)[0] == 403
    assert ask(door, "wrong", EVIDENCE, b"{}")[0] == 401
    assert ask(door, acme, EVIDENCE)[0] == 405
    assert ask(door, acme, EVIDENCE, b"")[0] == 400
    assert ask(door, acme, "/_pratique/party/other")[0] == 404
    assert ask(door, acme, "/pypi/simple/demo/")[0] == 403, "it installs nothing"
    gone = door.add_token("gone", role="party", party="nobody")
    assert ask(door, gone, SELF)[0] == 503


def test_a_day_holds_so_many_pieces(door: Door, acme: str) -> None:
    [draft] = [
        Draft(kind=one.kind, subject=one.subject, actor=one.actor, body=one.body)
        for one in _entries_of_one_piece(door, acme)
    ]
    drafts = [
        Draft(kind=draft.kind, subject=draft.subject, actor=draft.actor,
              body={**draft.body, "filename": f"{n}"})
        for n in range(MAX_PIECES)
    ]  # fmt: skip
    record(door, drafts)
    status, answer = ask(door, acme, EVIDENCE, b'{"acknowledges": ["y"]}')
    assert status == 429
    assert "tomorrow" in answer["detail"]
    door.clock.advance(days=2)
    assert ask(door, acme, EVIDENCE, b'{"acknowledges": ["y"]}')[0] == 201


def test_no_party_fills_the_place_of_all_day_by_day(
    door: Door, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PARTY_BYTES", 2 << 20)
    piece = b'{"acknowledges": ["%s"]}'
    for day in range(2):
        word = b"%d" % day + b"x" * 1_000_000
        assert ask(door, acme, EVIDENCE, piece % word)[0] == 201
        door.clock.advance(days=2)
    status, answer = ask(door, acme, EVIDENCE, piece % (b"y" * 200_000))
    assert (status, "ask your customer" in answer["detail"]) == (429, True)
    other = door.add_token("other-push", role="party", party="other")
    assert ask(door, other, EVIDENCE, piece % (b"y" * 200_000))[0] == 201
    assert ask(door, acme, EVIDENCE, piece % b"small")[0] == 201


def _entries_of_one_piece(door: Door, token: str) -> list[Any]:
    assert ask(door, token, EVIDENCE, b'{"acknowledges": ["x"]}')[0] == 201
    return door.entries("evidence")


def test_evidence_ends_the_clock_that_waits_for_it(door: Door, acme: str) -> None:
    clocks = [
        NoticeClock(id=f"S-1/{party}/{duty}", party=party, duty=duty, basis="msa", hours=48,
                    started_at=NOW, due_at=NOW + timedelta(hours=48), cause="S-1")
        for party, duty in (("acme", "evidence"), ("acme", "notify"), ("other", "evidence"))
    ]  # fmt: skip
    record(door, [clock_draft(one, actor="operator:ann") for one in clocks])
    assert ask(door, acme, EVIDENCE, encoded(fresh_bill("viewer")))[0] == 201
    assert door.entries("notice-clock-met", at_least=0) == [], "a faulty piece is no evidence"
    assert ask(door, acme, EVIDENCE, encoded(fresh_bill()))[0] == 201
    [met] = door.entries("notice-clock-met")
    assert (met.subject, met.body["clock"]) == ("party:acme", "S-1/acme/evidence")
    _, view = ask(door, acme, SELF)
    assert [(one["id"], one["met_at"] is not None) for one in view["clocks"]] == [
        ("S-1/acme/evidence", True), ("S-1/acme/notify", False),
    ]  # fmt: skip


def test_old_bytes_and_a_mere_word_do_not_end_the_clock(door: Door, acme: str) -> None:
    content = encoded(fresh_bill())
    assert ask(door, acme, f"{EVIDENCE}?filename=a.json", content)[0] == 201
    clock = NoticeClock(id="S-1/acme/evidence", party="acme", duty="evidence", basis="msa", hours=48,
                        started_at=NOW, due_at=NOW + timedelta(hours=48), cause="S-1")  # fmt: skip
    record(door, [clock_draft(clock, actor="operator:ann")])
    assert ask(door, acme, f"{EVIDENCE}?filename=b.json", content)[0] == 201
    assert ask(door, acme, EVIDENCE, b'{"acknowledges": ["x"]}')[0] == 201
    assert door.entries("notice-clock-met", at_least=0) == []


@pytest.mark.parametrize(("path", "taken"), [(EVIDENCE, {201}), ("/_pratique/intake", {400})])
def test_who_sends_slowly_takes_only_its_own_place(
    door: Door, acme: str, path: str, taken: set[int]
) -> None:
    def until(token: str, wanted: set[int]) -> bool:
        return any(
            ask(door, token, path, b'{"acknowledges": ["%d"]}' % number)[0] in wanted
            for number in range(100)
        )

    where = urlsplit(door.url)
    login = base64.b64encode(f"__token__:{acme}".encode()).decode()
    with closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)) as slow:
        slow.putrequest("POST", path)
        slow.putheader("Authorization", f"Basic {login}")
        slow.putheader("Content-Length", "100")
        slow.endheaders(b"{")
        assert until(acme, {429})
        other = door.add_token("other-push", role="party", party="other")
        assert ask(door, other, path, b'{"acknowledges": ["y"]}')[0] in taken
    assert until(acme, taken), "whoever hung up keeps its place"


# ── itself ───────────────────────────────────────────────────────────────────────────────────


def test_a_party_sees_itself_and_nobody_else(door: Door, acme: str) -> None:
    ask(door, acme, EVIDENCE, encoded(fresh_bill()))
    found = [
        Found(rule="sbom-own", party=name, subject="x", severity=Severity.HIGH,
              sentence=f"viewer of {name} is also seen at other and at acme", action=Action.ALERT)
        for name in ("acme", "other")
    ]  # fmt: skip
    drafts = [
        finding_draft(FindingBody(found=one, state=FindingState.OPEN), actor="check")
        for one in found
    ]
    record(door, drafts)
    status, view = ask(door, acme, SELF)
    assert status == 200
    assert view["party"]["name"] == "acme"
    assert view["status"] == {"suspended": False, "suspensions": []}
    assert [one["sentence"] for one in view["findings"]] == [
        "viewer of acme is also seen at another party and at acme"
    ]
    assert [one["kind"] for one in view["evidence"]] == ["sbom"]
    text = json.dumps(view)
    assert "other" not in text.replace("another party", "")


def test_nobody_learns_by_trying_who_is_in_the_register(door: Door, acme: str) -> None:
    def tried(name: str) -> str:
        """What a vendor is told after it wrote a name wherever it may; without the name itself."""
        answers = [{"topic": "sub-processors", "answer": "yes", "detail": name}]
        pieces = [
            ({"acknowledges": [name]}, ""),
            ({"questionnaire": name, "answers": answers}, ""),
            (fresh_bill(name), ""),
            ({"what": name}, ""),
            (fresh_bill(), f"&product={name}"),
        ]
        told = [
            ask(door, acme, f"{EVIDENCE}?filename={name}{query}", encoded(piece))[1]
            for piece, query in pieces
        ]
        found = [
            Found(rule=rule, party="acme", subject=f"sbom {name}", severity=Severity.HIGH,
                  sentence=f"{name} is of {name}, and of none of its products (labeler).",
                  action=Action.ALERT, entries=(told[0]["entry"],))
            for rule in ("sbom-own", "evidence-usable", "evidence-signed")
        ]  # fmt: skip
        record(
            door,
            [
                finding_draft(FindingBody(found=one, state=FindingState.OPEN), actor="x")
                for one in found
            ],
        )
        view = ask(door, acme, SELF)[1]
        told += [
            one
            for kind in ("findings", "evidence", "lines")
            for one in view[kind]
            if name in json.dumps(one)
        ]
        return "\n".join(json.dumps(_still(one)).replace(name, "NAME") for one in told)

    assert tried("other") == tried("nobdy")


def _still(told: dict[str, Any]) -> dict[str, Any]:
    """Without what differs for every piece."""
    return {
        k: v
        for k, v in told.items()
        if k not in {"entry", "entries", "sha256", "id", "at", "opened_at"}
    }


def test_a_foreign_signature_reads_as_a_broken_one_in_findings_too(door: Door, acme: str) -> None:
    tails = ("is signed with a key that the register does not name for acme (by other/other-1)",
             "has a signature that does not fit")  # fmt: skip
    found = [
        Found(rule="evidence-signed", party="acme", subject=f"sbom {number}", severity=Severity.HIGH,
              sentence=f"x from acme {tail}", action=Action.ALERT)
        for number, tail in enumerate(tails)
    ]  # fmt: skip
    record(
        door,
        [
            finding_draft(FindingBody(found=one, state=FindingState.OPEN), actor="x")
            for one in found
        ],
    )
    _, view = ask(door, acme, SELF)
    assert len({one["sentence"] for one in view["findings"]}) == 1
    assert "other" not in json.dumps(view["findings"])


# ── observations ─────────────────────────────────────────────────────────────────────────────


def batch(*assets: str) -> bytes:
    drafting = Drafting(NothingKnown())
    looks = [
        Look(
            asset=asset, asset_kind=AssetKind.SERVER, place_kind=PlaceKind.ENVIRONMENT,
            locator="/srv", at_lo=NOW, at_hi=NOW,
            sightings=(Sighting(item=Item(type="pypi", name="x", version="1"), stage=Stage.INSTALLED),),
            evidence_class=EvidenceClass.OBSERVED, collector="sweep/environments",
        )
        for asset in assets
    ]  # fmt: skip
    return render_batch([draft for one in looks for draft in drafting.drafts(one)])


def push(door: Door, token: str, content: bytes) -> tuple[int, dict[str, Any]]:
    headers = {"X-Pratique-Batch": batch_id(content)}
    return ask(door, token, "/_pratique/intake", content, **headers)


@pytest.mark.parametrize("role", ["party", "collector"])
def test_a_party_observes_its_own_assets_only(door: Door, role: str) -> None:
    token = door.add_token("acme-sweep", role=role, party="acme")
    assert push(door, token, batch("acme-7", "vendor/acme/labeler"))[0] == 201
    [told] = door.entries("evidence")
    assert (told.body["kind"], told.body["subjects"]) == (
        "inventory", ["acme-7", "vendor/acme/labeler"],
    )  # fmt: skip
    for foreign in ("ours", "vendor/other/viewer", "xacme-7"):
        status, answer = push(door, token, batch("acme-7", foreign))
        assert status == 403
        assert foreign in answer["detail"]
    assert len(door.entries("look")) == 2


# ── the vendor's side ────────────────────────────────────────────────────────────────────────


def test_the_vendors_command(door: Door, acme: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(acme)
    good, bad = tmp_path / "bom.json", tmp_path / "bad.json"
    good.write_bytes(encoded(fresh_bill()))
    bad.write_bytes(b"{}")
    words = ["party", "push", "--to", door.url, "--token-file", str(token)]
    if door.ca is not None:
        words += ["--ca-file", str(door.ca)]
    sent = CliRunner().invoke(cli, [*words, str(good)])
    assert sent.exit_code == 0, sent.output
    assert "bom.json: sbom, claimed" in sent.output
    wrong = CliRunner().invoke(cli, [*words, str(bad)])
    assert wrong.exit_code == 1
    assert "wrong: it is nothing that is known" in wrong.output
    shown = CliRunner().invoke(cli, [*words, "--status", "--format", "json"])
    assert json.loads(shown.stdout)["party"]["name"] == "acme"
    token.write_text("nonsense")
    refused = CliRunner().invoke(cli, [*words, str(good)])
    assert "does not know the token" in str(refused.exception)


# ── looking ──────────────────────────────────────────────────────────────────────────────────


def test_who_is_of_another_house_sees_no_page_of_ours(door: Door, acme: str) -> None:
    """What was blocked or held tells what we install."""
    watching = door.add_token("acme-watch", role="collector", party="acme")
    building = door.add_token("acme-ci", role="asset", party="acme")
    own = door.add_token("sweeper", role="collector")
    for secret, wanted in ((acme, 403), (watching, 403), (building, 200), (own, 200)):
        status, answer = ask(door, secret, "/?format=json")
        assert status == wanted, answer
        assert ("ledger_size" in answer) == (wanted == 200)
    for secret in (acme, watching):
        assert ask(door, secret, "/b/ABCDEFGH?format=json")[0] == 403


def test_a_party_that_looks_without_end_has_one_thread(
    door: Door, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door has few, and developers wait for the same ones."""
    real, counting, now, most = StatusDesk.signed, threading.Lock(), 0, 0

    def noting(self: StatusDesk, *args: Any, **named: Any) -> bytes:
        nonlocal now, most
        with counting:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with counting:
            now -= 1
        return real(self, *args, **named)

    monkeypatch.setattr(StatusDesk, "signed", noting)
    other = door.add_token("other-push", role="party", party="other")
    with ThreadPoolExecutor(8) as many:
        asked = [many.submit(ask, door, acme, "/_pratique/party/status") for _ in range(8)]
        assert [one.result()[0] for one in asked] == [200] * 8
        assert most == 1
        asked = [
            many.submit(ask, door, secret, "/_pratique/party/status")
            for secret in (acme, other) * 3
        ]
        assert [one.result()[0] for one in asked] == [200] * 6
        assert most == 2
