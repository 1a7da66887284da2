"""The worker: a fresh interpreter that warms up, walls itself in, and then serves one job at a time.

Order: everything that jobs need is imported and used once before `confine`; afterwards no file can
be opened, so an import that comes late fails like any other mistake of a job.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import mmap
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from pratique.edge.vetting.channel import Channel, ParentGoneError
from pratique.edge.vetting.confinement import confine
from pratique.edge.vetting.frames import (
    DATA_BYTES,
    SIZE,
    Ask,
    Failed,
    Kind,
    KnownFacts,
    Setup,
    Start,
)
from pratique.edge.vetting.held import HeldBases
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted
from pratique.vet.listed import MOST_BYTES, Listed, parse_listed
from pratique.vet.model import Language
from pratique.vet.old_files import Pieces

_MIB = 1 << 20
_MISSES = 64
"""Questions in a row that nobody could answer; then asking costs more than it saves."""


class Job(Protocol):
    """One file being vetted."""

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes."""
        ...

    def finish(self, archive: mmap.mmap | None, /) -> Vetted:
        """Judge what was read; `archive` is the whole file, mapped, when it is at hand."""
        ...


class Helper(Protocol):
    """What a job may ask of the worker."""

    base: BaseFacts | None
    kept: dict[str, object]
    """What jobs keep with that base, as long as the worker holds it."""
    archive: Pieces | None
    """The base's archive."""
    listed: Listed | None
    """Indicators of the installation's own."""

    def known(self, sha256: str, language: Language) -> bytes | None:
        """Facts of a content, from the parent's store."""
        ...

    def judged(self, vetted: Vetted) -> None:
        """Say the judgement now, before the facts that `finish` gives: somebody waits for it."""
        ...


Received: TypeAlias = "tuple[Kind, bytes, list[int]]"
MakeJob: TypeAlias = Callable[[Start, Helper], Job]


class _Cancelled(BaseException):
    """The parent no longer wants the outcome. No `except Exception` of a job holds it."""


class _Held:
    """A base between jobs."""

    __slots__ = ("facts", "kept")

    def __init__(self, facts: BaseFacts) -> None:
        self.facts = facts
        self.kept: dict[str, object] = {}


class _Help:
    """Answers a job's questions, from the base or from the parent."""

    def __init__(
        self,
        channel: Channel,
        base: _Held | None,
        archive: Pieces | None,
        *,
        ask: bool,
        spent: Callable[[], float],
    ) -> None:
        self.base = base.facts if base is not None else None
        self.kept = base.kept if base is not None else {}
        self.archive = archive
        self.listed: Listed | None = None
        self._channel = channel
        self._spent = spent
        self._misses = 0 if ask else _MISSES
        self.pending: list[Received] = []
        """Frames that came while an answer was awaited."""

    def known(self, sha256: str, language: Language) -> bytes | None:
        """Facts of a content, from the parent's store."""
        if self._misses >= _MISSES:
            return None
        self._channel.send(Kind.ASK, Ask(keys=((sha256, language),)))
        while True:
            received = self._channel.receive()
            kind, payload, _ = received
            if kind is Kind.CANCEL:
                raise _Cancelled
            if kind is Kind.KNOWN:
                break
            # Data that was under way already: at most what fits into the socket and the parent's
            # buffer, because the parent waits for neither more than that.
            self.pending.append(received)
        found = msgspec.msgpack.decode(payload, type=KnownFacts).contents
        self._misses = 0 if found else self._misses + 1
        return found[0].facts if found else None

    def judged(self, vetted: Vetted) -> None:
        """Say the judgement now."""
        whole = msgspec.structs.replace(vetted, cpu_seconds=self._spent())
        self._channel.send(Kind.JUDGED, whole)


class _Budget:
    """CPU seconds of a job, enforced by the kernel; grows with the bytes that were taken in."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._began = time.process_time()
        self._bytes = 0
        self._set()

    def took(self, size: int) -> None:
        before = self._bytes // _MIB
        self._bytes += size
        if self._bytes // _MIB != before:
            self._set()

    def spent(self) -> float:
        return time.process_time() - self._began

    def _set(self) -> None:
        allowed = self._start.cpu_seconds + self._start.cpu_seconds_per_mib * self._bytes / _MIB
        soft = math.ceil(self._began + allowed)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


class _Service:
    """Serves jobs until the parent goes away."""

    def __init__(self, channel: Channel, make_job: MakeJob, listed: Listed | None) -> None:
        self._channel = channel
        self._listed = listed
        self._make_job = make_job
        self._bases: HeldBases[_Held] = HeldBases()

    def run(self) -> None:
        """Serve. Raises: ParentGoneError."""
        while True:
            kind, payload, descriptors = self._channel.receive()
            match kind:
                case Kind.START:
                    self._serve(msgspec.msgpack.decode(payload, type=Start), descriptors)
                case Kind.CANCEL:
                    self._channel.send(Kind.CANCELLED)
                case _:
                    # The rest of a job that failed before it was sent whole.
                    _close(descriptors)

    def _serve(self, start: Start, descriptors: Sequence[int]) -> None:
        """One job; every exception of it becomes a frame, except the end of the parent."""
        try:
            outcome = self._do(start, descriptors)
        except _Cancelled:
            self._channel.send(Kind.CANCELLED)
        except ParentGoneError:
            raise
        except MemoryError:
            # What is left of the heap is in pieces; a fresh worker is cheaper than guessing.
            self._channel.send(Kind.FAILED, Failed(sentence="ran out of memory", spent=True))
            raise ParentGoneError from None
        except Exception as error:  # noqa: BLE001 - whatever an analysis does, it is not `clean`
            self._channel.send(Kind.FAILED, Failed(sentence=_describe(error)))
        else:
            self._channel.send(Kind.OUTCOME, outcome)

    def _do(self, start: Start, descriptors: Sequence[int]) -> Vetted:
        with contextlib.ExitStack() as stack:
            stack.callback(_close, descriptors)
            budget = _Budget(start)
            base = self._base(start)
            old = _by_pieces(descriptors[-1]) if start.archive else None
            helper = _Help(self._channel, base, old, ask=start.ask, spent=budget.spent)
            helper.listed = self._listed
            job = self._make_job(start, helper)
            if start.growing:
                size = self._read_growing(descriptors[0], helper, job, budget)
                whole = _map(descriptors[0], stack, size)
            elif start.file:
                _read_up_to(descriptors[0], 0, None, job, budget)
                whole = _map(descriptors[0], stack)
            else:
                given = self._read_frames(helper, job, budget)
                stack.callback(_close, given)
                whole = _map(given[0], stack) if given else None
            outcome = job.finish(whole)
        return msgspec.structs.replace(outcome, cpu_seconds=budget.spent())

    def _base(self, start: Start) -> _Held | None:
        """What the job is judged against. Raises: LookupError when the parent is mistaken."""
        if not start.base:
            return None
        if start.hand_over:
            kind, payload, _ = self._channel.receive()
            if kind is not Kind.BASE:
                raise _Cancelled
            facts = msgspec.msgpack.decode(payload, type=BaseFacts)
            self._bases.hold(facts, _Held(facts))
        base = self._bases.use(start.base)
        if base is None:
            raise LookupError
        return base

    def _read_growing(self, descriptor: int, helper: _Help, job: Job, budget: _Budget) -> int:
        """A file that arrives: as far as GROWN says, up to FINISH; gives how far that was."""
        offset = 0
        while True:
            received = helper.pending.pop(0) if helper.pending else self._channel.receive()
            kind, payload, _ = received
            match kind:
                case Kind.GROWN:
                    (size,) = SIZE.unpack(payload)
                    offset = _read_up_to(descriptor, offset, size, job, budget)
                case Kind.FINISH:
                    return offset
                case _:
                    raise _Cancelled

    def _read_frames(self, helper: _Help, job: Job, budget: _Budget) -> list[int]:
        """Up to FINISH; gives the descriptors that came with it."""
        while True:
            received = helper.pending.pop(0) if helper.pending else self._channel.receive()
            kind, payload, descriptors = received
            match kind:
                case Kind.DATA:
                    budget.took(len(payload))
                    job.feed(payload)
                case Kind.FINISH:
                    return descriptors
                case _:
                    raise _Cancelled


def _read_up_to(descriptor: int, offset: int, size: int | None, job: Job, budget: _Budget) -> int:
    """Feed a file's bytes from an offset on, to a size or its end; gives how far it came.

    Raises: EOFError when it is shorter than that size.
    """
    while size is None or offset < size:
        chunk = os.pread(
            descriptor, DATA_BYTES if size is None else min(size - offset, DATA_BYTES), offset
        )
        if not chunk and size is not None:
            raise EOFError  # cut short behind our back: its hash is proved of more than is there
        if not chunk:
            break
        offset += len(chunk)
        budget.took(len(chunk))
        job.feed(chunk)
    return offset


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _by_pieces(descriptor: int) -> Pieces:
    """A file that may be larger than all memory that there is."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return Pieces(size, lambda offset, count: os.pread(descriptor, count, offset))


def _map(descriptor: int, stack: contextlib.ExitStack, size: int | None = None) -> mmap.mmap | None:
    """A file in memory, to a size or its end; None for nothing, and beyond the limit of address space.

    Raises: EOFError when it is shorter than that size.
    """
    end = os.lseek(descriptor, 0, os.SEEK_END)
    size = end if size is None else size
    if end < size:
        raise EOFError
    if size == 0:
        return None
    try:
        archive = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    except OSError:
        return None
    stack.callback(_unmap, archive)
    return archive


def _unmap(archive: mmap.mmap) -> None:
    # Raised while a view of it lives on in a cycle; it goes with the next collection.
    with contextlib.suppress(BufferError):
        archive.close()


def _describe(error: Exception) -> str:
    """Which exception and where, without any text that could come from the file."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = ""
    if frame is not None:
        path = frame.tb_frame.f_code.co_filename.replace(os.sep, "/")
        where = f" at {'/'.join(path.rsplit('/', 2)[1:])}:{frame.tb_lineno}"
    return f"vetting failed with {type(error).__name__}{where}"


def _read_listed(path: str) -> Listed:
    """Raises: OSError, ValueError; the parent has read it a moment ago."""
    with open(path, "rb") as file:  # noqa: PTH123 - before the walls stand
        return Listed.of(parse_listed(file.read(MOST_BYTES + 1)))


def main(setup: Setup) -> None:
    """Warm up, confine, serve; ends the process."""
    channel = Channel(setup.descriptor)
    # Whoever stops a service signals all of its processes at once. The parent ends us when it has
    # settled what it waits for; before, the file under way would be judged `unknown` for good.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        module, _, name = setup.prepare.partition(":")
        make_job = getattr(importlib.import_module(module), name)()
        listed = _read_listed(setup.known_bad) if setup.known_bad else None
        confinement = confine(setup.walls, keep=setup.descriptor, parent=setup.parent)
        channel.send(Kind.READY, confinement)
        _Service(channel, make_job, listed).run()
    except ParentGoneError:
        pass
    except Exception as error:  # noqa: BLE001 - the parent shows it to the operator
        channel.send(Kind.FAILED, Failed(sentence=f"{_describe(error)}: {error}", spent=True))
    os._exit(0)


__all__ = ["Helper", "Job", "MakeJob", "StoredContent", "main"]
