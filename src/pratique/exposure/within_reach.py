"""The blast of an answer's exposed assets, as values of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from pratique.exposure.blast import Exposed, find_thefts, measure_blast
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Reach, Reached, ReachSpan, ReachStep
from pratique.exposure.job_secrets import Run, thefts_of_runs
from pratique.exposure.lines import exposed_span, instant_or_none
from pratique.inventory.observed.model import PlaceKind
from pratique.values.spans import from_micros

if TYPE_CHECKING:
    from pratique.exposure import blast
    from pratique.exposure.ports import FactQueries

TAKEN: Final = (
    "Theft is feared from the earliest instant at which it may have been installed, or fetched, where"
    " things run; of a run from its beginning, even where the release was only listed. In"
    " repositories and caches nothing runs. Where something stays behind, theft goes on after removal."
)


def measure_reach(
    lines: Iterable[AssetLine], numbers: dict[str, int], queries: FactQueries, *, tx: int
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

    return Reach(
        identities=many(found.identities),
        datasets=many(found.datasets),
        clients=many(found.clients),
        people=many(found.people),
        vendors=many(found.vendors),
        assets_without_identities=tuple(o.asset for o in feared if o.asset not in held),
        taken=TAKEN,
    )


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
