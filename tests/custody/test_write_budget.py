"""What a lease may store: whose cap holds, and what a budget of nothing means."""

from __future__ import annotations

import pytest

from pratique.custody.budget import Amount
from pratique.custody.model import ScopeId, Stop
from pratique.custody.write_budget import WriteLimit, write_refusal

LIMIT = WriteLimit(bytes=1000, objects=10)
LEASE, HOLDER = ScopeId("lease:PQLAAAAAAAAAAAAAAAAA"), ScopeId("holder:acme/coding/p-17")


def most(scope: ScopeId, caps: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    """The most bytes and objects that a scope stores, up to twice the installation's limit; None: more."""

    def fits(size: int, objects: int) -> bool:
        need = Amount(bytes=size, objects=objects)
        nothing = Amount(bytes=0, objects=0)
        refusal = write_refusal(scope, used=nothing, need=need, caps=caps, limit=LIMIT)
        assert refusal is None or (refusal.stop, refusal.scope) == (Stop.BUDGET, scope)
        return refusal is None

    sizes = [size for size in range(2001) if fits(size, 0)]
    counts = [objects for objects in range(21) if fits(0, objects)]
    return (None if sizes[-1] == 2000 else sizes[-1], None if counts[-1] == 20 else counts[-1])


@pytest.mark.parametrize(
    ("scope", "caps", "allowed"),
    [
        (LEASE, (500, 5), (500, 5)),
        (LEASE, (0, 0), (1000, 10)),
        (LEASE, (None, None), (1000, 10)),
        (HOLDER, (500, 5), (500, 5)),
        # A holder without a cap is bounded by its leases; one whose roles were granted nothing to read
        # has the installation's limit, however often it logs in.
        (HOLDER, (None, None), (None, None)),
        (HOLDER, (0, 0), (1000, 10)),
        (HOLDER, (500, None), (500, None)),
        (HOLDER, (None, 0), (None, 10)),
    ],
)
def test_what_a_scope_stores(
    scope: ScopeId, caps: tuple[int | None, int | None], allowed: tuple[int | None, int | None]
) -> None:
    assert most(scope, caps) == allowed


def test_what_was_stored_before_counts() -> None:
    used = Amount(bytes=600, objects=1)
    for size, refused in ((400, False), (401, True)):
        need = Amount(bytes=size, objects=1)
        found = write_refusal(LEASE, used=used, need=need, caps=(1000, 10), limit=LIMIT)
        assert (found is not None) == refused
