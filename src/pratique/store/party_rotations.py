"""What facts say of the identities of a suspended party: held by whom, and verified to be dead."""

from __future__ import annotations

from collections import defaultdict

from pratique.exposure.ports import NOW_TX, FactQueries
from pratique.inventory.observed.model import Relation
from pratique.parties.assets import operates
from pratique.parties.model import Register, Suspension
from pratique.parties.resuming import ROTATION, Dead, Rotations
from pratique.store.presence import PresenceStore
from pratique.values.spans import OPEN, from_micros, to_micros

_ASSET = "asset:"


def read_rotations(
    presence: PresenceStore, register: Register, suspension: Suspension
) -> Rotations:
    """Facts that conditions about rotation are judged by; none are read where there is no such condition."""
    wanted = {one.detail for one in suspension.conditions if one.topic == ROTATION}
    if not wanted:
        return Rotations(held={}, dead=())
    facts: FactQueries = presence.inventory
    held = _held(facts, register, suspension) if "" in wanted else {}
    identities = sorted({*held, *wanted} - {""})
    dead = [
        Dead(identity=edge.subject, at=from_micros(edge.span.from_lo), entry=edge.entry)
        for edge in facts.edges_from(Relation.VERIFIED_DEAD.value, identities, tx=NOW_TX)
    ]
    return Rotations(held=held, dead=dead)


def _held(facts: FactQueries, register: Register, suspension: Suspension) -> dict[str, set[int]]:
    """Identities that assets of the suspended parties held when it began, or since."""
    names = suspension.vendors or (suspension.scope.party,)
    parties = [register.parties[name] for name in names if name in register.parties]
    operated = facts.edges_to(
        Relation.OPERATED_BY.value, [party.entity for party in parties], tx=NOW_TX
    )
    stated = {edge.subject.removeprefix(_ASSET) for edge in operated}
    mine = [
        row.id
        for row in facts.assets(tx=NOW_TX)
        if row.name in stated or any(operates(party, row.name) for party in parties)
    ]
    found: dict[str, set[int]] = defaultdict(set)
    for edge in facts.holds(mine, to_micros(suspension.at), OPEN, tx=NOW_TX):
        found[edge.object].add(edge.entry)
    return found
