"""The whole door under people who mean it ill, or who do not read what they asked for."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from kit.custody import an_object
from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.waiting import comes
from pratique.custody.model import SEGMENT_BYTES, Lease
from pratique.custody.scopes import lease_scope
from pratique.custody.signing import signed_get
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

SECRET = b"what lab-b does not want to be read"
LARGE = os.urandom(24 << 20)
SMALL = os.urandom(200_000)
CODE = re.compile(rb"<Code>([^<]*)</Code>")

Place = tuple[Custodian, ServingS3, Lease, str]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.dataset("private", client="lab-b")
        made.put("a/small", SMALL)
        made.put("a/large", LARGE)
        made.put("b/other", SECRET)
        made.put("x", SECRET, dataset="private")
        async with s3_door(made.settings) as serving:
            lease, secret = made.grant(selectors=("dialogs/a/",), budget_objects=100)
            yield made, serving, lease, secret


def signed(place: Place, path: str, **options: Any) -> dict[str, str]:
    _, serving, lease, secret = place
    options.setdefault("now", now_utc())
    return signed_get(
        path, host=serving.url.partition("://")[2], access_key=lease.id, secret=secret,
        region="us-east-1", **options,
    )  # fmt: skip


async def ask(
    place: Place, path: str, headers: Mapping[str, str], method: str = "GET"
) -> tuple[int, str, bytes]:
    """Status, S3 code and body; the path goes out as it is written."""
    url = URL(f"{place[1].url}{path}", encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=dict(headers)) as answer,
    ):
        body = await answer.read()
        found = CODE.search(body)
        return answer.status, found.group(1).decode() if found else "", body


def raw(url: str, head: bytes) -> bytes:
    """What comes back to bytes that no client would send."""
    host, _, port = url.partition("://")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        answer = b""
        try:
            connection.sendall(head)
            while piece := connection.recv(65_536):
                answer += piece
        except (ConnectionError, TimeoutError):
            pass
        return answer


async def still_serves(place: Place) -> None:
    status, _, body = await ask(place, "/dialogs/a/small", signed(place, "/dialogs/a/small"))
    assert (status, body) == (200, SMALL)


def reserved(place: Place) -> int:
    scope = place[0].state.scope(lease_scope(place[2].id))
    assert scope is not None
    return scope.reserved_bytes


def disclosed(place: Place, object_id: str) -> set[int]:
    """Segments of an object that the ledger says were disclosed."""
    found: set[int] = set()
    with closing(open_log(place[0].settings)) as log:
        for entry in log.entries():
            if entry.kind == "reads":
                for row in entry.body["reads"]:
                    if row[0] == object_id:
                        found.update(range(row[2], row[3] + 1))
    return found


async def test_readers_who_do_not_read_hold_up_nobody_and_pay_for_little(place: Place) -> None:
    head = "".join(f"{k}: {v}\r\n" for k, v in signed(place, "/dialogs/a/large").items())
    host, _, port = place[1].url.partition("://")[2].rpartition(":")
    with ExitStack() as stack:
        for _ in range(30):
            own = stack.enter_context(socket.socket())
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            own.connect((host, int(port)))
            own.sendall(f"GET /dialogs/a/large HTTP/1.1\r\n{head}\r\n".encode())
        await asyncio.sleep(1)
        async with asyncio.timeout(10):
            await still_serves(place)
        large = place[0].state.object("dialogs", "a/large")
        assert large is not None
        assert await comes(lambda: disclosed(place, large.id)), "they did begin"
        segments = disclosed(place, large.id)
        assert len(segments) * SEGMENT_BYTES <= 4 << 20, "nobody pays for what is not taken"


async def test_floods_of_headers_end_with_their_connection(place: Place) -> None:
    floods = (
        b"GET /dialogs/a/small HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 2_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 100_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + bytes(200) + b"\r\n\r\n",
    )
    for head in floods:
        answer = await asyncio.to_thread(raw, place[1].url, head)
        assert not answer or re.match(rb"HTTP/1\.[01] 4\d\d ", answer), answer[:100]
        assert SMALL[:100] not in answer
    await still_serves(place)


async def test_a_huge_listing_comes_in_pages(place: Place) -> None:
    made, serving = place[:2]
    rows = [an_object(n, key=f"a/many/{n:05}", size=1) for n in range(3000)]
    made.state.put_objects(rows)
    client = boto(serving.url, place[2], place[3])

    def work() -> None:
        page = client.list_objects_v2(Bucket="dialogs", Prefix="a/many/", MaxKeys=2_000_000)
        assert page["KeyCount"] == len(page["Contents"]) == 1000
        assert page["IsTruncated"]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="dialogs", Prefix="a/many/")
        keys = [one["Key"] for page in pages for one in page["Contents"]]
        assert keys == [row.key for row in rows]

    await asyncio.to_thread(work)


async def test_the_same_signature_twice_reads_the_same_and_pays_once(place: Place) -> None:
    headers = signed(place, "/dialogs/a/small", headers={"range": "bytes=0-65535"})
    answers = [await ask(place, "/dialogs/a/small", headers) for _ in range(3)]
    assert {(status, body) for status, _, body in answers} == {(206, SMALL[:65_536])}
    small = place[0].state.object("dialogs", "a/small")
    assert small is not None
    await place[1].open.ground.meters.close()
    assert reserved(place) == SEGMENT_BYTES
    # It is good for what it was signed for, and for nothing else.
    for path, changed in (
        ("/dialogs/a/large", headers),
        ("/dialogs/a/small?x-id=GetObject", headers),
        ("/dialogs/a/small", {**headers, "range": "bytes=0-199999"}),
    ):
        assert (await ask(place, path, changed))[:2] == (403, "SignatureDoesNotMatch")
    assert (await ask(place, "/dialogs/a/small", headers, "DELETE"))[0] == 403


@pytest.mark.parametrize(
    ("minutes", "code"), [(-16, "RequestTimeTooSkewed"), (16, "RequestTimeTooSkewed"), (-14, "")]
)
async def test_clocks_that_go_wrong(place: Place, minutes: int, code: str) -> None:
    now = now_utc() + timedelta(minutes=minutes)
    status, told, _ = await ask(
        place, "/dialogs/a/small", signed(place, "/dialogs/a/small", now=now)
    )
    assert (status, told) == ((403, code) if code else (200, ""))


@pytest.mark.parametrize(
    "path",
    [
        "/dialogs/a/../b/other",
        "/dialogs/a/%2e%2e/b/other",
        "/dialogs/a%2F..%2Fb/other",
        "/dialogs/a/..%2f..%2fprivate/x",
        "/dialogs//b/other",
        "/dialogs/./b/other",
        "//private/x",
        "/private/x",
        "/dialogs/a/../../private/x",
        "/dialogs/a/..%5c..%5cprivate%5cx",
        "/dialogs/a/%00",
        "/dialogs/a/%c0%ae%c0%ae/b/other",
        "/DIALOGS/a/small",
        "/dialogs/A/small",
        "/dialogs/b/other;x=a/",
    ],
)
async def test_no_path_leads_out_of_what_is_selected(place: Place, path: str) -> None:
    status, code, body = await ask(place, path, signed(place, path))
    assert status in {400, 403, 404}, body
    assert code
    assert SECRET not in body


async def test_a_whole_url_as_a_path_is_no_other_path(place: Place) -> None:
    head = "".join(f"{k}: {v}\r\n" for k, v in signed(place, "/dialogs/a/small").items())
    line = f"GET {place[1].url}/private/x HTTP/1.1\r\n{head}connection: close\r\n\r\n"
    answer = await asyncio.to_thread(raw, place[1].url, line.encode())
    assert SECRET not in answer
    assert re.match(rb"HTTP/1\.1 4\d\d ", answer)


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "OPTIONS", "TRACE", "POST"])
async def test_verbs_that_nobody_knows(place: Place, method: str) -> None:
    status, code, body = await ask(
        place, "/dialogs/a/small", signed(place, "/dialogs/a/small"), method
    )
    assert 400 <= status < 600
    assert code in {
        "MethodNotAllowed", "NotImplemented", "AccessDenied", "SignatureDoesNotMatch",
        "InvalidRequest", "AccessForbidden",
    }, body  # fmt: skip
    assert SMALL[:100] not in body


async def test_connections_that_say_nothing_keep_nobody_out(place: Place) -> None:
    host, _, port = place[1].url.partition("://")[2].rpartition(":")
    with ExitStack() as stack:
        for _ in range(200):
            idle = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            idle.sendall(b"GET /dialogs/a/small HTTP/1.1\r\nhost: ")
        async with asyncio.timeout(10):
            await still_serves(place)
