"""boto3 reads through the whole door."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.s3_door import Custodian, boto, custodian, s3_door, settled
from kit.waiting import comes
from pratique.custody.model import ScopeId, ScopeState, Verb
from pratique.doors.s3.serving import ServingS3
from pratique.ledger.entries import Entry
from pratique.store.logs import open_log

DATA = secrets.token_bytes(3_000_000)
TINY = b'{"text": "hello"}\n'


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("a/tiny.jsonl", TINY)
        made.put("a/large.bin", DATA)
        made.put("b/ä ö+%2F.txt", b"named strangely")
        made.put("empty", b"")
        async with s3_door(made.settings) as serving:
            yield made, serving


async def call(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


async def entries_of(made: Custodian, kind: str, *, wait: bool = True) -> list[Entry]:
    """Durable entries of a kind; small reads become durable some 50 ms after their answer."""
    found: list[Entry] = []
    for _ in range(100 if wait else 1):
        log = open_log(made.settings)
        try:
            found = [entry for entry in log.entries() if entry.kind == kind]
        finally:
            log.close()
        if found:
            break
        await asyncio.sleep(0.05)
    return found


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


async def test_objects_ranges_heads_and_names(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant())

    def work() -> None:
        assert s3.get_object(Bucket="dialogs", Key="a/tiny.jsonl")["Body"].read() == TINY
        assert s3.get_object(Bucket="dialogs", Key="a/large.bin")["Body"].read() == DATA
        assert s3.get_object(Bucket="dialogs", Key="empty")["Body"].read() == b""
        strange = s3.get_object(Bucket="dialogs", Key="b/ä ö+%2F.txt")
        assert strange["Body"].read() == b"named strangely"
        assert strange["Metadata"] == {"origin": "test"}
        for asked, expected in (
            ("bytes=0-0", DATA[:1]),
            ("bytes=65530-65545", DATA[65530:65546]),
            ("bytes=1000000-2999999", DATA[1000000:]),
            ("bytes=-70000", DATA[-70000:]),
            ("bytes=2999990-9999999", DATA[2999990:]),
        ):
            found = s3.get_object(Bucket="dialogs", Key="a/large.bin", Range=asked)
            assert found["Body"].read() == expected
            assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
        head = s3.head_object(Bucket="dialogs", Key="a/large.bin")
        assert head["ContentLength"] == len(DATA)
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket="dialogs", Key="a/large.bin", IfNoneMatch=head["ETag"])
        assert code_of(caught.value) in {"304", "NotModified"}
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket="dialogs", Key="nothing")
        assert code_of(caught.value) == "NoSuchKey"

    await call(work)


async def test_listings(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant())

    def work() -> None:
        assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["dialogs"]
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="dialogs")["Contents"]]
        assert keys == ["a/large.bin", "a/tiny.jsonl", "b/ä ö+%2F.txt", "empty"]
        top = s3.list_objects_v2(Bucket="dialogs", Delimiter="/")
        assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "b/"]
        assert [o["Key"] for o in top["Contents"]] == ["empty"]
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket="dialogs", PaginationConfig={"PageSize": 1}
        )
        assert [o["Key"] for page in pages for o in page["Contents"]] == keys
        assert s3.list_objects(Bucket="dialogs", Prefix="a/")["Contents"][0]["Size"] == len(DATA)
        assert s3.get_bucket_location(Bucket="dialogs")["LocationConstraint"] is None
        s3.head_bucket(Bucket="dialogs")

    await call(work)


async def test_every_read_is_in_the_ledger_before_it_is_answered(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, secret = made.grant()
    s3 = boto(serving.url, lease, secret)
    stored = made.state.object("dialogs", "a/large.bin")
    assert stored is not None

    def work() -> None:
        asked = {"Bucket": "dialogs", "Key": "a/large.bin", "Range": "bytes=70000-140000"}
        assert len(s3.get_object(**asked)["Body"].read()) == 70_001

    await call(work)
    entries = await entries_of(made, "reads")
    assert [entry.subject for entry in entries] == [f"lease:{lease.id}"]
    body = entries[0].body
    assert (body["client"], body["dataset"], body["holder"]) == ("meta", "dialogs", "p-17")
    [row] = body["reads"]
    assert row[:6] == [stored.id, 0, 1, 2, 70_001, 206]
    assert "large" not in str(body), "keys may name persons; the ledger has ids"
    [ahead] = await entries_of(made, "reads-ahead")
    assert ahead.sequence < entries[0].sequence
    assert ahead.body["ahead"] == [[stored.id, 0, 0, 15]]
    assert ahead.body["process"] == body["process"]


async def test_a_large_read_is_known_before_its_first_byte(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, secret = made.grant()
    s3 = boto(serving.url, lease, secret)

    def work() -> None:
        body = s3.get_object(Bucket="dialogs", Key="a/large.bin")["Body"]
        assert body.read(1) == DATA[:1]
        log = open_log(made.settings)
        try:
            rows = [
                row for e in log.entries() if e.kind == "reads-ahead" for row in e.body["ahead"]
            ]
        finally:
            log.close()
        assert [row[2:4] for row in rows] == [[0, 15]], "the first window, before its first byte"
        assert body.read() == DATA[1:]

    await call(work)
    rows: list[list[int]] = []
    for _ in range(100):
        rows = [row for e in await entries_of(made, "reads") for row in e.body["reads"]]
        if len(rows) > 1:
            break
        await asyncio.sleep(0.05)
    assert sorted((row[2], row[3]) for row in rows) == [(0, 15), (16, 45)]
    assert sum(row[4] for row in rows) == len(DATA)
    assert len(await entries_of(made, "reads-ahead")) == 1, (
        "larger windows wait for their own entry"
    )


async def test_a_suspension_says_why_and_a_resumption_serves(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant())

    def read() -> bytes:
        return bytes(s3.get_object(Bucket="dialogs", Key="a/tiny.jsonl")["Body"].read())

    assert await call(read) == TINY
    made.state.set_state(
        ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
    )
    await settled(serving, "vendor:acme", stopped=True)
    with pytest.raises(ClientError) as caught:
        await call(read)
    assert code_of(caught.value) == "AccessDenied"
    assert "INC-42" in str(caught.value)
    assert "acme" in str(caught.value)
    live = made.state.set_state(ScopeId("vendor:acme"), ScopeState.LIVE, reason="", incident="")
    assert live is not None
    made.admin.resume(live.id, epoch=live.changed_epoch)
    await settled(serving, "vendor:acme", stopped=False)
    assert await call(read) == TINY


async def test_what_the_terms_refuse(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    made.dataset("images")
    made.put("x", b"x", dataset="images")
    lease, secret = made.grant(selectors=("dialogs/a/",))
    s3 = boto(serving.url, lease, secret)
    blind = boto(serving.url, *made.grant(verbs=frozenset({Verb.LIST})))
    elsewhere = boto(serving.url, *made.grant(networks=("192.0.2.0/24",)))
    forged = boto(serving.url, lease, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    small = boto(serving.url, *made.grant(budget_bytes=65536 * 2))

    def refused(client: Any, **asked: str) -> ClientError:
        with pytest.raises(ClientError) as caught:
            client.get_object(**asked)
        return caught.value

    def work() -> None:
        assert s3.get_object(Bucket="dialogs", Key="a/tiny.jsonl")["Body"].read() == TINY
        assert code_of(refused(s3, Bucket="dialogs", Key="empty")) == "AccessDenied"
        assert code_of(refused(s3, Bucket="images", Key="x")) == "AccessDenied"
        assert code_of(refused(s3, Bucket="absent", Key="x")) == "AccessDenied"
        assert "read" in str(refused(blind, Bucket="dialogs", Key="empty"))
        assert "127.0.0.1" in str(refused(elsewhere, Bucket="dialogs", Key="empty"))
        wrong = refused(forged, Bucket="dialogs", Key="a/tiny.jsonl")
        assert code_of(wrong) == "SignatureDoesNotMatch"
        assert secret not in str(wrong.response)
        over = refused(small, Bucket="dialogs", Key="a/large.bin")
        assert "budget" in str(over)
        assert (
            len(
                small.get_object(Bucket="dialogs", Key="a/large.bin", Range="bytes=0-99999")[
                    "Body"
                ].read()
            )
            == 100_000
        )

    await call(work)


async def test_a_broker_that_knows_of_a_suspension_refuses_for_good(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant())
    made.admin.suspend(ScopeId("vendor:acme"), reason="break-in", incident="INC-42")
    with pytest.raises(ClientError) as caught:
        await call(lambda: s3.get_object(Bucket="dialogs", Key="a/tiny.jsonl"))
    assert code_of(caught.value) == "AccessDenied", "nobody tries again for what is final"
    assert "INC-42" in str(caught.value)


async def test_a_lease_granted_a_moment_ago_serves_many_at_once(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant(), max_pool_connections=32)

    def read(_: int) -> bytes:
        return bytes(s3.get_object(Bucket="dialogs", Key="a/tiny.jsonl")["Body"].read())

    with ThreadPoolExecutor(32) as pool:
        found = await call(lambda: list(pool.map(read, range(32))))
    assert found == [TINY] * 32


async def test_a_client_that_leaves_is_no_error_of_ours(
    place: tuple[Custodian, ServingS3], caplog: pytest.LogCaptureFixture
) -> None:
    made, serving = place
    made.put("a/larger.bin", bytes(24 << 20))
    client = boto(serving.url, *made.grant())

    def leave() -> None:
        body = client.get_object(Bucket="dialogs", Key="a/larger.bin")["Body"]
        body.read(1000)
        connection = body._raw_stream._connection.sock
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        body.close()

    with caplog.at_level(logging.WARNING):
        await asyncio.to_thread(leave)
        assert await comes(lambda: not serving.open.ground.confirmation._streams)
    assert [record.message for record in caplog.records] == []
