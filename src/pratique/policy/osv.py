"""OSV records as read: tolerant of what is unknown, loud about what is odd.

Owns: from the bytes of a record to what it says of PyPI projects. What that means for a version or
a file is `advisories`' business.

Where a record names files by hash (a `sha256` elsewhere in a record is not a distribution's):
`affected[].database_specific.indicators.package_integrity[].hashes.sha256` (OpenSSF malicious
packages), and `database_specific.pratique.sha256`, a list, at the top or in `affected[]`, for
records written by hand. Source: OSV schema 1.7.5, "Evaluation"; docs/rules/advisory.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from packaging.version import Version

from pratique.errors import ValueFormatError
from pratique.policy.osv_wire import (
    Osv,
    OsvAffected,
    OsvPackage,
    OsvRange,
    decode_osv,
    integrity_hashes,
    loose,
    own_sha256,
    usable_events,
)
from pratique.policy.spelling import version_key_of_text
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.names import ProjectName, parse_project_name


class Advisory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one record says of one project; texts only, because tens of thousands are kept."""

    id: str
    project: ProjectName
    malware: bool
    """A `MAL-` record, or one that names a `MAL-` record as its alias."""
    reviewed_by: str
    """`GHSA` or `PYSEC` when that database reviewed it; empty otherwise."""
    versions: tuple[str, ...]
    """Keys (`version_key`) of the versions listed."""
    ranges: tuple[tuple[tuple[str, str], ...], ...]
    """Of each range its events in order: `("introduced", "0"), ("fixed", "1.2")`."""
    everything: bool
    """Whether it says that every version is affected, future ones included."""
    sha256: tuple[Sha256, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record as read."""

    id: str
    modified: str
    withdrawn: bool
    advisories: tuple[Advisory, ...]
    """One per PyPI project; empty when the record is about other ecosystems."""
    defects: tuple[str, ...]
    """What could not be understood, and how it was taken instead."""


_DECODER = msgspec.json.Decoder(Osv)
_FIRST = Version("0")
_PURL = re.compile(r"pkg:pypi/([^@?#/]+)")


def parse_record(data: bytes) -> Record:
    """Read one OSV record.

    Raises: AdvisoryError when it is not one.
    """
    osv = decode_osv(data, _DECODER)
    defects: list[str] = []
    malware = osv.is_malware
    shared = tuple(_digests(own_sha256(_loose(osv.database_specific)), defects))
    advisories = [
        _advisory(osv, affected, project, malware=malware, shared=shared, defects=defects)
        for affected in osv.affected or ()
        if (project := _pypi_project(affected.package, defects)) is not None
    ]
    return Record(
        id=osv.id,
        modified=osv.modified,
        withdrawn=bool(osv.withdrawn),
        advisories=tuple(advisories),
        defects=tuple(f"{osv.id}: {defect}" for defect in defects),
    )


def _advisory(
    osv: Osv,
    affected: OsvAffected,
    project: ProjectName,
    *,
    malware: bool,
    shared: tuple[Sha256, ...],
    defects: list[str],
) -> Advisory:
    keys = {text: version_key_of_text(text) for text in affected.versions or ()}
    unreadable = sorted(text for text, key in keys.items() if key is None)
    if unreadable:
        defects.append(f"versions that are not PEP 440 match no file: {', '.join(unreadable[:5])}")
    ranges = _ranges(affected.ranges or (), defects)
    digests = {*shared, *_integrity_digests(affected, defects)}
    # A malware record that names neither versions nor files speaks of the whole project.
    silent = malware and not keys and not ranges and not digests
    return Advisory(
        id=osv.id,
        project=project,
        malware=malware,
        reviewed_by=_reviewer(osv),
        versions=tuple(sorted({key for key in keys.values() if key is not None})),
        ranges=tuple(ranges),
        everything=silent or any(_is_endless(events) for events in ranges),
        sha256=tuple(sorted(digests)),
    )


def _pypi_project(package: OsvPackage | None, defects: list[str]) -> ProjectName | None:
    if package is None:
        return None
    name = package.name
    if not package.ecosystem and (found := _PURL.match(package.purl)) is not None:
        name = found.group(1)
    elif package.ecosystem.partition(":")[0].casefold() != "pypi":
        return None
    try:
        return parse_project_name(name)
    except ValueFormatError as error:
        defects.append(error.message)
        return None


def _ranges(ranges: Iterable[OsvRange], defects: list[str]) -> list[tuple[tuple[str, str], ...]]:
    """Events of ranges over versions; ranges over commits say nothing about files."""
    found = []
    for span in ranges:
        if span.type.upper() == "GIT":
            continue
        usable = usable_events(span.events_in_order(), defects)
        if usable:
            found.append(usable)
    return found


def _is_endless(events: tuple[tuple[str, str], ...]) -> bool:
    bounds = [(kind, text) for kind, text in events if (kind, text) != ("limit", "*")]
    return bool(bounds) and all(
        kind == "introduced" and bound_version(text) <= _FIRST for kind, text in bounds
    )


def _reviewer(osv: Osv) -> str:
    if osv.id.startswith("PYSEC-"):
        return "PYSEC"
    specific = _loose(osv.database_specific)
    reviewed = isinstance(specific, dict) and specific.get("github_reviewed") is True
    return "GHSA" if reviewed and osv.id.startswith("GHSA-") else ""


def _loose(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - other databases put anything here
    """A `database_specific` value of any shape, decoded only where it can matter to us."""
    return loose(raw, b"github_reviewed", b"sha256")


def _integrity_digests(affected: OsvAffected, defects: list[str]) -> Iterable[Sha256]:
    specific = _loose(affected.database_specific)
    yield from _digests(own_sha256(specific), defects)
    for algorithm, digest in integrity_hashes(specific):
        if algorithm == "sha256":
            yield from _digests([digest], defects)


def _digests(texts: Iterable[object], defects: list[str]) -> Iterable[Sha256]:
    for text in texts:
        try:
            yield parse_sha256(str(text))
        except ValueFormatError as error:
            defects.append(error.message)


@functools.lru_cache(maxsize=4096)
def bound_version(text: str) -> Version:
    """A range's bound; `0` lies before every version there is."""
    return Version("0.dev0") if text == "0" else Version(text)
