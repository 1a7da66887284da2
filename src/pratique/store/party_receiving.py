"""An installation's stores as what receiving evidence works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import Relation
from pratique.ledger.entries import Draft
from pratique.parties.receiving import ReceivingParts
from pratique.store.parties import read_register
from pratique.store.presence import PresenceStore
from pratique.values.spans import OPEN


def receiving_parts(
    presence: PresenceStore,
    *,
    append: Callable[[Sequence[Draft]], range],
    keep: Callable[[bytes], str],
) -> ReceivingParts:
    """Parts over a projection that is caught up."""

    def is_operated(asset: str, entity: str) -> bool:
        edges = presence.inventory.edges_from(Relation.OPERATED_BY.value, [asset], tx=NOW_TX)
        return any(edge.object == entity and edge.span.to_hi == OPEN for edge in edges)

    return ReceivingParts(
        register=lambda: read_register(presence),
        append=append,
        is_recorded=presence.inventory.is_recorded,
        is_operated=is_operated,
        keep=keep,
    )
