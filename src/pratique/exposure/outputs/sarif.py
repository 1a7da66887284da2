"""SARIF 2.1.0: each place that had it, by file and line, for code hosts and editors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Incident, IncidentAnswer, SightingLine
from pratique.exposure.outputs.common import purl_of_sighting, title_of, to_json
from pratique.values.instants import render_instant
from pratique.values.sarif import SarifResult, SarifRule, sarif_log

_LEVELS: Final = {
    Certainty.CONFIRMED: "error",
    Certainty.PROBABLE: "error",
    Certainty.POSSIBLE: "warning",
}
_LINE = re.compile(r"\bline ([0-9]{1,9})\b")


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """One run: a result per sighting at exposed assets; what is unknown as notifications."""
    title = title_of(incident, answer)
    rules = [
        SarifRule(
            id=f"exposure/{certainty}",
            title=f"{title}: presence {certainty}",
            help="Run `pratique incident plan`; what to do comes in an order that matters.",
            level=level,
        )
        for certainty, level in _LEVELS.items()
    ]
    results = [
        _result(line, sighting)
        for line in answer.lines
        if line.certainty.exposed
        for sighting in line.sightings
        if sighting.certainty.exposed
    ]
    return to_json(sarif_log(rules=rules, results=results, not_checked=list(_not_checked(answer))))


def _result(line: AssetLine, sighting: SightingLine) -> SarifResult:
    release = f"{sighting.name} {sighting.version or sighting.range}".strip()
    chain = " ← ".join((release, *sighting.parents)) if sighting.parents else release
    match = _LINE.search(sighting.at)
    times = sighting.times
    return SarifResult(
        rule=f"exposure/{sighting.certainty}",
        level=_LEVELS[sighting.certainty],
        message=f"{line.asset} {sighting.stage.replace('_', ' ')} {chain} ({sighting.certainty})",
        path=sighting.locator or line.asset,
        line=max(int(match[1]), 1) if match is not None else 1,
        identity=f"{line.asset}\0{sighting.place_kind}\0{sighting.type}\0{release}",
        properties={
            "asset": line.asset,
            "assetKind": line.kind,
            "placeKind": sighting.place_kind,
            "purl": purl_of_sighting(sighting),
            "digest": sighting.digest,
            "at": sighting.at,
            "parents": list(sighting.parents),
            "direct": sighting.direct,
            "stage": sighting.stage,
            "rule": sighting.rule,
            "ledgerEntry": sighting.entry,
            "from": render_instant(times.from_lo) if times.from_lo else None,
            "to": render_instant(times.to_hi) if times.to_hi else None,
        },
    )


def _not_checked(answer: IncidentAnswer) -> Iterator[str]:
    for group in answer.unknown_groups:
        yield f"{group.count} assets ({group.kind}) are unknown: {group.missing or group.rule}"
    for line in answer.lines:
        if line.certainty is Certainty.UNKNOWN:
            yield f"{line.asset} is unknown: {line.missing or line.rule}"
    yield from answer.not_seen
