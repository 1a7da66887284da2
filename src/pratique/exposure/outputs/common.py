"""What several standards need: names of assets and items as URIs, times, stable ids."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from packageurl import PackageURL

from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import (
    AssetLine,
    Incident,
    IncidentAnswer,
    SightingLine,
    digest_of,
)
from pratique.values.instants import Instant

_TYPE = re.compile(r"[A-Za-z0-9._-]+")
_NAMESPACE: Final = uuid.UUID("5c0f0c0e-3d4e-5f0c-9a6b-7e0a1f3c2d11")
"""Ours, so that the same answer gives the same ids wherever it is rendered."""


class AssetStanding(NamedTuple):
    """An asset with what is said of it, whether it has a line of its own or stands in a group."""

    asset: str
    kind: str
    certainty: Certainty
    line: AssetLine | None
    missing: str


def standings(answer: IncidentAnswer) -> Iterator[AssetStanding]:
    """Every asset that the answer names. Groups may count more assets than they name."""
    for line in answer.lines:
        yield AssetStanding(line.asset, line.kind, line.certainty, line, line.missing)
    for group in answer.groups:
        for asset in group.assets:
            yield AssetStanding(asset, group.kind, group.certainty, None, group.missing)


def unnamed(answer: IncidentAnswer, certainty: Certainty) -> int:
    """How many assets of a certainty are counted but not named."""
    return sum(
        group.count - len(group.assets) for group in answer.groups if group.certainty is certainty
    )


def asset_urn(asset: str) -> str:
    """An asset as a URI: `urn:pratique:asset:ci%2Facme%2Fapi`."""
    kind, separator, name = asset.partition(":")
    if not separator:
        kind, name = "asset", asset
    return f"urn:pratique:{quote(kind, safe='')}:{quote(name, safe='')}"


def purl_of(kind: str, name: str, version: str = "") -> str:
    """A release as a package URL; what that cannot spell becomes `pkg:generic/…`."""
    namespace, _, last = name.rpartition("/")
    if _TYPE.fullmatch(kind) is None:
        kind = "generic"
    try:
        return PackageURL(
            type=kind, namespace=namespace or None, name=last, version=version or None
        ).to_string()
    except (TypeError, ValueError):  # the library trips over names of blanks
        at = f"@{quote(version, safe='')}" if version else ""
        return f"pkg:generic/{quote(name.strip() or 'unnamed', safe='')}{at}"


def question_key(answer: IncidentAnswer) -> str:
    """What stays the same when the same question is asked again: the incident, or what was asked."""
    return answer.incident or digest_of(answer.asked)


def purls_of_line(line: AssetLine) -> list[str]:
    """Bad releases seen at one asset."""
    return sorted({purl_of_sighting(one) for one in line.sightings if one.how != "other"})


def bad_purls(answer: IncidentAnswer) -> list[str]:
    """Releases asked for, and those seen at exposed assets."""
    found = {purl_of(one.type, one.name, one.version) for one in answer.asked.releases}
    for line in answer.lines:
        if line.certainty.exposed:
            found.update(purls_of_line(line))
    return sorted(found)


def purl_of_sighting(sighting: SightingLine) -> str:
    """The release that a sighting is of."""
    return purl_of(sighting.type, sighting.name, sighting.version)


def stable_uuid(*parts: str) -> str:
    """The same parts always give the same UUID."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts)))


def title_of(incident: Incident | None, answer: IncidentAnswer) -> str:
    """What one calls it."""
    return (incident.title if incident is not None else answer.title) or "exposure"


def vulnerability_names(answer: IncidentAnswer) -> tuple[str, ...]:
    """Ids of the advisories; without any, the incident stands for them."""
    names = tuple(one.id for one in answer.advisories)
    return names or (answer.incident or f"sha256-{answer.digest[:16]}",)


def coverage_statement(answer: IncidentAnswer, certainty: Certainty) -> str:
    """On what "not affected" or "not known" rests, and how much is only counted."""
    said = {
        Certainty.CLEARED: "Every moment at which it could have been there was watched, and none of "
        "the bad releases was seen.",
        Certainty.UNKNOWN: "Nobody watched, or what there was could not be read.",
        Certainty.POSSIBLE: "It could have come here; no record says that it did.",
    }.get(certainty, "Evidence of presence is in the log.")
    more = unnamed(answer, certainty)
    counted = f" {more} further assets are counted but not named here." if more else ""
    return f"{said} As known at ledger entry {answer.as_known_at}.{counted}"


def millis(moment: Instant) -> int:
    """Milliseconds since 1970, as SIEMs count."""
    return int(moment.timestamp() * 1000)


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
