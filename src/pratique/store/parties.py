"""The register of parties as the projection of the ledger has it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Protocol

from pratique.parties.entries import KINDS
from pratique.parties.model import Register
from pratique.parties.register import fold_register
from pratique.store.presence_rows import EventRow


class Events(Protocol):
    """What is read: `PresenceStore`, after it has caught up."""

    def events(self, kind: str) -> Sequence[EventRow]:
        """All entries of a kind, oldest first."""
        ...


def read_register(events: Events) -> Register:
    """The register as of what the projection has applied."""
    found = chain.from_iterable(events.events(kind) for kind in KINDS)
    return fold_register(sorted(found, key=attrgetter("sequence")))
