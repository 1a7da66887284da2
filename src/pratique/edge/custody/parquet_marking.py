"""Marks of Parquet files: one for each row group, in one column of text. Needs pyarrow."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from pratique.custody.marks.index import IndexBuilder, Place
from pratique.custody.marks.jsonl import KEYS_LEFT_ALONE
from pratique.custody.marks.layout import Layout, Stretch
from pratique.custody.marks.parquet import (
    Chunk,
    Footer,
    ParquetError,
    parse_footer,
    second_group,
    tail_of,
)
from pratique.custody.marks.text import other_texts
from pratique.custody.marks.thrift import Struct
from pratique.custody.model import ObjectId, StoredObject
from pratique.edge.custody.marking import Made
from pratique.edge.custody.operator_parts import OperatorParts
from pratique.edge.custody.parquet_files import pyarrow_parquet
from pratique.errors import InputError

_MOST_BYTES: Final = 2 << 30
_TRIED: Final = 64
"""Values of a column that are looked at to see whether it can be marked."""
_FEWEST: Final = 4
"""Rows of a group that must show its mark."""
_CODECS: Final = (("zstd", 3), ("zstd", 15))
"""Tried after the file's own, until the second form is no longer than the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Second:
    """A row group's second form."""

    chunk: Chunk
    data: bytes
    column: int
    units: tuple[tuple[str, str], ...]


class ParquetMarker:
    """Row groups of Parquet files."""

    def __init__(self, share: float) -> None:
        self._share = share

    def takes(self, stored: StoredObject) -> bool:
        """By the end of its key."""
        return stored.key.lower().endswith((".parquet", ".pq"))

    async def mark(
        self, stored: StoredObject, parts: OperatorParts, index: IndexBuilder, *, most: int
    ) -> Made | str:
        """A second form for each row group that has text."""
        if stored.size > _MOST_BYTES:
            return "larger than 2 GiB"
        try:
            pyarrow_parquet()
            data = await parts.read_all(stored.id, stored.wrapped_key, stored.size)
            return mark_parquet(data, stored.id, index, share=self._share, most=most)
        except InputError as error:
            return f"{error.message}; {error.remedy}"
        except ParquetError as error:
            return str(error)


def mark_parquet(
    data: bytes, object_id: ObjectId, index: IndexBuilder, *, share: float, most: int = 1_000_000
) -> Made:
    """Second forms of a file's row groups. Raises: ParquetError with why there are none, InputError."""
    draw = secrets.SystemRandom().randrange
    return _Marking(pyarrow_parquet(), data, share, draw).made(object_id, index, most)


class _Marking:
    """Work on one file."""

    def __init__(
        self, parquet: ModuleType, data: bytes, share: float, draw: Callable[[int], int]
    ) -> None:
        import pyarrow as pa  # noqa: PLC0415 - optional, and slow to import

        self._pa: Any = pa
        self._parquet: Any = parquet
        self._data, self._share, self._draw = data, share, draw
        self._footer: Footer = parse_footer(data)
        try:
            self._file = parquet.ParquetFile(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise ParquetError(f"pyarrow cannot read it: {error}") from None

    def made(self, object_id: ObjectId, index: IndexBuilder, most: int) -> Made:
        """Second forms of row groups, with the footer that tells of them."""
        made, seconds = Made(), dict[int, tuple[int, Struct]]()
        columns = self._text_columns()
        for group in range(len(self._footer.row_groups)):
            if len(seconds) == most:
                break
            found = self._second(group, columns, index)
            if found is None:
                continue
            first = self._footer.chunk(group, found.column)
            entry = second_group(self._footer, group, found.column, found.chunk)
            mark = index.add_mark(Place(object_id, first.start, first.start + first.length))
            for pair in found.units:
                index.add_text(mark, *pair)
            seconds[group] = mark, entry
            made.stretches.append(Stretch(mark, first.start, len(found.data)))
            made.second += found.data
        if not seconds:
            raise ParquetError("no row group of it has a column of text that may be changed")
        made.layout = self._layout(made, seconds)
        return made

    def _layout(self, made: Made, seconds: dict[int, tuple[int, Struct]]) -> Layout:
        order = sorted(range(len(made.stretches)), key=lambda row: made.stretches[row].start)
        if order != list(range(len(order))):
            raise ParquetError("its row groups do not lie in their order")
        layout = Layout(made.stretches, tail=tail_of(self._footer, seconds))
        self._check(made, layout)
        return layout

    def _check(self, made: Made, layout: Layout) -> None:
        """Read the file with all second forms, as a lease would get it. Raises: ParquetError."""
        bits = bytes([1]) * (layout.highest + 1)
        whole, at = bytearray(self._data), 0
        for one in made.stretches:
            whole[one.start : one.start + one.length] = made.second[at : at + one.length]
            at += one.length
        assert layout.tail is not None
        whole[layout.tail.start :] = layout.tail.render(bits, len(whole))
        try:
            with self._parquet.ParquetFile(self._pa.BufferReader(bytes(whole))) as file:
                rows = sum(len(batch) for batch in file.iter_batches())
        except (self._pa.ArrowException, OSError) as error:
            raise ParquetError(f"its second form cannot be read: {error}") from None
        if rows != self._file.metadata.num_rows:
            raise ParquetError("its second form has another number of rows")

    def _text_columns(self) -> list[int]:
        """Columns of text that are no identifiers, by number."""
        schema = self._file.schema
        return [
            number
            for number in range(len(schema))
            if (column := schema.column(number)).physical_type == "BYTE_ARRAY"
            and column.max_repetition_level == 0
            and "." not in column.path
            and column.logical_type.type == "STRING"
            and not KEYS_LEFT_ALONE.search(column.name.encode())
        ]

    def _second(self, group: int, columns: Sequence[int], index: IndexBuilder) -> _Second | None:
        by = self._footer.sorted_by(group)
        for column in columns:
            if column in by:
                continue
            name = self._file.schema.column(column).name
            values = self._file.read_row_group(group, columns=[name]).column(0).combine_chunks()
            if not self._pa.types.is_string(values.type):
                values = values.cast(self._pa.string())
            changed = self._changed(values, index)
            if changed is None:
                continue
            texts, units = changed
            written = self._written(group, column, texts)
            if written is not None:
                chunk, data = written
                return _Second(chunk=chunk, data=data, column=column, units=units)
        return None

    def _changed(
        self,
        values: Any,  # noqa: ANN401 - pyarrow has no types
        index: IndexBuilder,
    ) -> tuple[Any, tuple[tuple[str, str], ...]] | None:
        """The column with some texts changed, and the units that differ."""
        rows = len(values)
        wanted = max(_FEWEST, round(rows * self._share))
        others: dict[int, str] = {}
        units: dict[str, tuple[str, str]] = {}
        for tried in range(min(rows * 2, wanted * 8 + _TRIED)):
            if len(others) == wanted or (tried == _TRIED and not others):
                break
            row = self._draw(rows)
            text = values[row].as_py()
            if text is None or row in others:
                continue
            form = next(other_texts(text), None)
            if form is None or form[1] in units or not index.is_new(form[1]):
                continue
            others[row], units[form[1]] = form[0], (form[1], form[2])
        if len(others) < _FEWEST:
            return None
        pa = self._pa
        mask = [False] * rows
        for row in others:
            mask[row] = True
        import pyarrow.compute as pc  # noqa: PLC0415 - as above

        replaced = pc.replace_with_mask(
            values, pa.array(mask), pa.array([others[row] for row in sorted(others)], pa.string())
        )
        return replaced, tuple(units.values())

    def _written(self, group: int, column: int, values: Any) -> tuple[Chunk, bytes] | None:  # noqa: ANN401 - as above
        """The column written anew so that it is no longer than it was; None when none is."""
        pa = self._pa
        first = self._footer.chunk(group, column)
        old = self._file.metadata.row_group(group).column(column)
        described = self._file.schema.column(column)
        nullable = described.max_definition_level > 0
        table = pa.table(
            [values], schema=pa.schema([pa.field("v", pa.string(), nullable=nullable)])
        )
        own = old.compression.lower()
        codecs = [(own, None)] if own in {"snappy", "gzip", "zstd", "lz4", "brotli"} else []
        for codec, level in [*codecs, *_CODECS]:
            sink = pa.BufferOutputStream()
            self._parquet.write_table(
                table,
                sink,
                compression=codec,
                compression_level=level,
                use_dictionary=old.has_dictionary_page,
                write_statistics=False,
                row_group_size=max(1, len(values)),
                data_page_version="1.0",
                store_schema=False,
            )
            data = sink.getvalue().to_pybytes()
            footer = parse_footer(data)
            written = self._parquet.ParquetFile(pa.BufferReader(data)).schema.column(0)
            same = written.max_definition_level == described.max_definition_level
            if len(footer.row_groups) != 1 or not same:
                return None
            chunk = footer.chunk(0, 0)
            if chunk.length <= first.length:
                return chunk, data[chunk.start : chunk.start + chunk.length]
        return None
