"""Deletions by boto3: what goes, what stays in sealed versions, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.s3_raw import exchange, sign
from pratique.custody.model import Verb
from pratique.custody.ports import Version
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

ALL = frozenset(Verb)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path) as made:
        made.dataset()
        for key in ("a/1", "a/2", "b/1"):
            made.put(key, key.encode())
        async with s3_door(made.settings) as serving:
            yield made, serving


async def call(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return str(caught.value.response["Error"]["Code"])


async def test_a_deleted_object_is_gone_but_for_its_versions(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, secret = made.grant(verbs=ALL)
    s3 = boto(serving.url, lease, secret)
    kept = made.state.object("dialogs", "a/1")
    assert kept is not None
    made.state.seal_version(
        Version(
            dataset="dialogs", number=1, root="ab" * 32, objects=3, bytes=9, sealed_at=now_utc()
        )
    )

    def work() -> None:
        assert s3.get_object(Bucket="dialogs", Key="a/1")["Body"].read() == b"a/1"
        s3.delete_object(Bucket="dialogs", Key="a/1")
        assert refused(partial(s3.get_object, Bucket="dialogs", Key="a/1")) == "NoSuchKey"
        s3.delete_object(Bucket="dialogs", Key="a/1")
        s3.delete_object(Bucket="dialogs", Key="never")
        wrong = partial(s3.delete_object, Bucket="dialogs", Key="b/1", IfMatch='"x"')
        assert refused(wrong) == "PreconditionFailed"
        etag = s3.head_object(Bucket="dialogs", Key="b/1")["ETag"]
        s3.delete_object(Bucket="dialogs", Key="b/1", IfMatch=etag)

    await call(work)
    assert kept in list(made.state.version_objects("dialogs", 1))
    assert any(kept.id in str(one) for one in (made.settings.home / "parts").rglob("*"))
    log = open_log(made.settings)
    try:
        removed = [entry for entry in log.entries() if entry.kind == "object-removed"]
    finally:
        log.close()
    assert [entry.body["lease"] for entry in removed] == [lease.id, lease.id]
    assert removed[0].body["object"] == kept.id
    assert "a/1" not in str([entry.body for entry in removed])


async def test_many_at_once_each_allowed_by_itself(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant(verbs=ALL, selectors=("dialogs/a/",)))
    keys = [{"Key": key} for key in ("a/1", "a/2", "a/none", "b/1", "a/1")]

    def work() -> None:
        told = s3.delete_objects(Bucket="dialogs", Delete={"Objects": keys})
        assert sorted(one["Key"] for one in told["Deleted"]) == ["a/1", "a/2", "a/none"]
        assert [(one["Key"], one["Code"]) for one in told["Errors"]] == [("b/1", "AccessDenied")]
        quiet = {"Objects": [{"Key": "a/none"}], "Quiet": True}
        assert "Deleted" not in s3.delete_objects(Bucket="dialogs", Delete=quiet)

    await call(work)
    assert [one.key for one in made.state.objects("dialogs")] == ["b/1"]


async def test_a_reader_deletes_nothing(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant(verbs=ALL - {Verb.DELETE}))

    def work() -> None:
        assert refused(partial(s3.delete_object, Bucket="dialogs", Key="a/1")) == "AccessDenied"
        told = s3.delete_objects(Bucket="dialogs", Delete={"Objects": [{"Key": "a/1"}]})
        assert [one["Code"] for one in told["Errors"]] == ["AccessDenied"]
        assert refused(partial(s3.delete_bucket, Bucket="dialogs")) == "AccessDenied"

    await call(work)
    assert len(made.state.objects("dialogs")) == 3


async def test_lists_that_are_no_lists(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    lease, secret = made.grant(verbs=ALL)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>'
    for body, code in (
        (bomb, b"MalformedXML"),
        (b"<Delete></Delete>", b"MalformedXML"),
        (b"<Delete><Object><Key>a/1</Key></Object></Delete>", b"InvalidRequest"),
        (b"<Delete><Object><Key>../x</Key></Object></Delete>", b"InvalidURI"),
    ):
        head = sign(
            serving.url, lease.id, secret, method="POST", path="/dialogs", query="delete=",
            headers=(("content-length", str(len(body))),),
        ).head  # fmt: skip
        status, told = await exchange(serving.url, head, body)
        assert status == 400
        assert code in told, told
    head = sign(
        serving.url, lease.id, secret, method="POST", path="/dialogs", query="delete=",
        headers=(("content-length", str(100 << 20)),),
    ).head  # fmt: skip
    status, told = await exchange(serving.url, head)
    assert status == 400
    assert b"EntityTooLarge" in told
    assert len(made.state.objects("dialogs")) == 3
