"""200 clients at once while the upstream is killed and brought back twice.

Clients ask for pages (JSON and HTML, some conditional), files, ranges and sidecars of projects that
the door has seen. Pages are revalidated every two seconds, so that outages are felt at once. Each
project has a denied and a held file, and every answer is checked: a denied file is never listed, a
held one is marked as yanked, neither is ever served, and nothing that the door has kept is answered
with 5xx.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

import peers
import upstream
from harness import JSON_TYPE, Report, Server, arguments, free_port, memory_mib, run_main, scratch

PROJECTS = 40
FILES = 60
CLIENTS = 200
GOOD, HELD, DENIED = "1.0", "2.0", "3.0"
POLICY = f"""
[cool-down]
hours = 72

[[deny]]
projects = ["soak-*"]
versions = "=={DENIED}"
reason = "measured"
"""
SETTINGS = "[door]\npage_seconds = 2\n"


def fill(root: Path) -> list[str]:
    """Projects with a good file that can be had, a fresh one, a denied one, and many others."""
    chance = random.Random(7)
    names = []
    for number in range(PROJECTS):
        name = f"soak-{number:02d}"
        page = upstream.made_page(name, FILES, chance)
        now = datetime.now(tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        page["files"] = [
            *page["files"],  # type: ignore[misc] # a list, made above
            upstream.wheel_entry(root, name, GOOD, size=50_000),
            upstream.wheel_entry(root, name, HELD, size=50_000, uploaded=now),
            upstream.wheel_entry(root, name, DENIED, size=50_000),
        ]
        page["versions"] = [*page["versions"], GOOD, HELD, DENIED]  # type: ignore[misc] # likewise
        upstream.write_page(root, name, page)
        names.append(name)
    return names


def wheel_name(project: str, version: str) -> str:
    return f"{project.replace('-', '_')}-{version}-py3-none-any.whl"


@dataclass(slots=True)
class Findings:
    """What the clients saw."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Seconds of warm pages, 304 included."""
    unfiltered: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    checked: set[bytes] = field(default_factory=set)
    etags: dict[str, str] = field(default_factory=dict)


class Client:
    """One of many; asks without pause until the time is over."""

    def __init__(
        self,
        number: int,
        session: aiohttp.ClientSession,
        base: str,
        names: list[str],
        seen: Findings,
    ) -> None:
        self.chance = random.Random(number)
        self.session = session
        self.base = base
        self.names = names
        self.seen = seen

    async def run(self, until: float) -> None:
        kinds = [(self.json_page, 60), (self.html_page, 10), (self.file, 20), (self.refused, 10)]
        choices, weights = zip(*kinds, strict=True)
        while time.monotonic() < until:
            ask = self.chance.choices(choices, weights)[0]
            try:
                await ask(self.chance.choice(self.names))
            except (aiohttp.ClientError, TimeoutError) as error:
                self.seen.broken.append(f"{ask.__name__}: {type(error).__name__} {error}")

    async def json_page(self, name: str) -> None:
        headers = {"Accept": JSON_TYPE, "Accept-Encoding": "gzip"}
        known = self.seen.etags.get(name)
        if known and self.chance.random() < 0.5:
            headers["If-None-Match"] = known
        began = time.perf_counter()
        async with self.session.get(f"{self.base}/pypi/simple/{name}/", headers=headers) as answer:
            body = await answer.read()
        self.seen.latencies.append(time.perf_counter() - began)
        self.seen.statuses["page", answer.status] += 1
        if answer.status == 200:
            self.seen.etags[name] = answer.headers["ETag"]
            self._check_once(body, lambda text: self._check_json(name, json.loads(text)))

    async def html_page(self, name: str) -> None:
        headers = {"Accept": "text/html", "Accept-Encoding": "gzip"}
        began = time.perf_counter()
        async with self.session.get(f"{self.base}/pypi/simple/{name}/", headers=headers) as answer:
            body = await answer.read()
        self.seen.latencies.append(time.perf_counter() - began)
        self.seen.statuses["page", answer.status] += 1
        if answer.status == 200:
            self._check_once(body, lambda text: self._check_html(name, text))

    async def file(self, name: str) -> None:
        headers = self.chance.choice([{}, {"Range": "bytes=0-999"}, {"Range": "bytes=-100"}])
        path = f"{self.base}/pypi/packages/files/{wheel_name(name, GOOD)}"
        if self.chance.random() < 0.3:
            path += ".metadata"
            headers = {}
        async with self.session.get(path, headers=headers) as answer:
            await answer.read()
        self.seen.statuses["file", answer.status] += 1

    async def refused(self, name: str) -> None:
        version = self.chance.choice([HELD, DENIED])
        path = f"{self.base}/pypi/packages/files/{wheel_name(name, version)}"
        path += self.chance.choice(["", "", ".metadata"])
        headers = self.chance.choice([{}, {"Range": "bytes=0-999"}])
        method = self.chance.choice(["GET", "HEAD"])
        async with self.session.request(method, path, headers=headers) as answer:
            await answer.read()
        self.seen.statuses["refused", answer.status] += 1
        if answer.status < 400:
            self.seen.unfiltered.append(f"{method} {path} {headers}: {answer.status}")

    def _check_once(self, body: bytes, check: Any) -> None:
        digest = hashlib.sha256(body).digest()
        if digest not in self.seen.checked:
            check(gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode())
            self.seen.checked.add(digest)

    def _check_json(self, name: str, content: dict[str, Any]) -> None:
        yanked = {file["filename"]: file.get("yanked") for file in content["files"]}
        if wheel_name(name, DENIED) in yanked:
            self.seen.unfiltered.append(f"{name}: the denied file is listed")
        if not yanked.get(wheel_name(name, HELD), True):
            self.seen.unfiltered.append(f"{name}: the held file is offered")
        if yanked.get(wheel_name(name, GOOD), True):
            self.seen.broken.append(f"{name}: the good file is not offered")

    def _check_html(self, name: str, text: str) -> None:
        if wheel_name(name, DENIED) in text:
            self.seen.unfiltered.append(f"{name}: the denied file is listed (HTML)")
        held = [line for line in text.splitlines() if wheel_name(name, HELD) in line]
        if any("data-yanked" not in line for line in held):
            self.seen.unfiltered.append(f"{name}: the held file is offered (HTML)")


async def outages(stack: contextlib.ExitStack, start: Any, seconds: float) -> None:
    """Kill and bring back the upstream twice, at quarters of the time."""
    for _ in range(2):
        await asyncio.sleep(seconds * 0.15)
        await asyncio.to_thread(stack.close)
        await asyncio.sleep(seconds * 0.2)
        await asyncio.to_thread(stack.enter_context, start())


async def soak(door: Server, names: list[str], seconds: float, outage: Any) -> Findings:
    seen = Findings()
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as session:
        first = Client(0, session, door.base, names, seen)
        for name in names:
            await first.json_page(name)
            path = f"{door.base}/pypi/packages/files/{wheel_name(name, GOOD)}"
            for tail in ("", ".metadata"):
                async with session.get(path + tail) as answer:
                    await answer.read()
                    seen.statuses["warming", answer.status] += 1
        seen.latencies.clear()
        until = time.monotonic() + seconds
        clients = [Client(n, session, door.base, names, seen).run(until) for n in range(CLIENTS)]
        await asyncio.gather(outage, *clients)
    return seen


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="soak", small=options.small)
    seconds = 6.0 if options.small else 60.0
    with scratch() as folder, contextlib.ExitStack() as stack:
        root, port = folder / "root", free_port()
        names = fill(root)

        def start() -> Any:
            return peers.upstream(root, folder / "upstream", port=port)

        stack.enter_context(start())
        url = f"http://127.0.0.1:{port}/simple/"
        with peers.pratique(
            folder / "door", upstream_url=url, settings=SETTINGS, policy=POLICY
        ) as door:
            began = door.cpu()
            seen = asyncio.run(soak(door, names, seconds, outages(stack, start, seconds)))
            cpu, (pss, _) = door.cpu() - began, memory_mib(door.pid)
    failures = sum(count for (_, status), count in seen.statuses.items() if status >= 500)
    answered = sorted(seen.latencies)
    report.columns = ("kind", "status", "answers")
    for (kind, status), count in sorted(seen.statuses.items()):
        report.row(kind, status, count)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        value = answered[min(int(len(answered) * share), len(answered) - 1)]
        report.notes.append(f"warm pages {name}: {value * 1000:.0f} ms")
    total = sum(seen.statuses.values())
    report.notes.append(f"{total / seconds:,.0f} answers/s by {CLIENTS} clients that never pause")
    report.notes.append(
        f"door: {cpu * 1000 / total:.2f} ms of CPU per answer, {pss:.0f} MiB at the end"
    )
    report.notes.extend(seen.unfiltered[:5] + seen.broken[:5])
    report.at_most("5xx for anything that the door keeps", failures, 0)
    report.at_most("unfiltered answers", len(seen.unfiltered), 0)
    report.at_most("broken connections and wrong pages", len(seen.broken), 0)
    return report.finish()


if __name__ == "__main__":
    run_main(main)
