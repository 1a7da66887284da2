"""The integrity sweep: does everything that versions promise still lie there, unchanged?

What is needed (objects that stand or are in a version) and what lies there are walked side by side, both
ordered by object, so that neither is ever held whole. Of each object: all parts are there, as long as they
must be, each decrypts, and the plaintext has the size and the SHA-256 that the version says; of its marks,
what `mark_checking` says. What belongs to nothing is an *orphan*: a crash left it, or its object is gone.
Young ones may be objects on their way and are left alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import re
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final, Protocol

from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PartCipher,
    parse_header,
    part_name,
    part_plaintext,
)
from pratique.custody.errors import BrokerRefusedError, PartMissingError
from pratique.custody.marks.records import LAYOUT_PART, VARIANT, MarkRun
from pratique.custody.model import PART_BYTES, Dataset, ObjectId, StoredObject
from pratique.custody.ports import PartAsk
from pratique.edge.custody.mark_checking import KeptMarks, MarkChecks, Whole
from pratique.edge.custody.part_listing import KeptPart, ListedParts
from pratique.errors import IntegrityError
from pratique.values.instants import Instant

YOUNG: Final = timedelta(hours=24)
_SHOWN: Final = 1000
_TOGETHER: Final = 256
_LARGE: Final = PART_BYTES // 2
"""From this size on the buffer is made for any part."""
_FOLDER: Final = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})/(.+)", re.DOTALL)
_PART: Final = re.compile(r"(0|[1-9][0-9]{0,8})\.([01])")


class KeptObjects(KeptMarks, Protocol):
    """What of custody's store the sweep asks."""

    def datasets(self) -> Sequence[Dataset]:
        """All datasets."""
        ...

    def kept_objects(self, dataset: str) -> Iterator[StoredObject]:
        """Objects whose parts are needed, by id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something of an object that does not hold."""

    dataset: str
    key: str
    object: ObjectId
    what: str


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a sweep found."""

    objects: int = 0
    bytes: int = 0
    sealed: int = 0
    """Objects that only the client can open: of these only lengths were looked at."""
    marked: int = 0
    """Objects with marks."""
    indexes: int = 0
    """Indexes of marks."""
    damaged_total: int = 0
    damaged: list[Damage] = field(default_factory=list)
    orphans_total: int = 0
    orphan_bytes: int = 0
    orphans: list[str] = field(default_factory=list)
    young: int = 0
    """Parts of no object that are too new to be called orphans."""
    removed: int = 0
    stopped: bool = False

    def damage(self, one: StoredObject, what: str) -> None:
        """Tell of something that does not hold; the first thousand are kept."""
        self._damaged(Damage(dataset=one.dataset, key=one.key, object=one.id, what=what))

    def damage_of_index(self, run: MarkRun, what: str) -> None:
        """The same, of an index of marks, which stands at no key."""
        said = f"the index of marks of run {run.number}, part {part_name(run.index, 0, 0)}: {what}"
        self._damaged(Damage(dataset=run.dataset, key="", object=run.index, what=said))

    def _damaged(self, one: Damage) -> None:
        self.damaged_total += 1
        if len(self.damaged) < _SHOWN:
            self.damaged.append(one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a sweep works with."""

    state: KeptObjects
    parts: ListedParts
    keys: Callable[[Sequence[PartAsk]], Sequence[bytes]]
    """Keys of parts, from the broker. Asked in a thread, one question after another."""
    stages: Callable[[], Iterable[ObjectId]]
    """What stands for objects' ids in parts of uploads, and in indexes of marks."""
    told_index: Callable[[MarkRun], str | None]
    """SHA-256 of an index of marks, as the ledger entry of its run says; None when it is no such entry."""
    now: Instant
    only: Collection[str] = ()
    """Datasets whose objects are read; none: all."""
    repair: bool = False
    """Remove orphans."""
    young: timedelta = YOUNG
    stop: Callable[[], bool] = lambda: False
    show: Callable[[str, int], None] = lambda _what, _bytes: None


async def check(sweep: Sweep) -> Checked:
    """Look at everything. Raises: UnavailableError when parts, rows or keys cannot be had."""
    return await _Sweeping(sweep).run()


class _Sweeping:
    """One sweep."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep, self._found = sweep, Checked()
        self._plain = bytearray()
        living = [one for one in sweep.state.datasets() if one.shredded_at is None]
        self._sealed = {one.name for one in living if one.sealed}
        self._living = [one.name for one in living]
        self._stages = frozenset(sweep.stages())
        self._marks = MarkChecks(sweep.state, self._opened, sweep.told_index)

    async def run(self) -> Checked:
        for name in self._living:
            if not self._sweep.only or name in self._sweep.only:
                self._found.indexes += await self._marks.indexes(name, self._found.damage_of_index)
        needed = _Stream(self._needed())
        lying = self._lying()
        folder = await anext(lying, None)
        wanted = await needed.next()
        while folder is not None or wanted is not None:
            if self._sweep.stop():
                self._found.stopped = True
                break
            if wanted is None or (folder is not None and folder[0] < wanted.id):
                assert folder is not None
                await self._strays(folder[1], known=folder[0] in self._stages)
                folder = await anext(lying, None)
            elif folder is None or wanted.id < folder[0]:
                self._absent(wanted)
                wanted = await needed.next()
            else:
                await self._object(wanted, folder[1])
                folder = await anext(lying, None)
                wanted = await needed.next()
        return self._found

    def _needed(self) -> Iterator[StoredObject]:
        every = (self._sweep.state.kept_objects(name) for name in self._living)
        return heapq.merge(*every, key=lambda one: one.id)

    async def _lying(self) -> AsyncIterator[tuple[str, list[KeptPart]]]:
        """What lies there, by object; what has no such place comes first, as the object ''."""
        group: list[KeptPart] = []
        current = ""
        async for part in self._sweep.parts.listed():
            place = _FOLDER.fullmatch(part.name)
            if place is None or not part.name.startswith(place[1][:2]):
                await self._strays([part], known=False)
                continue
            if place[1] != current and group:
                yield current, group
                group = []
            current = place[1]
            group.append(part)
        if group:
            yield current, group

    # ── what belongs to nothing ──────────────────────────────────────────────────────────────

    async def _strays(self, strays: Sequence[KeptPart], *, known: bool) -> None:
        if known:
            return
        for stray in strays:
            if self._sweep.now - stray.changed_at < self._sweep.young:
                self._found.young += 1
                continue
            self._found.orphans_total += 1
            self._found.orphan_bytes += stray.size
            if len(self._found.orphans) < _SHOWN:
                self._found.orphans.append(stray.name)
            if self._sweep.repair:
                await self._sweep.parts.delete(stray.name)
                self._found.removed += 1

    # ── what is needed ───────────────────────────────────────────────────────────────────────

    def _asked(self, one: StoredObject) -> bool:
        return not self._sweep.only or one.dataset in self._sweep.only

    def _absent(self, one: StoredObject) -> None:
        if self._asked(one):
            self._found.objects += 1
            self._found.damage(one, f"all {one.parts} parts are missing")

    async def _object(self, one: StoredObject, lying: Sequence[KeptPart]) -> None:
        sizes: dict[int, int] = {}
        second: dict[int, KeptPart] = {}
        strays = []
        for part in lying:
            place = _PART.fullmatch(part.name.rpartition("/")[2])
            number = int(place[1]) if place else one.parts
            layout = place is not None and place[0] == f"{LAYOUT_PART}.{VARIANT}"
            if place is None or (number >= one.parts and not layout):
                strays.append(part)
            elif place[2] == "0":
                sizes[number] = part.size
            else:
                second[number] = part
        await self._strays(strays, known=False)
        if not self._asked(one):
            return
        self._found.objects += 1
        if not self._lengths_hold(one, sizes):
            return
        if one.dataset in self._sealed:
            self._found.sealed += 1
        else:
            await self._content(one)
        await self._second_forms(one, second)

    async def _second_forms(self, one: StoredObject, lying: Mapping[int, KeptPart]) -> None:
        lengths = {number: part.size for number, part in lying.items()}
        has_marks, strays = await self._marks.object(
            one, lengths, lambda what: self._found.damage(one, what)
        )
        self._found.marked += has_marks
        await self._strays([lying[number] for number in strays], known=False)

    def _lengths_hold(self, one: StoredObject, sizes: dict[int, int]) -> bool:
        holds = True
        for part in range(one.parts):
            expected = OURS.ciphertext(part_plaintext(one.size, part))
            if part not in sizes:
                self._found.damage(one, f"part {part_name(one.id, part, 0)} is missing")
                holds = False
            elif sizes[part] != expected:
                self._found.damage(
                    one,
                    f"part {part_name(one.id, part, 0)} has {sizes[part]} bytes, not {expected}",
                )
                holds = False
        return holds

    async def _content(self, one: StoredObject) -> None:
        digest = hashlib.sha256()
        for part in range(one.parts):
            try:
                whole = Whole(
                    object=one.id,
                    wrapped_key=one.wrapped_key,
                    part=part,
                    variant=0,
                    size=part_plaintext(one.size, part),
                )
                plain = await self._opened(whole)
            except (PartMissingError, IntegrityError, BrokerRefusedError) as error:
                if isinstance(error, BrokerRefusedError) and error.reason != "key":
                    raise
                self._found.damage(one, f"part {part_name(one.id, part, 0)}: {error.message}")
                return
            await asyncio.to_thread(digest.update, plain)
            self._found.bytes += len(plain)
            self._sweep.show(one.key, self._found.bytes)
        if digest.hexdigest() != one.sha256:
            self._found.damage(one, "its bytes do not have the SHA-256 that they had")

    async def _opened(self, whole: Whole) -> memoryview:
        """A part's plaintext, in a buffer that the next one takes."""
        name, size = part_name(whole.object, whole.part, whole.variant), whole.size
        cipher = memoryview(await self._sweep.parts.read(name, 0, OURS.ciphertext(size)))
        header = parse_header(cipher)
        ask = PartAsk(
            object=whole.object,
            wrapped_key=whole.wrapped_key,
            part=whole.part,
            variant=whole.variant,
            salt=header.salt,
        )
        (key,) = await asyncio.to_thread(self._sweep.keys, [ask])
        if len(self._plain) < size:
            self._plain = bytearray(size if size < _LARGE else PART_BYTES)
        span = OURS.span(0, size, size)
        cipherer = PartCipher(key, header.prefix)
        return await asyncio.to_thread(
            cipherer.decrypt_into, cipher[HEADER_BYTES:], span, self._plain
        )


class _Stream:
    """Rows of the store, fetched in a thread some at a time."""

    def __init__(self, rows: Iterator[StoredObject]) -> None:
        self._rows = rows
        self._batch: Iterator[StoredObject] = iter(())

    async def next(self) -> StoredObject | None:
        """The next row; None at the end."""
        found = next(self._batch, None)
        if found is None:
            batch = await asyncio.to_thread(lambda: list(islice(self._rows, _TOGETHER)))
            self._batch = iter(batch)
            found = next(self._batch, None)
        return found
