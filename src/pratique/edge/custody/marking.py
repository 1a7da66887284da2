"""Marking a dataset: second forms of some of its records, where they are, and the index of them.

Order of durability: 1. second forms, layouts and index, encrypted, where parts are kept; 2. the `marks`
entry, with the index's SHA-256 and the commitment to the mark key; 3. the rows that put the marks into
force. What a crash leaves before 3 is served to nobody, and written again by the next run.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pratique.custody.marks.index import SALT_BYTES, IndexBuilder, Place
from pratique.custody.marks.jsonl import choose
from pratique.custody.marks.layout import Layout, Stretch
from pratique.custody.marks.records import LAYOUT_PART, VARIANT, MarkRun, MarkState, ObjectMarks
from pratique.custody.model import ObjectId, StoredObject
from pratique.custody.ports import DatasetState
from pratique.edge.custody.broker_admin import BrokerAdmin
from pratique.edge.custody.operator_parts import OperatorParts
from pratique.ledger.entries import Draft
from pratique.values.instants import Clock

DEFAULT_SHARE: Final = 0.03
DEFAULT_MOST: Final = 50_000
"""Marks of one dataset: a sample of one part in a thousand still shows fifty."""
_PAGE: Final = 1000
_JSONL: Final = (".jsonl", ".ndjson")

Show = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmarkable:
    """An object that gets no marks."""

    key: str
    why: str


@dataclass(slots=True, kw_only=True)
class Made:
    """What was made of one object: its stretches and their second forms."""

    stretches: list[Stretch] = field(default_factory=list)
    second: bytearray = field(default_factory=bytearray)
    layout: Layout | None = None
    """Where it has more than stretches, such as a footer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a run did."""

    run: MarkRun | None
    """None: there was nothing to mark."""
    objects: int
    already: int
    """Objects that had marks before."""
    unmarkable: tuple[Unmarkable, ...]
    read_bytes: int
    second_bytes: int


class Marker(Protocol):
    """Makes the second forms of one kind of object."""

    def takes(self, stored: StoredObject) -> bool:
        """Whether the object is of its kind."""
        ...

    async def mark(
        self, stored: StoredObject, parts: OperatorParts, index: IndexBuilder, *, most: int
    ) -> Made | str:
        """Second forms with at most `most` marks, or a sentence that says why there are none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingGround:
    """What marking works with."""

    datasets: DatasetState
    marks: MarkState
    admin: BrokerAdmin
    parts: OperatorParts
    record: Callable[[Draft], int]
    """Makes an entry durable; gives its sequence."""
    clock: Clock
    actor: str


class JsonlMarker:
    """Records of JSON Lines."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._draw = secrets.SystemRandom().random

    def takes(self, stored: StoredObject) -> bool:
        """By the end of its key."""
        return stored.key.lower().endswith(_JSONL)

    async def mark(
        self, stored: StoredObject, parts: OperatorParts, index: IndexBuilder, *, most: int
    ) -> Made | str:
        """Second forms of some records."""
        made, base, rest = Made(), 0, b""
        async for part in parts.canonical(stored):
            data = rest + bytes(part)
            end = data.rfind(b"\n") + 1
            if base + len(data) == stored.size:
                end = len(data)  # the last line needs no end
            # A line that is longer than a part waits for its end.
            room = round((most - len(made.stretches)) * end / (stored.size - base)) if end else 0
            self._lines(data[:end], base, room, made, (stored.id, index))
            base, rest = base + end, data[end:]
        return made if made.stretches else "no record of it has a text that may be changed"

    def _lines(
        self, data: bytes, base: int, most: int, made: Made, to: tuple[ObjectId, IndexBuilder]
    ) -> None:
        object_id, index = to
        for begin, form in choose(data, share=self._share, most=most, draw=self._draw):
            if not form.is_number and not index.is_new(form.first_text):
                continue
            start = base + begin + form.start
            end = start + len(form.other)
            mark = index.add_mark(Place(object_id, start, end))
            add = index.add_number if form.is_number else index.add_text
            add(mark, form.first_text, form.second_text)
            made.stretches.append(Stretch(mark, start, end - start))
            made.second += form.other


async def mark_dataset(
    ground: MarkingGround, dataset: str, *, markers: Sequence[Marker], most: int, show: Show
) -> Marked:
    """Mark what is not marked yet of a dataset.

    `show` is told what is being read, and how many bytes were.
    Raises: BrokerRefusedError, UnavailableError, IntegrityError; then nothing is in force.
    """
    runs = ground.marks.mark_runs(dataset)
    first = runs[-1].first + runs[-1].count if runs else 0
    index = IndexBuilder(secrets.token_bytes(SALT_BYTES), first=first)
    waiting, already = _waiting(ground, dataset)
    total = sum(one.size for one in waiting) or 1
    left, objects, unmarkable, read, second = max(0, most - first), [], [], 0, 0
    for stored in waiting:
        show(stored.key, read)
        # Each object gets its part of the marks that may still be made, by its size.
        room = -(-left * stored.size // max(1, total - read)) if stored.size else 0
        made = await _marked(stored, ground.parts, index, markers, room)
        read += stored.size
        if isinstance(made, str):
            unmarkable.append(Unmarkable(key=stored.key, why=made))
            continue
        layout = made.layout or Layout(made.stretches)
        rendered = layout.render(made.second)
        index.add_layout(stored.id, rendered)
        await ground.parts.write_all(stored.id, stored.wrapped_key, made.second, variant=VARIANT)
        await ground.parts.write(stored.id, stored.wrapped_key, LAYOUT_PART, VARIANT, rendered)
        left -= layout.marks
        second += len(made.second)
        objects.append(
            ObjectMarks(
                object=stored.id, dataset=dataset, layout_size=len(rendered), marks=layout.marks
            )
        )
    run = await _finish(ground, dataset, index, objects) if objects else None
    return Marked(
        run=run,
        objects=len(objects),
        already=already,
        unmarkable=tuple(unmarkable),
        read_bytes=read,
        second_bytes=second,
    )


def _waiting(ground: MarkingGround, dataset: str) -> tuple[list[StoredObject], int]:
    """Objects that stand in the dataset without marks, and how many have some."""
    waiting, already = [], 0
    for page in _pages(ground.datasets, dataset):
        marked = ground.marks.marked([one.id for one in page])
        waiting += [one for one in page if one.id not in marked]
        already += len(marked)
    return waiting, already


def _pages(state: DatasetState, dataset: str) -> Iterator[Sequence[StoredObject]]:
    after = ""
    while page := state.objects(dataset, after=after, limit=_PAGE):
        yield page
        after = page[-1].key


async def _marked(
    stored: StoredObject,
    parts: OperatorParts,
    index: IndexBuilder,
    markers: Sequence[Marker],
    room: int,
) -> Made | str:
    marker = next((one for one in markers if one.takes(stored)), None)
    if marker is None:
        return "nothing here knows how to make a second form of such a file"
    if not room:
        return "the dataset has as many marks as it may have, or the object is empty"
    return await marker.mark(stored, parts, index, most=room)


async def _finish(
    ground: MarkingGround, dataset: str, index: IndexBuilder, objects: Sequence[ObjectMarks]
) -> MarkRun:
    """Store the index, tell the ledger, put everything into force."""
    runs = ground.marks.mark_runs(dataset)
    data = index.render()
    index_id = ObjectId(secrets.token_hex(16))
    _, wrapped = ground.admin.new_object_key(dataset, index_id)
    await ground.parts.write_all(index_id, wrapped, data, variant=0)
    first = runs[-1].first + runs[-1].count if runs else 0
    count = index.next_mark
    digest = hashlib.sha256(data).hexdigest()
    key = ground.admin.commitment(dataset, "", 0).key
    version = ground.datasets.dataset(dataset)
    entry = ground.record(
        Draft(
            kind="marks",
            subject=f"dataset:{dataset}",
            actor=ground.actor,
            body={
                "version": version.version if version is not None else 0,
                "marks": count,
                "key_commitment": key,
                "index_sha256": digest,
            },
        )
    )
    run = MarkRun(
        dataset=dataset,
        number=len(runs) + 1,
        first=first,
        count=count - first,
        index=index_id,
        index_size=len(data),
        index_sha256=digest,
        wrapped_key=wrapped,
        key_commitment=key,
        entry=entry,
        at=ground.clock(),
    )
    ground.marks.add_marks(run, objects)
    return run
