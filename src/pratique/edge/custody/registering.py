"""Taking objects into custody: read once, hashed, encrypted, durable, and only then told.

Order of durability of each object:

1. its parts: large ones one by one, those of small objects many together;
2. its `object` entry in the ledger;
3. its row, from which moment it can be read.

A crash before 3 leaves parts that belong to nothing, which `pratique dataset check` names and
removes. Objects whose source has not changed since they were stored are not read again, so the same
command goes on where it was ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from pratique.custody.entries import object_entry
from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    RANDOM_BYTES,
    Bytes,
    PartCipher,
    derive_part_key,
    header_from,
    part_aad,
    part_name,
)
from pratique.custody.model import PART_BYTES, Dataset, ObjectId, StoredObject
from pratique.custody.ports import DatasetState
from pratique.edge.custody.direct_files import aligned_buffer
from pratique.edge.custody.part_listing import ListedParts
from pratique.edge.custody.sources import Found, Gap, Reader, Source, SourceGapError
from pratique.ledger.entries import Draft
from pratique.values.digests import Sha256
from pratique.values.instants import Clock

_AT_ONCE: Final = 8
"""Objects under way. Small ones wait for the disk most of the time, and disks like to be asked together."""
_PAIRS: Final = 3
"""Buffers for parts, 128 MiB each: one is read, one encrypted, one written. Aligned as disks want it."""
_SMALL: Final = 1 << 20
"""What is read, hashed and encrypted in one go."""
_TOGETHER: Final = 256
"""Objects whose entries and rows are committed at once."""
_WAITING: Final = 64 * 1024 * 1024
"""Bytes of small objects that wait for being written together."""
_COMMIT_SECONDS: Final = 1.0
_SHOWN_GAPS: Final = 1000

Pair: TypeAlias = tuple[memoryview, memoryview]
"""Room for the plaintext of a part, and for its ciphertext."""


class ObjectKeys(Protocol):
    """Where keys of new objects come from."""

    def __call__(self, object_id: ObjectId, /) -> tuple[bytes, bytes]:
        """(key, the same wrapped)."""
        ...


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far it has come. Belongs to the event loop's thread."""

    stored: int = 0
    stored_bytes: int = 0
    unchanged: int = 0
    unchanged_bytes: int = 0
    read_bytes: int = 0
    """Of all objects, those under way included."""
    gaps_total: int = 0
    gaps: list[Gap] = field(default_factory=list)
    """The first thousand."""
    stopped: bool = False
    """Somebody asked to end before all was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What registering works with."""

    state: DatasetState
    parts: ListedParts
    keys: ObjectKeys
    record: Callable[[list[Draft]], object]
    """Makes entries durable."""
    clock: Clock
    actor: str
    reread: bool = False
    """Take over also what has not changed: what is damaged here is whole again."""
    stop: Callable[[], bool] = lambda: False
    show: Callable[[str, int], None] = lambda _what, _bytes: None
    """Told what was read last and how many bytes were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """An object that is whole."""

    stored: StoredObject
    cipher: memoryview | None
    """Its part, if that is still to be written."""


async def register(dataset: Dataset, source: Source, around: Surroundings) -> Progress:
    """Take over everything that a source has and the dataset has not.

    Raises: UnavailableError when parts, rows or entries cannot be written, or a source cannot be listed;
    what was committed until then stays. BrokerRefusedError.
    """
    return await _Registration(dataset, source, around).run()


class _Registration:
    """One run. State belongs to the event loop's thread; threads get what they work on."""

    def __init__(self, dataset: Dataset, source: Source, around: Surroundings) -> None:
        self._dataset, self._source, self._around = dataset, source, around
        self._progress = Progress()
        self._queue: asyncio.Queue[Found | None] = asyncio.Queue(_AT_ONCE * 4)
        self._buffers: asyncio.Queue[Pair] = asyncio.Queue()
        self._made = 0
        self._done: list[_Done] = []
        self._waiting = 0
        """Bytes of parts in `_done`."""
        self._committing = asyncio.Lock()
        self._ended = asyncio.Event()

    async def run(self) -> Progress:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._walk())
                workers = [group.create_task(self._work()) for _ in range(_AT_ONCE)]
                group.create_task(self._commit_now_and_then())
                await asyncio.wait(workers)
                self._ended.set()
        except ExceptionGroup as failed:
            # What is whole stays, and the first thing that went wrong is what there is to say.
            with contextlib.suppress(Exception):
                await self._commit()
            raise failed.exceptions[0] from None
        await self._commit()
        return self._progress

    # ── finding ──────────────────────────────────────────────────────────────────────────────

    async def _walk(self) -> None:
        walk = self._source.walk()
        while not self._stopping():
            batch = await asyncio.to_thread(self._next_batch, walk)
            if not batch:
                break
            for found, standing in batch:
                if isinstance(found, Gap):
                    self._tell(found)
                elif (
                    standing is not None and not self._around.reread and _unchanged(found, standing)
                ):
                    self._progress.unchanged += 1
                    self._progress.unchanged_bytes += found.size
                    self._read(found.key, found.size)
                else:
                    await self._queue.put(found)
        for _ in range(_AT_ONCE):
            await self._queue.put(None)

    def _next_batch(
        self, walk: Iterator[Found | Gap]
    ) -> list[tuple[Found | Gap, StoredObject | None]]:
        """The next things of the source, and what stands in their places. In a thread."""
        return [
            (
                found,
                None
                if isinstance(found, Gap)
                else self._around.state.object(self._dataset.name, found.key),
            )
            for found in itertools.islice(walk, _TOGETHER)
        ]

    # ── storing ──────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        while (found := await self._queue.get()) is not None:
            if self._stopping():
                continue  # the queue is emptied, so that the walk can end
            try:
                stored = await self._store(found)
            except SourceGapError as error:
                self._tell(Gap(what=found.key, why=error.message))
                continue
            if stored is None:
                continue
            self._done.append(stored)
            self._waiting += len(stored.cipher or b"")
            if len(self._done) >= _TOGETHER or self._waiting >= _WAITING:
                await self._commit()

    async def _store(self, found: Found) -> _Done | None:
        """Read, hash and encrypt one object, and write it if it is large; None when it was ended."""
        object_id = ObjectId(secrets.token_hex(16))
        key, wrapped = self._around.keys(object_id)
        cipher: memoryview | None = None
        if found.size <= _SMALL:
            now, digest, cipher = await asyncio.to_thread(
                _read_small, self._source, found, object_id, key
            )
            self._read(found.key, now.size)
        else:
            written: list[str] = []
            try:
                done = await self._store_large(found, object_id, key, written)
            except BaseException:
                await asyncio.shield(self._forget(written))
                raise
            if done is None:
                await self._forget(written)
                return None
            now, digest = done
        stored = StoredObject(
            id=object_id,
            dataset=self._dataset.name,
            key=found.key,
            size=now.size,
            sha256=digest,
            media_type=now.media_type,
            metadata=now.metadata,
            wrapped_key=wrapped,
            created_at=self._around.clock(),
            by_lease="",
        )
        return _Done(stored=stored, cipher=cipher)

    async def _store_large(
        self, found: Found, object_id: ObjectId, key: bytes, written: list[str]
    ) -> tuple[Found, Sha256] | None:
        digest = hashlib.sha256()
        opened = self._source.open(found)
        reader = await asyncio.to_thread(opened.__enter__)
        try:
            async with asyncio.TaskGroup() as writes:
                for part in itertools.count():
                    if self._stopping():
                        break
                    pair = await self._take_buffers()
                    length, total = await self._read_part(
                        reader, digest.update, pair, key=key, object_id=object_id, part=part
                    )
                    if not total:
                        break
                    name = part_name(object_id, part, 0)
                    written.append(name)
                    writes.create_task(self._write(name, pair, total))
                    self._read(found.key, length)
                    if length < PART_BYTES:
                        break
            if self._stopping():
                return None
            now = await asyncio.to_thread(reader.finish)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)
        return now, Sha256(digest.hexdigest())

    async def _read_part(
        self,
        reader: Reader,
        update: Callable[[Bytes], None],
        pair: Pair,
        *,
        key: bytes,
        object_id: ObjectId,
        part: int,
    ) -> tuple[int, int]:
        """(plaintext, ciphertext) bytes of the next part; nothing at the end, and the pair is free."""
        plain, cipher = pair
        try:
            length = await asyncio.to_thread(reader.fill, plain)
            if not length and part:
                self._buffers.put_nowait(pair)
                return 0, 0
            view = plain[:length]
            total = await _hash_and_seal(
                update, view, cipher, key=key, object_id=object_id, part=part
            )
        except BaseException:
            self._buffers.put_nowait(pair)
            raise
        return length, total

    async def _write(self, name: str, pair: Pair, total: int) -> None:
        try:
            await self._around.parts.write(name, pair[1][:total])
        finally:
            self._buffers.put_nowait(pair)

    async def _take_buffers(self) -> Pair:
        """A pair for one part. They are used again: making 128 MiB costs as much as hashing 50."""
        if self._buffers.empty() and self._made < _PAIRS:
            self._made += 1
            return aligned_buffer(PART_BYTES), aligned_buffer(OURS.ciphertext(PART_BYTES))
        return await self._buffers.get()

    async def _forget(self, written: list[str]) -> None:
        """Remove parts of an object that will not be; what fails here `dataset check` finds."""
        for name in written:
            with contextlib.suppress(Exception):
                await self._around.parts.delete(name)

    # ── committing ───────────────────────────────────────────────────────────────────────────

    async def _commit_now_and_then(self) -> None:
        while not self._ended.is_set():
            await self._commit()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _COMMIT_SECONDS)

    async def _commit(self) -> None:
        async with self._committing:
            while self._done:
                done, self._done = self._done[:_TOGETHER], self._done[_TOGETHER:]
                self._waiting -= sum(len(one.cipher or b"") for one in done)
                await asyncio.shield(self._commit_these(done))

    async def _commit_these(self, done: list[_Done]) -> None:
        """1. Parts that wait. 2. Entries. 3. Rows."""
        parts = [
            (part_name(one.stored.id, 0, 0), one.cipher) for one in done if one.cipher is not None
        ]
        try:
            await self._around.parts.write_many(parts)
        except BaseException:
            await self._forget([name for name, _ in parts])
            raise
        await asyncio.to_thread(self._record, [one.stored for one in done])
        self._progress.stored += len(done)
        self._progress.stored_bytes += sum(one.stored.size for one in done)

    def _record(self, done: list[StoredObject]) -> None:
        actor = self._around.actor
        self._around.record([object_entry(one, reason="registered", actor=actor) for one in done])
        self._around.state.put_objects(done)

    # ── telling ──────────────────────────────────────────────────────────────────────────────

    def _stopping(self) -> bool:
        if self._around.stop():
            self._progress.stopped = True
        return self._progress.stopped

    def _tell(self, gap: Gap) -> None:
        self._progress.gaps_total += 1
        if len(self._progress.gaps) < _SHOWN_GAPS:
            self._progress.gaps.append(gap)

    def _read(self, key: str, count: int) -> None:
        self._progress.read_bytes += count
        self._around.show(key, self._progress.read_bytes)


def _unchanged(found: Found, standing: StoredObject) -> bool:
    return not standing.by_lease and found.unchanged(standing.size, standing.metadata)


def seal_part(plain: Bytes, cipher: Bytes, *, key: bytes, object_id: ObjectId, part: int) -> int:
    """Encrypt one part with fresh randomness into a buffer; gives its length."""
    header = header_from(secrets.token_bytes(RANDOM_BYTES))
    memoryview(cipher)[:HEADER_BYTES] = header.render()
    part_key = derive_part_key(key, header.salt, part_aad(object_id, part, 0))
    return PartCipher(part_key, header.prefix).encrypt_into(plain, cipher)


async def _hash_and_seal(
    update: Callable[[Bytes], None],
    plain: Bytes,
    cipher: Bytes,
    *,
    key: bytes,
    object_id: ObjectId,
    part: int,
) -> int:
    """Both at the same time on two cores; neither holds the interpreter."""
    hashing = asyncio.ensure_future(asyncio.to_thread(update, plain))
    sealing = asyncio.to_thread(seal_part, plain, cipher, key=key, object_id=object_id, part=part)
    try:
        return await sealing
    finally:
        # The buffers are given to others after this, so nobody may still read them.
        await asyncio.shield(hashing)


def _read_small(
    source: Source, found: Found, object_id: ObjectId, key: bytes
) -> tuple[Found, Sha256, memoryview]:
    with source.open(found) as reader:
        plain = bytearray(found.size + 1)  # one more: a file that grows is noticed
        length = reader.fill(memoryview(plain))
        now = reader.finish()
    if length != now.size:
        raise SourceGapError("changed while it was read")
    view = memoryview(plain)[:length]
    cipher = bytearray(OURS.ciphertext(length))
    total = seal_part(view, cipher, key=key, object_id=object_id, part=0)
    return now, Sha256(hashlib.sha256(view).hexdigest()), memoryview(cipher)[:total]
