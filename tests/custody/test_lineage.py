"""Lineage events are what OpenLineage's own classes write."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    input_statistics_input_dataset,
    lifecycle_state_change_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
)
from openlineage.client.serde import Serde

from kit.disclosure import LARGE, SMALL, House, canonical, house, reading

FACETS = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "lifecycleStateChange": lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet,
    "ownership": ownership_dataset.OwnershipDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        carrier = canonical(made, holder="job-7")

        async def read() -> None:
            async with reading(made) as get:
                assert await get(carrier, "large") == LARGE
                assert await get(carrier, "small") == SMALL

        asyncio.run(read())
        yield made


def events_of(place: House) -> list[dict[str, Any]]:
    result = place.run("dataset", "describe", "dialogs", "--as", "openlineage")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def rebuilt(event: dict[str, Any]) -> dict[str, Any]:
    """The same event, made with the reference classes from its values alone."""

    def facets(told: dict[str, Any]) -> dict[str, Any]:
        return {
            name: FACETS[name](
                **{key: value for key, value in one.items() if not key.startswith("_")},
                producer=one["_producer"],
            )
            for name, one in told.items()
        }

    def dataset(kind: Any, told: dict[str, Any], own: str) -> Any:
        more = {own: facets(told[own])}
        return kind(told["namespace"], told["name"], facets=facets(told["facets"]), **more)

    job = event["job"]
    made = event_v2.RunEvent(
        eventTime=event["eventTime"],
        eventType=event_v2.RunState[event["eventType"]],
        run=event_v2.Run(runId=event["run"]["runId"]),
        job=event_v2.Job(namespace=job["namespace"], name=job["name"]),
        inputs=[dataset(event_v2.InputDataset, one, "inputFacets") for one in event["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, one, "outputFacets") for one in event["outputs"]],
        producer=event["producer"],
    )
    found: dict[str, Any] = json.loads(Serde.to_json(made))
    return found


def bare(value: Any) -> Any:
    """Without empty parts, which the reference leaves out."""
    if isinstance(value, dict):
        cleaned = {key: bare(one) for key, one in value.items()}
        return {key: one for key, one in cleaned.items() if one not in ({}, [], None)}
    return [bare(one) for one in value] if isinstance(value, list) else value


def test_the_reference_classes_write_the_same(place: House) -> None:
    events = events_of(place)
    assert [(one["job"]["name"].split(".")[0], one["eventType"]) for one in events] == [
        ("register", "START"),
        ("register", "COMPLETE"),
        ("seal", "START"),
        ("seal", "COMPLETE"),
        ("read", "START"),
        ("read", "COMPLETE"),
    ]
    for event in events:
        assert bare(rebuilt(event)) == bare(event)


def test_what_it_says(place: House) -> None:
    sealed, read = events_of(place)[3], events_of(place)[5]
    [output] = sealed["outputs"]
    assert output["outputFacets"]["outputStatistics"]["size"] == len(LARGE) + len(SMALL)
    assert [one["name"] for one in sealed["inputs"]] == ["folder"]
    [source] = read["inputs"]
    assert source["inputFacets"]["inputStatistics"]["size"] == len(LARGE) + len(SMALL)
    assert source["inputFacets"]["inputStatistics"]["fileCount"] == 2


def test_the_same_entry_is_the_same_run(place: House) -> None:
    assert [one["run"]["runId"] for one in events_of(place)] == [
        one["run"]["runId"] for one in events_of(place)
    ]


@pytest.mark.slow
def test_events_are_posted_where_the_settings_say(place: House, tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the standard library decides the name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(json.loads(body))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    settings = place.home / "pratique.toml"
    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/lineage"
        settings.write_text(f'[custody]\nopenlineage_url = "{url}"\n')
        try:
            posted = place.run("dataset", "describe", "dialogs", "--as", "openlineage", "--post")
        finally:
            server.shutdown()
            thread.join(5)
    assert posted.exit_code == 0, posted.output
    assert taken == events_of(place)
    refused = place.run("dataset", "describe", "dialogs", "--as", "openlineage", "--post")
    settings.unlink()
    assert refused.exit_code != 0
    assert "did not take an event" in str(refused.exception)
