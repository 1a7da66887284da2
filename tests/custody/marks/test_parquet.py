"""Parquet with marks: one size for every lease, and three readers that read what the codeword says."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.marks import some_records
from pratique.custody.marks.index import IndexBuilder, Reading, parse_index, read_record
from pratique.custody.marks.layout import Layout, parse_layout
from pratique.custody.marks.parquet import ParquetError, parse_footer
from pratique.custody.marks.thrift import (
    BINARY,
    I64,
    LIST,
    STRUCT,
    Field,
    Listed,
    ThriftError,
    parse_struct,
    render_struct,
)
from pratique.custody.model import ObjectId
from pratique.custody.views import VARIANT
from pratique.edge.custody.marking import Made
from pratique.edge.custody.parquet_marking import mark_parquet

OBJECT = ObjectId("ab" * 16)
RECORDS = some_records(1600, seed=8)


def _file(records: list[dict[str, Any]], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), sink, **{"row_group_size": 100, **options})
    return sink.getvalue()


def _marked(data: bytes, share: float = 0.05) -> tuple[Made, Layout, IndexBuilder]:
    index = IndexBuilder(b"s" * 16, first=0)
    made = mark_parquet(data, OBJECT, index, share=share)
    assert made.layout is not None
    return made, parse_layout(made.layout.render()), index


def _copy(data: bytes, made: Made, layout: Layout, bits: bytes) -> bytes:
    view, whole = layout.view(bits, len(data)), bytearray(data)
    for start, end, source, offset in view.overlays(0, len(data)):
        source_bytes = bytes(made.second) if source == VARIANT else view.inline
        whole[start:end] = source_bytes[offset : offset + end - start]
    assert len(whole) == len(data)
    return bytes(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "snappy"},
        {"compression": "zstd", "write_page_index": True},
        {"compression": "none", "use_dictionary": False},
        {"compression": "gzip", "write_statistics": False},
        {"compression": "zstd", "data_page_version": "2.0", "version": "1.0"},
    ],
)
def test_every_copy_is_read_alike_by_three_readers(options: dict[str, Any], tmp_path: Path) -> None:
    data = _file(RECORDS, **options)
    made, layout, index = _marked(data)
    assert index.next_mark == 16
    for seed in range(3):
        bits = bytes(random.Random(seed).getrandbits(1) for _ in range(16))
        path = tmp_path / f"{seed}.parquet"
        path.write_bytes(_copy(data, made, layout, bits))
        rows = pq.read_table(path).to_pylist()
        assert rows == pl.read_parquet(path).to_dicts()
        with duckdb.connect() as connection:
            found = connection.execute(f"select * from '{path}'").fetchall()
        assert [tuple(row.values()) for row in rows] == found
        assert [row["id"] for row in rows] == [row["id"] for row in RECORDS]
        for group in range(16):
            span = slice(group * 100, group * 100 + 100)
            changed = sum(a != b for a, b in zip(rows[span], RECORDS[span], strict=True))
            assert (changed > 0) == bool(bits[group])
        reading = Reading(parse_index(index.render()))
        sample = random.Random(seed).sample(rows, len(rows))
        read_record([reading], sample)
        assert reading.bits() == dict(enumerate(bits))


def test_a_filter_on_statistics_still_finds_rows(tmp_path: Path) -> None:
    data = _file(RECORDS, compression="zstd")
    made, layout, _ = _marked(data)
    path = tmp_path / "a.parquet"
    path.write_bytes(_copy(data, made, layout, bytes([1]) * 16))
    wanted = RECORDS[1234]["id"]
    with duckdb.connect() as connection:
        question = f"select count(*) from '{path}' where id = '{wanted}'"
        assert connection.execute(question).fetchall() == [(1,)]
    assert pq.read_table(path, filters=[("id", "=", wanted)]).num_rows == 1


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([{"id": f"rec-{n}", "n": n} for n in range(500)], "no row group"),
        ([{"text": f"short {n}"} for n in range(500)], "no row group"),
        ([{"user_id": row["prompt"]} for row in RECORDS[:500]], "no row group"),
    ],
)
def test_files_without_text_that_may_change(records: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ParquetError, match=why):
        mark_parquet(_file(records), OBJECT, IndexBuilder(b"s" * 16, first=0), share=0.05)


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1" * 4, b"x" * 40, b"\0" * 8 + b"\xff\0\0\0PAR1"]
)
def test_what_is_no_parquet(data: bytes) -> None:
    with pytest.raises(ParquetError):
        parse_footer(data)


def test_a_footer_comes_back_byte_for_byte() -> None:
    data = _file(RECORDS[:600], write_page_index=True)
    footer = parse_footer(data)
    assert render_struct(footer.fields) == data[footer.start : -8]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused(data: bytes) -> None:
    try:
        fields = parse_struct(data)
    except ThriftError:
        return
    assert parse_struct(render_struct(fields)) == fields


def test_nested_lists_and_negative_numbers() -> None:
    inner = {1: Field(I64, -5), 40: Field(BINARY, b"x" * 300)}
    fields = {2: Field(LIST, Listed(STRUCT, [inner] * 20)), 3: Field(I64, 1 << 40)}
    assert parse_struct(render_struct(fields)) == fields
    deep = b"\x1c" * 100 + b"\0" * 101
    with pytest.raises(ThriftError):
        parse_struct(deep)
