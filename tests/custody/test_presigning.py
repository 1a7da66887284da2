"""URLs that the door signs are those that botocore would have signed."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kit.s3_signing import SECRET
from pratique.custody.model import LeaseId
from pratique.custody.presigning import presign_get
from pratique.custody.sigv4 import day_key

LEASE = LeaseId("PQLABCDEFGHIJKLMNOPQ")


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8421", "https://s3.example", "http://[::1]:9"]
)
@pytest.mark.parametrize(
    "key", ["a", "table/part 0+ä.parquet", "x=y&z?#%20/~-._!'()*", "\U0001f600"]
)
def test_as_botocore_signs(origin: str, key: str) -> None:
    url = f"{origin}/dialogs/{quote(key, safe='/-._~')}"
    request = AWSRequest(method="GET", url=url)
    request.context["client_config"] = None
    before = datetime.now(UTC)
    S3SigV4QueryAuth(Credentials(LEASE, SECRET), "s3", "us-east-1", expires=900).add_auth(request)
    stamp = request.context["timestamp"]
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((at - before).total_seconds()) < 5
    ours = presign_get(
        origin,
        "dialogs",
        key,
        lease=LEASE,
        region="us-east-1",
        signing_key=day_key(SECRET, date=stamp[:8], region="us-east-1", service="s3"),
        at=at,
        seconds=900,
    )
    assert ours == request.url
