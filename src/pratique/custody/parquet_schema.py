"""Columns of a Parquet file, from the first bytes of its footer, in the words of Delta tables.

A footer is one structure in Thrift's compact protocol that begins with the schema; what follows (row groups,
statistics) is never read. The bytes are a client's and may be anything: everything is bounded.

Source: parquet.thrift of the format's repository; "Schema serialization format" of the Delta protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.errors import InputError

MAGIC: Final = b"PAR1"
TAIL_BYTES: Final = 8
"""Length of the footer and the magic, at the end of a file."""
_MOST_ELEMENTS: Final = 20_000
_DEEPEST: Final = 32
_LONGEST_NAME: Final = 4096
_MOST_LIST: Final = 1 << 20

# Thrift's compact types.
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(
    13
)
# Fields of SchemaElement.
_TYPE, _REPETITION, _NAME, _CHILDREN, _CONVERTED, _SCALE, _PRECISION, _LOGICAL = (
    1,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
)
_REPEATED: Final = 2

_Fields: TypeAlias = dict[int, Any]
SparkType: TypeAlias = str | dict[str, Any]

_PHYSICAL: Final = (
    "boolean",
    "integer",
    "long",
    "timestamp",
    "float",
    "double",
    "binary",
    "binary",
)
_BY_CONVERTED: Final[dict[int, SparkType]] = {
    0: "string", 4: "string", 6: "date", 7: "integer", 8: "long", 9: "timestamp", 10: "timestamp",
    11: "short", 12: "integer", 13: "long", 14: "decimal(20,0)", 15: "byte", 16: "short",
    17: "integer", 18: "long", 19: "string", 20: "binary",
}  # fmt: skip
_BY_LOGICAL: Final = {
    1: "string",
    4: "string",
    6: "date",
    8: "timestamp",
    12: "string",
    13: "binary",
}
_SIGNED: Final = {8: "byte", 16: "short", 32: "integer", 64: "long"}
_UNSIGNED: Final = {8: "short", 16: "integer", 32: "long", 64: "decimal(20,0)"}
_DECIMAL_CONVERTED, _LIST_CONVERTED, _MAPS_CONVERTED = 5, 3, (1, 2)
_MAP_LOGICAL, _LIST_LOGICAL, _DECIMAL_LOGICAL, _INTEGER_LOGICAL = 2, 3, 5, 10


class TruncatedError(Exception):
    """The schema goes on behind the bytes that were given."""


@dataclass(frozen=True, slots=True)
class _Element:
    """One line of the flattened tree."""

    fields: _Fields

    @property
    def name(self) -> str:
        return str(self.fields.get(_NAME, ""))

    @property
    def children(self) -> int:
        return _number(self.fields, _CHILDREN, 0)


def footer_length(tail: bytes, size: int) -> int:
    """Bytes of the footer, from the last eight bytes of a file. Raises: InputError."""
    length = int.from_bytes(tail[:4], "little")
    if (
        len(tail) != TAIL_BYTES
        or tail[4:] != MAGIC
        or not 0 < length <= size - TAIL_BYTES - len(MAGIC)
    ):
        raise InputError("this is no Parquet file: its end is not a footer's")
    return length


def parse_schema(footer: bytes) -> dict[str, Any]:
    """The schema as Delta tables write it: `{"type": "struct", "fields": […]}`.

    Shape: `footer` may end early, as long as the schema lies within.
    Raises: TruncatedError when it does not; InputError when it is none.
    """
    reader = _Reader(footer)
    elements = None
    for number, kind in reader.fields():
        if number == 2 and kind == _LIST:  # noqa: PLR2004 - FileMetaData.schema
            elements = [
                _Element(reader.struct(0)) for _ in range(reader.length(_STRUCT, _MOST_ELEMENTS))
            ]
            break
        reader.skip(kind, 0)
    if not elements:
        raise InputError("the footer of the Parquet file holds no schema")
    columns = _Columns(elements)
    return columns.struct(columns.take(), 0)


def _number(fields: _Fields, number: int, default: int) -> int:
    """A number among fields; what is there and is none makes the whole footer none."""
    value = fields.get(number, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError("the schema of the Parquet file has a number that is none")
    return value


def _inner(fields: _Fields, number: int) -> _Fields:
    """A structure among fields, empty where there is none."""
    value = fields.get(number, {})
    if not isinstance(value, dict):
        raise InputError("the schema of the Parquet file has a type that is none")
    return value


class _Columns:
    """Reads elements in their order, children behind their parent."""

    def __init__(self, elements: list[_Element]) -> None:
        self._elements = elements
        self._at = 0

    def take(self) -> _Element:
        if self._at >= len(self._elements):
            raise InputError("the schema of the Parquet file promises more columns than it has")
        self._at += 1
        return self._elements[self._at - 1]

    def struct(self, parent: _Element, depth: int) -> dict[str, Any]:
        fields = [self._field(depth) for _ in range(parent.children)]
        return {"type": "struct", "fields": fields}

    def _field(self, depth: int) -> dict[str, Any]:
        element = self.take()
        repeated = element.fields.get(_REPETITION) == _REPEATED
        found = self._type(element, depth + 1)
        if repeated:
            found = {"type": "array", "elementType": found, "containsNull": False}
        return {"name": element.name, "type": found, "nullable": True, "metadata": {}}

    def _type(self, element: _Element, depth: int) -> SparkType:
        if depth > _DEEPEST:
            raise InputError(f"the schema of the Parquet file is deeper than {_DEEPEST} levels")
        if not element.children:
            return _leaf(element.fields)
        converted = _number(element.fields, _CONVERTED, -1)
        logical = _inner(element.fields, _LOGICAL)
        if element.children == 1 and (_LIST_LOGICAL in logical or converted == _LIST_CONVERTED):
            return {"type": "array", "elementType": self._item(depth), "containsNull": True}
        if element.children == 1 and (_MAP_LOGICAL in logical or converted in _MAPS_CONVERTED):
            return self._map(depth)
        return self.struct(element, depth)

    def _item(self, depth: int) -> SparkType:
        """What a list holds: below the repeated group, or (two levels, old files) that itself."""
        middle = self.take()
        if middle.children == 1 and middle.name not in {"array", "tuple"}:
            return self._type(self.take(), depth + 1)
        return self._type(middle, depth + 1)

    def _map(self, depth: int) -> SparkType:
        pair = self.struct(self.take(), depth + 1)["fields"]
        if len(pair) != 2:  # noqa: PLR2004 - a key and a value
            raise InputError("a map of the Parquet file has no key and value")
        key, value = (one["type"] for one in pair)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}


def _leaf(fields: _Fields) -> SparkType:
    logical = _inner(fields, _LOGICAL)
    for number in logical:
        if number in _BY_LOGICAL:
            return _BY_LOGICAL[number]
        if number == _INTEGER_LOGICAL:
            inner = _inner(logical, number)
            named = _SIGNED if inner.get(2, True) else _UNSIGNED
            return named.get(_number(inner, 1, 0), "long")
    converted = _number(fields, _CONVERTED, -1)
    if _DECIMAL_LOGICAL in logical or converted == _DECIMAL_CONVERTED:
        inner = _inner(logical, _DECIMAL_LOGICAL)
        scale = _number(inner, 1, _number(fields, _SCALE, 0))
        return f"decimal({_number(inner, 2, _number(fields, _PRECISION, 10))},{scale})"
    if converted in _BY_CONVERTED:
        return _BY_CONVERTED[converted]
    kind = _number(fields, _TYPE, -1)
    if not 0 <= kind < len(_PHYSICAL):
        raise InputError("a column of the Parquet file has no type")
    return _PHYSICAL[kind]


class _Reader:
    """Thrift's compact protocol, as much of it as footers use."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """(number, type) of each field of a structure; the caller reads or skips the value."""
        number = 0
        while True:
            head = self._byte()
            if head == _STOP:
                return
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            yield number, head & 15

    def struct(self, depth: int) -> _Fields:
        """Fields of a structure, those of inner structures too; lists are skipped."""
        return {number: self._value(kind, depth + 1) for number, kind in self.fields()}

    def length(self, kind: int, most: int) -> int:
        """Number of elements of a list of `kind`."""
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()  # noqa: PLR2004 - a longer one follows
        if head & 15 != kind or count > most:
            raise InputError("the footer of the Parquet file holds a list that is none")
        return count

    def skip(self, kind: int, depth: int) -> None:
        """Pass over a value."""
        if kind in {_LIST, _SET}:
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._varint()  # noqa: PLR2004 - as above
            if count > _MOST_LIST:
                raise InputError("the footer of the Parquet file holds a list that is too long")
            inner = _BYTE if head & 15 in {_TRUE, _FALSE} else head & 15
            for _ in range(count):
                self.skip(inner, depth + 1)
        else:
            self._value(kind, depth + 1)

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401 - as its type says
        if depth > _DEEPEST:
            raise InputError("the footer of the Parquet file is nested too deeply")
        match kind:
            case 1 | 2:
                return kind == _TRUE
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._take(8)
            case 8:
                return self._take(self._varint(), most=_LONGEST_NAME).decode("utf-8", "replace")
            case 9 | 10:
                return self.skip(kind, depth)
            case 12:
                return self.struct(depth)
        raise InputError("the footer of the Parquet file holds a type that is none")

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise TruncatedError
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count: int, *, most: int = 64) -> bytes:
        if count > most:
            raise InputError("the footer of the Parquet file holds a name that is too long")
        if self._at + count > len(self._data):
            raise TruncatedError
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last one has no high bit
                return value
            shift += 7
            if shift > 63:  # noqa: PLR2004 - 64 bits
                raise InputError("the footer of the Parquet file holds a number that is none")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
