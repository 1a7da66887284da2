"""Requests for larger budgets: one person asks, another decides."""

from __future__ import annotations

from collections.abc import Sequence

from pratique.custody.granting import BudgetRequest, RequestState
from pratique.custody.model import LeaseId
from pratique.custody.scopes import lease_scope
from pratique.store.connect import Database, Row
from pratique.store.custody_tree import mark_changed
from pratique.values.instants import Instant
from pratique.values.spans import from_micros, from_micros_or_null, to_micros


class RequestTables:
    """Requests of all leases. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def budget_requests(self) -> Sequence[BudgetRequest]:
        """All requests, oldest first."""
        return tuple(_request(row) for row in self._database.fetch("list_budget_requests"))

    def add_budget_request(self, request: BudgetRequest) -> None:
        """Store an open request; the same one again changes nothing."""
        with self._database.write() as session:
            session.run(
                "add_budget_request",
                id=request.id,
                lease=request.lease,
                budget_bytes=request.budget_bytes,
                budget_objects=request.budget_objects,
                reason=request.reason,
                asked_by=request.asked_by,
                asked_at=to_micros(request.asked_at),
                asked_token=request.asked_token,
            )

    def decide_budget_request(
        self,
        request: BudgetRequest,
        state: RequestState,
        *,
        by: str,
        at: Instant,
        certificate: bytes = b"",
        entry: int = -1,
    ) -> bool:
        """Approve or decline; False when it is not open any more.

        An approval puts the budget into force in the same transaction, with the broker's new
        statement where there is one.
        """
        scope = lease_scope(request.lease)
        with self._database.write() as session:
            decided = session.run(
                "decide_budget_request",
                id=request.id,
                state=state.value,
                decided_by=by,
                decided_at=to_micros(at),
            )
            if not decided or state is not RequestState.APPROVED:
                return bool(decided)
            session.run("lock_scopes", ids=[scope])
            session.run(
                "set_scope_caps",
                id=scope,
                cap_bytes=request.budget_bytes,
                cap_objects=request.budget_objects,
                entry=entry,
            )
            if certificate:
                session.run("set_certificate", id=request.lease, certificate=certificate)
            mark_changed(session, [scope])
        return True


def _request(row: Row) -> BudgetRequest:
    request_id, lease, size, objects, reason, asked_by, asked_at, state, by, at, token = row
    return BudgetRequest(
        id=request_id,
        lease=LeaseId(lease),
        budget_bytes=size,
        budget_objects=objects,
        reason=reason,
        asked_by=asked_by,
        asked_at=from_micros(asked_at),
        state=RequestState(state),
        decided_by=by,
        decided_at=from_micros_or_null(at),
        asked_token=token,
    )
