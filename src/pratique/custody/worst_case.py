"""The number that consoles print: what could still leave if everybody were in the wrong hands now.

An upper bound: the smallest of what vendors' trees, clients and datasets let through, each of which
holds by itself. The true number may be smaller, never larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.custody.budget import rest_bytes
from pratique.custody.certificate import micros
from pratique.custody.model import Lease, Scope, ScopeId, ScopeState, Verb
from pratique.custody.roles import Role
from pratique.custody.scopes import dataset_scope, selected_scopes
from pratique.values.instants import Instant

_BOUNDLESS: Final = 1 << 80
"""More than any budget: how often people may log in is not limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Somebody who may still disclose something."""

    id: ScopeId
    chain: tuple[ScopeId, ScopeId, ScopeId, ScopeId]
    """Holder, project, vendor, client."""
    datasets: tuple[ScopeId, ...]
    amount: int


def worst_case(scopes: Iterable[Scope], leases: Iterable[Lease]) -> int:
    """Bytes that could still leave if every one of these leases were in the wrong hands now.

    What is left of each lease, added up under the nested caps of holders, projects, vendors, clients
    and datasets. A suspended or ended scope gives nothing, nor does a lease that does not read. Callers
    leave out leases that have expired.
    """
    known = {scope.id: scope for scope in scopes}
    return _bound(known, [_claim_of(lease, known) for lease in leases])


def worst_with_logins(
    scopes: Iterable[Scope], leases: Iterable[Lease], roles: Iterable[Role], *, now: Instant
) -> int | None:
    """As `worst_case`, with everybody who could still log in by a role; None: nothing bounds that.

    How many may log in is not limited, so a role is worth what is left of its project, vendor, client or
    datasets; a cap on one of these is what bounds it.
    """
    known = {scope.id: scope for scope in scopes}
    claims = [_claim_of(lease, known) for lease in leases]
    claims += [_claim_of_role(role) for role in roles if _open(role, now)]
    bound = _bound(known, claims)
    return bound if bound < _BOUNDLESS else None


def boundless_roles(
    scopes: Iterable[Scope], roles: Iterable[Role], *, now: Instant
) -> tuple[str, ...]:
    """Names of roles that no cap bounds."""
    known = {scope.id: scope for scope in scopes}
    return tuple(
        sorted(
            role.name
            for role in roles
            if _open(role, now) and _bound(known, [_claim_of_role(role)]) >= _BOUNDLESS
        )
    )


def _open(role: Role, now: Instant) -> bool:
    return role.terms.until_us > micros(now) and Verb.READ in role.terms.verbs


def _claim_of(lease: Lease, known: Mapping[ScopeId, Scope]) -> _Claim:
    own, holder, project, vendor, client = lease.scopes
    reads = lease.budget_bytes if Verb.READ in lease.verbs else 0
    return _Claim(
        id=own,
        chain=(holder, project, vendor, client),
        datasets=selected_scopes(lease),
        amount=_open_bytes(known.get(own), reads),
    )


def _claim_of_role(role: Role) -> _Claim:
    terms = role.terms
    _, _, project, vendor, client = terms.scopes
    return _Claim(
        id=ScopeId(f"role:{role.name}"),
        chain=(ScopeId(f"holder:role:{role.name}"), project, vendor, client),
        datasets=tuple(dataset_scope(name) for name in sorted(terms.datasets)),
        amount=_BOUNDLESS,
    )


def _bound(known: Mapping[ScopeId, Scope], claims: Sequence[_Claim]) -> int:
    """The smallest of three bounds, which all hold at once."""
    own = {claim.id: _within_datasets(known, claim) for claim in claims}
    return min(
        _by_vendors(known, claims, own),
        _grouped(known, {claim.id: claim.chain[3] for claim in claims}, own),
        _grouped(
            known,
            # A lease on several datasets is not divided among them: it stands for itself.
            {one.id: one.datasets[0] if len(one.datasets) == 1 else one.id for one in claims},
            own,
        ),
    )


def _within_datasets(known: Mapping[ScopeId, Scope], claim: _Claim) -> int:
    """What a claim's datasets let through together."""
    through = sum(_open_bytes(known.get(one), claim.amount) for one in claim.datasets)
    return min(claim.amount, through)


def _by_vendors(
    known: Mapping[ScopeId, Scope], claims: Sequence[_Claim], own: Mapping[ScopeId, int]
) -> int:
    parents: dict[ScopeId, ScopeId] = {}
    for claim in claims:
        parents.update(zip((claim.id, *claim.chain), claim.chain[:3], strict=False))
    sums = dict(own)
    for _ in ("holder", "project", "vendor"):
        above: dict[ScopeId, int] = {}
        for below, amount in sums.items():
            above[parents[below]] = above.get(parents[below], 0) + amount
        sums = {scope: _open_bytes(known.get(scope), amount) for scope, amount in above.items()}
    return sum(sums.values())


def _grouped(
    known: Mapping[ScopeId, Scope], groups: Mapping[ScopeId, ScopeId], own: Mapping[ScopeId, int]
) -> int:
    raw: dict[ScopeId, int] = {}
    for claim, amount in own.items():
        raw[groups[claim]] = raw.get(groups[claim], 0) + amount
    return sum(_open_bytes(known.get(scope), amount) for scope, amount in raw.items())


def _open_bytes(scope: Scope | None, amount: int) -> int:
    """What of an amount a scope lets through."""
    if scope is None:
        return amount
    if scope.state is not ScopeState.LIVE:
        return 0
    rest = rest_bytes(scope)
    return amount if rest is None else min(amount, rest)
