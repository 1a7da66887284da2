"""Marked copies through a whole door: sizes, ranges, commitments, canonical leases, failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from kit.door import run_pratique
from kit.marks import as_jsonl, mark, some_records
from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.codewords import unpack_bits
from pratique.custody.marks.records import NOTICED_SECONDS
from pratique.custody.model import Copy
from pratique.store.errors import StoreUnavailableError
from pratique.store.logs import open_log

RECORDS = some_records(600)
DATA = as_jsonl(RECORDS)
OTHER = as_jsonl(some_records(200, seed=4))


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path) as opened:
        opened.dataset()
        yield opened


def _read(client: Any, key: str = "a.jsonl", span: str = "") -> bytes:
    more = {"Range": f"bytes={span}"} if span else {}
    return client.get_object(Bucket="dialogs", Key=key, **more)["Body"].read()


def _entries(keeper: Custodian, kind: str) -> list[Any]:
    with closing(open_log(keeper.settings)) as log:
        return [entry for entry in log.entries() if entry.kind == kind]


async def test_each_lease_reads_its_own_copy_and_the_client_the_canonical_one(
    keeper: Custodian,
) -> None:
    keeper.put("a.jsonl", DATA)
    done = await asyncio.to_thread(mark, keeper)
    assert done.run is not None
    assert done.run.count > 60
    (entry,) = _entries(keeper, "marks")
    assert entry.body["marks"] == done.run.count
    assert entry.body["index_sha256"] == done.run.index_sha256
    leases = [keeper.grant() for _ in range(3)]
    plain = keeper.grant(copy=Copy.CANONICAL)
    async with s3_door(keeper.settings) as serving:

        def look() -> list[bytes]:
            copies = []
            for lease, secret in [*leases, plain]:
                client = boto(serving.url, lease, secret)
                assert client.head_object(Bucket="dialogs", Key="a.jsonl")["ContentLength"] == len(
                    DATA
                )
                copies.append(_read(client))
            return copies

        copies = await asyncio.to_thread(look)
    assert copies[3] == DATA
    assert len({*copies}) == 4, "a copy of its own for each"
    for copy in copies[:3]:
        assert len(copy) == len(DATA)
        records = [json.loads(line) for line in copy.splitlines()]
        assert [one["id"] for one in records] == [one["id"] for one in RECORDS]
        assert [one["rating"] for one in records] == [one["rating"] for one in RECORDS]
        changed = sum(a != b for a, b in zip(records, RECORDS, strict=True))
        assert 0.2 * done.run.count < changed < 0.8 * done.run.count


@pytest.mark.slow
async def test_ranges_of_a_copy_are_cut_from_the_same_copy(keeper: Custodian) -> None:
    data = as_jsonl(some_records(4000, seed=5))
    keeper.put("a.jsonl", data)
    await asyncio.to_thread(mark, keeper)
    lease, secret = keeper.grant()
    async with s3_door(keeper.settings) as serving:

        def look() -> None:
            client = boto(serving.url, lease, secret)
            whole = _read(client)
            assert whole != data
            last = len(data) - 1
            for start, end in ((0, 1), (65_519, 65_600), (100, 262_300), (last - 70_000, last)):
                assert _read(client, span=f"{start}-{end}") == whole[start : end + 1]
            pieces = [_read(client, span=f"{at}-{at + 6_999}") for at in range(0, len(data), 7_000)]
            assert b"".join(pieces) == whole

        await asyncio.to_thread(look)


async def test_the_commitment_is_in_the_ledger_before_the_first_read(keeper: Custodian) -> None:
    keeper.put("a.jsonl", DATA)
    done = await asyncio.to_thread(mark, keeper)
    assert done.run is not None
    lease, secret = keeper.grant()
    async with s3_door(keeper.settings) as serving:
        client = boto(serving.url, lease, secret)
        await asyncio.to_thread(_read, client)
        await asyncio.to_thread(_read, client, span="0-99")
    (word,) = _entries(keeper, "codeword")
    reads = _entries(keeper, "reads")
    assert word.sequence < min(entry.sequence for entry in reads)
    assert word.subject == f"lease:{lease.id}"
    assert word.body["marks"] == done.run.count
    told = keeper.admin.commitment("dialogs", lease.id, done.run.count)
    assert word.body["commitment"] == told.codeword
    (kept,) = keeper.state.codewords(lease.id, "dialogs")
    assert kept.entry == word.sequence
    opening = keeper.admin.reveal("dialogs", lease.id, done.run.count)
    bits = unpack_bits(opening.codeword, done.run.count)
    assert 0.2 < sum(bits) / len(bits) < 0.8


async def test_objects_put_later_are_marked_by_a_second_run(keeper: Custodian) -> None:
    keeper.put("a.jsonl", DATA)
    first = await asyncio.to_thread(mark, keeper)
    later = as_jsonl(some_records(300, seed=9))
    keeper.put("b.jsonl", later)
    keeper.put("picture.bin", b"x" * 1000)
    lease, secret = keeper.grant()
    async with s3_door(keeper.settings) as serving:
        before = await asyncio.to_thread(_read, boto(serving.url, lease, secret))
        assert await asyncio.to_thread(_read, boto(serving.url, lease, secret), "b.jsonl") == later
    second = await asyncio.to_thread(mark, keeper)
    assert first.run is not None
    assert second.run is not None
    assert (second.objects, second.already) == (1, 1)
    assert [one.key for one in second.unmarkable] == ["picture.bin"]
    assert second.run.first == first.run.count
    async with s3_door(keeper.settings) as serving:
        client = boto(serving.url, lease, secret)
        assert await asyncio.to_thread(_read, client) == before, "older marks stay as they are"
        assert await asyncio.to_thread(_read, client, "b.jsonl") != later
        assert await asyncio.to_thread(_read, client, "picture.bin") == b"x" * 1000
    assert len(_entries(keeper, "codeword")) == 2


async def test_what_cannot_be_had_is_an_error_and_never_the_canonical_bytes(
    keeper: Custodian,
) -> None:
    stored = keeper.put("a.jsonl", DATA)
    await asyncio.to_thread(mark, keeper)
    folder = keeper.settings.home / "parts" / stored.id[:2] / stored.id
    layout = folder / "16777215.1"
    kept = layout.read_bytes()
    for broken in (None, bytes(len(kept)), kept[:-1]):
        layout.unlink(missing_ok=True)
        if broken is not None:
            layout.write_bytes(broken)
        lease, secret = keeper.grant()
        async with s3_door(keeper.settings) as serving:
            with pytest.raises(ClientError) as caught:
                await asyncio.to_thread(_read, boto(serving.url, lease, secret))
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    assert not _entries(keeper, "reads")


async def test_a_run_of_marking_is_in_force_at_once_for_doors_that_serve(keeper: Custodian) -> None:
    """Small reads and whole ones, of an object that was read before and of a second run's."""
    keeper.put("a.jsonl", DATA)
    keeper.put("b.jsonl", OTHER)
    lease, secret = keeper.grant()
    plain = keeper.grant(copy=Copy.CANONICAL)
    async with s3_door(keeper.settings) as serving:
        client = boto(serving.url, lease, secret)

        def look(key: str) -> tuple[bytes, bytes]:
            size = len(DATA if key == "a.jsonl" else OTHER)
            pieces = [_read(client, key, f"{at}-{at + 29_999}") for at in range(0, size, 30_000)]
            return _read(client, key), b"".join(pieces)

        for key, data in (("a.jsonl", DATA), ("b.jsonl", OTHER)):
            assert await asyncio.to_thread(look, key) == (data, data)
        await asyncio.to_thread(mark, keeper, most=200)
        await asyncio.sleep(NOTICED_SECONDS)
        whole, pieces = await asyncio.to_thread(look, "a.jsonl")
        assert whole == pieces != DATA
        later = as_jsonl(some_records(300, seed=12))
        keeper.put("c.jsonl", later)
        assert await asyncio.to_thread(_read, client, "c.jsonl") == later
        await asyncio.to_thread(mark, keeper)
        await asyncio.sleep(NOTICED_SECONDS)
        assert await asyncio.to_thread(_read, client, "c.jsonl") != later
        assert await asyncio.to_thread(_read, boto(serving.url, *plain)) == DATA


async def test_without_the_store_nothing_is_taken_to_be_unmarked(
    keeper: Custodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = keeper.put("a.jsonl", DATA)
    lease, _ = keeper.grant()
    async with s3_door(keeper.settings) as serving:
        views, state = serving.open.ground.views, serving.open.ground.state
        assert await views.of(lease, stored) is None

        def gone(_dataset: str) -> Any:
            raise StoreUnavailableError("the database does not answer")

        monkeypatch.setattr(state, "mark_runs", gone)
        await asyncio.sleep(NOTICED_SECONDS)
        with pytest.raises(StoreUnavailableError):
            await views.of(lease, stored)


@pytest.mark.slow
async def test_a_read_under_way_ends_when_its_object_is_marked(keeper: Custodian) -> None:
    """What was begun with canonical bytes does not go on with them; the client asks again."""
    large = b'{"noise": "' + bytes(48 << 20).hex().encode()[: 48 << 20] + b'"}\n' + DATA
    keeper.put("a.jsonl", large)
    lease, secret = keeper.grant()
    plain, plain_secret = keeper.grant(copy=Copy.CANONICAL)
    async with s3_door(keeper.settings) as serving:
        client = boto(serving.url, lease, secret)
        other = boto(serving.url, plain, plain_secret)

        def begun(one: Any) -> Any:
            body = one.get_object(Bucket="dialogs", Key="a.jsonl")["Body"]
            assert body.read(1 << 20) == large[: 1 << 20]
            return body

        body = await asyncio.to_thread(begun, client)
        untouched = await asyncio.to_thread(begun, other)
        # A process of its own, as it always is: within this one it would keep the door from confirming.
        command = ("dataset", "mark", "dialogs", "--share", "20%")
        done = await asyncio.to_thread(run_pratique, *command, home=keeper.settings.home)
        assert done.returncode == 0, done.stderr
        with pytest.raises((IncompleteReadError, ResponseStreamingError)):
            await asyncio.to_thread(body.read)
        assert await asyncio.to_thread(untouched.read) == large[1 << 20 :]
        assert await asyncio.to_thread(_read, client) != large
