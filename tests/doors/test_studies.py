"""What is learned of young releases while they wait, and what it changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kit.shop import NOW, OLD, Shop

YOUNG = NOW - timedelta(minutes=30)
SHORT_COOL_DOWN = "[cool-down]\nhours = 1\n"


def attestation(repository: str) -> dict[str, Any]:
    return {
        "version": 1,
        "attestation_bundles": [
            {
                "publisher": {
                    "kind": "GitHub",
                    "repository": repository,
                    "workflow": "release.yml",
                },
                "attestations": [],
            }
        ],
    }


def told(shop: Shop, project: str, version: str) -> dict[str, Any]:
    files = shop.door.page(project)["files"]
    [found] = [f for f in files if f"-{version}-" in f["filename"]]
    note: dict[str, Any] = found.get("_pratique", {"outcome": "allow"})
    return note


@pytest.mark.parametrize("core_metadata", [True, False], ids=["sidecar", "read out of the wheel"])
def test_a_release_that_brings_in_a_brand_new_project_is_held(
    shop: Shop, core_metadata: bool
) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("fresh-helper", "1.0", uploaded=NOW - timedelta(hours=2))
    shop.publish("old-helper", "1.0")
    shop.publish("demo", "1.0", core_metadata=core_metadata)
    shop.publish(
        "demo",
        "1.1",
        uploaded=YOUNG,
        requires=("old-helper", "fresh-helper>=1"),
        core_metadata=core_metadata,
    )
    assert told(shop, "demo", "1.1")["outcome"] == "hold"
    shop.door.settle()
    shop.door.clock.advance(hours=2)
    note = told(shop, "demo", "1.1")
    assert (note["outcome"], note["rule"]) == ("hold", "new-dependency")
    assert "fresh-helper" in note["reason"]
    assert "old-helper" not in note["reason"]
    shop.door.clock.advance(hours=72)
    assert told(shop, "demo", "1.1")["outcome"] == "allow"


def test_a_release_whose_dependencies_are_all_old_passes_after_its_cool_down(shop: Shop) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("old-helper", "1.0")
    shop.publish("demo", "1.0")
    shop.publish("demo", "1.1", uploaded=YOUNG, requires=("old-helper",))
    told(shop, "demo", "1.1")
    shop.door.settle()
    shop.door.clock.advance(hours=2)
    assert told(shop, "demo", "1.1")["outcome"] == "allow"


def test_a_dependency_that_exists_nowhere_is_held_for_review(shop: Shop) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("demo", "1.0")
    shop.publish("demo", "1.1", uploaded=YOUNG, requires=("nobody-has-registered-this",))
    told(shop, "demo", "1.1")
    shop.door.settle()
    shop.door.clock.advance(hours=200)
    note = told(shop, "demo", "1.1")
    assert (note["outcome"], note["rule"]) == ("hold", "new-dependency")


@pytest.mark.parametrize(
    ("now", "outcome"), [("acme/demo", "allow"), ("mallory/demo", "hide")], ids=["same", "other"]
)
def test_a_release_from_another_repository_is_hidden(shop: Shop, now: str, outcome: str) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("demo", "1.0", uploaded=OLD, provenance=attestation("acme/demo"))
    shop.publish("demo", "1.1", uploaded=YOUNG, provenance=attestation(now))
    told(shop, "demo", "1.1")
    shop.door.settle()
    shop.door.clock.advance(hours=2)
    assert told(shop, "demo", "1.1")["outcome"] == outcome


def test_an_attestation_that_cannot_be_read_does_not_stop_the_rest(shop: Shop) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("fresh-helper", "1.0", uploaded=NOW - timedelta(hours=2))
    shop.publish("demo", "1.0", provenance=attestation("acme/demo"))
    shop.publish(
        "demo", "1.1", uploaded=YOUNG, provenance={"version": "one"}, requires=("fresh-helper",)
    )
    told(shop, "demo", "1.1")
    shop.door.settle()
    shop.door.clock.advance(hours=2)
    assert told(shop, "demo", "1.1")["rule"] == "new-dependency"


def test_studies_wait_until_nobody_asks(shop: Shop) -> None:
    shop.door.set_policy(SHORT_COOL_DOWN)
    shop.publish("demo", "1.0")
    filename = shop.publish("demo", "1.1", uploaded=YOUNG)
    told(shop, "demo", "1.1")
    path = shop.upstream.projects["demo"].files[filename].path
    assert shop.upstream.count(path + ".metadata") == 0
    shop.door.settle()
    assert shop.upstream.count(path + ".metadata") == 1
