"""Whose names a party may read in what it is told: its own, and those of its work."""

from __future__ import annotations

from pratique.exposure.guard import NameGuard
from pratique.parties.model import Party, PartyKind, Register
from pratique.parties.ordinary import ORDINARY


def past_names(register: Register) -> frozenset[str]:
    """Names of parties that the register had once and has no more."""
    told = (key.partition(":") for key in register.entries)
    return frozenset(name for kind, _, name in told if kind == "party") - register.parties.keys()


def names_guard(party: Party, register: Register) -> NameGuard:
    """Knows every party, project and dataset of the register that is not this party's.

    Stricter than a pack: not even whom the party shares work with is named in what it is told.
    """
    own = {party.name, party.title, *party.datasets}
    own |= {one.name for one in register.parties.values() if one.kind is PartyKind.OWN}
    others: set[str] = set()
    for project in register.projects.values():
        shared = party.name in {project.vendor, project.client}
        known = own if shared or set(party.datasets) & set(project.datasets) else others
        known.add(project.name)
        if shared:
            own.update(project.datasets)
        else:
            others.update(f"dataset:{one}" for one in project.datasets)
    for one in register.parties.values():
        if one.name not in own:
            others |= {one.entity, *([f"{one.kind.value}:{one.title}"] if one.title else ())}
    # Who was in the register once is somebody else still: papers and reasons may name them.
    others |= {f"vendor:{one}" for one in past_names(register) if one not in own}
    own.discard("")
    kept = {one for one in others if _bare(one) not in own and _bare(one).lower() not in ORDINARY}
    return NameGuard(kept, allowed=own)


def _bare(name: str) -> str:
    return name.partition(":")[2] or name
