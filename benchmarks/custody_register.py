"""Registering a folder: read, SHA-256, encryption, durable writes, entries and rows; CPU per GB.

Run: .venv/bin/python benchmarks/custody_register.py [--small]
The whole command `pratique dataset add` with its broker is measured, start included, beside programs
that do a part of it on the same files: sha256sum, openssl (AES-256-CTR to a file), age and gzip -1. CPU
is that of all processes and threads, so MB per CPU second is what one core does. Files are in the page
cache before.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness import BIN, Report, arguments, run_main, scratch

MB = 1_000_000
BAR = 400.0
"""MB of plaintext per second of CPU, hashing, encryption and everything else included."""
_LONGEST = 900
_TERMS = ("--client", "lab", "--classification", "internal", "--purpose", "bench")


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(run: Callable[[], None]) -> tuple[float, float]:
    """(CPU, wall) seconds of whatever was started and has ended."""
    cpu, wall = children(), time.perf_counter()
    run()
    return children() - cpu, time.perf_counter() - wall


def made(folder: Path, *, files: int, size: int) -> Path:
    """Files that do not compress and differ from each other."""
    folder.mkdir()
    block = os.urandom(min(size, 4 << 20))
    for number in range(files):
        with (folder / f"{number:06}.bin").open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            left = size - 8
            while left > 0:
                file.write(block[:left])
                left -= len(block)
    return folder


def register(folder: Path, home: Path) -> None:
    command = [str(BIN / "pratique"), "dataset", "add", "bench", str(folder), *_TERMS]
    done = subprocess.run(
        [*command, "--home", str(home), "--format", "json"],
        check=True, capture_output=True, timeout=_LONGEST,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["gaps_total"] == 0, told
    assert told["stored"] == len(list(folder.iterdir())), told


def first(folder: Path, words: Callable[[Path], list[str]]) -> None:
    """One file is enough for what costs the same for each byte."""
    file = min(folder.iterdir())
    subprocess.run(words(file), check=True, stdout=subprocess.DEVNULL, timeout=_LONGEST)


def peers(folder: Path, out: Path) -> dict[str, Callable[[], None]]:
    """Programs of this machine that do a part of it."""
    key, start = "00" * 32, "00" * 16
    found: dict[str, Callable[[], None]] = {}
    if shutil.which("sha256sum"):
        found["sha256sum: hash only"] = lambda: first(folder, lambda f: ["sha256sum", str(f)])
    if shutil.which("openssl"):
        found["openssl enc: AES-256-CTR only, to a file"] = lambda: first(
            folder,
            lambda f: ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", start,
                       "-in", str(f), "-out", str(out)],
        )  # fmt: skip
    if shutil.which("age") and shutil.which("age-keygen"):
        secret = out.with_name("age.key")
        subprocess.run(["age-keygen", "-o", str(secret)], check=True, capture_output=True)
        public = secret.read_text("ascii").partition("public key: ")[2].split()[0]
        found["age: ChaCha20-Poly1305, to a file"] = lambda: first(
            folder, lambda f: ["age", "-r", public, "-o", str(out), str(f)]
        )
    if shutil.which("gzip"):
        found["gzip -1, to nowhere"] = lambda: first(folder, lambda f: ["gzip", "-1c", str(f)])
    return found


def line(name: str, files: int, total: float, cpu: float, wall: float) -> tuple[str | int, ...]:
    figures = (cpu / total * 1000, total / cpu, total / wall)
    return (name, files, f"{total:,.0f}", f"{cpu:.2f}", *(f"{one:,.1f}" for one in figures))


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(
        name="custody_register",
        small=options.small,
        columns=("what", "files", "MB", "CPU s", "CPU s per GB", "MB per CPU s", "wall MB/s"),
    )
    sets = ((4, 32 << 20), (200, 50_000)) if options.small else ((8, 256 << 20), (10_000, 100_000))
    rounds = 1 if options.small else 3
    with scratch() as place:
        for number, (files, size) in enumerate(sets):
            folder = made(place / f"source-{number}", files=files, size=size)
            total = files * size / MB
            if not number:
                for name, run in peers(folder, place / "out").items():
                    report.row(*line(name, 1, size / MB, *measured(run)))
            taken = []
            for turn in range(rounds):
                home = place / f"home-{number}-{turn}"
                taken.append(measured(partial(register, folder, home)))
                shutil.rmtree(home)
            cpu, wall = (statistics.median(one[which] for one in taken) for which in (0, 1))
            report.row(*line("pratique dataset add", files, total, cpu, wall))
            if number:
                told = f"small files: {cpu / files * 1e6:,.0f} µs of CPU for each, start included"
                report.notes.append(told)
            else:
                report.at_least("registering, per core", total / cpu, BAR, " MB/s")
            shutil.rmtree(folder)
    return report.finish()


if __name__ == "__main__":
    run_main(main)
