"""Leases, scopes and coverage (`custody.ports.LeaseState`), written once for both dialects.

The budget of a lease is the cap of its own scope, so that `set_caps` of `lease:ID` is the one way
to change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pratique.custody.model import Lease, LeaseId, ObjectId, Scope, ScopeId, ScopeState
from pratique.custody.ports import Changes
from pratique.custody.scopes import lease_scope
from pratique.errors import InputError
from pratique.store.connect import Database
from pratique.store.custody_holds import HoldTables, hold_of
from pratique.store.custody_rows import lease_of, lease_values, scope_of
from pratique.store.custody_tree import Caps, add_scopes, find_scope, mark_changed, set_state
from pratique.values.instants import Instant
from pratique.values.spans import to_micros


class LeaseTables(HoldTables):
    """Everything of `LeaseState` but handing out slabs. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        HoldTables.__init__(self, database)

    # ── the tree ─────────────────────────────────────────────────────────────────────────────

    def epoch(self) -> int:
        """Grows with every suspension, resumption, revocation, change of caps, and new scope."""
        return int(self._database.fetch("read_custody_epoch")[0][0])

    def changes(self, after: int) -> Changes:
        """Scopes and holds that changed since `after`, with the epoch that this answer is of."""
        with self._database.snapshot() as session:
            epoch = int(session.run("read_custody_epoch")[0][0])
            if epoch == after:  # every change raises it, in its own transaction
                return Changes(epoch=epoch, scopes=())
            rows = session.run("list_changed_scopes", after=after)
            held = session.run("list_changed_holds", after=after)
        scopes = tuple(scope_of(row) for row in rows)
        return Changes(epoch=epoch, scopes=scopes, holds=tuple(hold_of(row) for row in held))

    def scope(self, scope: ScopeId) -> Scope | None:
        """One scope."""
        rows = self._database.fetch("find_scope", id=scope)
        return scope_of(rows[0]) if rows else None

    def scopes(self) -> Sequence[Scope]:
        """All scopes by id."""
        found = (scope_of(row) for row in self._database.fetch("list_scopes"))
        return tuple(sorted(found, key=lambda one: one.id))

    def set_state(
        self, scope: ScopeId, state: ScopeState, *, reason: str, incident: str, entry: int = -1
    ) -> Scope | None:
        """Suspend, resume or end; None when there is no such scope. An ended one stays ended.

        `entry`: sequence of the ledger entry that says so, after which older ones have no force.
        """
        with self._database.write() as session:
            set_state(session, scope, state, reason=reason, incident=incident, entry=entry)
            return find_scope(session, scope)

    def set_caps(
        self, scope: ScopeId, *, cap_bytes: int | None, cap_objects: int | None, entry: int = -1
    ) -> Scope:
        """Set a scope's caps; makes the scope where there is none.

        Raises: InputError for a negative cap, and for a lease without one: its cap is its budget.
        """
        caps = (cap_bytes, cap_objects)
        if any(cap is not None and cap < 0 for cap in caps):
            raise InputError("a cap below 0", expected="0 or more")
        if scope.startswith("lease:") and None in caps:
            raise InputError("a lease without a budget", expected="a cap of bytes and of objects")
        with self._database.write() as session:
            add_scopes(session, {scope: caps})
            values = {"cap_bytes": cap_bytes, "cap_objects": cap_objects}
            if session.run("set_scope_caps", id=scope, entry=entry, **values):
                mark_changed(session, [scope])
            found = find_scope(session, scope)
        assert found is not None
        return found

    def restore_state(
        self,
        scope: ScopeId,
        state: ScopeState,
        *,
        reason: str,
        incident: str,
        caps: Caps,
        entry: int,
    ) -> bool:
        """Put a ledger entry into force; False when it, or a later one, is in force already.

        A scope that is not there is made, so that whoever comes to it later finds it so.
        """
        if self._rules(scope, entry, caps=False):
            return False
        caps = _budget(scope, caps)
        with self._database.write() as session:
            add_scopes(session, {scope: caps})
            return set_state(session, scope, state, reason=reason, incident=incident, entry=entry)

    def restore_caps(self, scope: ScopeId, caps: Caps, *, entry: int) -> bool:
        """As `restore_state`, for caps."""
        if self._rules(scope, entry, caps=True):
            return False
        caps = _budget(scope, caps)
        values = {"cap_bytes": caps[0], "cap_objects": caps[1]}
        with self._database.write() as session:
            add_scopes(session, {scope: caps})
            changed = session.run("set_scope_caps", id=scope, entry=entry, **values)
            if changed:
                mark_changed(session, [scope])
        return bool(changed)

    def _rules(self, scope: ScopeId, entry: int, *, caps: bool) -> bool:
        """Whether an entry, or a later one, is in force."""
        rows = self._database.fetch("find_scope_entries", id=scope)
        return bool(rows) and (rows[0][2] == "ended" or rows[0][1 if caps else 0] >= entry)

    def unlogged(self) -> Sequence[Scope]:
        """Scopes that a rule suspended and whose entry is not known to be in the ledger."""
        return tuple(scope_of(row) for row in self._database.fetch("list_unlogged_scopes"))

    def mark_logged(self, scope: Scope, *, entry: int) -> None:
        """The entry of a suspension by rule is durable; one that changed since stays unlogged."""
        with self._database.write() as session:
            epoch = scope.changed_epoch
            session.run("mark_scope_logged", id=scope.id, entry=entry, epoch=epoch)

    # ── leases ───────────────────────────────────────────────────────────────────────────────

    def lease(self, lease_id: LeaseId) -> Lease | None:
        """The lease, ended ones included."""
        rows = self._database.fetch("find_lease", id=lease_id)
        return lease_of(rows[0]) if rows else None

    def leases(self) -> Sequence[Lease]:
        """All leases, oldest first."""
        found = (lease_of(row) for row in self._database.fetch("list_leases"))
        return tuple(sorted(found, key=lambda one: (one.granted_at, one.id)))

    def living_leases(self, now: Instant) -> Sequence[Lease]:
        """Leases that have neither expired nor ended, by id."""
        rows = self._database.fetch("list_living_leases", now=to_micros(now))
        return tuple(lease_of(row) for row in rows)

    def living_terms(self, now: Instant) -> Mapping[LeaseId, tuple[Lease, int]]:
        """One living lease for each set of terms that holds look at, and how many have them.

        Ten thousand leases of a vendor have a few such sets: who suspends does not wait for a list.
        """
        rows = self._database.fetch("list_living_terms", now=to_micros(now))
        return {LeaseId(row[0]): (lease_of(row[:-1]), int(row[-1])) for row in rows}

    def add_lease(self, lease: Lease) -> None:
        """Store a lease and those of its scopes that do not exist yet.

        A scope `lease:ID` that is there already keeps its state and cap: somebody has revoked the
        lease before it was stored. Raises: InputError when the id is taken.
        """
        own, *wider = lease.scopes
        with self._database.write() as session:
            if not session.run("add_lease", **lease_values(lease)):
                raise InputError(f"there is a lease {lease.id} already")
            add_scopes(
                session,
                {
                    own: (lease.budget_bytes, lease.budget_objects),
                    **dict.fromkeys(wider, (None, None)),
                },
            )

    def set_certificate(self, lease_id: LeaseId, certificate: bytes) -> None:
        """Replace the broker's statement after it certified the lease's new terms."""
        scope = lease_scope(lease_id)
        with self._database.write() as session:
            session.run("lock_scopes", ids=[scope])
            session.run("set_certificate", id=lease_id, certificate=certificate)
            mark_changed(session, [scope])

    # ── coverage ─────────────────────────────────────────────────────────────────────────────

    def coverage(self, lease: LeaseId, objects: Iterable[ObjectId]) -> Mapping[ObjectId, bytes]:
        """Bitmaps of segments that the lease has paid for; segment 0 is bit 0 of byte 0."""
        rows = self._database.fetch("list_coverage", lease=lease, objects=list(objects))
        return {ObjectId(object_id): bytes(bitmap) for object_id, bitmap in rows}

    def all_coverage(self, lease: LeaseId) -> Mapping[ObjectId, bytes]:
        """Bitmaps of everything that a lease has paid for anything of, by object id."""
        rows = self._database.fetch("list_lease_coverage", lease=lease)
        return {ObjectId(object_id): bytes(bitmap) for object_id, bitmap in rows}

    def add_coverage(self, lease: LeaseId, bitmaps: Mapping[ObjectId, bytes]) -> None:
        """Merge (or) segments that were paid for. Lost ones are paid for again."""
        ids = sorted(bitmaps)
        if not ids:
            return
        with self._database.write(durable=False) as session:
            session.run_many(
                "add_empty_coverage",
                [{"lease": lease, "object": one, "bitmap": b""} for one in ids],
            )
            stored: dict[str, bytes] = dict(
                session.run("lock_coverage", lease=lease, objects=list(ids))
            )
            rows: list[dict[str, object]] = [
                {"lease": lease, "object": one, "bitmap": _merged(bytes(stored[one]), bitmaps[one])}
                for one in ids
            ]
            session.run_many("set_coverage", rows)


def _budget(scope: ScopeId, caps: Caps) -> Caps:
    """A lease always has a budget: nothing, where an entry names none."""
    return (caps[0] or 0, caps[1] or 0) if scope.startswith("lease:") else caps


def _merged(one: bytes, other: bytes) -> bytes:
    """Both bitmaps or-ed, as long as the longer one."""
    both = int.from_bytes(one, "little") | int.from_bytes(other, "little")
    return both.to_bytes(max(len(one), len(other)), "little")
