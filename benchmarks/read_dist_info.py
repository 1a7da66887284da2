"""Reading what the dist-infos of an environment say, beside importlib.metadata.

The environment is the one that runs this: some hundred real distributions. Ours reads METADATA,
INSTALLER, when RECORD came and where the files came from, without starting anything;
importlib.metadata reads name, version and requirements of the same folders. In turns, warm files.

Run: .venv/bin/python benchmarks/read_dist_info.py [--small]
Bar: at least 10 times as fast, by CPU.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import packaging
from packaging.utils import canonicalize_name

from harness import Report, arguments, run_main
from pratique.edge.sweep.environments import read_site

ROUNDS = 9
NOW = datetime(2026, 3, 24, tzinfo=UTC)


def theirs(site: Path) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for one in importlib.metadata.distributions(path=[str(site)]):
        assert one.requires is None or one.requires
        found.add((canonicalize_name(one.metadata["Name"]), one.version))
    return found


def ours(site: Path) -> set[tuple[str, str]]:
    found = read_site(str(site), NOW).distributions
    return {(str(one.name), one.head.version) for one in found}


def cpu(work: Callable[[Path], object], site: Path, times: int) -> float:
    """CPU milliseconds of one reading."""
    began = time.process_time()
    for _ in range(times):
        work(site)
    return (time.process_time() - began) * 1000 / times


def main() -> int:
    options = arguments(__doc__ or "")
    site = Path(packaging.__file__).parents[1]
    assert ours(site) == theirs(site)
    rounds = 3 if options.small else ROUNDS
    pairs = [(cpu(ours, site, 5), cpu(theirs, site, 2)) for _ in range(rounds)]
    mine, peer = (statistics.median(one) for one in zip(*pairs, strict=True))
    report = Report(
        name="read_dist_info", small=options.small, columns=("reader", "CPU ms", "times ours"),
    )  # fmt: skip
    report.row("pratique", mine, 1.0)
    report.row("importlib.metadata", peer, peer / mine)
    report.at_least("times as fast as importlib.metadata", peer / mine, 10)
    report.notes.append(f"{len(ours(site))} real distributions; file system calls included")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
