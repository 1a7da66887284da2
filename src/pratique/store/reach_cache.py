"""The graph of reach, kept beside the projection so that a question need not make it again.

Making it from 600,000 facts takes seconds, walking it a fraction of one. The file is derived: it may
be lost or damaged at any time and is then made again. It is written aside, synced and renamed, so
that a crash leaves the old one or the new one; it says which log and which ledger size it rests on,
and is used only while no fact of its kind came or went since. Questions about a past ledger size are
answered from the tables, never from the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
import threading
import time
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pratique.exposure.reach_graph import (
    Column,
    EdgeRow,
    ListedNames,
    Names,
    ReachGraph,
    RotationRow,
    build_from_rows,
)
from pratique.store.connect import Session

REACH_FILE: Final = "reach.cache"
_SMALL: Final = 2_000
"""Edges below which reading the tables takes less time than the file is worth."""

_MAGIC: Final = struct.pack("=Q", int.from_bytes(b"PRATRCH1", "little"))
"""In the machine's own byte order: a file from another kind of machine does not fit."""
_HEADER: Final = struct.Struct("=8s32sqqqqqq")
"""Magic, sha256 of the log's origin, ledger size, names, values, edges, slots, bytes of names."""
_WORD: Final = 8
_BODY: Final = _HEADER.size + _WORD
"""Between them the CRC-32 of everything else."""
_ABANDONED_SECONDS: Final = 3600.0


class _Key(NamedTuple):
    """What a graph rests on."""

    origin: bytes
    size: int
    """Ledger size."""


@dataclass(frozen=True, slots=True)
class _Kept:
    key: _Key
    graph: ReachGraph


class MappedNames:
    """Names in a mapped file, found by a table of hashes."""

    def __init__(self, offsets: memoryview, slots: memoryview, text: memoryview) -> None:
        self._offsets = offsets
        self._slots = slots
        self._text = text

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, number: int, /) -> str:
        return str(self._raw(number), "utf-8")

    def _raw(self, number: int) -> memoryview:
        return self._text[self._offsets[number] : self._offsets[number + 1] - 1]

    def find(self, name: str) -> int:
        """Number of an entity key, or -1."""
        sought = name.encode()
        last = len(self._slots) - 1
        slot = zlib.crc32(sought) & last
        while (number := self._slots[slot] - 1) >= 0:
            if self._raw(number) == sought:
                return number
            slot = (slot + 1) & last
        return -1

    def listed(self) -> Sequence[str]:
        """All of them: cut at once, unless a name has the byte that ends names."""
        names = str(self._text, "utf-8").split("\0")[:-1]
        return names if len(names) == len(self) else [self[n] for n in range(len(self))]


class ReachCache:
    """Hands out the graph of a projection. Safe to use from any thread and process."""

    def __init__(self, path: Path | None) -> None:
        """Keep the graph in a file, or (None) in memory only."""
        self._path = path
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def graph(self, session: Session, *, tx: int) -> ReachGraph:
        """The graph of the facts that count at a ledger size, within the session's one state."""
        rows = session.run("read_projection")
        applied, origin = rows[0] if rows else (0, "")
        if tx < applied:
            return read_graph(session, tx=tx)
        key = _Key(hashlib.sha256(origin.encode()).digest(), applied)
        with self._lock:
            kept = self._kept
            if kept is None or not _still_right(kept.key, key, session):
                kept = self._load(key, session) or self._make(key, session)
            self._kept = _Kept(key, kept.graph)
            return kept.graph

    def _load(self, key: _Key, session: Session) -> _Kept | None:
        kept = None if self._path is None else load_graph(self._path)
        return kept if kept is not None and _still_right(kept.key, key, session) else None

    def _make(self, key: _Key, session: Session) -> _Kept:
        graph = read_graph(session, tx=key.size)
        if self._path is not None and len(graph.entry) >= _SMALL:
            # A full disk costs the file, not the answer.
            with contextlib.suppress(OSError):
                save_graph(self._path, graph, key)
        return _Kept(key, graph)


def _still_right(kept: _Key, now: _Key, session: Session) -> bool:
    """Whether no fact came or went between two ledger sizes of one log."""
    if kept.origin != now.origin or kept.size > now.size:
        return False
    return kept.size == now.size or not session.run("find_reach_change", since=kept.size)


def read_graph(session: Session, *, tx: int) -> ReachGraph:
    """The graph of the facts that count at a ledger size, from the tables."""
    rows = sorted((name, entity) for entity, name in session.run("list_reach_names"))
    numbers = {entity: number for number, (_, entity) in enumerate(rows)}
    return build_from_rows(
        ListedNames(name for name, _ in rows),
        [
            EdgeRow(numbers[subject], numbers[object_], low, high, entry)
            for subject, object_, low, high, entry in session.run("list_reach_edges", tx=tx)
        ],
        [
            RotationRow(numbers[subject], low, high, entry)
            for subject, low, high, entry in session.run("list_rotations", tx=tx)
        ],
    )


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def save_graph(path: Path, graph: ReachGraph, key: _Key) -> None:
    """Write a file that is whole or not there. Raises: OSError."""
    offsets, slots, text = name_columns(graph.names)
    columns = (*_columns(graph), offsets, slots)
    body = b"".join([*(column.tobytes() for column in columns), text])
    head = _HEADER.pack(
        _MAGIC, key.origin, key.size, len(graph.names), len(graph.owner), len(graph.entry), len(slots),
        len(text),
    )  # fmt: skip
    head += struct.pack("=q", check_sum(head, body))
    write_aside(path, head + body)


def check_sum(head: bytes | memoryview, body: bytes | memoryview) -> int:
    """CRC-32 of a file kept beside the projection. Every question reads all of it, so it must be fast."""
    from isal.isal_zlib import crc32  # noqa: PLC0415 - only where there is a file

    return int(crc32(body, crc32(head)))


def write_aside(path: Path, content: bytes) -> None:
    """Put a file in place whole, or leave what is there. Raises: OSError."""
    import tempfile  # noqa: PLC0415 - few questions write a file

    _sweep_leftovers(path)
    handle, aside = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Durable before it gets its name: a name without its bytes would be a damaged file.
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise


def _sweep_leftovers(path: Path) -> None:
    """Remove what writers that were killed left aside; a living one needs no hour."""
    for aside in path.parent.glob(f"{path.name}.*"):
        with contextlib.suppress(FileNotFoundError):
            if aside.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                aside.unlink()


def _columns(graph: ReachGraph) -> tuple[Column, ...]:
    return (
        graph.first_value, graph.owner, graph.value_start, graph.value_end, graph.ended_by,
        graph.first_edge, graph.edges, graph.entry,
    )  # fmt: skip


def name_columns(listed: Names) -> tuple[array[int], array[int], bytes]:
    """Names as `MappedNames` wants them: where each begins, a table of hashes, the text."""
    names = [name.encode() for name in listed.listed()]
    offsets, text = array("q", [0]), b"".join(name + b"\0" for name in names)
    for name in names:
        offsets.append(offsets[-1] + len(name) + 1)
    return offsets, _slots(names), text


def _slots(names: list[bytes]) -> array[int]:
    """A table of hashes, half empty at most, so that a search ends soon."""
    size = 2
    while size < 2 * len(names):
        size *= 2
    slots = array("q", bytes(_WORD * size))
    for number, name in enumerate(names, 1):
        slot = zlib.crc32(name) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    return slots


def load_graph(path: Path) -> _Kept | None:
    """Map a file; None when there is none, or not one that this program could have written."""
    try:
        with path.open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    if len(mapped) < _BODY:
        return None
    magic, origin, size, names, values, edges, slots, text = _HEADER.unpack_from(mapped)
    lengths = (
        names + 1, values, values, values, values, values + 1, 3 * edges, edges, names + 1, slots,
    )  # fmt: skip
    body = mapped[_BODY:]
    if magic != _MAGIC or min(lengths) < 0 or len(body) != _WORD * sum(lengths) + text:
        return None
    (told,) = struct.unpack_from("=q", mapped, _HEADER.size)
    if told != check_sum(mapped[: _HEADER.size], body):
        return None
    columns, begin = [], 0
    for length in lengths:
        columns.append(body[begin : begin + _WORD * length].cast("q"))
        begin += _WORD * length
    first_value, owner, start, end, ended_by, first_edge, edge_column, entry, *found = columns
    offsets, slot_column = found
    graph = ReachGraph(
        names=MappedNames(offsets, slot_column, body[begin:]),
        first_value=first_value,
        owner=owner,
        value_start=start,
        value_end=end,
        ended_by=ended_by,
        first_edge=first_edge,
        edges=edge_column,
        entry=entry,
    )
    return _Kept(_Key(origin, size), graph)
