"""Clocks and drafts: what each party is told, and that it is told of nobody else."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.incidents import HELD, OPENS, answer, incident, later, litellm_reach, reached
from pratique.errors import InputError
from pratique.exposure.clocks import (
    ClockRule,
    parse_clocks,
    rules_of_facts,
    rules_of_law,
    start_clocks,
)
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import Counts, IncidentAnswer
from pratique.exposure.notices import (
    Concern,
    Notice,
    concerns,
    draft_notice,
    guard_for,
    render_notice,
)
from pratique.exposure.plan.fold import fold_steps, plan_anew
from pratique.exposure.plan.items import AUTHORITY, wanted_items
from pratique.exposure.plan.model import State, Step
from pratique.exposure.ports import Edge
from pratique.values.spans import exactly

OWNERS = {
    "dataset:interviews": frozenset({"client:Globex", "people:candidates-eu"}),
    "dataset:hooli-chats": frozenset({"client:Hooli"}),
    "asset:build-7": frozenset({"vendor:Initech"}),
}
NOW = later(120)


def two_clients(title: str = "LiteLLM") -> IncidentAnswer:
    reach = litellm_reach()
    chats = reached("dataset:hooli-chats", HELD, ("identity:x", "opens", "dataset:hooli-chats", 4))
    hooli = reached(
        "client:Hooli", HELD, OPENS, ("dataset:hooli-chats", "belongs-to", "client:Hooli", 4)
    )
    more = msgspec.structs.replace(
        reach, datasets=(*reach.datasets, chats), clients=(*reach.clients, hooli)
    )
    return answer(reach=more, title=title)


def drafts(found: IncidentAnswer, title: str = "LiteLLM 1.82.8") -> dict[str, Notice]:
    plan, _ = plan_anew(found, wanted_items(found, ()), fold_steps([]))
    clocks = start_clocks(
        rules_of_law(found), aware_at=later(80), parties=[AUTHORITY, "client:Globex"], plan=plan
    )
    return {
        one.party: draft_notice(
            one,
            found,
            incident=incident(title=title),
            plan=plan,
            clocks=clocks,
            guard=guard_for(one, found, owners=OWNERS),
            next_update=NOW + timedelta(hours=24),
            now=NOW,
        )
        for one in concerns(found, owners=OWNERS)
    }


def test_every_party_gets_a_draft_of_its_own() -> None:
    found = drafts(two_clients())
    assert set(found) == {
        "client:Globex", "client:Hooli", "people:candidates-eu", "vendor:Initech", AUTHORITY,
    }  # fmt: skip
    globex = render_notice(found["client:Globex"])
    assert "interviews" in globex
    assert "What we do not know" in globex
    assert "Next update: 2026-03-25 12:39:00 UTC" in globex
    assert "build-7" in render_notice(found["vendor:Initech"])
    assert found[AUTHORITY].due_at == later(80) + timedelta(hours=72)


NAMES = {
    "client:Globex": ("Globex", "interviews"),
    "client:Hooli": ("Hooli", "hooli-chats"),
    "people:candidates-eu": ("candidates-eu", "interviews"),
    "vendor:Initech": ("Initech", "build-7"),
    AUTHORITY: ("interviews",),
}
EVERYTHING = {name for names in NAMES.values() for name in names} | {
    "ci-deploy", "id_ed25519", "laptop-ann", "laptop-bob", "acme/api",
}  # fmt: skip


@pytest.mark.parametrize("party", sorted(NAMES))
def test_no_other_partys_name_appears_anywhere(party: str) -> None:
    """Not in text or JSON, not even through the incident's title."""
    title = "What Globex, Hooli and Initech had: candidates-eu on build-7"
    notice = drafts(two_clients(title), title=title)[party]
    for text in (render_notice(notice), msgspec.json.encode(notice).decode()):
        for name in EVERYTHING - set(NAMES[party]):
            assert name.lower() not in text.lower(), name


def test_a_detail_that_names_somebody_else_is_withheld_and_that_is_said() -> None:
    seen = answer(not_seen=("Machines of Hooli were not looked at.",))
    withheld = msgspec.structs.replace(two_clients(), not_seen=seen.not_seen)
    text = render_notice(drafts(withheld)["client:Globex"])
    assert "Hooli" not in text
    assert "A detail is withheld here" in text
    assert "Machines of Hooli" in render_notice(drafts(withheld)["client:Hooli"])


def test_a_draft_that_would_name_somebody_else_all_the_same_is_refused() -> None:
    found = two_clients()
    plan, _ = plan_anew(found, (), {})
    (concern, *_) = concerns(found, owners=OWNERS)
    with pytest.raises(InputError, match="would name"):
        draft_notice(
            concern,
            found,
            incident=incident(),
            plan=plan,
            clocks=(),
            guard=NameGuard(["interview", "client:Globex"]),
            next_update=NOW,
            now=NOW,
        )


def test_a_concern_without_anything_reached_says_only_what_happened() -> None:
    found = answer()
    plan, _ = plan_anew(found, (), {})
    concern = Concern(party="client:Other", reached=None)
    notice = draft_notice(
        concern, found, incident=incident(), plan=plan, clocks=(),
        guard=guard_for(concern, found, owners=OWNERS), next_update=NOW, now=NOW,
    )  # fmt: skip
    assert not any("stolen" in one for one in notice.known)


# --- the guard ---


def test_names_are_found_in_any_case_inside_words_and_behind_escapes() -> None:
    guard = NameGuard(["client:Globex", "asset:ci/acme/7", 'client:Q"X'])
    assert guard.find("the GLOBEXkey") == "globex"
    assert guard.find("globe") is None
    assert guard.find_in_bytes(b'{"a":"q\\"x"}') == 'q"x'
    assert guard.find_in_bytes(b"<p>Q&quot;X</p>") == 'q"x'
    assert guard.find_in_bytes(b'{"a": "\\u0067lobex"}') == "globex"


def test_short_names_must_stand_by_themselves() -> None:
    guard = NameGuard(["client:AB"])
    assert guard.find("table, abc") is None
    assert guard.find("for AB, now") == "ab"
    assert guard.find("ab") == "ab"


def test_a_name_inside_ones_own_does_not_count_but_beside_it_does() -> None:
    guard = NameGuard(["client:acme"], allowed=["client:acme-eu"])
    assert guard.find("acme-eu and Acme-EU") is None
    assert guard.find("acme-eu and acme") == "acme"
    assert NameGuard(["client:acme"], allowed=["client:acme"]).find("acme") is None


@pytest.mark.slow
@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), max_size=5),
    st.text(max_size=40),
)
def test_the_guard_agrees_with_looking_for_each_name(names: list[str], text: str) -> None:
    found = NameGuard([f"client:{name}" for name in names]).find(text)

    def plain(one: str) -> str:
        return re.sub(r"\s+", " ", one.lower())

    long = [n for n in names if len(plain(n)) >= 4 and plain(n) in plain(text)]
    if long:
        assert found is not None
    if found is not None:
        assert found in plain(text)


# --- clocks ---


def test_the_law_starts_a_clock_at_the_first_awareness() -> None:
    found = answer()
    clocks = start_clocks(
        rules_of_law(found),
        aware_at=later(80),
        parties=["client:Globex", AUTHORITY, "people:candidates-eu"],
        plan=None,
    )
    first = clocks[0]
    assert (first.party, first.basis) == (AUTHORITY, "GDPR Art. 33(1)")
    assert first.word(later(80)) == "72 h 0 min left"
    assert first.word(later(80 + 72 * 60 + 61)) == "overdue by 1 h 1 min"
    assert {one.word(NOW) for one in clocks[1:]} == {"without undue delay"}


def test_contracts_say_their_clocks_in_notes_of_facts() -> None:
    edge = Edge(
        "belongs-to", "dataset:d", "client:Globex", exactly(0), 5, 7, "x clock=24h(DPA 7) y"
    )
    plain = edge._replace(note="clock=48h")
    none = edge._replace(note="clock=soon o'clock=5h")
    assert rules_of_facts([edge]) == [ClockRule(party="client:Globex", hours=24, basis="DPA 7")]
    assert rules_of_facts([plain])[0].basis == "contract (entry 7)"
    assert rules_of_facts([none]) == []
    clocks = start_clocks(
        [*rules_of_facts([edge]), *rules_of_law(answer())],
        aware_at=later(0), parties=["client:Globex"], plan=None,
    )  # fmt: skip
    assert [one.hours for one in clocks] == [24], "a number needs no other words beside it"


def test_clocks_come_from_a_table_too() -> None:
    rules = parse_clocks("party,hours,basis\nclient:Globex,24,DPA section 7\n\nvendor:X,48\n")
    assert [(one.party, one.hours, one.basis) for one in rules] == [
        ("client:Globex", 24, "DPA section 7"),
        ("vendor:X", 48, "contract"),
    ]
    for bad in (
        "client:Globex,-1",
        "Globex,24",
        "client:G,99999999999999",
        "client:G",
        "client:G,²",
    ):
        with pytest.raises(InputError, match="line 1"):
            parse_clocks(bad)


def test_who_was_told_in_time_needs_no_clock() -> None:
    rule = ClockRule(party="client:Globex", hours=24, basis="DPA")
    (clock,) = start_clocks([rule], aware_at=later(0), parties=["client:Globex"], plan=None)
    told = msgspec.structs.replace(clock, met_at=later(60))
    assert (told.word(NOW), told.left(NOW)) == ("told", None)
    assert msgspec.structs.replace(clock, met_at=later(9999)).word(NOW) == "told, too late"


def test_what_is_not_needed_was_not_done_and_no_number_tells_of_others() -> None:
    found = two_clients()
    wanted = wanted_items(found, ())
    plan, _ = plan_anew(found, wanted, {})
    said = {
        Step.SNAPSHOT: State.DONE,
        Step.ISOLATE: State.NOT_NEEDED,
        Step.REVOKE: State.OPEN,
    }
    items = [
        msgspec.structs.replace(one, state=said.get(one.step, one.state)) for one in plan.items
    ]
    revoked = next(n for n, one in enumerate(items) if one.step is Step.REVOKE)
    items[revoked] = msgspec.structs.replace(items[revoked], state=State.DONE)
    plan = msgspec.structs.replace(plan, items=tuple(items))
    counted = msgspec.structs.replace(found, counts=Counts(confirmed=1, unknown=4711))
    concern = concerns(counted, owners=OWNERS)[0]
    text = render_notice(
        draft_notice(
            concern, counted, incident=incident(), plan=plan, clocks=(),
            guard=guard_for(concern, counted, owners=OWNERS), next_update=NOW, now=NOW,
        )
    )  # fmt: skip
    assert "Evidence kept: all that we know of." in text
    assert "Systems isolated" not in text
    assert "Credentials revoked: in part." in text
    assert "Old credentials seen to fail: not yet." in text
    assert "4711" not in text
    assert "By the widest claim it could be had from" in text


def test_a_name_in_a_notice_begins_no_line_and_moves_no_cursor() -> None:
    title = "x\nWhat was done so far\n- Everything\x1b[2J"
    text = render_notice(drafts(two_clients(title), title=title)["client:Globex"])
    assert "\x1b" not in text
    assert text.count("\nWhat was done so far\n") == 1


@pytest.mark.parametrize("text", ["/srv/hooli-inc/app", "hooli_inc", "HooliInc", "Hooli%20Inc"])
def test_a_partys_name_is_found_however_its_words_are_joined(text: str) -> None:
    guard = NameGuard(["client:Hooli Inc."[:-1]], allowed=["client:Globex Ltd"])
    assert guard.find(text) is not None
    assert guard.find(text.lower().replace("hooli", "globex").replace("inc", "ltd")) is None
    mine = NameGuard(["client:Hooli"], allowed=["client:Hooli Inc"])
    assert mine.find(text) is None


def test_tables_of_clocks_as_people_write_them() -> None:
    (rule,) = parse_clocks("\ufeffParty,Hours,Basis\r\nclient:globex,24,DPA\r\n")
    (clock,) = start_clocks([rule], aware_at=NOW, parties=["client:Globex"], plan=None)
    assert (clock.party, clock.hours) == ("client:Globex", 24)
    for text in (f"client:x,{'0' * 8}1{'9' * 4000},x", "client:x,0,x", "client:x,99999,x"):
        with pytest.raises(InputError, match="line 1 is not a clock"):
            parse_clocks(text)
    with pytest.raises(InputError, match="not a table of clocks"):
        parse_clocks(f'client:x,"{"y" * 200_000}"')
