"""What a person with pip, uv, Poetry or pdm lives through when policy holds, hides or denies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.clients import Client, Locker, client_named
from kit.distributions import make_sdist, sha256_of
from kit.shop import FRESH, FRESH_UNTIL, OLD, OpenShop, Shop

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
