"""A lease that writes has a budget: reserved before its bytes are taken, exact under parallel writers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.custody import a_lease
from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.budget import Amount
from pratique.custody.model import Lease, LeaseId, Refusal, ScopeId, Verb
from pratique.custody.scopes import lease_scope
from pratique.custody.write_budget import WriteLimit
from pratique.settings import Settings, StorageSettings
from pratique.store.custody import CustodyStore, open_custody

WRITES = frozenset({Verb.WRITE})
LIMIT = WriteLimit(bytes=1000, objects=10)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path, write_budget_gib=2 / 1024, write_budget_objects=5) as one:
        one.dataset()
        yield one


async def refused(work: Callable[..., Any], **words: Any) -> str:
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(work, Bucket="dialogs", **words)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert answer["Error"]["Code"] == "AccessDenied"
    return str(answer["Error"]["Message"])


async def test_bytes_objects_parts_and_copies_pay_and_the_refusal_says_so(made: Custodian) -> None:
    async with s3_door(made.settings) as serving:
        lease, secret = made.grant(verbs=WRITES, budget_bytes=1_000_000, budget_objects=3)
        client = boto(serving.url, lease, secret)

        async def put(key: str, size: int) -> None:
            body = os.urandom(size)
            await asyncio.to_thread(client.put_object, Bucket="dialogs", Key=key, Body=body)

        await put("a", 600_000)
        said = await refused(client.put_object, Key="b", Body=bytes(400_001))
        assert said.startswith(f"write budget used up: lease {lease.id} has stored 585.9 KiB of")
        assert made.state.object("dialogs", "b") is None
        await put("a", 100_000)  # overwriting counts: the store keeps versions
        begin = client.create_multipart_upload
        upload = await asyncio.to_thread(begin, Bucket="dialogs", Key="up")
        part = {"Key": "up", "UploadId": upload["UploadId"], "PartNumber": 1}
        assert "write budget" in await refused(client.upload_part, **part, Body=bytes(300_001))
        await asyncio.to_thread(client.upload_part, Bucket="dialogs", **part, Body=bytes(300_000))
        assert made.state.written(lease_scope(lease.id)) == Amount(bytes=1_000_000, objects=3)
        assert "objects" in await refused(client.put_object, Key="c", Body=b"")
        assert "objects" in await refused(client.create_multipart_upload, Key="d")
        made.state.set_caps(lease_scope(lease.id), cap_bytes=1_000_001, cap_objects=4)
        await put("c", 1)


async def test_what_fails_is_given_back_and_a_budget_of_nothing_is_the_settings(
    made: Custodian,
) -> None:
    async with s3_door(made.settings) as serving:
        lease, secret = made.grant(verbs=WRITES, budget_bytes=0, budget_objects=0)
        client = boto(serving.url, lease, secret)
        with pytest.raises(ClientError, match=r"BadDigest|digest|checksum"):
            await asyncio.to_thread(
                client.put_object,
                Bucket="dialogs", Key="a", Body=b"x" * 1000, ChecksumSHA256="A" * 43 + "=",
            )  # fmt: skip
        assert made.state.written(lease_scope(lease.id)) == Amount(bytes=0, objects=0)
        for number in range(5):
            await asyncio.to_thread(
                client.put_object, Bucket="dialogs", Key=f"{number}", Body=bytes(400_000)
            )
        assert "5 of 5 objects" in await refused(client.put_object, Key="6", Body=b"")
        assert "1.9 MiB of 2.0 MiB" in await refused(
            client.put_object, Key="6", Body=bytes(200_000)
        )


async def test_a_copy_pays_for_what_it_stores(made: Custodian) -> None:
    made.put("known", os.urandom(50_000))
    async with s3_door(made.settings) as serving:
        lease, secret = made.grant(verbs=frozenset(Verb), budget_bytes=131_072)
        client = boto(serving.url, lease, secret)

        async def copy(key: str) -> None:
            await asyncio.to_thread(
                client.copy_object, Bucket="dialogs", Key=key, CopySource="dialogs/known"
            )

        await copy("one")
        await copy("two")
        assert "write budget" in await refused(
            client.copy_object, Key="three", CopySource="dialogs/known"
        )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[CustodyStore]:
    opened = open_custody(Settings(home=tmp_path))
    yield opened
    opened.close()


def take(state: CustodyStore, lease: Lease, size: int) -> Refusal | None:
    return state.reserve_write(lease, Amount(bytes=size, objects=1), limit=LIMIT)


async def test_parallel_writers_never_take_more_than_there_is(state: CustodyStore) -> None:
    lease = a_lease(verbs=WRITES, budget_bytes=500, budget_objects=100)
    state.add_lease(lease)
    answers = await asyncio.gather(*(asyncio.to_thread(take, state, lease, 60) for _ in range(40)))
    assert sum(answer is None for answer in answers) == 8
    assert state.written(lease_scope(lease.id)) == Amount(bytes=480, objects=8)
    state.return_write(lease, Amount(bytes=60, objects=1))
    assert take(state, lease, 80) is None
    assert take(state, lease, 1) is not None


def test_a_new_lease_of_a_capped_holder_has_no_new_budget(state: CustodyStore) -> None:
    first = a_lease(verbs=WRITES, budget_bytes=500, budget_objects=100)
    second = replace(first, id=LeaseId(first.id[:-1] + "7"))
    for lease in (first, second):
        state.add_lease(lease)
    holder = ScopeId("holder:acme/dialogs/p-17")
    state.set_caps(holder, cap_bytes=600, cap_objects=None)
    assert take(state, first, 450) is None
    refusal = take(state, second, 200)
    assert refusal is not None
    assert refusal.scope == holder
    assert state.written(lease_scope(second.id)) == Amount(bytes=0, objects=0)
    assert take(state, second, 150) is None


def test_a_write_is_counted_on_postgresql_too(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, storage=StorageSettings(database_url=postgres_url))
    opened = open_custody(settings)
    try:
        lease = a_lease(verbs=WRITES, budget_bytes=100, budget_objects=2)
        opened.add_lease(lease)
        assert [take(opened, lease, 60) is None for _ in range(2)] == [True, False]
        opened.return_write(lease, Amount(bytes=60, objects=1))
        assert take(opened, lease, 100) is None
    finally:
        opened.close()
