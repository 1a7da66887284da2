"""The engine: from a question to its answer, with named questions about facts as its only source.

Order of work, from few rows to many: advisories → items (matched exactly, once) → hits → one line per
asset that may have had it → all other assets by what looked at them → what could be reached.
docs/explain/certainty.md follows one question through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pratique.exposure.advisories.model import How
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import (
    NAMES_IN_GROUP,
    AssetLine,
    Counts,
    Group,
    IncidentAnswer,
    StageCounts,
    sealed,
)
from pratique.exposure.lines import Judge, Judged, exposed_span, ref_key
from pratique.exposure.verdicts import Frame
from pratique.exposure.wanted import Found, Wanted, find_items, resolve_question
from pratique.exposure.windows import (
    agreed_bounds,
    asked_bounds,
    bounds_of,
    span_to_clear,
    widest_window,
)
from pratique.inventory.observed.model import Relation
from pratique.values.spans import to_micros

if TYPE_CHECKING:
    from pratique.exposure.answer import Answer
    from pratique.exposure.disclosure import Disclosures
    from pratique.exposure.door_lines import DoorRecord, DoorSaid
    from pratique.exposure.incident import Asked, DoorPart, WindowLine
    from pratique.exposure.others import AbsenceQuestion
    from pratique.exposure.ports import Edge, Extent, FactQueries, Hit, PlaceRow
    from pratique.exposure.wanted import AdvisoryLibrary
    from pratique.exposure.watch_book import WatchBook
    from pratique.values.instants import Instant

NOT_SEEN: Final = (
    "What nothing ever looked at and what never asked our door is not counted at all.",
    "A copy under another name and another hash is not recognized.",
    "Whether code ran is seen only where something recorded it.",
)
"""What no answer can see, said with every answer."""


class Sources(NamedTuple):
    """Where answers come from."""

    queries: FactQueries
    library: AdvisoryLibrary
    door: DoorRecord | None = None
    book: WatchBook | None = None
    """How all assets were watched, if that is known as of the ledger size asked about."""
    disclosures: Disclosures | None = None
    """What was read under leases."""


class Outcome(NamedTuple):
    """An answer, and what the door alone said."""

    answer: IncidentAnswer
    door: Answer | None


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """One question on its way to an answer."""

    wanted: Wanted
    found: Found
    widest: WindowLine | None
    queries: FactQueries
    now: int
    tx: int

    @property
    def asked(self) -> Asked:
        return self.wanted.asked


def answer_asked(
    asked: Asked,
    sources: Sources,
    *,
    now: Instant,
    tx: int,
    incident: str = "",
    title: str = "",
    names: int | None = NAMES_IN_GROUP,
) -> Outcome:
    """Answer a question as of a ledger size.

    `names`: how many assets of a group are named; None: all.
    """
    # What only a whole answer needs is loaded here: first figures are to be had at once.
    from pratique.exposure.fleet import judge_fleet  # noqa: PLC0415 - first figures do without
    from pratique.exposure.others import judge_others, line_of_other  # noqa: PLC0415 - first figures do without
    from pratique.exposure.within_reach import measure_reach  # noqa: PLC0415 - first figures do without

    queries = sources.queries
    case = _open_case(asked, sources, now=now, tx=tx)
    wanted = case.wanted
    totals = queries.totals(tx=tx)
    said = _ask_door(case, sources.door, now=now)
    door = None if said is None else said.answer
    lines, numbers = _exposed_lines(case, door)
    others = _absence_question(
        case, lines, unreadable=totals.unreadable, door_asked=said is None or said.whole
    )
    named: tuple[AssetLine, ...] = ()
    groups: tuple[Group, ...] = ()
    if asked.assets:
        named = tuple(line_of_other(one, door) for one in judge_others(others, queries, door))
    else:
        exposed = set(numbers.values())
        groups = judge_fleet(others, queries, door, book=sources.book, exposed=exposed, names=names)
    everything = (*lines, *named)
    answer = IncidentAnswer(
        incident=incident,
        title=title,
        asked=asked,
        asked_at=now,
        as_known_at=tx,
        facts=totals.facts,
        advisories=wanted.used,
        windows=wanted.windows,
        widest=case.widest,
        counts=_counts(everything, groups),
        stages=_stages(lines),
        lines=everything,
        groups=groups,
        reach=measure_reach(lines, numbers, queries, tx=tx, disclosures=sources.disclosures),
        not_seen=(*wanted.problems, *case.found.gaps, *NOT_SEEN),
        unreadable=totals.unreadable,
        unexplained=0 if door is None else door.unexplained,
    )
    return Outcome(sealed(answer), door)


def _open_case(asked: Asked, sources: Sources, *, now: Instant, tx: int) -> _Case:
    wanted = resolve_question(asked, sources.library, tx=tx)
    return _Case(
        wanted=wanted,
        found=find_items(wanted, sources.queries, tx=tx),
        widest=widest_window(wanted.claims),
        queries=sources.queries,
        now=to_micros(now),
        tx=tx,
    )


class FirstFigures(NamedTuple):
    """What can be counted at once, however large the fleet is."""

    asked: Asked
    asked_at: Instant
    as_known_at: int
    facts: int
    assets: int
    """All that are known; those without a line were not judged."""
    counts: Counts
    """Of assets that looks saw it at; `cleared` and `unknown` are left at 0."""
    stages: StageCounts
    extent: tuple[Extent, ...]
    """What lies one step from them."""
    not_seen: tuple[str, ...]


def count_asked(asked: Asked, sources: Sources, *, now: Instant, tx: int) -> FirstFigures:
    """Who had it, counted, without judging the others, the door's own record, or following reach."""
    case = _open_case(asked, sources, now=now, tx=tx)
    totals = case.queries.totals(tx=tx)
    lines, numbers = _exposed_lines(case, None)
    exposed = [
        (numbers[line.asset], *exposed_span(line)) for line in lines if line.theft_from is not None
    ]
    return FirstFigures(
        asked=asked,
        asked_at=now,
        as_known_at=tx,
        facts=totals.facts,
        assets=totals.assets,
        counts=_counts(lines, ()),
        stages=_stages(lines),
        extent=tuple(case.queries.extent(exposed, tx=tx)),
        not_seen=(*case.wanted.problems, *case.found.gaps),
    )


def _ask_door(case: _Case, record: DoorRecord | None, *, now: Instant) -> DoorSaid | None:
    if record is None or not record.knows_anything():
        return None
    from pratique.exposure.door_lines import ask_door  # noqa: PLC0415 - loads packaging

    start, end = _time_to_clear(case)
    return ask_door(case.wanted, case.found, record, clearing=(start, end), now=now)


def _time_to_clear(case: _Case) -> tuple[int, int]:
    widest = None if case.wanted.unclaimed else case.widest
    return span_to_clear(case.asked, widest, now=case.now)


# ── who may have had it ──────────────────────────────────────────────────────────────────────


def _exposed_lines(
    case: _Case, door: Answer | None
) -> tuple[tuple[AssetLine, ...], dict[str, int]]:
    """A line for every asset that may have had it, and the store's ids by entity key."""
    hits = _hits(case)
    rows = {row.id: row for row in case.queries.assets_by_id(hits.keys())}
    only = frozenset(case.asked.assets)
    judge, places = _judge(case, hits)
    judged: dict[str, list[Judged]] = {}
    kinds: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for number, some in hits.items():
        row = rows[number]
        name = f"asset:{row.name}"
        if only and name not in only:
            continue
        told = [one for hit in some if (one := judge.judge(hit, row.kind, places[hit.place]))]
        if told:
            judged[name], kinds[name], numbers[name] = told, row.kind, number
    parts = _add_door(case, door, judged, kinds, numbers)
    lines = [
        judge.line(name, kinds.get(name, "unknown"), told, door=parts.get(name))
        for name, told in judged.items()
    ]
    return tuple(sorted(lines, key=_order)), numbers


def _hits(case: _Case) -> dict[int, list[Hit]]:
    """Sightings of what is meant, by asset."""
    start, end = asked_bounds(case.asked)
    by_asset: dict[int, list[Hit]] = {}
    if case.found.matches:
        for hit in case.queries.hits(case.found.matches.keys(), start, end, tx=case.tx):
            by_asset.setdefault(hit.asset, []).append(hit)
    return by_asset


def _judge(case: _Case, hits: Mapping[int, Sequence[Hit]]) -> tuple[Judge, Mapping[int, PlaceRow]]:
    ids = {hit.place for some in hits.values() for hit in some}
    places = {place.id: place for place in case.queries.places(ids)} if ids else {}
    window, agreed = bounds_of(case.widest), agreed_bounds(case.wanted.windows)
    frame = Frame(*asked_bounds(case.asked), *window, *agreed)
    judge = Judge(
        case.wanted, case.found.rows, case.found.matches, frame, case.widest, _pointed(case)
    )
    return judge, places


def _pointed(case: _Case) -> dict[str, list[Edge]]:
    """Where the refs in question pointed over time."""
    keys = {
        ref_key(case.found.rows[number])
        for number, match in case.found.matches.items()
        if match.how is How.REF
    }
    pointed: dict[str, list[Edge]] = {}
    if keys:
        for edge in case.queries.edges_from(Relation.POINTS_TO, keys, tx=case.tx):
            pointed.setdefault(edge.subject, []).append(edge)
    return pointed


def _add_door(
    case: _Case,
    door: Answer | None,
    judged: dict[str, list[Judged]],
    kinds: dict[str, str],
    numbers: dict[str, int],
) -> dict[str, DoorPart]:
    """Put the door's own record beside what looks saw; gives its part by asset."""
    if door is None:
        return {}
    from pratique.exposure.door_lines import door_part, door_sighting  # noqa: PLC0415 - as above

    only = frozenset(case.asked.assets)
    parts = {}
    for line in door.lines:
        if only and line.asset not in only:
            continue
        parts[line.asset] = door_part(line)
        sighting = door_sighting(line)
        if sighting is not None:
            judged.setdefault(line.asset, []).append(sighting)
    unplaced = [name.removeprefix("asset:") for name in judged if name not in kinds]
    for row in case.queries.assets_by_name(unplaced) if unplaced else ():
        kinds[f"asset:{row.name}"], numbers[f"asset:{row.name}"] = row.kind, row.id
    return parts


def _order(line: AssetLine) -> tuple[int, int, str, str]:
    first = "~" if line.first_at is None else line.first_at.isoformat()
    return line.certainty.rank, -_STAGES.index(line.stage or "listed"), first, line.asset


# ── all others, and sums ─────────────────────────────────────────────────────────────────────


def _absence_question(
    case: _Case, lines: Sequence[AssetLine], *, unreadable: int, door_asked: bool
) -> AbsenceQuestion:
    from pratique.exposure.others import AbsenceQuestion  # noqa: PLC0415 - as above

    start, end = _time_to_clear(case)
    doubt = "advisory-missing" if case.wanted.missing else ""
    if not doubt and (case.found.gaps or not case.wanted.findable):
        doubt = "advisory-unclear"
    return AbsenceQuestion(
        start=start,
        end=end,
        until_now=end >= case.now,
        exposed=frozenset(line.asset for line in lines),
        only=frozenset(case.asked.assets),
        others=case.found.others,
        projects=case.wanted.names if all(one.name for one in case.wanted.affected) else _NOTHING,
        door_asked=door_asked,
        doubt="unreadable-entry" if unreadable else doubt,
        tx=case.tx,
    )


def _counts(lines: Iterable[AssetLine], groups: Iterable[Group]) -> Counts:
    counts = dict.fromkeys(Certainty, 0)
    for line in lines:
        counts[line.certainty] += 1
    for group in groups:
        counts[group.certainty] += group.count
    return Counts(**{certainty.value: count for certainty, count in counts.items()})


_NOTHING: Final = frozenset[tuple[str, str]]()
_STAGES: Final = ("listed", "fetched", "installed", "executed", "exfiltration_seen")


def _stages(lines: Iterable[AssetLine]) -> StageCounts:
    counts = dict.fromkeys(_STAGES, 0)
    for line in lines:
        if line.stage is not None:
            counts[line.stage] += 1
    return StageCounts(**counts)
