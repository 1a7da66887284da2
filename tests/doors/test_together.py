"""Many clients at once, and several doors in one installation."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.cases import NOW
from kit.distributions import make_wheel, sha256_of
from kit.door import Door, running_door
from kit.shop import FRESH, OLD, Shop
from kit.upstream import FakeUpstream, gate
from kit.waiting import happens

CLIENTS = 50


def test_fifty_clients_make_one_upstream_request(shop: Shop) -> None:
    filename, content = make_wheel("demo", "1.0", files={"demo/data.bin": bytes(range(256)) * 4000})
    shop.upstream.add_file("demo", filename, content, upload_time=OLD, core_metadata=True)
    path = shop.upstream.projects["demo"].files[filename].path
    opened = threading.Event()
    for pattern in ("/simple/demo/", path, path + ".metadata"):
        shop.upstream.fault(pattern, gate(opened))

    with ThreadPoolExecutor(CLIENTS) as pool:
        for target in ("/pypi/simple/demo/", f"/pypi{path}", f"/pypi{path}.metadata"):
            opened.clear()
            asked = [pool.submit(shop.door.ask, target) for _ in range(CLIENTS)]
            time.sleep(0.5)
            opened.set()
            answers = [future.result() for future in asked]
            assert {a.status for a in answers} == {200}
            assert len({a.body for a in answers}) == 1
    assert shop.upstream.count("/simple/demo/") == 1
    assert shop.upstream.count(path) == 1
    assert shop.upstream.count(path + ".metadata") == 1
    files = [
        e for e in shop.door.entries("delivery", at_least=2 * CLIENTS) if e.body["door"] == "file"
    ]
    assert len(files) == CLIENTS, "one download, but each client's delivery is written down"


def test_a_client_that_leaves_takes_nobody_with_it(shop: Shop) -> None:
    import socket  # noqa: PLC0415 - this test alone hangs up in the middle

    filename, content = make_wheel("demo", "1.0", files={"demo/data.bin": bytes(300_000)})
    shop.upstream.add_file("demo", filename, content, upload_time=OLD)
    path = shop.upstream.projects["demo"].files[filename].path
    opened = threading.Event()
    shop.upstream.fault(path, gate(opened))
    first = socket.create_connection(("127.0.0.1", shop.door.port), timeout=5)
    first.sendall(f"GET /pypi{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(shop.door.ask, f"/pypi{path}")
        time.sleep(0.3)
        first.close()
        time.sleep(0.1)
        opened.set()
        assert second.result().body == content
    assert shop.upstream.count(path) == 1


def test_a_decision_that_closes_while_bytes_flow_keeps_the_end_back(shop: Shop) -> None:
    noise = random.Random(7).randbytes(400_000)
    filename, content = make_wheel("demo", "1.0", files={"demo/data.bin": noise})
    shop.upstream.add_file("demo", filename, content, upload_time=OLD)
    path = shop.upstream.projects["demo"].files[filename].path
    opened = threading.Event()
    shop.upstream.fault(path, gate(opened, after=200_000))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(shop.door.ask, f"/pypi{path}")
        assert happens(lambda: shop.upstream.count(path) == 1)
        time.sleep(0.5)
        shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nreason = "just in"\n')
        opened.set()
        answer = asked.result()
    assert answer.broken
    assert len(answer.body) < len(content)
    assert shop.door.ask(f"/pypi{path}").status == 403


@pytest.mark.parametrize("asset", ["*", "ci"])
def test_a_waiver_taken_back_while_bytes_flow_keeps_the_end_back(shop: Shop, asset: str) -> None:
    noise = random.Random(8).randbytes(400_000)
    filename, content = make_wheel("demo", "1.0", files={"demo/data.bin": noise})
    shop.upstream.add_file("demo", filename, content, upload_time=FRESH)
    path = shop.upstream.projects["demo"].files[filename].path
    login = ("ci", shop.door.add_token("ci"))
    waiver = shop.door.add_waiver(sha256_of(content), filename=filename, asset=asset)
    opened = threading.Event()
    shop.upstream.fault(path, gate(opened, after=200_000))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(shop.door.ask, f"/pypi{path}", login=login)
        assert happens(lambda: shop.upstream.count(path) == 1)
        time.sleep(0.5)
        shop.door.revoke_waiver(waiver)
        opened.set()
        answer = asked.result()
    assert answer.broken
    assert len(answer.body) < len(content)
    again = shop.door.add_waiver(sha256_of(content), filename=filename, asset=asset)
    assert shop.door.ask(f"/pypi{path}", login=login).body == content
    shop.door.revoke_waiver(again)
    assert shop.door.ask(f"/pypi{path}", login=login).status == 403


def test_assets_without_waivers_of_their_own_share_one_cooked_page(shop: Shop) -> None:
    shop.stock_demo()
    logins = [(name, shop.door.add_token(name)) for name in ("one", "two", "three")]
    for login in logins:
        assert shop.door.ask("/pypi/simple/demo/", login=login).status == 200
    kitchen = shop.door.parts.door._parts.kitchen
    assert len(kitchen._shelf) == 1
    file = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    shop.door.add_waiver(sha256_of(file.content), filename=file.filename, asset="two")
    for login, waived in zip(logins, (False, True, False), strict=True):
        page = shop.door.ask("/pypi/simple/demo/", login=login)
        assert (b"data-yanked" not in page.body) == waived
    actors = [e.actor for e in shop.door.entries("page", at_least=6)]
    assert actors == [f"asset:{name}" for name in ("one", "two", "three")] * 2


@pytest.mark.slow
def test_many_clients_while_the_upstream_comes_and_goes(shop: Shop) -> None:
    """Nothing cached fails, nothing held slips through, whatever the upstream does."""
    shop.stock_demo()
    files = shop.upstream.projects["demo"].files
    paths = {
        "/pypi/simple/demo/": 200,
        f"/pypi{files['demo-1.1-py3-none-any.whl'].path}": 200,
        f"/pypi{files['demo-2.0-py3-none-any.whl'].path}": 403,
    }
    for path in paths:
        shop.door.ask(path)
    stop = threading.Event()
    seen: Counter[tuple[str, int]] = Counter()

    def client(number: int) -> None:
        while not stop.is_set():
            path = list(paths)[number % len(paths)]
            seen[path, shop.door.ask(path).status] += 1

    with ThreadPoolExecutor(16) as pool:
        running = [pool.submit(client, n) for n in range(16)]
        for _ in range(4):
            time.sleep(0.5)
            shop.upstream.down()
            shop.door.clock.advance(minutes=10)
            time.sleep(0.5)
            shop.upstream.up()
            shop.door.clock.advance(minutes=10)
        stop.set()
        for future in running:
            future.result()
    assert {(path, status) for path, status in seen} == set(paths.items()), seen


def _sharing_a_key(*homes: Path) -> Iterator[Path]:
    """Homes one after another; each gets the log's key from the one before, as nodes must."""
    first, *others = homes
    yield first
    for home in others:
        (home / "ledger").mkdir(parents=True)
        for key in (first / "ledger").glob("key*"):
            shutil.copy(key, home / "ledger")
        yield home


def soon(door: Door, path: str, status: int, *, login: tuple[str, str] | None = None) -> None:
    """The door answers so within a second, which is how long a notice may take at most."""
    assert happens(lambda: door.ask(path, login=login).status == status, within=1.0)


@pytest.mark.postgres
def test_two_doors_on_one_postgresql_agree(tmp_path: Path, postgres_url: str) -> None:
    settings = f'[storage]\ndatabase_url = "{postgres_url}"\n'
    with ExitStack() as stack:
        upstream = stack.enter_context(FakeUpstream())
        one, two = (
            stack.enter_context(
                running_door(home=home, upstream=upstream, now=NOW, settings=settings)
            )
            for home in _sharing_a_key(tmp_path / "one", tmp_path / "two")
        )
        for version, uploaded in (("1.0", OLD), ("2.0", FRESH)):
            filename, content = make_wheel("demo", version)
            upstream.add_file("demo", filename, content, upload_time=uploaded)
        held = upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
        good = upstream.projects["demo"].files["demo-1.0-py3-none-any.whl"]

        # One origin pin, though both ask at once.
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(d.ask, "/pypi/simple/demo/") for d in (one, two) * 4]
            assert {f.result().status for f in asked} == {200}
        origins = one.entries("origin", subject="pypi/demo")
        assert {e.body["upstream"] for e in origins} == {"public"}

        # The same views, the same ledger, whoever reads it.
        views = {d.ask("/pypi/simple/demo/").header("X-Pratique-View") for d in (one, two)}
        assert len(views) == 1
        for door in (one, two):
            assert door.ask(f"/pypi{held.path}").status == 403
            assert door.ask(f"/pypi{good.path}").body == good.content
        refusals = [[e.sequence for e in d.entries("refusal", at_least=2)] for d in (one, two)]
        assert refusals[0] == refusals[1]
        assert len(refusals[0]) == 2

        # A waiver and a token given at one are in force at the other within a second.
        waiver = one.add_waiver(sha256_of(held.content), filename=held.filename)
        assert one.ask(f"/pypi{held.path}").body == held.content
        soon(two, f"/pypi{held.path}", 200)
        two.revoke_waiver(waiver)
        assert two.ask(f"/pypi{held.path}").status == 403
        soon(one, f"/pypi{held.path}", 403)
        login = ("__token__", two.add_token("ci"))
        soon(one, "/pypi/simple/demo/", 200, login=login)
        one.revoke_token("ci")
        soon(two, "/pypi/simple/demo/", 401, login=login)

        # A serial that one has seen is not gone back on by the other.
        upstream.touch("demo")
        one.clock.advance(hours=1)
        assert one.ask("/pypi/simple/demo/").status == 200
        upstream.set_serial("demo", 1)
        two.clock.advance(hours=1)
        assert two.ask("/pypi/simple/demo/").status == 200
        assert two.entries("rollback", subject="pypi/demo")

        # The log is one log: gapless, and both would sign the same tree.
        everything = one.entries(at_least=0)
        assert [e.sequence for e in everything] == list(range(len(everything)))
