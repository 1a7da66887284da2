"""The sharing adapter: tables, pages, versions, and files that are no tables."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kit.bearers import bearer
from kit.custody import an_object
from kit.doors import Holder, ask, sharing_query
from kit.s3_door import Custodian, custodian, s3_door
from pratique.custody.bearer import Surface
from pratique.custody.model import StoredObject
from pratique.custody.s3_errors import S3Error
from pratique.doors.sharing.routes import Route, parse_route
from pratique.doors.sharing.tables import Table, find_table, list_tables, table_files

TABLE = (Path(__file__).parents[1] / "custody" / "parquet" / "polars.parquet").read_bytes()


class Keys:
    """Sorted keys in memory."""

    def __init__(self, *keys: str) -> None:
        ordered = sorted(keys, key=str.encode)
        self.objects = [an_object(at, key=key) for at, key in enumerate(ordered)]

    def after(self, after: str, *, prefix: str, limit: int) -> Sequence[StoredObject]:
        found = [
            one
            for one in self.objects
            if one.key.startswith(prefix) and one.key.encode() > after.encode()
        ]
        return found[:limit]


KEYS = Keys(
    "a/1.parquet",
    "a/deep/2.parquet",
    "a/_delta_log/0.parquet",
    "a/.tmp/3.parquet",
    "a/readme.md",
    "b/readme.md",
    "_hidden/4.parquet",
    ".hidden.parquet",
    "a.parquet",
    "single.parquet",
    "plain.txt",
    ".parquet",
    "c/only/deep/5.parquet",
)


def test_tables_are_folders_and_files_of_parquet() -> None:
    tables = list(list_tables(KEYS))
    assert [(table.name, table.prefix) for table in tables] == [
        ("a", "a/"),
        ("c", "c/"),
        ("single", "single.parquet"),
    ]
    for table in tables:
        assert find_table(KEYS, table.name) == table
    for name in ("b", "_hidden", ".hidden", "", "plain", "a/deep", "nothing", "a/"):
        assert find_table(KEYS, name) is None
    files = [one.key for one in table_files(KEYS, Table(name="a", prefix="a/"))]
    assert files == ["a/1.parquet", "a/deep/2.parquet"]


def test_paths_of_the_protocol() -> None:
    assert parse_route("/shares") == Route(what="shares")
    assert parse_route("/shares/meta/all-tables") == Route(what="all-tables", share="meta")
    assert parse_route("/shares/m/schemas/d/tables/t%20x/query") == Route(
        what="query", share="m", schema="d", table="t x"
    )
    for path in ("", "/", "/shares/m/x", "/shares/m/schemas/d/tables/t/changes", "/shares/%zz"):
        with pytest.raises(S3Error):
            parse_route(path)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, Holder]]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("people/1.parquet", TABLE)
        made.put("people/2.parquet", TABLE)
        made.put("broken.parquet", b"PAR1 no footer PAR1")
        made.put("lying.parquet", b"PAR1" + b"\x07" * 40 + (20).to_bytes(4, "little") + b"PAR1")
        lease, secret = made.grant()
        async with s3_door(made.settings) as serving, aiohttp.ClientSession() as session:
            yield made, Holder(session=session, url=serving.url, lease=lease, secret=secret)


async def api(holder: Holder, path: str, **rest: Any) -> tuple[int, Any, str]:
    headers = {"Authorization": f"Bearer {bearer(Surface.SHARING, holder.lease, holder.secret)}"}
    url = f"{holder.url}/_sharing/{path}"
    answer = await ask(holder, rest.pop("method", "GET"), url, headers=headers, **rest)
    try:
        return answer.status, json.loads(answer.body or b"{}"), answer.headers
    except ValueError:
        return answer.status, answer.body.splitlines(), answer.headers


async def test_lists_and_their_pages(place: tuple[Custodian, Holder]) -> None:
    _, holder = place
    assert (await api(holder, "shares"))[1] == {"items": [{"name": "meta", "id": "meta"}]}
    assert (await api(holder, "shares/meta/schemas"))[1] == {
        "items": [{"name": "dialogs", "share": "meta"}]
    }
    names, token = [], ""
    while True:
        query = f"?maxResults=2&pageToken={token}" if token else "?maxResults=2"
        _, page, _ = await api(holder, f"shares/meta/all-tables{query}")
        names += [one["name"] for one in page["items"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert names == ["broken", "lying", "people"]
    for path in ("shares/bank", "shares/bank/schemas", "shares/meta/schemas/other/tables"):
        status, said, _ = await api(holder, path)
        assert (status, "does not cover" in said["message"]) == (403, True)


async def test_a_query_gives_columns_and_urls_of_this_door(
    place: tuple[Custodian, Holder],
) -> None:
    made, holder = place
    answer = await sharing_query(holder, "people")
    protocol, meta, *files = [json.loads(line) for line in answer.body.splitlines()]
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    schema = json.loads(meta["metaData"]["schemaString"])
    assert [one["name"] for one in schema["fields"]] == ["a", "b", "c", "d", "day", "at"]
    assert f"Delta-Table-Version: {made.state.revision('dialogs')}" in answer.headers
    for one in files:
        url = one["file"]["url"]
        assert url.startswith(f"{holder.url}/dialogs/people/")
        assert int(url.split("X-Amz-Expires=")[1].split("&")[0]) <= 900
        assert holder.secret not in url
        assert (await ask(holder, "GET", url)).body == TABLE
        for forged in (url.replace("people/1", "people/2"), url[:-1] + "x", url + "&x-id=1"):
            if forged != url:
                assert (await ask(holder, "GET", forged)).status in {400, 403}
    status, _, _ = await api(holder, "shares/meta/schemas/dialogs/tables/people/metadata")
    assert status == 200


async def test_what_cannot_be_read_as_a_table_is_told(place: tuple[Custodian, Holder]) -> None:
    _, holder = place
    for name in ("broken", "lying"):
        answer = await sharing_query(holder, name)
        assert (answer.status, answer.says("cannot be read as Parquet")) == (400, True), answer
    answer = await sharing_query(holder, "absent")
    assert (answer.status, answer.says("no such table")) == (404, True)
    table = "shares/meta/schemas/dialogs/tables/people"
    for data in (b"{", b"[]", b'{"version": 3}', b'{"timestamp": "2026-01-01T00:00:00Z"}'):
        assert (await api(holder, f"{table}/query", method="POST", data=data))[0] == 400, data
    assert (await api(holder, f"{table}/query"))[0] == 405
    assert (await api(holder, f"{table}/changes?startingVersion=0"))[0] == 501


async def test_a_columns_read_is_paid_for_and_recorded(place: tuple[Custodian, Holder]) -> None:
    """Names of columns are a client's data too."""
    made, holder = place
    lease, secret = made.grant(budget_bytes=0)
    poor = replace(holder, lease=lease, secret=secret)
    for path in ("metadata", "query"):
        where = f"shares/meta/schemas/dialogs/tables/people/{path}"
        method = "POST" if path == "query" else "GET"
        status, said, _ = await api(poor, where, method=method)
        assert (status, "budget" in said["message"]) == (403, True)
