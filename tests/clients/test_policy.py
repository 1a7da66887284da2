"""What a person with pip, uv, Poetry or pdm lives through when policy holds, hides or denies."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client
from kit.distributions import sha256_of
from kit.shop import FRESH, FRESH_UNTIL, OLD, Shop

pytestmark = pytest.mark.clients


def test_a_range_falls_back_to_the_last_good_version(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    result = client.install("demo>=1", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code == 0, result
    assert result.installed == {"demo": "1.1"}
    delivered = shop.door.entries("delivery", project="demo")
    assert {e.body["version"] for e in delivered if e.body["door"] == "file"} == {"1.1"}


def test_the_pin_of_a_held_version_fails_and_the_terminal_says_why(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    result = client.install("demo==2.0", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code != 0, result
    assert result.installed == {}
    assert result.says(f"demo 2.0 is in cool-down until {FRESH_UNTIL}"), result
    refusals = shop.door.entries("refusal", project="demo")
    assert refusals
    assert {e.body["rule"] for e in refusals} == {"cool-down"}
    assert result.says(f"{shop.door.public_url}/b/{refusals[0].body['block']}"), result
    assert shop.upstream.count("/packages/*demo-2.0*.whl") == 0


def test_a_held_version_without_metadata_upstream_is_refused_the_same_way(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.publish("demo", "1.0", core_metadata=False)
    shop.publish("demo", "2.0", core_metadata=False, uploaded=FRESH)
    where = tmp_path / "work"
    refused = client.install("demo==2.0", index_url=shop.index_url, where=where / "a")
    assert refused.exit_code != 0, refused
    assert refused.says(f"demo 2.0 is in cool-down until {FRESH_UNTIL}"), refused
    fallen_back = client.install("demo", index_url=shop.index_url, where=where / "b")
    assert fallen_back.installed == {"demo": "1.0"}, fallen_back


def test_a_denied_version_is_gone(shop: Shop, client: Client, tmp_path: Path) -> None:
    shop.stock_demo(newest=OLD)
    shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\nreason = "bad"\n')
    pinned = client.install("demo==2.0", index_url=shop.index_url, where=tmp_path / "a")
    assert pinned.exit_code != 0, pinned
    assert pinned.installed == {}
    ranged = client.install("demo", index_url=shop.index_url, where=tmp_path / "b")
    assert ranged.installed == {"demo": "1.1"}, ranged
    assert shop.upstream.count("/packages/*demo-2.0*") == 0


def test_a_hidden_version_is_passed_over_but_may_be_pinned(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo(newest=OLD)
    shop.door.set_policy(
        '[[deny]]\nprojects = ["demo"]\nversions = "==2.0"\noutcome = "hide"\n'
        'reason = "slow on our data"\n'
    )
    ranged = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert ranged.installed == {"demo": "1.1"}, ranged
    pinned = client.install("demo==2.0", index_url=shop.index_url, where=tmp_path / "b")
    assert pinned.installed == {"demo": "2.0"}, pinned
    if client.kind != "pdm":  # pdm knows yanked releases but does not tell why
        assert pinned.says("slow on our data"), pinned


def test_after_the_cool_down_the_version_installs(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    before = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert before.installed == {"demo": "1.1"}, before
    shop.door.clock.advance(hours=71)
    after = client.install("demo", index_url=shop.index_url, where=tmp_path / "b")
    assert after.installed == {"demo": "2.0"}, after


def test_a_waiver_opens_one_file(shop: Shop, client: Client, tmp_path: Path) -> None:
    shop.stock_demo()
    file = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    shop.publish("demo", "3.0", uploaded=FRESH)
    waiver = shop.door.add_waiver(sha256_of(file.content), filename=file.filename)
    result = client.install("demo", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"demo": "2.0"}, result
    delivered = shop.door.entries("delivery", project="demo")
    assert {e.body["waiver"] for e in delivered} == {waiver}


def test_projects_that_exist_to_be_refused(shop: Shop, client: Client, tmp_path: Path) -> None:
    held = client.install("pratique-test-held==2.0", index_url=shop.index_url, where=tmp_path / "a")
    assert held.exit_code != 0
    assert held.says("/b/"), held
    denied = client.install(
        "pratique-test-denied==2.0", index_url=shop.index_url, where=tmp_path / "b"
    )
    assert denied.exit_code != 0
    assert held.installed == denied.installed == {}
