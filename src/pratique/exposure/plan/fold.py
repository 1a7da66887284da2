"""What people said of items, joined with what the newest answer asks for.

A plan is never edited: `incident-step` entries say what became of items, and planning anew adds
further ones. No item vanishes: what an answer no longer asks for becomes `not-needed`, with the
reason; what was done stays done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pratique.errors import InputError
from pratique.exposure.incident import IncidentAnswer
from pratique.exposure.plan.model import (
    WHOLE_STEP,
    Change,
    Item,
    Plan,
    PlanOrderError,
    State,
    Step,
    Wanted,
)
from pratique.ledger.entries import Draft, Entry
from pratique.values.instants import Instant, render_second

STEP_KIND: Final = "incident-step"
_ENTRY_BYTES: Final = 40_000
"""Of changes in one entry, which holds 60,000 bytes."""
_SHOWN: Final = 5


class StepBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an `incident-step`."""

    answer: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The newest that was said of an item."""

    change: Change
    entry: int
    at: Instant
    by: str


def fold_steps(entries: Iterable[Entry]) -> dict[str, Said]:
    """The newest word on every item ever planned, from `incident-step` entries in their order."""
    said: dict[str, Said] = {}
    for entry in entries:
        try:
            body = msgspec.convert(entry.body, StepBody)
        except msgspec.ValidationError:
            # Of a later version: what it says cannot be told, what was said before stands.
            continue
        for change in body.changes:
            if change.item in said and change.by_plan and _is_new(change):
                # Two people planned at once: what one of them has said of it since stands.
                continue
            said[change.item] = Said(
                change=change, entry=entry.sequence, at=entry.recorded_at, by=entry.actor
            )
    return said


def _is_new(change: Change) -> bool:
    """Whether planning met the item for the first time; whatever it reopens has a reason."""
    return change.state is State.OPEN and not change.reason


def plan_anew(
    answer: IncidentAnswer, wanted: Sequence[Wanted], said: dict[str, Said]
) -> tuple[Plan, tuple[Change, ...]]:
    """The plan as it stands, and the changes that must be recorded for it to stand."""
    changes: list[Change] = []
    items: list[Item] = []
    for one in wanted:
        old = said.get(one.id)
        change = _changed(one, old)
        if change is not None:
            changes.append(change)
        items.append(_item(one, change, old))
    asked_for = {one.id for one in wanted}
    for number, old in said.items():
        if number not in asked_for:
            gone = _gone(old, answer)
            changes += [gone] if gone is not None else []
            items.append(_past_item(old, gone))
    items.sort(key=lambda item: (list(Step).index(item.step), item.target))
    plan = Plan(incident=answer.incident, answer=answer.digest, items=tuple(items))
    return plan, tuple(changes)


def _changed(one: Wanted, old: Said | None) -> Change | None:
    """What planning says of an item that is wanted; None: nothing new."""
    state, reason = State.OPEN, ""
    if old is not None:
        last = old.change
        again = last.state is State.DONE and one.since is not None and one.since > old.at
        if again and not one.settled and one.since is not None:
            reason = f"stolen again at {render_second(one.since)}, after it was done"
        elif one.settled and not last.state.settled:
            pass
        elif last.by_plan and last.state is State.NOT_NEEDED and not one.settled:
            reason = "asked for again"
        else:
            return None
    if one.settled:
        state, reason = State.NOT_NEEDED, one.settled
    owner = old.change.owner if old is not None else ""
    return Change(
        item=one.id, step=one.step, target=one.target, state=state, owner=owner, reason=reason,
        by_plan=True,
    )  # fmt: skip


def _gone(old: Said, answer: IncidentAnswer) -> Change | None:
    """An item that the answer no longer asks for, unless that is settled anyway."""
    if old.change.state.settled:
        return None
    return msgspec.structs.replace(
        old.change,
        state=State.NOT_NEEDED,
        reason=f"the answer as known at entry {answer.as_known_at} no longer asks for it",
        by_plan=True,
        forced=False,
    )


def _item(one: Wanted, change: Change | None, old: Said | None) -> Item:
    current = change or (old.change if old is not None else None)
    assert current is not None, "what is new has a change"
    return Item(
        id=one.id, step=one.step, target=one.target, why=one.why, entries=one.entries,
        after=one.after, wanted=True, **_standing(current, old if change is None else None),
    )  # fmt: skip


def _past_item(old: Said, gone: Change | None) -> Item:
    current = gone or old.change
    return Item(
        id=current.item, step=current.step, target=current.target, why="", entries=(), after=(),
        wanted=False, **_standing(current, old if gone is None else None),
    )  # fmt: skip


def _standing(change: Change, said: Said | None) -> dict[str, Any]:
    return {
        "state": change.state,
        "owner": change.owner,
        "reason": change.reason,
        "forced": change.forced,
        "changed_at": said.at if said is not None else None,
        "changed_by": said.by if said is not None else "",
        "entry": said.entry if said is not None else -1,
    }


def move_item(
    plan: Plan,
    item: Item,
    *,
    state: State,
    owner: str | None = None,
    reason: str = "",
    force: bool = False,
) -> Change:
    """What a person says of an item.

    Raises: PlanOrderError when it would be done before what it waits for; InputError when a reason
    or an owner is lacking.
    """
    holder = item.owner if owner is None else owner
    if state is State.ASSIGNED and not holder:
        raise InputError("nobody is named", expected="--owner with --state assigned")
    if state is State.NOT_NEEDED and not reason:
        raise InputError("no reason is given", expected="--reason with --state not-needed")
    blocking = list(blocked_by(plan, item)) if state is State.DONE else []
    if blocking and not force:
        raise PlanOrderError(
            f"{item.id} ({item.step} {item.target}) waits for {len(blocking)} others: "
            + ", ".join(f"{one.step} {one.target}" for one in blocking[:_SHOWN]),
            expected="these done or not needed first",
            remedy="do them, or say --force with --reason; both are recorded",
        )
    if blocking and not reason:
        raise InputError("no reason is given", expected="--reason with --force")
    return Change(
        item=item.id, step=item.step, target=item.target, state=state, owner=holder,
        reason=reason, forced=bool(blocking),
    )  # fmt: skip


def blocked_by(plan: Plan, item: Item) -> Iterator[Item]:
    """Items that must be settled before this one is done."""
    steps = {one.removeprefix(WHOLE_STEP) for one in item.after if one.startswith(WHOLE_STEP)}
    for one in plan.items:
        if (one.id in item.after or one.step in steps) and not one.state.settled:
            yield one


def step_drafts(
    changes: Iterable[Change], *, incident: str, answer: str, actor: str
) -> list[Draft]:
    """Entries that record these changes, in order, as few as hold them."""
    drafts: list[Draft] = []
    part: list[Change] = []
    size = 0
    for change in changes:
        length = len(msgspec.json.encode(change))
        if part and size + length > _ENTRY_BYTES:
            drafts.append(_draft(part, incident, answer, actor))
            part, size = [], 0
        part.append(change)
        size += length
    if part:
        drafts.append(_draft(part, incident, answer, actor))
    return drafts


def _draft(part: Sequence[Change], incident: str, answer: str, actor: str) -> Draft:
    body: dict[str, Any] = msgspec.to_builtins(StepBody(answer=answer, changes=tuple(part)))
    return Draft(kind=STEP_KIND, subject=f"incident:{incident}", actor=actor, body=body)


def open_ends(plan: Plan, answer: IncidentAnswer) -> tuple[str, ...]:
    """Why the response is not complete, in sentences; none when it is."""
    found = [
        sentence
        for step, words in _LEFT.items()
        if (left := [one.target for one in plan.of_step(step) if not one.state.settled])
        for sentence in [f"{words[len(left) == 1].format(len(left))}: {_some(left)}"]
    ]
    forced = [one for one in plan.items if one.forced and one.state is State.DONE]
    if forced:
        found.append(f"done out of order: {_some([f'{one.step} {one.target}' for one in forced])}")
    dangerous = [one for one in plan.of_step(Step.DISARM) if not one.state.settled]
    early = [one.target for one in plan.of_step(Step.REVOKE) if one.state.settled and one.wanted]
    if dangerous and early:
        found.append(
            f"revoked before everything is disarmed: {_some(early)}; look now at "
            f"{_some([one.target for one in dangerous])}"
        )
    blind = answer.reach.assets_without_identities
    if blind:
        found.append(
            f"the list of credentials is not complete: nobody has looked on {_some(blind)}"
        )
    if answer.counts.unknown:
        found.append(
            f"{answer.counts.unknown} assets are unknown; what they would ask for is not in the plan"
        )
    return tuple(found)


_LEFT: Final = {
    Step.SNAPSHOT: ("{} assets have no snapshot yet", "{} asset has no snapshot yet"),
    Step.ISOLATE: ("{} are not isolated yet", "{} is not isolated yet"),
    Step.DISARM: ("{} are not disarmed yet", "{} is not disarmed yet"),
    Step.REVOKE: ("{} identities are not revoked yet", "{} identity is not revoked yet"),
    Step.REISSUE: ("{} identities are not issued anew yet", "{} identity is not issued anew yet"),
    Step.VERIFY: (
        "these {} identities are not yet verified dead",
        "this {} identity is not yet verified dead",
    ),
    Step.NOTIFY: ("{} are not notified yet", "{} is not notified yet"),
}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
