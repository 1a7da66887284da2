"""Files found once are answered without reading their page again, but never past a change."""

from __future__ import annotations

import pytest

from kit.shop import Shop

TAILS = ["", ".metadata"]


def path_of(shop: Shop, filename: str) -> str:
    return "/pypi" + shop.upstream.projects["demo"].files[filename].path


@pytest.mark.parametrize("tail", TAILS)
def test_a_found_file_follows_the_policy_from_the_next_request_on(shop: Shop, tail: str) -> None:
    path = path_of(shop, shop.publish("demo", "1.0"))
    assert shop.door.ask(path + tail).status == 200
    assert shop.door.ask(path + tail).status == 200
    shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nreason = "it was seen stealing"\n')
    refused = shop.door.ask(path + tail)
    assert refused.status == 403
    assert "it was seen stealing" in refused.reason


@pytest.mark.parametrize("tail", TAILS)
def test_a_found_file_follows_a_new_verdict(shop: Shop, tail: str) -> None:
    filename = shop.publish("demo", "1.0")
    path = path_of(shop, filename)
    assert shop.door.ask(path + tail).status == 200
    digest = shop.upstream.projects["demo"].files[filename].hashes["sha256"]
    shop.door.set_verdict(digest, "malicious")
    assert shop.door.ask(path + tail).status == 403


def test_a_found_file_that_was_held_passes_once_its_time_has_come(shop: Shop) -> None:
    shop.stock_demo()
    newest = next(f for f in shop.upstream.projects["demo"].files if "2.0" in f)
    path = path_of(shop, newest)
    assert shop.door.ask(path).status == 403
    shop.door.clock.advance(hours=71)
    assert shop.door.ask(path).status == 200


def test_a_second_request_does_not_describe_the_page_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(shop, shop.publish("demo", "1.0")) + ".metadata"
    assert shop.door.ask(path).status == 200
    described: list[str] = []
    pages = shop.door.parts.pages

    async def describe(index: str, project: str, *, asset: str = "") -> None:
        described.append(f"{index}/{project}")

    monkeypatch.setattr(pages, "describe", describe)
    assert shop.door.ask(path).status == 200
    assert described == []
