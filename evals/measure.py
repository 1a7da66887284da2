"""Judging many cases in a few processes: one result a case, whatever happens to it.

A worker makes a case's bytes, asks the vetter and then the peers. The vetter has a deadline; what it does
not finish is a result with an error, as it would be `unknown` at the door.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.queues import Queue
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from evals.cases import Bytes, Case, Maker
from evals.engine import Engine, Seen, Vetter
from evals.peers import running
from evals.peers.running import Answer, Peer

SECONDS = 120
"""For one archive; the slowest ordinary one takes a few."""
IDLE = 1.0
"""Seconds between looks at whether workers are alive."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case, judged. Holds names, numbers and features; nothing of what an archive holds."""

    group: str
    name: str
    cluster: str
    half: str
    part: str
    rule: str
    packed: int = 0
    """Bytes of the archive."""
    skipped: bool = False
    """No such case: the sample offers no payload, or no base has a place for it."""
    error: str = ""
    verdict: str = ""
    score: float = 0.0
    features: tuple[str, ...] = ()
    decisive: bool = False
    rules: tuple[str, ...] = ()
    unread: int = 0
    seconds: float = 0.0
    peers: Mapping[str, Answer] = {}

    @property
    def key(self) -> tuple[str, str]:
        return self.group, self.name


def judge(case: Case, made: Bytes | None, vetter: Vetter | None, peers: Sequence[Peer]) -> Result:
    """One result."""
    blank = Result(
        group=case.group, name=case.name, cluster=case.cluster, half=str(case.half.value),
        part=case.part, rule=case.rule, packed=len(made.data) if made else 0, skipped=made is None,
    )  # fmt: skip
    if made is None:
        return blank
    answers = {peer.name: peer.ask(made.data, made.filename) for peer in peers}
    if vetter is None:
        return msgspec.structs.replace(blank, peers=answers)
    try:
        seen = _within_time(lambda: vetter.vet(made.data, made.filename, made.old))
    except Exception as error:  # noqa: BLE001 - a crash of the vetter is a result, and is reported
        return msgspec.structs.replace(
            blank, peers=answers, verdict="unknown", error=f"{type(error).__name__}: {error}"[:300]
        )
    return msgspec.structs.replace(
        blank, peers=answers, verdict=seen.verdict, score=seen.score, features=seen.features,
        decisive=seen.decisive, rules=seen.rules, unread=len(seen.unread), seconds=seen.seconds,
    )  # fmt: skip


def _within_time(ask: Callable[[], Seen]) -> Seen:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        return ask()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def measure(
    cases: Sequence[Case],
    *,
    jobs: int,
    peers: Sequence[str] = (),
    vetter: Callable[[], Vetter] | None = Engine,
) -> Iterator[Result]:
    """Results in the order in which they are finished.

    Order: close it (`contextlib.closing`); that ends its workers and removes its memory folder.
    """
    environments = {name: running.install(name) for name in peers}
    memory = running.memory_folder() if peers else None
    context = multiprocessing.get_context("spawn")
    todo: Queue[Case | None] = context.Queue()
    todo.cancel_join_thread()  # when we are stopped, cases that nobody will take must not hold us
    done: Queue[Result | str] = context.Queue()
    workers = [
        context.Process(target=_work, args=(todo, done, vetter, environments, memory), daemon=True)
        for _ in range(max(1, jobs))
    ]
    try:
        for worker in workers:
            worker.start()
        for item in [*cases, *(None for _ in workers)]:
            todo.put(item)
        yield from _gather(done, len(cases), workers)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(IDLE * 10)
            worker.kill()  # one that hangs in its clean-up; the memory folder is removed below
        if memory:
            shutil.rmtree(memory, ignore_errors=True)


def _gather(done: Queue[Result | str], total: int, workers: Sequence[Any]) -> Iterator[Result]:
    count = 0
    while count < total:
        try:
            item = done.get(timeout=IDLE)
        except queue.Empty:
            killed = any(worker.exitcode for worker in workers)  # by the kernel: its case is lost
            if killed or not any(worker.is_alive() for worker in workers):
                raise RuntimeError(f"a worker ended with {total - count} cases to go") from None
            continue
        if isinstance(item, str):
            raise RuntimeError(item)  # noqa: TRY004 - the worker's own words, not a wrong argument
        count += 1
        yield item


def _work(
    todo: Queue[Case | None],
    done: Queue[Result | str],
    vetter: Callable[[], Vetter] | None,
    environments: Mapping[str, Path],
    memory: Path | None,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us

    with ExitStack() as stack:

        def stop(_number: int, _frame: FrameType | None) -> None:
            # Not by an exception: where it would be raised, `put` may hold the lock that the queue's own
            # end waits for, without limit; so would the parent, for us.
            try:
                stack.close()
            finally:
                os._exit(0)

        signal.signal(signal.SIGTERM, stop)
        try:
            asked = [
                stack.enter_context(Peer(name, python, memory))
                for name, python in environments.items()
                if memory
            ]
            maker = Maker()
            stack.callback(maker.close)
            judging = vetter() if vetter else None
            while (case := todo.get()) is not None:
                done.put(judge(case, maker.make(case), judging, asked))
        except Exception as error:  # noqa: BLE001 - told to the parent, which stops everything
            done.put(f"{type(error).__name__}: {error}")
        done.close()
        done.join_thread()  # what was put is sent before we end, unless we are ended
