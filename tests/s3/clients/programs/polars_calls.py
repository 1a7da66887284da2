"""polars: lazy scans over S3, in Rust."""

from __future__ import annotations

import polars as pl
from told import BUCKET, ENDPOINT, KEY, REGION, ROWS, SECRET, run

OPTIONS = {
    "aws_access_key_id": KEY,
    "aws_secret_access_key": SECRET,
    "aws_region": REGION,
    "aws_endpoint_url": ENDPOINT,
    "aws_allow_http": "true",
    "max_retries": 0,
}


def get() -> int:
    lines = pl.scan_ndjson(f"s3://{BUCKET}/lines.jsonl", storage_options=OPTIONS).collect()
    return lines.height


def range_() -> int:
    table = pl.scan_parquet(f"s3://{BUCKET}/table/part-0.parquet", storage_options=OPTIONS)
    return table.select(pl.col("n").sum()).collect().item()


def list_() -> int:
    table = pl.scan_parquet(f"s3://{BUCKET}/table/*.parquet", storage_options=OPTIONS)
    total = table.select(pl.len()).collect().item()
    assert total == 2 * ROWS
    return total


def put() -> None:
    frame = pl.DataFrame({"a": [1, 2, 3]})
    place = f"s3://{BUCKET}/out/polars.parquet"
    frame.write_parquet(place, storage_options=OPTIONS)
    assert pl.read_parquet(place, storage_options=OPTIONS).equals(frame)


run(get=get, range=range_, list=list_, put=put)
