"""Requests byte by byte: what no SDK would send, correctly signed."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from pratique.custody.sigv4 import EMPTY_SHA256, day_key

REGION = "us-east-1"


@dataclass(kw_only=True)
class Signed:
    """The head of a request, and what its chunks are signed with."""

    head: bytes
    key: bytes
    stamp: str
    scope: str
    signature: str

    def chunk(self, data: bytes, *, claimed: int | None = None, signature: str = "") -> bytes:
        """The next chunk of the body; each signature covers the one before."""
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{self.stamp}\n{self.scope}\n{self.signature}\n"
            f"{EMPTY_SHA256}\n{sha256(data).hexdigest()}"
        )
        self.signature = hmac.digest(self.key, text.encode(), "sha256").hex()
        size = len(data) if claimed is None else claimed
        line = f"{size:x};chunk-signature={signature or self.signature}\r\n"
        return line.encode() + data + b"\r\n"


def sign(
    url: str,
    access_key: str,
    secret: str,
    *,
    path: str = "/dialogs/k",
    query: str = "",
    method: str = "PUT",
    payload: str = "UNSIGNED-PAYLOAD",
    headers: Iterable[tuple[str, str]] = (),
) -> Signed:
    """A signed head. `path` and `query` as they are sent."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    key = day_key(secret, date=stamp[:8], region=REGION, service="s3")
    signed = {
        "host": urlsplit(url).netloc,
        "x-amz-content-sha256": payload,
        "x-amz-date": stamp,
    } | {name.lower(): value for name, value in headers if name.lower().startswith("x-amz-")}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}"
    digest = sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent = list(signed.items())
    sent += [(name, value) for name, value in headers if name.lower() not in signed]
    proof = f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}"
    sent.append(("authorization", f"{proof}, Signature={signature}"))
    target = f"{path}?{query}" if query else path
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in sent) + "\r\n"
    return Signed(head=head.encode(), key=key, stamp=stamp, scope=scope, signature=signature)


@asynccontextmanager
async def connected(
    url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a door."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer(reader: asyncio.StreamReader, *, seconds: float = 20.0) -> tuple[int, bytes]:
    """Status and body of the next answer; status 0 when the connection just ends."""
    try:
        async with asyncio.timeout(seconds):
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            return status, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, b""


async def exchange(url: str, *pieces: bytes, seconds: float = 20.0) -> tuple[int, bytes]:
    """Send all, read the answer."""
    async with connected(url) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
        return await answer(reader, seconds=seconds)
