"""Uploads in parts, by boto3: any order, several processes, one completion; and what a crash leaves."""

from __future__ import annotations

import asyncio
import base64
import secrets
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.model import PART_BYTES, Verb
from pratique.doors.s3.serving import ServingS3
from pratique.doors.s3.slow import SlowAnswers
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

ALL = frozenset(Verb)
CLIENTS = ThreadPoolExecutor(16)
PLACE = {"Bucket": "dialogs", "Key": "m"}


class Sender:
    """A lease that sends, and the ways to do it."""

    def __init__(self, made: Custodian, serving: ServingS3) -> None:
        self.made, self.serving = made, serving
        self.lease, self.secret = made.grant(verbs=ALL)
        self.s3 = self.at(serving.url)

    def at(self, url: str) -> Any:
        """The same lease at another process."""
        return boto(url, self.lease, self.secret)

    def begin(self, **more: Any) -> str:
        return str(self.s3.create_multipart_upload(**PLACE, **more)["UploadId"])

    def part(self, upload: str, number: int, data: bytes, **more: Any) -> dict[str, Any]:
        sent = self.s3.upload_part(
            **PLACE, UploadId=upload, PartNumber=number, Body=data, **more
        )  # fmt: skip
        return {"PartNumber": number, "ETag": sent["ETag"]}

    def complete(self, upload: str, *parts: dict[str, Any], s3: Any = None, **more: Any) -> str:
        told = (s3 or self.s3).complete_multipart_upload(
            **PLACE, UploadId=upload, MultipartUpload={"Parts": list(parts)}, **more
        )
        return str(told["ETag"])

    def read(self, key: str = "m") -> bytes:
        return bytes(self.s3.get_object(Bucket="dialogs", Key=key)["Body"].read())

    def files(self) -> int:
        folder = self.made.settings.home / "parts"
        return sum(1 for one in folder.rglob("*") if one.is_file())


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    with custodian(tmp_path) as made:
        made.dataset()
        async with s3_door(made.settings) as serving:
            yield Sender(made, serving)


async def call(work: Callable[..., Any], *given: Any) -> Any:
    # A pool of the test's own: the door in this process needs asyncio's for itself.
    return await asyncio.get_running_loop().run_in_executor(CLIENTS, work, *given)


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return str(caught.value.response["Error"]["Code"])


async def test_parts_of_any_size_in_any_order(sender: Sender) -> None:
    sizes = {3: 1, 1: PART_BYTES + 7, 2: 65_480, 10_000: 0}
    data = {number: secrets.token_bytes(size) for number, size in sizes.items()}

    def work() -> None:
        upload = sender.begin(Metadata={"q": "1"}, ContentType="text/plain")
        sent = {number: sender.part(upload, number, data[number]) for number in sizes}
        sent[2] = sender.part(upload, 2, data[2][::-1])
        listed = sender.s3.list_parts(**PLACE, UploadId=upload)["Parts"]
        assert [(one["PartNumber"], one["Size"]) for one in listed] == [
            (number, sizes[number]) for number in sorted(sizes)
        ]
        pages = sender.s3.get_paginator("list_parts").paginate(
            **PLACE, UploadId=upload, PaginationConfig={"PageSize": 1}
        )
        assert sum(len(page["Parts"]) for page in pages) == 4
        assert refused(partial(sender.read)) == "NoSuchKey"
        etag = sender.complete(upload, sent[1], sent[2], sent[10_000])
        assert sender.read() == data[1] + data[2][::-1]
        head = sender.s3.head_object(**PLACE)
        assert (head["ETag"], head["Metadata"], head["ContentType"]) == (
            etag, {"q": "1"}, "text/plain",
        )  # fmt: skip
        assert sender.complete(upload, sent[1], sent[2]) == etag, "asked again, the same answer"
        assert refused(lambda: sender.part(upload, 1, b"late")) == "NoSuchUpload"

    await call(work)
    assert sender.files() == 2, "staged parts are gone"
    assert sender.made.state.stages() == ()
    log = open_log(sender.made.settings)
    try:
        [entry] = [one for one in log.entries() if one.kind == "object"]
    finally:
        log.close()
    assert entry.body["reason"] == "upload"


async def test_upload_file_with_threads(sender: Sender, tmp_path: Path) -> None:
    data = secrets.token_bytes(20_000_000)
    (tmp_path / "in").write_bytes(data)
    config = TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=5 << 20)

    def work() -> None:
        sender.s3.upload_file(str(tmp_path / "in"), "dialogs", "m", Config=config)
        sender.s3.download_file("dialogs", "m", str(tmp_path / "out"), Config=config)

    await call(work)
    assert (tmp_path / "out").read_bytes() == data


async def test_what_cannot_be_completed(sender: Sender) -> None:
    def work() -> None:
        upload = sender.begin()
        one, two = sender.part(upload, 1, b"one"), sender.part(upload, 2, b"two")
        changed = sender.part(upload, 2, b"other")
        assert changed["ETag"] != two["ETag"]
        assert refused(lambda: sender.complete(upload, one, two)) == "InvalidPart"
        assert refused(lambda: sender.complete(upload, changed, one)) == "InvalidPartOrder"
        absent = {"PartNumber": 3, "ETag": one["ETag"]}
        assert refused(lambda: sender.complete(upload, one, absent)) == "InvalidPart"
        crc = base64.b64encode(bytes(4)).decode()
        wrong = {"ChecksumCRC32": crc, "ChecksumType": "FULL_OBJECT"}
        assert refused(lambda: sender.complete(upload, one, changed, **wrong)) == "BadDigest"
        assert refused(partial(sender.read)) == "NoSuchKey"
        right = base64.b64encode(zlib.crc32(b"oneother").to_bytes(4, "big")).decode()
        sender.complete(upload, one, changed, ChecksumCRC32=right, ChecksumType="FULL_OBJECT")
        assert sender.read() == b"oneother"
        other = sender.begin()
        part = sender.part(other, 1, b"x")
        assert refused(lambda: sender.complete(other, part, IfNoneMatch="*")) == (
            "PreconditionFailed"
        )

    await call(work)


async def test_an_upload_is_its_leases_own(sender: Sender) -> None:
    stranger = boto(sender.serving.url, *sender.made.grant(verbs=ALL))
    reader = boto(sender.serving.url, *sender.made.grant())

    def work() -> None:
        upload = sender.begin()
        sender.part(upload, 1, b"x")
        assert len(sender.s3.list_multipart_uploads(Bucket="dialogs")["Uploads"]) == 1
        assert "Uploads" not in stranger.list_multipart_uploads(Bucket="dialogs")
        for asked in (stranger.list_parts, stranger.abort_multipart_upload):
            assert refused(partial(asked, **PLACE, UploadId=upload)) == "NoSuchUpload"
        assert refused(partial(reader.create_multipart_upload, **PLACE)) == "AccessDenied"
        sender.s3.abort_multipart_upload(**PLACE, UploadId=upload)
        assert refused(partial(sender.s3.list_parts, **PLACE, UploadId=upload)) == "NoSuchUpload"
        for odd in ("x", "../../etc", "0" * 32, "0" * 64):
            assert refused(partial(sender.s3.list_parts, **PLACE, UploadId=odd)) == "NoSuchUpload"

    await call(work)
    assert sender.files() == 0


async def test_two_processes_and_two_completions_at_once(sender: Sender) -> None:
    async with s3_door(sender.made.settings) as other:
        second = sender.at(other.url)
        upload = await call(sender.begin)
        one = await call(sender.part, upload, 1, b"a" * 6_000_000)
        sent = await call(
            partial(second.upload_part, **PLACE, UploadId=upload, PartNumber=2, Body=b"b")
        )
        two = {"PartNumber": 2, "ETag": sent["ETag"]}
        work = [
            call(partial(sender.complete, upload, one, two, s3=s3))
            for s3 in (sender.s3, second) * 3
        ]
        assert len(set(await asyncio.gather(*work))) == 1
        assert await call(sender.read) == b"a" * 6_000_000 + b"b"
    log = open_log(sender.made.settings)
    try:
        assert sum(1 for one in log.entries() if one.kind == "object") == 1
    finally:
        log.close()
    assert sender.files() == 1


async def test_a_long_completion_keeps_the_connection(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.doors.s3.slow._BREATH_SECONDS", 0.05)
    handler = sender.serving.open.writes.slow
    assert isinstance(handler, SlowAnswers)
    monkeypatch.setattr(handler, "_prompt_seconds", 0.0)

    def work() -> None:
        upload = sender.begin()
        part = sender.part(upload, 1, b"z" * 3_000_000)
        sender.complete(upload, part)
        assert len(sender.read()) == 3_000_000
        other = sender.begin()
        wrong = {"PartNumber": 1, "ETag": '"x"'}
        with pytest.raises(ClientError) as caught:
            sender.complete(other, wrong)
        assert "InvalidPart" in str(caught.value)

    await call(work)


async def test_forgotten_uploads_are_swept(sender: Sender) -> None:
    state, sweep = sender.made.state, sender.serving.open.writes.sweep
    upload = await call(sender.begin)
    await call(sender.part, upload, 1, b"x")
    assert await sweep.sweep() == 0
    sweep._longest = timedelta(0)  # a week is long for a test
    assert state.claim_upload(upload, "claim", now=now_utc())
    assert await sweep.sweep() == 0, "somebody completes it"
    state.release_upload(upload, "claim", now=now_utc())
    assert await sweep.sweep() == 1
    assert sender.files() == 0
    assert await call(refused, partial(sender.part, upload, 2, b"y")) == "NoSuchUpload"


async def test_copies_are_read_and_written(sender: Sender) -> None:
    data = secrets.token_bytes(3_000_000)
    sender.made.put("source", data)
    small, secret = sender.made.grant(verbs=ALL, budget_bytes=65_536)
    poor = boto(sender.serving.url, small, secret)
    blind = boto(sender.serving.url, *sender.made.grant(verbs=frozenset({Verb.WRITE})))
    source = {"Bucket": "dialogs", "Key": "source"}

    def work() -> None:
        sender.s3.copy_object(**PLACE, CopySource=source)
        assert sender.read() == data
        assert sender.s3.head_object(**PLACE)["Metadata"] == {"origin": "test"}
        onto_itself = partial(sender.s3.copy_object, **source, CopySource=source)
        onto_itself(Metadata={"a": "b"}, MetadataDirective="REPLACE")
        assert sender.s3.head_object(**source)["Metadata"] == {"a": "b"}
        assert refused(onto_itself) == "InvalidRequest"
        upload = sender.begin()
        sent = sender.s3.upload_part_copy(
            **PLACE, UploadId=upload, PartNumber=1, CopySource=source,
            CopySourceRange="bytes=100-2000000",
        )  # fmt: skip
        part = {"PartNumber": 1, "ETag": sent["CopyPartResult"]["ETag"]}
        sender.complete(upload, part)
        assert sender.read() == data[100:2_000_001]
        wrong = partial(sender.s3.copy_object, **PLACE, CopySource=source)
        assert refused(partial(wrong, CopySourceIfMatch='"x"')) == "PreconditionFailed"
        assert refused(partial(poor.copy_object, **PLACE, CopySource=source)) == "AccessDenied"
        assert refused(partial(blind.copy_object, **PLACE, CopySource=source)) == "AccessDenied"

    await call(work)
    log = open_log(sender.made.settings)
    try:
        assert any(entry.kind == "reads" for entry in log.entries())
    finally:
        log.close()


# ── killed processes ─────────────────────────────────────────────────────────────────────────────


@contextmanager
def victim(home: Path, step: str, count: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A door that dies at a step."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kit.s3_victim", str(home), step, str(count)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip(), process
    finally:
        process.kill()
        process.communicate()


def read(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket="dialogs", Key=key)["Body"].read())


@pytest.mark.slow
@pytest.mark.parametrize("step", ["part", "entry-before", "entry", "row"])
async def test_a_killed_write_is_all_there_or_not_at_all(tmp_path: Path, step: str) -> None:
    new = secrets.token_bytes(1_000_000)
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("k", b"old")
        lease, secret = made.grant(verbs=ALL)
        with victim(tmp_path, step) as (url, process):
            with pytest.raises((BotoCoreError, ClientError)):
                await call(
                    partial(
                        boto(url, lease, secret).put_object, Bucket="dialogs", Key="k", Body=new
                    )
                )
            assert await call(process.wait) == -9
        async with s3_door(made.settings) as serving:
            s3 = boto(serving.url, lease, secret)
            found = await call(read, s3, "k")
            assert found == (new if step == "row" else b"old")
            await call(partial(s3.put_object, Bucket="dialogs", Key="k", Body=b"again"))
            assert await call(read, s3, "k") == b"again"


@pytest.mark.slow
@pytest.mark.parametrize(("step", "count"), [("part", 3), ("entry", 1), ("row", 1)])
async def test_a_killed_completion_is_finished_by_another(
    tmp_path: Path, step: str, count: int
) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        lease, secret = made.grant(verbs=ALL)
        with victim(tmp_path, step, count) as (url, process):
            s3 = boto(url, lease, secret)

            def work() -> tuple[str, list[dict[str, Any]]]:
                upload = s3.create_multipart_upload(**PLACE)["UploadId"]
                parts = []
                for number in (1, 2):
                    sent = s3.upload_part(
                        **PLACE, UploadId=upload, PartNumber=number, Body=b"%d" % number * 1000
                    )
                    parts.append({"PartNumber": number, "ETag": sent["ETag"]})
                with pytest.raises((BotoCoreError, ClientError)):
                    s3.complete_multipart_upload(
                        **PLACE, UploadId=upload, MultipartUpload={"Parts": parts}
                    )
                return str(upload), parts

            upload, parts = await call(work)
            assert await call(process.wait) == -9
        assert (made.state.object("dialogs", "m") is not None) is (step == "row")
        _age_claims(made)
        async with s3_door(made.settings) as serving:
            again = boto(serving.url, lease, secret)
            await call(
                partial(
                    again.complete_multipart_upload, **PLACE, UploadId=upload,
                    MultipartUpload={"Parts": parts},
                )
            )  # fmt: skip
            found = await call(read, again, "m")
            assert found == b"1" * 1000 + b"2" * 1000
            await serving.open.writes.sweep.sweep()
        assert made.state.stages() == ()


def _age_claims(made: Custodian) -> None:
    """What half a minute does."""
    with made.state._database.write() as session:  # type: ignore[attr-defined]  # the test makes half a minute pass
        rows = session.run("list_old_uploads", before=2**60, now=2**60)
        for (upload,) in rows:
            session.run("drop_upload_claim", upload=upload)
