"""What findings ask for beyond attention: caps are halved, parties are suspended; done once each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from pratique.custody.entries import caps_entry
from pratique.custody.model import Lease, Scope, ScopeId, ScopeState
from pratique.custody.scopes import lease_scope
from pratique.custody.sizes import human_bytes
from pratique.doors.cli.custody_desk import CustodyDesk
from pratique.doors.cli.party_desk import PartyDesk
from pratique.doors.cli.stores import operator
from pratique.edge.custody.drawn_ids import draw_hold_id
from pratique.errors import PratiqueError
from pratique.parties.model import Action, Finding, FindingState, SuspensionScope
from pratique.parties.suspension import Ask
from pratique.store.custody import CustodyStore, open_custody
from pratique.values.counting import counted
from pratique.values.instants import Instant

_NAMED: Final = 10


class Act(NamedTuple):
    """What is proposed for a party, or was done."""

    party: str
    action: Action
    findings: tuple[str, ...]
    done: bool
    how: str
    """What was done, or the command that does it."""

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "party": self.party,
            "action": self.action.value,
            "findings": list(self.findings),
            "done": self.done,
            "how": self.how,
        }

    def line(self) -> str:
        """For a person."""
        word = "done" if self.done else "proposed"
        more = len(self.findings) - _NAMED
        names = ", ".join(self.findings[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"{word}: {self.action.value} {self.party} because of {names}: {self.how}"


def proposed(desk: PartyDesk, findings: Iterable[Finding]) -> list[Act]:
    """What open findings ask for, and nobody did yet."""
    return [
        Act(party, action, ids, done=False, how=_command(party, action, listed))
        for party, action, ids, listed in _asked(desk, findings)
    ]


def act_on(desk: PartyDesk, findings: Iterable[Finding], *, now: Instant) -> list[Act]:
    """Do what open findings ask for. A finding is acted on once, while it stays open."""
    acts: list[Act] = []
    for party, action, ids, listed in _asked(desk, findings):
        if action is Action.PAUSE:
            acts.append(_pause(desk, party, ids, listed, now=now))
        else:
            how = _narrow(desk, party, ids, now=now)
            acts.append(Act(party, action, ids, done=bool(how), how=how or _NOTHING_TO_CAP))
    return acts


_NOTHING_TO_CAP: Final = "it has no leases and no caps, so there is nothing to halve"
_Asked = tuple[str, Action, tuple[str, ...], list[Finding]]


def _asked(desk: PartyDesk, findings: Iterable[Finding]) -> Iterator[_Asked]:
    """By party the strongest action that an open finding asks for; what is unknown asks for none."""
    grouped: dict[tuple[str, Action], list[Finding]] = {}
    acted = _acted(desk)
    for one in findings:
        wants = one.state is FindingState.OPEN and not one.found.unknown
        if wants and one.found.action is not Action.ALERT and one.id not in acted:
            grouped.setdefault((one.found.party, one.found.action), []).append(one)
    for (party, action), listed in sorted(grouped.items()):
        stands = bool(desk.register.standing(party))
        if stands or (action is Action.NARROW and (party, Action.PAUSE) in grouped):
            continue  # it is, or will be, stopped altogether
        yield party, action, tuple(one.id for one in listed), listed


def _acted(desk: PartyDesk) -> frozenset[str]:
    """Findings on which somebody acted since they opened: caps and suspensions name them."""
    presence = desk.stores.presence
    told = [
        (str(event.body.get("reason", "")), event.at)
        for event in presence.events("scope")
        if event.body.get("changed") == "caps"
    ]
    told += [(one.reason, one.at) for one in desk.register.suspensions.values()]
    acted: dict[str, Instant] = {}
    for reason, at in told:
        for word in reason.split():
            if word.startswith("F-"):
                id_ = word.strip(",:")
                acted[id_] = max(at, acted.get(id_, at))
    if not acted:
        return frozenset()
    opened: dict[str, Instant] = {}
    before: dict[str, str] = {}
    for event in presence.events("finding"):
        id_, state = event.subject.partition(":")[2], str(event.body.get("state", ""))
        if state == FindingState.OPEN and before.get(id_, FindingState.CLOSED) != FindingState.OPEN:
            opened[id_] = event.at
        before[id_] = state
    return frozenset(id_ for id_, at in acted.items() if id_ in opened and at >= opened[id_])


def _command(party: str, action: Action, listed: Sequence[Finding]) -> str:
    if action is Action.PAUSE:
        return f"pratique party suspend {party} --reason '{_reason(listed)}'"
    return f"pratique party check {party} --act halves what is left of its caps"


def _reason(listed: Sequence[Finding]) -> str:
    names = " ".join(one.id for one in listed[:_NAMED])
    return f"{names}: {listed[0].found.rule}"


def _pause(
    desk: PartyDesk, party: str, ids: tuple[str, ...], listed: Sequence[Finding], *, now: Instant
) -> Act:
    """Suspend the party, as `pratique party suspend` does it; where that cannot be, say what to run."""
    from pratique.doors.cli.party_suspend import make_plan, put_into_force  # noqa: PLC0415 - rarely done

    ask = Ask(
        id=draw_hold_id(),
        scope=SuspensionScope(party=party),
        reason=_reason(listed),
        incident="",
        conditions=(),
        by=operator(),
    )
    with closing(open_custody(desk.stores.settings)) as custody:
        stores = CustodyDesk(stores=desk.stores, custody=custody)
        try:
            plan = make_plan(stores, desk.register, ask, now)
            _, warnings = put_into_force(stores, plan, now)
        except PratiqueError as error:
            how = f"could not be done ({error.message}): {_command(party, Action.PAUSE, listed)}"
            return Act(party, Action.PAUSE, ids, done=False, how=how)
    told = "; ".join(
        (f"suspension {ask.id}, {counted(len(plan.leases), 'lease')} stopped", *warnings)
    )
    return Act(party, Action.PAUSE, ids, done=True, how=told)


# ── halving ──────────────────────────────────────────────────────────────────────────────────


def _narrow(desk: PartyDesk, party: str, ids: Sequence[str], *, now: Instant) -> str:
    """Halve what is left of the party's caps; gives what was done, empty when there is nothing."""
    reason = f"{' '.join(ids[:_NAMED])}: caps are halved because of findings"
    with closing(open_custody(desk.stores.settings)) as custody:
        caps = dict(halved(custody.scopes(), _leases(custody, party, now), party))
        told = []
        for scope, cap in caps.items():
            told.append(_set_cap(desk, custody, scope, cap, reason=reason, now=now))
        return "; ".join(told)


def _leases(custody: CustodyStore, party: str, now: Instant) -> list[Lease]:
    return [one for one in custody.leases() if one.vendor == party and one.not_after > now]


def halved(
    scopes: Iterable[Scope], leases: Iterable[Lease], party: str
) -> Iterator[tuple[ScopeId, int]]:
    """New caps of a vendor's scopes, in bytes: what was reserved, and half of what is left.

    A vendor without any cap gets one, over half of what its leases may still disclose.
    """
    known = {one.id: one for one in scopes}
    own = ScopeId(f"vendor:{party}")
    mine = [
        one for one in known.values() if one.id == own or one.id.startswith(f"project:{party}/")
    ]
    capped = [one for one in mine if one.cap_bytes is not None]
    for one in sorted(capped, key=lambda scope: scope.id):
        left = max(0, (one.cap_bytes or 0) - one.reserved_bytes)
        if left:
            yield one.id, one.reserved_bytes + left // 2
    if capped:
        return
    left = sum(_left(lease, known) for lease in leases)
    if left and own in known:
        yield own, known[own].reserved_bytes + left // 2


def _left(lease: Lease, known: dict[ScopeId, Scope]) -> int:
    scope = known.get(lease_scope(lease.id))
    if scope is None or scope.state is ScopeState.ENDED:
        return 0
    cap = lease.budget_bytes if scope.cap_bytes is None else scope.cap_bytes
    return max(0, cap - scope.reserved_bytes)


def _set_cap(
    desk: PartyDesk,
    custody: CustodyStore,
    scope: ScopeId,
    cap: int,
    *,
    reason: str,
    now: Instant,
) -> str:
    """The ledger, then the state that doors read, as `pratique scope cap` does it."""
    before = custody.scope(scope)
    if before is None:
        return f"{scope} is gone"
    draft = caps_entry(
        before,
        cap_bytes=cap,
        cap_objects=before.cap_objects,
        reason=reason,
        epoch=custody.epoch(),
        actor=operator(),
    )
    entry = desk.stores.record(draft, now=now)
    custody.set_caps(scope, cap_bytes=cap, cap_objects=before.cap_objects, entry=entry)
    was = "no cap" if before.cap_bytes is None else human_bytes(before.cap_bytes)
    return f"{scope} from {was} to {human_bytes(cap)} (entry {entry})"
