"""Who works for a suspended party now, though nobody knew it when it was suspended."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kit.custody_samples import T0
from pratique.parties.model import Party, PartyKind, Register, Suspension, SuspensionScope
from pratique.parties.workers import everybody_below, late_workers

VENDORS = {"acme": (), "helpers": ("acme",), "later": ("helpers",), "bolt": ()}
REGISTER = Register(
    parties={
        name: Party(name=name, kind=PartyKind.VENDOR, works_for=above)
        for name, above in VENDORS.items()
    },
    projects={}, contracts={}, evidence={}, findings={}, suspensions={}, clocks={}, entries={},
    unreadable=(),
)  # fmt: skip
STANDING = Suspension(
    id="S-AAAAAAAAAAAA", scope=SuspensionScope(party="acme"), vendors=("acme", "helpers"), client="",
    reason="x", incident="", conditions=(), evidence_root="", leases=0, tokens=0, by="operator:ann",
    at=T0,
)  # fmt: skip


def test_who_came_later_is_named_at_any_distance() -> None:
    assert late_workers(REGISTER, STANDING) == {"later"}


@pytest.mark.parametrize(
    "changes",
    [
        {"lifted_at": T0},
        {"scope": SuspensionScope(party="acme", with_sub_processors=False)},
        {"scope": SuspensionScope(party="lab"), "vendors": (), "client": "lab"},
        {"vendors": ("acme", "helpers", "later")},
    ],
)
def test_where_none_goes_on_none_is_named(changes: dict[str, Any]) -> None:
    assert late_workers(REGISTER, msgspec.structs.replace(STANDING, **changes)) == set()


def test_either_side_may_say_who_works_for_whom() -> None:
    acme = msgspec.structs.replace(REGISTER.parties["acme"], sub_processors=("bolt",))
    told = msgspec.structs.replace(REGISTER, parties={**REGISTER.parties, "acme": acme})
    assert everybody_below(told, "acme") == {"acme", "helpers", "later", "bolt"}
