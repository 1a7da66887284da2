"""The broker's process: locks its folder, loads keys, listens, gives up what it can, answers.

Two sockets, two languages: `gateway.sock` for doors (`gateway`), `admin.sock` for operators (`admin`).
The kernel says which user is at the other end; nobody else is answered at all.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pratique.custody.errors import BrokerRefusedError
from pratique.edge.custody.broker.admin import AdminSide, Surroundings
from pratique.edge.custody.broker.confinement import Confinement, confine
from pratique.edge.custody.broker.frames import (
    LENGTH,
    MAX_ADMIN_FRAME,
    MAX_GATEWAY_FRAME,
    Call,
    Refused,
    WireError,
    parse_call,
    render_answer,
)
from pratique.edge.custody.broker.gateway import GatewaySide, Held
from pratique.edge.custody.broker.key_files import make_folder
from pratique.edge.custody.broker.keyring import KeyRing
from pratique.edge.custody.broker.meter import Meter
from pratique.edge.custody.broker.options import load_options
from pratique.edge.custody.broker.places import (
    ADMIN_SOCKET,
    GATEWAY_SOCKET,
    LOCK_FILE,
    listen,
    peer_uid,
)
from pratique.edge.custody.broker.suspensions import Suspensions
from pratique.edge.custody.broker.timekeeping import BrokerClock
from pratique.errors import InputError, UnavailableError
from pratique.values.instants import Clock, now_utc

log = logging.getLogger(__name__)

_PATIENCE = 10.0
"""Seconds for the rest of a frame, and for a peer that does not read its answers."""
_MOST_CONNECTIONS = 256
_MOST_CALLS = 64
"""Of one connection at a time; more wait in its socket."""
_IN_THREADS = frozenset(
    {
        "make-client", "make-dataset", "rotate-client", "rotate-dataset", "rewrap", "end-rotation",
        "destroy-client", "destroy-dataset",
        "codewords", "commitment", "reveal",
    }
)  # fmt: skip
"""Admin calls that take longer than a gateway should wait."""

Answerer = Callable[[Call], Awaitable[Any]]


class BrokerLockedError(InputError):
    """Another broker serves this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One socket's rules."""

    name: str
    answer: Answerer
    uids: frozenset[int]
    max_frame: int

    def lets_in(self, uid: int | None) -> bool:
        """Whether that user may speak. None: the kernel does not say, and the file's mode decides."""
        if uid is None:
            return self.uids <= {os.geteuid(), 0}
        return uid in self.uids


class Connections:
    """Serves the connections of one socket."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends or misbehaves."""
        uid = peer_uid(writer.get_extra_info("socket"))
        if not self._door.lets_in(uid) or self._open >= _MOST_CONNECTIONS:
            log.warning("connection refused", extra={"socket": self._door.name, "uid": uid})
            writer.close()
            return
        self._open += 1
        try:
            await self._frames(reader, writer)
        except* WireError:
            log.warning("not our language", extra={"socket": self._door.name})
        except* (OSError, asyncio.IncompleteReadError):
            log.debug("connection lost", extra={"socket": self._door.name})
        except* asyncio.CancelledError:
            # The broker ends. Streams of Python 3.11 print a traceback for a connection that was cancelled.
            log.debug("connection ended", extra={"socket": self._door.name})
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        room = asyncio.Semaphore(_MOST_CALLS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                head = await reader.read(LENGTH.size)
                if not head:
                    return
                async with asyncio.timeout(_PATIENCE):
                    head += await reader.readexactly(LENGTH.size - len(head))
                    (length,) = LENGTH.unpack(head)
                    if length > self._door.max_frame:
                        raise WireError("a frame that is too long")
                    call = parse_call(await reader.readexactly(length))
                await room.acquire()
                tasks.create_task(self._respond(call, writer, room))

    async def _respond(
        self, call: Call, writer: asyncio.StreamWriter, room: asyncio.Semaphore
    ) -> None:
        try:
            try:
                answer = render_answer(call.id, "", await self._door.answer(call))
            except BrokerRefusedError as refused:
                body = Refused(refused.message, refused.scope, refused.remedy)
                answer = render_answer(call.id, refused.reason, body)
            except OSError as error:
                log.exception("disk", extra={"operation": call.operation})
                body = Refused(f"the broker's disk: {error.strerror}")
                answer = render_answer(call.id, "disk", body)
            writer.write(answer)
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            room.release()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only broker of a folder. Raises: BrokerLockedError."""
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise BrokerLockedError(
            f"another broker serves {folder}", remedy="see: pratique broker status"
        ) from None
    try:
        yield
    finally:
        os.close(fd)


def run_broker(
    folder: Path,
    *,
    with_stdin: bool = False,
    must_be_walled: bool = False,
    ready: Callable[[Confinement], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM, SIGINT or (`with_stdin`) the end of standard input.

    Raises: BrokerLockedError, SettingsError, KeyBrokenError, OSError; UnavailableError when it
    `must_be_walled` and the kernel does not keep it from the network.
    """

    def checked(confinement: Confinement) -> None:
        if must_be_walled and not confinement.walled:
            raise UnavailableError(
                "the kernel does not keep the broker from the network: "
                + "; ".join(confinement.lacking)
            )
        ready(confinement)

    make_folder(folder)
    with locked(folder):
        asyncio.run(_run(folder, with_stdin=with_stdin, ready=checked, clock=now_utc))


async def _run(
    folder: Path, *, with_stdin: bool, ready: Callable[[Confinement], None], clock: Clock
) -> None:
    options = load_options(folder)
    gateways, operators = options.connect.gateway_uids(), options.connect.admin_uids()
    place = options.connect.place(folder)
    ring = KeyRing(folder)
    meter = Meter(folder, options.caps, now=time.time)
    held = Held(
        ring=ring, meter=meter, suspensions=Suspensions(folder), clock=BrokerClock(folder, clock)
    )
    own = frozenset({os.geteuid(), 0})
    # Other users are known by their number, which the kernel vouches for, not by the file's mode.
    admin_listening = listen(place / ADMIN_SOCKET, mode=0o666 if operators - own else 0o600)
    gateway_listening = listen(place / GATEWAY_SOCKET, mode=0o666 if gateways - own else 0o600)
    stop = asyncio.Event()
    _stop_on_signals(stop, with_stdin=with_stdin)
    confinement = confine(folder)
    around = Surroundings(
        options=options, gateway_uids=gateways, confinement=confinement, started_at=clock()
    )
    doors = (
        (gateway_listening, Door(
            name="gateway", answer=GatewaySide(held).answer, uids=own | gateways,
            max_frame=MAX_GATEWAY_FRAME,
        )),
        (admin_listening, Door(
            name="admin", answer=_in_turn(AdminSide(held, around)), uids=own | operators,
            max_frame=MAX_ADMIN_FRAME,
        )),
    )  # fmt: skip
    servers = [
        await asyncio.start_unix_server(Connections(door).serve, sock=listening)
        for listening, door in doors
    ]
    log.info("broker serves", extra={"confinement": confinement.sentence, "pid": os.getpid()})
    ready(confinement)
    await stop.wait()
    for server in servers:
        server.close()
    for path in (place / ADMIN_SOCKET, place / GATEWAY_SOCKET):
        with suppress(OSError):
            path.unlink()
    meter.close()


def _in_turn(side: AdminSide) -> Answerer:
    """One admin call at a time; long ones in a thread."""
    turn = asyncio.Lock()

    async def answer(call: Call) -> Any:  # noqa: ANN401 - whatever the operation gives
        async with turn:
            if call.operation in _IN_THREADS:
                return await asyncio.to_thread(side.answer, call)
            return side.answer(call)

    return answer


def _stop_on_signals(stop: asyncio.Event, *, with_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_stdin:

        def ended() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                stop.set()

        loop.add_reader(0, ended)
