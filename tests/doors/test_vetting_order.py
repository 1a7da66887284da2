"""What must have happened before the last bytes of a file leave, and what happens beside."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from kit.shop import OpenShop, Shop
from kit.upstream import gate, truncated
from kit.waiting import happens
from pratique.values.digests import Sha256
from pratique.values.names import parse_project_name
from pratique.vet.model import ENGINE

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = false\n'
BALLAST = {"demo/data.bin": random.Random(1).randbytes(5 * 1024 * 1024)}
"""Beyond what is vetted before the answer begins."""


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    return open_shop(settings=VET)


def path_of(shop: Shop, filename: str) -> str:
    return "/pypi" + shop.upstream.projects["demo"].files[filename].path


def digest_of(shop: Shop, filename: str) -> Sha256:
    return Sha256(shop.upstream.projects["demo"].files[filename].hashes["sha256"])


def content_of(shop: Shop, filename: str) -> bytes:
    return shop.upstream.projects["demo"].files[filename].content


def until(found: Callable[[], bool]) -> None:
    assert happens(found), "it does not come to pass"


@pytest.mark.slow
def test_the_verdict_is_durable_before_the_tail_leaves(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    filename = shop.publish("demo", "1.0", files=BALLAST)
    log: Any = shop.door.parts.log
    honest, durable = log.append, []

    def slow(drafts: Sequence[Any], *, now: datetime) -> range:
        verdict = any(draft.kind == "verdict" for draft in drafts)
        time.sleep(0.7 if verdict else 0)
        given: range = honest(drafts, now=now)
        if verdict:
            durable.append(time.monotonic())
        return given

    monkeypatch.setattr(log, "append", slow)
    assert shop.door.ask(path_of(shop, filename)).body == content_of(shop, filename)
    answered = time.monotonic()
    assert [instant < answered for instant in durable] == [True]


@pytest.mark.slow
def test_what_was_removed_before_it_was_vetted_keeps_its_tail(shop: Shop) -> None:
    first = shop.publish("demo", "1.0")
    second = shop.publish("demo", "1.1", files=BALLAST)
    opened = threading.Event()
    shop.upstream.fault(path_of(shop, first).removeprefix("/pypi"), gate(opened))
    digest = digest_of(shop, second)
    blob = shop.door.home / "blobs" / "sha256" / digest[:2] / digest
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(shop.door.ask, path_of(shop, second))
        try:
            until(blob.exists)
            blob.unlink()
        finally:
            opened.set()
        answer = asked.result(timeout=20)
    assert answer.broken
    assert len(answer.body) < len(content_of(shop, second))
    again = shop.door.ask(path_of(shop, second))
    assert (again.status, again.body) == (200, content_of(shop, second))


@pytest.mark.slow
def test_what_another_process_cleared_meanwhile_arrives_whole(shop: Shop) -> None:
    filename = shop.publish("demo", "1.0", files=BALLAST)
    shop.door.page("demo")  # decided before the verdict
    project, digest = parse_project_name("demo"), digest_of(shop, filename)
    shop.door.in_loop(lambda: shop.door.parts.control.add_cleared(project, digest))
    answer = shop.door.ask(path_of(shop, filename))
    assert (answer.broken, answer.body) == ("", content_of(shop, filename))
    assert shop.door.entries("verdict", at_least=0) == []


@pytest.mark.slow
def test_a_download_that_failed_does_not_take_the_next_one_with_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    filename = shop.publish("demo", "1.0", files=BALLAST)
    digest, path = digest_of(shop, filename), path_of(shop, filename)
    shop.upstream.fault(path.removeprefix("/pypi"), truncated(keep=1 << 20), times=1)
    vetting: Any = shop.door.parts.vetting
    grounds = vetting._parts.grounds
    honest, go_on = grounds.kept, asyncio.Event()

    async def slow(located: Any) -> Any:
        await go_on.wait()
        return await honest(located)

    monkeypatch.setattr(grounds, "kept", slow)
    blob = shop.door.home / "blobs" / "sha256" / digest[:2] / digest
    assert shop.door.ask(path).broken
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(shop.door.ask, path)  # joins the vetting of what failed
        try:
            until(blob.exists)
        finally:
            shop.door.in_loop(go_on.set)
        answer = asked.result(timeout=20)
    assert (answer.broken, answer.body) == ("", content_of(shop, filename))


@pytest.mark.slow
def test_reading_metadata_brings_the_predecessor_to_a_worker(shop: Shop) -> None:
    first = shop.publish("demo", "1.0")
    assert shop.door.ask(path_of(shop, first)).status == 200
    second = shop.publish("demo", "1.1")
    shop.door.clock.advance(minutes=20)
    pool: Any = shop.door.parts.pool
    base = f"{digest_of(shop, first)}/{ENGINE}"
    held = lambda: any(base in worker.bases for worker in pool._workers)  # noqa: E731 - asked twice
    assert not held()
    assert shop.door.ask(path_of(shop, second) + ".metadata").status == 200
    until(held)
    assert shop.upstream.count(path_of(shop, second).removeprefix("/pypi")) == 0


def test_metadata_does_not_wait_for_what_is_made_ready(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    filename = shop.publish("demo", "1.0")
    vetting: Any = shop.door.parts.vetting
    begun = threading.Event()

    async def never(_located: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(vetting._parts.grounds, "expect", never)
    began = time.monotonic()
    assert shop.door.ask(path_of(shop, filename) + ".metadata").status == 200
    assert time.monotonic() - began < 10
    assert begun.wait(timeout=10)
