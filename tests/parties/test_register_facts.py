"""What the register says becomes facts of reach, and stops being one when it no longer says so."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.exposure.clocks import rules_of_facts
from pratique.exposure.ports import Edge
from pratique.inventory.observed.model import Fact
from pratique.parties.assets import Operators, operates
from pratique.parties.model import Contract, Party, PartyKind, Project
from pratique.parties.reach_facts import owned_edges, steps, wanted_facts
from pratique.parties.register_file import RegisterFile
from pratique.values.spans import DAWN, OPEN, Span, to_micros

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def vendor(name: str, *assets: str) -> Party:
    return Party(name=name, kind=PartyKind.VENDOR, assets=assets)


def register(*contracts: Contract) -> RegisterFile:
    people = Party(name="speakers", kind=PartyKind.PEOPLE, datasets=("speech",))
    everybody = [
        vendor("acme", "acme-*", "gpu-1"),
        Party(name="lab", kind=PartyKind.CLIENT),
        people,
    ]
    project = Project(name="coding", vendor="acme", client="lab", datasets=("speech", "code"))
    return RegisterFile(
        parties={one.name: one for one in everybody},
        projects={project.id: project},
        contracts={one.id: one for one in contracts},
    )


def contract(**given: object) -> Contract:
    plain: dict[str, object] = {"id": "msa", "party": "lab", "starts": date(2025, 1, 1)}
    return Contract(**plain | given)  # type: ignore[arg-type] # fields by name


def edge_of(fact: Fact, entry: int = 7) -> Edge:
    at = to_micros(NOW)
    span = Span(DAWN, at, at, OPEN)
    return Edge(fact.relation.value, fact.subject, fact.object, span, 1, entry, fact.note)


def told(facts: tuple[Fact, ...]) -> set[tuple[str, str, str]]:
    return {(one.subject, one.relation.value, one.object) for one in facts}


def test_assets_datasets_and_people_are_told() -> None:
    known = ["acme-7", "other", "vendor/acme/labeler", "vendor/lab/x"]
    assert told(wanted_facts(register(), known, today=TODAY)) == {
        ("asset:gpu-1", "operated-by", "vendor:acme"),
        ("asset:acme-7", "operated-by", "vendor:acme"),
        ("asset:vendor/acme/labeler", "operated-by", "vendor:acme"),
        ("dataset:speech", "belongs-to", "client:lab"),
        ("dataset:code", "belongs-to", "client:lab"),
        ("dataset:speech", "belongs-to", "people:speakers"),
    }


def test_a_contract_gives_the_clock_that_answers_read() -> None:
    facts = wanted_facts(register(contract(notice_hours=24, basis="MSA 9.1 (b)")), [], today=TODAY)
    rules = rules_of_facts(edge_of(fact) for fact in facts)
    assert {(one.party, one.hours, one.basis) for one in rules} == {
        ("client:lab", 24, "msa MSA 9.1 b")
    }


@pytest.mark.parametrize("given", [{"notice_hours": None}, {"ends": TODAY, "notice_hours": 24}])
def test_no_clock_without_hours_or_after_the_end(given: dict[str, object]) -> None:
    facts = wanted_facts(register(contract(**given)), [], today=TODAY)
    assert {fact.note for fact in facts} == {"register"}


def test_what_stands_is_not_stated_again() -> None:
    facts = wanted_facts(register(), ["acme-7"], today=TODAY)
    assert steps(facts, [edge_of(fact) for fact in facts], now=NOW) == ((), ())


def test_what_is_no_longer_so_ends_and_what_changed_replaces() -> None:
    before = wanted_facts(register(), ["acme-7"], today=TODAY)
    standing = [edge_of(fact) for fact in before]
    after = wanted_facts(register(contract(notice_hours=4)), [], today=TODAY)
    stated, gone = steps(after, standing, now=NOW)
    assert len(gone) == 3
    by_subject = {(one.subject, one.object): one for one in stated}
    ended = by_subject["asset:acme-7", "vendor:acme"]
    assert ended.to_hi == "2026-11-22T12:00:00Z"
    changed = by_subject["dataset:code", "client:lab"]
    assert (changed.to_hi, changed.note) == ("", "register; clock=4h(msa)")


def test_what_two_processes_stated_at_once_neither_ends_nor_is_stated_again() -> None:
    facts = wanted_facts(register(), ["acme-7"], today=TODAY)
    twice = [edge_of(fact, entry) for fact in facts for entry in (7, 8)]
    assert steps(facts, twice, now=NOW) == ((), ())
    stated, gone = steps(facts[1:], twice, now=NOW)
    assert {edge.entry for edge in gone} == {7, 8}
    assert [one.to_hi for one in stated] == ["2026-11-22T12:00:00Z"]


def test_facts_of_others_are_left_alone() -> None:
    (fact, *_) = wanted_facts(register(), [], today=TODAY)
    mine = edge_of(fact)
    assert owned_edges(
        [mine, mine._replace(note=""), mine._replace(note="registered by hand")]
    ) == [mine]
    ended = mine._replace(span=mine.span._replace(to_hi=5))
    assert owned_edges([ended]) == []


@pytest.mark.parametrize(
    ("pattern", "asset", "so"),
    [
        ("acme-*", "acme-7", True),
        ("acme-*", "xacme-7", False),
        ("a.c", "abc", False),
        ("a*c", "abbc", True),
        ("*", "anything", True),
        ("*", "vendor/lab/x", False),
        ("", "vendor/acme/x", True),
        ("", "vendor/acme/", False),
        ("", "vendor/acmeX/x", False),
    ],
)
def test_whose_an_asset_is(pattern: str, asset: str, so: bool) -> None:
    party = vendor("acme", *([pattern] if pattern else []))
    assert operates(party, asset) is so
    assert Operators([party, vendor("else", "zz")]).of(asset) == ([party] if so else [])


NAMES = st.text("ab*-", min_size=1, max_size=5).filter(lambda text: text.count("*") <= 4)


@given(
    st.lists(st.lists(NAMES, max_size=3), max_size=4),
    st.lists(st.text("ab-", min_size=1, max_size=6), max_size=6),
)
def test_looking_up_finds_what_trying_each_pattern_finds(
    patterns: list[list[str]], assets: list[str]
) -> None:
    parties = [vendor(f"v{n}", *some) for n, some in enumerate(patterns)]
    who = Operators(parties)
    for asset in (*assets, "vendor/v0/x", "vendor/v9/x", "vendor/v0/", "vendor/"):
        slow = {one.name for one in parties if operates(one, asset)}
        assert {one.name for one in who.of(asset)} == slow
        assert len(who.of(asset)) == len(slow)
