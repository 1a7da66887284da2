"""No entry, no bytes: what the ledger cannot take is not answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from kit.shop import Shop
from kit.waiting import happens
from pratique.ledger.entries import Draft
from pratique.ledger.errors import LedgerUnavailableError


def test_while_the_ledger_cannot_write_nothing_passes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock_demo()
    files = shop.upstream.projects["demo"].files
    good = files["demo-1.0-py3-none-any.whl"]
    path = f"/pypi{good.path}"
    assert shop.door.ask(path).body == good.content
    log: Any = shop.door.parts.log
    honest = log.append

    def failing(drafts: Sequence[Draft], *, now: datetime) -> range:
        raise LedgerUnavailableError("the disk is full")

    monkeypatch.setattr(log, "append", failing)
    answer = shop.door.ask(path)
    assert answer.status == 503
    assert answer.is_problem
    assert good.content not in answer.body
    assert happens(lambda: shop.door.ask("/pypi/simple/demo/").status == 503, within=10), (
        "pages are answered although nothing is written"
    )
    assert shop.door.ask("/readyz").status == 503
    for target in (path, path + ".metadata", f"/pypi{files['demo-2.0-py3-none-any.whl'].path}"):
        answer = shop.door.ask(target)
        assert answer.status in {403, 503}
        assert b"Name: demo" not in answer.body
        assert good.content not in answer.body
    assert shop.door.ask("/healthz").status == 200, "the process itself is alive"

    monkeypatch.setattr(log, "append", honest)
    assert happens(lambda: shop.door.ask(path).status == 200), "the door does not come back"
    assert shop.door.ask("/readyz").status == 200
    complete = [e for e in shop.door.entries("delivered") if e.body["complete"]]
    assert len(complete) >= 2


def test_a_strict_delivery_is_durable_before_the_first_byte(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock_demo()
    good = shop.upstream.projects["demo"].files["demo-1.0-py3-none-any.whl"]
    shop.door.ask("/pypi/simple/demo/")
    log: Any = shop.door.parts.log
    honest, durable = log.append, []

    def slow(drafts: Sequence[Draft], *, now: datetime) -> range:
        time.sleep(0.5)
        given: range = honest(drafts, now=now)
        durable.append(time.monotonic())
        return given

    monkeypatch.setattr(log, "append", slow)
    asked = time.monotonic()
    assert shop.door.ask(f"/pypi{good.path}").body == good.content
    answered = time.monotonic()
    assert answered - asked > 0.5
    assert durable
    assert durable[0] < answered
