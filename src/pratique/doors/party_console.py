"""What the console shows of parties, and how it suspends, put together from the stores.

Called in worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.custody.granting import check_reason
from pratique.custody.model import Hold, HoldKind, Lease
from pratique.doors.console.party_values import (
    ClockRow,
    FaultRow,
    FindingRow,
    PartiesView,
    PartyRow,
    PartyView,
    PromiseRow,
    Stopping,
    SuspensionRow,
    Told,
)
from pratique.doors.party_stops import brief_plan, make_plan, put_into_force
from pratique.edge.custody.drawn_ids import draw_hold_id
from pratique.errors import InputError
from pratique.index.ports import TokenRecord
from pratique.ledger.store import LogStore
from pratique.parties.checks import CHECKS
from pratique.parties.checks.rule import Need
from pratique.parties.model import (
    Finding,
    FindingState,
    Party,
    PartyKind,
    Received,
    Register,
    Severity,
    Suspension,
    SuspensionScope,
)
from pratique.parties.profile import Line, observed_lines, profile_of
from pratique.parties.suspension import Ask, SuspensionPlan, scope_words
from pratique.store.custody import CustodyStore
from pratique.store.custody_heal import heal_custody
from pratique.store.parties import read_register
from pratique.store.party_checks import CheckDesk
from pratique.store.presence import PresenceStore
from pratique.values.instants import Clock, Instant, render_instant, render_second

_FINDINGS_SHOWN: Final = 100
_NAMED: Final = 50
_WORST_FIRST: Final = tuple(Severity)[::-1]
_NEEDED: Final = frozenset({Need.CUSTODY, Need.READS, Need.DRILLS})
_SUSPENDABLE: Final = frozenset({PartyKind.VENDOR, PartyKind.CLIENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyConsole:
    """Answers the console's questions about parties."""

    open_state: Callable[[], CustodyStore]
    """Opened for each answer: most index doors never show the page."""
    presence: PresenceStore
    ledger: LogStore
    checks: CheckDesk
    tokens: Callable[[], Sequence[TokenRecord]]
    clock: Clock
    tell_broker: Callable[[Hold], str]
    """Lets the broker refuse by itself; gives what is wrong if it cannot be told."""

    def listed(self) -> PartiesView:
        """All parties as of now."""
        now = self.clock()
        register = self._register()
        with closing(self.open_state()) as state:
            leases = state.living_leases(now)
        findings = _open(register)
        return PartiesView(
            at=render_instant(now),
            parties=tuple(
                _row(register, party, leases, findings, now)
                for party in sorted(register.parties.values(), key=_place)
            ),
            findings=tuple(_finding(one) for one in findings[:_FINDINGS_SHOWN]),
            findings_more=max(0, len(findings) - _FINDINGS_SHOWN),
            suspensions=tuple(
                _suspension(one) for one in register.suspensions.values() if one.lifted_at is None
            ),
            unreadable=len(register.unreadable),
        )

    def show(self, name: str) -> PartyView | None:
        """One party; None: the register has none of this name."""
        register = self._register()
        return self._view(register, name) if name in register.parties else None

    def suspend(self, name: str, form: Mapping[str, str], *, dry: bool, actor: str) -> PartyView:
        """Suspend a party, or say what that would stop. Raises: InputError, UnavailableError."""
        now = self.clock()
        ask = _ask(name, form, actor)
        register = self._register()
        with closing(self.open_state()) as state:
            heal_custody(state, self.presence)
            warnings: list[str] = []
            begun, entry = None, None
            if not dry:
                begun = brief_plan(state, self.tokens(), register, ask, now)
                entry, warnings = put_into_force(
                    state, self.ledger, begun, now, tell_broker=self.tell_broker
                )
            plan = make_plan(state, self.tokens(), register, ask, now, begun=begun)
        if dry:
            note = "Nothing was changed: this is what would stop."
        else:
            at = f", ledger entry {entry}" if entry is not None else ""
            note = f"Suspended as {plan.suspension.id}{at}."
        view = self._view(self._register(), name)
        return msgspec.structs.replace(
            view, note=" ".join((note, *warnings)), stopping=_stopping(plan, done=not dry)
        )

    def _register(self) -> Register:
        self.presence.catch_up()
        return read_register(self.presence)

    def _view(self, register: Register, name: str) -> PartyView:
        now = self.clock()
        party = register.parties[name]
        profile = profile_of(register, name, now=now, observed=self._observed(register, party, now))
        mine = [one for one in register.suspensions.values() if _stops(one, name)]
        return PartyView(
            at=render_instant(now),
            name=name,
            kind=party.kind.value,
            title=party.title,
            suspendable=party.kind in _SUSPENDABLE,
            contacts=tuple(f"{one.role}: {one.address}" for one in party.contacts),
            lines=tuple(_told(one) for one in profile.lines),
            promises=tuple(
                PromiseRow(text=one.text, basis=one.promise.basis, kept=one.kept)
                for one in profile.promises
            ),
            findings=tuple(
                _finding(one)
                for one in sorted(register.findings.values(), key=_order)
                if one.found.party == name and one.state is not FindingState.CLOSED
            ),
            suspensions=tuple(_suspension(one) for one in reversed(mine)),
            clocks=tuple(_clocks(register, name, now)),
            faulty=tuple(_fault(one) for one in profile.faulty[:_NAMED]),
            projects=tuple(
                f"{one.id} for {one.client}: {one.purpose or 'no purpose is named'}"
                for one in register.projects.values()
                if name in {one.vendor, one.client}
            ),
        )

    def _observed(self, register: Register, party: Party, now: Instant) -> list[Line]:
        checks = tuple(one for one in CHECKS if one.needs & _NEEDED)
        facts = self.checks.gather(register, checks, frozenset({party.name}), now=now)
        return list(observed_lines(facts, party, now=now))


def _ask(name: str, form: Mapping[str, str], actor: str) -> Ask:
    """What a form asks for. Raises: InputError."""
    kind = form.get("kind", "any")
    if kind not in set(HoldKind):
        raise InputError(
            f"no kind of leases: {kind[:40]!r}", expected=", ".join(one.value for one in HoldKind)
        )
    incident = form.get("incident", "").strip()
    return Ask(
        id=draw_hold_id(),
        scope=SuspensionScope(
            party=name,
            project=form.get("project", "").strip(),
            dataset=form.get("dataset", "").strip(),
            kind=HoldKind(kind),
            with_sub_processors=form.get("alone", "") != "yes",
        ),
        reason=check_reason(form.get("reason", "")),
        incident=check_reason(incident) if incident else "",
        by=actor,
    )


def _stopping(plan: SuspensionPlan, *, done: bool) -> Stopping:
    holders = list(dict.fromkeys(f"{one.holder} of {one.vendor}" for one in plan.leases))
    return Stopping(
        done=done,
        what=scope_words(plan.suspension),
        leases=len(plan.leases),
        holders=tuple(_some(holders)),
        tokens=tuple(f"{one.name} ({one.role})" for one in plan.tokens),
        work=tuple(
            f"{one.project} for {one.client}: {', '.join(one.datasets) or 'no dataset is named'}"
            for one in plan.work
        ),
        tell=tuple(
            f"{one.party}: {one.duty}"
            + (
                f" by {render_second(one.due_at)}"
                if one.due_at is not None
                else ", no clock agreed"
            )
            for one in plan.tell
        ),
    )


def _some(names: Sequence[str]) -> Iterator[str]:
    yield from names[:_NAMED]
    if len(names) > _NAMED:
        yield f"and {len(names) - _NAMED:,} more"


def _row(
    register: Register,
    party: Party,
    leases: Sequence[Lease],
    findings: Sequence[Finding],
    now: Instant,
) -> PartyRow:
    mine = [one for one in findings if one.found.party == party.name]
    promises = profile_of(register, party.name, now=now).promises
    return PartyRow(
        name=party.name,
        kind=party.kind.value,
        title=party.title,
        state="suspended" if register.standing(party.name) else "live",
        leases=sum(party.name in {one.vendor, one.client} for one in leases),
        promises_kept=sum(one.kept for one in promises),
        promises=len(promises),
        findings=len(mine),
        worst=mine[0].found.severity.value if mine else "",
        late_clocks=sum(one.late for one in _clocks(register, party.name, now)),
    )


def _place(party: Party) -> tuple[int, str]:
    return list(PartyKind).index(party.kind), party.name


def _open(register: Register) -> list[Finding]:
    found = (one for one in register.findings.values() if one.state is FindingState.OPEN)
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[bool, int, str, str]:
    found = finding.found
    return found.unknown, _WORST_FIRST.index(found.severity), found.party, found.subject


def _finding(one: Finding) -> FindingRow:
    return FindingRow(
        id=one.id,
        party=one.found.party,
        severity=one.found.severity.value,
        state=one.state.value,
        sentence=one.found.sentence,
        owner=one.owner,
        due="" if one.due_at is None else render_instant(one.due_at),
        unknown=one.found.unknown,
    )


def _stops(one: Suspension, name: str) -> bool:
    return one.scope.party == name or name in one.vendors


def _suspension(one: Suspension) -> SuspensionRow:
    lifted = ""
    if one.lifted_at is not None:
        lifted = f"{render_second(one.lifted_at)} by {one.lifted_by}: {one.lifted_reason}"
    return SuspensionRow(
        id=one.id,
        party=one.scope.party,
        what=scope_words(one),
        reason=one.reason,
        incident=one.incident,
        since=render_instant(one.at),
        leases=one.leases,
        tokens=one.tokens,
        conditions=tuple(
            f"{each.topic}{'=' + each.detail if each.detail else ''}" for each in one.conditions
        ),
        lifted=lifted,
    )


def _clocks(register: Register, name: str, now: Instant) -> Iterator[ClockRow]:
    running = (one for one in register.clocks.values() if one.party == name and one.met_at is None)
    for one in sorted(running, key=lambda clock: clock.due_at):
        yield ClockRow(
            id=one.id,
            duty=one.duty,
            basis=one.basis,
            due=render_instant(one.due_at),
            late=one.due_at < now,
        )


def _told(line: Line) -> Told:
    return Told(
        standing=line.standing.value,
        topic=line.topic,
        text=line.text,
        at="" if line.at is None else render_instant(line.at),
        entries=line.entries,
    )


def _fault(one: Received) -> FaultRow:
    evidence = one.evidence
    return FaultRow(
        at=render_instant(one.at),
        kind=evidence.kind.value,
        filename=evidence.filename,
        faults=evidence.faults or (f"its signature is {evidence.signature.value}",),
        entry=one.entry,
    )
