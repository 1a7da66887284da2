from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.reach_oracle import had_when
from pratique.exposure.ports import Edge, Held, Theft
from pratique.exposure.reach import close_reach
from pratique.exposure.reach_graph import build_graph
from pratique.values.spans import DAWN, OPEN, Span, exactly

LAST = 14


def identity(letter: str) -> str:
    return f"identity:token/{letter}"


def edge(
    source: str, target: str, start: int = DAWN, end: int = OPEN, *, entry: int = 0
) -> Edge:  # fmt: skip
    return Edge("assumes", identity(source), identity(target), exactly(start, end), 5, entry, "")


def rotation(name: str, at: int, until: int | None = None, *, entry: int = 90) -> Edge:
    span = Span(at, at if until is None else until, OPEN, OPEN)
    return Edge("rotated", identity(name), identity(name), span, 5, entry, "")


def theft(name: str, start: int, end: int | None = None) -> Theft:
    return Theft(identity(name), start, start + 1 if end is None else end, "asset:a")


def reach(
    thefts: Sequence[Theft], assumes: Sequence[Edge], rotated: Sequence[Edge] = ()
) -> dict[str, list[tuple[int, int]]]:
    """Letter → spans in foreign hands."""
    found = close_reach(build_graph(assumes, rotated), thefts)
    return {
        name[-1]: sorted((one.start, one.end) for one in spans) for name, spans in found.items()
    }


# ── the rules, one by one ────────────────────────────────────────────────────────────────────


def test_a_stolen_identity_gives_what_it_may_assume_and_so_on() -> None:
    chain = [edge("a", "b"), edge("b", "c"), edge("x", "a")]
    assert reach([theft("a", 5)], chain) == {"a": [(5, OPEN)], "b": [(5, OPEN)], "c": [(5, OPEN)]}


def test_an_edge_that_begins_later_is_taken_when_it_begins() -> None:
    assert reach([theft("a", 5)], [edge("a", "b", 9)])["b"] == [(9, OPEN)]


def test_an_edge_that_ended_before_the_theft_gives_nothing() -> None:
    assert "b" not in reach([theft("a", 5)], [edge("a", "b", 1, 5)])
    assert "b" in reach([theft("a", 5)], [edge("a", "b", 1, 6)])


def test_an_edge_of_zero_length_is_taken_at_its_instant() -> None:
    assert reach([theft("a", 5)], [edge("a", "b", 7, 7)])["b"] == [(7, OPEN)]


def test_what_was_stolen_before_a_rotation_works_until_it() -> None:
    found = reach([theft("a", 5)], [edge("a", "b", 8), edge("a", "c", 7)], [rotation("a", 8)])
    assert found == {"a": [(5, 8)], "c": [(7, OPEN)]}


def test_an_edge_taken_before_the_rotation_of_its_source_stays_taken() -> None:
    found = reach([theft("a", 5)], [edge("a", "b"), edge("b", "c", 20)], [rotation("a", 8)])
    assert found["c"] == [(20, OPEN)]


def test_a_theft_at_the_rotation_is_one_of_the_new_value() -> None:
    assert reach([theft("a", 8)], [edge("a", "b")], [rotation("a", 8)])["a"] == [(8, OPEN)]
    assert reach([theft("a", 7)], [edge("a", "b")], [rotation("a", 8)])["a"] == [(7, 8)]


def test_a_theft_that_lasts_over_a_rotation_takes_both_values() -> None:
    found = reach([theft("a", 5, 12)], [edge("a", "b", 10)], [rotation("a", 8)])
    assert found == {"a": [(5, 8), (8, OPEN)], "b": [(10, OPEN)]}


def test_rotating_below_a_working_stolen_identity_mends_nothing() -> None:
    found = reach([theft("a", 5)], [edge("a", "b")], [rotation("b", 8)])
    assert found["b"] == [(5, 8), (8, OPEN)]


def test_rotating_below_after_the_source_was_rotated_ends_it() -> None:
    found = reach([theft("a", 5)], [edge("a", "b")], [rotation("a", 7), rotation("b", 8)])
    assert found == {"a": [(5, 7)], "b": [(5, 8)]}


def test_a_later_theft_of_the_new_value_reaches_what_the_first_could_not() -> None:
    """One earliest instant per identity would lose it."""
    found = reach([theft("a", 1), theft("a", 10)], [edge("a", "b", 9)], [rotation("a", 5)])
    assert found["b"] == [(10, OPEN)]


def test_a_rotation_at_an_uncertain_instant_clears_nobody() -> None:
    """Between its bounds the old value may still work and the new one may be there already."""
    found = reach([theft("a", 6)], [edge("a", "b", 9)], [rotation("a", 5, 10)])
    assert found == {"a": [(6, 10), (6, OPEN)], "b": [(9, OPEN)]}


def test_the_earliest_way_may_be_the_longer_one() -> None:
    """A search that stops at a depth would give 30 here."""
    assumes = [edge("a", "z", 30), edge("a", "b"), edge("b", "c"), edge("c", "d"), edge("d", "z")]
    assert reach([theft("a", 5)], assumes)["z"] == [(5, OPEN)]


def test_identities_without_facts_are_stolen_all_the_same() -> None:
    assert reach([theft("q", 4), theft("q", 3)], [edge("a", "b")]) == {"q": [(3, OPEN)]}


# ── proofs ───────────────────────────────────────────────────────────────────────────────────


def test_the_shortest_of_the_earliest_ways_is_the_proof() -> None:
    assumes = [
        edge("a", "b", entry=1), edge("b", "c", entry=2), edge("c", "z", entry=3),
        edge("a", "d", entry=4), edge("d", "z", entry=5),
    ]  # fmt: skip
    found = close_reach(build_graph(assumes, []), [theft("a", 5)])
    assert found[identity("z")] == (Held(5, OPEN, identity("d"), 5, 5, -1),)


def test_the_earliest_of_the_shortest_ways_is_not() -> None:
    assumes = [edge("a", "z", 9, entry=1), edge("a", "b", entry=2), edge("b", "z", entry=3)]
    found = close_reach(build_graph(assumes, []), [theft("a", 5)])
    assert found[identity("z")] == (Held(5, OPEN, identity("b"), 5, 3, -1),)


def test_a_root_names_its_theft_and_a_rotated_one_its_rotation() -> None:
    graph = build_graph([edge("a", "b")], [rotation("a", 8, entry=77)])
    found = close_reach(graph, [theft("b", 9), theft("a", 6), theft("a", 5), theft("a", 5)])
    assert found[identity("a")] == (Held(5, 8, "", 5, 2, 77),)


def test_asking_for_what_was_not_reached_says_so() -> None:
    found = close_reach(build_graph([edge("a", "b"), edge("c", "a")], []), [theft("a", 5)])
    assert set(found) == {identity("a"), identity("b")}
    assert len(found) == 2
    for name in (identity("c"), identity("nobody")):
        assert name not in found
        with pytest.raises(KeyError):
            found[name]


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_is_followed_to_its_end() -> None:
    chain = [
        Edge("assumes", f"identity:x/{n}", f"identity:x/{n + 1}", exactly(n), 5, n, "")
        for n in range(100_000)
    ]
    found = close_reach(build_graph(chain, []), [Theft("identity:x/0", 0, 1, "")])
    assert found["identity:x/100000"][0].start == 99_999
    assert len(found) == 100_001


# ── against living through every instant ─────────────────────────────────────────────────────

letters = st.sampled_from("abcdef")
ticks = st.integers(min_value=0, max_value=LAST)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Any four bounds: certain or not, of zero length, without beginning, without end."""
    lo, hi, more, most = sorted(draw(st.lists(ticks, min_size=4, max_size=4)))
    start = draw(st.sampled_from([lo, lo, DAWN]))
    end = draw(st.sampled_from([most, most, OPEN]))
    if draw(st.booleans()):
        return Span(start, hi, more, end)
    return Span(start, more, hi, end)


edges = st.builds(
    lambda source, target, span, entry: Edge(
        "assumes", identity(source), identity(target), span, 5, entry, ""
    ),
    letters, letters, spans(), st.integers(min_value=0, max_value=50),
)  # fmt: skip
rotations = st.builds(
    lambda name, pair, entry: rotation(name, min(pair), max(pair), entry=entry),
    letters, st.tuples(ticks, ticks), st.integers(min_value=51, max_value=99),
)  # fmt: skip
exact_rotations = st.builds(rotation, letters, ticks)
thefts = st.builds(
    lambda name, pair: theft(name, min(pair), max(pair)), letters, st.tuples(ticks, ticks)
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    st.lists(thefts, min_size=1, max_size=4),
    st.lists(edges, max_size=14),
    st.lists(rotations | exact_rotations, max_size=6),
)
def test_the_closure_is_what_living_through_it_gives(
    stolen: list[Theft], assumes: list[Edge], rotated: list[Edge]
) -> None:
    lived = had_when(stolen, assumes, rotated, [DAWN, *range(LAST + 2)])
    found = close_reach(build_graph(assumes, rotated), stolen)
    assert {(name, one.start, one.end) for name, some in found.items() for one in some} == {
        (value.identity, had.at, value.end) for value, had in lived.items()
    }
    nearest: dict[tuple[str, int], int] = {}
    for value, had in lived.items():
        key = value.identity, had.at
        nearest[key] = min(had.edges, nearest.get(key, had.edges))
    assert found.earliest() == {name: some[0].start for name, some in found.items()}
    first: dict[tuple[str, int], Held] = {}
    for name, some in found.items():
        assert list(some) == sorted(some, key=lambda one: one.start)
        for one in some:
            first.setdefault((name, one.start), one)
    for name, start in first:
        assert _edges_walked(name, start, first, stolen, assumes) == nearest[name, start]


def _edges_walked(
    name: str, start: int, first: dict[tuple[str, int], Held],
    stolen: list[Theft], assumes: list[Edge],
) -> int:  # fmt: skip
    """Walk a proof back to its theft; every step must be a fact that held then."""
    walked = 0
    one = first[name, start]
    while one.came_from:
        giver = first[one.came_from, one.came_at]
        assert giver.start <= one.start
        assert any(
            e.subject == one.came_from and e.object == name and e.entry == one.entry
            and e.span.from_lo <= one.start < max(e.span.to_hi, e.span.from_lo + 1)
            for e in assumes
        )  # fmt: skip
        name, one, walked = one.came_from, giver, walked + 1
    root = stolen[one.entry]
    assert root.identity == name
    assert root.start <= one.start < max(root.end, root.start + 1)
    return walked
