"""The clocks that a suspension starts: who has to be told, who has to tell, and by when it was agreed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from pratique.parties.model import Contract, NoticeClock, PartyKind, Register, Suspension
from pratique.values.instants import Instant

_DUTIES: Final = {
    PartyKind.VENDOR: (("evidence", "evidence_hours"),),
    PartyKind.CLIENT: (("notify", "notice_hours"), ("update", "update_hours")),
    PartyKind.PEOPLE: (("notify", "notice_hours"), ("update", "update_hours")),
}
"""What a suspension of a vendor makes due with each kind of party, and the hours of the contract."""


class ToTell(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A party that is to be told something, or to tell us, and by when it was agreed."""

    party: str
    duty: str
    """`notify`, `update`, `evidence`."""
    hours: int | None
    """None: no clock was agreed, which is no permission to be late."""
    due_at: Instant | None
    basis: str


def clocks_of(
    register: Register, suspension: Suspension, concerned: Mapping[str, PartyKind]
) -> tuple[tuple[NoticeClock, ...], tuple[ToTell, ...]]:
    """Clocks of the contracts in force, and everything that is due, with or without one."""
    clocks, tell = [], []
    for name, kind in concerned.items():
        duties: Iterable[tuple[str, str]] = _DUTIES[kind]
        if kind is PartyKind.VENDOR and suspension.client:
            duties = (
                ("notify", "notice_hours"),
            )  # they did nothing: they are told that work stops
        for duty, field in duties:
            contract = _tightest(register, name, field, suspension.at)
            if contract is None:
                tell.append(ToTell(party=name, duty=duty, hours=None, due_at=None, basis=""))
                continue
            clock = _clock(suspension, contract, duty, getattr(contract, field))
            clocks.append(clock)
            tell.append(
                ToTell(
                    party=name,
                    duty=duty,
                    hours=clock.hours,
                    due_at=clock.due_at,
                    basis=clock.basis,
                )
            )
    return tuple(clocks), tuple(tell)


def _tightest(register: Register, party: str, field: str, at: Instant) -> Contract | None:
    """Of the contracts in force the one with the shortest clock; None when none has one."""
    found = [
        contract
        for contract in register.contracts.values()
        if contract.party == party
        and getattr(contract, field) is not None
        and contract.starts <= at.date()
        and (contract.ends is None or at.date() <= contract.ends)
    ]
    return min(found, key=lambda one: (getattr(one, field), one.id), default=None)


def _clock(suspension: Suspension, contract: Contract, duty: str, hours: int) -> NoticeClock:
    return NoticeClock(
        id=f"{suspension.id}/{contract.party}/{duty}",
        party=contract.party,
        duty=duty,
        basis=f"{contract.id}: {contract.basis}" if contract.basis else contract.id,
        hours=hours,
        started_at=suspension.at,
        due_at=suspension.at + timedelta(hours=hours),
        cause=suspension.id,
    )
