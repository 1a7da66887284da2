"""The S3 door with its checks off, for measuring what they cost. It exists in this file only.

The classes of the product, with the questions that every read asks answered without looking: who
signed, whether the lease may, whether it is paid for, written down, or stopped. Parsing, ranges,
decryption and sending stay. Every name that is replaced must be there, so that a door that asks
otherwise is noticed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from pratique.custody.model import Dataset, Refusal
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Authentication, Caller
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.metering import Meter
from pratique.doors.s3.reads import ReadLog
from pratique.doors.s3.serving import serve_s3
from pratique.doors.serving import wait_for_stop
from pratique.edge.memory import settle_allocator, settle_collector
from pratique.settings import Settings


def serve_bare(settings: Settings, bound: socket.socket) -> None:
    """What a process of it runs."""
    _open_all()

    async def serve() -> None:
        settle_allocator()
        async with serve_s3(settings, bound):
            settle_collector()
            await wait_for_stop(asyncio.Event())

    asyncio.run(serve())


def _replace(owner: type, name: str, answer: Callable[..., Any]) -> None:
    assert callable(getattr(owner, name, None)), f"{owner.__name__}.{name} is no more"
    setattr(owner, name, answer)


def _open_all() -> None:
    identify, dataset = Authentication.identify, Allowing.dataset
    known: dict[str, Caller] = {}
    found: dict[str, Dataset | None] = {}

    async def anybody(self: Authentication, asked: Asked, **words: Any) -> Caller:
        """Whoever came first, ever after."""
        if "caller" not in known:
            known["caller"] = await identify(self, asked, **words)
        return known["caller"]

    async def whatever(self: Allowing, *asked: Any) -> Dataset | None:
        bucket = asked[3]
        if bucket not in found:
            found[bucket] = await dataset(self, bucket)
        return found[bucket]

    async def nothing(*_: Any, **__: Any) -> Refusal | None:
        return None

    _replace(Authentication, "identify", anybody)
    _replace(Authentication, "identify_at_once", lambda *_: known.get("caller"))
    _replace(Allowing, "allow", whatever)
    _replace(Confirmation, "stopped", lambda *_: None)
    _replace(Meter, "paid", lambda *_: True)
    _replace(Meter, "pay_at_once", lambda *_: True)
    _replace(Meter, "charge", nothing)
    _replace(ReadLog, "announced", lambda *_: True)
    _replace(ReadLog, "note", lambda *_: None)
    _replace(ReadLog, "record", nothing)
