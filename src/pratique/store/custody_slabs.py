"""Handing out budget: one transaction over the lease and everything above it.

1. Lock the scopes in their order (`custody.scopes.LEVELS`), so that nobody waits in a circle.
2. Look: states, caps, the rate's tokens, the rule of velocity.
3. Take: each scope's update repeats its cap and its state, so that even a wrong look takes nothing
   too much; then the hour, the tokens and the slab.
4. Commit durably. Only then does anybody disclose a byte.

A crash after 4 forfeits the slab: its bytes stay reserved. A crash before leaves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pratique.custody.budget import Amount, take, tokens_at
from pratique.custody.holds import standing_refusal
from pratique.custody.model import Lease, LeaseId, Refusal, Scope, ScopeId, ScopeState, Slab, Stop
from pratique.custody.scopes import scopes_of, selected_scopes, state_refusal
from pratique.custody.velocity import (
    HISTORY_HOURS,
    VelocityRule,
    hour_of,
    hourly_limit,
    is_measured,
    velocity_reason,
)
from pratique.store.connect import Database, Row, Session
from pratique.store.custody_holds import hold_of
from pratique.store.custody_rows import scope_of
from pratique.store.custody_tree import set_state
from pratique.store.errors import StoreDamagedError
from pratique.values.instants import Instant
from pratique.values.spans import to_micros


@dataclass(frozen=True, slots=True)
class _Ask:
    """What one call of `reserve` wants."""

    lease: Lease
    need: Amount
    want_bytes: int
    now: Instant


class SlabTables:
    """`reserve` and `settle` of `LeaseState`. Safe to call from any thread."""

    def __init__(self, database: Database, *, velocity: VelocityRule) -> None:
        self._database = database
        self._velocity = velocity

    def reserve(
        self,
        lease: Lease,
        *,
        need_bytes: int,
        need_objects: int,
        want_bytes: int,
        now: Instant,
        dataset: str = "",
    ) -> Slab | Refusal:
        """Take budget from the lease and every scope above it, durably, in one transaction.

        Gives up to `want_bytes`, at least `need_bytes`; a refusal takes nothing from anything. With
        `dataset` the slab is for that one only, and pays to its scope; without, to those of all that
        the lease selects. Who is too fast by the rule of velocity is suspended by the same
        transaction (`unlogged` names them then).
        """
        if need_bytes < 0 or need_objects < 0 or want_bytes < 0:
            raise ValueError("a negative amount")
        need = Amount(bytes=need_bytes, objects=need_objects)
        ask = _Ask(lease, need, max(want_bytes, need_bytes), now)
        ids = scopes_of(lease, dataset)
        others = () if dataset else selected_scopes(lease)
        with self._database.write() as session:
            rows = session.run("lock_scopes", ids=[*ids, *others])
            found = [scope_of(row) for row in rows]
            # Nothing can be read of a selected dataset that is suspended, or that is not there.
            scopes = [one for one in found if one.id in ids or one.state is ScopeState.LIVE]
            refusal = _closed(scopes, ids) or _held(session, lease, dataset)
            return refusal if refusal is not None else self._look(session, ask, rows, scopes)

    def _look(
        self, session: Session, ask: _Ask, rows: Sequence[Row], scopes: Sequence[Scope]
    ) -> Slab | Refusal:
        bucket = tokens_at(
            kept=rows[0][9],
            kept_at=rows[0][10],
            now=to_micros(ask.now),
            rate=ask.lease.rate,
            need=ask.need.bytes,
        )
        tokens = None if bucket is None else bucket[0]
        amount = take(
            scopes, need=ask.need, want_bytes=ask.want_bytes, tokens=tokens, rate=ask.lease.rate
        )
        if isinstance(amount, Refusal):
            return amount
        amount, too_fast = self._slowed(session, ask, scopes, amount)
        if too_fast is not None:
            return too_fast
        if bucket is not None:
            left = bucket[0] - amount.bytes
            session.run("keep_tokens", id=scopes[0].id, bucket_bytes=left, bucket_at=bucket[1])
        return _hand_out(session, ask, scopes, amount)

    def _slowed(
        self, session: Session, ask: _Ask, scopes: Sequence[Scope], amount: Amount
    ) -> tuple[Amount, Refusal | None]:
        """The amount within every hour's limit, or the suspension of who asks."""
        hour = hour_of(ask.now)
        for scope in scopes:
            if self._velocity.factor <= 0 or not is_measured(scope.id):
                continue
            rows = session.run("read_hour", scope=scope.id, hour=hour)
            before = int(rows[0][0]) if rows else 0
            if before + amount.bytes <= self._velocity.floor_bytes:
                continue  # no history makes the limit lower than the floor
            limit = hourly_limit(scope.id, _history(session, scope.id, hour), self._velocity)
            if limit is None or before + amount.bytes <= limit:
                continue
            if before + ask.need.bytes <= limit:
                amount = Amount(bytes=limit - before, objects=amount.objects)
                continue
            reason = velocity_reason(scope.id, hour_bytes=before + ask.need.bytes, limit=limit)
            return amount, _suspend_holder(session, scopes, reason)
        return amount, None

    def settle(self, slab: Slab, *, left_bytes: int, left_objects: int) -> None:
        """Give back what an orderly end did not use. A slab settles once."""
        if not (0 <= left_bytes <= slab.bytes and 0 <= left_objects <= slab.objects):
            raise ValueError("more is left than the slab had")
        with self._database.write() as session:
            ended = session.run("end_slab", id=slab.id, lease=slab.lease)
            if not ended:
                return
            scopes, had_bytes, had_objects, hour = ended[0]
            back = Amount(bytes=min(left_bytes, had_bytes), objects=min(left_objects, had_objects))
            if back.bytes or back.objects:
                _give_back(session, scopes.split(), back, hour)

    def held(self) -> Mapping[LeaseId, int]:
        """Bytes of slabs that did not settle: processes hold them, or died with them."""
        return {LeaseId(lease): int(total) for lease, total in self._database.fetch("sum_slabs")}


def _closed(scopes: Sequence[Scope], ids: Sequence[ScopeId]) -> Refusal | None:
    """Why nothing can be taken from these at all: one is missing, suspended or ended."""
    found = {scope.id for scope in scopes}
    for scope_id in ids:
        if scope_id not in found:
            unknown = scope_id.startswith("dataset:")
            return Refusal(
                stop=Stop.OUTSIDE if unknown else Stop.UNKNOWN_LEASE,
                sentence="there is no such dataset" if unknown else "there is no such lease",
                scope=scope_id,
            )
    return next((r for scope in scopes if (r := state_refusal(scope)) is not None), None)


def _held(session: Session, lease: Lease, dataset: str) -> Refusal | None:
    """The hold that stops it, for a door that has not heard of it yet."""
    holds = [hold_of(row) for row in session.run("list_standing_holds")]
    return standing_refusal(holds, lease, dataset) if holds else None


def _hand_out(session: Session, ask: _Ask, scopes: Sequence[Scope], amount: Amount) -> Slab:
    values = {"bytes": amount.bytes, "objects": amount.objects}
    charged = session.run("charge_scopes", ids=[scope.id for scope in scopes], **values)
    if len(charged) != len(scopes):
        # The look above ruled this out; raising takes everything back.
        raise StoreDamagedError("a scope would have been charged above its cap")
    hour = hour_of(ask.now)
    for scope in scopes:
        if is_measured(scope.id):
            session.run("add_to_hour", scope=scope.id, hour=hour, bytes=amount.bytes)
    names = " ".join(scope.id for scope in scopes)
    rows = session.run("add_slab", lease=ask.lease.id, scopes=names, hour=hour, **values)
    return Slab(id=rows[0][0], lease=ask.lease.id, bytes=amount.bytes, objects=amount.objects)


def _history(session: Session, scope: ScopeId, hour: int) -> list[int]:
    """Hours of the last seven days in which anything was handed out; older ones are dropped."""
    session.run("drop_hours", scope=scope, before=hour - 2 * HISTORY_HOURS)
    rows = session.run("list_hours", scope=scope, first=hour - HISTORY_HOURS, before=hour)
    return [int(count) for (count,) in rows]


def _suspend_holder(session: Session, scopes: Sequence[Scope], reason: str) -> Refusal:
    holder = next(scope for scope in scopes if scope.id.startswith("holder:"))
    suspended = ScopeState.SUSPENDED
    set_state(session, holder.id, suspended, reason=reason, incident="", unlogged=True)
    return Refusal(stop=Stop.SUSPENDED, sentence=f"lease {reason}", scope=holder.id)


def _give_back(session: Session, scopes: Sequence[str], back: Amount, hour: int) -> None:
    session.run("lock_scopes", ids=list(scopes))
    session.run("refund_scopes", ids=list(scopes), bytes=back.bytes, objects=back.objects)
    for scope in scopes:
        if is_measured(ScopeId(scope)):
            session.run("take_from_hour", scope=scope, hour=hour, bytes=back.bytes)
