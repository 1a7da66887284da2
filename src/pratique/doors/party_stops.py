"""How parties are suspended: in one order, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from pratique.custody.model import Hold
from pratique.errors import UnavailableError
from pratique.index.ports import TokenRecord
from pratique.ledger.canonical import prepare
from pratique.ledger.store import LogStore
from pratique.parties.model import Register
from pratique.parties.suspension import Ask, SuspensionPlan, plan_suspension
from pratique.store.custody import CustodyStore
from pratique.store.custody_holds import begin_hold
from pratique.values.instants import Instant


def brief_plan(
    custody: CustodyStore,
    tokens: Iterable[TokenRecord],
    register: Register,
    ask: Ask,
    now: Instant,
) -> SuspensionPlan:
    """The plan of a suspension, but for the list of leases: of those alike it names one.

    Raises: InputError.
    """
    found = custody.living_terms(now)
    leases = [lease for lease, _ in found.values()]
    alike = {name: number for name, (_, number) in found.items()}
    return plan_suspension(register, leases, tokens, ask, now, alike=alike)


def make_plan(
    custody: CustodyStore,
    tokens: Iterable[TokenRecord],
    register: Register,
    ask: Ask,
    now: Instant,
    *,
    begun: SuspensionPlan | None = None,
) -> SuspensionPlan:
    """The whole plan of a suspension, as things stand, or of one that has begun. Raises: InputError."""
    plan = plan_suspension(register, custody.living_leases(now), tokens, ask, now)
    return plan if begun is None else msgspec.structs.replace(begun, leases=plan.leases)


def put_into_force(
    custody: CustodyStore,
    log: LogStore,
    plan: SuspensionPlan,
    now: Instant,
    *,
    tell_broker: Callable[[Hold], str],
) -> tuple[int | None, list[str]]:
    """Suspend; gives the entry, and what is left to be done by others.

    Order: 1. Doors refuse (`begin_hold`). 2. The entries are durable, or owed. 3. The broker refuses too.
    """
    drafts = plan.drafts()
    for draft in drafts:
        prepare(draft)  # what no ledger takes may not be in force either
    warnings = []
    entry = None
    try:
        entry = begin_hold(custody, plan.hold, drafts, lambda given: log.append(given, now=now))
    except UnavailableError as error:
        if custody.hold(plan.hold.id) is None:
            raise
        warnings.append(
            f"suspended, but the ledger does not take it now ({error.message}); "
            "the next door or command that can writes it down"
        )
    if warning := tell_broker(plan.hold):
        warnings.append(warning)
    return entry, warnings
