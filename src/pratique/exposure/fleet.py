"""All assets that are not exposed, in groups: by the book of how they were watched, where there is one.

Most assets of a fleet are told of by searching the book; what needs a closer look (our door knows it,
two machines share its name, it was watched in an odd way) is judged one by one, as all are without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from pratique.exposure.absence import PATIENCE_MICROS, Absence
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import Group
from pratique.exposure.others import (
    THROUGH,
    AbsenceQuestion,
    group_others,
    join_groups,
    judge_others,
)
from pratique.exposure.watch_book import Asked, absence_of

if TYPE_CHECKING:
    from pratique.exposure.answer import Answer
    from pratique.exposure.ports import FactQueries
    from pratique.exposure.watch_book import Told, WatchBook


def judge_fleet(
    question: AbsenceQuestion,
    queries: FactQueries,
    door: Answer | None,
    *,
    book: WatchBook | None = None,
    exposed: Collection[int] = (),
    names: int | None,
) -> tuple[Group, ...]:
    """All assets that are not exposed, in groups that name `names` each (None: all).

    `book`: how all were watched, if that is known as of the ledger size asked about. `exposed`: the
    store's ids of the exposed.
    """
    if book is None or question.start >= question.end:
        return group_others(judge_others(question, queries, door), names=names)
    apart = _apart(question, queries, door, book)
    others = judge_others(
        question, queries, door, only=apart - set(exposed), door_only=book.door_only
    )
    patience = PATIENCE_MICROS if question.until_now else 0
    asked = Asked(question.start, question.end, patience)
    told = list(book.tell(asked, without=apart | set(exposed), names=names))
    ids = {number for one in told for number in one.first}
    known = {row.id: f"asset:{row.name}" for row in queries.assets_by_id(ids)} if ids else {}
    groups = [_group_of(one, question.doubt, known) for one in told]
    return join_groups([*groups, *group_others(others, names=names)], names=names)


def _apart(
    question: AbsenceQuestion, queries: FactQueries, door: Answer | None, book: WatchBook
) -> set[int]:
    """Assets about which more is to be said than how they were watched."""
    apart = set(book.odd(question.end))
    if door is not None:
        bound = {edge.subject for edge in queries.edges_of(THROUGH, tx=question.tx)}
        asked = {line.asset for line in door.lines}
        names = [one.removeprefix("asset:") for one in bound | asked]
        apart.update(row.id for row in queries.assets_by_name(names))
    if question.others and not question.until_now:
        items = {row.id for row in question.others}
        hits = queries.hits(items, question.start, question.end, tx=question.tx)
        apart.update(h.asset for h in hits if h.span.surely_covers(question.start, question.end))
    return apart


def _group_of(told: Told, doubt: str, names: Mapping[int, str]) -> Group:
    said = absence_of(told.kind, told.rule)
    if said.certainty is Certainty.CLEARED and doubt:
        said = Absence(Certainty.UNKNOWN, doubt)
    return Group(
        certainty=said.certainty,
        rule=said.rule,
        kind=told.kind,
        missing=said.missing,
        count=told.number,
        assets=tuple(names[number] for number in told.first),
    )
