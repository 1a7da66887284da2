"""Releases of every kind through the door: sdists, extras, odd versions, old names, late files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client
from kit.distributions import make_sdist
from kit.shop import FRESH, FRESH_UNTIL, OLD, Shop

pytestmark = pytest.mark.clients


def test_a_held_dependency_makes_the_resolver_go_back(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    shop.publish("app", "1.0", requires=["demo>=1"])
    shop.publish("app", "1.1", requires=["demo>=2"])
    result = client.install("app", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"app": "1.0", "demo": "1.1"}, result


def test_a_project_of_sdists_only(shop: Shop, client: Client, tmp_path: Path) -> None:
    for version, uploaded in (("1.0", OLD), ("2.0", FRESH)):
        filename, content = make_sdist("crate", version)
        shop.upstream.add_file("crate", filename, content, upload_time=uploaded)
    result = client.install("crate", index_url=shop.index_url, where=tmp_path / "a")
    assert result.installed == {"crate": "1.0"}, result
    pinned = client.install("crate==2.0", index_url=shop.index_url, where=tmp_path / "b")
    assert pinned.exit_code != 0, pinned
    assert pinned.says(f"crate 2.0 is in cool-down until {FRESH_UNTIL}"), pinned
    assert shop.upstream.count("/packages/*crate-2.0*") == 0


def test_extras_local_versions_and_epochs(shop: Shop, client: Client, tmp_path: Path) -> None:
    shop.publish(
        "demo",
        "1!0.5",
        metadata_extra='Provides-Extra: fast\nRequires-Dist: speed; extra == "fast"',
    )
    shop.publish("speed", "2.1+cu118")
    result = client.install("demo[fast]", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code == 0, result
    assert result.installed == {"demo": "1!0.5", "speed": "2.1+cu118"}


def test_a_name_spelled_the_old_way(shop: Shop, client: Client, tmp_path: Path) -> None:
    shop.publish("my-demo", "1.0")
    result = client.install("My_Demo==1.0", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"my-demo": "1.0"}, result


def test_audit_mode_lets_everything_through_and_writes_it_down(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    shop.door.set_policy('mode = "audit"\n')
    result = client.install("demo", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"demo": "2.0"}, result
    delivered = shop.door.entries("delivery", project="demo")
    assert {e.body["audited"] for e in delivered} == {"hold"}


def test_the_oldest_upload_wins_not_the_oldest_release(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    """A late file of an old release is young, and must not slip in behind the release's age."""
    filename, content = make_sdist("demo", "1.0")
    shop.upstream.add_file("demo", filename, content, upload_time=OLD)
    shop.publish("demo", "1.0", uploaded=FRESH)
    result = client.install("demo==1.0", index_url=shop.index_url, where=tmp_path / "work")
    shop.door.clock.advance(hours=1)
    assert not any(
        e.body["filename"].endswith(".whl") and e.body["door"] == "file"
        for e in shop.door.entries("delivery", project="demo")
    )
    if result.exit_code == 0:
        assert result.installed == {"demo": "1.0"}
    else:
        assert result.says(f"cool-down until {FRESH_UNTIL}"), result
