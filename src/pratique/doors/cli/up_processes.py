"""What `pratique up` runs beside the index door: the key broker, and the processes of the S3 door.

They are processes of their own so that neither a wheel that is vetted nor a training file that is
read shares memory with a client's key. Whichever ends on its own ends everything, so that a
supervisor sees it; only the broker is started again, because a command may have lent its own.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from pratique.doors.cli.children import STOP_SECONDS, child_process
from pratique.doors.s3.serving import bind_s3, serve_s3, url_of
from pratique.doors.serving import wait_for_stop
from pratique.doors.sockets import tls_context
from pratique.edge.custody.broker_admin import running_broker, started_broker
from pratique.edge.memory import settle_allocator, settle_collector
from pratique.edge.vetting import kernel
from pratique.errors import PratiqueError
from pratique.settings import Settings
from pratique.values.instants import now_utc

OFF = "off"
"""`s3_listen` of an installation without an S3 door."""
_BROKER_SECONDS = 1.0
_THREADS = 32
_MOST_FILES = 65_536

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Beside:
    """What runs beside the index door."""

    s3_url: str | None
    """Endpoint of the S3 door; None when it is off."""
    failed: bool = False
    """Whether a process ended that nobody had told to."""


@contextmanager
def beside(settings: Settings, *, verbose: bool) -> Iterator[Beside]:
    """Broker and S3 door for as long as the block runs.

    When one of its processes ends by itself, this process is told to end (SIGTERM).
    Raises: SettingsError, UnavailableError.
    """
    if settings.custody.s3_listen == OFF:
        yield Beside(None)
        return
    with ExitStack() as stack:
        bound = stack.enter_context(bind_s3(settings))
        tls_context(settings, bound.getsockname()[0], now_utc)  # made once, before several read it
        stack.enter_context(_kept_broker(settings))
        found = Beside(url_of(settings, bound))
        stack.enter_context(_processes(settings, bound, found, verbose=verbose))
        yield found


# ── the S3 door's processes ──────────────────────────────────────────────────────────────────


@contextmanager
def _processes(
    settings: Settings, bound: socket.socket, found: Beside, *, verbose: bool
) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_work, args=(settings, bound, verbose), daemon=True)
        for _ in range(settings.custody.s3_workers)
    ]
    for worker in workers:
        worker.start()
    ending = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(workers, ending, found), name="s3-processes", daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        ending.set()
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(STOP_SECONDS)
            if worker.is_alive():
                worker.kill()


def _watch(workers: Sequence[BaseProcess], ending: threading.Event, found: Beside) -> None:
    multiprocessing.connection.wait([worker.sentinel for worker in workers])
    if not ending.is_set():
        found.failed = True
        _log.error("a process of the S3 door ended")
        os.kill(os.getpid(), signal.SIGTERM)


def _work(settings: Settings, bound: socket.socket, verbose: bool) -> None:
    # Ctrl-C reaches the whole terminal; who started us says when to end, so that nothing is cut twice.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with child_process(verbose=verbose):
        _close_memory()
        _more_files()
        asyncio.run(_serve(settings, bound))


def _close_memory() -> None:
    """No core file has keys and data in it, and no other process of this user reads them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _more_files() -> None:
    """As many open files as we may have: 1,024, as usual, are what one address opens in connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # where the system has a limit of its own below
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(settings: Settings, bound: socket.socket) -> None:
    settle_allocator()
    # Parts that wait for a slow disk must not keep look-ups of readers waiting.
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
    asyncio.get_running_loop().set_default_executor(threads)
    stop = asyncio.Event()
    async with serve_s3(settings, bound):
        settle_collector()
        await wait_for_stop(stop)


# ── the broker ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def _kept_broker(settings: Settings) -> Iterator[None]:
    """A broker that answers, started again should it go away."""
    keeper = _Keeper(settings)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()


class _Keeper:
    """Starts the broker; a thread looks after it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = ExitStack()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="broker-keeper", daemon=True)

    def start(self) -> None:
        """Until the first one answers. Raises: SettingsError, UnavailableError."""
        self._own.enter_context(started_broker(self._settings))
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._ending.set()
        self._thread.join()
        self._own.close()

    def _keep(self) -> None:
        while not self._ending.wait(_BROKER_SECONDS):
            try:
                admin = running_broker(self._settings)
                if admin is not None:
                    admin.close()
                    continue
                _log.warning("the key broker went away and is started again")
                self._own.close()
                self._own.enter_context(started_broker(self._settings))
            except PratiqueError as error:
                _log.error("the key broker does not start", extra={"error": error.message})
