"""Thrift's compact protocol, as much as the footer of a Parquet file needs.

Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

_DOUBLE_BYTES: Final = 8
_DEEPEST: Final = 32
_LONG_LIST: Final = 15
_MOST_BITS: Final = 70


class ThriftError(ValueError):
    """Bytes that are not Thrift's."""


class Field(NamedTuple):
    """A field's type and value: an int, bytes, a `Listed` or a `Struct`."""

    kind: int
    value: Any


class Listed(NamedTuple):
    """A list or set with the type of its elements."""

    kind: int
    values: list[Any]


Struct: TypeAlias = dict[int, Field]
"""By number, in the order of the file."""


def parse_struct(data: bytes) -> Struct:
    """The struct that begins the bytes. Raises: ThriftError."""
    try:
        return _Reader(data).struct(0)
    except IndexError:
        raise ThriftError("the bytes end too early") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ThriftError("nested too deeply")
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._zigzag()
            fields[number] = Field(kind, self._value(kind, depth, in_list=False))
        return fields

    def _value(self, kind: int, depth: int, *, in_list: bool) -> Any:  # noqa: ANN401 - whatever the type says
        if kind in {TRUE, FALSE}:
            return self._byte() if in_list else kind
        if kind == BYTE:
            return self._byte()
        if kind in {I16, I32, I64}:
            return self._zigzag()
        if kind == DOUBLE:
            return self._bytes(_DOUBLE_BYTES)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in {LIST, SET}:
            head = self._byte()
            size, inner = head >> 4, head & 15
            if size == _LONG_LIST:
                size = self._varint()
            if size > len(self._data):
                raise ThriftError("a list that is longer than its bytes")
            return Listed(inner, [self._value(inner, depth, in_list=True) for _ in range(size)])
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ThriftError(f"type {kind} stands in no footer")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise ThriftError("the bytes end too early")
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > _MOST_BITS:
                raise ThriftError("a number that is too long")
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)


def render_fields(fields: Struct, *, after: int = 0) -> bytes:
    """Fields behind field `after`, without the struct's end."""
    out = bytearray()
    for number, (kind, value) in fields.items():
        delta = number - after
        if 0 < delta <= 15:  # noqa: PLR2004 - four bits
            out.append(delta << 4 | kind)
        else:
            out.append(kind)
            out += _varint(number << 1 ^ number >> 31)
        out += _rendered(kind, value, in_list=False)
        after = number
    return bytes(out)


def render_struct(fields: Struct) -> bytes:
    """A whole struct."""
    return render_fields(fields) + b"\x00"


def render_list_head(size: int, kind: int) -> bytes:
    """What stands before the elements of a list."""
    if size < _LONG_LIST:
        return bytes((size << 4 | kind,))
    return bytes((_LONG_LIST << 4 | kind,)) + _varint(size)


def _rendered(kind: int, value: Any, *, in_list: bool) -> bytes:  # noqa: ANN401 - as above
    if kind in {TRUE, FALSE}:
        return bytes((value,)) if in_list else b""
    if kind == BYTE:
        return bytes((value,))
    if kind in {I16, I32, I64}:
        return _varint(value << 1 ^ value >> 63)
    if kind == DOUBLE:
        return bytes(value)
    if kind == BINARY:
        return _varint(len(value)) + bytes(value)
    if kind in {LIST, SET}:
        head = render_list_head(len(value.values), value.kind)
        return head + b"".join(_rendered(value.kind, one, in_list=True) for one in value.values)
    return render_struct(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004 - seven bits
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
