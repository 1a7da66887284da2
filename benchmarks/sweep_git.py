"""Sweeping git histories: 1,000 repositories of 200 commits that change a lock file each.

The real command sweeps the folder into a fresh home: every version of every lock file becomes a look
with the interval in which it was in force. CPU and memory are those of the command and of every git
that it starts.

Run: .venv/bin/python benchmarks/sweep_git.py [--small]
Bars: at most 5 minutes on two cores, at most 500 MB.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from harness import BIN, Report, arguments, memory_mib, run_main, scratch, tool

REPOSITORIES, COMMITS, PACKAGES, CHANGED = 1_000, 200, 60, 2
START = 1_740_000_000
_HASH = "sha256:" + "0123456789abcdef" * 4


def lock_text(versions: dict[int, int]) -> str:
    """A uv.lock."""
    parts = ['version = 1\nrequires-python = ">=3.11"\n']
    for package, version in sorted(versions.items()):
        name = f"package-{package}"
        url = f"https://files.example/{name}-1.{version}.0-py3-none-any.whl"
        parts.append(
            f'\n[[package]]\nname = "{name}"\nversion = "1.{version}.0"\n'
            f'source = {{ registry = "https://index.example/simple" }}\n'
            f'wheels = [\n    {{ url = "{url}", hash = "{_HASH}", size = {1000 + version} }},\n]\n'
        )
    return "".join(parts)


def history(number: int, commits: int) -> Iterator[bytes]:
    """A stream for git fast-import: each commit replaces two releases in the lock file."""
    rng = random.Random(number)
    versions = {package: rng.randrange(10) for package in rng.sample(range(400), PACKAGES)}
    for commit in range(commits):
        for package in rng.sample(sorted(versions), CHANGED):
            versions[package] += 1
        text = lock_text(versions).encode()
        at = START + commit * 86_400 + number
        said = f"bump {commit}\n".encode()
        yield (
            b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%s"
            b"M 100644 inline uv.lock\ndata %d\n%s\n" % (at, len(said), said, len(text), text)
        )


def make(folder: Path, repositories: int, commits: int) -> None:
    git = tool("git", "git")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for number in range(repositories):
        here = folder / f"team-{number % 20}" / f"service-{number}"
        here.mkdir(parents=True)
        subprocess.run([git, "init", "-q", "-b", "main", str(here)], check=True, env=environ)
        stream = b"".join(history(number, commits))
        words = [git, "-C", str(here), "fast-import", "--quiet"]
        subprocess.run(words, input=stream, check=True, env=environ)
        subprocess.run([git, "-C", str(here), "checkout", "-q", "main"], check=True, env=environ)


class Watcher(threading.Thread):
    """Looks at the memory of a process tree again and again."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0.0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            self.peak = max(self.peak, memory_mib(self.pid)[0])


def sweep(repositories: Path, home: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, peak PSS in MiB, what it printed."""
    words = [str(BIN / "pratique"), "sweep", str(repositories), "--home", str(home)]
    words += ["--asset", "bench", "--format", "json"]
    began, before = time.monotonic(), os.times()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    watcher = Watcher(process.pid)
    watcher.start()
    said, _ = process.communicate(timeout=3600)
    wall, after = time.monotonic() - began, os.times()
    watcher.over.set()
    watcher.join()
    assert process.returncode in (0, 3), said[-2000:]
    children = after.children_user + after.children_system
    spent = children - before.children_user - before.children_system
    return wall, spent, watcher.peak


def main() -> int:
    options = arguments(
        __doc__ or "", repositories={"type": int, "default": 0, "help": "how many instead of 1,000"}
    )
    repositories, commits = (10, 40) if options.small else (REPOSITORIES, COMMITS)
    if options.repositories:
        repositories = options.repositories
    report = Report(
        name="sweep_git", small=options.small,
        columns=("sweep", "wall s", "CPU s", "peak MiB", "looks per CPU s"),
    )  # fmt: skip
    with scratch() as folder:
        make(folder / "src", repositories, commits)
        looks = repositories * commits
        for name in ("first", "again"):
            wall, spent, peak = sweep(folder / "src", folder / "home")
            report.row(name, wall, spent, peak, f"{looks / spent:,.0f}" if name == "first" else "")
            if name == "first":
                report.at_most("all histories swept, wall", wall, 300, " s")
                report.at_most("memory of all processes", peak, 500, " MiB")
        home = sum(file.stat().st_size for file in (folder / "home").rglob("*") if file.is_file())
    report.notes.append(
        f"{repositories:,} repositories of {commits} commits, {PACKAGES} packages, {CHANGED} replaced"
        f" by each; the home has {home / 1e6:,.0f} MB afterwards"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
