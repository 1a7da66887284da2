"""The book of extent, kept beside the projection so that counting how far it goes takes slices.

Who asks how far reach goes in full brings it up to date; who asks for the first figures uses it where it
is right and asks the tables otherwise. It is right while no fact that it rests on came or went; assets
that were looked at since, or whose looks were taken back, are asked about in the tables. The file is
derived: it is written aside, synced and renamed, and checked whole when it is opened. Questions about a
past ledger size are answered from the tables, never from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import struct
import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from pratique.exposure.extent_book import (
    PARTIES,
    Beginnings,
    ExtentBook,
    StepRow,
    Steps,
    StepWriter,
    Taken,
    count_steps,
)
from pratique.exposure.ports import Extent
from pratique.exposure.reach_graph import Column, ListedNames
from pratique.inventory.observed.model import Relation
from pratique.store.connect import Row, Session
from pratique.store.inventory_runs import PACKED
from pratique.store.reach_cache import MappedNames, check_sum, name_columns, write_aside

EXTENT_FILE: Final = "extent.cache"
_SMALL: Final = 20_000
"""Entities below which asking the tables takes less time than the book is worth."""
_PATIENCE: Final = 5_000
"""Ledger entries after which the book is made again: until then each is looked at."""
_CHUNK: Final = 2_000
"""Assets read together while the book is made."""

_Code: TypeAlias = Literal["q", "i", "B"]
_MAGIC: Final = struct.pack("=Q", int.from_bytes(b"PRATEXT1", "little"))
"""In the machine's own byte order: a file from another kind of machine does not fit."""
_STEPS: Final[tuple[_Code, ...]] = ("i", "q")
_CODES: Final[tuple[_Code, ...]] = (
    "q", "q", "i", *_STEPS, *_STEPS, *_STEPS, *_STEPS, *_STEPS, "B", "q", "q", "B",
)  # fmt: skip
"""Columns: assets, looks, entities; five tables of steps; kinds; names."""
_HEADER: Final = struct.Struct(f"=8s32sq{len(_CODES)}q")
"""Magic, sha256 of the log's origin, ledger size, lengths of the columns."""
_WORD: Final = 8
_BODY: Final = _HEADER.size + _WORD
"""Between them the CRC-32 of everything else."""


class _Key(NamedTuple):
    """What a book rests on."""

    origin: bytes
    size: int
    """Ledger size."""


@dataclass(frozen=True, slots=True)
class _Kept:
    key: _Key
    book: ExtentBook


Exposures: TypeAlias = Sequence[tuple[int, int, int]]
"""Assets with a span each, which is not empty."""


class ExtentCache:
    """Counts with the book of a projection. Safe to use from any thread and process."""

    def __init__(self, path: Path | None) -> None:
        """Keep the book in a file; None: have no book, since the next process would make it again."""
        self._path = path
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def count(
        self, session: Session, exposed: Exposures, told: str, *, tx: int
    ) -> list[Extent] | None:
        """How far it goes from these assets; None when the tables must say.

        `told`: what packed runs held, as the statements want it.
        """
        now = _now(session, tx=tx)
        kept = None if now is None else self._right(now, session)
        if kept is None or now is None:
            return None
        places = _places(kept, now, session, {asset for asset, _, _ in exposed})
        known = [(places[one], start, end) for one, start, end in exposed if one in places]
        others = [one for one in exposed if one[0] not in places]
        taken, operated = _ask(session, others, told, tx=tx)
        return count_steps(kept.book, Beginnings(known, taken, operated))

    def refresh(self, session: Session, *, tx: int) -> None:
        """Make the book if there is none that is right and new, and it is worth it."""
        now = None if self._path is None else _now(session, tx=tx)
        if now is None or self._right(now, session) is not None:
            return
        if (session.run("last_entity")[0][0] or 0) < _SMALL:
            return
        # More things than four bytes can number are left to the tables.
        with contextlib.suppress(OverflowError):
            self._keep(read_book(session, tx=now.size), now)

    def _keep(self, book: ExtentBook, now: _Key) -> None:
        with self._lock:
            self._kept = _Kept(now, book)
        # A full disk costs the file, not the answer.
        with contextlib.suppress(OSError):
            if self._path is not None:
                save_book(self._path, book, origin=now.origin, size=now.size)

    def _right(self, now: _Key, session: Session) -> _Kept | None:
        """The book that there is, if it can be used."""
        with self._lock:
            if self._kept is None or not _still_right(self._kept.key, now, session):
                self._kept = None
                if self._path is not None:
                    self._kept = _load(self._path, lambda key: _still_right(key, now, session))
            return self._kept


def _now(session: Session, *, tx: int) -> _Key | None:
    """What a question rests on; None when it is about the past."""
    rows = session.run("read_projection")
    if not rows or tx < rows[0][0]:
        return None
    applied, origin = rows[0]
    return _Key(hashlib.sha256(origin.encode()).digest(), applied)


def _still_right(kept: _Key, now: _Key, session: Session) -> bool:
    """Whether no fact came or went between two ledger sizes of one log, and few looks came."""
    if kept.origin != now.origin or not 0 <= now.size - kept.size <= _PATIENCE:
        return False
    return kept.size == now.size or not session.run("find_extent_change", since=kept.size)


# ── asking ───────────────────────────────────────────────────────────────────────────────────


def _places(kept: _Kept, now: _Key, session: Session, wanted: Collection[int]) -> dict[int, int]:
    """The assets that the book still tells the truth about, each with its place there.

    What an asset holds changes when a look comes, which has an entry, or when one is taken back, which
    leaves fewer. Both at once leave the entry.
    """
    assets, looks = kept.book.assets, kept.book.looks
    found = {}
    for asset in wanted:
        place = _place_in(assets, asset)
        if place >= 0 and looks[place] >= 0:
            found[asset] = place
    if kept.key.size == now.size:
        return found
    for (asset,) in session.run("list_assets_looked_since", since=kept.key.size):
        found.pop(asset, None)
    # PostgreSQL sums integers into decimals.
    counted = {asset: int(n) for asset, n in session.run("count_looks_at", assets=list(found))}
    return {one: place for one, place in found.items() if looks[place] == counted.get(one, 0)}


def _place_in(ascending: Column, number: int) -> int:
    """Where a number is, or -1. Mostly none before it is left out, which takes one look."""
    if not len(ascending):
        return -1
    place = number - ascending[0]
    if not 0 <= place < len(ascending) or ascending[place] != number:
        place = bisect_left(ascending, number)
    return place if place < len(ascending) and ascending[place] == number else -1


def _ask(
    session: Session, others: Exposures, told: str, *, tx: int
) -> tuple[list[Taken], list[tuple[int, int, int]]]:
    """What the tables say of assets that the book does not know: what they held, and they themselves."""
    if not others and told == "[]":
        return [], []
    rows = session.run("list_taken", exposed=json.dumps(others), told=told, tx=tx)
    taken = [Taken(entity, name, at) for name, entity, at, _ in rows if name]
    return taken, [(entity, start, end) for name, entity, start, end in rows if not name]


# ── making ───────────────────────────────────────────────────────────────────────────────────


def read_book(session: Session, *, tx: int) -> ExtentBook:
    """The book of what counts at a ledger size, from the tables.

    Raises: OverflowError when there are more things than four bytes can number.
    """
    entities = {name: number for number, name in session.run("list_extent_entities")}
    most = max(entities.values(), default=0)
    assets = session.run("list_extent_assets", packed=PACKED)
    numbers = _Numbers(session, entities, most)
    writer = StepWriter(len(assets))
    for begin in range(0, len(assets), _CHUNK):
        writer.add(list(_held(session, assets, begin, numbers, tx=tx)))
    told, operated, opened, owned = (
        _edges(session, relation, most + 1, tx=tx)
        for relation in (
            Relation.HOLDS, Relation.OPERATED_BY, Relation.OPENS, Relation.BELONGS_TO,
        )
    )  # fmt: skip
    return ExtentBook(
        assets=array("q", (one for one, _, _, _ in assets)),
        # PostgreSQL sums integers into decimals.
        looks=array("q", (-1 if lineage else int(looks) for _, _, looks, lineage in assets)),
        entity=array("i", (entities.get(f"asset:{name}", 0) for _, name, _, _ in assets)),
        held=writer.steps(),
        told=told,
        operated=operated,
        opened=opened,
        owned=owned,
        kinds=_kinds(entities, most),
        names=ListedNames(numbers.further),
    )


class _Numbers:
    """Numbers of identities; those of which no fact is known get further ones."""

    def __init__(self, session: Session, entities: dict[str, int], most: int) -> None:
        self.further: dict[str, int] = {}
        self._entities = entities
        self._most = most
        self._shared: dict[int, int] = {}
        self._local: dict[int, tuple[str, str]] = {}
        for identity, kind, name, local in session.run("list_extent_identities"):
            if local:
                self._local[identity] = f"identity:{kind}/", f"/{name}"
            else:
                self._shared[identity] = self._number(f"identity:{kind}/{name}")

    def _number(self, name: str) -> int:
        known = self._entities.get(name)
        return known or self.further.setdefault(name, self._most + 1 + len(self.further))

    def of(self, identity: int, where: str) -> int:
        """What an identity is called on this asset."""
        shared = self._shared.get(identity)
        if shared is not None:
            return shared
        before, after = self._local[identity]
        return self._number(before + where + after)


def _held(
    session: Session, assets: Sequence[Row], begin: int, numbers: _Numbers, *, tx: int
) -> Iterator[StepRow]:
    """What some assets hold, in their order."""
    some = assets[begin : begin + _CHUNK]
    places = {one: (place, name) for place, (one, name, _, _) in enumerate(some, begin)}
    span = {"first": some[0][0], "last": some[-1][0]}
    for asset, identity, low, high in session.run("list_extent_holdings", tx=tx, **span):
        place, where = places[asset]
        yield place, numbers.of(identity, where), low, max(high, low + 1)


def _edges(session: Session, relation: Relation, sources: int, *, tx: int) -> Steps:
    writer = StepWriter(sources)
    rows = session.run("list_extent_edges", relation=relation.value, tx=tx)
    writer.add([(one, other, low, max(high, low + 1)) for one, other, low, high in rows])
    return writer.steps()


def _kinds(entities: dict[str, int], most: int) -> bytes:
    kinds = bytearray(most + 1)
    for name, entity in entities.items():
        kind = name.partition(":")[0]
        if kind in PARTIES:
            kinds[entity] = PARTIES.index(kind) + 1
    return bytes(kinds)


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def save_book(path: Path, book: ExtentBook, *, origin: bytes, size: int) -> None:
    """Write a file that is whole or not there. Raises: OSError."""
    tables = (book.held, book.told, book.operated, book.opened, book.owned)
    offsets, slots, text = name_columns(book.names)
    columns: list[Column | bytes] = [book.assets, book.looks, book.entity]
    columns += [column for table in tables for column in table]
    columns += [bytes(book.kinds), offsets, slots, text]
    parts = [bytes(column) for column in columns]
    body = b"".join(part + bytes(-len(part) % _WORD) for part in parts)
    head = _HEADER.pack(_MAGIC, origin, size, *map(len, columns))
    head += struct.pack("=q", check_sum(head, body))
    write_aside(path, head + body)


def _load(path: Path, is_right: Callable[[_Key], bool]) -> _Kept | None:
    """Map a file; None when there is none, or not one that this program could have written.

    One that `is_right` turns down is not read to its end: every question may meet it.
    """
    try:
        with path.open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    if len(mapped) < _BODY:
        return None
    magic, origin, size, *lengths = _HEADER.unpack_from(mapped)
    widths = [struct.calcsize(code) * length for code, length in zip(_CODES, lengths, strict=True)]
    body = mapped[_BODY:]
    whole = sum(width + -width % _WORD for width in widths)
    if magic != _MAGIC or min(lengths) < 0 or len(body) != whole:
        return None
    key = _Key(origin, size)
    if not is_right(key):
        return None
    (sum_of_all,) = struct.unpack_from("=q", mapped, _HEADER.size)
    if sum_of_all != check_sum(mapped[: _HEADER.size], body):
        return None
    columns, begin = [], 0
    for code, width in zip(_CODES, widths, strict=True):
        columns.append(body[begin : begin + width].cast(code))
        begin += width + -width % _WORD
    assets, looks, entity, *tables, kinds, offsets, slots, text = columns
    held, told, operated, opened, owned = (
        Steps(*tables[begin : begin + 2]) for begin in range(0, len(tables), 2)
    )
    book = ExtentBook(
        assets=assets,
        looks=looks,
        entity=entity,
        held=held,
        told=told,
        operated=operated,
        opened=opened,
        owned=owned,
        kinds=kinds,
        names=MappedNames(offsets, slots, text),
    )
    return _Kept(key, book)
