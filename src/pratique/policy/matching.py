"""Which records match a file, for pages of thousands of files and dozens of records.

Owns: preparing the records of a project once per index. Listed versions become a look-up; ranges
become one line of bounds, cut into slots, so that a version costs one bisection however many
records there are. `advisories.matches_version` is the plain statement of the same thing, and a
property test holds the two equal.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal, TypeAlias

from packaging.version import Version

from pratique.policy.advisories import (
    AdvisoryIndex,
    is_affected,
    matches_version,
    ordered_bounds,
)
from pratique.policy.model import FileFacts
from pratique.policy.osv import Advisory
from pratique.policy.spelling import reader_for, version_key
from pratique.values.names import ProjectName

Ids: TypeAlias = tuple[str, ...]
Sort: TypeAlias = Literal["malware", "private", "vulnerable"]
"""Malware of a public project, malware of a private one, everything else."""

_PREPARED_PROJECTS = 64
_SEEN_VERSIONS = 4096


def matcher_for(index: AdvisoryIndex, project: ProjectName, sort: Sort) -> Matcher | None:
    """The records of one sort about a project, made ready; None when there are none."""
    key = (project, sort)
    if key not in index.memo:
        records = [a for a in index.for_project(project) if _is_of(a, sort)]
        if not records:
            return None
        if len(index.memo) >= _PREPARED_PROJECTS:
            index.memo.clear()
        index.memo[key] = Matcher(project, records)
    found: Matcher = index.memo[key]
    return found


def _is_of(advisory: Advisory, sort: Sort) -> bool:
    """Whether a record counts.

    "All versions of this name are malware" is said of names that somebody squatted on the public
    index. A private project of the same name is another project; its owners must not lose it.
    """
    if sort == "vulnerable":
        return not advisory.malware
    return advisory.malware and not (sort == "private" and advisory.everything)


class Matcher:
    """Several records about one project."""

    def __init__(self, project: ProjectName, records: list[Advisory]) -> None:
        self._reader = reader_for(project)
        self._sweeping = tuple(a.id for a in records if a.everything)
        self._listed: dict[str, Ids] = {}
        for record in records:
            for key in record.versions:
                self._listed[key] = (*self._listed.get(key, ()), record.id)
        self._ranged = [a for a in records if a.ranges and not a.everything]
        self._bounds, self._slots = _slots(self._ranged)
        self._seen: dict[str, Ids] = {}

    def ids(self, file: FileFacts) -> Ids:
        """Ids of the records that match the file's version, in order."""
        text = self._reader.canonical(file.filename)
        if text is None:
            return self._look_up(self._reader.version(file))
        known = self._seen.get(text)
        if known is None:
            known = self._look_up(self._reader.version(file))
            if len(self._seen) < _SEEN_VERSIONS:
                self._seen[text] = known
        return known

    def _look_up(self, version: Version | None) -> Ids:
        if version is None:
            return self._sweeping
        found = {*self._sweeping, *self._listed.get(version_key(version), ())}
        if version.local is not None:
            found.update(self._listed.get(version_key(Version(version.public)), ()))
        if version.local is not None or self._slots is None:
            found.update(a.id for a in self._ranged if matches_version(a, version))
        else:
            found.update(self._slots[_position(self._bounds, version)])
        return tuple(sorted(found))


def _position(bounds: list[Version], version: Version) -> int:
    """The slot of a version: `2i + 1` on bound `i`, `2i` just below it, the last one above all."""
    place = bisect_left(bounds, version)
    return 2 * place + (place < len(bounds) and bounds[place] == version)


def _slots(records: list[Advisory]) -> tuple[list[Version], list[Ids] | None]:
    """All bounds in order and, for every slot between and on them, the ids that match there.

    Shape: slots of None when a bound names a local version, which no single line can order.
    """
    ranges = [(a.id, ordered_bounds(events)) for a in records for events in a.ranges]
    line = sorted({bound for _, bounds in ranges for bound, _ in bounds})
    if any(bound.local is not None for bound in line):
        return line, None
    place = {bound: 2 * i + 1 for i, bound in enumerate(line)}
    placed = [(id_, [(place[bound], kind) for bound, kind in bounds]) for id_, bounds in ranges]
    slots = [
        tuple(sorted({id_ for id_, bounds in placed if is_affected(bounds, slot)}))
        for slot in range(2 * len(line) + 1)
    ]
    return line, slots
