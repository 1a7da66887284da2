"""Tokens as each client sends them, and transport security with the door's own authority."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client, Locker, client_named
from kit.shop import OpenShop

pytestmark = pytest.mark.clients


def test_without_a_token_nothing_is_answered(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    result = client.install("demo", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code != 0, result
    assert result.installed == {}
    assert shop.upstream.count() == 0


def test_a_token_in_the_url(open_shop: OpenShop, client: Client, tmp_path: Path) -> None:
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    secret = shop.door.add_token("ci-runner")
    url = shop.door.index_url(login=("__token__", secret))
    result = client.install("demo", index_url=url, where=tmp_path / "work")
    assert result.installed == {"demo": "1.1"}, result
    assert {e.actor for e in shop.door.entries("delivery")} == {"asset:ci-runner"}
    assert not any(secret in str(request) for request in shop.upstream.requests)
    assert secret.encode() not in shop.door.everything_written()


def test_a_token_from_netrc_or_the_environment(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    secret = shop.door.add_token("laptop")
    where = tmp_path / "work"
    home = where / "home"
    home.mkdir(parents=True)
    netrc = home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1\nlogin laptop\npassword {secret}\n", "utf-8")
    netrc.chmod(0o600)
    env = {}
    if client.kind == "poetry":
        env = {
            "POETRY_HTTP_BASIC_DOOR_USERNAME": "laptop",
            "POETRY_HTTP_BASIC_DOOR_PASSWORD": secret,
        }
    result = client.install("demo", index_url=shop.index_url, where=where, env=env)
    assert result.installed == {"demo": "1.1"}, result
    assert {e.actor for e in shop.door.entries("delivery")} == {"asset:laptop"}


def test_tokens_as_the_guides_give_them_stay_out_of_lock_files(
    open_shop: OpenShop, locker: Locker, tmp_path: Path
) -> None:
    """docs/howto/use-with-*.md, "Tokens"."""
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    secret = shop.door.add_token("ci-runner")
    where, url = tmp_path / "work", shop.index_url
    env = {
        "UV_INDEX_DOOR_USERNAME": "ci-runner",
        "UV_INDEX_DOOR_PASSWORD": secret,
        "POETRY_HTTP_BASIC_DOOR_USERNAME": "ci-runner",
        "POETRY_HTTP_BASIC_DOOR_PASSWORD": secret,
        "PRATIQUE_TOKEN": secret,
    }
    if locker.kind == "pdm":
        url = url.replace("://", "://__token__:${PRATIQUE_TOKEN}@")
    locked = locker.lock("demo", index_url=url, where=where, env=env)
    assert locked.exit_code == 0, locked
    assert locker.sync(where=where, env=env).installed == {"demo": "1.1"}
    for path in (where / "project").iterdir():
        assert path.is_dir() or secret not in path.read_text("utf-8")


def test_a_revoked_token_stops_at_once(open_shop: OpenShop, client: Client, tmp_path: Path) -> None:
    shop = open_shop(settings='[door]\nanonymous = "nobody"\n')
    shop.stock_demo()
    secret = shop.door.add_token("ci-runner")
    url = shop.door.index_url(login=("ci-runner", secret))
    first = client.install("demo", index_url=url, where=tmp_path / "a")
    assert first.exit_code == 0, first
    shop.door.revoke_token("ci-runner")
    second = client.install("demo", index_url=url, where=tmp_path / "b")
    assert second.exit_code != 0, second
    assert second.installed == {}


def test_over_tls_with_the_doors_own_authority(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    shop.stock_demo()
    assert shop.index_url.startswith("https://")
    distrusted = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert distrusted.exit_code != 0, distrusted
    trusted = client.install(
        "demo", index_url=shop.index_url, where=tmp_path / "b", ca=shop.door.ca
    )
    assert trusted.installed == {"demo": "1.1"}, trusted


@pytest.mark.parametrize("name", ["pip-23", "pip-current", "uv"])
def test_over_tls_a_second_install_asks_whether_the_page_changed(
    open_shop: OpenShop, name: str, tmp_path: Path
) -> None:
    """pip keeps nothing from plain http; over TLS it revalidates, and the file is not sent again."""
    client = client_named(name)
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    shop.stock_demo()
    where = tmp_path / "work"
    for site in ("first", "second"):
        result = client.install(
            "demo", index_url=shop.index_url, where=where, ca=shop.door.ca, site=site
        )
        assert result.installed == {"demo": "1.1"}, result
    pages = shop.door.entries("page", project="demo", at_least=2)
    assert [e.body["status"] for e in pages] == [200, 304]
    files = [e for e in shop.door.entries("delivery") if e.body["door"] == "file"]
    assert [e.body["status"] for e in files][:1] == [200]
    assert all(e.body["status"] == 304 for e in files[1:]), "the bytes were sent again"
