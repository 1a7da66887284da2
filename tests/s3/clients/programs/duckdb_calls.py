"""DuckDB with its httpfs extension, signed by its makers, from a package."""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckdb_extension_httpfs
from told import BUCKET, ENDPOINT, KEY, REGION, ROWS, SECRET, run

scheme, _, host = ENDPOINT.partition("://")
[extension] = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
base = duckdb.connect()
base.execute(f"LOAD '{extension}'")
base.execute("SET http_retries = 0")
base.execute(
    f"""CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}',
    ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {str(scheme == "https").lower()})"""
)


def ask(question: str) -> int:
    [row] = base.execute(question).fetchall()
    return int(row[0])


def get() -> int:
    return ask(f"SELECT count(*) FROM read_json('s3://{BUCKET}/lines.jsonl')")


def range_() -> int:
    return ask(f"SELECT sum(n) FROM 's3://{BUCKET}/table/part-0.parquet'")


def list_() -> int:
    total = ask(f"SELECT count(*) FROM 's3://{BUCKET}/table/*.parquet'")
    assert total == 2 * ROWS
    return total


def put() -> None:
    base.execute(f"COPY (SELECT 42 AS answer) TO 's3://{BUCKET}/out/duckdb.parquet'")
    assert ask(f"SELECT answer FROM 's3://{BUCKET}/out/duckdb.parquet'") == 42


run(get=get, range=range_, list=list_, put=put)
