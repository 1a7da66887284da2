"""What we sign, botocore would sign alike, and our door accepts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pratique.custody.signing import signed_get
from pratique.custody.sigv4 import day_key, parse_claim, verify

REGION = "us-east-1"
ID, SECRET = "PQLAAAAAAAAAAAAAAAAA", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("path", ["/dialogs/a/b.jsonl", "/dialogs/a%20b%2Bc/%C3%BC.bin"])
def test_the_same_signature_as_botocore(path: str) -> None:
    request = AWSRequest("GET", f"http://127.0.0.1:9000{path}", headers={"range": "bytes=0-9"})
    S3SigV4Auth(Credentials(ID, SECRET), "s3", REGION).add_auth(request)
    stamp = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = signed_get(
        path, host="127.0.0.1:9000", access_key=ID, secret=SECRET, region=REGION, now=stamp,
        headers={"range": "bytes=0-9"},
    )  # fmt: skip
    assert ours["authorization"] == request.headers["Authorization"]


def test_the_door_accepts_it() -> None:
    now = datetime.now(UTC)
    query = "list-type=2&prefix=a%2Fb"
    headers = signed_get(
        "/dialogs", host="door", access_key=ID, secret=SECRET, region=REGION, now=now, query=query
    )
    claim = parse_claim(headers=headers, query=query, regions=frozenset({REGION}), now=now)
    assert claim is not None
    key = day_key(SECRET, date=f"{now:%Y%m%d}", region=REGION, service="s3")
    verify(claim, method="GET", path="/dialogs", query=query, headers=headers, key=key)
