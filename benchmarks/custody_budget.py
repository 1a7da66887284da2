"""640 readers, two nodes, killed processes: does a byte leave beyond the budget, or unrecorded?

Run: .venv/bin/python benchmarks/custody_budget.py [--small]
A lease may disclose half of an object. 640 readers ask two doors for random ranges as fast as they can,
while doors are killed (SIGKILL) with slabs in hand and started again. What readers hold in the end is
counted in distinct segments, compared with the plaintext, and looked for in the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from custody_ground import BUCKET, MIB, Node, ground, noise, signed
from harness import CannotRunError, Report, arguments, run_main, scratch
from kit.postgres import find_server_programs, running_server
from kit.s3_door import Custodian
from pratique.custody.model import SEGMENT_BYTES, Lease
from pratique.settings import Settings
from pratique.store.log_names import KEY_FILE
from pratique.store.logs import open_log

READERS = 640
_MOST_SEGMENTS = 16
_REFUSALS_TO_END = 3
_PATIENCE_SECONDS = 240


@dataclass(slots=True)
class Seen:
    """What all readers together got. Belongs to the event loop's thread."""

    data: bytes
    segments: set[int] = field(default_factory=set)
    requests: int = 0
    refused: int = 0
    broken: int = 0
    wrong: int = 0
    """Answers with other bytes than the object's."""
    other: list[str] = field(default_factory=list)

    @property
    def disclosed(self) -> int:
        return len(self.segments) * SEGMENT_BYTES

    def got(self, start: int, body: bytes) -> None:
        if body:
            self.wrong += body != self.data[start : start + len(body)]
            last = (start + len(body) - 1) // SEGMENT_BYTES
            self.segments.update(range(start // SEGMENT_BYTES, last + 1))


async def read_until_refused(
    session: aiohttp.ClientSession,
    urls: list[str],
    lease: Lease,
    secret: str,
    seen: Seen,
    seed: int,
) -> None:
    chance = random.Random(seed)
    refused, count = 0, len(seen.data) // SEGMENT_BYTES
    while refused < _REFUSALS_TO_END:
        length = 1 if refused else chance.randint(1, _MOST_SEGMENTS)
        start = chance.randrange(count) * SEGMENT_BYTES + chance.randrange(SEGMENT_BYTES)
        end = min(len(seen.data), start + length * SEGMENT_BYTES - SEGMENT_BYTES // 2)
        url = urls[chance.randrange(len(urls))]
        headers = signed(url, "object", lease, secret, f"bytes={start}-{end - 1}")
        body = bytearray()
        try:
            async with session.get(f"{url}/{BUCKET}/object", headers=headers) as answer:
                if answer.status == 206:
                    async for piece in answer.content.iter_any():
                        body += piece
                elif answer.status == 403:
                    refused += b"budget" in await answer.read()
                    seen.refused += 1
                else:
                    seen.other.append(f"{answer.status} {(await answer.read())[:200]!r}")
                    await asyncio.sleep(0.2)
        except (aiohttp.ClientError, OSError):
            seen.broken += 1
            await asyncio.sleep(0.1)
        seen.requests += 1
        seen.got(start, bytes(body))


async def kill_now_and_then(nodes: list[Node], seen: Seen, budget: int, kills: int) -> None:
    """Kill a door whenever another share of the budget is gone, with readers in mid-answer."""
    for number in range(kills):
        goal = budget * (number + 1) // (kills + 2)
        while seen.disclosed < goal:
            await asyncio.sleep(0.005)
        await asyncio.to_thread(nodes[number % len(nodes)].kill)


async def attack(nodes: list[Node], lease: Lease, secret: str, seen: Seen, kills: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        readers = [
            read_until_refused(session, [node.url for node in nodes], lease, secret, seen, number)
            for number in range(READERS)
        ]
        killing = asyncio.create_task(kill_now_and_then(nodes, seen, lease.budget_bytes, kills))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(*readers)
        killing.cancel()


def recorded(settings: Settings, lease: Lease) -> set[int]:
    """Segments that the ledger says this lease may have had."""
    found: set[int] = set()
    with closing(open_log(settings)) as log:
        for entry in log.entries():
            if entry.subject == f"lease:{lease.id}" and entry.kind in {"reads", "reads-ahead"}:
                for row in (*entry.body.get("reads", ()), *entry.body.get("ahead", ())):
                    found.update(range(row[2], row[3] + 1))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run."""

    store: str
    budget: int
    seen: Seen
    seconds: float
    kills: int
    reserved: int
    unrecorded: int


@contextlib.contextmanager
def two_nodes(made: Custodian, folder: Path) -> Iterator[list[Node]]:
    """Two doors. On PostgreSQL the second has a home of its own, and only the broker in common."""
    settings = [made.settings, made.settings]
    if made.settings.storage.database_url:
        home = folder / "second"
        (home / "ledger").mkdir(parents=True)
        with closing(open_log(made.settings)):  # nodes of one log share its key
            shutil.copy(made.settings.home / "ledger" / KEY_FILE, home / "ledger" / KEY_FILE)
        (home / "parts").symlink_to(made.settings.home / "parts")
        custody = msgspec.structs.replace(
            made.settings.custody,
            broker_socket=str(made.settings.home / "broker" / "gateway.sock"),
        )
        settings[1] = msgspec.structs.replace(made.settings, home=home, custody=custody)
    nodes = [Node(each) for each in settings]
    try:
        time.sleep(3)
        yield nodes
    finally:
        for node in nodes:
            node.close()


def run(folder: Path, store: str, database_url: str, *, size: int, kills: int) -> Outcome:
    with ground(folder / "home", database_url=database_url) as made:
        data = noise(size)
        made.put("object", data)
        lease, secret = made.grant(budget_bytes=size // 2, budget_objects=10_000)
        seen = Seen(data)
        with two_nodes(made, folder) as nodes:
            begun = time.monotonic()
            asyncio.run(attack(nodes, lease, secret, seen, kills))
            seconds = time.monotonic() - begun
            killed = sum(node.kills for node in nodes)
        scope = made.state.scope(lease.scopes[0])
        assert scope is not None
        return Outcome(
            store=store,
            budget=lease.budget_bytes,
            seen=seen,
            seconds=seconds,
            kills=killed,
            reserved=scope.reserved_bytes,
            unrecorded=len(seen.segments - recorded(made.settings, lease)) * SEGMENT_BYTES,
        )


def outcomes(folder: Path, *, small: bool) -> Iterator[Outcome]:
    size, kills = (24 * MIB, 2) if small else (512 * MIB, 8)
    yield run(folder / "sqlite", "SQLite, two processes", "", size=size, kills=kills)
    if find_server_programs() is None:
        raise CannotRunError("PostgreSQL's programs are missing; to do: apt install postgresql")
    with running_server() as url:
        yield run(
            folder / "postgres",
            "PostgreSQL, two nodes",
            url.format(database="postgres"),
            size=size,
            kills=kills,
        )


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(
        name="custody_budget",
        small=options.small,
        columns=("store", "budget MiB", "disclosed MiB", "forfeited MiB", "answers", "killed", "s"),
    )
    with scratch() as folder:
        for one in outcomes(folder, small=options.small):
            seen = one.seen
            report.row(
                one.store, one.budget / MIB, seen.disclosed / MIB, (one.reserved - seen.disclosed) / MIB,
                seen.requests, one.kills, one.seconds,
            )  # fmt: skip
            over = max(0, seen.disclosed - one.budget)
            report.at_most(f"bytes over budget, {one.store}", over, 0)
            report.at_most(f"bytes that the ledger does not know, {one.store}", one.unrecorded, 0)
            report.at_most(f"answers with wrong bytes, {one.store}", seen.wrong, 0)
            report.notes.append(
                f"{one.store}: {seen.refused} refusals, {seen.broken} broken connections, "
                f"{len(seen.other)} other answers"
                + (f", such as {seen.other[0]}" if seen.other else "")
            )
            if one.kills == 0 or seen.disclosed < one.budget // 4:
                raise CannotRunError(f"{one.store}: too little happened: {seen.disclosed} bytes")
    report.notes.append(f"{READERS} readers; half of the object is within the budget")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
