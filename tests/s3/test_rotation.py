"""A dataset's key is rotated under readers and writers: all stays readable, the old key opens nothing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.custody import a_dataset
from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.waiting import comes
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import ObjectId, StoredObject, Verb
from pratique.custody.ports import PartAsk
from pratique.custody.wrapping import WrappedKey, parse_wrapped
from pratique.doors.cli import cli
from pratique.edge.custody.broker.frames import RewrapBody
from pratique.edge.custody.broker.keyring import KeyRing
from pratique.edge.custody.broker_client import BrokerClient
from pratique.errors import InputError, UnavailableError
from pratique.store import custody_rotation

SMALL = {f"k/{number:04}": os.urandom(64) for number in range(60)}
BIG = os.urandom(5 << 20)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path) as one:
        one.dataset()
        for key, data in SMALL.items():
            one.put(key, data)
        yield one


def rotate(
    made: Custodian, *words: str, subject: Sequence[str] = ("dataset", "rotate", "dialogs")
) -> Any:
    home = ("--home", str(made.settings.home), "--format", "json")
    result = CliRunner().invoke(cli, [*subject, *words, *home])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def generations(made: Custodian) -> set[int]:
    return {parse_wrapped(one.wrapped_key).generation for one in made.state.kept_objects("dialogs")}


def stored(made: Custodian, key: str) -> StoredObject:
    found = made.state.object("dialogs", key)
    assert found is not None
    return found


def content(client: Any, key: str) -> bytes:
    return bytes(client.get_object(Bucket="dialogs", Key=key)["Body"].read())


async def test_reads_writes_and_uploads_go_on_while_it_is_rotated(
    made: Custodian, tmp_path: Path
) -> None:
    before = stored(made, "k/0000")
    made.state.remove_object("dialogs", "k/0059", at=before.created_at)  # in no version: nobody's
    async with s3_door(made.settings) as serving:
        client = boto(serving.url, *made.grant(verbs=frozenset(Verb)))
        begin = client.create_multipart_upload
        upload = (await asyncio.to_thread(begin, Bucket="dialogs", Key="up"))["UploadId"]
        whole = {"Bucket": "dialogs", "Key": "up", "UploadId": upload}
        sent = await asyncio.to_thread(client.upload_part, **whole, PartNumber=1, Body=BIG)
        ended = asyncio.Event()

        def read_all(round_: int) -> None:
            for key in list(SMALL)[:59:7]:
                assert content(client, key) == SMALL[key]
            client.put_object(Bucket="dialogs", Key=f"new/{round_}", Body=b"new")

        rounds = 0

        async def work() -> int:
            nonlocal rounds
            while not ended.is_set():
                await asyncio.to_thread(read_all, rounds)
                rounds += 1
            return rounds

        working = asyncio.create_task(work())
        assert await comes(lambda: rounds)
        proof = tmp_path / "rotated.json"
        words = ("--reason", "yearly", "--certificate", str(proof))
        done = await asyncio.to_thread(rotate, made, *words)
        ended.set()
        assert await working > 1
        assert (done["generation"], done["keys"] >= 60) == (2, True)
        assert generations(made) == {2}
        parts = {"Parts": [{"PartNumber": 1, "ETag": sent["ETag"]}]}
        complete = client.complete_multipart_upload
        await asyncio.to_thread(complete, **whole, MultipartUpload=parts)
        assert await asyncio.to_thread(content, client, "up") == BIG
        again = await asyncio.to_thread(
            rotate, made, subject=("custody-key", "rotate", "dataset:dialogs")
        )
        assert (again["generation"], again["client"]) == (3, "meta")
        assert await asyncio.to_thread(content, client, "up") == BIG
    with pytest.raises(BrokerRefusedError, match="rotated"):
        made.admin.check_keys([ask(before, before.wrapped_key)])
    checked = CliRunner().invoke(
        cli, ["verify", str(proof), "--key", done["verifier_key"], "--format", "json"]
    )
    assert checked.exit_code == 0
    (proven,) = json.loads(checked.stdout)["entries"]
    assert proven["subject"] == "dataset:dialogs"
    assert (proven["body"]["action"], proven["body"]["generation"]) == ("rotated", 2)
    assert proven["body"]["reason"] == "yearly"


def ask(one: StoredObject, wrapped: bytes) -> PartAsk:
    return PartAsk(object=one.id, wrapped_key=wrapped, part=0, variant=0, salt=bytes(32))


def opened(made: Custodian) -> list[bytes]:
    kept = made.state.kept_objects("dialogs")
    return made.admin.check_keys([ask(one, one.wrapped_key) for one in kept])


async def test_a_read_that_began_before_gets_its_later_keys(made: Custodian) -> None:
    one = stored(made, "k/0001")
    lease, _ = made.grant()
    await asyncio.to_thread(rotate, made)

    async def rewrapped(object_id: str) -> bytes:
        assert object_id == one.id
        return stored(made, "k/0001").wrapped_key

    socket = made.settings.home / "broker" / "gateway.sock"
    async with BrokerClient(socket) as plain:
        with pytest.raises(BrokerRefusedError, match="rotated") as caught:
            await plain.part_keys(lease.certificate, [ask(one, one.wrapped_key)])
        assert caught.value.retry_helps
        now = await plain.part_keys(lease.certificate, [ask(one, await rewrapped(one.id))])
    async with BrokerClient(socket, rewrapped=rewrapped) as client:
        assert await client.part_keys(lease.certificate, [ask(one, one.wrapped_key)]) == now


def test_what_began_under_the_old_key_is_never_stored_to_be_lost(made: Custodian) -> None:
    old = stored(made, "k/0002")
    late = replace(old, key="late", id=ObjectId("f" * 32))
    rotate(made)
    with pytest.raises(UnavailableError, match="send it again"):
        made.state.commit_object(late, conditional=False, expected=None)
    with pytest.raises(UnavailableError, match="send it again"):
        made.state.put_object(late)
    assert made.state.object("dialogs", "late") is None


def test_an_interrupted_rotation_reads_everything_and_goes_on(
    made: Custodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made.state.dataset("dialogs")
    assert dataset is not None
    assert made.admin.rotate_dataset("dialogs").generation == 2
    monkeypatch.setattr(custody_rotation, "_AT_ONCE", 30)
    left = 1

    def one_page(keys: Sequence[WrappedKey]) -> Sequence[bytes]:
        nonlocal left
        if not left:
            raise UnavailableError("the machine stops")
        left -= 1
        return made.admin.rewrap(
            [RewrapBody(wrapped=one.wrapped, object=one.object) for one in keys]
        )

    with pytest.raises(UnavailableError):
        made.state.rewrap(dataset, 2, one_page, lambda _count: None)
    assert generations(made) == {1, 2}
    keys = opened(made)
    assert len(keys) == len(SMALL)  # both kinds open
    assert made.admin.rotate_client("meta").datasets == ("dialogs",)  # and keep opening
    assert opened(made) == keys
    done = rotate(made)
    assert (done["generation"], done["keys"]) == (2, len(SMALL) - 30)
    assert generations(made) == {2}
    assert opened(made) == keys
    folder = made.settings.home / "broker"
    assert not list((folder / "datasets").glob("*.former"))


def test_a_key_destroyed_while_it_is_rotated_is_gone_with_the_former_one(made: Custodian) -> None:
    made.admin.rotate_dataset("dialogs")
    made.admin.destroy_dataset("dialogs")
    folder = made.settings.home / "broker" / "datasets"
    assert [path.name for path in folder.iterdir()] == ["dialogs.gone"]


def test_a_sealed_dataset_has_its_uploads_rotated_and_nothing_else(made: Custodian) -> None:
    made.admin.make_dataset("intake", "meta")
    made.state.add_dataset(a_dataset(name="intake", sealed=True, seal_key=bytes(32)))
    one = replace(
        stored(made, "k/0003"), dataset="intake", id=ObjectId("e" * 32), wrapped_key=b"h" * 80
    )
    made.state.put_object(one)
    done = rotate(made, subject=("dataset", "rotate", "intake"))
    assert (done["generation"], done["keys"]) == (2, 0)
    assert made.state.object_by_id(one.id) == one


def test_what_is_not_there_is_not_rotated(made: Custodian) -> None:
    words = ["dataset", "rotate", "none", "--home", str(made.settings.home)]
    assert isinstance(CliRunner().invoke(cli, words).exception, InputError)


def test_a_former_key_without_its_newest_is_said(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.make_client("lab")
    ring.make_dataset("corpus", "lab")
    ring.rotate_dataset("corpus")
    (tmp_path / "datasets" / "corpus.key").unlink()
    with pytest.raises(Exception, match="missing"):
        KeyRing(tmp_path)
