"""Sealed intake: what arrives opens with the client's private key, and with nothing that is here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.envelope import decrypt_part, part_aad, part_name
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import PART_BYTES, Lease, StoredObject, Verb
from pratique.custody.ports import WriteAsk
from pratique.custody.sealing import make_private_key, open_key, render_private_key
from pratique.doors.cli import cli
from pratique.doors.s3.serving import ServingS3

WRITE = frozenset({Verb.WRITE})
ALL = frozenset(Verb)
SECRET = b"canary: the recording of an interview"


class Place:
    """A sealed dataset, its client's private key, and a lease that submits."""

    def __init__(self, made: Custodian, serving: ServingS3, key: X25519PrivateKey) -> None:
        self.made, self.serving, self.key = made, serving, key
        self.lease, secret = self.grant(WRITE)
        self.s3 = boto(serving.url, self.lease, secret)

    def grant(self, verbs: frozenset[Verb]) -> tuple[Lease, str]:
        return self.made.grant(
            verbs=verbs, selectors=("intake",), budget_bytes=0 if verbs == WRITE else 1 << 30
        )

    def stored(self, key: str) -> StoredObject:
        found = self.made.state.object("intake", key)
        assert found is not None
        return found

    def opened(self, stored: StoredObject) -> bytes:
        """With the private key, from what lies on the disk."""
        key = open_key(
            stored.wrapped_key, private_key=self.key, dataset="intake", object_id=stored.id
        )
        plain = b""
        for part in range(stored.parts):
            name = part_name(stored.id, part, 0)
            data = (self.made.settings.home / "parts" / name).read_bytes()
            plain += decrypt_part(data, object_key=key, aad=part_aad(stored.id, part, 0))
        return plain


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    key = make_private_key()
    with custodian(tmp_path / "home") as made:
        made.dataset("intake", sealed=True, seal_key=key.public_key().public_bytes_raw())
        async with s3_door(made.settings) as serving:
            yield Place(made, serving, key)


async def call(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


def refused(work: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def bytes_of(home: Path) -> bytes:
    """Everything that is stored, one behind the other."""
    return b"".join(one.read_bytes() for one in sorted(home.rglob("*")) if one.is_file())


async def test_a_submission_opens_for_the_client_only(place: Place) -> None:
    await call(partial(place.s3.put_object, Bucket="intake", Key="r/1", Body=SECRET))
    stored = place.stored("r/1")
    assert place.opened(stored) == SECRET
    assert SECRET not in bytes_of(place.made.settings.home)
    with pytest.raises(BrokerRefusedError):
        place.made.admin.write_keys(
            [WriteAsk(object=stored.id, wrapped_key=stored.wrapped_key, part=0, variant=0)]
        )


async def test_nobody_reads_it_back(place: Place) -> None:
    curious = boto(place.serving.url, *place.grant(ALL))

    def work() -> None:
        place.s3.put_object(Bucket="intake", Key="r/1", Body=SECRET)
        assert (
            refused(partial(place.s3.get_object, Bucket="intake", Key="r/1"))[0] == "AccessDenied"
        )
        code, message = refused(partial(curious.get_object, Bucket="intake", Key="r/1"))
        assert code == "AccessDenied"
        assert "sealed: only meta can open" in message
        copy = partial(curious.copy_object, Bucket="intake", Key="x", CopySource="intake/r/1")
        assert "sealed" in refused(copy)[1]
        assert [one["Key"] for one in curious.list_objects_v2(Bucket="intake")["Contents"]] == [
            "r/1"
        ]

    await call(work)


async def test_an_upload_in_parts_opens_for_nobody_meanwhile(place: Place) -> None:
    first, second = secrets.token_bytes(PART_BYTES), SECRET
    where = {"Bucket": "intake", "Key": "long"}

    def send() -> tuple[str, list[dict[str, Any]]]:
        upload = str(place.s3.create_multipart_upload(**where)["UploadId"])
        parts = []
        for number, data in ((1, first), (2, second)):
            sent = place.s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=data)
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        return upload, parts

    upload, parts = await call(send)
    everything = bytes_of(place.made.settings.home)
    assert upload.encode() not in everything, "the store has a hash of it only"
    assert SECRET not in everything

    def complete() -> None:
        [listed] = place.s3.list_multipart_uploads(Bucket="intake")["Uploads"]
        assert listed["UploadId"] != upload
        done = {"MultipartUpload": {"Parts": parts}}
        finish = place.s3.complete_multipart_upload
        assert (
            refused(partial(finish, **where, UploadId=listed["UploadId"], **done))[0]
            == "NoSuchUpload"
        )
        finish(**where, UploadId=upload, **done)
        other = place.s3.create_multipart_upload(**where)["UploadId"]
        [listed] = place.s3.list_multipart_uploads(Bucket="intake")["Uploads"]
        place.s3.abort_multipart_upload(**where, UploadId=listed["UploadId"])
        assert refused(partial(place.s3.list_parts, **where, UploadId=other))[0] == "NoSuchUpload"

    await call(complete)
    assert place.opened(place.stored("long")) == first + second
    assert place.made.state.stages() == ()


async def test_the_client_opens_what_was_exported_without_anything_of_ours(
    place: Place, tmp_path: Path
) -> None:
    await call(partial(place.s3.put_object, Bucket="intake", Key="r/1", Body=SECRET))
    stored = place.stored("r/1")
    (tmp_path / "key").write_text(render_private_key(place.key))
    home, run = str(place.made.settings.home), CliRunner()
    export = ["dataset", "export", "intake", str(tmp_path / "out"), "--sealed", "--home", home]
    told = await call(lambda: run.invoke(cli, export))
    assert told.exit_code == 0, told.output
    target = tmp_path / "plain"
    sealed = str(tmp_path / "out" / f"{stored.id}.sealed")
    opening = ["submission", "open", sealed, "--key", str(tmp_path / "key"), "--to", str(target)]
    told = await call(lambda: run.invoke(cli, opening))
    assert told.exit_code == 0, told.output
    assert target.read_bytes() == SECRET
