"""All assets at which nothing bad was seen: cleared where coverage says so, unknown elsewhere.

They are told in groups, because there may be a hundred thousand of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pratique.exposure.absence import PATIENCE_MICROS, Absence, Watch, judge_absence
from pratique.exposure.certainty import Certainty
from pratique.exposure.door_lines import OUR_DOOR, door_part
from pratique.exposure.incident import AssetLine, Group
from pratique.exposure.lines import instant_or_none
from pratique.inventory.observed.model import AssetKind, PlaceKind, Relation
from pratique.values.spans import DAWN, OPEN, Span

if TYPE_CHECKING:
    from pratique.exposure.answer import Answer
    from pratique.exposure.answer import AssetLine as DoorLine
    from pratique.exposure.ports import AssetRow, Edge, FactQueries, Hit, ItemRow

THROUGH: Final = Relation.FETCHES_THROUGH.value
_NOBODY: Final = frozenset[str]()


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceQuestion:
    """What is asked of the assets at which nothing bad was seen."""

    start: int
    end: int
    """Absence must be shown over [start, end)."""
    until_now: bool
    """Whether `end` is the present: watchers report a little late."""
    exposed: frozenset[str] = _NOBODY
    """Entity keys of assets that have a line already."""
    only: frozenset[str] = _NOBODY
    """Entity keys of the assets asked about; empty: all."""
    others: tuple[ItemRow, ...] = ()
    """Items of the same projects that are not bad."""
    projects: frozenset[tuple[str, str]] = frozenset()
    door_asked: bool = True
    """Whether our door's record could be asked for everything that is looked for."""
    doubt: str = ""
    """A rule that clears nobody at all; empty: none."""
    tx: int


class Other(NamedTuple):
    """An asset at which nothing bad was seen."""

    asset: str
    kind: str
    said: Absence
    entries: tuple[int, ...]
    last_seen: int


@dataclass(slots=True)
class _Known:
    """What is known of the assets in question."""

    rows: dict[str, AssetRow] = field(default_factory=dict)
    watches: dict[int, list[Watch]] = field(default_factory=dict)
    bound: dict[str, list[Edge]] = field(default_factory=dict)
    held: dict[int, list[Hit]] = field(default_factory=dict)
    door: dict[str, DoorLine] = field(default_factory=dict)
    doubled: frozenset[int] = frozenset()
    """Assets whose name several machines use."""
    door_alone: bool = True
    """Whether nothing but our door ever looked at anything here."""


def judge_others(
    question: AbsenceQuestion,
    queries: FactQueries,
    door: Answer | None,
    *,
    only: Collection[int] | None = None,
    door_only: bool | None = None,
) -> list[Other]:
    """Every asset known that is not exposed, by name.

    `only`: of those that looks or facts know only these; then `door_only` says whether nothing but
    our door ever looked at anything.
    """
    known = _gather(question, queries, door, only)
    if door_only is not None:
        known.door_alone = door_only
    elif question.only and known.door_alone and known.door:
        # Of those asked about by name only the door may have heard, and of others looks as well.
        known.door_alone = _door_alone(queries, tx=question.tx)
    # Who is asked about by name gets an answer, even if nobody ever heard of it.
    names = (question.only or {*known.rows, *known.door}) - question.exposed
    return [_judge(name, known, question, door) for name in sorted(names)]


def _gather(
    question: AbsenceQuestion,
    queries: FactQueries,
    door: Answer | None,
    only: Collection[int] | None,
) -> _Known:
    known = _Known()
    if door is not None:
        known.door = {line.asset: line for line in door.lines}
    wanted = [name.removeprefix("asset:") for name in question.only]
    rows: Iterable[AssetRow]
    if only is not None:
        rows = queries.assets_by_id(only) if only else ()
    else:
        rows = queries.assets_by_name(wanted) if wanted else queries.assets(tx=question.tx)
    known.rows = {f"asset:{row.name}": row for row in rows}
    ids = {row.id for row in known.rows.values()} if wanted or only is not None else None
    if ids is not None and not ids:
        return known
    looks = queries.watched(ids, question.start, question.end, tx=question.tx)
    kinds = {one.id: one.kind for one in queries.places({look.place for look in looks})}
    for look in looks:
        known.watches.setdefault(look.asset, []).append(Watch(kinds[look.place], look))
    known.door_alone = all(kind == PlaceKind.DOOR for kind in kinds.values())
    for edge in queries.edges_of(THROUGH, tx=question.tx) if door is not None else ():
        known.bound.setdefault(edge.subject, []).append(edge)
    known.doubled = frozenset(one.asset for one in queries.conflicts(tx=question.tx))
    _gather_others(question, queries, known)
    return known


def _door_alone(queries: FactQueries, *, tx: int) -> bool:
    """Whether nothing but our door ever looked at anything; ends at the first other look."""
    rest = iter(queries.assets(tx=tx))
    while some := [row.id for row in islice(rest, _SOME)]:
        looks = queries.watched(some, DAWN, OPEN, tx=tx)
        kinds = queries.places({look.place for look in looks})
        if any(place.kind != PlaceKind.DOOR for place in kinds):
            return False
    return True


_SOME: Final = 200


def _gather_others(question: AbsenceQuestion, queries: FactQueries, known: _Known) -> None:
    """Other releases at environments: one question for all of them, if it can matter at all.

    Another release clears only by a look after the whole time, and there is none later than now.
    """
    kinds = {row.id for row in known.rows.values() if row.kind == AssetKind.ENVIRONMENT}
    if not question.others or not kinds or question.until_now:
        return
    items = {row.id for row in question.others}
    for hit in queries.hits(items, question.start, question.end, tx=question.tx):
        if hit.asset in kinds:
            known.held.setdefault(hit.asset, []).append(hit)


def _judge(name: str, known: _Known, question: AbsenceQuestion, door: Answer | None) -> Other:
    row = known.rows.get(name)
    line = known.door.get(name)
    watches = known.watches.get(row.id, []) if row is not None else []
    kind = row.kind if row is not None else AssetKind.UNKNOWN.value
    said = _said(name, row, watches, line, known, question, door)
    if said.certainty is Certainty.CLEARED and question.doubt:
        said = Absence(Certainty.UNKNOWN, question.doubt)
    elif said.certainty is Certainty.CLEARED and row is not None and row.id in known.doubled:
        said = Absence(Certainty.UNKNOWN, "two-machines", "a sweep of each under a name of its own")
    entries = tuple(
        sorted({one.look.entry for one in watches} | set(line.evidence if line else ()))
    )
    last = max((one.look.at_hi for one in watches), default=OPEN)
    return Other(name, kind, said, entries, last)


def _said(
    name: str,
    row: AssetRow | None,
    watches: Sequence[Watch],
    line: DoorLine | None,
    known: _Known,
    question: AbsenceQuestion,
    door: Answer | None,
) -> Absence:
    if line is not None and line.refused:
        return Absence(Certainty.UNKNOWN, "door-refused", "what asked for it there")
    at_door = _by_door(name, line, known, question, door)
    seen = [one for one in watches if one.place_kind != PlaceKind.DOOR]
    if at_door is not None and (at_door.certainty is Certainty.CLEARED or not seen):
        return at_door
    if row is None:
        return judge_absence(AssetKind.UNKNOWN, "", (), question.start, question.end)
    return judge_absence(
        row.kind,
        row.name,
        seen,
        question.start,
        question.end,
        patience=PATIENCE_MICROS if question.until_now else 0,
        others=_throughout(known.held.get(row.id, ()), seen, question),
    )


_UNASKED: Final = "a sweep: our door's record knows versions and SHA-256 sums of Python files"
_BIND: Final = "a sweep of it, or the fact that it fetches through our door only"


def _by_door(
    name: str, line: DoorLine | None, known: _Known, question: AbsenceQuestion, door: Answer | None
) -> Absence | None:
    """What the door says of an asset; None where its word is not enough and looks may say more."""
    if door is None:
        return None
    whole = door.coverage.whole and not (door.unreadable or door.unexplained)
    bound = any(
        edge.object == OUR_DOOR
        and edge.span.from_hi <= question.start
        and edge.span.to_hi >= question.end
        for edge in known.bound.get(name, ())
    )
    if not question.door_asked:
        return None if line is None else Absence(Certainty.UNKNOWN, "door-unasked", _UNASKED)
    if bound and whole and (line is None or line.certainty is Certainty.CLEARED):
        return Absence(Certainty.CLEARED, "bound-to-door")
    if line is None:
        return None
    if not whole:
        return Absence(Certainty.UNKNOWN, "door-gap", "what our door does while it is shut")
    if known.door_alone and line.certainty is Certainty.CLEARED:
        return Absence(Certainty.CLEARED, "door-watched")
    return Absence(Certainty.UNKNOWN, "elsewhere", _BIND)


def _throughout(
    hits: Iterable[Hit], watches: Collection[Watch], question: AbsenceQuestion
) -> list[Span]:
    """Spans of other releases that no exchange can have interrupted unseen.

    Only where the first look that saw it came after the whole time, and dated its coming before: of
    what was seen before and after, either may be a second installation.
    """
    if len(question.projects) != 1:
        return []
    first_seen: Mapping[int, int] = {one.look.entry: one.look.at_lo for one in watches}
    return [hit.span for hit in hits if first_seen.get(hit.entry, -OPEN) >= question.end]


# ── groups and lines ─────────────────────────────────────────────────────────────────────────


def group_others(others: Iterable[Other], *, names: int | None) -> tuple[Group, ...]:
    """Assets by certainty, reason and kind; the unknown first, then by size."""
    found: dict[tuple[Certainty, str, str, str], list[str]] = {}
    for one in others:
        key = one.said.certainty, one.said.rule, one.kind, one.said.missing
        found.setdefault(key, []).append(one.asset)
    groups = [
        Group(
            certainty=certainty,
            rule=rule,
            kind=kind,
            missing=missing,
            count=len(assets),
            assets=tuple(assets[:names]),
        )
        for (certainty, rule, kind, missing), assets in found.items()
    ]
    return join_groups(groups, names=names)


def join_groups(groups: Iterable[Group], *, names: int | None) -> tuple[Group, ...]:
    """Groups of one certainty, reason and kind become one; the unknown first, then by size."""
    joined: dict[tuple[Certainty, str, str, str], Group] = {}
    for group in groups:
        key = group.certainty, group.rule, group.kind, group.missing
        same = joined.get(key)
        if same is None:
            joined[key] = group
            continue
        assets = tuple(sorted((*same.assets, *group.assets))[:names])
        joined[key] = msgspec.structs.replace(same, count=same.count + group.count, assets=assets)
    return tuple(
        sorted(
            joined.values(), key=lambda g: (g.certainty.rank, -g.count, g.rule, g.kind, g.missing)
        )
    )


def line_of_other(other: Other, door: Answer | None) -> AssetLine:
    """An asset that the question named, although nothing bad was seen there."""
    told = next((one for one in door.lines if one.asset == other.asset), None) if door else None
    listed = told is not None and told.stage is not None
    return AssetLine(
        asset=other.asset,
        kind=other.kind,
        certainty=other.said.certainty,
        stage="listed" if listed else None,
        rule=other.said.rule,
        first_at=told.first_at if told else None,
        last_at=(told.last_at if told else None) or instant_or_none(other.last_seen),
        still_there=False,
        ran=None,
        theft_from=None,
        theft_to=None,
        sightings=(),
        entries=other.entries,
        missing=" — ".join(part for part in (other.said.missing, other.said.detail) if part),
        note=told.note if told else "",
        door=door_part(told) if told else None,
    )
