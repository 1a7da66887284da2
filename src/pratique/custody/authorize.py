"""The one decision about a request: may this lease do this to this key, from here, now?

Asked by every path of every door, with what the process knows of lease, scopes and dataset. The
signature is checked before, budget and rate afterwards (`LeaseState.reserve`). Order of the answer:
what ends everything first, so that the sentence names the strongest reason:

1. the lease itself: revoked, suspended (it, what it hangs in, or by a hold), not yet, expired;
2. the dataset: outside the selectors, shredded, suspended (for all, or for such leases), sealed;
3. the request: network, verb, key, purpose.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pratique.custody.granting import listed_prefix, reaches, selects
from pratique.custody.holds import standing_refusal
from pratique.custody.model import (
    Dataset,
    Hold,
    Lease,
    Refusal,
    Scope,
    ScopeId,
    ScopeState,
    Stop,
    Verb,
)
from pratique.custody.scopes import dataset_scope, state_refusal
from pratique.values.instants import Instant, render_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for, as far as the decision needs it."""

    verb: Verb
    key: str
    """Object's key; for `list` the prefix."""
    address: str
    """Where it comes from, an IP address without port; empty when the transport has none."""
    purpose: str = ""
    """What the client says it is for; empty: says nothing, and means the lease's."""


def authorize(
    lease: Lease,
    scopes: Mapping[ScopeId, Scope],
    dataset: Dataset | None,
    request: Request,
    now: Instant,
    *,
    holds: Collection[Hold],
) -> Refusal | None:
    """Decide on a request; None lets it pass to the budget.

    Shape: `scopes` holds at least those of the lease and the dataset's; one that is missing cannot be
    confirmed, and refuses. `dataset` None: there is none of that name, which is told as outside, so
    that nobody learns what exists.
    """
    return (
        _by_lease(lease, scopes, holds, now)
        or _by_dataset(lease, scopes, holds, dataset)
        or _by_request(lease, request, dataset)
    )


def authorize_lease(
    lease: Lease,
    scopes: Mapping[ScopeId, Scope],
    address: str,
    now: Instant,
    *,
    holds: Collection[Hold],
) -> Refusal | None:
    """Whether a lease works at all, now and from there; for what asks about no dataset."""
    return _by_lease(lease, scopes, holds, now) or _by_network(lease, address)


def _by_network(lease: Lease, address: str) -> Refusal | None:
    if lease.networks and not _within(address, lease.networks):
        return _no(Stop.NETWORK, f"the lease does not work from {address or 'here'}", "")
    return None


def _by_lease(
    lease: Lease, scopes: Mapping[ScopeId, Scope], holds: Collection[Hold], now: Instant
) -> Refusal | None:
    # A revoked lease is told as revoked, even if its vendor is suspended besides.
    chain = lease.scopes
    refusal = _by_states(chain, scopes) or standing_refusal(holds, lease)
    if refusal is not None:
        return refusal
    if now < lease.not_before:
        return _no(Stop.NOT_YET, f"lease begins at {render_instant(lease.not_before)}", chain[0])
    return expired(lease) if now >= lease.not_after else None


def expired(lease: Lease) -> Refusal:
    """What is said once a lease has ended; also to whoever is reading at that moment."""
    return _no(
        Stop.EXPIRED, f"lease ended at {render_instant(lease.not_after)}", f"lease:{lease.id}"
    )


def _by_dataset(
    lease: Lease,
    scopes: Mapping[ScopeId, Scope],
    holds: Collection[Hold],
    dataset: Dataset | None,
) -> Refusal | None:
    if dataset is None or dataset.client != lease.client or not reaches(lease, dataset.name):
        return _no(Stop.OUTSIDE, "the lease does not cover this dataset", "")
    if dataset.shredded_at is not None:
        return _no(Stop.SHREDDED, f"dataset {dataset.name} was shredded: its key is gone", "")
    return _by_states((dataset_scope(dataset.name),), scopes) or standing_refusal(
        holds, lease, dataset.name
    )


def _by_request(lease: Lease, request: Request, dataset: Dataset | None) -> Refusal | None:
    assert dataset is not None
    refusal = _by_network(lease, request.address)
    if refusal is not None:
        return refusal
    if request.verb not in lease.verbs:
        return _no(Stop.VERB, f"the lease does not allow to {request.verb.value}", "")
    if dataset.sealed and request.verb is Verb.READ:
        sentence = f"dataset {dataset.name} is sealed: only {dataset.client} can open what is in it"
        return _no(Stop.SEALED, sentence, "")
    inside = listed_prefix if request.verb is Verb.LIST else selects
    if not inside(lease, dataset.name, request.key):
        return _no(Stop.OUTSIDE, "the lease does not cover this key", "")
    if request.purpose and request.purpose != lease.purpose:
        sentence = f"the lease is for {lease.purpose}, not for what the request says"
        return _no(Stop.OUTSIDE, sentence, "")
    return None


def _by_states(ids: Iterable[ScopeId], scopes: Mapping[ScopeId, Scope]) -> Refusal | None:
    """The first scope that stops everything; an ended one before suspended ones."""
    first = None
    for scope_id in ids:
        scope = scopes.get(scope_id)
        if scope is None:
            return _no(Stop.UNSURE, "the state of the lease cannot be confirmed", scope_id)
        state = scope.state
        if state is ScopeState.LIVE:
            continue
        if state is ScopeState.ENDED:
            return state_refusal(scope)
        first = first or state_refusal(scope)
    return first


def _no(stop: Stop, sentence: str, scope: str) -> Refusal:
    return Refusal(stop=stop, sentence=sentence, scope=scope)


@functools.lru_cache(maxsize=65_536)
def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any(
        (mapped or parsed) in network or parsed in network for network in _networks(networks)
    )


@functools.lru_cache(maxsize=4096)
def _networks(
    texts: tuple[str, ...],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
