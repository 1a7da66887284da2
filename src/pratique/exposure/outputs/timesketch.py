"""Timesketch: a timeline as JSON lines, each with `message`, `datetime` and `timestamp_desc`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pratique.exposure.incident import Incident, IncidentAnswer, Reached, SightingLine
from pratique.exposure.outputs.common import purl_of_sighting, title_of
from pratique.values.instants import Instant, as_instant
from pratique.values.spans import is_dawn


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """Every instant that the answer knows, earliest first."""
    events = sorted(_events(incident, answer), key=lambda one: (one["datetime"], one["message"]))
    return "\n".join(msgspec.json.encode(event).decode() for event in events)


def _events(incident: Incident | None, answer: IncidentAnswer) -> Iterator[dict[str, Any]]:
    for window in answer.windows:
        said = f"{window.channel or 'any channel'}, says {window.source} ({window.confidence})"
        yield from _event(window.start, "Could be had from", f"bad release online: {said}")
        yield from _event(window.end, "Could be had until", f"bad release gone: {said}")
    for line in answer.lines:
        for sighting in line.sightings:
            yield from _of_sighting(line.asset, sighting)
        yield from _event(
            line.theft_from,
            "Code may have run from",
            f"code of the bad release may have run on {line.asset} ({line.ran})",
            asset=line.asset,
        )
    for one in answer.reach.identities:
        yield from _of_identity(one)
    if incident is not None:
        title = title_of(incident, answer)
        yield from _event(incident.aware_at, "Awareness", f"first awareness: {title}")
        yield from _event(incident.opened_at, "Incident Opened", f"incident opened: {title}")
        yield from _event(incident.closed_at, "Incident Closed", f"incident closed: {title}")
        for mark in incident.answers:
            yield from _event(
                mark.asked_at,
                "Answered",
                f"answer recorded ({'; '.join(mark.because)})",
                entry=mark.entry,
            )


def _of_sighting(asset: str, one: SightingLine) -> Iterator[dict[str, Any]]:
    where = f"{one.place_kind} {one.locator}".strip()
    what = (
        f"{one.name} {one.version or one.range} {one.stage.replace('_', ' ')} at {asset}, {where}"
    )
    extra = {
        "asset": asset,
        "purl": purl_of_sighting(one),
        "digest": one.digest,
        "certainty": one.certainty.value,
        "stage": one.stage,
        "rule": one.rule,
        "entry": one.entry,
        "parents": list(one.parents),
    }
    times = one.times
    yield from _event(times.from_lo, "Earliest Possible Start", what, **extra)
    if times.from_hi != times.from_lo:
        yield from _event(times.from_hi, "First Seen", what, **extra)
    if times.to_lo != times.from_hi:
        yield from _event(times.to_lo, "Last Seen", what, **extra)
    if times.to_hi != times.to_lo:
        yield from _event(times.to_hi, "Seen Gone", what, **extra)


def _of_identity(one: Reached) -> Iterator[dict[str, Any]]:
    extra = {"identity": one.entity, "certainty": one.certainty.value, "entries": list(one.entries)}
    for span in one.spans:
        yield from _event(
            span.start, "May Be Stolen", f"{one.entity} may be stolen from here on", **extra
        )
        yield from _event(
            span.end, "Rotated", f"{one.entity} rotated: what was stolen no longer works", **extra
        )


def _event(
    moment: Instant | None,
    description: str,
    message: str,
    **extra: Any,  # noqa: ANN401 - attributes of any kind
) -> Iterator[dict[str, Any]]:
    if moment is not None and not is_dawn(moment):
        yield {
            "message": message,
            # With an offset and always six decimals, so that every event sorts as text.
            "datetime": as_instant(moment).isoformat(timespec="microseconds"),
            "timestamp_desc": description,
            **extra,
        }
