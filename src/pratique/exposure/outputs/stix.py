"""STIX 2.1: what is bad, how to know it, and sightings with first, last and count per kind of asset.

Whoever gets this learns how many of ours had it and when, not which: assets are grouped by kind and
certainty. Source: STIX 2.1, sections 4.4, 4.7, 5.2 and 6.14.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pratique.exposure.advisories.model import is_whole
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Incident, IncidentAnswer
from pratique.exposure.outputs.common import (
    stable_uuid,
    title_of,
    to_json,
    vulnerability_names,
)
from pratique.ledger.canonical import canonical_json
from pratique.values.instants import Instant, as_instant

_HASHES: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}
_HEX = re.compile("[0-9a-f]+")
_CONFIDENCE: Final = {Certainty.CONFIRMED: 95, Certainty.PROBABLE: 75, Certainty.POSSIBLE: 35}
_OBSERVABLES: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX 2.1 section 2.9."""
MAX_COUNT: Final = 999_999_999
"""STIX 2.1 section 5.2.1: number_of_sightings."""


class _About(NamedTuple):
    """What all objects of an answer share."""

    key: str
    """Ids are made from it. An object of one id was created once: without an incident, whose opening
    is that instant, each answer stands for itself."""
    title: str
    created: Instant
    modified: Instant

    @classmethod
    def of(cls, incident: Incident | None, answer: IncidentAnswer) -> _About:
        title, moment = title_of(incident, answer), answer.asked_at
        if incident is None:
            return cls(answer.digest, title, moment, moment)
        created = incident.opened_at
        # Ids of incidents are names, the same in many houses; the instant is not.
        key = f"{incident.id}@{_stamp(created)}"
        return cls(key, title, created, max(created, moment))


def render(incident: Incident | None, answer: IncidentAnswer) -> str:
    """A bundle; answers to one incident give the same ids, so that a newer one takes their place."""
    objects = list(_objects(incident, answer))
    return to_json(
        {
            "type": "bundle",
            "id": f"bundle--{stable_uuid('stix', answer.digest)}",
            "objects": objects,
        }
    )


def _objects(incident: Incident | None, answer: IncidentAnswer) -> Iterator[dict[str, Any]]:
    about = _About.of(incident, answer)
    us = _object("identity", about, "us", name="pratique", identity_class="system")
    software = [
        {
            "type": "software",
            "spec_version": "2.1",
            "id": f"software--{_observable_uuid(one.name, one.version or 'unknown')}",
            "name": one.name,
            "version": one.version or "unknown",
        }
        for one in sorted(answer.asked.releases)
    ]
    malware = _object(
        "malware",
        about,
        "malware",
        name=title_of(incident, answer),
        is_family=False,
        malware_types=["trojan"],
        created_by_ref=us["id"],
        external_references=[
            {"source_name": "osv", "external_id": name} for name in vulnerability_names(answer)
        ],
    )
    start = _start(answer)
    if start is not None:
        malware["first_seen"] = _stamp(start)
    yield us
    yield malware
    yield from software
    for indicator in _indicators(about, answer, us["id"]):
        yield indicator
        yield _relation(about, indicator["id"], "indicates", malware["id"], us["id"])
    yield from _sightings(about, answer, malware["id"], us["id"])


def _observable_uuid(name: str, version: str) -> str:
    """As every producer makes it. Source: STIX 2.1 sections 2.9 and 6.14."""
    named = canonical_json({"name": name, "version": version}).decode()
    return str(uuid.uuid5(_OBSERVABLES, named))


def _start(answer: IncidentAnswer) -> Instant | None:
    """When it could first be had, as the widest claim says."""
    return answer.widest.start if answer.widest is not None else None


def _indicators(about: _About, answer: IncidentAnswer, us: str) -> Iterator[dict[str, Any]]:
    """Files by their hashes; without any, the releases by name and version."""
    digests = set(answer.asked.digests)
    for line in answer.lines:
        digests.update(one.digest for one in line.sightings if one.how == "digest")
    patterns = []
    for digest in sorted(digests - {""}):
        algorithm, _, value = digest.partition(":")
        if algorithm in _HASHES and is_whole(digest) and _HEX.fullmatch(value):
            patterns.append(f"[file:hashes.'{_HASHES[algorithm]}' = '{_escaped(value)}']")
    for release in sorted(answer.asked.releases):
        name, version = _escaped(release.name), _escaped(release.version)
        patterns.append(f"[software:name = '{name}' AND software:version = '{version}']")
    start = _start(answer)
    for pattern in patterns:
        yield _object(
            "indicator",
            about,
            pattern,
            name=about.title,
            pattern=pattern,
            pattern_type="stix",
            indicator_types=["malicious-activity"],
            valid_from=_stamp(start or about.created),
            created_by_ref=us,
        )


def _sightings(
    about: _About, answer: IncidentAnswer, malware: str, us: str
) -> Iterator[dict[str, Any]]:
    groups: dict[tuple[str, Certainty], list[AssetLine]] = {}
    for line in answer.lines:
        if line.certainty.exposed:
            groups.setdefault((line.kind, line.certainty), []).append(line)
    for (kind, certainty), lines in sorted(groups.items()):
        firsts = [line.first_at for line in lines if line.first_at is not None]
        lasts = [line.last_at for line in lines if line.last_at is not None]
        where = _object(
            "identity",
            about,
            f"where {kind} {certainty}",
            name=f"assets: {kind}",
            identity_class="group",
        )
        sighting = _object(
            "sighting",
            about,
            f"{kind} {certainty}",
            sighting_of_ref=malware,
            where_sighted_refs=[where["id"]],
            count=min(len(lines), MAX_COUNT),
            confidence=_CONFIDENCE[certainty],
            description=f"{certainty}: {len(lines)} assets of kind {kind}",
            created_by_ref=us,
        )
        if firsts:
            sighting["first_seen"] = _stamp(min(firsts))
            sighting["last_seen"] = _stamp(max([*lasts, min(firsts)]))
        yield where
        yield sighting


def _relation(about: _About, source: str, kind: str, target: str, us: str) -> dict[str, Any]:
    return _object(
        "relationship",
        about,
        f"{source} {kind} {target}",
        relationship_type=kind,
        source_ref=source,
        target_ref=target,
        created_by_ref=us,
    )


def _object(kind: str, about: _About, part: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - properties of any kind
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{stable_uuid(kind, about.key, part)}",
        "created": _stamp(about.created),
        "modified": _stamp(about.modified),
        **values,
    }


def _escaped(text: str) -> str:
    """Inside a string of the pattern language."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _stamp(moment: Instant) -> str:
    """Milliseconds, as section 3.2 asks of created and modified."""
    return as_instant(moment).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
