"""Point-in-time SBOMs: what was there then, and whether anybody would have seen more."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from kit.fact_story import FactStory, at, item, seen
from kit.schemas import cyclonedx_errors
from pratique.exposure.outputs.sbom import Picture, render_sbom, render_sbom_text, take_picture
from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind
from pratique.values.spans import to_micros

WHEEL = "sha256:164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205"


def picture(told: FactStory, asset: str, moment: datetime, tx: int = NOW_TX) -> Picture:
    facts = told.facts()
    (row,) = facts.assets_by_name([asset])
    micros = to_micros(moment)
    contents = list(facts.contents_at(row.id, micros, tx=tx))
    watched = facts.watched([row.id], micros, micros, tx=tx)
    ids = {hit.place for _, hit in contents} | {one.place for one in watched}
    return take_picture(
        row, moment, tx=tx, contents=contents, places=facts.places(ids), watched=watched
    )


def checked(one: Picture) -> dict[str, Any]:
    text = render_sbom(one)
    errors = cyclonedx_errors(text)
    assert errors is None, str(errors)
    assert text == render_sbom(one)
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_run_is_described_as_of_an_instant_within_it() -> None:
    told = FactStory()
    told.run(
        "ci/1", seen(item("litellm", "1.82.6", digest=WHEEL)), seen(item("@a/b", "2", type="npm"))
    )
    found = checked(picture(told, "ci/1", at("10:45")))
    assert [one.get("purl") for one in found["components"]] == [
        "pkg:npm/%40a/b@2", "pkg:pypi/litellm@1.82.6",
    ]  # fmt: skip
    assert found["components"][1]["hashes"] == [
        {"alg": "SHA-256", "content": WHEEL.removeprefix("sha256:")}
    ]
    assert found["compositions"][0]["aggregate"] == "complete"
    before = checked(picture(told, "ci/1", at("10:00")))
    assert before["components"] == []
    assert before["compositions"][0]["aggregate"] == "unknown"


@pytest.mark.slow
def test_what_came_between_two_looks_is_only_possible() -> None:
    told = FactStory()
    told.machine("lap", seen(item("litellm", "1.82.6")), when="09:00")
    told.machine("lap", seen(item("litellm", "1.82.8")), when="11:00")
    found = checked(picture(told, "lap", at("10:00")))
    held = {one["version"]: one["properties"][0]["value"] for one in found["components"]}
    assert held == {"1.82.6": "possibly", "1.82.8": "possibly"}
    assert found["compositions"][0]["aggregate"] == "unknown"
    exact = checked(picture(told, "lap", at("11:00")))
    versions = {
        one["version"] for one in exact["components"] if one["properties"][0]["value"] == "surely"
    }
    assert versions == {"1.82.8"}
    text = render_sbom_text(picture(told, "lap", at("10:00")))
    assert "litellm 1.82.6  (possibly)" in text
    assert "Nobody watched" in text


def test_a_machine_is_whole_only_when_somebody_looked_at_all_of_it() -> None:
    told = FactStory()
    span = {
        "start": at("09:00"),
        "end": at("15:00"),
        "mode": LookMode.EVENT,
        "kind": AssetKind.LAPTOP,
    }
    told.now = at("15:00")
    told.look("lap", seen(item("x", "1")), place=PlaceKind.ENVIRONMENT, **span)
    assert not picture(told, "lap", at("10:00")).whole
    told.look("lap", place=PlaceKind.ASSET, locator="/", **span)
    assert picture(told, "lap", at("10:00")).whole
    told.look("lap", seen(item("x", "1")), place=PlaceKind.CACHE, whole=False, **span)
    assert not picture(told, "lap", at("10:00")).whole


def test_the_past_stays_as_it_was_known() -> None:
    told = FactStory()
    told.run("ci/1", seen(item("litellm", "1.82.6")))
    size = told.log.size()
    before = render_sbom(picture(told, "ci/1", at("10:45"), tx=size))
    told.run("ci/1", seen(item("litellm", "1.82.8")), locator="2")
    assert render_sbom(picture(told, "ci/1", at("10:45"), tx=size)) == before
    assert render_sbom(picture(told, "ci/1", at("10:45"))) != before


@pytest.mark.parametrize(
    "odd",
    [
        item("", ""),
        item("x", "1", type="odd type", digest="sha256:zz", filename="a b.whl"),
        item("ü/ß", "1+local", digest="md5:00"),
        item("\t", "\n"),
    ],
)
def test_odd_names_stay_valid(odd: Any) -> None:
    told = FactStory()
    told.run("ci/ä 1", seen(odd, range=">=1"))
    checked(picture(told, "ci/ä 1", at("10:45")))
