"""Delta Sharing's Python client with a profile file."""

from __future__ import annotations

import json

import delta_sharing
from told import ROWS, SCRATCH, TOLD, run

SCRATCH.mkdir(parents=True, exist_ok=True)
PROFILE = SCRATCH / "profile.share"
PROFILE.write_text(json.dumps(TOLD["profile"]))
client = delta_sharing.SharingClient(str(PROFILE))


def list_() -> list[str]:
    assert [share.name for share in client.list_shares()] == ["meta"]
    tables = client.list_all_tables()
    assert tables == client.list_tables(client.list_schemas(client.list_shares()[0])[0])
    return [f"{one.share}.{one.schema}.{one.name}" for one in tables]


def get() -> int:
    frame = delta_sharing.load_as_pandas(f"{PROFILE}#meta.dialogs.table")
    assert list(frame.columns) == ["n", "text"]
    assert len(frame) == 2 * ROWS
    return int(frame["n"].iloc[:100].sum())


def limit() -> int:
    return len(delta_sharing.load_as_pandas(f"{PROFILE}#meta.dialogs.table", limit=7))


def version() -> int:
    return delta_sharing.get_table_version(f"{PROFILE}#meta.dialogs.table")


run(list=list_, get=get, limit=limit, version=version)
