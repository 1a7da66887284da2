"""What a hold stops: the one predicate that doors, the key broker, grants and plans ask.

A hold names kinds of leases, never a list, so that a lease granted while it stands is stopped as
well. Several may match one lease; each is lifted by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from pratique.custody.model import Copy, Hold, HoldKind, Refusal, Stop, Verb


class Held(Protocol):
    """What is asked about: a `Lease`, or the `Terms` that the broker has of one."""

    @property
    def vendor(self) -> str:
        """Whose it is."""
        ...

    @property
    def project(self) -> str:
        """Within the vendor."""
        ...

    @property
    def client(self) -> str:
        """Whose data it reaches."""
        ...

    @property
    def selectors(self) -> tuple[str, ...]:
        """`DATASET` or `DATASET/PREFIX`."""
        ...

    @property
    def verbs(self) -> Collection[str]:
        """What it allows."""
        ...

    @property
    def copy(self) -> str:
        """Which bytes it reads."""
        ...


def stops(hold: Hold, lease: Held, dataset: str = "") -> bool:
    """Whether a standing hold stops what a lease does with a dataset.

    Without `dataset` the question is about the lease as such: a hold on one dataset stops nothing
    then, because the lease's others go on.
    """
    if hold.lifted or not _of_party(hold, lease):
        return False
    if hold.project and lease.project != hold.project:
        return False
    return (not hold.dataset or hold.dataset == dataset) and _of_kind(hold.kind, lease)


def stopped_datasets(hold: Hold, lease: Held) -> tuple[str, ...]:
    """Names of datasets that a lease selects and that the hold stops it for."""
    names = sorted({selector.partition("/")[0] for selector in lease.selectors})
    return tuple(name for name in names if stops(hold, lease, name))


def hold_refusal(hold: Hold) -> Refusal:
    """What everybody whom a hold stops is told: `lease suspended: vendor acme, INC-42`."""
    return Refusal(stop=Stop.SUSPENDED, sentence=f"lease suspended: {_told(hold)}", scope=hold.id)


def standing_refusal(holds: Iterable[Hold], lease: Held, dataset: str = "") -> Refusal | None:
    """Why a lease may do nothing with a dataset, by the oldest hold that stops it; None if none does."""
    found = [hold for hold in holds if stops(hold, lease, dataset)]
    return hold_refusal(min(found, key=_age)) if found else None


def grant_refusal(holds: Iterable[Hold], lease: Held) -> Refusal | None:
    """Why a lease may not be granted now: it would be stopped, for all or for one of its datasets."""
    found = [hold for hold in holds if stopped_datasets(hold, lease)]
    return hold_refusal(min(found, key=_age)) if found else None


def idle_refusal(holds: Iterable[Hold], lease: Held) -> Refusal | None:
    """Why a lease can do nothing at all now: each dataset that it selects is stopped for it."""
    every = tuple(holds)
    names = sorted({selector.partition("/")[0] for selector in lease.selectors})
    found = [standing_refusal(every, lease, name) for name in names]
    return found[0] if found and all(found) else None


def stops_tokens(hold: Hold, party: str) -> bool:
    """Whether a hold stops the tokens of a party: only one on everything of it does."""
    mine = hold.client == party if hold.client else party in hold.vendors
    return bool(party) and not hold.lifted and hold.whole and mine


def token_refusal(holds: Iterable[Hold], party: str) -> str:
    """Why a party's tokens work nowhere now, as a sentence; empty: they do."""
    found = [hold for hold in holds if stops_tokens(hold, party)]
    return f"token suspended: {_told(min(found, key=_age))}" if found else ""


def _of_party(hold: Hold, lease: Held) -> bool:
    return lease.client == hold.client if hold.client else lease.vendor in hold.vendors


def _of_kind(kind: HoldKind, lease: Held) -> bool:
    verbs = set(lease.verbs)
    match kind:
        case HoldKind.ANY:
            return True
        case HoldKind.READ:
            # Names of objects are data too: whoever only lists reads.
            return Verb.READ in verbs or verbs == {Verb.LIST}
        case HoldKind.WRITE:
            return not verbs.isdisjoint({Verb.WRITE, Verb.DELETE})
        case HoldKind.CANONICAL:
            return lease.copy == Copy.CANONICAL
        case HoldKind.MARKED:
            return lease.copy == Copy.MARKED


def _age(hold: Hold) -> tuple[object, str]:
    return hold.since, hold.id


def _told(hold: Hold) -> str:
    where = (
        f"project {hold.project}" if hold.project else "",
        f"dataset {hold.dataset}" if hold.dataset else "",
    )
    return ", ".join(word for word in (hold.party, *where, hold.reason, hold.incident) if word)
