"""Ledger entries become rows: the one writer of the projection's tables.

A batch of entries is applied in one transaction together with the number of entries applied, so a
crash leaves a batch applied or not, and applying is never done twice. Rows depend on the entries
alone, not on how they were cut into batches; a test rebuilds and compares.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from pratique.ledger.canonical import parse_entry_with
from pratique.ledger.entries import Entry, ReadEntry
from pratique.ledger.errors import EntryFormatError
from pratique.ledger.store import LogStore
from pratique.store.connect import Database
from pratique.store.errors import StoreDamagedError

AnyEntry: TypeAlias = Entry | ReadEntry

_BATCH_WEIGHT = 10_000
"""Entries applied at once, each changed file of a view counting as one: bounds memory, and how long
another process waits. More at once would write the pages of `presence` fewer times."""
_SIGHTINGS_PER_WEIGHT = 8


class Projector:
    """Applies a log to a database with the `facts` tables."""

    def __init__(self, log: LogStore, database: Database, *, end: int | None = None) -> None:
        """Prepare to apply entries below `end` (None: all)."""
        self._log = log
        self._database = database
        self._end = end

    def catch_up(self, *, batches: int | None = None) -> int:
        """Apply what is new, or a few batches of it; gives the number of entries.

        Raises: StoreDamagedError when the projection belongs to another or a longer log.
        """
        size = self._log.size()
        target = size if self._end is None else min(self._end, size)
        done = 0
        left = batches
        while left != 0 and (start := self._applied(size)) < target:
            with _without_collector():
                done += self._apply(start, self._batch(start, target))
            left = None if left is None else left - 1
        return done

    def _batch(self, start: int, target: int) -> list[AnyEntry]:
        batch: list[AnyEntry] = []
        weight = 0
        for entry in self._entries(start, target):
            batch.append(entry)
            weight += _weight(entry)
            if weight >= _BATCH_WEIGHT:
                break
        return batch

    def _entries(self, start: int, target: int) -> Iterator[AnyEntry]:
        from pratique.store.inventory_lines import READERS  # noqa: PLC0415 - as in `_apply`

        for sequence, leaf in enumerate(self._log.leaves(start, target), start):
            try:
                entry = parse_entry_with(leaf, READERS)
            except EntryFormatError:
                entry = None
            if entry is None or entry.sequence != sequence:
                # The log itself says which of its places is damaged.
                entry = next(self._log.entries(sequence, sequence + 1))
            yield entry

    def _applied(self, size: int) -> int:
        rows = self._database.fetch("read_projection")
        if not rows:
            return 0
        applied, origin = rows[0]
        if origin != self._log.origin or applied > size:
            raise StoreDamagedError(
                f"the projection knows {applied} entries of {origin!r}, the ledger has {size}"
                f" of {self._log.origin!r}",
                remedy="if the ledger was restored on purpose, run: pratique ledger rebuild",
            )
        return int(applied)

    def _apply(self, start: int, entries: Sequence[AnyEntry]) -> int:
        """Apply one batch, unless another process did so in the meantime."""
        with self._database.write(durable=False) as session:
            session.run("lock_projection")
            rows = session.run("read_projection")
            if (rows[0][0] if rows else 0) != start:
                return 0
            from pratique.store.batch import Batch  # noqa: PLC0415 - most questions find nothing new

            batch = Batch(session)
            for entry in entries:
                batch.add(entry)
            batch.write()
            applied = start + len(entries)
            session.run("set_projection", applied=applied, origin=self._log.origin)
        return len(entries)


def _weight(entry: AnyEntry) -> int:
    """What applying an entry takes; sightings come by the hundred and take little each."""
    if isinstance(entry, Entry):
        lines, sightings = entry.body.get("changes"), entry.body.get("added")
    else:
        lines, sightings = None, getattr(entry.body, "added", None)
    return 1 + _length(lines) + _length(sightings) // _SIGHTINGS_PER_WEIGHT


def _length(value: object) -> int:
    """Of a list; what else may stand there is found out later."""
    return len(value) if isinstance(value, list | tuple) else 0


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector out of a batch.

    A batch holds a bounded number of values, none in a cycle; searching them for cycles again and
    again took a third of its time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
