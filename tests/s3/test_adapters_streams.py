"""What runs through an adapter is marked and cut like what runs over S3; its parsers take anything."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.bearers import bearer
from kit.doors import Holder, ask, hub_get, hub_list, s3_get
from kit.marks import as_jsonl, mark, some_records
from kit.s3_door import Custodian, custodian, s3_door, settled
from pratique.custody.bearer import Surface
from pratique.custody.model import Copy, ScopeId, ScopeState
from pratique.custody.s3_errors import S3Error
from pratique.doors.hub.routes import parse_route as hub_route
from pratique.doors.s3.serving import ServingS3
from pratique.doors.sharing.routes import parse_route as sharing_route

Place = tuple[Custodian, ServingS3, aiohttp.ClientSession]
LARGE = bytes(32 * 1024 * 1024)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    with custodian(tmp_path, s3_domain="s3.example") as made:
        made.dataset()
        async with s3_door(made.settings) as serving, aiohttp.ClientSession() as session:
            yield made, serving, session


def _holder(place: Place, **terms: Any) -> Holder:
    lease, secret = place[0].grant(**terms)
    return Holder(session=place[2], url=place[1].url, lease=lease, secret=secret)


async def test_a_marked_copy_is_the_same_copy_at_every_door(place: Place) -> None:
    data = as_jsonl(some_records(600))
    place[0].put("a.jsonl", data)
    await asyncio.to_thread(mark, place[0])
    marked, plain = _holder(place), _holder(place, copy=Copy.CANONICAL)
    own = (await s3_get(marked, "a.jsonl")).body
    assert own != data
    through_hub = await hub_get(marked, "a.jsonl")
    assert through_hub.body == own
    assert (await hub_get(plain, "a.jsonl")).body == data
    etags = []
    for holder in (marked, plain):
        [row] = json.loads((await hub_list(holder)).body)
        etags.append(row["oid"])
        assert f'"{row["oid"]}"' in (await hub_get(holder, "a.jsonl")).headers
    assert etags[0] != etags[1], "tools keep files by this name"


async def test_a_stream_through_the_hub_is_cut_when_its_vendor_is_stopped(place: Place) -> None:
    place[0].put("large.bin", LARGE)
    holder = _holder(place)
    url = f"{holder.url}/_hub/datasets/meta/dialogs/resolve/main/large.bin"
    token = bearer(Surface.HUB, holder.lease, holder.secret)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_small)) as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        assert answer.status == 200
        assert len(await answer.content.readexactly(1024 * 1024)) == 1024 * 1024
        place[0].state.set_state(
            ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
        )
        await settled(place[1], "vendor:acme", stopped=True)
        came: list[bytes] = []
        with pytest.raises((aiohttp.ClientPayloadError, ConnectionError)):
            await _drain(answer, came)
    assert sum(map(len, came)) < 4 * 1024 * 1024


def _small(address: tuple[Any, ...]) -> socket.socket:
    """A connection whose reader's kernel holds little: some hold 32 MiB, and what is there arrives."""
    own = socket.socket(*address[:3])
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    return own


async def _drain(answer: aiohttp.ClientResponse, came: list[bytes]) -> None:
    while chunk := await answer.content.read(65536):
        came.append(chunk)


async def test_a_buckets_own_host_has_keys_below_every_path(place: Place) -> None:
    """`_hub/x` is a key there, and no path of an adapter."""
    holder = _holder(place)
    token = {"Authorization": f"Bearer {bearer(Surface.HUB, holder.lease, holder.secret)}"}
    url = f"{holder.url}/_hub/api/whoami-v2"
    for host in ("dialogs.s3.example", "dialogs.s3.example:8421", "Dialogs.S3.example"):
        answer = await ask(holder, "GET", url, headers={**token, "Host": host})
        assert answer.status != 200
        assert answer.says("<Error>")
    for host in ("s3.example", "s3.example:8421", "127.0.0.1:1"):
        assert (await ask(holder, "GET", url, headers={**token, "Host": host})).status == 200


async def test_addresses_that_are_told_are_where_the_client_came_from(place: Place) -> None:
    table = Path(__file__).parents[1] / "custody" / "parquet" / "polars.parquet"
    place[0].put("people.parquet", table.read_bytes())
    holder = _holder(place)
    token = bearer(Surface.SHARING, holder.lease, holder.secret)
    url = f"{holder.url}/_sharing/shares/meta/schemas/dialogs/tables/people/query"
    for host, where in (("s3.example:9", "http://s3.example:9/"), ("[::1]:9", "http://[::1]:9/")):
        # Nobody is a trusted proxy here, so what is forwarded does not count.
        headers = {"Authorization": f"Bearer {token}", "Host": host, "X-Forwarded-Proto": "https"}
        answer = await ask(holder, "POST", url, headers=headers, data=b"{}")
        assert answer.says(f'"url":"{where}dialogs/people.parquet?'), answer
    for host in ("a b", "x/y", "", "a@b", '"', "-x"):
        headers = {"Authorization": f"Bearer {token}", "Host": host}
        answer = await ask(holder, "POST", url, headers=headers, data=b"{}")
        assert answer.status in {400, 403}, host


PATHS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["api", "datasets", "meta", "dialogs", "resolve", "tree", "main", "shares", "schemas",
             "tables", "query", "..", "%2e%2e", "%2F", "%", "", "ä", "\x00", "a" * 2000]
        ),
        max_size=9,
    ).map(lambda pieces: "/" + "/".join(pieces)),
)  # fmt: skip


@given(path=PATHS)
def test_any_path_is_a_route_or_an_error_in_order(path: str) -> None:
    for parse in (hub_route, sharing_route):
        try:
            route = parse(path)
        except S3Error:
            continue
        assert ".." not in getattr(route, "path", "").split("/")


@given(
    path=PATHS, data=st.binary(max_size=40), method=st.sampled_from(["GET", "HEAD", "POST", "PUT"])
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_request_is_answered_in_order(
    place: Place, path: str, data: bytes, method: str
) -> None:
    holder = _holder(place)
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        return
    for name, surface in (("_hub", Surface.HUB), ("_sharing", Surface.SHARING)):
        token = {"Authorization": f"Bearer {bearer(surface, holder.lease, holder.secret)}"}
        url = f"{holder.url}/{name}/{path.lstrip('/')}"
        answer = await ask(
            holder, method, url, headers=token, data=data if method != "GET" else b""
        )
        assert answer.status != 500, (method, url, answer)
