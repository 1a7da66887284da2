"""Two ways of asking one server, compared in turns of milliseconds.

A machine's clock and its caches change from second to second, by more than a percent. So the turns are
short, and each is compared with the one beside it: what changes slowly touches both alike, and the median
forgets the rest.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import urlsplit

from harness import CannotRunError

_PIECE = 1 << 20
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Medians of all turns."""

    one: float
    """µs of CPU for each request."""
    other: float
    ratio: float
    """Of what `one` costs to what `other` does, turn by turn."""
    low: float
    high: float
    """A quarter of the turns lies below, one above."""
    turns: int


class Asking:
    """Connections that stay open and ask for the same things over and over, all at the same time."""

    def __init__(self, url: str, requests: Sequence[bytes], connections: int) -> None:
        place = urlsplit(url)
        self._open = contextlib.ExitStack()
        self._requests = cycle(requests)
        self._buffer = memoryview(bytearray(_PIECE))
        self._sockets = [
            self._open.enter_context(_connected(place.hostname or "", place.port or 0))
            for _ in range(connections)
        ]

    def ask(self, times: int) -> int:
        """Each connection asks so often; gives how many requests were answered."""
        for _ in range(times):
            for each, request in zip(
                self._sockets, islice(self._requests, len(self._sockets)), strict=True
            ):
                each.sendall(request)
            for each in self._sockets:
                self._take(each)
        return times * len(self._sockets)

    def _take(self, each: ssl.SSLSocket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = each.recv(4096)
            if not piece:
                raise CannotRunError(f"the door hung up: {head[:500]!r}")
            head += piece
        head, _, body = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 206"):
            raise CannotRunError(f"the door answered badly: {head[:300]!r} {body[:500]!r}")
        lengths = [
            int(line[15:])
            for line in head.split(b"\r\n")
            if line[:15].lower() == b"content-length:"
        ]
        left = lengths[0] - len(body)
        while left > 0:
            got = each.recv_into(self._buffer[: min(left, _PIECE)])
            if not got:
                raise CannotRunError("the door hung up within an answer")
            left -= got

    def close(self) -> None:
        self._open.close()


@contextlib.contextmanager
def _connected(host: str, port: int) -> Iterator[ssl.SSLSocket]:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS) as plain,
        tls.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        wrapped.settimeout(_ANSWER_SECONDS)
        yield wrapped


def compare(
    one: Asking, other: Asking, cpu: Callable[[], float], *, times: int, seconds: float
) -> Compared:
    """Let both ask in turns (ABBA) for a while. `times`: what each connection asks in one turn."""
    for each in (one, other):
        each.ask(times)
    until = time.monotonic() + seconds
    costs: list[tuple[float, float]] = []
    while time.monotonic() < until or len(costs) < 4:
        order = (one, other) if len(costs) % 2 == 0 else (other, one)
        spent = {}
        for each in order:
            before = cpu()
            count = each.ask(times)
            spent[each] = (cpu() - before) / count * 1e6
        costs.append((spent[one], spent[other]))
    ratios = sorted(first / second for first, second in costs)
    quarter = len(ratios) // 4
    return Compared(
        one=statistics.median(first for first, _ in costs),
        other=statistics.median(second for _, second in costs),
        ratio=statistics.median(ratios),
        low=ratios[quarter],
        high=ratios[-1 - quarter],
        turns=len(costs),
    )
