"""What a person waits for: uv resolving and installing through the door, beside direct.

litellm, fastapi, numpy, pandas and httpx from the real public index. Resolving is measured warm
(the door has seen the pages), installing with nothing kept in the door. `--exclude-newer` with the
same date on both sides keeps the cool-down from choosing other versions than direct does; results
must be equal, or nothing is reported. Rounds alternate; medians.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pypi_simple import PYPI_SIMPLE_ENDPOINT

import peers
from harness import TOOLS, CannotRunError, Report, Server, arguments, run_main, scratch

WANTED = ("litellm", "fastapi", "numpy", "pandas", "httpx")
OLDER_THAN_DAYS = 10
"""Beyond every cool-down in force here, so that the door offers what direct offers."""


class Uv:
    """uv without its cache and without the machine's configuration."""

    def __init__(self, folder: Path) -> None:
        self.program = TOOLS / "uv" / "bin" / "uv"
        if not self.program.exists():
            raise CannotRunError("uv is missing; to do: make bench (it installs uv from its lock)")
        self.folder = folder
        self.before = (datetime.now(tz=UTC) - timedelta(days=OLDER_THAN_DAYS)).date().isoformat()
        self.requirements = folder / "wanted.in"
        self.requirements.write_text("\n".join(WANTED) + "\n", "utf-8")

    def compile(self, index: str) -> tuple[float, str]:
        """Seconds to resolve, and what it resolved to."""
        seconds, output = self._run(
            "pip", "compile", self.requirements, "--python-version", "3.11",
            "--no-header", "--no-annotate", "--quiet", index=index,
        )  # fmt: skip
        return seconds, output

    def install(self, index: str) -> tuple[float, str]:
        """Seconds to install into an empty folder, and what is there then."""
        target = self.folder / "site"
        shutil.rmtree(target, ignore_errors=True)
        seconds, _ = self._run(
            "pip", "install", "--target", target, "--python", sys.executable,
            "-r", self.requirements, "--quiet", "--link-mode", "copy", index=index,
        )  # fmt: skip
        return seconds, "\n".join(sorted(p.name for p in target.glob("*.dist-info")))

    def _run(self, *parts: str | Path, index: str) -> tuple[float, str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))}
        command = [
            self.program, *parts, "--default-index", index, "--exclude-newer", self.before,
            "--no-cache", "--no-config", "--only-binary", ":all:",
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=600, check=False,
            cwd=self.folder, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        if done.returncode:
            raise CannotRunError(f"uv failed: {done.stderr[-1500:]}")
        return seconds, done.stdout


def same(one: str, other: str, what: str) -> None:
    if one != other:
        differing = sorted(set(one.splitlines()) ^ set(other.splitlines()))
        raise CannotRunError(f"{what} differs between direct and the door: {differing[:10]}")


def resolving(uv: Uv, door: Server, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds direct, seconds through the warm door, CPU seconds of the door."""
    index = f"{door.base}/pypi/simple/"
    uv.compile(index)
    direct, through, cpu = [], [], []
    for _ in range(rounds):
        seconds, expected = uv.compile(PYPI_SIMPLE_ENDPOINT)
        direct.append(seconds)
        before = door.cpu()
        seconds, got = uv.compile(index)
        through.append(seconds)
        cpu.append(door.cpu() - before)
        same(expected, got, "the resolution")
    return direct, through, cpu


def installing(uv: Uv, folder: Path, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """The same for installing, each round through a door that has kept nothing."""
    direct, through, cpu = [], [], []
    for number in range(rounds):
        seconds, expected = uv.install(PYPI_SIMPLE_ENDPOINT)
        direct.append(seconds)
        with peers.pratique(folder / f"cold-{number}") as door:
            before = door.cpu()
            seconds, got = uv.install(f"{door.base}/pypi/simple/")
            through.append(seconds)
            cpu.append(door.cpu() - before)
        same(expected, got, "what was installed")
        shutil.rmtree(folder / f"cold-{number}")
    return direct, through, cpu


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="resolve", small=options.small)
    resolves, installs = (2, 1) if options.small else (7, 5)
    report.columns = ("", "direct s", "door s", "ratio", "door CPU s", "rounds")
    with scratch() as folder:
        uv = Uv(folder)
        with peers.pratique(folder / "warm") as door:
            resolved = resolving(uv, door, resolves)
        installed = installing(uv, folder, installs)
    for what, (direct, through, cpu), bar in (
        ("uv pip compile, warm door", resolved, 1.15),
        ("uv pip install, cold door", installed, 1.25),
    ):
        ratio = statistics.median(through) / statistics.median(direct)
        medians = (statistics.median(direct), statistics.median(through))
        report.row(what, *medians, ratio, statistics.median(cpu), len(direct))
        report.at_most(f"{what}, × direct", ratio, bar, "×")
    report.notes.append(f"uv --no-cache, nothing newer than {uv.before}, wheels only")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
