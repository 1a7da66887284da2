"""Which secrets a CI run was given: those that its jobs name in the workflow in force at the time.

A log shows few of them. The repository's workflows, read through its history, say all: each version
names the secrets of each job, from its commit to the next. A run belongs to a repository by its name
(`ci/github/acme/api/88123` and `repo/acme/api`), its log to a job by its lineage. Where a job is not
found in the workflow (it goes by another name there), every job's secrets are taken: too many rather
than too few. docs/explain/reach.md.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from pratique.exposure.ports import Edge, FactQueries, Theft
from pratique.values.spans import DAWN, OPEN

_RUN: Final = re.compile(r"asset:ci/[^/]+/([^/]+/.+)/[^/]+")
_SECRET: Final = "identity:ci-secret/"  # noqa: S105 - the beginning of a name
_PLACE: Final = re.compile(r"(.*?)(?:, job (.*))?", re.DOTALL)
_IN_HISTORY: Final = ".github/workflows/"
_UNFIT: Final = re.compile(r"[^\w.@()+-]+")
"""What a job's lineage has a hyphen for (`inventory.ci_logs.looks`)."""
_ASSETS_AT_ONCE: Final = 5000


class Run(NamedTuple):
    """A CI run, or the jobs of it that matter."""

    asset: str
    """Entity key: `asset:ci/github/acme/api/88123`."""
    lineages: frozenset[str]
    """Of its jobs' logs: `ci/github/acme/api/test`. An empty one: the log does not say its job."""
    start: int
    end: int
    entry: int
    """Ledger sequence that says so."""


def is_run(asset: str) -> bool:
    """Whether an entity key names a run of a repository."""
    return _RUN.fullmatch(asset) is not None


def thefts_of_runs(queries: FactQueries, runs: Iterable[Run], *, tx: int) -> list[Theft]:
    """What could be taken from these runs besides what their logs show."""
    by_repository: dict[str, list[Run]] = {}
    for run in runs:
        if (found := _RUN.fullmatch(run.asset)) is not None:
            by_repository.setdefault(f"repo/{found[1].lower()}", []).append(run)
    if not by_repository:
        return []
    rows = queries.assets_by_name(by_repository.keys())
    ids = {row.id for row in rows}
    told = _by_repository(queries.holds(ids, DAWN, OPEN, tx=tx) if ids else ())
    thefts: list[Theft] = []
    for repository, edges in told.items():
        versions = _Versions(edges)
        for run in by_repository.get(repository, ()):
            thefts += _taken(run, versions.during(run))
    return thefts


def runs_given(queries: FactQueries, identities: Collection[str], *, tx: int) -> set[str]:
    """Entity keys of all runs that were given one of these secrets."""
    wanted = {one for one in identities if one.startswith(_SECRET)}
    if not wanted:
        return set()
    rows = [row for row in queries.assets(tx=tx) if is_run(f"asset:{row.name}")]
    found: set[str] = set()
    for start in range(0, len(rows), _ASSETS_AT_ONCE):
        names = {row.id: f"asset:{row.name}" for row in rows[start : start + _ASSETS_AT_ONCE]}
        runs = _lives(queries, names, tx)
        found |= {
            one.asset for one in thefts_of_runs(queries, runs, tx=tx) if one.identity in wanted
        }
    return found


def _lives(queries: FactQueries, names: Mapping[int, str], tx: int) -> Iterator[Run]:
    """Each job's log as a run of its own: from when to when, and of which job."""
    looks = queries.watched(names.keys(), DAWN, OPEN, tx=tx)
    lineages = {one.id: one.lineage for one in queries.places({look.place for look in looks})}
    for look in looks:
        jobs = frozenset({lineages.get(look.place, "")})
        yield Run(names[look.asset], jobs, look.at_lo, look.at_hi, look.entry)


def _by_repository(edges: Iterable[Edge]) -> dict[str, list[Edge]]:
    """Secrets of jobs by repository. Where its history was read, the files as they lie now say less."""
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge.object.startswith(_SECRET):
            found.setdefault(edge.subject.removeprefix("asset:"), []).append(edge)
    for name, held in found.items():
        known = {_place(edge)[0] for edge in held if edge.note.startswith(_IN_HISTORY)}
        found[name] = [edge for edge in held if not _is_told_better(_place(edge)[0], known)]
    return found


def _is_told_better(path: str, known: Collection[str]) -> bool:
    return path not in known and any(path.endswith(f"/{one}") for one in known)


def _place(edge: Edge) -> tuple[str, str]:
    """File and job that an identity's locator names."""
    match = _PLACE.fullmatch(edge.note)
    return (match[1], match[2] or "") if match is not None else (edge.note, "")


class _Versions:
    """Secrets of a repository's jobs by time: a thousand versions, and ten thousand runs."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._edges = sorted(edges, key=lambda edge: edge.span.from_lo)
        self._starts = [edge.span.from_lo for edge in self._edges]
        ends = (max(edge.span.to_hi, edge.span.from_lo + 1) for edge in self._edges)
        self._last_ends = list(accumulate(ends, max))
        """Of each edge and all before it, the latest end: from there back nothing is left."""

    def during(self, run: Run) -> list[tuple[Edge, int, int]]:
        """Each that was in force during a run, and the time that both have in common.

        What has no length counts at its instant.
        """
        found = []
        end = max(run.end, run.start + 1)
        place = bisect_left(self._starts, end) - 1
        while place >= 0 and self._last_ends[place] > run.start:
            edge = self._edges[place]
            since = max(run.start, edge.span.from_lo)
            until = min(end, max(edge.span.to_hi, edge.span.from_lo + 1))
            if since < until:
                found.append((edge, since, until))
            place -= 1
        return found


def _taken(run: Run, during: Sequence[tuple[Edge, int, int]]) -> Iterator[Theft]:
    jobs = {_folded(_place(edge)[1]) for edge, _, _ in during} - {""}
    mine = _jobs_of(run, jobs)
    for edge, start, end in during:
        job = _folded(_place(edge)[1])
        if not job or job in mine:
            yield Theft(edge.object, start, end, run.asset, (run.entry, edge.entry))


def _jobs_of(run: Run, jobs: set[str]) -> set[str]:
    """Jobs of the workflows that this run's logs are of; all, where one cannot be found there."""
    mine: set[str] = set()
    for lineage in run.lineages or {""}:
        called = _folded(lineage.rpartition("/")[2])
        # A matrix has its values behind the name: `test (3.11)`.
        found = {job for job in jobs if called == job or called.startswith(f"{job}-(")}
        if not found:
            return jobs
        mine |= found
    return mine


def _folded(job: str) -> str:
    return _UNFIT.sub("-", job).lower()
