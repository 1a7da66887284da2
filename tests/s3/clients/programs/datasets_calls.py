"""Hugging Face `datasets` over s3:// addresses, loaded and streamed."""

from __future__ import annotations

import datasets
from told import BUCKET, ENDPOINT, KEY, REGION, ROWS, SCRATCH, SECRET, run

datasets.disable_progress_bars()


def options() -> dict[str, object]:
    """Anew for each call: `load_dataset` adds names of its own to what it is given."""
    return {
        "key": KEY,
        "secret": SECRET,
        "endpoint_url": ENDPOINT,
        "client_kwargs": {"region_name": REGION},
    }


def get() -> int:
    lines = datasets.load_dataset(
        "json",
        data_files=f"s3://{BUCKET}/lines.jsonl",
        storage_options=options(),
        cache_dir=str(SCRATCH / "cache"),
        split="train",
    )
    return lines.num_rows


def range_() -> int:
    table = datasets.load_dataset(
        "parquet",
        data_files=f"s3://{BUCKET}/table/part-0.parquet",
        storage_options=options(),
        streaming=True,
        split="train",
    )
    return sum(row["n"] for row in table.select_columns(["n"]).take(100))


def list_() -> int:
    table = datasets.load_dataset(
        "parquet",
        data_files=f"s3://{BUCKET}/table/*.parquet",
        storage_options=options(),
        cache_dir=str(SCRATCH / "cache"),
        split="train",
    )
    assert table.num_rows == 2 * ROWS
    return table.num_rows


def put() -> None:
    place = f"s3://{BUCKET}/out/datasets"
    datasets.Dataset.from_dict({"a": [1, 2, 3]}).save_to_disk(place, storage_options=options())
    assert datasets.load_from_disk(place, storage_options=options())["a"] == [1, 2, 3]


run(get=get, range=range_, list=list_, put=put)
