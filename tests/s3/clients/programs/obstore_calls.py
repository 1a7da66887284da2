"""obstore: object_store of Rust, with its own names for settings."""

from __future__ import annotations

import io

import obstore
from obstore.store import S3Store
from told import BUCKET, ENDPOINT, KEY, REGION, SECRET, large, run

store = S3Store(
    BUCKET,
    endpoint=ENDPOINT,
    access_key_id=KEY,
    secret_access_key=SECRET,
    region=REGION,
    client_options={"allow_http": True},
    retry_config={"max_retries": 0},
)


def get() -> int:
    return len(obstore.get(store, "lines.jsonl").bytes())


def range_() -> str:
    return bytes(obstore.get_range(store, "lines.jsonl", start=2, end=6)).decode()


def list_() -> list[str]:
    return [one["path"] for page in obstore.list(store, prefix="table") for one in page]


def head() -> int:
    return obstore.head(store, "lines.jsonl")["size"]


def put() -> None:
    obstore.put(store, "out/obstore.txt", b"written")
    assert bytes(obstore.get(store, "out/obstore.txt").bytes()) == b"written"


def multipart() -> None:
    obstore.put(store, "out/obstore.bin", io.BytesIO(large()), chunk_size=5 << 20)
    assert bytes(obstore.get(store, "out/obstore.bin").bytes()) == large()


def delete() -> None:
    obstore.delete(store, ["out/obstore.txt", "out/obstore.bin"])
    assert not [one for page in obstore.list(store, prefix="out/obstore") for one in page]


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete)
