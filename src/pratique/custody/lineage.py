"""Where a dataset came from and went to, as the ledger tells it; and as OpenLineage events.

Source: OpenLineage 2-0-2; each facet names its own schema.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique import __version__
from pratique.custody.access_log import LeaseRead
from pratique.custody.model import Dataset
from pratique.custody.ports import Version
from pratique.ledger.entries import Event
from pratique.values.instants import Instant, render_instant

_SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS: Final = "https://openlineage.io/spec/facets"
_RUNS: Final = uuid.UUID("9d3a1a52-1f0e-5d57-8a0f-6c1b1a4e7c11")
"""Names our runs: the same entry of the same log is the same run, however often it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that somebody did to a dataset."""

    entry: int
    at: Instant
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A lease that put objects."""

    lease: str
    holder: str
    vendor: str
    project: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """How one version came to be."""

    dataset: Dataset
    version: Version
    origin: str
    """Name of the log that says so."""
    registered: Act | None
    """None: no entry of this log says it."""
    sealed: Act | None
    source: str
    """What it was registered from, as recorded at sealing; empty: not said."""
    writers: Mapping[str, Writer]
    """By id, of those leases whose objects are in the version."""
    readers: Sequence[LeaseRead] = ()
    """Leases that read of the dataset: deliveries, and work on it."""
    steps: Sequence[tuple[str, Act]] = ()
    """What was done to its records before, in words, as the work ledger tells it."""
    made_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By SHA-256 of a file: the submissions that it was made from."""


def lineage_of(
    dataset: Dataset,
    version: Version,
    *,
    origin: str,
    events: Mapping[str, Iterable[Event]],
    writers: Iterable[str],
    readers: Sequence[LeaseRead] = (),
    steps: Sequence[tuple[str, Act]] = (),
    made_from: Mapping[str, tuple[str, ...]] | None = None,
) -> Lineage:
    """Put together what entries say. `events`: those of `dataset`, `dataset-version` and `lease`."""
    subject = f"dataset:{dataset.name}"
    wanted = set(writers)
    registered = next(
        (_act(one) for one in events.get("dataset", ()) if one.subject == subject), None
    )
    sealing = next(
        (
            one
            for one in events.get("dataset-version", ())
            if one.subject == subject and one.body.get("version") == version.number
        ),
        None,
    )
    return Lineage(
        dataset=dataset,
        version=version,
        origin=origin,
        registered=registered,
        sealed=None if sealing is None else _act(sealing),
        source="" if sealing is None else str(sealing.body.get("source", "")),
        writers={
            one.subject.removeprefix("lease:"): _writer(one)
            for one in events.get("lease", ())
            if one.subject.removeprefix("lease:") in wanted
        },
        readers=readers,
        steps=steps,
        made_from=made_from or {},
    )


def _act(event: Event) -> Act:
    return Act(entry=event.sequence, at=event.at, actor=event.actor)


def _writer(event: Event) -> Writer:
    told = {key: str(event.body.get(key, "")) for key in ("holder", "vendor", "project", "purpose")}
    return Writer(lease=event.subject.removeprefix("lease:"), **told)


# ── OpenLineage ──────────────────────────────────────────────────────────────────────────────


def openlineage_events(lineage: Lineage) -> list[dict[str, Any]]:
    """Registering, sealing and every lease's reads, as pairs of START and COMPLETE."""
    return [event for part in (_registered, _sealed, _read) for event in part(lineage)]


def _registered(lineage: Lineage) -> Iterator[dict[str, Any]]:
    act = lineage.registered
    if act is None:
        return
    facets = {
        "lifecycleStateChange": _facet(
            "1-0-1", "LifecycleStateChangeDatasetFacet", lifecycleStateChange="CREATE"
        ),
        "ownership": _ownership(lineage),
    }
    run, name = _run(lineage, act.entry), f"register.{lineage.dataset.name}"
    output = {**_dataset(lineage, facets), "outputFacets": {}}
    yield from _pair(lineage, run, name, start=act.at, end=act.at, inputs=[], outputs=[output])


def _sealed(lineage: Lineage) -> Iterator[dict[str, Any]]:
    act, version = lineage.sealed, lineage.version
    if act is None:
        return
    facets = {"version": _version(lineage), "ownership": _ownership(lineage)}
    statistics = _facet(
        "1-0-2",
        "OutputStatisticsOutputDatasetFacet",
        size=version.bytes,
        fileCount=version.objects,
    )
    output = {**_dataset(lineage, facets), "outputFacets": {"outputStatistics": statistics}}
    inputs = []
    if lineage.source:
        inputs.append(
            {"facets": {}, "inputFacets": {}, "name": lineage.source, "namespace": "source"}
        )
    run, name = _run(lineage, act.entry), f"seal.{lineage.dataset.name}"
    yield from _pair(lineage, run, name, start=act.at, end=act.at, inputs=inputs, outputs=[output])


def _read(lineage: Lineage) -> Iterator[dict[str, Any]]:
    for read in lineage.readers:
        found = next((one for one in read.datasets if one.dataset == lineage.dataset.name), None)
        if found is None:
            continue
        statistics = _facet(
            "1-0-0",
            "InputStatisticsInputDatasetFacet",
            size=found.bytes,
            fileCount=len(found.objects),
        )
        source = {
            **_dataset(lineage, {"ownership": _ownership(lineage)}),
            "inputFacets": {"inputStatistics": statistics},
        }
        run = _run(lineage, read.entries[0])
        name = f"read.{read.vendor}.{read.project}.{read.lease}"
        yield from _pair(
            lineage,
            run,
            name,
            start=read.first_at,
            end=read.last_at,
            inputs=[source],
            outputs=[],
        )


def _pair(
    lineage: Lineage,
    run: str,
    job: str,
    *,
    start: Instant,
    end: Instant,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    for kind, at in (("START", start), ("COMPLETE", end)):
        yield {
            "eventTime": render_instant(at),
            "eventType": kind,
            "inputs": inputs if kind == "COMPLETE" else [],
            "job": {"facets": {}, "name": job, "namespace": _namespace(lineage)},
            "outputs": outputs if kind == "COMPLETE" else [],
            "producer": _producer(),
            "run": {"facets": {}, "runId": run},
            "schemaURL": _SPEC,
        }


def _run(lineage: Lineage, entry: int) -> str:
    return str(uuid.uuid5(_RUNS, f"{lineage.origin}/{lineage.dataset.name}/{entry}"))


def _namespace(lineage: Lineage) -> str:
    return f"pratique://{lineage.origin}"


def _producer() -> str:
    return f"urn:pratique:{__version__}"


def _dataset(lineage: Lineage, facets: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "facets": dict(facets),
        "name": lineage.dataset.name,
        "namespace": _namespace(lineage),
    }


def _version(lineage: Lineage) -> dict[str, Any]:
    told = f"{lineage.version.number}-{lineage.version.root}"
    return _facet("1-0-1", "DatasetVersionDatasetFacet", datasetVersion=told)


def _ownership(lineage: Lineage) -> dict[str, Any]:
    owner = {"name": f"client:{lineage.dataset.client}", "type": "OWNER"}
    return _facet("1-0-1", "OwnershipDatasetFacet", owners=[owner])


def _facet(release: str, name: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {
        "_producer": _producer(),
        "_schemaURL": f"{_FACETS}/{release}/{name}.json#/$defs/{name}",
        **values,
    }
