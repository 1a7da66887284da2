"""The access log is what a naive set of segments says, whoever read it and in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.custody import lease_id
from pratique.custody.access_log import AccessFold, AccessLog, fold_reads
from pratique.custody.coverage import Coverage
from pratique.custody.model import SEGMENT_BYTES
from pratique.custody.runs import render_runs, runs_of
from pratique.ledger.entries import Entry

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIZES = {"a": 3 * SEGMENT_BYTES + 17, "b": 1100 * SEGMENT_BYTES, "c": 1, "d": 0, "e": None}


class Told(NamedTuple):
    kind: str
    seconds: int
    lease: int
    process: str
    spans: tuple[tuple[str, int, int], ...]
    """Object, first, last."""


def entries(story: Sequence[Told]) -> list[Entry]:
    numbers: dict[str, int] = {}
    found = []
    for sequence, told in enumerate(story):
        body: dict[str, Any] = {"client": "meta", "process": told.process}
        subject = f"process:{told.process}"
        if told.kind == "reads-ended":
            body["entries"] = numbers.get(told.process, 0)
        else:
            subject = f"lease:{lease_id(told.lease)}"
            body |= {
                "dataset": "dialogs", "vendor": "acme", "project": "p", "holder": f"h{told.lease}",
                "number": numbers.get(told.process, 0),
            }  # fmt: skip
            numbers[told.process] = numbers.get(told.process, 0) + 1
        if told.kind == "reads":
            body["reads"] = [[o, 0, f, t, 10, 200, 0, 1] for o, f, t in told.spans]
            body["names"] = ["192.0.2.1", "boto3"]
        elif told.kind == "reads-ahead":
            body |= {"ahead": [[o, 0, f, t] for o, f, t in told.spans], "seconds": 10}
        at = NOON + timedelta(seconds=told.seconds)
        found.append(
            Entry(
                sequence=sequence,
                recorded_at=at,
                kind=told.kind,
                subject=subject,
                actor="x",
                body=body,
            )
        )
    return found


def last_of(name: str) -> int:
    size = SIZES[name]
    return 40 if size is None else max(0, -(-size // SEGMENT_BYTES) - 1)


@st.composite
def _spans(draw: st.DrawFn) -> tuple[str, int, int]:
    name = draw(st.sampled_from(sorted(SIZES)))
    first = draw(st.integers(0, last_of(name)))
    last = draw(st.integers(first, last_of(name)))
    return (name, -1, -1) if name == "d" else (name, first, last)


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    now, found = 0, []
    gone: set[str] = set()
    for _ in range(draw(st.integers(0, 12))):
        now += draw(st.integers(0, 8))
        process = draw(st.sampled_from(("p", "q")))
        kind = draw(st.sampled_from(("reads", "reads", "reads-ahead", "reads-ended")))
        if process in gone:
            continue
        if kind == "reads-ended":
            gone.add(process)
        spans = tuple(draw(st.lists(_spans(), min_size=1, max_size=4)))
        found.append(Told(kind, now, draw(st.integers(0, 2)), process, spans))
    return found


def naive(story: Sequence[Told]) -> dict[int, dict[str, set[int]]]:
    """Sets of segments by lease and object: reads, and what silent processes had announced."""
    found: dict[int, dict[str, set[int]]] = {}
    ended = {told.process for told in story if told.kind == "reads-ended"}
    silent = {
        name: max((told.seconds for told in story if told.process == name), default=0)
        for name in ("p", "q")
    }
    for told in story:
        presumed = (
            told.kind == "reads-ahead"
            and told.process not in ended
            and told.seconds >= silent[told.process] - 10
        )
        if told.kind == "reads" or presumed:
            for name, first, last in told.spans:
                whole = found.setdefault(told.lease, {}).setdefault(name, set())
                whole |= set(range(first, last + 1)) - {-1}
    return found


def size_in(name: str, segments: set[int]) -> int:
    size = SIZES[name]
    if size is None:
        return len(segments) * SEGMENT_BYTES
    return sum(min(SEGMENT_BYTES, size - one * SEGMENT_BYTES) for one in segments)


def flat(log: AccessLog) -> dict[int, dict[str, set[int]]]:
    return {
        int(one.holder[1:]): {
            read.object: {n for first, last in read.segments for n in range(first, last + 1)}
            for dataset in one.datasets
            for read in dataset.objects
        }
        for one in log.leases
    }


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(stories(), st.randoms())
def test_it_is_the_naive_set_in_any_order(story: list[Told], random: Any) -> None:
    told = entries(story)
    random.shuffle(told)
    log = fold_reads(told, SIZES.get)
    expected = naive(story)
    assert flat(log) == expected
    for one in log.leases:
        own = expected[int(one.holder[1:])]
        assert one.bytes == sum(size_in(name, some) for name, some in own.items())
        assert one.objects == len(own)
    union: dict[str, set[int]] = {}
    for own in expected.values():
        for name, some in own.items():
            union.setdefault(name, set()).update(some)
    assert log.bytes == sum(size_in(name, some) for name, some in union.items())
    assert (log.segments, log.objects) == (sum(map(len, union.values())), len(union))
    assert log == fold_reads(entries(story), SIZES.get)


@settings(max_examples=60, deadline=None)
@given(stories())
def test_bitmaps_are_those_of_the_meter(story: list[Told]) -> None:
    fold = AccessFold(SIZES.get)
    meters: dict[tuple[int, str], Coverage] = {}
    for entry, told in zip(entries(story), story, strict=True):
        fold.add(entry)
        for name, first, last in told.spans if told.kind == "reads" else ():
            meter = meters.setdefault((told.lease, name), Coverage(SIZES[name] or 1 << 30))
            meter.add(first * SEGMENT_BYTES, (last + 1) * SEGMENT_BYTES)
    for (lease, name), meter in meters.items():
        assert fold.coverage(lease_id(lease))[name] == meter.to_bytes()


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 5000)))
def test_runs_are_maximal(segments: set[int]) -> None:
    bits = sum(1 << one for one in segments)
    runs = runs_of(bits.to_bytes(-(-5001 // 8), "little"))
    assert {n for first, last in runs for n in range(first, last + 1)} == segments
    assert all(one[1] + 1 < other[0] for one, other in pairwise(runs))


def test_a_span_counts_what_was_read_within_it() -> None:
    story = [Told("reads", n * 60, 0, "p", (("b", n, n),)) for n in range(5)]
    minute = timedelta(minutes=1)
    fold = AccessFold(SIZES.get, since=NOON + minute, until=NOON + 3 * minute)
    for entry in entries(story):
        fold.add(entry)
    [lease] = fold.result().leases
    assert lease.datasets[0].objects[0].segments == ((1, 2),)
    assert (lease.reads, lease.sent) == (2, 20)


def test_what_a_silent_process_announced_last_is_presumed_and_said_so() -> None:
    story = [
        Told("reads-ahead", 0, 0, "p", (("b", 0, 15),)),
        Told("reads-ahead", 20, 0, "p", (("b", 16, 31),)),
        Told("reads", 21, 0, "p", (("b", 20, 20),)),
    ]
    [lease] = fold_reads(entries(story), SIZES.get).leases
    [read] = lease.datasets[0].objects
    assert read.segments == ((16, 31),)
    assert read.presumed == ((16, 19), (21, 31))
    story.append(Told("reads-ended", 22, 0, "p", ()))
    [lease] = fold_reads(entries(story), SIZES.get).leases
    [read] = lease.datasets[0].objects
    assert (read.segments, read.presumed, read.bytes) == (((20, 20),), (), SEGMENT_BYTES)


def test_a_chain_shows_what_is_missing_between_and_at_the_end() -> None:
    story = [Told("reads", n, 0, "p", (("b", n, n),)) for n in range(5)]
    story.append(Told("reads-ended", 9, 0, "p", ()))
    told = entries(story)
    [chain] = fold_reads(told, SIZES.get).chains
    assert chain.whole
    [chain] = fold_reads([*told[:2], *told[3:]], SIZES.get).chains
    assert (chain.missing, chain.whole) == ((2,), False)
    [chain] = fold_reads([*told[:4], told[5]], SIZES.get).chains
    assert chain.missing == (4,), "the last one is missed because the end says how many there were"
    [chain] = fold_reads(told[:4], SIZES.get).chains
    assert chain.unbroken
    assert not chain.whole, "without its end nobody knows what followed"
    [chain] = fold_reads([*told, told[2]], SIZES.get).chains
    assert chain.doubled == (2,)


@pytest.mark.parametrize(
    "spoil",
    [
        {"reads": [["a", 0, 2, 1, 10, 200, 0, 1]]},
        {"reads": [["a", 0, -1, 0, 10, 200, 0, 1]]},
        {"reads": [["a", 0, 0, 1 << 60, 10, 200, 0, 1]]},
        {"reads": [["a", 0, 0, 0, 10, 200, 0, 2]]},
        {"reads": [["a", 0, 0]]},
        {"process": ""},
        {"number": -1},
        {"client": None},
    ],
)
def test_spoiled_entries_are_counted_and_not_believed(spoil: dict[str, Any]) -> None:
    [good] = entries([Told("reads", 0, 0, "p", (("a", 0, 0),))])
    bad = Entry(
        sequence=1, recorded_at=NOON, kind="reads", subject=good.subject, actor="x",
        body=good.body | spoil,
    )  # fmt: skip
    log = fold_reads([bad], SIZES.get)
    assert (log.unreadable, log.leases, log.bytes) == (1, (), 0)


def test_runs_as_people_read_them() -> None:
    assert render_runs(((0, 15), (20, 20))) == "0-15, 20"
    assert render_runs(tuple((n, n) for n in range(0, 10, 2)), most=2) == "0, 2 and 3 more runs"
