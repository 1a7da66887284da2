"""The book of how every asset was watched, kept beside the projection.

Making it looks at every look; asking it takes a few searches. The file is derived: it may be lost or
damaged at any time and is then made again. It is written aside and renamed, so that a crash leaves
the old one or the new one; it says which log and which ledger size it rests on, and what came since is
looked at again. Questions about a past ledger size are answered from the tables, never from it.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
import threading
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pratique.exposure.absence import WITNESSES, Watch
from pratique.exposure.watch_book import (
    Block,
    Columns,
    Mark,
    WatchBook,
    Way,
    make_book,
    mark_of,
)
from pratique.inventory.observed.model import AssetKind, PlaceKind
from pratique.store.inventory_runs import PACKED, asset_number, decode_runs
from pratique.values.spans import DAWN, OPEN

if TYPE_CHECKING:
    from pratique.exposure.ports import AssetRow, FactQueries
    from pratique.ledger.store import LogStore
    from pratique.store.connect import Database

WATCH_FILE: Final = "watch.cache"
_VERSION: Final = 1
_WORD: Final = 8
_COLUMNS: Final = 6
_CHUNK: Final = 2_000
"""Assets looked at together while the book is made."""
_PATIENCE: Final = 2_000
"""Ledger entries after which a file that is still right is dated anew."""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """First line of the file."""

    version: int
    order: str
    """Byte order of the machine that wrote it."""
    origin: str
    applied: int
    last_asset: int
    size: int
    names: int
    """Bytes of names."""
    door_only: bool
    blocks: tuple[Block, ...]


class _Kept:
    """A book with what is needed to bring it up to date."""

    def __init__(self, head: _Head, book: WatchBook, names: memoryview | bytes) -> None:
        self.head = head
        self.book = book
        self._names = names

    def marks(self) -> Iterator[tuple[int, str, str, Mark]]:
        """Every asset of the book: id, name, kind, mark."""
        names = str(self._names, "utf-8").split("\0") if self.head.size else []
        columns = self.book.columns
        for block in self.book.blocks:
            for place in range(block.begin, block.end):
                mark = Mark(Way(block.way), block.rule, columns.lows[place], columns.highs[place])
                yield columns.ids[place], names[place], block.kind, mark


class WatchCache:
    """Hands out the book of a projection. Safe to use from any thread and process."""

    def __init__(self, database: Database, queries: FactQueries, path: Path | None) -> None:
        """Keep the book in a file, or (None) in memory only."""
        self._database = database
        self._queries = queries
        self._path = path
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._checked = -1

    def book(self, log: LogStore, applied: int) -> WatchBook | None:
        """The book as of everything applied, brought up to date if it is older.

        None where packed runs are of a sort that it cannot tell of.
        """
        with self._lock:
            if self._kept is None:
                self._kept = self._load(log.origin)
            kept = self._kept
            if kept is None or kept.head.applied > applied or self._retracted(log, kept, applied):
                kept = self._make(log.origin, applied)
            elif self._checked != applied:
                kept = self._caught_up(kept, log.origin, applied)
            self._kept, self._checked = kept, applied
            return self._with_runs(kept.book, applied)

    def _with_runs(self, book: WatchBook, applied: int) -> WatchBook | None:
        """The book with what is known of packed runs: all assets that have no row of their own."""
        number = self._queries.totals(tx=applied).assets - len(book.columns.ids)
        if number <= 0:
            return book
        kinds = {row[0] for row in self._database.fetch("list_run_place_kinds")}
        if not kinds <= WITNESSES[AssetKind.CI_RUN]:
            return None
        runs = _PackedRuns(self._database, number, applied)
        return WatchBook(book.blocks, book.columns, door_only=False, runs=runs)

    def _retracted(self, log: LogStore, kept: _Kept, applied: int) -> bool:
        """Whether a look may have been taken back since: then all is looked at again."""
        since = max(kept.head.applied, self._checked)
        return any(entry.kind == "retraction" for entry in log.entries(since, applied))

    def _caught_up(self, kept: _Kept, origin: str, applied: int) -> _Kept:
        since = {"since": kept.head.applied}
        looked = {row[0] for row in self._database.fetch("list_assets_looked_since", **since)}
        changed = looked | {
            row[0]
            for rows in (
                self._database.fetch("list_assets_after", last=kept.head.last_asset, packed=PACKED),
                self._database.fetch("list_assets_doubled_since", **since),
            )
            for row in rows
        }
        known = kept.book.columns.by_id
        changed -= {one for one in changed if one >= PACKED and _is_in(known, one)} - looked
        if changed - looked:
            # What was taken back leaves a row, and is no asset that is known.
            told = self._database.fetch("list_inventory_assets", tx=applied)
            changed &= looked | {row[0] for row in told}
        if not changed and applied - kept.head.applied < _PATIENCE:
            return kept
        marks = {one[0]: one for one in kept.marks() if one[0] not in changed}
        fresh, door_only = self._look(sorted(changed), applied)
        marks.update((one[0], one) for one in fresh)
        return self._save(
            marks.values(), origin, applied, door_only=door_only and kept.head.door_only
        )

    def _make(self, origin: str, applied: int) -> _Kept:
        ids = sorted(row[0] for row in self._database.fetch("list_inventory_assets", tx=applied))
        marks, door_only = self._look(ids, applied)
        return self._save(marks, origin, applied, door_only=door_only)

    def _look(
        self, ids: Sequence[int], applied: int
    ) -> tuple[list[tuple[int, str, str, Mark]], bool]:
        """Marks of these assets, and whether nothing but our door looked at them."""
        doubled = {one.asset for one in self._queries.conflicts(tx=applied)}
        marks: list[tuple[int, str, str, Mark]] = []
        door_only = True
        rest = iter(ids)
        while chunk := list(islice(rest, _CHUNK)):
            looks = self._queries.watched(chunk, DAWN, OPEN, tx=applied)
            kinds = {one.id: one.kind for one in self._queries.places({o.place for o in looks})}
            watches: dict[int, list[Watch]] = {}
            for look in looks:
                if kinds[look.place] != PlaceKind.DOOR:
                    door_only = False
                    watches.setdefault(look.asset, []).append(Watch(kinds[look.place], look))
            marks += [
                (row.id, row.name, row.kind, _mark(row, watches, doubled))
                for row in self._queries.assets_by_id(chunk)
            ]
        return marks, door_only

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def _save(
        self,
        marks: Iterable[tuple[int, str, str, Mark]],
        origin: str,
        applied: int,
        *,
        door_only: bool,
    ) -> _Kept:
        listed = list(marks)
        book = make_book(listed, door_only=door_only)
        by_id = {number: name for number, name, _, _ in listed}
        names = "\0".join(by_id[number] for number in book.columns.ids).encode()
        head = _Head(
            version=_VERSION,
            order=sys.byteorder,
            origin=hashlib.sha256(origin.encode()).hexdigest(),
            applied=applied,
            last_asset=max((one for one in by_id if one < PACKED), default=0),
            size=len(listed),
            names=len(names),
            door_only=door_only,
            blocks=tuple(book.blocks),
        )
        kept = _Kept(head, book, names)
        if self._path is not None:
            _write(self._path, head, book, names)
        return kept

    def _load(self, origin: str) -> _Kept | None:
        """What the file holds; None when there is none that can be used."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            length = int.from_bytes(data[:_WORD], "little")
            head = msgspec.json.decode(data[_WORD : _WORD + length], type=_Head)
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        begin = _WORD + length + -length % _WORD
        width = _WORD * head.size
        fits = len(data) == begin + _COLUMNS * width + head.names
        right = head.version == _VERSION and head.order == sys.byteorder
        if not fits or not right or head.origin != hashlib.sha256(origin.encode()).hexdigest():
            return None
        columns = [
            data[begin + number * width : begin + (number + 1) * width].cast("q")
            for number in range(_COLUMNS)
        ]
        book = WatchBook(head.blocks, Columns(*columns), door_only=head.door_only)
        return _Kept(head, book, data[begin + _COLUMNS * width :])


class _PackedRuns:
    """Runs in blocks, as `WatchBook` wants to know of them."""

    def __init__(self, database: Database, number: int, applied: int) -> None:
        self.number = number
        self._database = database
        self._applied = applied

    def holds(self, asset: int) -> bool:
        """Whether an id may be a packed run's."""
        return asset >= PACKED

    def first(self, wanted: int, *, without: Collection[int]) -> Sequence[int]:
        """The first by name. Names of one prefix lie together, but for prefixes within prefixes."""
        prefixes = sorted(
            (f"{prefix}/", one) for one, prefix in self._database.fetch("list_run_prefixes")
        )
        found: list[tuple[str, int]] = []
        for prefix, one in prefixes:
            if len(found) >= wanted and prefix > found[wanted - 1][0]:
                break
            found += [
                (f"{prefix}{number}", asset)
                for number in self._numbers(one)
                if (asset := asset_number(one, number)) not in without
            ]
            found = sorted(found)[:wanted]
        return [asset for _, asset in found]

    def _numbers(self, run_asset: int) -> set[int]:
        rows = self._database.fetch(
            "list_run_blocks_of",
            run_asset=run_asset,
            least=0,
            most=OPEN,
            tx=self._applied,
        )
        return {
            run.number for row in rows for run in decode_runs(row[-1]) if run.entry < self._applied
        }


def _is_in(ordered: Sequence[int], wanted: int) -> bool:
    at = bisect_left(ordered, wanted)
    return at < len(ordered) and ordered[at] == wanted


def _mark(row: AssetRow, watches: dict[int, list[Watch]], doubled: set[int]) -> Mark:
    if row.id in doubled:
        return Mark(Way.ODD)
    return mark_of(row.kind, row.name, watches.get(row.id, ()))


def _write(path: Path, head: _Head, book: WatchBook, names: bytes) -> None:
    """Put the file in place; a disk that refuses costs time at the next question, nothing else."""
    text = msgspec.json.encode(head)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(len(text).to_bytes(_WORD, "little") + text + bytes(-len(text) % _WORD))
            for column in book.columns:
                file.write(array("q", column).tobytes())
            file.write(names)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
