"""The register of parties as the projection of the ledger has it."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter

from pratique.parties.entries import KINDS
from pratique.parties.model import Register
from pratique.parties.register import fold_register
from pratique.store.presence_rows import Events


def read_register(events: Events) -> Register:
    """The register as of what the projection has applied."""
    found = chain.from_iterable(events.events(kind) for kind in KINDS)
    return fold_register(sorted(found, key=attrgetter("sequence")))
