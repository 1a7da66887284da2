"""What could still leave: datasets' caps and people who could still log in count too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kit.custody import NOON, a_lease, lease_id
from pratique.custody.certificate import certify_role, terms_of
from pratique.custody.model import Scope, ScopeId, ScopeState, Verb
from pratique.custody.roles import Role
from pratique.custody.worst_case import boundless_roles, worst_case, worst_with_logins

GIB = 1 << 30
NOW = NOON + timedelta(hours=1)


def scope(name: str, *, cap: int | None = None, used: int = 0, state: str = "live") -> Scope:
    return Scope(
        id=ScopeId(name), state=ScopeState(state), reason="", incident="", cap_bytes=cap,
        cap_objects=None, reserved_bytes=used, reserved_objects=0, changed_epoch=0,
    )  # fmt: skip


def role(name: str = "labeller", **terms: Any) -> Role:
    lease = a_lease(holder="role", budget_bytes=GIB, not_after=NOON + timedelta(days=90))
    return Role(
        name=name, certificate=certify_role(terms_of(replace(lease, **terms)), key=bytes(32)),
        issuer="idp", conditions=(), lease_seconds=3600, holder_bytes=GIB, holder_objects=10,
        added_by="operator:ana", added_at=NOON,
    )  # fmt: skip


def leases(*selectors: tuple[str, ...]) -> list[Any]:
    return [
        a_lease(id=lease_id(number), holder=f"p-{number}", selectors=chosen)
        for number, chosen in enumerate(selectors, 1)
    ]


def test_a_datasets_cap_bounds_all_leases_on_it() -> None:
    on_it = leases(("dialogs",), ("dialogs/a/",), ("dialogs",))
    assert worst_case([], on_it) == 3 * GIB
    capped = scope("dataset:dialogs", cap=2 * GIB, used=GIB // 2)
    assert worst_case([capped], on_it) == GIB + GIB // 2
    assert worst_case([scope("dataset:dialogs", state="suspended")], on_it) == 0


def test_a_lease_on_several_datasets_is_bounded_by_all_of_them_together() -> None:
    both = leases(("dialogs", "images"))
    one = scope("dataset:dialogs", cap=GIB // 4)
    assert worst_case([one], both) == GIB  # images has no cap
    two = scope("dataset:images", cap=GIB // 4)
    assert worst_case([one, two], both) == GIB // 2
    assert worst_case([one, scope("dataset:images", state="ended")], both) == GIB // 4


def test_a_lease_that_only_writes_discloses_nothing() -> None:
    writer = a_lease(verbs=frozenset({Verb.WRITE}))
    assert worst_case([], [writer]) == 0


def test_whoever_can_log_in_counts_as_much_as_the_caps_above_let_through() -> None:
    granted = leases(("dialogs",))
    assert worst_with_logins([], granted, [], now=NOW) == GIB
    assert worst_with_logins([], granted, [role()], now=NOW) is None
    assert boundless_roles([], [role()], now=NOW) == ("labeller",)
    for above in ("project:acme/dialogs", "vendor:acme", "client:meta", "dataset:dialogs"):
        capped = [scope(above, cap=5 * GIB)]
        assert worst_with_logins(capped, granted, [role(), role("other")], now=NOW) == 5 * GIB
        assert boundless_roles(capped, [role()], now=NOW) == ()
    elsewhere = role(vendor="bravo", client="lab", selectors=("x",))
    assert (
        worst_with_logins([scope("client:lab", cap=GIB)], granted, [elsewhere], now=NOW) == 2 * GIB
    )


@pytest.mark.parametrize("dead", ["expired", "writes", "suspended"])
def test_a_role_that_gives_nothing_adds_nothing(dead: str) -> None:
    granted = leases(("dialogs",))
    scopes: list[Scope] = []
    terms: dict[str, Any] = {}
    if dead == "expired":
        terms = {"not_after": NOON + timedelta(minutes=1)}
    elif dead == "writes":
        terms = {"verbs": frozenset({Verb.WRITE})}
    else:
        terms = {"project": "other"}
        scopes = [scope("project:acme/other", state="suspended")]
    assert worst_with_logins(scopes, granted, [role(**terms)], now=NOW) == GIB
    assert boundless_roles(scopes, [role(**terms)], now=NOW) == ()
