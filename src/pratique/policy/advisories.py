"""Advisories: which versions and files OSV records speak of.

Owns: PEP 440 matching, the index by project and by hash. Never does: read files or the network
(`edge.advisories`), or JSON (`osv`). Source: OSV schema 1.7.5, "Evaluation"; docs/rules/advisory.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
from packaging.version import Version

from pratique.errors import ValueFormatError
from pratique.policy.osv import Advisory, Record, bound_version
from pratique.policy.spelling import version_key_of_text
from pratique.values.digests import Sha256
from pratique.values.instants import parse_instant
from pratique.values.names import ProjectName


def matches_version(advisory: Advisory, version: Version) -> bool:
    """Whether the record says that this version is affected.

    A local version (`2.1+cu118`) is affected where its public version is. Versions are compared as
    PEP 440 says, never as text. Source: OSV schema, "Evaluation".
    """
    if advisory.everything:
        return True
    keys = {version_key_of_text(str(version)), version_key_of_text(version.public)}
    if not keys.isdisjoint(advisory.versions):
        return True
    return any(_in_range(events, version) for events in advisory.ranges)


def _in_range(events: tuple[tuple[str, str], ...], version: Version) -> bool:
    public = Version(version.public)
    bounds = ordered_bounds(events)
    if any(bound.local is not None for bound, _ in bounds):
        # Only a bound that itself names a local version tells local versions apart.
        return is_affected([(_rank(bound, version, public), kind) for bound, kind in bounds], 0)
    return is_affected(bounds, public)


def _rank(bound: Version, version: Version, public: Version) -> int:
    """Where a bound lies beside the version: -1 below, 0 equal, 1 above."""
    candidate = version if bound.local is not None else public
    return (bound > candidate) - (bound < candidate)


def ordered_bounds(events: tuple[tuple[str, str], ...]) -> list[tuple[Version, str]]:
    """A range's events as versions in rising order; `limit: *` lifts all limits."""
    unlimited = ("limit", "*") in events
    bounds = [
        (bound_version(text), kind) for kind, text in events if not (unlimited and kind == "limit")
    ]
    return sorted(bounds, key=lambda event: event[0])


class _Ordered(Protocol):
    """What the evaluation needs of a version: comparison."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as comparison is declared everywhere
    def __gt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as comparison is declared everywhere


_T = TypeVar("_T", bound=_Ordered)


def is_affected(bounds: Sequence[tuple[_T, str]], candidate: _T) -> bool:
    """The evaluation of one range, over anything that compares as versions do.

    Source: OSV schema, "Evaluation" (`IncludedInRanges` and `BeforeLimits`).
    """
    affected = False
    limits = []
    for bound, kind in bounds:
        if kind == "limit":
            limits.append(candidate < bound)
        elif kind == "introduced" and not candidate < bound:
            affected = True
        elif (kind == "fixed" and not candidate < bound) or (
            kind == "last_affected" and candidate > bound
        ):
            affected = False
    return affected and (not limits or any(limits))


def fixed_version_keys(advisory: Advisory) -> frozenset[str]:
    """Keys of the versions that the record names as the fix."""
    keys = (
        version_key_of_text(text)
        for events in advisory.ranges
        for kind, text in events
        if kind == "fixed"
    )
    return frozenset(key for key in keys if key is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryIndex:
    """All records in force, by project and by hash."""

    projects: Mapping[ProjectName, tuple[Advisory, ...]]
    malware_sha256: Mapping[Sha256, tuple[str, ...]]
    """Ids of the malware records that name a file by its hash."""
    content_hash: str
    """Changes exactly when the records in force say something else."""
    defects: tuple[str, ...] = ()
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What matchers have prepared for projects; belongs to `policy.matching`, may be emptied."""

    def for_project(self, project: ProjectName) -> tuple[Advisory, ...]:
        """Records about a project, ordered by id."""
        return self.projects.get(project, ())


def build_index(records: Iterable[Record]) -> AdvisoryIndex:
    """Index records; of several with one id the one modified last counts, withdrawn ones vanish."""
    latest: dict[str, Record] = {}
    for record in records:
        known = latest.get(record.id)
        if known is None or _modified(record) >= _modified(known):
            latest[record.id] = record
    projects: dict[ProjectName, list[Advisory]] = {}
    digests: dict[Sha256, list[str]] = {}
    content = hashlib.sha256()
    defects: list[str] = []
    for _id, record in sorted(latest.items()):
        defects.extend(record.defects)
        for advisory in () if record.withdrawn else record.advisories:
            projects.setdefault(advisory.project, []).append(advisory)
            content.update(msgspec.msgpack.encode(advisory))
            for digest in advisory.sha256 if advisory.malware else ():
                digests.setdefault(digest, []).append(advisory.id)
    return AdvisoryIndex(
        projects={name: tuple(found) for name, found in projects.items()},
        malware_sha256={digest: tuple(ids) for digest, ids in digests.items()},
        content_hash=content.hexdigest(),
        defects=tuple(defects),
    )


def _modified(record: Record) -> tuple[float, str]:
    try:
        return parse_instant(record.modified).timestamp(), record.modified
    except ValueFormatError:
        return 0.0, record.modified


NO_ADVISORIES = build_index(())


def sweeping_records(
    advisories: Iterable[Advisory], versions: Iterable[Version]
) -> tuple[Advisory, ...]:
    """Records that match every one of several versions: true of a squatted name, and of mistakes.

    Shape: empty when there are fewer than two versions, of which "every" says nothing.
    """
    distinct = sorted(set(versions))
    if len(distinct) < 2:  # noqa: PLR2004 - see Shape
        return ()
    return tuple(
        advisory for advisory in advisories if all(matches_version(advisory, v) for v in distinct)
    )
