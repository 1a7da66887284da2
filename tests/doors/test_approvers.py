"""Forms that carry an approver's token: whoever is refused is told why, on every one of them."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from kit.holds import a_hold
from kit.shop import Shop
from kit.waiting import happens
from pratique.doors.console.approvers import Denied, denial, form_approver
from pratique.doors.index.auth import Refused
from pratique.index.ports import Identity
from pratique.parties.entries import party_draft
from pratique.parties.model import Party, PartyKind
from pratique.settings import load_settings
from pratique.store.custody import open_custody

ANN = Identity(actor="approver:ann", role="approver", token_id="t-1")


@pytest.mark.parametrize(
    ("refused", "status", "why"),
    [
        (Refused(status=401, reason="not known"), 403, "that is not the token of an approver"),
        (Refused(status=403, reason="token suspended"), 403, "token suspended"),
        (Refused(status=429, reason="too many"), 429, "too many"),
        (Refused(status=503, reason="cannot confirm"), 503, "cannot confirm"),
    ],
)
async def test_every_refusal_is_told(refused: Refused, status: int, why: str) -> None:
    found = await form_approver({"token": "x"}, "::1", lambda _token, _address: refused)
    assert found == Denied(status=status, why=why)


async def test_a_refusal_takes_its_time_and_an_approver_is_known() -> None:
    slow = Refused(status=401, reason="not known", delay_seconds=0.2)
    begun = time.monotonic()
    assert isinstance(await form_approver({}, "::1", lambda _token, _address: slow), Denied)
    assert time.monotonic() - begun >= 0.2
    asked: list[tuple[str, str]] = []

    def approver_of(token: str, address: str) -> Identity:
        asked.append((token, address))
        return ANN

    assert await form_approver({"token": " s \n"}, "::1", approver_of) is ANN
    assert asked == [("s", "::1")]


def test_pages_of_approvers_open_to_approvers_only() -> None:
    assert denial(ANN, "Parties are") is None
    for role, status in (("anonymous", 401), ("asset", 403), ("party", 403), ("", 403)):
        answer = denial(Identity(actor="x", role=role, token_id=""), "Parties are")
        assert answer is not None
        assert (answer.status, "WWW-Authenticate" in answer.headers) == (status, status == 401)


def test_an_approver_of_a_suspended_party_is_told_so_on_every_form(shop: Shop) -> None:
    own = shop.door.add_token("ann", role="approver")
    theirs = shop.door.add_token("bea", role="approver", party="acme")
    acme = party_draft("acme", Party(name="acme", kind=PartyKind.VENDOR), source="", actor="cli")
    shop.door.parts.log.append([acme], now=shop.door.clock())
    with closing(open_custody(load_settings(shop.door.home, environ={}))) as custody:
        custody.add_hold(a_hold(), ())
    assert happens(
        lambda: shop.door.ask("/custody", login=("bea", theirs)).status == 403, within=2.0
    )
    for path, form in (
        ("/custody/scope", {"scope": "global", "action": "suspend", "reason": "x"}),
        ("/parties/acme/suspend", {"action": "suspend", "reason": "x"}),
    ):
        answer = shop.door.ask(
            path, method="POST", login=("ann", own), form={"token": theirs, **form}
        )
        assert answer.status == 403
        page = answer.body.decode()
        assert "Nothing was changed: " in page
        assert "suspended" in page
