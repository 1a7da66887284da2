"""Parquet and film through the door: one size for every lease, read by real readers, traced back."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kit.marks import some_records
from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.doors.cli import cli

RECORDS = some_records(6000, seed=21)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(data), kind) + data


def _film(seed: int) -> bytes:
    rng = random.Random(seed)
    out = _box(b"ftyp", b"isom") + _box(b"moov", b"codec")
    for _ in range(150):
        tfhd = _box(b"tfhd", b"\0\2\0\0\0\0\0\1")
        out += _box(b"moof", _box(b"traf", tfhd)) + _box(b"mdat", rng.randbytes(2000))
    return out


FILM, OTHER = _film(1), _film(2)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path / "home") as opened:
        opened.dataset()
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(RECORDS), sink, row_group_size=50, compression="zstd")
        opened.put("table.parquet", sink.getvalue())
        opened.put("cam/film.mp4", FILM)
        opened.put("cam/alone.mp4", FILM[:-1])
        yield opened


def _run(keeper: Custodian, *words: str) -> tuple[int, dict[str, Any]]:
    home = str(keeper.settings.home)
    result = CliRunner().invoke(cli, [*words, "--home", home, "--format", "json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.slow
async def test_files_of_every_kind_are_marked_served_and_traced(
    keeper: Custodian, tmp_path: Path
) -> None:
    variants = tmp_path / "variants"
    (variants / "cam").mkdir(parents=True)
    (variants / "cam" / "film.mp4").write_bytes(OTHER)
    words = ("dataset", "mark", "dialogs", "--share", "10%", "--variants", str(variants))
    code, said = await asyncio.to_thread(_run, keeper, *words)
    assert code == 3
    assert said["objects"] == 2
    assert said["marks"] == 120 + 150
    assert [one["key"] for one in said["unmarkable"]] == ["cam/alone.mp4"]
    leases = [keeper.grant() for _ in range(3)]
    async with s3_door(keeper.settings) as serving:

        def look() -> list[tuple[bytes, bytes]]:
            copies = []
            for lease, secret in leases:
                client = boto(serving.url, lease, secret)
                pair = [
                    client.get_object(Bucket="dialogs", Key=key)["Body"].read()
                    for key in ("table.parquet", "cam/film.mp4")
                ]
                some = client.get_object(
                    Bucket="dialogs", Key="cam/film.mp4", Range="bytes=1999-9000"
                )
                assert some["Body"].read() == pair[1][1999:9001]
                copies.append((pair[0], pair[1]))
            return copies

        copies = await asyncio.to_thread(look)
    assert len({table for table, _ in copies}) == 3
    assert len({film for _, film in copies}) == 3
    assert {len(film) for _, film in copies} == {len(FILM)}
    assert len({len(table) for table, _ in copies}) == 1
    for table, _ in copies:
        rows = pq.read_table(io.BytesIO(table)).to_pylist()
        assert [row["id"] for row in rows] == [row["id"] for row in RECORDS]
    leaked = tmp_path / "leaked"
    leaked.mkdir()
    rows = pq.read_table(io.BytesIO(copies[1][0])).to_pylist()
    text = "\n".join(json.dumps(row) for row in random.Random(1).sample(rows, 3000))
    (leaked / "rows.jsonl").write_text(text)
    code, answer = await asyncio.to_thread(_run, keeper, "attribute", str(leaked / "rows.jsonl"))
    (found,) = answer["datasets"]
    assert code == 1
    assert [one["lease"] for one in found["named"]] == [leases[1][0].id]
    (leaked / "rows.jsonl").unlink()
    (leaked / "clip.mp4").write_bytes(copies[2][1])
    code, answer = await asyncio.to_thread(_run, keeper, "attribute", str(leaked))
    (found,) = answer["datasets"]
    assert code == 1
    assert [one["lease"] for one in found["named"]] == [leases[2][0].id]
    assert found["readable"] == 150
