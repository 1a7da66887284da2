"""s3fs, and pandas on top of it."""

from __future__ import annotations

import pandas as pd
import s3fs
from told import BUCKET, ENDPOINT, KEY, REGION, ROWS, SECRET, large, run

OPTIONS = {
    "key": KEY,
    "secret": SECRET,
    "endpoint_url": ENDPOINT,
    "client_kwargs": {"region_name": REGION},
    "config_kwargs": {"s3": {"addressing_style": "path"}},
}
files = s3fs.S3FileSystem(**OPTIONS)
files.retries = 1


def get() -> int:
    table = pd.read_parquet(f"s3://{BUCKET}/table/part-0.parquet", storage_options=OPTIONS)
    assert table["n"].sum() == ROWS * (ROWS - 1) // 2
    lines = pd.read_json(f"s3://{BUCKET}/lines.jsonl", lines=True, storage_options=OPTIONS)
    assert len(lines) == 100
    return len(files.cat_file(f"{BUCKET}/lines.jsonl"))


def range_() -> str:
    with files.open(f"{BUCKET}/lines.jsonl", "rb", block_size=5 << 20) as file:
        file.seek(2)
        assert file.read(4)
    return files.cat_file(f"{BUCKET}/lines.jsonl", start=2, end=6).decode()


def list_() -> list[str]:
    return [path.removeprefix(f"{BUCKET}/") for path in files.find(f"{BUCKET}/table")]


def head() -> int:
    return int(files.info(f"{BUCKET}/lines.jsonl")["size"])


def put() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]})
    frame.to_parquet(f"s3://{BUCKET}/out/s3fs.parquet", storage_options=OPTIONS)
    frame.to_json(
        f"s3://{BUCKET}/out/s3fs.jsonl", orient="records", lines=True, storage_options=OPTIONS
    )
    back = pd.read_parquet(f"s3://{BUCKET}/out/s3fs.parquet", storage_options=OPTIONS)
    assert back.equals(frame)


def multipart() -> None:
    with files.open(f"{BUCKET}/out/s3fs.bin", "wb", block_size=5 << 20) as file:
        file.write(large())
    assert files.cat_file(f"{BUCKET}/out/s3fs.bin") == large()


def delete() -> None:
    files.rm([f"{BUCKET}/out/s3fs.bin", f"{BUCKET}/out/s3fs.parquet", f"{BUCKET}/out/s3fs.jsonl"])
    files.invalidate_cache()
    assert not files.exists(f"{BUCKET}/out/s3fs.bin")


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete)
