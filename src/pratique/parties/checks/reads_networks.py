"""Reads come from the networks that were promised."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final, TypeAlias

from pratique.parties.checks.facts import READ_DAYS, CheckFacts, ReadFrom
from pratique.parties.checks.rule import EVERYTHING, Need, Rule, found, unknown
from pratique.parties.model import Action, Found, Party, Severity
from pratique.values.instants import Instant

NAME: Final = "reads-networks"
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_SAME_PLACE: Final = {4: 24, 6: 48}
"""Addresses this close to each other are told as one."""


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    by_vendor: dict[str, list[ReadFrom]] = {}
    for read in facts.reads:
        if facts.checked(read.vendor) and read.vendor not in facts.own:
            by_vendor.setdefault(read.vendor, []).append(read)
    reading = {lease.vendor for lease in facts.contracted_leases(now)} | by_vendor.keys()
    for name in sorted(reading):
        party = facts.register.parties.get(name)
        if party is None:
            continue  # `holders-named` says that
        if facts.reads_missing:
            yield unknown(NAME, name, EVERYTHING, facts.reads_missing, severity=Severity.MEDIUM)
        if not party.networks:
            yield unknown(
                NAME, name, "promised networks",
                f"{name} has promised no networks, so nobody can say whether reads came from them.",
                entries=facts.entry(f"party:{name}"),
            )  # fmt: skip
        else:
            yield from _foreign(party, by_vendor.get(name, []))


def _foreign(party: Party, reads: list[ReadFrom]) -> Iterator[Found]:
    promised = [ipaddress.ip_network(one, strict=False) for one in party.networks]
    entries: dict[tuple[str, str], set[int]] = {}
    for read in reads:
        place = _place(read.address, promised)
        if place is not None:
            entries.setdefault((read.holder, place), set()).add(read.entry)
    for (holder, place), rests_on in sorted(entries.items()):
        if place:
            yield found(
                NAME, party.name, f"{holder} from {place}",
                f"{holder} of {party.name} read from {place} within the last {READ_DAYS} days, outside the"
                " networks that were promised: have it explained, or add the network to the register.",
                severity=Severity.HIGH, action=Action.NARROW, entries=rests_on,
            )  # fmt: skip
        else:
            yield unknown(
                NAME, party.name, f"{holder} from nowhere",
                f"{holder} of {party.name} read from an address that is none.", entries=rests_on,
            )  # fmt: skip


def _place(text: str, promised: list[_Network]) -> str | None:
    """None: promised. Empty: not an address. Else the network that it lies in."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if any(address.version == one.version and address in one for one in promised):
        return None
    return str(ipaddress.ip_network((address, _SAME_PLACE[address.version]), strict=False))


CHECK: Final = Rule(
    name=NAME,
    title="Reads come from the networks that the party promised",
    serves=("sp800-218a-ps.1.2", "cisa-ai-data-5", "dora-30.2.b", "ai-act-12.1", "aisvs-5.2.1"),
    severity=Severity.HIGH,
    action=Action.NARROW,
    needs=frozenset({Need.CUSTODY, Need.READS}),
    look=_look,
)
