"""One worker process as its parent sees it: start, talk, kill, learn why it ended.

The process is killed when its thread's end makes the kernel say so (PR_SET_PDEATHSIG names the
*thread* that started it), so a worker must be started by a thread that outlives it: the event loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import IO

import msgspec

from pratique.edge.vetting.confinement import Confinement, Walls
from pratique.edge.vetting.errors import VettingUnavailableError
from pratique.edge.vetting.frames import (
    FRAME_BYTES,
    HEADER,
    Failed,
    Kind,
    Payload,
    Setup,
    data_header,
    frame,
)
from pratique.edge.vetting.held import HeldBases

_BOOTSTRAP = (
    "import sys, json; given = json.loads(sys.argv[1]); sys.path[:] = given['path']; "
    "import msgspec; from pratique.edge.vetting.frames import Setup; "
    "from pratique.edge.vetting.worker import main; main(msgspec.convert(given, Setup))"
)

START_SECONDS = 60.0
"""A start takes half a second; on a machine that starts many things at once, ten times that."""
_SOCKET_BYTES = 1 << 20
_BUFFERED_BYTES = 1 << 20
_STDERR_BYTES = 2_000

Receive = Callable[[Kind, bytes], None]


class WorkerProcess:
    """A confined process and the socket to it. Owned by one event loop."""

    def __init__(self, process: subprocess.Popen[bytes], ours: socket.socket) -> None:
        self.pid = process.pid
        self.confinement = Confinement()
        self.jobs = 0
        self.bases: HeldBases[bool] = HeldBases()
        """What it holds, by the same rule as it does."""
        self.killed_because = ""
        self._process = process
        self._socket = ours
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.receive: Receive = _ignore
        """Takes each frame; whoever has the job sets it."""
        self.lost: Callable[[], None] = _unheard
        """Called when it has gone; likewise."""
        self.gone: asyncio.Event = asyncio.Event()

    @classmethod
    async def start(cls, *, prepare: str, walls: Walls, known_bad: str = "") -> WorkerProcess:
        """Start one and wait until it is warm and confined.

        Raises: VettingUnavailableError with what it said.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.ExitStack() as stack:
            stack.callback(theirs.close)
            spoken = stack.enter_context(tempfile.TemporaryFile())
            worker = cls(_spawn(prepare, walls, theirs, spoken, known_bad), ours)
            try:
                await worker._open()
            except BaseException:
                await worker.end("the worker was not started to the end")
                raise
            theirs.close()
            await worker._await_ready(spoken)
            return worker

    async def _open(self) -> None:
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's own form
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BYTES)
        self._reader, self._writer = await asyncio.open_connection(sock=self._socket)
        self._writer.transport.set_write_buffer_limits(high=_BUFFERED_BYTES)

    async def _await_ready(self, spoken: IO[bytes]) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                kind, payload = await self._read_frame()
            if kind is Kind.READY:
                self.confinement = msgspec.msgpack.decode(payload, type=Confinement)
                self._reading = asyncio.create_task(self._read(), name=f"vetting-{self.pid}")
                return
            said = msgspec.msgpack.decode(payload, type=Failed).sentence
        except (TimeoutError, OSError, EOFError, msgspec.MsgspecError, ValueError) as error:
            said = type(error).__name__
        except BaseException:
            await self.end("the worker was not started to the end")
            raise
        await self.end("the worker did not start")
        raise VettingUnavailableError(
            f"a vetting worker did not start: {said}; {self.ending}{_last_words(spoken)}",
            remedy="docs/operate/vetting-workers.md",
        )

    # ── talking ──────────────────────────────────────────────────────────────────────────────

    def send(self, kind: Kind, payload: Payload | None = None) -> None:
        """Queue one frame; it is lost when the worker has gone, which `gone` tells."""
        assert self._writer is not None
        self._writer.write(frame(kind, payload))

    def send_with(self, kind: Kind, payload: Payload, descriptors: list[int]) -> None:
        """Send one frame with descriptors, past the queue, which must be empty.

        Raises: OSError when the worker has gone or its socket is full, which it is not between jobs.
        """
        assert self._writer is not None
        if self._writer.transport.get_write_buffer_size():
            raise BlockingIOError("frames are queued")
        whole = frame(kind, payload)
        sent = socket.send_fds(self._socket, [whole], descriptors)
        if sent < len(whole):
            self._writer.write(whole[sent:])

    def send_raw(self, whole: bytes) -> None:
        """Queue a frame that is one already."""
        assert self._writer is not None
        self._writer.write(whole)

    def send_data(self, piece: memoryview) -> None:
        """Queue bytes of the file, at most `DATA_BYTES`."""
        assert self._writer is not None
        self._writer.write(data_header(len(piece)))
        self._writer.write(piece)

    @property
    def crowded(self) -> bool:
        """Whether the queue is longer than it should get."""
        assert self._writer is not None
        return self._writer.transport.get_write_buffer_size() > _BUFFERED_BYTES

    async def drain(self) -> None:
        """Wait until the queue has room again."""
        assert self._writer is not None
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def drain_all(self) -> None:
        """Wait until the queue is empty."""
        assert self._writer is not None
        transport = self._writer.transport
        transport.set_write_buffer_limits(high=0)
        with contextlib.suppress(OSError):
            await self._writer.drain()
        transport.set_write_buffer_limits(high=_BUFFERED_BYTES)

    def forget_job(self) -> None:
        """Nobody listens until the next job."""
        self.receive, self.lost = _ignore, _unheard

    async def _read_frame(self) -> tuple[Kind, bytes]:
        assert self._reader is not None
        size, kind = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        if size > FRAME_BYTES:
            raise ValueError("a frame larger than any")
        return Kind(kind), await self._reader.readexactly(size)

    async def _read(self) -> None:
        """The reading task: hands on frames until the worker is gone."""
        try:
            while True:
                kind, payload = await self._read_frame()
                self.receive(kind, payload)
        except (EOFError, OSError):
            pass
        except (ValueError, msgspec.MsgspecError):
            self.killed_because = self.killed_because or "the worker sent what none sends"
        finally:
            self._process.kill()
            self.gone.set()
            self.lost()

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    def kill(self, because: str) -> None:
        """Kill it now; `gone` is set a moment later."""
        self.killed_because = self.killed_because or because
        self._process.kill()

    async def end(self, because: str) -> None:
        """Kill it if it lives, and leave nothing behind: no process, no zombie, no socket."""
        self.kill(because)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.transport.abort()
        self._socket.close()
        self.gone.set()
        # A killed process is gone within milliseconds; the thread is for the one that is not.
        if self._process.poll() is None:
            await asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    async def reaped(self) -> None:
        """Wait until it has ended, after `gone`, so that `ending` can tell why."""
        if self._process.poll() is None:
            await asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    @property
    def ending(self) -> str:
        """Why it ended, as a clause."""
        if self.killed_because:
            return self.killed_because
        code = self._process.poll()
        if code is None:
            return "the worker does not answer"
        if code >= 0:
            return f"the worker ended with {code}"
        return _SIGNALS.get(-code) or f"the worker crashed ({signal.Signals(-code).name})"

    @property
    def alive(self) -> bool:
        """Asked of the kernel: a death is noticed here before its news arrives."""
        return not self.gone.is_set() and self._process.poll() is None

    def resident_bytes(self) -> int:
        """Memory that it holds now; 0 where the kernel does not tell."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:  # noqa: PTH123 - once per job
                return int(file.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return 0


_SIGNALS: Mapping[int, str] = {
    signal.SIGKILL: "the worker was killed by the system, probably for want of memory",
    signal.SIGXCPU: "its CPU time was used up",
    signal.SIGSYS: "the worker was killed for a system call that none makes: treat the file as an attack",
}
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _ignore(_kind: Kind, _payload: bytes) -> None:
    """Between jobs a worker says nothing that matters."""


def _unheard() -> None:
    """Nobody has a job with it; whoever takes it next looks at `gone`."""


def _spawn(
    prepare: str, walls: Walls, theirs: socket.socket, spoken: IO[bytes], known_bad: str
) -> subprocess.Popen[bytes]:
    setup = Setup(
        path=tuple(os.path.abspath(entry or ".") for entry in sys.path),  # noqa: PTH100 - may be a zip
        prepare=prepare,
        descriptor=theirs.fileno(),
        parent=os.getpid(),
        walls=walls,
        known_bad=known_bad,
    )
    # A Python that was built with a shared library may need this one variable to start at all.
    library = os.environ.get("LD_LIBRARY_PATH")
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and words
            # Isolated from the environment and the user's folders, no .pth files, no bytecode.
            [
                sys.executable,
                "-I",
                "-S",
                "-B",
                "-c",
                _BOOTSTRAP,
                json.dumps(msgspec.to_builtins(setup)),
            ],
            env={"LD_LIBRARY_PATH": library} if library else {},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=spoken,
            pass_fds=(theirs.fileno(),),
            cwd="/",
            start_new_session=True,  # a Ctrl-C in the terminal is for us, not for it
        )
    except OSError as error:
        raise VettingUnavailableError(f"a vetting worker cannot be started: {error}") from error


def _last_words(spoken: IO[bytes]) -> str:
    size = spoken.seek(0, os.SEEK_END)
    spoken.seek(max(0, size - _STDERR_BYTES))
    text = spoken.read().decode("utf-8", "replace").strip()
    return f"\n{text}" if text else ""
