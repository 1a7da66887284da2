"""Fixtures of the playbooks: a shop per test, and every real client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kit.clients import CLIENTS, LOCKERS, Client, Locker, client_named
from kit.door import running_door
from kit.shop import NOW, OpenShop, Shop
from kit.upstream import FakeUpstream


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    return client_named(request.param)


@pytest.fixture(params=LOCKERS)
def locker(request: pytest.FixtureRequest) -> Locker:
    found = client_named(request.param)
    assert isinstance(found, Locker)
    return found


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
