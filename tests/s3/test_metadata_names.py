"""Names of metadata that a signed query can spell and no header could: none becomes a reader's header."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kit.s3_door import boto, custodian, s3_door
from pratique.custody.model import StoredObject, Verb
from pratique.store.custody import CustodyStore

_REGION = "us-east-1"


def put(endpoint: str, access_key: str, secret: str, name: str) -> tuple[int, bytes]:
    """PUT with `name` in the query of a presigned URL, where SDKs put headers."""
    query = quote(f"x-amz-meta-{name}", safe="")
    request = AWSRequest("PUT", f"{endpoint}/dialogs/k?{query}=7")
    S3SigV4QueryAuth(Credentials(access_key, secret), "s3", _REGION, expires=60).add_auth(request)
    sent = urllib.request.Request(
        request.url, data=b"abc", method="PUT", headers={"Content-Type": "text/plain"}
    )
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def test_no_writer_makes_headers_of_its_own_for_readers(tmp_path: Path) -> None:
    """Such as a length that is not the answer's, a cookie, or leave for any page to read."""
    with custodian(tmp_path) as made:
        made.dataset()
        lease, secret = made.grant(verbs=frozenset({Verb.WRITE, Verb.READ}))
        async with s3_door(made.settings) as serving:
            for name in (
                ":access-control-allow-origin", ":content-length", ":set-cookie", "x\r\nset-cookie: y",
                "a:b", "a b", "ü",
            ):  # fmt: skip
                status, body = await asyncio.to_thread(put, serving.url, lease.id, secret, name)
                assert (status, b"<Code>InvalidArgument</Code>" in body) == (400, True), name
            status, _ = await asyncio.to_thread(put, serving.url, lease.id, secret, "Plain_1.x")
            assert status == 200
            client = boto(serving.url, lease, secret)
            got = await asyncio.to_thread(client.get_object, Bucket="dialogs", Key="k")
            assert got["Metadata"] == {"plain_1.x": "7"}


async def test_what_was_kept_before_is_no_header_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ((":set-cookie", "s=1"), (":content-language", "de"), ("a", "b"))
    real = CustodyStore.put_object

    def as_before(self: CustodyStore, stored: StoredObject) -> None:
        real(self, replace(stored, metadata=kept))

    monkeypatch.setattr(CustodyStore, "put_object", as_before)
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("k", b"abc")
        async with s3_door(made.settings) as serving:
            client = boto(serving.url, *made.grant())
            for _ in range(3):  # the last read is one that waits for nothing
                got = await asyncio.to_thread(client.get_object, Bucket="dialogs", Key="k")
                assert await asyncio.to_thread(got["Body"].read) == b"abc"
                assert "set-cookie" not in got["ResponseMetadata"]["HTTPHeaders"]
                assert (got["ContentLanguage"], got["Metadata"]) == ("de", {"a": "b"})
