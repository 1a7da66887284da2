"""The response plan: its order, that nothing vanishes, and what is still missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.incidents import ASKED_AT, answer, later, line, litellm_reach, reached, sighting
from pratique.errors import InputError
from pratique.exposure.advisories.model import Payload, Trigger
from pratique.exposure.incident import IncidentAnswer, Reach, ReachSpan
from pratique.exposure.plan.fold import (
    STEP_KIND,
    Said,
    blocked_by,
    fold_steps,
    move_item,
    open_ends,
    plan_anew,
    step_drafts,
)
from pratique.exposure.plan.items import AUTHORITY, SeenDead, wanted_items
from pratique.exposure.plan.model import Change, Item, Plan, PlanOrderError, State, Step, item_id
from pratique.ledger.canonical import MAX_ENTRY_BYTES, encode_entry, prepare
from pratique.ledger.entries import Entry

SYSMON = Payload(
    trigger=(Trigger.INTERPRETER_START,),
    package="pypi/litellm",
    versions=("1.82.8",),
    persists=("~/.config/sysmon/sysmon.py", "pod:kube-system/node-setup-*"),
)
AWS = "identity:aws-access-key/ci-deploy"
SSH = "identity:ssh-key/build-7/id_ed25519"


class Desk:
    """A ledger of steps, and the plan as it stands after each answer."""

    def __init__(self, payloads: tuple[Payload, ...] = (SYSMON,)) -> None:
        self.entries: list[Entry] = []
        self.payloads = payloads

    def record(self, changes: list[Change], actor: str = "operator:ann") -> None:
        for draft in step_drafts(changes, incident="inc-7f3a", answer="d", actor=actor):
            number = len(self.entries)
            self.entries.append(
                Entry(
                    sequence=number,
                    recorded_at=ASKED_AT + timedelta(minutes=number),
                    kind=draft.kind,
                    subject=draft.subject,
                    actor=draft.actor,
                    body=draft.body,
                )
            )

    def plan(self, found: IncidentAnswer | None = None) -> Plan:
        found = found or answer()
        said = fold_steps(self.entries)
        plan, changes = plan_anew(found, wanted_items(found, self.payloads), said)
        self.record(list(changes), "operator:plan")
        again, nothing = plan_anew(
            found, wanted_items(found, self.payloads), fold_steps(self.entries)
        )
        assert nothing == (), "planning twice says nothing new"
        assert [one.id for one in again.items] == [one.id for one in plan.items]
        return again

    def move(self, step: Step, target: str, **moved: Any) -> None:
        plan = self.plan()
        moved.setdefault("state", State.DONE)
        item = plan.item(item_id(step, target))
        self.record([move_item(plan, item, **moved)])


def item(plan: Plan, step: Step, target: str) -> Item:
    return plan.item(item_id(step, target))


def test_a_plan_goes_from_evidence_to_notices() -> None:
    plan = Desk().plan()
    assert [one.step for one in plan.items] == sorted(
        (one.step for one in plan.items), key=list(Step).index
    )
    assert {(one.step.value, one.target) for one in plan.items} == {
        ("snapshot", "asset:build-7"),
        ("isolate", "asset:build-7"),
        ("isolate", "vendor:Initech"),
        ("disarm", "asset:build-7"),
        ("revoke", AWS), ("re-issue", AWS), ("verify", AWS),
        ("revoke", SSH), ("re-issue", SSH), ("verify", SSH),
        ("notify", "client:Globex"), ("notify", "people:candidates-eu"),
        ("notify", "vendor:Initech"), ("notify", AUTHORITY),
    }  # fmt: skip
    assert "sysmon.py" in item(plan, Step.DISARM, "asset:build-7").why
    assert "destroy data" in item(plan, Step.DISARM, "asset:build-7").why
    assert all(one.entries for one in plan.items), "every item says on what evidence"


def test_nothing_is_asked_of_an_asset_that_only_listed_it() -> None:
    assert not [one for one in Desk().plan().items if "laptop-ann" in one.target]


def test_a_rotated_credential_must_still_be_seen_to_fail() -> None:
    plan = Desk().plan()
    assert item(plan, Step.REVOKE, SSH).state is State.NOT_NEEDED
    assert "entry 5" in item(plan, Step.REVOKE, SSH).reason
    assert item(plan, Step.VERIFY, SSH).state is State.OPEN
    assert "these 2 identities are not yet verified dead" in " ".join(open_ends(plan, answer()))


def test_a_credential_that_was_seen_to_fail_since_needs_no_second_look() -> None:
    def verify(minutes: int) -> str:
        dead = {AWS: SeenDead(later(minutes), 77)}
        found = wanted_items(answer(), (SYSMON,), dead)
        return next(one.settled for one in found if one.id == item_id(Step.VERIFY, AWS))

    assert "entry 77" in verify(400)
    assert verify(1) == "", "before it was stolen it proves nothing"


def test_nothing_is_revoked_before_what_is_left_behind_is_disarmed() -> None:
    desk = Desk()
    with pytest.raises(PlanOrderError, match="disarm asset:build-7"):
        desk.move(Step.REVOKE, AWS)
    desk.move(Step.SNAPSHOT, "asset:build-7")
    desk.move(Step.DISARM, "asset:build-7")
    desk.move(Step.REVOKE, AWS)
    with pytest.raises(PlanOrderError, match="isolate asset:build-7"):
        desk.move(Step.REISSUE, AWS)
    desk.move(Step.ISOLATE, "asset:build-7")
    desk.move(Step.REISSUE, AWS)
    desk.move(Step.VERIFY, AWS)
    plan = desk.plan()
    assert item(plan, Step.VERIFY, AWS).state is State.DONE
    assert "this 1 identity is not yet verified dead: identity:ssh-key" in " ".join(
        open_ends(plan, answer())
    )


def test_where_nobody_knows_the_payload_that_must_be_found_out_first() -> None:
    desk = Desk(payloads=())
    plan = desk.plan()
    (disarm,) = plan.of_step(Step.DISARM)
    assert disarm.target == "incident:inc-7f3a"
    with pytest.raises(PlanOrderError, match="disarm incident"):
        desk.move(Step.REVOKE, AWS)
    other = msgspec.structs.replace(SYSMON, versions=("1.82.7",))
    assert Desk(payloads=(other,)).plan().of_step(Step.DISARM)[0].target == "incident:inc-7f3a"
    harmless = msgspec.structs.replace(SYSMON, persists=())
    assert Desk(payloads=(harmless,)).plan().of_step(Step.DISARM) == ()


def test_order_can_be_broken_with_a_reason_that_stays() -> None:
    desk = Desk()
    with pytest.raises(InputError, match="no reason"):
        desk.move(Step.REVOKE, AWS, force=True)
    desk.move(Step.REVOKE, AWS, force=True, reason="it is being used right now")
    plan = desk.plan()
    assert item(plan, Step.REVOKE, AWS).forced
    assert any("out of order: revoke" in one for one in open_ends(plan, answer()))
    desk.move(Step.SNAPSHOT, "asset:build-7", force=True)
    assert not item(desk.plan(), Step.SNAPSHOT, "asset:build-7").forced, "nothing was in its way"


def test_notices_wait_for_nothing() -> None:
    desk = Desk()
    desk.move(Step.NOTIFY, "client:Globex")
    assert item(desk.plan(), Step.NOTIFY, "client:Globex").state is State.DONE


def test_states_need_their_words() -> None:
    desk = Desk()
    with pytest.raises(InputError, match="nobody is named"):
        desk.move(Step.ISOLATE, "asset:build-7", state=State.ASSIGNED)
    with pytest.raises(InputError, match="no reason"):
        desk.move(Step.ISOLATE, "asset:build-7", state=State.NOT_NEEDED)
    desk.move(Step.ISOLATE, "asset:build-7", state=State.ASSIGNED, owner="bob")
    assert item(desk.plan(), Step.ISOLATE, "asset:build-7").owner == "bob"
    desk.move(Step.SNAPSHOT, "asset:build-7", owner="eve")
    desk.move(Step.ISOLATE, "asset:build-7")
    done = item(desk.plan(), Step.ISOLATE, "asset:build-7")
    assert (done.state, done.owner, done.changed_by) == (State.DONE, "bob", "operator:ann")
    with pytest.raises(InputError, match="no item"):
        desk.plan().item("revoke-zz")
    with pytest.raises(InputError, match="several"):
        desk.plan().item("revoke-")


def test_what_an_answer_no_longer_asks_for_says_so_and_what_was_done_stays() -> None:
    desk = Desk()
    desk.move(Step.SNAPSHOT, "asset:build-7")
    less = answer(reach=Reach(), lines=(), as_known_at=9)
    plan = desk.plan(less)
    assert item(plan, Step.SNAPSHOT, "asset:build-7").state is State.DONE
    gone = item(plan, Step.REVOKE, AWS)
    assert (gone.state, gone.wanted) == (State.NOT_NEEDED, False)
    assert "entry 9 no longer asks" in gone.reason
    back = desk.plan()
    assert item(back, Step.REVOKE, AWS).state is State.OPEN
    assert item(back, Step.REVOKE, AWS).reason == "asked for again"
    assert item(back, Step.SNAPSHOT, "asset:build-7").state is State.DONE


def test_what_a_person_found_not_needed_is_not_reopened_by_the_next_plan() -> None:
    desk = Desk()
    desk.move(Step.REVOKE, AWS, state=State.NOT_NEEDED, reason="the account is gone")
    assert item(desk.plan(), Step.REVOKE, AWS).reason == "the account is gone"


def test_new_assets_bring_new_items() -> None:
    desk = Desk()
    before = {one.id for one in desk.plan().items}
    more = answer(lines=(line(), line("runner-9", sighting(4), kind="ci-run", still_there=False)))
    after = desk.plan(more)
    assert before < {one.id for one in after.items}
    assert item(after, Step.SNAPSHOT, "asset:runner-9").state is State.OPEN
    assert "artifacts" in item(after, Step.SNAPSHOT, "asset:runner-9").why
    assert item_id(Step.ISOLATE, "asset:runner-9") not in {one.id for one in after.items}


def test_a_credential_stolen_again_after_it_was_replaced_is_open_again() -> None:
    desk = Desk()
    for step in (Step.REVOKE, Step.REISSUE, Step.VERIFY):
        desk.move(step, AWS, force=True, reason="drill")
    aws = litellm_reach().identities[0]
    spans = (*aws.spans, ReachSpan(start=ASKED_AT + timedelta(days=2), end=None))
    again = msgspec.structs.replace(aws, spans=spans)
    plan = desk.plan(answer(reach=Reach(identities=(again,))))
    assert item(plan, Step.REVOKE, AWS).state is State.OPEN
    assert "stolen again" in item(plan, Step.REVOKE, AWS).reason


@pytest.mark.slow
@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))), max_size=6))
def test_no_item_ever_vanishes_and_what_was_done_stays_done(
    story: list[tuple[set[int], set[int]]],
) -> None:
    """Answers with some identities, between which some items are done."""
    desk = Desk(payloads=(msgspec.structs.replace(SYSMON, persists=()),))
    seen: set[str] = set()
    done: set[str] = set()
    for present, finished in story:
        identities = tuple(
            reached(f"identity:env/K{n}", ("asset:build-7", "holds", f"identity:env/K{n}", 2))
            for n in sorted(present)
        )
        plan = desk.plan(answer(reach=Reach(identities=identities)))
        ids = {one.id for one in plan.items}
        assert seen <= ids
        assert done == {one.id for one in plan.items if one.state is State.DONE}
        for one in plan.items:
            assert one.wanted or one.state.settled
        seen |= ids
        for number in finished:
            wanted = item_id(Step.REVOKE, f"identity:env/K{number}")
            if wanted in seen:
                moved = move_item(plan, plan.item(wanted), state=State.DONE)
                desk.record([moved])
                done.add(wanted)


def test_a_thousand_items_fit_into_entries() -> None:
    names = [f"identity:env/{'x' * 400}{n}" for n in range(1000)]
    changes = [
        Change(item=item_id(Step.REVOKE, name), step=Step.REVOKE, target=name, state=State.OPEN)
        for name in names
    ]
    drafts = step_drafts(changes, incident="i", answer="d", actor="operator:ann")
    assert len(drafts) < 20
    for draft in drafts:
        leaf = encode_entry(prepare(draft), sequence=1, recorded_at="2026-03-24T00:00:00Z")
        assert len(leaf) < MAX_ENTRY_BYTES
        assert draft.kind == STEP_KIND
    assert sum(len(draft.body["changes"]) for draft in drafts) == 1000


def test_entries_of_a_later_version_leave_what_was_said() -> None:
    desk = Desk()
    desk.move(Step.SNAPSHOT, "asset:build-7")
    odd = msgspec.structs.replace(desk.entries[-1], sequence=99, body={"changes": "later"})
    assert fold_steps([*desk.entries, odd]) == fold_steps(desk.entries)
    assert isinstance(next(iter(fold_steps(desk.entries).values())), Said)


def test_what_is_missing_is_said_until_nothing_is() -> None:
    desk = Desk()
    blind = msgspec.structs.replace(litellm_reach(), assets_without_identities=("asset:web-1",))
    found = answer(reach=blind)
    sentences = " ".join(open_ends(desk.plan(found), found))
    assert "nobody has looked on asset:web-1" in sentences
    assert "2 assets are unknown" in sentences
    calm = answer(counts=msgspec.structs.replace(found.counts, unknown=0))
    for one in desk.plan(calm).items:
        if not one.state.settled:
            plan = desk.plan(calm)
            assert not list(blocked_by(plan, plan.item(one.id)))
            desk.record([move_item(plan, plan.item(one.id), state=State.DONE)])
    assert open_ends(desk.plan(calm), calm) == ()


def test_two_people_who_plan_at_once_undo_nothing() -> None:
    """Both meet an item as new; one of them has done it before the other's plan is recorded."""
    found = answer()
    wanted = wanted_items(found, ())
    plan, changes = plan_anew(found, wanted, {})
    done = move_item(plan, plan.items[0], state=State.DONE)
    entries = [
        Entry(sequence=number, recorded_at=later(300), actor="operator:x", **draft_fields(part))
        for number, part in enumerate((changes, (done,), changes))
    ]
    said = fold_steps(entries)
    assert said[done.item].change.state is State.DONE
    again, more = plan_anew(found, wanted, said)
    assert more == ()
    assert again.item(done.item).state is State.DONE


def draft_fields(changes: Any) -> dict[str, Any]:
    (draft,) = step_drafts(changes, incident="x", answer="y", actor="operator:x")
    return {"kind": draft.kind, "subject": draft.subject, "body": draft.body}


def test_what_was_rotated_before_disarming_is_said() -> None:
    """A rotation is a fact and cannot be refused; that it may have set something off can be said."""
    desk = Desk()
    found = answer()
    said = " ".join(open_ends(desk.plan(found), found))
    assert f"revoked before everything is disarmed: {SSH}; look now at asset:build-7" in said
    desk.move(Step.SNAPSHOT, "asset:build-7")
    desk.move(Step.DISARM, "asset:build-7")
    assert "revoked before" not in " ".join(open_ends(desk.plan(found), found))
