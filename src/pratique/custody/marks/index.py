"""The index of marks: recognises marked units in leaked data and tells which form each has.

For each marked unit: a keyed hash of what both forms have in common (`text.fold`), and of each form as
it is and without differences of type. So nobody learns a record from it, and a leaked unit names its
mark whatever happened to the data around it. It is stored encrypted like an object of the dataset; its
SHA-256 stands in the ledger.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from pratique.custody.marks.layout import from_little, little
from pratique.custody.marks.text import LONGEST_UNIT, SHORTEST_UNIT, both, fold, smooth, units
from pratique.custody.model import ObjectId
from pratique.errors import IntegrityError

SALT_BYTES: Final = 16
FIRST, SECOND = 1, 2
"""What was seen of a mark; both together: 3."""
_FORM_BITS: Final = (0, 0, 1, 1)
"""Where both forms were seen, the second one counts: the first is also what unmarked doubles show."""
_VERSION: Final = 2
_SHORTEST_NUMBER: Final = 10
_UNREADABLE: Final = 0


class IndexFormatError(IntegrityError):
    """An index of marks is not what was stored."""


class Place(NamedTuple):
    """Where a mark is: bytes of an object that a lease must have been given to show it."""

    object: ObjectId
    start: int
    end: int


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    salt: bytes
    first: int
    objects: tuple[str, ...]
    layouts: tuple[bytes, ...]
    place_objects: bytes
    place_starts: bytes
    place_ends: bytes
    marks: bytes
    keys: tuple[bytes, bytes, bytes, bytes, bytes]


class IndexBuilder:
    """Collects what a run of marking does. Marks are numbered from `first` on, in order."""

    def __init__(self, salt: bytes, *, first: int) -> None:
        """`salt`: `SALT_BYTES` fresh random bytes."""
        self._salt, self._first = salt, first
        self._objects: dict[ObjectId, int] = {}
        self._layouts: dict[ObjectId, bytes] = {}
        self._places = array("I"), array("Q"), array("Q")
        self._marks = array("I")
        self._keys = tuple(array("Q") for _ in range(5))
        self._taken: set[int] = set()

    @property
    def next_mark(self) -> int:
        """Number of the mark that `add_mark` makes next."""
        return self._first + len(self._places[0])

    def is_new(self, unit: str) -> bool:
        """Whether no mark sits in the same words already: then they could not be told apart."""
        return _hashed(self._salt, both(unit)[1]) not in self._taken

    def add_mark(self, place: Place) -> int:
        """A new mark; gives its number."""
        number = self._objects.setdefault(place.object, len(self._objects))
        for column, value in zip(self._places, (number, place.start, place.end), strict=True):
            column.append(value)
        return self.next_mark - 1

    def add_layout(self, object_id: ObjectId, rendered: bytes) -> None:
        """What an object's marks were stored as: the index tells later whether it is still that."""
        self._layouts[object_id] = hashlib.sha256(rendered).digest()

    def add_text(self, mark: int, first: str, second: str) -> None:
        """A unit that shows the mark, in both forms."""
        (smoothed, folded), (other, _) = both(first), both(second)
        alike = smoothed == other
        salt = self._salt
        self._add(
            mark,
            _hashed(salt, folded),
            _hashed(salt, first),
            _hashed(salt, second),
            _UNREADABLE if alike else _hashed(salt, smoothed),
            _UNREADABLE if alike else _hashed(salt, other),
        )

    def add_number(self, mark: int, first: str, second: str) -> None:
        """A decimal that shows the mark; its forms differ in the last digit."""
        salt = self._salt
        self._add(
            mark,
            _hashed(salt, _number_key(first)),
            _hashed(salt, first),
            _hashed(salt, second),
            _UNREADABLE,
            _UNREADABLE,
        )

    def add_content(self, mark: int, first: bytes, second: bytes) -> None:
        """A picture or fragment that shows the mark: digests of its content in both forms."""
        pair = _hashed(self._salt, first.hex()), _hashed(self._salt, second.hex())
        for key in pair:
            self._add(mark, key, *pair, _UNREADABLE, _UNREADABLE)

    def _add(self, mark: int, *hashes: int) -> None:
        self._taken.add(hashes[0])
        self._marks.append(mark)
        for column, value in zip(self._keys, hashes, strict=True):
            column.append(value)

    def render(self) -> bytes:
        """For storing."""
        objects, starts, ends = self._places
        key, first, second, smooth_first, smooth_second = map(little, self._keys)
        return msgspec.msgpack.encode(
            _Wire(
                version=_VERSION,
                salt=self._salt,
                first=self._first,
                objects=tuple(self._objects),
                layouts=tuple(self._layouts.get(one, b"") for one in self._objects),
                place_objects=little(objects),
                place_starts=little(starts),
                place_ends=little(ends),
                marks=little(self._marks),
                keys=(key, first, second, smooth_first, smooth_second),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A stored index, ready to read leaks with."""

    salt: bytes
    first: int
    objects: tuple[ObjectId, ...]
    layouts: tuple[bytes, ...]
    """SHA-256 of each object's layout; empty where nothing of it came into force."""
    places: tuple[array[int], array[int], array[int]]
    marks: array[int]
    forms: tuple[array[int], ...]
    """First, second, and both smoothed, of each entry."""
    by_key: Mapping[int, int]

    @property
    def count(self) -> int:
        """Number of marks."""
        return len(self.places[0])

    def place(self, mark: int) -> Place:
        """Where a mark is."""
        row = mark - self.first
        objects, starts, ends = self.places
        return Place(self.objects[objects[row]], starts[row], ends[row])


def parse_index(data: bytes) -> Index:
    """What was stored. Raises: IndexFormatError."""
    try:
        wire = msgspec.msgpack.decode(data, type=_Wire)
        keys, *forms = (from_little("Q", column) for column in wire.keys)
        marks = from_little("I", wire.marks)
        places = (
            from_little("I", wire.place_objects),
            from_little("Q", wire.place_starts),
            from_little("Q", wire.place_ends),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise IndexFormatError("the index of a dataset's marks cannot be read") from None
    lengths = {len(keys), *map(len, forms)}
    if (
        wire.version != _VERSION
        or lengths != {len(marks)}
        or len(wire.layouts) != len(wire.objects)
    ):
        raise IndexFormatError("the index of a dataset's marks cannot be read")
    return Index(
        salt=wire.salt,
        first=wire.first,
        objects=tuple(map(ObjectId, wire.objects)),
        layouts=wire.layouts,
        places=places,
        marks=marks,
        forms=tuple(forms),
        by_key={key: row for row, key in enumerate(keys)},
    )


class Reading:
    """What a leaked sample says of the marks of one index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._seen: dict[int, int] = {}
        """Entry → `FIRST` | `SECOND`."""
        self._blurred: set[int] = set()

    def text(self, value: str) -> None:
        """Look at a text."""
        index = self._index
        rows, salt = index.by_key, index.salt
        for start, end in units(value):
            if not SHORTEST_UNIT - 4 <= end - start <= LONGEST_UNIT:
                continue
            unit = value[start:end].strip()
            smoothed = smooth(unit)
            row = rows.get(_hashed(salt, fold(smoothed)))
            if row is not None:
                self._note(row, _hashed(salt, unit), _hashed(salt, smoothed))

    def number(self, value: float) -> None:
        """Look at a decimal."""
        written = repr(value)
        if len(written) >= _SHORTEST_NUMBER:
            row = self._index.by_key.get(_hashed(self._index.salt, _number_key(written)))
            if row is not None:
                self._note(row, _hashed(self._index.salt, written), _UNREADABLE)

    def content(self, digest: bytes) -> None:
        """Look at a picture or fragment."""
        hashed = _hashed(self._index.salt, digest.hex())
        row = self._index.by_key.get(hashed)
        if row is not None:
            self._note(row, hashed, _UNREADABLE)

    def _note(self, row: int, exact: int, smoothed: int) -> None:
        first, second, smooth_first, smooth_second = (column[row] for column in self._index.forms)
        if exact == first or (smoothed and smoothed == smooth_first):
            form = FIRST
        elif exact == second or (smoothed and smoothed == smooth_second):
            form = SECOND
        else:
            self._blurred.add(row)
            return
        self._seen[row] = self._seen.get(row, 0) | form

    @property
    def blurred(self) -> int:
        """Marks that were recognised, but whose form was made unreadable."""
        marks = self._index.marks
        return len({marks[row] for row in self._blurred} - set(self.bits()))

    def bits(self) -> dict[int, int]:
        """Mark → 0 (first form) or 1; of a mark that many units show, what most of them say."""
        votes: dict[int, int] = {}
        for row, seen in self._seen.items():
            mark = self._index.marks[row]
            votes[mark] = votes.get(mark, 0) + (1 if _FORM_BITS[seen] else -1)
        return {mark: int(vote >= 0) for mark, vote in sorted(votes.items())}


def read_values(value: object) -> Iterator[str | float]:
    """Every text and decimal in a parsed record, however deep."""
    waiting: list[object] = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str | float):
            yield here
        elif isinstance(here, Mapping):
            waiting.extend(here.values())
        elif isinstance(here, Sequence) and not isinstance(here, bytes | bytearray):
            waiting.extend(here)


def read_record(readings: Iterable[Reading], record: object) -> None:
    """Look at a parsed record with several indexes."""
    for value in read_values(record):
        for reading in readings:
            if isinstance(value, str):
                reading.text(value)
            else:
                reading.number(value)


def _number_key(written: str) -> str:
    return f"\x00{written[:-1]}"


def _hashed(salt: bytes, text: str) -> int:
    # Leaked text may hold half a pair of surrogates; such a unit is nobody's.
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=salt).digest(), "little")
