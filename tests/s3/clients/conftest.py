"""A door with tables in it, for unmodified clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.s3_clients import CLIENTS, LINES, ROWS, S3Client, run_program
from kit.s3_door import Custodian, custodian, s3_door
from pratique.doors.s3.serving import ServingS3


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    where = tmp_path_factory.mktemp("tables")
    python = CLIENTS["pyarrow"].python()
    told = {"rows": ROWS, "scratch": str(where)}
    made = asyncio.run(run_program(python, "make_tables", told, where=where))
    assert made.exit_code == 0, made.said
    return tuple((where / f"part-{part}.parquet").read_bytes() for part in range(2))


@pytest.fixture
async def place(
    tables: tuple[bytes, ...], tmp_path: Path
) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path / "home") as made:
        made.dataset()
        made.put("lines.jsonl", LINES)
        for part, data in enumerate(tables):
            made.put(f"table/part-{part}.parquet", data)
        async with s3_door(made.settings) as serving:
            yield made, serving


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> S3Client:
    return CLIENTS[request.param]
