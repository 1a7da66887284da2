"""Reading one image layer of 1.2 GB, beside tarfile.

Both find the same dist-infos in the same uncompressed tar on disk, its file cache warm: ours walks
headers and reads what it wants; tarfile reads the layer as a stream (`r|`), as tools read layers, and
as a file that it may seek in (`r:`), and reads the same files.

Run: .venv/bin/python benchmarks/read_layer.py [--small]
Bar: at least 20 times as fast as tarfile's stream, by CPU.
"""

from __future__ import annotations

import io
import os
import statistics
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import Report, arguments, run_main, scratch
from pratique.inventory.images.layers import read_layer

FILES, BYTES, PACKAGES, ROUNDS = 12_000, 1_200_000_000, 100, 5


def make(path: Path, files: int, size: int) -> None:
    """A layer as a Python image has: many small files, some large, a hundred dist-infos."""
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as layer:
        for number in range(files):
            package = number % PACKAGES
            name = f"usr/local/lib/python3.11/site-packages/package_{package}/part_{number // PACKAGES}.py"
            large = number % 300 == 0
            member = tarfile.TarInfo(name)
            member.size = size // 2 // (files // 300) if large else size // 2 // files
            member.mtime = 1_770_000_000
            layer.addfile(member, _Zeros())
        for package in range(PACKAGES):
            folder = f"usr/local/lib/python3.11/site-packages/package_{package}-1.0.dist-info"
            text = (
                f"Metadata-Version: 2.4\nName: package-{package}\nVersion: 1.0\n\n{'words ' * 500}"
            )
            for name, content in (
                ("METADATA", text),
                ("RECORD", "a.py,,\n"),
                ("INSTALLER", "pip\n"),
            ):
                member = tarfile.TarInfo(f"{folder}/{name}")
                member.size = len(content)
                layer.addfile(member, io.BytesIO(content.encode()))


class _Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def ours(path: Path) -> set[str]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        layer = read_layer(
            lambda offset, size: os.pread(descriptor, size, offset),
            standing=frozenset(), max_members=1_000_000,
        )  # fmt: skip
    finally:
        os.close(descriptor)
    return {name for name in layer.files if name.endswith("/METADATA")}


def seeking(path: Path) -> set[str]:
    return _with_tarfile(path, "r:")


def streaming(path: Path) -> set[str]:
    return _with_tarfile(path, "r|")


def _with_tarfile(path: Path, mode: str) -> set[str]:
    found = set()
    with tarfile.open(path, mode) as layer:  # type: ignore[call-overload]  # the mode is no literal
        for member in layer:
            if ".dist-info/" in member.name:
                file = layer.extractfile(member)
                assert file is not None
                file.read()
                if member.name.endswith("/METADATA"):
                    found.add(member.name)
    return found


def cpu(work: Callable[[Path], object], path: Path) -> float:
    began = time.process_time()
    work(path)
    return (time.process_time() - began) * 1000


def main() -> int:
    options = arguments(__doc__ or "")
    scale = 20 if options.small else 1
    ways = {"pratique": ours, "tarfile, seeking": seeking, "tarfile, streaming": streaming}
    report = Report(
        name="read_layer", small=options.small, columns=("reader", "CPU ms", "times ours"),
    )  # fmt: skip
    with scratch() as folder:
        layer = folder / "layer.tar"
        make(layer, FILES // scale, BYTES // scale)
        answers = [work(layer) for work in ways.values()]
        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0]) == PACKAGES
        rounds = [[cpu(work, layer) for work in ways.values()] for _ in range(ROUNDS)]
        size = layer.stat().st_size
    medians = [statistics.median(one) for one in zip(*rounds, strict=True)]
    for name, spent in zip(ways, medians, strict=True):
        report.row(name, spent, spent / medians[0])
    report.at_least("times as fast as tarfile's stream", medians[2] / medians[0], 20)
    report.notes.append(f"{size / 1e9:.2f} GB, {FILES // scale + 3 * PACKAGES:,} members")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
