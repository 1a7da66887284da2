"""Clients go on working when the upstream is down, has deleted, or is of an unusual kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client, client_named
from kit.distributions import make_wheel
from kit.shop import OLD, OpenShop, Shop
from kit.upstream import FakeUpstream, status

pytestmark = pytest.mark.clients


def test_while_the_upstream_is_down_what_is_cached_installs(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    first = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert first.installed == {"demo": "1.1"}, first
    shop.upstream.down()
    shop.door.clock.advance(hours=2)
    second = client.install("demo", index_url=shop.index_url, where=tmp_path / "b")
    assert second.installed == {"demo": "1.1"}, second
    assert any(e.body["stale"] for e in shop.door.entries("page", project="demo", at_least=2))


def test_while_the_upstream_fails_a_hold_still_ends_and_a_denial_still_begins(
    shop: Shop, tmp_path: Path
) -> None:
    client = client_named("uv")
    shop.stock_demo()
    assert client.install(
        "demo==1.0", index_url=shop.index_url, where=tmp_path / "a"
    ).installed == {"demo": "1.0"}
    shop.upstream.fault("*", status(503))
    shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nversions = "==1.0"\nreason = "bad"\n')
    shop.door.clock.advance(hours=1)
    denied = client.install("demo==1.0", index_url=shop.index_url, where=tmp_path / "b")
    assert denied.exit_code != 0, denied


def test_after_upstream_quarantined_a_project_the_last_good_version_installs(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    first = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert first.installed == {"demo": "1.1"}, first
    for filename in list(shop.upstream.projects["demo"].files):
        shop.upstream.remove_file("demo", filename)
    shop.upstream.set_status("demo", "quarantined", "under investigation")
    shop.door.clock.advance(hours=1)
    second = client.install("demo", index_url=shop.index_url, where=tmp_path / "b")
    assert second.installed == {"demo": "1.1"}, second


def test_after_upstream_deleted_a_project_the_last_good_version_installs(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    shop.stock_demo()
    first = client.install("demo", index_url=shop.index_url, where=tmp_path / "a")
    assert first.installed == {"demo": "1.1"}, first
    shop.upstream.remove_project("demo")
    shop.door.clock.advance(hours=1)
    second = client.install("demo", index_url=shop.index_url, where=tmp_path / "b")
    assert second.installed == {"demo": "1.1"}, second


def test_an_html_index_with_relative_links_and_no_hashes(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    """An index like PyTorch's: below its own view, its hashes pinned at the first download."""
    with FakeUpstream(html_only=True, relative_urls=True) as torch:
        filename, content = make_wheel("torch-like", "2.1+cu118")
        torch.add_file("torch-like", filename, content, hashes={}, core_metadata=None)
        shop = open_shop(
            policy=(
                '[[cool-down.override]]\nprojects = ["torch-like"]\nhours = 0\n'
                'reason = "HTML has no times"\n'
            ),
            settings=(
                f'[[upstream]]\nname = "public"\nurl = "{{upstream}}"\n'
                f'[[upstream]]\nname = "torch"\nurl = "{torch.url}"\nhashless = "pin"\n'
                '[[index]]\nname = "pypi"\nupstreams = ["public"]\n'
                '[[index]]\nname = "torch"\nupstreams = ["torch"]\n'
            ),
        )
        url = shop.door.index_url("torch")
        for where in (tmp_path / "a", tmp_path / "b"):
            result = client.install("torch-like", index_url=url, where=where)
            assert result.installed == {"torch-like": "2.1+cu118"}, result
        elsewhere = client.install("torch-like", index_url=shop.index_url, where=tmp_path / "c")
        assert elsewhere.exit_code != 0
        # The upstream exchanges the file behind the same URL: nobody gets the new bytes.
        file = torch.projects["torch-like"].files[filename]
        _, file.content = make_wheel("torch-like", "2.1+cu118", files={"torch_like.py": "other"})
        torch.touch("torch-like")
        shop.door.clock.advance(hours=1)
        shop.door.drop_blobs()
        refused = client.install("torch-like", index_url=url, where=tmp_path / "d")
        assert refused.exit_code != 0, refused
        assert refused.installed == {}


def test_the_public_url_is_asked_only_by_the_door(
    shop: Shop, client: Client, tmp_path: Path
) -> None:
    """Every link on a page leads back to the door, so nothing is fetched past it."""
    shop.publish("demo", "1.0", uploaded=OLD)
    result = client.install("demo", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code == 0, result
    agents = {r.headers.get("user-agent", "") for r in shop.upstream.requests}
    assert all(agent.lower().startswith("pratique") for agent in agents), agents
