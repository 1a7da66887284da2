"""PutObject: unmodified boto3, and everything that must leave nothing behind."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import secrets
import shutil
import urllib.request
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.s3_door import Custodian, boto, custodian, s3_door, settled
from kit.s3_raw import Signed, answer, connected, exchange, sign
from kit.waiting import comes
from pratique.custody.envelope import RANDOM_BYTES, encrypt_part, part_aad
from pratique.custody.model import PART_BYTES, ObjectId, ScopeId, ScopeState, Verb
from pratique.custody.operations import PutObject
from pratique.custody.part_writing import PartWriter
from pratique.custody.ports import Version
from pratique.custody.s3_errors import S3Error
from pratique.doors.s3.bodies import Patience
from pratique.doors.s3.memory import ByteBudget
from pratique.doors.s3.serving import ServingS3
from pratique.edge.custody import disk_parts
from pratique.errors import UnavailableError
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

OLD = b"what stood there before"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
ALL = frozenset(Verb)
CLIENTS = ThreadPoolExecutor(16)


class Place:
    """A door with one lease that may do everything."""

    def __init__(self, made: Custodian, serving: ServingS3) -> None:
        self.made, self.serving = made, serving
        self.lease, self.secret = made.grant(verbs=ALL, budget_bytes=1 << 40)
        self.s3 = boto(serving.url, self.lease, self.secret)

    def files(self) -> list[str]:
        """Names of all part files."""
        folder = self.made.settings.home / "parts"
        return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())

    def sign(self, **asked: Any) -> Signed:
        return sign(self.serving.url, self.lease.id, self.secret, **asked)

    def read(self, key: str = "k") -> bytes:
        return bytes(self.s3.get_object(Bucket="dialogs", Key=key)["Body"].read())

    def put(self, data: bytes, key: str = "k", **more: Any) -> dict[str, Any]:
        return dict(self.s3.put_object(Bucket="dialogs", Key=key, Body=data, **more))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    with custodian(tmp_path) as made:
        made.dataset()
        async with s3_door(made.settings) as serving:
            yield Place(made, serving)


async def call(work: Callable[..., Any], *given: Any) -> Any:
    # A pool of the test's own: the door in this process needs asyncio's for itself.
    return await asyncio.get_running_loop().run_in_executor(CLIENTS, work, *given)


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return str(caught.value.response["Error"]["Code"])


# ── what works ───────────────────────────────────────────────────────────────────────────────────


async def test_objects_come_back_as_they_were_put(place: Place) -> None:
    def work() -> None:
        for size in (0, 1, 65_479, 65_480, 65_481, 3_000_000, PART_BYTES + 1):
            data = secrets.token_bytes(size)
            told = place.put(data)
            assert place.read() == data
            head = place.s3.head_object(Bucket="dialogs", Key="k")
            assert head["ContentLength"] == size
            assert head["ETag"] == told["ETag"]

    await call(work)
    log = open_log(place.made.settings)
    try:
        entries = [entry for entry in log.entries() if entry.kind == "object"]
    finally:
        log.close()
    stored = place.made.state.object("dialogs", "k")
    assert stored is not None
    assert entries[-1].body["object"] == stored.id
    assert entries[-1].body["parts"] == 2
    assert entries[-1].body["lease"] == place.lease.id
    assert stored.by_lease == place.lease.id


async def test_headers_that_readers_get_back(place: Place) -> None:
    def work() -> None:
        place.put(
            b"x", ContentType="text/plain", ContentEncoding="gzip", ContentDisposition="inline",
            Metadata={"colour": "blue"},
        )  # fmt: skip
        found = place.s3.get_object(Bucket="dialogs", Key="k")
        assert found["Body"].read() == b"x"
        assert found["ContentType"] == "text/plain"
        assert found["ContentEncoding"] == "gzip"
        assert found["ContentDisposition"] == "inline"
        assert found["Metadata"] == {"colour": "blue"}
        assert refused(partial(place.put, b"x", ACL="public-read")) == (
            "AccessControlListNotSupported"
        )
        assert refused(partial(place.put, b"x", Tagging="a=b")) == "NotImplemented"

    await call(work)


async def test_checksums_are_compared(place: Place) -> None:
    wrong = {"ChecksumCRC32": "AAAAAA==", "ChecksumCRC32C": "AAAAAA=="}
    wrong |= {"ChecksumCRC64NVME": "AAAAAAAAAAA="}
    wrong |= {"ChecksumSHA1": base64.b64encode(bytes(20)).decode()}
    wrong |= {"ChecksumSHA256": base64.b64encode(bytes(32)).decode()}

    def work() -> None:
        right = base64.b64encode(hashlib.sha256(OLD).digest()).decode()
        told = place.put(OLD, ChecksumSHA256=right)
        assert told["ChecksumSHA256"] == right
        for name, value in wrong.items():
            assert refused(partial(place.put, b"other", **{name: value})) == "BadDigest", name
        md5 = base64.b64encode(bytes(16)).decode()
        assert refused(partial(place.put, b"other", ContentMD5=md5)) == "BadDigest"
        assert place.read() == OLD

    await call(work)
    assert len(place.files()) == 1


async def test_presigned_and_every_payload_of_boto3(place: Place) -> None:
    plain = boto(
        place.serving.url, place.lease, place.secret,
        request_checksum_calculation="when_required", s3={"payload_signing_enabled": True},
    )  # fmt: skip
    unsigned = boto(
        place.serving.url, place.lease, place.secret, s3={"payload_signing_enabled": False}
    )

    def work() -> None:
        for number, client in enumerate((plain, unsigned)):
            client.put_object(Bucket="dialogs", Key=f"p{number}", Body=b"%d" % number)
            assert place.read(f"p{number}") == b"%d" % number
        url = place.s3.generate_presigned_url(
            "put_object", Params={"Bucket": "dialogs", "Key": "signed"}
        )
        request = urllib.request.Request(url, data=b"by url", method="PUT")
        with urllib.request.urlopen(request) as found:
            assert found.status == 200
        assert place.read("signed") == b"by url"

    await call(work)


async def test_signed_chunks(place: Place) -> None:
    data = secrets.token_bytes(200_000)
    signed = place.sign(
        payload=STREAMING,
        headers=(
            ("x-amz-decoded-content-length", "200000"), ("content-encoding", "aws-chunked"),
            ("transfer-encoding", "chunked"),
        ),
    )  # fmt: skip
    body = signed.chunk(data[:65536]) + signed.chunk(data[65536:]) + signed.chunk(b"")
    wire = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:70], body[70:])) + b"0\r\n\r\n"
    status, _ = await exchange(place.serving.url, signed.head, wire)
    assert status == 200
    assert await call(place.read) == data


# ── what must leave nothing ──────────────────────────────────────────────────────────────────────


def chunked(place: Place, length: int, wire_length: int) -> Signed:
    return place.sign(
        payload=STREAMING,
        headers=(
            ("x-amz-decoded-content-length", str(length)), ("content-length", str(wire_length)),
        ),
    )  # fmt: skip


def wire_size(*sizes: int) -> int:
    return sum(len(f"{size:x};chunk-signature=") + 64 + 2 + size + 2 for size in sizes)


async def test_bodies_that_are_not_what_they_say(place: Place) -> None:
    await call(place.put, OLD)
    data = secrets.token_bytes(70_000)

    async def send(
        length: int, build: Callable[[Signed], bytes], wire_length: int
    ) -> tuple[int, bytes]:
        signed = chunked(place, length, wire_length)
        return await exchange(place.serving.url, signed.head, build(signed))

    full = wire_size(70_000, 0)
    forged = "0" * 64
    wrong, short, broken = b"SignatureDoesNotMatch", b"IncompleteBody", b"InvalidRequest"
    large = b"EntityTooLarge"
    cases: dict[str, tuple[int, Callable[[Signed], bytes], int, bytes]] = {
        "a forged chunk": (
            70_000, lambda s: s.chunk(data, signature=forged) + s.chunk(b""), full, wrong,
        ),
        "a forged end": (
            70_000, lambda s: s.chunk(data) + s.chunk(b"", signature=forged), full, wrong,
        ),
        "shorter than it says": (70_001, lambda s: s.chunk(data) + s.chunk(b""), full, short),
        "longer than it says": (69_999, lambda s: s.chunk(data) + s.chunk(b""), full, broken),
        "a bomb": (1 << 40, lambda s: s.chunk(b"", claimed=1 << 39), 100, large),
        "a chunk of 1 GiB": (1 << 30, lambda s: s.chunk(b"x", claimed=1 << 30), 2_000, large),
        "no end": (70_000, lambda s: s.chunk(data), wire_size(70_000), short),
        "no chunks": (6, lambda _: b"hello\n", 6, broken),
    }  # fmt: skip
    for name, (length, build, wire_length, code) in cases.items():
        status, body = await send(length, build, wire_length)
        assert status >= 400, name
        assert b"<Code>" + code in body, (name, body)
        assert len(place.files()) == 1, name
    assert await call(place.read) == OLD


async def test_what_has_no_length_or_too_much(place: Place) -> None:
    for headers, code in (
        ((("transfer-encoding", "chunked"),), b"MissingContentLength"),
        ((("content-length", str(6 << 30)),), b"EntityTooLarge"),
    ):
        status, body = await exchange(place.serving.url, place.sign(headers=headers).head)
        assert status in {400, 411}
        assert code in body


async def test_a_body_is_invited_only_when_it_is_wanted(place: Place) -> None:
    reader_lease, secret = place.made.grant()
    expect = (("expect", "100-continue"), ("content-length", "10"))
    head = sign(place.serving.url, reader_lease.id, secret, headers=expect).head
    status, body = await exchange(place.serving.url, head)
    assert status == 403
    assert b"write" in body
    outside, secret = place.made.grant(verbs=ALL, selectors=("dialogs/a/",))
    head = sign(place.serving.url, outside.id, secret, headers=expect).head
    assert (await exchange(place.serving.url, head))[0] == 403
    async with connected(place.serving.url) as (reader, writer):
        writer.write(place.sign(headers=expect).head)
        assert (await answer(reader))[0] == 100
        writer.write(b"0123456789")
        assert (await answer(reader))[0] == 200
    assert await call(place.read) == b"0123456789"


async def test_senders_that_stop_or_go_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await call(place.put, OLD)
    put = place.serving.open.writes.handlers[PutObject].__self__  # type: ignore[attr-defined]  # the door behind the handler
    monkeypatch.setattr(put, "_patience", replace(put._patience, idle_seconds=1.0))
    memory = place.serving.open.writes.memory
    head = place.sign(headers=(("content-length", "300000"),)).head
    status, body = await exchange(place.serving.url, head, b"x" * 200_000)
    assert status == 400
    assert b"RequestTimeout" in body
    async with connected(place.serving.url) as (_, writer):
        writer.write(place.sign(headers=(("content-length", "300000"),)).head + b"x" * 200_000)
        await writer.drain()
        assert await comes(lambda: memory.used > 0)
    assert await comes(lambda: memory.used == 0)
    assert len(place.files()) == 1
    assert await call(place.read) == OLD


async def test_senders_that_trickle(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    put = place.serving.open.writes.handlers[PutObject].__self__  # type: ignore[attr-defined]  # the door behind the handler
    patience = Patience(idle_seconds=1.0, grace_seconds=0.2, bytes_per_second=1_000_000)
    monkeypatch.setattr(put, "_patience", patience)
    async with connected(place.serving.url) as (reader, writer):
        writer.write(place.sign(headers=(("content-length", "300000"),)).head)
        told = asyncio.create_task(answer(reader))
        for _ in range(30):
            if told.done():
                break
            writer.write(b"x")
            await asyncio.sleep(0.05)
        status, body = await told
    assert status == 400
    assert b"RequestTimeout" in body
    assert place.files() == []


async def test_a_full_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await call(place.put, OLD)
    real, calls = os.fsync, [0]

    def full(fd: int) -> None:
        calls[0] += 1
        if calls[0] > 1 and threshold <= calls[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd)

    threshold = 2  # the second part does not fit
    monkeypatch.setattr(disk_parts.os, "fsync", full)
    monkeypatch.setattr("pratique.edge.custody.disk_parts._sync_folder", lambda _folder: None)
    code = await call(refused, partial(place.put, b"y" * (PART_BYTES + 10)))
    assert code == "ServiceUnavailable"
    assert calls[0] >= 2
    monkeypatch.undo()
    assert len(place.files()) == 1
    assert await call(place.read) == OLD


async def test_a_disk_is_not_filled_to_its_last_byte(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call(place.put, OLD)

    def nearly_full(_folder: object) -> Any:
        return shutil._ntuple_diskusage(1 << 40, 1 << 40, (1 << 30) + 1000)

    monkeypatch.setattr("pratique.assembly.custody_writes.shutil.disk_usage", nearly_full)
    await asyncio.sleep(0.25)  # the disk is looked at some times a second
    assert await call(refused, partial(place.put, b"x" * 1001)) == "ServiceUnavailable"
    await call(place.put, b"x" * 1000)
    monkeypatch.undo()
    assert len(await call(place.read)) == 1000


async def test_a_ledger_that_cannot_write(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await call(place.put, OLD)
    recorder = place.serving.open.ground.recorder

    def fail(_draft: object) -> Any:
        raise UnavailableError("the ledger cannot write")

    monkeypatch.setattr(recorder, "record", fail)
    assert await call(refused, partial(place.put, b"new")) == "ServiceUnavailable"
    monkeypatch.undo()
    assert len(place.files()) == 1
    assert await call(place.read) == OLD


async def test_a_lease_that_is_stopped_while_it_sends(place: Place) -> None:
    async with connected(place.serving.url) as (reader, writer):
        writer.write(place.sign(headers=(("content-length", "20"),)).head + b"0123456789")
        await asyncio.sleep(0.2)
        place.made.state.set_state(
            ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
        )
        await settled(place.serving, "vendor:acme", stopped=True)
        writer.write(b"0123456789")
        status, body = await answer(reader)
    assert status == 403
    assert b"INC-42" in body
    assert place.files() == []
    assert place.made.state.object("dialogs", "k") is None


# ── conditions, versions ─────────────────────────────────────────────────────────────────────────


async def test_conditions(place: Place) -> None:
    def work() -> None:
        etag = place.put(OLD, IfNoneMatch="*")["ETag"]
        assert refused(partial(place.put, b"n", IfNoneMatch="*")) == "PreconditionFailed"
        assert refused(partial(place.put, b"n", IfMatch='"x"')) == "PreconditionFailed"
        assert refused(partial(place.put, b"n", key="none", IfMatch=etag)) == "NoSuchKey"
        place.put(b"new", IfMatch=etag)
        assert place.read() == b"new"

    await call(work)


async def test_one_of_many_writes_if_absent(place: Place) -> None:
    def work(number: int) -> str:
        try:
            place.put(b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "written"

    ends = await asyncio.gather(*(call(work, number) for number in range(8)))
    assert ends.count("written") == 1
    assert set(ends) <= {"written", "PreconditionFailed", "ConditionalRequestConflict"}
    winner = ends.index("written")
    assert await call(place.read) == b"%d" % winner
    assert len(place.files()) == 1


async def test_sealed_versions_keep_what_is_overwritten(place: Place) -> None:
    await call(place.put, OLD)
    before = place.made.state.object("dialogs", "k")
    assert before is not None
    place.made.state.seal_version(
        Version(
            dataset="dialogs", number=1, root="ab" * 32, objects=1, bytes=len(OLD),
            sealed_at=now_utc(),
        )
    )  # fmt: skip
    await call(place.put, b"new")
    assert list(place.made.state.version_objects("dialogs", 1)) == [before]
    assert any(before.id in name for name in place.files())


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 300_000),
    steps=st.lists(st.integers(1, 150_000), min_size=1),
    expected=st.integers(-1, 400_000),
)
def test_what_is_encrypted_as_it_arrives_is_what_is_encrypted_at_once(
    size: int, steps: list[int], expected: int
) -> None:
    key, random, object_id = bytes(32), bytes(RANDOM_BYTES), ObjectId("ab" * 16)
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    writer = PartWriter(key, object_id, 3, random, expected=expected)
    at = number = 0
    while at < size:
        step = steps[number % len(steps)]
        writer.add(data[at : at + step])
        at, number = at + step, number + 1
    whole = encrypt_part(data, object_key=key, aad=part_aad(object_id, 3, 0), random=random)
    assert writer.finish() == whole


async def test_memory_is_given_in_turn() -> None:
    memory = ByteBudget(100, wait_seconds=20.0)
    order: list[int] = []

    async def use(number: int, count: int, seconds: float) -> None:
        async with memory.taken(count):
            order.append(number)
            assert memory.used <= 100
            await asyncio.sleep(seconds)

    await asyncio.gather(use(0, 80, 0.05), use(1, 50, 0.05), use(2, 10, 0.0), use(3, 500, 0.0))
    assert order == [0, 1, 2, 3]
    assert memory.used == 0
    memory = ByteBudget(100, wait_seconds=0.2)
    async with memory.taken(100):
        with pytest.raises(S3Error, match="too many writes"):
            await use(4, 1, 0.0)
        waiting = asyncio.create_task(use(5, 1, 0.0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert memory.used == 0
