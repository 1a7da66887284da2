"""A policy or advisory change until the new page is served: CPU of the door, and nothing stale.

The policy file is replaced again and again while eight clients keep asking for the litellm page.
Each change turns the newest version that was allowed into a denied one, or back. Measured: CPU that
the door spends from the change to the first answer that follows it (asked by one client, nothing
else running), and, under load, that no answer begun after the change still shows the old decision.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers
import upstream
from harness import PAGE_HEADERS, Report, Server, arguments, get, run_main, scratch

PROJECT = "litellm"
PATH = f"/pypi/simple/{PROJECT}/"
OPEN_POLICY = "[cool-down]\nhours = 72\n"
CLIENTS = 8


def closed_policy(version: str) -> str:
    """The same policy, and one version denied."""
    return (
        f'{OPEN_POLICY}\n[[deny]]\nprojects = ["{PROJECT}"]\nversions = "=={version}"\n'
        'reason = "measured"\n'
    )


def put_in_force(home: Path, text: str) -> None:
    """Replace the policy file as an editor or a deployment does: whole, in one step."""
    fresh = home / "policy.toml.new"
    fresh.write_text(text, "utf-8")
    fresh.replace(home / "policy.toml")


def shown(door: Server) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(get(door.base + PATH, PAGE_HEADERS)))
    return content


def lists(content: dict[str, Any], version: str) -> bool:
    return any(f["filename"].startswith(f"{PROJECT}-{version}") for f in content["files"])


@dataclass(slots=True)
class Watch:
    """Clients that keep asking while the policy changes under them."""

    door: Server
    version: str
    stop: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[float, bool]] = field(default_factory=list)
    """When each answer was asked for, and whether it listed the version."""
    errors: list[str] = field(default_factory=list)

    def run(self) -> None:
        while not self.stop.is_set():
            asked = time.monotonic()
            try:
                self.seen.append((asked, lists(shown(self.door), self.version)))
            except OSError as error:
                self.errors.append(str(error))


def cpu_of_changes(
    door: Server, home: Path, version: str, rounds: int
) -> tuple[list[float], list[float]]:
    """CPU and wall milliseconds of each change."""
    cpu, wall = [], []
    for number in range(rounds):
        closing = number % 2 == 0
        text = closed_policy(version) if closing else OPEN_POLICY
        # The clock of file systems is coarse; two changes within one tick could look the same.
        time.sleep(0.05)
        before, began = door.cpu(), time.perf_counter()
        put_in_force(home, text)
        body = get(door.base + PATH, PAGE_HEADERS)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((door.cpu() - before) * 1000)
        if lists(json.loads(gzip.decompress(body)), version) is closing:
            raise AssertionError("the first answer after a change still followed the old policy")
    return cpu, wall


def stale_answers(
    door: Server, home: Path, version: str, rounds: int
) -> tuple[int, int, list[str]]:
    """Answers asked for after a change was in place that still followed the policy before it."""
    put_in_force(home, OPEN_POLICY)
    watch = Watch(door, version)
    threads = [threading.Thread(target=watch.run) for _ in range(CLIENTS)]
    changes: list[tuple[float, bool | None]] = [(time.monotonic(), True)]
    for thread in threads:
        thread.start()
    for number in range(rounds):
        time.sleep(0.3)
        closing = number % 2 == 0
        started = time.monotonic()
        put_in_force(home, closed_policy(version) if closing else OPEN_POLICY)
        changes += [
            (started, None),
            (time.monotonic(), not closing),
        ]  # None: both are right meanwhile
    time.sleep(0.3)
    watch.stop.set()
    for thread in threads:
        thread.join(30)
    return _count_stale(watch.seen, changes), len(watch.seen), watch.errors


def _count_stale(seen: list[tuple[float, bool]], changes: list[tuple[float, bool | None]]) -> int:
    """An answer may follow what held when it was asked for, or anything that came later."""
    stale = 0
    for asked, listed in seen:
        held = [state for at, state in changes if at <= asked][-1:]
        later = [state for at, state in changes if at > asked][:1]
        if listed not in held and None not in held and None not in later:
            stale += 1
    return stale


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="policy_change", small=options.small)
    rounds = 10 if options.small else 40
    with scratch() as folder:
        root = folder / "root"
        if options.small:
            upstream.write_page(root, PROJECT, upstream.made_page(PROJECT, 3200, random.Random(1)))
        else:
            upstream.fill_real(root, [PROJECT])
        with (
            peers.upstream(root, folder / "upstream") as source,
            peers.pratique(
                folder / "door", upstream_url=source.base + "/simple/", policy=OPEN_POLICY
            ) as door,
        ):
            home = folder / "door" / "home"
            version = shown(door)["files"][-1]["filename"].split("-")[1].removesuffix(".tar.gz")
            cpu_of_changes(door, home, version, 4)
            cpu, wall = cpu_of_changes(door, home, version, rounds)
            stale, answers, errors = stale_answers(door, home, version, rounds)
    report.columns = ("", "median", "p95", "worst")
    for name, values in (("CPU ms from change to new page", cpu), ("wall ms, the same", wall)):
        ordered = sorted(values)
        report.row(name, statistics.median(values), ordered[int(len(ordered) * 0.95)], ordered[-1])
    report.notes.append(
        f"{rounds} changes; {answers:,} answers by {CLIENTS} clients during {rounds} more"
    )
    report.notes.extend(f"client error: {error}" for error in errors[:3])
    report.at_most("policy change until the new page, CPU", statistics.median(cpu), 25, " ms")
    report.at_most("answers that followed a policy no longer in force", stale, 0)
    report.at_most("failed answers meanwhile", len(errors), 0)
    return report.finish()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    run_main(main)
