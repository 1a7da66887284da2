"""Lock files through the door: made, synced, rewritten to upstream and back, and closed later."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client, Locker, PipClient, UvClient, client_named
from kit.distributions import sha256_of
from kit.shop import FRESH_UNTIL, Shop

pytestmark = pytest.mark.clients


@pytest.fixture(params=["pip-22", "pip-23", "pip-current", "uv"])
def hashing(request: pytest.FixtureRequest) -> Client:
    return client_named(request.param)


def _requirements(folder: Path, name: str, digest: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "requirements.txt"
    path.write_text(f"{name} --hash=sha256:{digest}\n", "utf-8")
    return path


def _digest(shop: Shop, filename: str) -> str:
    return sha256_of(shop.upstream.projects["demo"].files[filename].content)


def test_hash_checked_requirements(shop: Shop, hashing: Client, tmp_path: Path) -> None:
    shop.stock_demo()
    digest = _digest(shop, "demo-1.1-py3-none-any.whl")
    file = _requirements(tmp_path / "a", "demo==1.1", digest)
    right = hashing.install(
        index_url=shop.index_url, where=tmp_path / "a", extra=["--require-hashes", "-r", str(file)]
    )
    assert right.installed == {"demo": "1.1"}, right
    file = _requirements(tmp_path / "b", "demo==1.1", "0" * 64)
    wrong = hashing.install(
        index_url=shop.index_url, where=tmp_path / "b", extra=["--require-hashes", "-r", str(file)]
    )
    assert wrong.exit_code != 0, wrong


def test_a_hash_checked_pin_of_a_held_file_says_why(
    shop: Shop, hashing: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    digest = _digest(shop, "demo-2.0-py3-none-any.whl")
    file = _requirements(tmp_path / "a", "demo==2.0", digest)
    result = hashing.install(
        index_url=shop.index_url, where=tmp_path / "a", extra=["--require-hashes", "-r", str(file)]
    )
    assert result.exit_code != 0, result
    assert result.says(f"demo 2.0 is in cool-down until {FRESH_UNTIL}"), result


def test_a_lock_made_through_the_door_syncs_without_resolving(
    shop: Shop, locker: Locker, tmp_path: Path
) -> None:
    shop.stock_demo()
    where = tmp_path / "work"
    locked = locker.lock("demo", index_url=shop.index_url, where=where)
    assert locked.exit_code == 0, locked
    assert locker.locked(where) == {"demo": "1.1"}
    synced = locker.sync(where=where)
    assert synced.installed == {"demo": "1.1"}, synced


def test_a_file_denied_after_locking_is_refused_with_the_reason(
    shop: Shop, locker: Locker, tmp_path: Path
) -> None:
    shop.stock_demo()
    where = tmp_path / "work"
    assert locker.lock("demo", index_url=shop.index_url, where=where).exit_code == 0
    for cache in (where / "cache").glob("*"):
        cache.rename(tmp_path / f"gone-{cache.name}")  # as on another machine
    shop.door.set_policy(
        '[[deny]]\nprojects = ["demo"]\nversions = "==1.1"\nreason = "stole credentials"\n'
    )
    synced = locker.sync(where=where)
    assert synced.exit_code != 0, synced
    assert synced.installed == {}
    if locker.kind == "uv":  # it alone goes straight to the URL in the lock file
        assert synced.says("stole credentials"), synced


def test_uv_lock_is_rewritten_to_upstream_and_back(shop: Shop, tmp_path: Path) -> None:
    uv = client_named("uv")
    assert isinstance(uv, UvClient)
    shop.stock_demo()
    where = tmp_path / "work"
    assert uv.lock("demo", index_url=shop.index_url, where=where).exit_code == 0
    lock = where / "project" / "uv.lock"
    made = lock.read_text("utf-8")
    assert shop.door.url in made
    door = f"{shop.door.url}/pypi"
    outward = shop.door.command(
        "lock", "rewrite", "--door", door, "--to-upstream", shop.upstream.url, "--write", str(lock)
    )
    assert outward.returncode == 0, outward.stderr
    public = lock.read_text("utf-8")
    assert shop.door.url not in public
    assert shop.upstream.file_url("demo", "demo-1.1-py3-none-any.whl") in public
    inward = shop.door.command("lock", "rewrite", "--to-door", door, "--write", str(lock))
    assert inward.returncode == 0, inward.stderr
    assert lock.read_text("utf-8") == made
    assert uv.sync(where=where).installed == {"demo": "1.1"}


def test_pip_reports_the_reason_from_a_direct_url(shop: Shop, tmp_path: Path) -> None:
    pip = client_named("pip-current")
    assert isinstance(pip, PipClient)
    shop.stock_demo()
    path = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"].path
    result = pip.install(
        f"{shop.door.url}/pypi{path}", index_url=shop.index_url, where=tmp_path / "work"
    )
    assert result.exit_code != 0
    assert result.says(f"demo 2.0 is in cool-down until {FRESH_UNTIL}"), result
