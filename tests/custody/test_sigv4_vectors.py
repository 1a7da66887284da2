"""The examples of Amazon's own documentation, as published."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.sigv4 import EMPTY_SHA256, Payload, day_key, parse_claim, verify

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = day_key(SECRET, date="20130524", region="us-east-1", service="s3")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
REGIONS = frozenset({"us-east-1"})
HOST = "examplebucket.s3.amazonaws.com"
CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
HASH_OF_WELCOME = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

VECTORS = [
    pytest.param(
        "GET",
        "/test.txt",
        "",
        {"host": HOST, "range": "bytes=0-9", "x-amz-content-sha256": EMPTY_SHA256},
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        id="get-object",
    ),
    pytest.param(
        "PUT",
        "/test$file.text",
        "",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "host": HOST,
            "x-amz-content-sha256": HASH_OF_WELCOME,
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        id="put-object",
    ),
    pytest.param(
        "GET",
        "/",
        "lifecycle",
        {"host": HOST, "x-amz-content-sha256": EMPTY_SHA256},
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        id="get-bucket-lifecycle",
    ),
    pytest.param(
        "GET",
        "/",
        "max-keys=2&prefix=J",
        {"host": HOST, "x-amz-content-sha256": EMPTY_SHA256},
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        id="list-objects",
    ),
    pytest.param(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "",
        {
            "content-encoding": "aws-chunked",
            "content-length": "66824",
            "host": "s3.amazonaws.com",
            "x-amz-content-sha256": Payload.STREAMING.value,
            "x-amz-decoded-content-length": "66560",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        id="chunked-seed",
    ),
    pytest.param(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "",
        {
            "content-encoding": "aws-chunked",
            "host": "s3.amazonaws.com",
            "x-amz-content-sha256": Payload.STREAMING_TRAILER.value,
            "x-amz-decoded-content-length": "66560",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-trailer": "x-amz-checksum-crc32c",
        },
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        id="chunked-trailer-seed",
    ),
]


def _signed(headers: dict[str, str], signature: str) -> dict[str, str]:
    headers = headers | {"x-amz-date": "20130524T000000Z"}
    names = ";".join(sorted(headers))
    return headers | {
        "authorization": f"AWS4-HMAC-SHA256 Credential={CREDENTIAL},SignedHeaders={names},"
        f"Signature={signature}"
    }


@pytest.mark.parametrize(("method", "path", "query", "headers", "signature"), VECTORS)
def test_signatures_of_the_documentation_verify(
    method: str, path: str, query: str, headers: dict[str, str], signature: str
) -> None:
    headers = _signed(headers, signature)
    claim = parse_claim(headers=headers, query=query, regions=REGIONS, now=NOW)
    assert claim is not None
    assert claim.access_key == "AKIAIOSFODNN7EXAMPLE"
    assert (claim.date, claim.region, claim.service) == ("20130524", "us-east-1", "s3")
    verify(claim, method=method, path=path, query=query, headers=headers, key=KEY)
    with pytest.raises(S3Error) as refused:
        verify(claim, method=method, path=path, query=query, headers=headers, key=bytes(32))
    assert refused.value.code is Code.SIGNATURE_DOES_NOT_MATCH


def test_the_presigned_url_of_the_documentation_verifies() -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-"
        "SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    headers = {"host": HOST}
    claim = parse_claim(headers=headers, query=query, regions=REGIONS, now=NOW)
    assert claim is not None
    assert claim.presigned
    assert claim.payload is Payload.UNSIGNED
    verify(claim, method="GET", path="/test.txt", query=query, headers=headers, key=KEY)


def test_the_day_key_of_the_documentation() -> None:
    # "Examples of how to derive a signing key for Signature Version 4", AWS General Reference.
    secret = SECRET.replace("/b", "+b")  # that page spells its secret with a plus
    key = day_key(secret, date="20120215", region="us-east-1", service="iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
