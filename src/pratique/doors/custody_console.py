"""What the console shows of custody, and how it suspends, put together from the stores.

Called in worker threads. The order of a suspension is that of `pratique scope suspend`: ledger, then the
state that doors read, then the broker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from pratique.custody.budget import in_hand
from pratique.custody.granting import check_reason
from pratique.custody.holds import idle_refusal
from pratique.custody.model import Dataset, Hold, Lease, Scope, ScopeId, ScopeState
from pratique.custody.scopes import (
    dataset_scope,
    describe_scope,
    lease_scope,
    parse_scope,
    selected_scopes,
    state_refusal,
)
from pratique.custody.worst_case import boundless_roles, worst_case, worst_with_logins
from pratique.doors.console.custody_values import (
    CustodyView,
    DatasetRow,
    DrillRow,
    LeaseRow,
    RefusedRow,
    ScopeRow,
)
from pratique.doors.scope_changes import change_scope, check_change
from pratique.errors import InputError
from pratique.ledger.store import LogStore
from pratique.store.custody import CustodyStore
from pratique.store.custody_heal import heal_custody
from pratique.store.presence import PresenceStore
from pratique.values.instants import Clock, Instant, render_instant, render_minute

_LEASES_SHOWN: Final = 200
_REFUSALS_SHOWN: Final = 20
_DRILLS_SHOWN: Final = 10
_DEPTHS: Final = {"client": 0, "vendor": 0, "project": 1, "holder": 2}

TellBroker = Callable[[ScopeId, ScopeState, str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyConsole:
    """Answers the console's questions about custody."""

    open_state: Callable[[], CustodyStore]
    """Opened for each answer: most index doors never show the page."""
    presence: PresenceStore
    ledger: LogStore
    clock: Clock
    tell_broker: TellBroker
    """Lets the broker refuse by itself; gives what is wrong if it cannot be told."""

    def view(self) -> CustodyView:
        """Everything as of now."""
        now = self.clock()
        self.presence.catch_up()
        with closing(self.open_state()) as state:
            heal_custody(state, self.presence)
            scopes = {scope.id: scope for scope in state.scopes()}
            leases = [one for one in state.leases() if one.not_after > now]
            datasets = state.datasets()
            held, holds, roles = state.held(), state.standing_holds(), state.roles()
        living = [one for one in leases if not _ended(one, scopes)]
        moving = [one for one in leases if idle_refusal(holds, one) is None]
        return CustodyView(
            at=render_minute(now),
            worst_bytes=worst_case(scopes.values(), moving),
            logins_bytes=worst_with_logins(scopes.values(), moving, roles, now=now),
            boundless_roles=boundless_roles(scopes.values(), roles, now=now),
            in_hand_bytes=in_hand(held, scopes.values(), moving),
            datasets=tuple(_dataset_row(one, scopes, living) for one in datasets),
            leases=tuple(
                _lease_row(one, scopes, holds, now) for one in living[-_LEASES_SHOWN:][::-1]
            ),
            leases_more=max(0, len(living) - _LEASES_SHOWN),
            scopes=_tree(scopes, living),
            refusals=tuple(self._refusals()),
            drills=tuple(self._drills()),
        )

    def change(self, scope: str, *, live: bool, reason: str, incident: str, actor: str) -> str:
        """Suspend or resume; a sentence on what was done. Raises: InputError, UnavailableError."""
        now = self.clock()
        words = check_reason(reason)
        label = check_reason(incident) if incident.strip() and not live else ""
        target, wanted = parse_scope(scope), ScopeState.LIVE if live else ScopeState.SUSPENDED
        self.presence.catch_up()
        with closing(self.open_state()) as state:
            heal_custody(state, self.presence)
            found = state.scope(target)
            if found is None:
                raise InputError(f"no scope {target!r}: no lease or dataset has made it")
            check_change(found, wanted)
            entry = change_scope(
                state, self.ledger, found, wanted,
                reason=words, incident=label, actor=actor, now=now,
            )  # fmt: skip
            warning = self.tell_broker(target, wanted, words, label)
        done = "Resumed" if live else "Suspended"
        told = f"{done} {describe_scope(target)}, ledger entry {entry}."
        return f"{told} {warning}" if warning else told

    def _refusals(self) -> Sequence[RefusedRow]:
        rows = []
        for event in self.presence.recent_events("read-refused", _REFUSALS_SHOWN):
            body: Mapping[str, Any] = event.body
            rows.append(
                RefusedRow(
                    at=render_instant(event.at),
                    subject=event.subject,
                    stop=str(body.get("stop", "")),
                    sentence=str(body.get("sentence", "")),
                    count=int(body.get("count", 0)),
                )
            )
        return rows

    def _drills(self) -> Sequence[DrillRow]:
        return [
            DrillRow(
                at=render_instant(event.at),
                scope=event.subject.removeprefix("scope:"),
                streams=int(event.body.get("streams", 0)),
                nodes=int(event.body.get("nodes", 0)),
                p50_ms=int(event.body.get("p50_ms", 0)),
                p99_ms=int(event.body.get("p99_ms", 0)),
                bytes_after_max=int(event.body.get("bytes_after_max", 0)),
                entry=event.sequence,
            )
            for event in self.presence.recent_events("revocation-drill", _DRILLS_SHOWN)
        ]


def _ended(lease: Lease, scopes: Mapping[ScopeId, Scope]) -> bool:
    own = scopes.get(lease_scope(lease.id))
    return own is not None and own.state is ScopeState.ENDED


def _stopped(names: Sequence[ScopeId], scopes: Mapping[ScopeId, Scope]) -> bool:
    return any(one in scopes and scopes[one].state is not ScopeState.LIVE for one in names)


def _dataset_row(
    one: Dataset, scopes: Mapping[ScopeId, Scope], living: Sequence[Lease]
) -> DatasetRow:
    own = dataset_scope(one.name)
    if one.shredded_at is not None:
        state = "shredded"
    elif _stopped((own, ScopeId(f"client:{one.client}")), scopes):
        state = "suspended"
    else:
        state = "sealed" if one.sealed else "live"
    return DatasetRow(
        name=one.name,
        client=one.client,
        classification=one.classification,
        version=one.version,
        state=state,
        leases=sum(own in selected_scopes(lease) for lease in living),
    )


def _lease_row(
    one: Lease, scopes: Mapping[ScopeId, Scope], holds: Sequence[Hold], now: Instant
) -> LeaseRow:
    own = scopes.get(lease_scope(one.id))
    state = "not-yet" if now < one.not_before else "living"
    cap = own.cap_bytes if own is not None else None
    objects = own.cap_objects if own is not None else None
    return LeaseRow(
        id=one.id,
        holder=one.holder,
        vendor=one.vendor,
        project=one.project,
        client=one.client,
        state="suspended" if _stopped(one.scopes, scopes) or idle_refusal(holds, one) else state,
        used_bytes=own.reserved_bytes if own is not None else 0,
        budget_bytes=one.budget_bytes if cap is None else cap,
        used_objects=own.reserved_objects if own is not None else 0,
        budget_objects=one.budget_objects if objects is None else objects,
        not_after=render_minute(one.not_after),
        selectors=one.selectors,
    )


def _tree(scopes: Mapping[ScopeId, Scope], living: Sequence[Lease]) -> tuple[ScopeRow, ...]:
    """Clients first, then vendors with their projects and holders below them."""
    shown = [one for one in scopes.values() if one.id.partition(":")[0] in _DEPTHS]

    def place(one: Scope) -> tuple[bool, list[str]]:
        kind, _, rest = one.id.partition(":")
        return kind != "client", rest.split("/")

    rows = []
    for one in sorted(shown, key=place):
        refusal = state_refusal(one)
        rows.append(
            ScopeRow(
                id=one.id,
                depth=_DEPTHS[one.id.partition(":")[0]],
                state=one.state.value,
                told="" if refusal is None else refusal.sentence,
                leases=sum(one.id in lease.scopes for lease in living),
                given_bytes=one.reserved_bytes,
                cap_bytes=one.cap_bytes,
            )
        )
    return tuple(rows)
