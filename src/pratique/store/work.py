"""The work ledger as the projection has it."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter

from pratique.store.presence_rows import Events
from pratique.work.entries import KINDS, fold_work
from pratique.work.model import Work


def read_work(events: Events) -> Work:
    """All work as of what the projection has applied."""
    found = chain.from_iterable(events.events(kind) for kind in KINDS)
    return fold_work(sorted(found, key=attrgetter("sequence")))
