"""Tokens that belong to a party, at the index door: they stop with it, and others do not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kit.holds import a_hold, hold_id
from kit.shop import OpenShop, Shop
from kit.waiting import happens
from pratique.custody.model import Hold, HoldKind
from pratique.doors.index import parties
from pratique.doors.index.parties import CONFIRMED_SECONDS, PartyHolds
from pratique.errors import UnavailableError
from pratique.settings import load_settings
from pratique.store.custody import CustodyStore, open_custody

CLOSED = '[door]\nanonymous = "nobody"\n'
PAGE = "/pypi/simple/demo/"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's own half a second; other tests are about something else."""
    monkeypatch.setattr(parties, "CONFIRMED_SECONDS", CONFIRMED_SECONDS)


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    found = open_shop(settings=CLOSED)
    found.stock_demo()
    return found


def _custody(shop: Shop) -> CustodyStore:
    return open_custody(load_settings(shop.door.home, environ={}))


def _status(shop: Shop, secret: str) -> int:
    return shop.door.ask(PAGE, login=("__token__", secret)).status


def _soon(shop: Shop, secret: str, status: int, *, within: float = 2.0) -> None:
    """The door answers so before long."""
    assert happens(lambda: _status(shop, secret) == status, within=within), f"no {status}"


def test_a_suspended_partys_token_is_refused_with_the_reason_everywhere(shop: Shop) -> None:
    theirs = shop.door.add_token("acme-ci", party="acme")
    helpers = shop.door.add_token("helper-ci", party="annotators-inc")
    others = shop.door.add_token("bolt-ci", party="bolt")
    own = shop.door.add_token("ci")
    file = f"/pypi{shop.upstream.projects['demo'].files['demo-1.0-py3-none-any.whl'].path}"
    assert [_status(shop, one) for one in (theirs, helpers, others, own)] == [200] * 4
    with closing(_custody(shop)) as custody:
        custody.add_hold(a_hold(), ())
        _soon(shop, theirs, 403, within=1.0)
        for target in (PAGE, "/pypi/simple/", file, file + ".metadata", "/_pratique/intake"):
            answer = shop.door.ask(target, login=("__token__", theirs))
            assert answer.status == 403
            assert answer.is_problem
            assert b"token suspended: vendor acme, stolen laptop, INC-42" in answer.body
        assert [_status(shop, one) for one in (helpers, others, own)] == [403, 200, 200]
        custody.lift_hold(hold_id(), entry=1)
        _soon(shop, theirs, 200, within=1.0)


def test_a_narrow_suspension_stops_no_token(shop: Shop) -> None:
    theirs = shop.door.add_token("acme-ci", party="acme")
    with closing(_custody(shop)) as custody:
        custody.add_hold(a_hold(project="coding"), ())
        custody.add_hold(a_hold(1, kind=HoldKind.READ), ())
        time.sleep(0.2)
        assert _status(shop, theirs) == 200


def test_a_partys_own_token_installs_nothing(shop: Shop) -> None:
    """It pushes evidence, which a suspended party is asked for."""
    secret = shop.door.add_token("acme", role="party", party="acme")
    answer = shop.door.ask(PAGE, login=("acme", secret))
    assert answer.status == 403
    assert b"installs nothing" in answer.body


@pytest.mark.usefixtures("impatient")
def test_while_custody_is_away_tokens_of_parties_wait_and_own_ones_work(
    shop: Shop, tmp_path: Path
) -> None:
    theirs, own = shop.door.add_token("acme-ci", party="acme"), shop.door.add_token("ci")
    _soon(shop, theirs, 200)
    place = shop.door.home / "custody.db"
    away = tmp_path / "elsewhere.db"
    place.rename(away)
    place.mkdir()  # nothing can be opened there
    _soon(shop, theirs, 503)
    answer = shop.door.ask(PAGE, login=("__token__", theirs))
    assert (answer.status, answer.header("Retry-After")) == (503, "1")
    assert _status(shop, own) == 200
    place.rmdir()
    away.rename(place)
    _soon(shop, theirs, 200)


class State:
    """Holds that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.holds: tuple[Hold, ...] = ()

    def standing_holds(self) -> Sequence[Hold]:
        if self.away:
            raise UnavailableError("away")
        return self.holds

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.usefixtures("impatient")
def test_half_a_second_of_silence_refuses() -> None:
    assert CONFIRMED_SECONDS == 0.5
    state = State()
    holds = PartyHolds(lambda: state)
    assert happens(lambda: holds.stopped("acme") == "")
    state.away = True
    time.sleep(0.8)
    assert holds.stopped("acme") is None
    state.away, state.holds = False, (a_hold(),)
    said = "token suspended: vendor acme, stolen laptop, INC-42"
    assert happens(lambda: holds.stopped("acme") == said, within=2.0)
    assert happens(lambda: holds.stopped("bolt") == "")
    holds.close()
    assert holds.stopped("bolt") is None
