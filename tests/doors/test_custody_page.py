"""The page of custody: who may see it, what stands on it, and that its form suspends in order."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.asking import Answer
from kit.custody import a_dataset, a_lease, lease_id
from kit.environments import unavailable
from kit.shop import NOW, Shop
from pratique.custody.model import SEGMENT_BYTES, Lease, LeaseId, ScopeId, ScopeState
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody

MARKUP = "<script>alert(1)</script>"


def lease_of(number: int, **changes: Any) -> Lease:
    fields = {"holder": f"p-{number}", "not_before": NOW, "not_after": NOW + timedelta(hours=4)}
    return replace(a_lease(id=lease_id(number), granted_at=NOW, **fields), **changes)


@pytest.fixture
def state(shop: Shop) -> Iterator[CustodyStore]:
    with closing(open_custody(Settings(home=shop.door.home))) as opened:
        opened.add_dataset(a_dataset())
        opened.add_dataset(a_dataset(name="video", classification="biometric", version=3))
        for number in range(1, 4):
            opened.add_lease(lease_of(number, budget_bytes=64 * SEGMENT_BYTES))
        opened.add_lease(lease_of(4, vendor="globex", selectors=("video",), budget_bytes=1 << 30))
        opened.add_lease(lease_of(5, not_after=NOW - timedelta(hours=1)))
        opened.reserve(
            lease_of(1, budget_bytes=64 * SEGMENT_BYTES), need_bytes=16 * SEGMENT_BYTES,
            need_objects=1, want_bytes=16 * SEGMENT_BYTES, now=NOW, dataset="dialogs",
        )  # fmt: skip
        yield opened


@pytest.fixture
def login(shop: Shop) -> tuple[str, str]:
    tell(
        shop, "read-refused", f"lease:{lease_id(1)}", stop="AccessDenied", sentence=MARKUP, count=7
    )
    drill = {"streams": 100, "nodes": 2, "p50_ms": 85, "p99_ms": 529, "bytes_after_max": 786_432}
    tell(shop, "revocation-drill", "scope:vendor:pratique-drill", **drill)
    return "ann", shop.door.add_token("ann", role="approver")


def tell(shop: Shop, kind: str, subject: str, **body: Any) -> None:
    if kind == "read-refused":
        body["addresses"] = ["127.0.0.1"]
    draft = Draft(kind=kind, subject=subject, actor="door:s3", body=body)
    shop.door.parts.log.append([draft], now=shop.door.clock())


def page(shop: Shop, login: tuple[str, str]) -> str:
    answer = shop.door.ask("/custody", login=login)
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    assert "<script>" not in text
    return text


def data(shop: Shop, login: tuple[str, str]) -> Any:
    answer = shop.door.ask("/custody?format=json", login=login)
    assert answer.status == 200, answer.body
    return answer.json


def send(shop: Shop, login: tuple[str, str], **form: str) -> Answer:
    fields = {"action": "suspend", "scope": "vendor:acme", "reason": "theft", "token": login[1]}
    return shop.door.ask("/custody/scope", method="POST", login=login, form={**fields, **form})


@pytest.mark.usefixtures("state")
def test_only_approvers_see_custody(shop: Shop, login: tuple[str, str]) -> None:
    asset = "ci", shop.door.add_token("ci")
    anonymous = shop.door.ask("/custody")
    assert anonymous.status == 401
    assert "Basic" in anonymous.header("WWW-Authenticate")
    refused = shop.door.ask("/custody", login=asset)
    assert refused.status == 403
    assert b"p-1" not in anonymous.body + refused.body
    assert shop.door.ask("/custody", login=login, method="HEAD").status == 200
    assert shop.door.ask("/custody", login=login, method="DELETE").status == 405
    assert shop.door.ask("/custody/x", login=login).status == 404
    assert send(shop, asset).status == 403


@pytest.mark.usefixtures("state")
def test_what_stands_on_it(shop: Shop, login: tuple[str, str]) -> None:
    found = data(shop, login)
    worst = 2 * 64 * SEGMENT_BYTES + 48 * SEGMENT_BYTES + (1 << 30)
    assert found["worst_bytes"] == worst
    assert found["in_hand_bytes"] == 16 * SEGMENT_BYTES
    assert [one["holder"] for one in found["leases"]] == ["p-4", "p-3", "p-2", "p-1"]
    assert found["leases"][-1]["used_bytes"] == 16 * SEGMENT_BYTES
    assert {one["name"]: one["leases"] for one in found["datasets"]} == {"dialogs": 3, "video": 1}
    assert [(one["id"], one["depth"]) for one in found["scopes"]][:3] == [
        ("client:meta", 0),
        ("vendor:acme", 0),
        ("project:acme/dialogs", 1),
    ]
    text = page(shop, login)
    assert "&lt;script&gt;" in text
    for words in ("1.0 GiB", "529 ms", "768.0 KiB", "holder:globex/dialogs/p-4", "biometric"):
        assert words in text, words


def test_a_suspension_by_the_form_is_in_the_ledger_and_in_force(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    answer = send(shop, login, incident="INC-42", reason="a laptop was stolen")
    assert answer.status == 200
    assert b"Suspended vendor acme, ledger entry" in answer.body
    scope = state.scope(ScopeId("vendor:acme"))
    assert scope is not None
    assert (scope.state, scope.incident) == (ScopeState.SUSPENDED, "INC-42")
    entry = [one for one in shop.door.parts.log.entries() if one.kind == "scope"][-1]
    assert (entry.subject, entry.actor) == ("scope:vendor:acme", "approver:ann")
    assert entry.body["reason"] == "a laptop was stolen"
    found = data(shop, login)
    assert found["worst_bytes"] == 1 << 30
    assert {one["state"] for one in found["leases"] if one["vendor"] == "acme"} == {"suspended"}
    resumed = send(shop, login, action="resume", reason="found again")
    assert b"Resumed vendor acme" in resumed.body
    again = state.scope(ScopeId("vendor:acme"))
    assert again is not None
    assert again.state is ScopeState.LIVE
    assert login[1].encode() not in shop.door.everything_written()


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"token": "wrong"}, 403, "not the token of an approver"),
        ({"scope": "vendor:nobody"}, 400, "no scope"),
        ({"scope": MARKUP}, 400, "not a scope"),
        ({"reason": " "}, 400, "the reason cannot be used"),
        ({"action": "resume"}, 400, "is not suspended"),
        ({"action": "drop"}, 400, "suspend or resume?"),
        ({"reason": "x" * 20_000}, 400, "small form"),
    ],
)
def test_forms_that_change_nothing(
    shop: Shop,
    state: CustodyStore,
    login: tuple[str, str],
    form: dict[str, str],
    status: int,
    said: str,
) -> None:
    before = state.epoch()
    answer = send(shop, login, **form)
    assert answer.status == status
    assert said in answer.body.decode()
    assert "<script>" not in answer.body.decode()
    assert state.epoch() == before


def test_a_revoked_lease_stays_revoked(
    shop: Shop, state: CustodyStore, login: tuple[str, str]
) -> None:
    lease: LeaseId = lease_id(2)
    scope = ScopeId(f"lease:{lease}")
    state.set_state(scope, ScopeState.ENDED, reason="left", incident="")
    answer = send(shop, login, scope=scope, action="resume")
    assert answer.status == 400
    assert "has ended for good" in answer.body.decode()
    assert lease not in str(data(shop, login)["leases"])


def test_an_empty_custody_says_what_to_do(shop: Shop) -> None:
    login = "ann", shop.door.add_token("ann", role="approver")
    text = page(shop, login)
    for words in ("pratique dataset add", "pratique lease grant", "pratique drill revoke"):
        assert words in text
    assert "0 bytes" in text


@pytest.mark.chromium
@pytest.mark.usefixtures("state")
def test_the_page_in_a_real_browser(shop: Shop, login: tuple[str, str], tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        unavailable("chromium is not installed")
    url = shop.door.url.replace("://", f"://{login[0]}:{login[1]}@") + "/custody"
    shot = tmp_path / "custody.png"
    quiet = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--hide-scrollbars", "--window-size=1000,2000", f"--user-data-dir={tmp_path / 'data'}"),
    ]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    dump, picture = (
        subprocess.run(
            [browser, *quiet, what, url],
            capture_output=True,
            timeout=150,
            check=True,
            env=env,
            cwd=tmp_path,
        )
        for what in ("--dump-dom", f"--screenshot={shot}")
    )
    assert "project:acme/dialogs" in dump.stdout.decode()
    assert b"Refused to" not in dump.stderr + picture.stderr, "the page breaks its own policy"
    assert shot.stat().st_size > 5_000
    kept = os.environ.get("PRATIQUE_TEST_SCREENSHOTS")
    if kept:
        shutil.copy(shot, Path(kept) / "custody.png")
