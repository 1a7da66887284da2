"""A suspension, measured at the readers: from the moment it is made to the last byte that arrives."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from pratique.drill.streams import SLOW_RATE, Reader, Target, read_on, serving_processes
from pratique.errors import UnavailableError

BAR_MS: Final = 1000.0
BAR_BYTES: Final = 2_621_440
"""2.5 MiB: what may still arrive of one stream after the suspension."""
_START_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 1.0
_HEARD_SECONDS: Final = 0.3
"""Until every door has heard of a lease that was granted a moment ago: before, it lets few ask at once."""
_PATIENCE_SECONDS: Final = 10.0
_PERCENT: Final = 100
_TURN_SECONDS: Final = 0.0002


class StreamLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stream."""

    door: str
    process: int
    """On this machine; 0: cannot be seen from here."""
    slow: bool
    last_byte_ms: float
    """Since the suspension began to be made; 0 when nothing came any more."""
    bytes_after: int
    """Since it was in force."""
    ended: bool
    told: str


class ProcessLine(msgspec.Struct, frozen=True, kw_only=True):
    """All streams of one process of the door."""

    door: str
    process: int
    streams: int
    p99_ms: float
    bytes_after_max: int


class RevocationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill measured."""

    scope: str
    streams: int
    not_ended: int
    """Streams that went on for ten seconds."""
    in_force_ms: float
    """From the beginning of the suspension until ledger and state were durable."""
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    bytes_after_max: int
    """Of one stream, since the suspension was in force."""
    bytes_after_total: int
    told_why: int
    """Readers that were told the reason when they asked again."""
    sentence: str
    nodes: int
    processes: tuple[ProcessLine, ...]
    lines: tuple[StreamLine, ...]

    @property
    def holds(self) -> bool:
        """Whether it was quick enough, for every stream."""
        return (
            self.not_ended == 0
            and self.told_why == self.streams
            and self.p99_ms <= BAR_MS
            and self.bytes_after_max <= BAR_BYTES
        )


async def measure_revocation(
    targets: Sequence[Target],
    *,
    scope: str,
    streams: int,
    fast_rate: int,
    suspend: Callable[[], object],
    say: Callable[[str], None],
) -> RevocationReport:
    """Open `streams` readers over all targets, suspend, and wait until nothing comes any more.

    `fast_rate`: what the fast half reads a second; 0: all it gets. `suspend` is called in a thread and
    returns once the suspension is in force.
    Raises: UnavailableError when not all of them get bytes to begin with; whatever `suspend` raises.
    """
    readers = [
        Reader(
            targets[number % len(targets)],
            SLOW_RATE if number % 2 else fast_rate,
            slow=bool(number % 2),
        )
        for number in range(streams)
    ]
    await asyncio.sleep(_HEARD_SECONDS)
    tasks = [asyncio.create_task(read_on(reader)) for reader in readers]
    try:
        say(f"opening {streams} streams")
        await _flowing(readers)
        await asyncio.sleep(_SETTLE_SECONDS)
        processes = await asyncio.to_thread(serving_processes, readers)
        served = {id(reader): processes.get(reader.ports, 0) for reader in readers}
        say("suspending")
        with _quick_turns():
            begun = time.monotonic()
            in_force = await asyncio.to_thread(_timed, suspend)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return _report(scope, readers, served, begun, in_force)


def _timed(suspend: Callable[[], object]) -> float:
    suspend()
    return time.monotonic()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Readers must not hold up the suspension: an operator's command has a process of its own."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


async def _flowing(readers: Sequence[Reader]) -> None:
    """Until every reader has got its first bytes."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        refused = next((one for one in readers if one.ended), None)
        if refused is not None:
            raise UnavailableError(
                "a stream of the drill ended before anything was suspended",
                remedy=f"{refused.told or refused.fault or 'see its log'}, said the door at"
                f" {refused.target.url}; if it is another installation's, name yours with --door",
            )
        if all(one.received for one in readers):
            return
        if time.monotonic() > deadline:
            raise UnavailableError("not all streams of the drill began within a minute")
        await asyncio.sleep(0.05)


def _report(
    scope: str,
    readers: Sequence[Reader],
    served: dict[int, int],
    begun: float,
    in_force: float,
) -> RevocationReport:
    lines = tuple(
        StreamLine(
            door=one.target.url,
            process=served[id(one)],
            slow=one.slow,
            last_byte_ms=round(max(0.0, one.last_at - begun) * 1000, 1),
            bytes_after=one.after(in_force),
            ended=bool(one.told) or bool(one.fault),
            told=one.told,
        )
        for one in readers
    )
    times = [line.last_byte_ms for line in lines]
    told = [line.told for line in lines if line.told]
    return RevocationReport(
        scope=scope,
        streams=len(lines),
        not_ended=sum(not line.ended for line in lines),
        in_force_ms=round((in_force - begun) * 1000, 1),
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        slowest_ms=max(times),
        bytes_after_max=max(line.bytes_after for line in lines),
        bytes_after_total=sum(line.bytes_after for line in lines),
        told_why=len(told),
        sentence=told[0] if told else "",
        nodes=len({line.door for line in lines}),
        processes=tuple(_by_process(lines)),
        lines=lines,
    )


def _by_process(lines: Sequence[StreamLine]) -> list[ProcessLine]:
    groups: dict[tuple[str, int], list[StreamLine]] = {}
    for line in lines:
        groups.setdefault((line.door, line.process), []).append(line)
    return [
        ProcessLine(
            door=door,
            process=process,
            streams=len(group),
            p99_ms=percentile([line.last_byte_ms for line in group], 99),
            bytes_after_max=max(line.bytes_after for line in group),
        )
        for (door, process), group in sorted(groups.items())
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile: a value that was measured, never one in between."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / _PERCENT) - 1)]
