"""Columns of Parquet files that pyarrow, polars and DuckDB wrote, and of bytes that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.parquet_schema import TruncatedError, footer_length, parse_schema
from pratique.errors import InputError

FILES = Path(__file__).parent / "parquet"


def footer(name: str) -> bytes:
    data = (FILES / f"{name}.parquet").read_bytes()
    length = footer_length(data[-8:], len(data))
    return data[-8 - length : -8]


def columns(name: str) -> dict[str, Any]:
    return {one["name"]: one["type"] for one in parse_schema(footer(name))["fields"]}


def test_types_of_pyarrow() -> None:
    found = columns("pyarrow")
    plain = {name: kind for name, kind in found.items() if isinstance(kind, str)}
    assert plain == {
        "flag": "boolean", "i8": "byte", "i16": "short", "i32": "integer", "i64": "long",
        "u8": "short", "u16": "integer", "u32": "long", "u64": "decimal(20,0)", "f": "float",
        "d": "double", "text": "string", "bytes": "binary", "fixed": "binary", "day": "date",
        "ms": "timestamp", "us": "timestamp", "ns": "timestamp", "time": "integer",
        "money": "decimal(12,2)", "nothing": "integer", "größe": "long",
    }  # fmt: skip
    assert found["list"]["elementType"] == "long"
    assert found["lists"]["elementType"]["elementType"] == "string"
    assert [one["name"] for one in found["struct"]["fields"]] == ["a", "b"]
    assert (found["map"]["keyType"], found["map"]["valueType"]) == ("string", "long")


def test_types_of_polars_and_duckdb() -> None:
    polars, duckdb = columns("polars"), columns("duckdb")
    assert list(polars) == ["a", "b", "c", "d", "day", "at"]
    assert (polars["c"]["elementType"], polars["day"]) == ("double", "date")
    assert (duckdb["a"], duckdb["c"]["elementType"]) == ("short", "integer")
    assert duckdb["d"]["fields"][0]["type"] == "decimal(5,2)"
    assert duckdb["m"] == {
        "type": "map", "keyType": "string", "valueType": "integer", "valueContainsNull": True,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyarrow", "polars", "duckdb"])
def test_the_beginning_of_a_footer_is_enough_or_is_told_to_be_too_little(name: str) -> None:
    whole = footer(name)
    schema = parse_schema(whole)
    enough = [length for length in range(len(whole)) if _gives(whole[:length], schema)]
    assert enough, "the schema stands before the row groups"
    assert enough == list(range(enough[0], len(whole)))
    for length in range(enough[0]):
        with pytest.raises(TruncatedError):
            parse_schema(whole[:length])


def _gives(data: bytes, schema: dict[str, Any]) -> bool:
    try:
        return parse_schema(data) == schema
    except TruncatedError:
        return False


@given(data=st.binary(max_size=300))
def test_noise_is_no_schema(data: bytes) -> None:
    with pytest.raises((InputError, TruncatedError)):
        _reject_empty(parse_schema(data))


@given(at=st.integers(0, 700), byte=st.integers(0, 255))
def test_a_changed_footer_ends_in_order(at: int, byte: int) -> None:
    data = bytearray(footer("polars"))
    data[at % len(data)] = byte
    try:
        found = parse_schema(bytes(data))
    except (InputError, TruncatedError):
        return
    assert found["type"] == "struct"


def _reject_empty(found: dict[str, Any]) -> None:
    """A handful of bytes can be a schema without columns, or with a nameless one; more is luck."""
    if len(found["fields"]) < 2:
        raise InputError("empty")


@pytest.mark.parametrize(
    "tail",
    [b"", b"PAR1", b"\x00\x00\x00\x00PAR1", b"\xff\xff\xff\xffPAR1", b"\x08\x00\x00\x00PARE"],
)
def test_what_is_no_parquet_file(tail: bytes) -> None:
    with pytest.raises(InputError):
        footer_length(tail, 1000)


def test_depth_and_length_are_bounded() -> None:
    # FileMetaData { 2: list of SchemaElement { 5: children 1 } … }, 100 levels deep.
    deep = bytes([0x29, 0xFC, 100]) + bytes([0x55, 2, 0x00]) * 100
    with pytest.raises(InputError, match="deeper"):
        parse_schema(deep)
    endless = bytes([0x29, 0xFC]) + b"\xff\xff\xff\x7f"
    with pytest.raises(InputError, match="list"):
        parse_schema(endless)
    lists = bytes([0x19]) + bytes([0x19]) * 100
    with pytest.raises((InputError, TruncatedError)):
        parse_schema(lists)
