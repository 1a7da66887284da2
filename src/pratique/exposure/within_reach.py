"""The blast of an answer's exposed assets, as values of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from pratique.exposure.blast import Exposed, find_thefts, measure_blast
from pratique.exposure.certainty import Certainty
from pratique.exposure.disclosure import LEASE
from pratique.exposure.incident import AssetLine, Reach, Reached, ReachSpan, ReachStep
from pratique.exposure.job_secrets import Run, thefts_of_runs
from pratique.exposure.lines import exposed_span, instant_or_none
from pratique.inventory.observed.model import PlaceKind, Relation
from pratique.values.spans import from_micros

if TYPE_CHECKING:
    from pratique.exposure import blast
    from pratique.exposure.disclosure import Disclosed, Disclosures
    from pratique.exposure.ports import FactQueries

TAKEN: Final = (
    "Theft is feared from the earliest instant at which it may have been installed, or fetched, where"
    " things run; of a run from its beginning, even where the release was only listed. In"
    " repositories and caches nothing runs. Where something stays behind, theft goes on after removal."
)


def measure_reach(
    lines: Iterable[AssetLine],
    numbers: dict[str, int],
    queries: FactQueries,
    *,
    tx: int,
    disclosures: Disclosures | None = None,
) -> Reach:
    """What could be reached from these lines. `numbers`: the store's ids by entity key."""
    feared = [one for one in lines if one.theft_from is not None]
    if not feared:
        return Reach(taken=TAKEN)
    exposed = [exposed_of(one, numbers.get(one.asset, -1)) for one in feared]
    thefts = find_thefts(queries, exposed, tx=tx)
    runs = (_run_of(line, one) for line, one in zip(feared, exposed, strict=True))
    thefts += thefts_of_runs(queries, runs, tx=tx)
    found = measure_blast(queries, thefts, exposed=exposed, tx=tx)
    certainties = {one.asset: one.certainty for one in feared}
    held = {theft.asset for theft in thefts}
    direct: dict[str, Certainty] = {}
    for theft in thefts:
        told = certainties[theft.asset]
        known = direct.get(theft.identity)
        direct[theft.identity] = told if known is None or told.rank < known.rank else known

    def many(reached: Sequence[blast.Reached]) -> tuple[Reached, ...]:
        return tuple(_reached(one, certainties, direct) for one in reached)

    identities = _ended(many(found.identities), queries, tx=tx)
    return Reach(
        identities=identities,
        datasets=many(found.datasets),
        clients=many(found.clients),
        people=many(found.people),
        vendors=many(found.vendors),
        assets_without_identities=tuple(o.asset for o in feared if o.asset not in held),
        taken=TAKEN,
        disclosed=_disclosed(identities, disclosures, tx=tx),
    )


def _ended(
    identities: tuple[Reached, ...], queries: FactQueries, *, tx: int
) -> tuple[Reached, ...]:
    """Leases end by themselves: with the last thing that they open."""
    leases = [one.entity for one in identities if one.entity.startswith(LEASE)]
    if not leases:
        return identities
    ends: dict[str, tuple[int, int]] = {}
    for edge in queries.edges_from(Relation.OPENS, leases, tx=tx):
        known = ends.get(edge.subject, (edge.span.to_hi, edge.entry))
        ends[edge.subject] = max(known, (edge.span.to_hi, edge.entry))
    return tuple(
        _until(one, *ends[one.entity]) if one.entity in ends else one for one in identities
    )


def _until(one: Reached, end: int, entry: int) -> Reached:
    moment = instant_or_none(end)
    if moment is None or (one.end is not None and one.end <= moment):
        return one
    spans = tuple(
        ReachSpan(start=span.start, end=moment if span.end is None else min(span.end, moment))
        for span in one.spans
        if span.start <= moment
    )
    # A key that was taken when it worked no more opens nothing; that it was taken is said all the same.
    last = spans or (ReachSpan(start=one.start, end=one.start),)
    return msgspec.structs.replace(one, spans=last, end=last[-1].end, ended_by=entry)


def _disclosed(
    identities: Iterable[Reached], disclosures: Disclosures | None, *, tx: int
) -> tuple[Disclosed, ...] | msgspec.UnsetType:
    """What was read under each lease, from the earliest theft until it worked no more."""
    leases = [one for one in identities if one.entity.startswith(LEASE)]
    if disclosures is None or not leases:
        return msgspec.UNSET
    asked = (
        disclosures.disclosed(one.entity.removeprefix(LEASE), start=one.start, end=one.end, tx=tx)
        for one in leases
    )
    return tuple(one for one in asked if one is not None)


def exposed_of(line: AssetLine, number: int) -> Exposed:
    """A line that says from when theft is feared; `number` is the store's id of its asset."""
    start, end = exposed_span(line)
    return Exposed(number, line.asset, start, end, line.sightings[0].entry)


def _run_of(line: AssetLine, exposed: Exposed) -> Run:
    """The jobs at which something of it was seen; a theft anywhere else is nothing of this run's."""
    lineages = frozenset(
        one.lineage for one in line.sightings if one.place_kind == PlaceKind.CI_LOG
    )
    return Run(line.asset, lineages, exposed.start, exposed.end, exposed.entry)


def _reached(
    one: blast.Reached, certainties: dict[str, Certainty], direct: dict[str, Certainty]
) -> Reached:
    steps = tuple(
        ReachStep(
            subject=step.subject,
            relation=str(step.relation),
            object=step.object,
            at=from_micros(step.at),
            entries=step.entries,
        )
        for step in one.proof
    )
    root = certainties.get(steps[0].subject, Certainty.UNKNOWN)
    return Reached(
        entity=one.key,
        certainty=direct.get(one.key, root),
        start=from_micros(one.start),
        end=instant_or_none(one.end),
        spans=tuple(
            ReachSpan(start=from_micros(start), end=instant_or_none(end))
            for start, end in one.spans
        ),
        proof=steps,
        ended_by=one.ended_by,
    )
