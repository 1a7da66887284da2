"""Hugging Face's own tools with HF_ENDPOINT and HF_TOKEN: files, snapshots, datasets, streams."""

from __future__ import annotations

import os
from pathlib import Path

import datasets
import huggingface_hub
from told import BUCKET, ROWS, SCRATCH, TOLD, run

datasets.disable_progress_bars()
REPO: str = TOLD["repo"]
assert os.environ["HF_ENDPOINT"]


def get() -> int:
    path = huggingface_hub.hf_hub_download(REPO, "lines.jsonl", repo_type="dataset")
    return Path(path).stat().st_size


def list_() -> list[str]:
    found = huggingface_hub.HfApi().list_repo_files(REPO, repo_type="dataset")
    return sorted(name for name in found if name.startswith("table/"))


def snapshot() -> list[str]:
    where = huggingface_hub.snapshot_download(REPO, repo_type="dataset", max_workers=2)
    return sorted(str(one.relative_to(where)) for one in Path(where).rglob("*") if one.is_file())


def version() -> str:
    path = huggingface_hub.hf_hub_download(
        REPO, "lines.jsonl", repo_type="dataset", revision="v1", local_dir=SCRATCH / "v1"
    )
    return Path(path).read_text()[:20]


def missing() -> None:
    for name, error in (
        ("nothing.txt", huggingface_hub.errors.EntryNotFoundError),
        ("lines.jsonl", huggingface_hub.errors.RevisionNotFoundError),
    ):
        revision = "main" if name == "nothing.txt" else "v99"
        try:
            huggingface_hub.hf_hub_download(REPO, name, repo_type="dataset", revision=revision)
        except error:
            continue
        raise AssertionError(name)


def load() -> int:
    table = datasets.load_dataset(REPO, data_dir="table", split="train")
    assert table.num_rows == 2 * ROWS
    assert sum(table["n"][:100]) == sum(range(100))
    return table.num_rows


def stream() -> int:
    lines = datasets.load_dataset(REPO, data_files="lines.jsonl", split="train", streaming=True)
    return sum(1 for _ in lines)


def whoami() -> str:
    return huggingface_hub.whoami()["name"]


assert BUCKET
run(get=get, list=list_, snapshot=snapshot, version=version, missing=missing, load=load,
    stream=stream, whoami=whoami)  # fmt: skip
