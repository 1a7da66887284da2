"""How fast archives are read: CPU per archive and MB/s unpacked, beside zipfile and tarfile.

Run: .venv/bin/python benchmarks/vet_reading.py [FILE_OR_FOLDER …] [--agree] [--sample N] [--json]
Bar: published big wheels (named on the command line) at 400 MB/s unpacked or better, sha256 of every
member included.

Without arguments it packs what is installed beside this interpreter into a wheel and an sdist, in
memory. The other side unpacks and hashes every member with zipfile or tarfile. `--agree` compares the
two member by member instead, and lists every problem that was reported.
"""

from __future__ import annotations

import argparse
import io
import json
import mmap
import random
import resource
import sys
import sysconfig
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kit.archive_oracle import Seen, seen_by_python, seen_here
from pratique.vet.archives.reader import read_archive

SUFFIXES = (".whl", ".egg", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
BAR_MB_S = 400
PACKED_TARGET = 200 << 20
Archive = tuple[str, bytes | mmap.mmap]


def installed() -> Iterator[Path]:
    """Files of the packages installed here: native code, sources, data, as wheels have them."""
    root = Path(sysconfig.get_paths()["purelib"])
    return (p for p in sorted(root.rglob("*")) if p.is_file() and p.suffix != ".pyc")


def packed_here() -> list[Archive]:
    """One big wheel and one big sdist of what is installed."""
    wheel, sdist = io.BytesIO(), io.BytesIO()
    total = 0
    root = Path(sysconfig.get_paths()["purelib"])
    with (
        zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as zipped,
        tarfile.open(fileobj=sdist, mode="w:gz", compresslevel=6) as tarred,
    ):
        for path in installed():
            name = str(path.relative_to(root))
            zipped.write(path, name)
            tarred.add(path, f"big-1.0/{name}")
            total += path.stat().st_size
            if total > PACKED_TARGET:
                break
    return [("big-1.0-py3-none-any.whl", wheel.getvalue()), ("big-1.0.tar.gz", sdist.getvalue())]


def found(places: list[str], sample: int) -> Iterator[Archive]:
    """Archives in files and folders, mapped."""
    paths: list[Path] = []
    for place in map(Path, places):
        paths += [place] if place.is_file() else (p for p in place.rglob("*") if p.is_file())
    paths = sorted(p for p in paths if p.name.endswith(SUFFIXES) and p.stat().st_size)
    if sample and sample < len(paths):
        paths = random.Random(20261122).sample(paths, sample)
    for path in paths:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield path.name, data


def time_ours(data: bytes | mmap.mmap, name: str) -> tuple[float, int, int]:
    """CPU seconds, bytes unpacked from the archive itself, members."""
    began = time.process_time()
    unpacked = members = 0
    for member in read_archive(memoryview(data), name):
        if not member.depth:
            unpacked += member.size
            members += 1
    return time.process_time() - began, unpacked, members


def time_python(data: bytes | mmap.mmap, name: str) -> float:
    began = time.process_time()
    seen_by_python(data, name)
    return time.process_time() - began


def measure(archives: Iterator[Archive] | list[Archive]) -> dict[str, object]:
    groups: dict[str, list[float]] = {}
    for name, data in archives:
        ours, unpacked, members = min(time_ours(data, name) for _ in range(2))
        kind = "zip" if name.endswith((".whl", ".egg", ".zip")) else "tar"
        size = "over 20 MB" if unpacked > 20e6 else "over 1 MB" if unpacked > 1e6 else "small"
        theirs = time_python(data, name)
        sums = groups.setdefault(f"{kind} {size}", [0.0] * 5)
        for at, value in enumerate((1.0, members, unpacked / 1e6, ours, theirs)):
            sums[at] += value
    for group, (count, held, megabytes, ours, theirs) in sorted(groups.items()):
        print(
            f"{group:16} {count:6.0f} archives {held:8.0f} members {megabytes:9.1f} MB"
            f"  ours {megabytes / ours:6.0f} MB/s {ours / count * 1e3:8.2f} ms/archive"
            f"  Python {megabytes / theirs:6.0f} MB/s {theirs / count * 1e3:8.2f} ms/archive"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory {peak} MB (mapped files and zipfile's part included)")
    return {
        name: {"ours_mb_s": round(s[2] / s[3]), "python_mb_s": round(s[2] / s[4])}
        for name, s in groups.items()
    }


def agree(archives: Iterator[Archive] | list[Archive]) -> int:
    """Compare member by member; how many archives disagree."""
    wrong = count = 0
    codes: Counter[str] = Counter()
    for name, data in archives:
        count += 1
        here, reading = seen_here(memoryview(data), name)
        try:
            there: Counter[Seen] | None = seen_by_python(data, name)
        except Exception as refused:  # noqa: BLE001 - whatever the other side raises is its answer
            print(f"{name}: Python cannot read it: {refused!r}")
            there = None
        if there is not None and here != there:
            wrong += 1
            print(f"{name}: differs: {list((here - there) + (there - here))[:3]}")
        for problem in reading.problems:
            codes[f"{problem.problem_class} {problem.code}"] += 1
            print(
                f"{name}: {problem.problem_class} {problem.code} {problem.path}: {problem.sentence}"
            )
    print(f"{count} archives, {wrong} disagree; problems: {dict(codes)}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="*", help="archives, or folders of them")
    parser.add_argument("--agree", action="store_true", help="compare instead of measuring")
    parser.add_argument("--sample", type=int, default=0, help="take only so many, at random")
    parser.add_argument("--json", action="store_true", help="end with the figures as JSON")
    options = parser.parse_args()
    archives = found(options.places, options.sample) if options.places else packed_here()
    if options.agree:
        return 1 if agree(archives) else 0
    figures = measure(archives)
    if options.json:
        print(json.dumps(figures))
    # The bar is for published big wheels, mostly native code; what is packed here is half sources.
    big = figures.get("zip over 20 MB") if options.places else None
    return 1 if isinstance(big, dict) and big["ours_mb_s"] < BAR_MB_S else 0


if __name__ == "__main__":
    sys.exit(main())
