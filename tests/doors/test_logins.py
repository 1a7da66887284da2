"""Who may ask, and what guessing costs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.shop import NOW, OpenShop, Shop
from kit.waiting import running_clock
from pratique.doors.index.auth import peer_address

CLOSED = '[door]\nanonymous = "nobody"\n'
PATHS = ("/pypi/simple/", "/pypi/simple/demo/", "/", "/b/anything")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_there_is_a_challenge_and_nothing_else(
    open_shop: OpenShop, path: str
) -> None:
    shop = open_shop(settings=CLOSED)
    shop.stock_demo()
    file = f"/pypi{shop.upstream.projects['demo'].files['demo-1.0-py3-none-any.whl'].path}"
    for target in (path, file, file + ".metadata"):
        answer = shop.door.ask(target)
        assert answer.status == 401
        assert answer.header("WWW-Authenticate").startswith("Basic realm=")
        assert answer.is_problem
        assert b"demo" not in answer.body
    assert shop.upstream.count() == 0


@pytest.mark.parametrize(
    "login",
    [
        ("__token__", "wrong"),
        ("__token__", ""),
        ("other-name", "{secret}"),
        ("__TOKEN__", "{secret}"),
        ("__token__", "{secret} "),
        ("__token__", "{secret}x"),
        ("", "{secret}"),
    ],
)
def test_wrong_credentials_are_refused_even_where_anonymous_may_come(
    shop: Shop, login: tuple[str, str]
) -> None:
    shop.stock_demo()
    secret = shop.door.add_token("ci")
    wrong = (login[0], login[1].replace("{secret}", secret))
    assert shop.door.ask("/pypi/simple/demo/", login=wrong).status == 401
    assert shop.door.ask("/pypi/simple/demo/", login=("ci", secret)).status == 200
    assert shop.door.ask("/pypi/simple/demo/").status == 200


def test_expired_and_revoked_tokens_stop_at_once(open_shop: OpenShop) -> None:
    shop = open_shop(settings=CLOSED)
    shop.stock_demo()
    short = shop.door.add_token("short", expires_at=NOW.replace(hour=13))
    long = shop.door.add_token("long")
    for name, secret in (("short", short), ("long", long)):
        assert shop.door.ask("/pypi/simple/demo/", login=(name, secret)).status == 200
    shop.door.clock.advance(hours=1)
    assert shop.door.ask("/pypi/simple/demo/", login=("short", short)).status == 401
    shop.door.revoke_token("long")
    assert shop.door.ask("/pypi/simple/demo/", login=("long", long)).status == 401


@pytest.mark.slow
def test_guessing_is_slowed_stopped_and_logged(open_shop: OpenShop) -> None:
    shop = open_shop(settings=CLOSED)
    shop.stock_demo()
    secret = shop.door.add_token("ci")
    took, statuses = [], []
    with running_clock() as ran:
        for attempt in range(8):
            started = ran()
            login = (f"user{attempt}", f"guess-{attempt}")
            statuses.append(shop.door.ask("/pypi/simple/demo/", login=login).status)
            took.append(ran() - started)
    assert statuses == [401] * 8
    assert max(took[:3]) < 0.5, "a typing mistake costs nothing"
    assert took[7] > 1.0, took
    with ThreadPoolExecutor(12) as pool:
        many = list(
            pool.map(
                lambda i: shop.door.ask("/pypi/simple/demo/", login=("x", f"guess-{i}")).status,
                range(20),
            )
        )
    assert 429 in many
    # While guesses are counted even the right token is not heard from there: no oracle.
    assert shop.door.ask("/pypi/simple/demo/", login=("ci", secret)).status == 429
    entries = shop.door.entries("auth-failed", subject="address:127.0.0.1")
    assert entries
    assert sum(e.body["attempts"] for e in entries) >= 16
    assert "user0" in entries[0].body["names"]
    written = shop.door.everything_written()
    assert b"guess-" not in written
    assert secret.encode() not in written
    shop.door.clock.advance(seconds=61)
    assert shop.door.ask("/pypi/simple/demo/", login=("ci", secret)).status == 200


@pytest.mark.slow
def test_guessing_slows_nobody_else(open_shop: OpenShop) -> None:
    shop = open_shop(settings=CLOSED.replace("nobody", "everyone"))
    shop.stock_demo()
    shop.door.ask("/pypi/simple/demo/")
    with ThreadPoolExecutor(8) as pool:
        guesses = [
            pool.submit(shop.door.ask, "/pypi/simple/demo/", login=("x", f"g{i}")) for i in range(8)
        ]
        time.sleep(0.1)
        with running_clock() as ran:
            assert shop.door.ask("/pypi/simple/demo/").status == 200
            assert ran() < 1.0
        assert {g.result().status for g in guesses} <= {401, 429}


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(open_shop: OpenShop) -> None:
    shop = open_shop(settings='[door]\nanonymous = "loopback"\n')
    shop.stock_demo()
    spoofed = {"X-Forwarded-For": "203.0.113.9"}
    assert shop.door.ask("/pypi/simple/demo/", headers=spoofed).status == 200
    [entry] = shop.door.entries("page")
    assert entry.actor == "anonymous:127.0.0.1"


def test_behind_a_trusted_proxy_the_client_is_not_loopback(open_shop: OpenShop) -> None:
    shop = open_shop(settings='[door]\nanonymous = "loopback"\ntrusted_proxies = ["127.0.0.1"]\n')
    shop.stock_demo()
    for forwarded in ("203.0.113.9", "127.0.0.1, 203.0.113.9", "::1,203.0.113.9"):
        answer = shop.door.ask("/pypi/simple/demo/", headers={"X-Forwarded-For": forwarded})
        assert answer.status == 401, forwarded
    secret = shop.door.add_token("ci")
    answer = shop.door.ask(
        "/pypi/simple/demo/",
        headers={"X-Forwarded-For": "203.0.113.9"},
        login=("__token__", secret),
    )
    assert answer.status == 200


def test_a_waiver_for_one_asset_opens_for_it_alone(shop: Shop) -> None:
    shop.stock_demo()
    file = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    from kit.distributions import sha256_of  # noqa: PLC0415 - this test alone needs it

    mine = ("__token__", shop.door.add_token("mine"))
    other = ("__token__", shop.door.add_token("other"))
    shop.door.add_waiver(sha256_of(file.content), filename=file.filename, asset="mine")
    path = f"/pypi{file.path}"
    assert shop.door.ask(path, login=other).status == 403
    assert shop.door.ask(path).status == 403
    assert shop.door.ask(path, login=mine).body == file.content
    # Now the bytes lie in the cache and the page has been cooked for the one who may.
    assert shop.door.ask(path, login=other).status == 403
    for login, yanked in ((mine, False), (other, True), (None, True)):
        page = shop.door.ask("/pypi/simple/demo/", headers={"Accept": "text/html"}, login=login)
        assert (b"data-yanked" in page.body) == yanked


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.9", None, "198.51.100.9"),
        ("198.51.100.9", "127.0.0.1", "198.51.100.9"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.5, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", None, "unknown"),
        ("127.0.0.1", "", "unknown"),
        ("127.0.0.1", "not an address", "unknown"),
    ],
)
def test_a_proxy_speaks_for_whom_it_names_and_never_for_itself(
    peer: str, forwarded: str | None, client: str
) -> None:
    assert peer_address(peer, forwarded, frozenset({"127.0.0.1", "10.0.0.2"})) == client
