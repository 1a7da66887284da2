"""Real readers of the S3 door, on sockets of their own, and when each of them got its last byte.

Half of them read as fast as they are let, half like a slow line: little in flight, 1 MiB a second. A
reader whose stream was cut asks once more, to see that it is told why.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pratique.custody.signing import signed_get
from pratique.values.instants import now_utc

SLOW_RATE: Final = 1 << 20
_SLOW_BUFFER: Final = 64 * 1024
_FAST_BUFFER: Final = 256 * 1024
_CHUNK: Final = 64 * 1024
_CONNECT_SECONDS: Final = 20.0
_SENTENCE: Final = re.compile(rb"<Message>([^<]*)</Message>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is read, where, and as whom."""

    url: str
    """Endpoint without a trailing slash."""
    path: str
    """`/BUCKET/KEY`, as it stands in the request line."""
    access_key: str
    secret: str
    region: str
    tls: ssl.SSLContext | None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the door."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def request(self) -> bytes:
        """A signed GET, as bytes."""
        host, port = self.address
        name = f"[{host}]" if ":" in host else host
        headers = signed_get(
            self.path,
            host=f"{name}:{port}",
            access_key=self.access_key,
            secret=self.secret,
            region=self.region,
            now=now_utc(),
            headers={"user-agent": "pratique-drill"},
        )
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        return f"GET {self.path} HTTP/1.1\r\n{lines}\r\n".encode()


@dataclass(slots=True, eq=False)
class Reader:
    """One stream. Belongs to the event loop's thread."""

    target: Target
    rate: int
    """Bytes a second that it reads; 0: all it gets."""
    slow: bool
    received: int = 0
    last_at: float = 0.0
    ended: bool = False
    told: str = ""
    """What it was told when it asked again."""
    fault: str = ""
    ports: tuple[int, int] = (0, 0)
    """Its own and the door's, while it is connected."""
    moments: list[tuple[float, int]] = field(default_factory=list)
    """When bytes came, and how many there were in all."""

    def after(self, instant: float) -> int:
        """Bytes that came after an instant."""
        before = 0
        for when, total in self.moments:
            if when > instant:
                break
            before = total
        return self.received - before


async def read_on(reader: Reader) -> None:
    """Read the object again and again until the door says no; then `told` has why."""
    try:
        while not reader.told:
            await _connection(reader)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        reader.fault = type(error).__name__
    finally:
        reader.ended = True


async def _connection(reader: Reader) -> None:
    stream, writer = await asyncio.wait_for(_connected(reader), _CONNECT_SECONDS)
    try:
        while not reader.told:
            writer.write(reader.target.request())
            status, headers = await _head(stream)
            length = int(headers.get("content-length", "0"))
            if status not in {200, 206}:
                body = await stream.readexactly(length)
                found = _SENTENCE.search(body)
                reader.told = found.group(1).decode("utf-8", "replace") if found else str(status)
                return
            if not await _body(reader, stream, length):
                return  # cut: ask once more, on a new connection
    except (ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.transport.abort()


async def _connected(reader: Reader) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    host, port = reader.target.address
    [first, *_] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    own = socket.socket(first[0], socket.SOCK_STREAM)
    try:
        own.settimeout(0)
        # What waits in the reader's own system (up to 6 MiB) has arrived before; it must not count as
        # what the door still sent.
        size = _SLOW_BUFFER if reader.slow else _FAST_BUFFER
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        await loop.sock_connect(own, first[4])
        reader.ports = (own.getsockname()[1], port)
        tls = reader.target.tls
        return await asyncio.open_connection(
            sock=own, limit=_CHUNK, ssl=tls, server_hostname=host if tls else None
        )
    except BaseException:
        own.close()
        raise


async def _head(stream: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
    head = (await stream.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _body(reader: Reader, stream: asyncio.StreamReader, length: int) -> bool:
    """Whether all of it came."""
    begun, taken = time.monotonic(), 0
    while taken < length:
        piece = await stream.read(min(_CHUNK, length - taken))
        if not piece:
            return False
        now = time.monotonic()
        taken += len(piece)
        reader.received += len(piece)
        reader.last_at = now
        reader.moments.append((now, reader.received))
        if reader.rate and (early := taken / reader.rate - (now - begun)) > 0:
            await asyncio.sleep(early)
    return True


def serving_processes(readers: Sequence[Reader]) -> dict[tuple[int, int], int]:
    """Which process of this machine serves each connection, by its two ports.

    What cannot be seen from here (another machine, another user's process) is left out.
    """
    wanted = {reader.ports for reader in readers}
    inodes = {inode: ports for inode, ports in _server_ends() if ports in wanted}
    found: dict[tuple[int, int], int] = {}
    for link in Path("/proc").glob("[0-9]*/fd/[0-9]*"):
        try:
            name = link.readlink().name
        except OSError:
            continue
        ports = inodes.get(name)
        if ports is not None:
            # A starter that holds the listening socket does not hold accepted ones.
            found[ports] = int(link.parts[2])
    return found


def _server_ends() -> list[tuple[str, tuple[int, int]]]:
    """(`socket:[INODE]`, (client's port, server's port)) of the server's ends of connections."""
    ends = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            own, peer = (int(word.rpartition(":")[2], 16) for word in words[1:3])
            ends.append((f"socket:[{words[9]}]", (peer, own)))
    return ends
