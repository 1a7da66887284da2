"""Reach by living through every instant: slow, and as plain as the words of the page on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pratique.exposure.ports import Edge, Theft
from pratique.values.spans import DAWN, OPEN


class Value(NamedTuple):
    """The n-th value of an identity, and when it may have been the one that works."""

    identity: str
    number: int
    start: int
    end: int


class Had(NamedTuple):
    """When a value was first had, and over how few edges."""

    at: int
    edges: int


def values_of(identity: str, rotated: Iterable[Edge]) -> list[Value]:
    spans = {(e.span.from_lo, e.span.from_hi) for e in rotated if e.subject == identity}
    starts = [DAWN, *sorted(lo for lo, _ in spans)]
    ends = [*sorted(hi for _, hi in spans), OPEN]
    return [
        Value(identity, n, start, end)
        for n, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def lives(edge: Edge, moment: int) -> bool:
    return edge.span.from_lo <= moment < max(edge.span.to_hi, edge.span.from_lo + 1)


def had_when(
    thefts: Sequence[Theft],
    assumes: Sequence[Edge],
    rotated: Sequence[Edge],
    moments: Iterable[int],
) -> Mapping[Value, Had]:
    """First instant of every value, tick by tick; `moments` are all instants that matter, sorted."""
    names = {t.identity for t in thefts} | {n for e in assumes for n in (e.subject, e.object)}
    values = {name: values_of(name, rotated) for name in names}
    found: dict[Value, Had] = {}
    for now in moments:
        working = {n: [v for v in some if v.start <= now < v.end] for n, some in values.items()}
        for theft in thefts:
            if theft.start <= now < max(theft.end, theft.start + 1):
                for value in working[theft.identity]:
                    found.setdefault(value, Had(now, 0))
        _spread(found, working, [e for e in assumes if lives(e, now)], now)
    return found


def _spread(
    found: dict[Value, Had], working: Mapping[str, Sequence[Value]], edges: Sequence[Edge], now: int
) -> None:
    """Take every edge that can be taken now, until nothing gets earlier or shorter."""
    changed = True
    while changed:
        changed = False
        for edge in edges:
            for source in working[edge.subject]:
                if source not in found:
                    continue
                for target in working[edge.object]:
                    offer = Had(now, found[source].edges + 1)
                    if edge.subject != edge.object and offer < found.get(target, Had(OPEN, 0)):
                        found[target] = offer
                        changed = True
