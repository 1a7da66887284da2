"""10,000 archives in a row on two confined workers: no crash, bounded memory, every failure `unknown`.

Real releases come from the cache of the evals (`python -m evals.collect`), over and over; every
fiftieth archive is hostile and made here: bombs, a million members, nesting, links, cut and spoiled
ones, sources that are hard to parse. What was found is kept in a store as the door keeps it, so
that contents met again are not analysed again. `--small` makes its archives from this repository.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import tarfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness import ROOT, CannotRunError, Report, arguments, run_main, scratch
from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.sync import SyncVettingPool, VetJob
from pratique.policy.model import Verdict
from pratique.settings import Settings
from pratique.store.vetting import VettingStore, open_vetting
from pratique.vet.engine import ContentKey
from pratique.vet.exchange import Vetted

CACHE = Path(os.environ.get("PRATIQUE_EVALS_CACHE", "/tmp/pratique-evals")) / "archives"
COUNT, SMALL_COUNT = 10_000, 120
HOSTILE_EVERY, SMALL_HOSTILE_EVERY = 50, 6
MOST_MB = 400.0
MIB = 1 << 20


# ── hostile archives ─────────────────────────────────────────────────────────────────────────


def zipped(members: Mapping[str, bytes], **options: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", options.get("method", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def zeros_zipped(size: int) -> bytes:
    """One member of zeros, written without holding it."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("big.bin", "w", force_zip64=True) as member,
    ):
        for _ in range(size // MIB):
            member.write(bytes(MIB))
    return target.getvalue()


def many_members(count: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number in range(count):
            archive.writestr(f"m/{number}", b"")
    return target.getvalue()


def nested(depth: int) -> bytes:
    inner = zipped({"deepest.py": b"x = 1\n"})
    for level in range(depth):
        inner = zipped({f"level{level}.zip": inner})
    return inner


def tarred(members: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
        for name, to in (links or {}).items():
            about = tarfile.TarInfo(name)
            about.type, about.linkname = tarfile.SYMTYPE, to
            archive.addfile(about)
    return target.getvalue()


def tar_bomb(size: int) -> bytes:
    """A gzip of zeros that says it is a tar: a header, then zeros without end."""
    about = tarfile.TarInfo("x-1.0/zeros")
    about.size = size
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = [packer.compress(about.tobuf())]
    packed += [packer.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*packed, packer.flush()])


def source(text: str) -> bytes:
    return zipped({"x/__init__.py": b"import os, base64, subprocess\n" + text.encode()})


def hostile(*, small: bool) -> Iterator[tuple[str, bytes]]:
    """Names and bytes, over and over, each spoiled in a different place."""
    chance = random.Random(11)
    scale = 1 if small else 8
    whole = zipped({f"x/m{n}.py": chance.randbytes(2_000) for n in range(20)})
    fixed = {
        "bomb-1.0-py3-none-any.whl": zeros_zipped(128 * scale * MIB),
        "bomb-1.0.tar.gz": tar_bomb(128 * scale * MIB),
        "members-1.0-py3-none-any.whl": many_members(25_000 if small else 1_000_000),
        "nested-1.0-py3-none-any.whl": nested(12),
        "links-1.0.tar.gz": tarred({"x/a.py": b""}, links={"x/l": "../../../etc", "x/m": "x/m"}),
        "parens-1.0-py3-none-any.whl": source("exec(" + "(" * 20_000 + ")" * 20_000 + ")\n"),
        "unary-1.0-py3-none-any.whl": source("exec(" + "-" * 60_000 + "1)\n"),
        "plus-1.0-py3-none-any.whl": source("exec(" + "+".join(["'a'"] * 30_000) + ")\n"),
        "indent-1.0-py3-none-any.whl": source(
            "".join(" " * level + "if 1:\n" for level in range(95)) + " " * 95 + "exec(os.name)\n"
        ),
        "folds-1.0-py3-none-any.whl": source("a = 'x' * 10\n" + "a = a * 10\n" * 30 + "exec(a)\n"),
        "line-1.0-py3-none-any.whl": source("exec('" + "Az09" * 400_000 + "')\n"),
        "names-1.0-py3-none-any.whl": zipped({("d/" * 300) + str(n): b"x" for n in range(200)}),
        "empty-1.0-py3-none-any.whl": b"",
        "noise-1.0.tar.gz": chance.randbytes(300_000),
    }
    while True:
        yield from fixed.items()
        for _ in range(4):
            yield "cut-1.0-py3-none-any.whl", whole[: chance.randrange(len(whole))]
            spoiled = bytearray(whole)
            for _ in range(20):
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
            yield "spoiled-1.0-py3-none-any.whl", bytes(spoiled)


# ── real ones ────────────────────────────────────────────────────────────────────────────────


def cached() -> Iterator[tuple[str, Path]]:
    paths = sorted(path for path in CACHE.glob("*/*/*") if path.is_file())
    if not paths:
        raise CannotRunError(f"no archives in {CACHE}; fetch some: python -m evals.collect")
    random.Random(5).shuffle(paths)
    while True:
        for path in paths:
            yield path.name, path


def made() -> Iterator[tuple[str, bytes]]:
    """Wheels and sdists of parts of this repository."""
    chance = random.Random(5)
    sources = sorted((ROOT / "src").rglob("*.py"))
    for number in range(10**9):
        some = chance.sample(sources, 12)
        members = {str(p.relative_to(ROOT / "src")): p.read_bytes() for p in some}
        if number % 2:
            yield f"made-1.{number}.tar.gz", tarred({f"made/{n}": c for n, c in members.items()})
        else:
            yield f"made-1.{number}-py3-none-any.whl", zipped(members)


def jobs(count: int, store: VettingStore, *, small: bool) -> Iterator[VetJob]:
    async def known(keys: tuple[ContentKey, ...]) -> Mapping[ContentKey, bytes]:
        return await asyncio.to_thread(store.content_facts, keys)

    real: Iterator[tuple[str, bytes | Path]] = made() if small else cached()
    bad = hostile(small=small)
    every = SMALL_HOSTILE_EVERY if small else HOSTILE_EVERY
    for number in range(count):
        is_bad = number % every == every - 1
        filename, data = next(bad if is_bad else real)
        yield VetJob(filename=filename, data=data, key=is_bad, known=known)


# ── the soak ─────────────────────────────────────────────────────────────────────────────────


class Seen:
    """What came back."""

    def __init__(self) -> None:
        self.verdicts: Counter[tuple[bool, Verdict]] = Counter()
        self.failures: Counter[str] = Counter()
        self.not_unknown = 0
        self.crashes = 0
        self.peaks: dict[int, float] = {}
        self.cpu = 0.0
        self.slowest = (0.0, "")

    def take(self, job: VetJob, vetted: Vetted) -> None:
        report = vetted.report
        self.verdicts[bool(job.key), report.verdict] += 1
        self.cpu += vetted.cpu_seconds
        self.slowest = max(self.slowest, (vetted.cpu_seconds, job.filename))
        if vetted.failure:
            self.failures[f"{job.filename}: {vetted.failure}"] += 1
            self.crashes += "crashed" in vetted.failure or "vetting failed" in vetted.failure
        unread = bool(vetted.failure or report.unread)
        self.not_unknown += unread and report.verdict is Verdict.CLEAN

    def look_at(self, pids: tuple[int, ...]) -> None:
        """The most that each worker ever held."""
        for pid in pids:
            with contextlib.suppress(OSError, IndexError):
                text = Path(f"/proc/{pid}/status").read_text("ascii")
                held = int(text.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
                self.peaks[pid] = max(held, self.peaks.get(pid, 0.0))


def main() -> int:
    options = arguments(
        __doc__ or "", count={"type": int, "default": 0, "help": "how many archives"}
    )
    report = Report(name="vet_soak", small=options.small)
    count = options.count or (SMALL_COUNT if options.small else COUNT)
    seen = Seen()
    began = time.perf_counter()
    with scratch() as folder:
        store = open_vetting(Settings(home=folder))
        with SyncVettingPool(PoolOptions(workers=2)) as pool:
            for job, vetted in pool.map(jobs(count, store, small=options.small)):
                seen.take(job, vetted)
                seen.look_at(pool.status().pids)
                store.add_facts({(c.sha256, c.language): c.facts for c in vetted.new})
            status = pool.status()
        store.close()
    wall = time.perf_counter() - began
    report.columns = ("archives", *(verdict.value for verdict in Verdict))
    for name, is_bad in (("real", False), ("hostile", True)):
        report.row(name, *(seen.verdicts[is_bad, verdict] for verdict in Verdict))
    report.notes.append(status.sentence)
    report.notes.append(
        f"{status.jobs} archives, {seen.cpu:.0f} s of CPU in workers, {wall:.0f} s; "
        f"{status.exchanged} workers exchanged; slowest {seen.slowest[1]} {seen.slowest[0]:.1f} s"
    )
    report.notes += [f"{times} × {failure}" for failure, times in seen.failures.most_common(12)]
    report.at_most("archives without an answer", count - sum(seen.verdicts.values()), 0)
    report.at_most("workers that crashed, exceptions", seen.crashes, 0)
    report.at_most("not wholly read, yet `clean`", seen.not_unknown, 0)
    report.at_most(
        "peak memory of a worker (VmHWM)", max(seen.peaks.values(), default=0), MOST_MB, " MB"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
