"""A shop per test: an upstream and the door before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kit.door import running_door
from kit.shop import NOW, OpenShop, Shop
from kit.upstream import FakeUpstream
from kit.waiting import PATIENCE_SECONDS
from pratique.doors.index import parties


@pytest.fixture(autouse=True)
def patient_with_custody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token of a party is refused because a busy machine stood still for a second."""
    monkeypatch.setattr(parties, "CONFIRMED_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(parties, "_FIRST_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[OpenShop]:
    with FakeUpstream() as upstream, ExitStack() as stack:

        def open_it(**options: Any) -> Shop:
            running = running_door(home=tmp_path / "home", upstream=upstream, now=NOW, **options)
            return Shop(upstream=upstream, door=stack.enter_context(running))

        yield open_it


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop()
