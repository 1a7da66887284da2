"""Parquet whose row groups have a second form: where its bytes go, and the footer that tells of them.

In a marked row group one column of text has a second form: a column chunk that is no longer than the first
and lies in its place. Everything else stays where it is; each lease's footer is put together from the row
groups' entries, first or second, and filled up in front to the length of the registered one. So every
lease's file has the same size, and data at the same places.
Source: apache/parquet-format, parquet.thrift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pratique.custody.marks.layout import Tail, TailPiece
from pratique.custody.marks.thrift import (
    LIST,
    STRUCT,
    Field,
    Listed,
    Struct,
    ThriftError,
    parse_struct,
    render_fields,
    render_list_head,
    render_struct,
)

MAGIC: Final = b"PAR1"
_END: Final = 8
_ROW_GROUPS, _ENCRYPTION = 4, 8
_COLUMNS, _TOTAL, _SORTING, _COMPRESSED = 1, 2, 4, 6
_META = 3
_PATH, _UNCOMPRESSED, _SIZE, _DATA, _DICTIONARY = 3, 6, 7, 9, 11
_KEPT_META: Final = (1, 2, 3, 4, 5, 6, 7, 9, 11)
"""Without statistics, indexes and filters: they told of the first form."""
_KEPT_CHUNK: Final = (2, 3)


class ParquetError(ValueError):
    """A file that gets no marks; its message is a sentence for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A column chunk in a file."""

    start: int
    length: int
    entry: Struct


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The footer of a file, taken apart."""

    start: int
    length: int
    fields: Struct

    @property
    def row_groups(self) -> list[Struct]:
        """Entries of the row groups."""
        groups: list[Struct] = self.fields[_ROW_GROUPS].value.values
        return groups

    def chunk(self, group: int, column: int) -> Chunk:
        """One column chunk. Raises: ParquetError."""
        try:
            entry: Struct = self.row_groups[group][_COLUMNS].value.values[column]
            meta: Struct = entry[_META].value
            places = [meta[number].value for number in (_DATA, _DICTIONARY) if number in meta]
            start = min(place for place in places if place > 0)
            return Chunk(start=start, length=meta[_SIZE].value, entry=entry)
        except (KeyError, IndexError, ValueError):
            raise ParquetError("its footer lacks what every footer has") from None

    def sorted_by(self, group: int) -> frozenset[int]:
        """Columns that the rows of a group are sorted by."""
        if _SORTING not in self.row_groups[group]:
            return frozenset()
        return frozenset(one[1].value for one in self.row_groups[group][_SORTING].value.values)


def parse_footer(data: bytes | memoryview) -> Footer:
    """The footer of a whole file. Raises: ParquetError."""
    end = bytes(data[-_END:])
    if len(data) < _END + len(MAGIC) or end[4:] != MAGIC:
        raise ParquetError("not a Parquet file that can be read without a key")
    start = len(data) - _END - int.from_bytes(end[:4], "little")
    if start < len(MAGIC):
        raise ParquetError("its footer is longer than the file")
    try:
        fields = parse_struct(bytes(data[start:-_END]))
    except ThriftError as error:
        raise ParquetError(f"its footer cannot be read: {error}") from None
    if _ROW_GROUPS not in fields or _ENCRYPTION in fields:
        raise ParquetError("its footer has no row groups, or is encrypted")
    return Footer(start=start, length=len(data) - _END - start, fields=fields)


def second_group(footer: Footer, group: int, column: int, second: Chunk) -> Struct:
    """A row group's entry with another chunk in one column's place. Raises: ParquetError if it is longer."""
    first = footer.chunk(group, column)
    if second.length > first.length:
        raise ParquetError("the second form of a column is longer than the first")
    meta, old = second.entry[_META].value, first.entry[_META].value
    moved = {number: meta[number] for number in _KEPT_META if number in meta}
    for number in (_DATA, _DICTIONARY):
        if number in moved and moved[number].value > 0:
            moved[number] = moved[number]._replace(
                value=moved[number].value - second.start + first.start
            )
    moved[_PATH] = old[_PATH]
    entry: Struct = {one: first.entry[one] for one in _KEPT_CHUNK if one in first.entry}
    entry[_META] = Field(STRUCT, moved)
    fields = dict(footer.row_groups[group])
    columns = fields[_COLUMNS]
    chunks = list(columns.value.values)
    chunks[column] = entry
    fields[_COLUMNS] = columns._replace(value=columns.value._replace(values=chunks))
    for number, part in ((_TOTAL, _UNCOMPRESSED), (_COMPRESSED, _SIZE)):
        if number in fields:
            more = moved[part].value - old[part].value
            fields[number] = fields[number]._replace(value=fields[number].value + more)
    return fields


def tail_of(footer: Footer, seconds: dict[int, tuple[int, Struct]]) -> Tail:
    """The end of the file for every lease. `seconds`: row group → (mark, its second entry).

    Raises: ParquetError when it would not fit into the registered one's place.
    """
    fields = footer.fields
    groups = footer.row_groups
    before = {number: field for number, field in fields.items() if number < _ROW_GROUPS}
    behind = {number: field for number, field in fields.items() if number > _ROW_GROUPS}
    head = (
        render_fields(before)
        # An empty list is one byte; what stands before it is the field's own head.
        + render_fields(
            {_ROW_GROUPS: Field(LIST, Listed(STRUCT, []))}, after=max(before, default=0)
        )[:-1]
        + render_list_head(len(groups), STRUCT)
    )
    pieces = [TailPiece(-1, head, b"")]
    longest = len(head)
    for number, group in enumerate(groups):
        first = render_struct(group)
        if number in seconds:
            mark, other = seconds[number]
            second = render_struct(other)
            pieces.append(TailPiece(mark, first, second))
            longest += max(len(first), len(second))
        else:
            pieces.append(TailPiece(-1, first, b""))
            longest += len(first)
    end = render_fields(behind, after=_ROW_GROUPS) + b"\x00"
    pieces.append(TailPiece(-1, end, b""))
    if longest + len(end) > footer.length:
        raise ParquetError(
            "a footer that tells of second forms would be longer than the registered one"
        )
    return Tail(start=footer.start, pieces=tuple(pieces), end=MAGIC)
