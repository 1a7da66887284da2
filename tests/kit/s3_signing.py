"""Requests signed by botocore, as the door gets to see them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pratique.custody.s3_headers import fold_headers
from pratique.custody.sigv4 import Claim, day_key, parse_claim, verify
from pratique.values.instants import Instant

REGION = "us-east-1"
REGIONS = frozenset({REGION})
ACCESS_KEY = "PQLABCDEFGHIJKLMNOPQ"
SECRET = "canary-secret-of-a-lease"


@dataclass(frozen=True)
class Wire:
    """A request line and its headers, raw."""

    method: str
    path: str
    query: str
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", fold_headers(self.raw_headers))

    def with_headers(self, **changed: str | None) -> Wire:
        """Another one with headers set, or (None) taken away; `_` stands for `-`."""
        merged: dict[str, str | None] = {**self.headers}
        merged |= {name.replace("_", "-"): value for name, value in changed.items()}
        pairs = tuple(
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in merged.items()
            if value is not None
        )
        return replace(self, raw_headers=pairs)

    def claim(self, *, now: Instant | None = None) -> Claim:
        """Parse its claim, which must be there."""
        claim = parse_claim(
            headers=self.headers,
            query=self.query,
            regions=REGIONS,
            now=now or datetime.now(UTC),
        )
        assert claim is not None
        return claim

    def check(self, *, now: Instant | None = None, body_sha256: str = "") -> Claim:
        """Parse and verify."""
        claim = self.claim(now=now)
        key = day_key(SECRET, date=claim.date, region=claim.region, service=claim.service)
        verify(
            claim,
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            key=key,
            body_sha256=body_sha256,
        )
        return claim


def sign(
    method: str = "GET",
    path: str = "/bucket/key",
    query: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
    *,
    body: bytes = b"",
    host: str = "s3.example",
    presigned_seconds: int = 0,
    token: str | None = None,
    service: str = "s3",
    context: dict[str, Any] | None = None,
) -> Wire:
    """A request as botocore signs it; `path` and `query` are plain text, not encoded."""
    url = f"http://{host}{quote(path, safe='/~')}"
    if query:
        url += "?" + "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in query)
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    request.context |= {"client_config": None} | (context or {})
    credentials = Credentials(ACCESS_KEY, SECRET, token)
    if presigned_seconds:
        S3SigV4QueryAuth(credentials, service, REGION, expires=presigned_seconds).add_auth(request)
    elif service == "s3":
        S3SigV4Auth(credentials, service, REGION).add_auth(request)
    else:
        SigV4Auth(credentials, service, REGION).add_auth(request)
    prepared = request.prepare()
    target = prepared.url.partition(f"http://{host}")[2]
    raw_path, _, raw_query = target.partition("?")
    pairs = [(b"host", host.encode())] + [
        (
            name.encode() if isinstance(name, str) else name,
            value.encode() if isinstance(value, str) else value,
        )
        for name, value in prepared.headers.items()
        if name.lower() != "host"
    ]
    return Wire(
        method=method,
        path=raw_path or "/",
        query=raw_query,
        raw_headers=tuple(pairs),
        body=body,
    )
