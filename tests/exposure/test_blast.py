from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.reach_oracle import had_when, lives
from pratique.exposure.blast import Blast, Exposed, Reached, Step, find_thefts, measure_blast
from pratique.exposure.ports import NOW_TX, Edge, Held, Theft
from pratique.exposure.reach import close_reach
from pratique.exposure.reach_graph import build_graph
from pratique.values.spans import DAWN, OPEN, Span, exactly

LAST = 12


class Facts:
    """The few questions that a blast asks, answered from a list of edges."""

    def __init__(self, edges: Iterable[Edge], assets: Sequence[str] = ("asset:a",)) -> None:
        self._edges = list(edges)
        self._assets = assets

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        named = {self._assets[number] for number in assets}
        return [
            edge
            for edge in self.edges_from("holds", named, tx=tx)
            if edge.span.may_overlap(start, end)
        ]

    def edges_from(self, relation: str, subjects: Collection[str], *, tx: int) -> Sequence[Edge]:
        assert tx == NOW_TX
        return [e for e in self._edges if e.relation == relation and e.subject in subjects]

    def reach(self, thefts: Iterable[Theft], *, tx: int) -> Mapping[str, Sequence[Held]]:
        def all_of(relation: str) -> list[Edge]:
            return [e for e in self._edges if e.relation == relation]

        return close_reach(build_graph(all_of("assumes"), all_of("rotated")), thefts)


def fact(
    subject: str, relation: str, object_: str, start: int = DAWN, end: int = OPEN, entry: int = 0
) -> Edge:
    return Edge(relation, subject, object_, exactly(start, end), 5, entry, "")


def spans_of(reached: Iterable[Reached]) -> dict[str, tuple[tuple[int, int], ...]]:
    return {one.key: one.spans for one in reached}


def exposed(start: int, end: int = OPEN, asset: str = "asset:a", number: int = 0) -> Exposed:
    return Exposed(number, asset, start, end, 7)


def test_the_story_from_an_asset_to_people() -> None:
    facts = Facts(
        [
            fact("asset:a", "holds", "identity:t/ci", 10, 40, 1),
            fact("identity:t/ci", "assumes", "identity:r/admin", 5, OPEN, 2),
            fact("identity:r/admin", "rotated", "identity:r/admin", 60, OPEN, 3),
            fact("identity:t/ci", "rotated", "identity:t/ci", 50, OPEN, 4),
            fact("identity:r/admin", "opens", "dataset:d", 30, 70, 5),
            fact("dataset:d", "belongs-to", "client:c", DAWN, 45, 6),
            fact("dataset:d", "belongs-to", "people:p", 35, OPEN, 8),
            fact("asset:a", "operated-by", "vendor:v", 15, 25, 9),
        ]
    )
    thefts = find_thefts(facts, [exposed(20, 30)], tx=NOW_TX)
    assert thefts == [Theft("identity:t/ci", 20, 30, "asset:a", (7, 1))]
    found = measure_blast(facts, thefts, exposed=[exposed(20, 30)], tx=NOW_TX)
    assert spans_of(found.identities) == {
        "identity:t/ci": ((20, 50),),
        "identity:r/admin": ((20, 60),),
    }
    assert [one.ended_by for one in found.identities] == [3, 4]
    assert spans_of(found.datasets) == {"dataset:d": ((30, 60),)}
    assert spans_of(found.clients) == {"client:c": ((30, 45),)}
    assert spans_of(found.people) == {"people:p": ((35, 60),)}
    assert spans_of(found.vendors) == {"vendor:v": ((20, 25),)}
    assert found.people[0].proof == (
        Step("asset:a", "holds", "identity:t/ci", 20, (7, 1)),
        Step("identity:t/ci", "assumes", "identity:r/admin", 20, (2,)),
        Step("identity:r/admin", "opens", "dataset:d", 30, (5,)),
        Step("dataset:d", "belongs-to", "people:p", 35, (8,)),
    )


def test_what_was_held_only_before_or_after_was_not_taken() -> None:
    facts = Facts(
        [
            fact("asset:a", "holds", "identity:t/before", 1, 20),
            fact("asset:a", "holds", "identity:t/after", 30, 40),
            fact("asset:a", "holds", "identity:t/at-once", 20, 20),
            fact("asset:b", "holds", "identity:t/elsewhere"),
        ]
    )
    thefts = find_thefts(facts, [exposed(20, 30)], tx=NOW_TX)
    assert [theft.identity for theft in thefts] == ["identity:t/at-once"]


def test_each_exposure_of_an_asset_is_a_theft_of_its_own() -> None:
    facts = Facts([fact("asset:a", "holds", "identity:t/x", 5)])
    thefts = find_thefts(facts, [exposed(1, 8), exposed(20, 21)], tx=NOW_TX)
    assert [(theft.start, theft.end) for theft in thefts] == [(5, 8), (20, 21)]


def test_nothing_exposed_asks_nothing() -> None:
    blast = measure_blast(Facts([]), find_thefts(Facts([]), [], tx=NOW_TX), tx=NOW_TX)
    assert blast == Blast(identities=(), datasets=(), clients=(), people=(), vendors=())


def test_a_dataset_opened_after_the_rotation_is_safe() -> None:
    facts = Facts(
        [
            fact("identity:t/x", "rotated", "identity:t/x", 30),
            fact("identity:t/x", "opens", "dataset:late", 30),
            fact("identity:t/x", "opens", "dataset:just", 29),
        ]
    )
    found = measure_blast(facts, [Theft("identity:t/x", 20, 21, "asset:a")], tx=NOW_TX)
    assert spans_of(found.datasets) == {"dataset:just": ((29, 30),)}


def test_spans_that_touch_are_one_and_others_stay_apart() -> None:
    facts = Facts(
        [
            fact("identity:t/x", "opens", "dataset:d", 10, 20),
            fact("identity:t/y", "opens", "dataset:d", 20, 30),
            fact("identity:t/y", "opens", "dataset:d", 40, 50),
        ]
    )
    thefts = [Theft(f"identity:t/{name}", 1, 2, "asset:a") for name in "xy"]
    found = measure_blast(facts, thefts, tx=NOW_TX)
    assert spans_of(found.datasets) == {"dataset:d": ((10, 30), (40, 50))}


def test_a_client_may_be_both_served_and_owner() -> None:
    facts = Facts(
        [
            fact("asset:a", "operated-by", "client:c", 1, 10),
            fact("identity:t/x", "opens", "dataset:d", 20),
            fact("dataset:d", "belongs-to", "client:c"),
        ]
    )
    thefts = [Theft("identity:t/x", 1, 2, "asset:a")]
    found = measure_blast(facts, thefts, exposed=[exposed(5, 6)], tx=NOW_TX)
    assert spans_of(found.clients) == {"client:c": ((5, 6), (20, OPEN))}
    assert [step.subject for step in found.clients[0].proof] == ["asset:a", "asset:a"]


def test_values_had_at_one_instant_never_prove_each_other() -> None:
    """With an uncertain rotation an identity may give another that gives its next value."""
    facts = Facts(
        [
            Edge("rotated", "identity:t/x", "identity:t/x", Span(3, 9, OPEN, OPEN), 5, 0, ""),
            fact("identity:t/x", "assumes", "identity:t/y"),
            fact("identity:t/y", "assumes", "identity:t/x"),
        ]
    )
    found = measure_blast(facts, [Theft("identity:t/x", 2, 3, "asset:a")], tx=NOW_TX)
    assert [len(one.proof) for one in found.identities] == [1, 2]


@pytest.mark.slow
def test_a_chain_of_fifty_thousand_shares_its_proofs() -> None:
    chain = [
        fact(f"identity:x/{n}", "assumes", f"identity:x/{n + 1}", n, OPEN, n) for n in range(50_000)
    ]
    found = measure_blast(Facts(chain), [Theft("identity:x/0", 0, 1, "asset:a")], tx=NOW_TX)
    assert len(found.identities) == 50_001
    assert len(found.identities[-1].proof) == 50_001


# ── against living through every instant ─────────────────────────────────────────────────────

ticks = st.integers(min_value=0, max_value=LAST)


def facts_of(relation: str, subjects: str, objects: str) -> st.SearchStrategy[Edge]:
    def made(subject: str, target: str, bounds: list[int], open_: bool, number: int) -> Edge:
        lo, hi = sorted(bounds)
        return fact(subject, relation, target, lo, OPEN if open_ else hi, number)

    kinds = {"i": "identity:t", "d": "dataset:", "c": "client:"}

    def keys(letters: str) -> st.SearchStrategy[str]:
        return st.sampled_from([f"{kinds[letters[0]]}/{letter}" for letter in letters[1:]])

    bounds = st.lists(ticks, min_size=2, max_size=2)
    return st.builds(
        made, keys(subjects), keys(objects), bounds, st.booleans(), st.integers(0, 1000)
    )


thefts_drawn = st.builds(
    lambda letter, bounds: Theft(f"identity:t/{letter}", min(bounds), max(bounds), "asset:a"),
    st.sampled_from("abc"), st.tuples(ticks, ticks),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.lists(thefts_drawn, min_size=1, max_size=3),
    st.lists(facts_of("assumes", "iabc", "iabc"), max_size=4),
    st.lists(st.tuples(st.sampled_from("abc"), ticks), max_size=3),
    st.lists(facts_of("opens", "iabc", "dxy"), max_size=5),
    st.lists(facts_of("belongs-to", "dxy", "cuv"), max_size=4),
)
def test_what_lies_open_at_each_instant_is_what_living_through_it_gives(
    thefts: list[Theft], assumes: list[Edge], rotations: list[tuple[str, int]],
    opens: list[Edge], owners: list[Edge],
) -> None:  # fmt: skip
    rotated = [
        fact(f"identity:t/{name}", "rotated", f"identity:t/{name}", at) for name, at in rotations
    ]
    everything = [*assumes, *rotated, *opens, *owners]
    found = measure_blast(Facts(everything), thefts, tx=NOW_TX)
    moments = [DAWN, *range(LAST + 2)]
    lived = had_when(thefts, assumes, rotated, moments)
    for now in moments:
        had = {value.identity for value, first in lived.items() if first.at <= now < value.end}
        open_ = {edge.object for edge in opens if edge.subject in had and lives(edge, now)}
        hit = {edge.object for edge in owners if edge.subject in open_ and lives(edge, now)}
        for reached, expected in (
            (found.identities, had), (found.datasets, open_), (found.clients, hit),
        ):  # fmt: skip
            assert {
                one.key for one in reached if any(lo <= now < hi for lo, hi in one.spans)
            } == expected
    for one in (*found.identities, *found.datasets, *found.clients):
        _check_proof(one, thefts, everything)


def _check_proof(one: Reached, thefts: list[Theft], facts: list[Edge]) -> None:
    """Each step is a fact that held at its instant; steps join and never go back in time."""
    first, *others = one.proof
    assert any(
        theft.identity == first.object and theft.start <= first.at < max(theft.end, theft.start + 1)
        for theft in thefts
    )
    for before, step in zip(one.proof, others, strict=False):
        assert before.object == step.subject
        assert before.at <= step.at
        assert any(
            (e.relation, e.subject, e.object, e.entry)
            == (step.relation, step.subject, step.object, *step.entries)
            and lives(e, step.at)
            for e in facts
        )
    assert one.proof[-1].object == one.key
    assert one.proof[-1].at == one.start
