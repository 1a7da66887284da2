"""What clients keep by themselves must not outlive a decision."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.clients import Locker, client_named
from kit.shop import OLD, OpenShop, Shop

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("outcome", ["hold", "deny"])
@pytest.mark.parametrize("name", ["pip-22", "pip-23", "pip-current", "uv"])
def test_a_file_in_the_clients_own_cache_is_asked_for_again(
    open_shop: OpenShop, name: str, outcome: str, tmp_path: Path
) -> None:
    """docs/decisions/0006-files-revalidate.md: a copy that was good yesterday may be bad today."""
    client = client_named(name)
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    shop.stock_demo(newest=OLD)
    where, options = tmp_path / "work", {"index_url": shop.index_url, "ca": shop.door.ca}
    for site in ("first", "second"):
        result = client.install("demo==2.0", where=where, site=site, **options)
        assert result.installed == {"demo": "2.0"}, result
    files = [e for e in shop.door.entries("delivery", at_least=2) if e.body["door"] == "file"]
    assert files[0].body["status"] == 200
    assert {e.body["status"] for e in files[1:]} <= {304}, "the bytes were sent again"
    shop.door.set_policy(
        f'[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\noutcome = "{outcome}"\n'
        'reason = "stole credentials"\n'
    )
    result = client.install("demo==2.0", where=where, site="third", **options)
    assert result.exit_code != 0, result
    assert result.installed == {}
    assert result.says("stole credentials") or outcome == "deny", result


@pytest.mark.parametrize("name", ["pip-current", "uv", "poetry", "pdm"])
def test_after_a_denial_a_range_falls_back_again(shop: Shop, name: str, tmp_path: Path) -> None:
    client = client_named(name)
    shop.stock_demo(newest=OLD)
    where = tmp_path / "work"
    first = client.install("demo", index_url=shop.index_url, where=where)
    assert first.installed == {"demo": "2.0"}, first
    shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\nreason = "bad"\n')
    if isinstance(client, Locker):
        shutil.rmtree(where / "project", ignore_errors=True)
    shutil.rmtree(where / "site", ignore_errors=True)
    second = client.install("demo", index_url=shop.index_url, where=where)
    assert second.installed == {"demo": "1.1"}, second


def test_poetry_asks_once_its_artifacts_are_gone(shop: Shop, tmp_path: Path) -> None:
    """docs/reference/compatibility.md names the way out."""
    poetry = client_named("poetry")
    assert isinstance(poetry, Locker)
    shop.stock_demo(newest=OLD)
    where = tmp_path / "work"
    first = poetry.install("demo==2.0", index_url=shop.index_url, where=where)
    assert first.installed == {"demo": "2.0"}, first
    shop.door.set_policy(
        '[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\noutcome = "hold"\nreason = "bad"\n'
    )
    shutil.rmtree(where / "project" / ".venv")
    cached = poetry.sync(where=where)
    assert cached.installed == {"demo": "2.0"}, "if this fails, the table can say better"
    shutil.rmtree(where / "project" / ".venv")
    shutil.rmtree(where / "cache" / "poetry" / "artifacts")
    asked = poetry.sync(where=where)
    assert asked.exit_code != 0, asked
    assert asked.installed == {}
    assert asked.says("Pratique held"), asked
