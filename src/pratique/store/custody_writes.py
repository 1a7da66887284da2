"""Counting what is stored under leases (`custody.write_budget`), before it arrives."""

from __future__ import annotations

from collections.abc import Sequence

from pratique.custody.budget import Amount
from pratique.custody.model import Lease, Refusal, ScopeId
from pratique.custody.write_budget import WriteLimit, write_refusal, write_scopes
from pratique.store.connect import Database, Session


class WriteTables:
    """`reserve_write` of `WriteBudgetState`. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve_write(self, lease: Lease, need: Amount, *, limit: WriteLimit) -> Refusal | None:
        """Count what is about to be stored, under the lease and its holder, all or none.

        Durable with the object at the latest, whose commit comes after it. A crash in between counts
        what was never stored: errors are against the writer.
        """
        scopes = write_scopes(lease)
        with self._database.write(durable=False) as session:
            for scope in scopes:
                session.run("add_scope_writes", scope=scope)
                (row,) = session.run("lock_scope_writes", scope=scope)
                used = Amount(bytes=int(row[0]), objects=int(row[1]))
                caps = row[2], row[3]
                refusal = write_refusal(scope, used=used, need=need, caps=caps, limit=limit)
                if refusal is not None:
                    return refusal
            _count(session, scopes, need)
        return None

    def return_write(self, lease: Lease, amount: Amount) -> None:
        """Give back what was reserved and not stored."""
        with self._database.write(durable=False) as session:
            _count(
                session, write_scopes(lease), Amount(bytes=-amount.bytes, objects=-amount.objects)
            )

    def written(self, scope: ScopeId) -> Amount:
        """What was ever stored under a scope."""
        rows = self._database.fetch("find_scope_writes", scope=scope)
        return (
            Amount(bytes=int(rows[0][0]), objects=int(rows[0][1]))
            if rows
            else Amount(bytes=0, objects=0)
        )


def _count(session: Session, scopes: Sequence[ScopeId], amount: Amount) -> None:
    for scope in scopes:
        session.run("count_scope_writes", scope=scope, bytes=amount.bytes, objects=amount.objects)
