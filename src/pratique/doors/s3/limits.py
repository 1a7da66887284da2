"""What a connection may cost before anybody has proven who they are: heads, their time, their number.

aiohttp bounds a line (8 KiB) and the number of lines (128), so a head could hold a megabyte for as
long as it likes. Here a head has `HEAD_BYTES`, and its time from the first byte on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from pratique.custody.s3_errors import Code, S3Error, render_error

HEAD_BYTES: Final = 32 * 1024
"""S3 itself takes 8 KiB of headers; a session's token and a signed URL are longer with some issuers."""

TOO_LARGE: Final = S3Error(
    Code.REQUEST_HEADER_SECTION_TOO_LARGE,
    f"the head of a request has at most {HEAD_BYTES // 1024} KiB here",
)
TOO_SLOW: Final = S3Error(
    Code.REQUEST_TIMEOUT, "the head of the request came too slowly; send it at once"
)
TOO_MANY: Final = S3Error(
    Code.SLOW_DOWN, "too many connections from this address; close some", retry_seconds=5.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What a process takes."""

    per_peer: int
    """Connections of one address; of IPv6, of one network of 64 bits, which is what one machine has."""
    trusted: Container[str]
    """Proxies, which bring everybody's."""
    head_seconds: float
    """From the first byte of a head to its last."""


class Peers:
    """How many connections each address has. Belongs to the event loop's thread."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open: Counter[str] = Counter()

    def enter(self, peer: str) -> bool:
        """Count a connection; False when it is one too many. `leave` follows in either case."""
        place = _place(peer)
        self._open[place] += 1
        return self._open[place] <= self.limits.per_peer or peer in self.limits.trusted

    def leave(self, peer: str) -> None:
        """It has ended."""
        place = _place(peer)
        self._open[place] -= 1
        if self._open[place] <= 0:
            del self._open[place]


def _place(peer: str) -> str:
    """Whose connections count together."""
    if ":" not in peer:
        return peer
    address, _, zone = peer.partition("%")
    try:
        packed = IPv6Address(address)
    except ValueError:
        return peer
    if packed.ipv4_mapped is not None:
        return str(packed.ipv4_mapped)
    return f"{int(packed) >> 64:x}%{zone}"


class HeadGuard:
    """Counts the bytes of heads of one connection, and the time that a begun one takes."""

    __slots__ = ("_ahead", "_cut", "_head", "_loop", "_seconds", "_tail", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, cut: Callable[[S3Error], None], *, seconds: float
    ) -> None:
        """`cut` ends the connection with an error."""
        self._loop = loop
        self._cut = cut
        self._seconds = seconds
        self._head = 0
        """Bytes of the head that has begun and not ended."""
        self._tail = b""
        """Its last three bytes: its end may come in pieces."""
        self._ahead = 0
        """Bytes that came while a request without a rest of its body was answered."""
        self._timer: asyncio.TimerHandle | None = None

    def allows(self, data: bytes) -> bool:
        """Whether more of a head that is waited for may come; else the connection is cut."""
        self._ahead = 0
        room = HEAD_BYTES - self._head
        if len(data) <= room or b"\r\n\r\n" in self._tail + data[:room]:
            return True
        self._cut(TOO_LARGE)
        return False

    def unfinished(self, data: bytes) -> None:
        """More of a head has come, and not its end."""
        self._head += len(data)
        self._tail = (self._tail + data[-3:])[-3:]
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._cut, TOO_SLOW)

    def finished(self) -> None:
        """The head is whole, or the connection has ended."""
        self._head, self._tail = 0, b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ahead(self, count: int) -> bool:
        """Whether requests may come before the one that is on its way is answered; they wait in memory."""
        self._ahead += count
        if self._ahead <= HEAD_BYTES:
            return True
        self._cut(TOO_LARGE)
        return False


def raw_refusal(error: S3Error) -> bytes:
    """An answer for who has not asked anything that can be answered."""
    body = render_error(error, resource="", request_id="")
    retry = "".join(f"{name}: {value}\r\n" for name, value in error.headers)
    head = (
        f"HTTP/1.1 {error.status} Refused\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\n{retry}Connection: close\r\n\r\n"
    )
    return head.encode() + body
