"""A warm project page of more than 3,000 files: what does one answer cost?

Real litellm page, JSON, gzip where the server can. nginx sends the very bytes that Pratique sends,
compressed beforehand: the limit of what is possible. CPU per request over the whole process tree.
"""

from __future__ import annotations

import contextlib
import random
import statistics
from collections.abc import Iterator
from pathlib import Path

import peers
import upstream
from harness import (
    PAGE_HEADERS,
    CannotRunError,
    Load,
    Report,
    Server,
    arguments,
    get,
    load,
    page,
    run_main,
    scratch,
)  # fmt: skip

PROJECT = "litellm"
FEWEST_FILES = 3000
PATHS = {
    "nginx, prebuilt": f"/pages/{PROJECT}",
    "pratique": f"/pypi/simple/{PROJECT}/",
    "proxpi": f"/index/{PROJECT}/",
    "devpi": f"/{peers.DEVPI_INDEX}/+simple/{PROJECT}/",
}


@contextlib.contextmanager
def servers(folder: Path, *, with_peers: bool, real: bool) -> Iterator[dict[str, Server]]:
    """All of them, warm, each holding the same page."""
    root = folder / "root"
    if real:
        upstream.fill_real(root, [PROJECT])
    else:
        made = upstream.made_page(PROJECT, 3200, random.Random(1))
        upstream.write_page(root, PROJECT, made)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(peers.upstream(root, folder / "upstream"))
        url = source.base + "/simple/"
        started = {
            "pratique": stack.enter_context(peers.pratique(folder / "pratique", upstream_url=url))
        }
        ready = get(started["pratique"].base + PATHS["pratique"], PAGE_HEADERS)
        (root / "pages").mkdir()
        (root / "pages" / PROJECT).write_bytes(ready)
        started["nginx, prebuilt"] = stack.enter_context(peers.nginx(root, folder / "nginx"))
        if with_peers:
            started["proxpi"] = stack.enter_context(
                peers.proxpi(folder / "proxpi", upstream_url=url)
            )
            started["devpi"] = stack.enter_context(peers.devpi(folder / "devpi", upstream_url=url))
        for name, running in started.items():
            files = len(page(running.base + PATHS[name])["files"])
            if files < FEWEST_FILES:
                raise CannotRunError(f"{name} shows {files} files; more than {FEWEST_FILES} wanted")
        yield started


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="page", small=options.small)
    rounds, seconds = (1, 2.0) if options.small else (3, 5.0)
    with (
        scratch() as folder,
        servers(folder, with_peers=not options.small, real=not options.small) as all_,
    ):
        measured: dict[str, list[Load]] = {name: [] for name in all_}
        for _ in range(rounds):
            for name, running in all_.items():
                measured[name].append(
                    load(running, PATHS[name], headers=PAGE_HEADERS, seconds=seconds)
                )
        size = len(get(all_["pratique"].base + PATHS["pratique"], PAGE_HEADERS))
    report.notes.append(
        f"{PROJECT}, {size:,} bytes of gzip from Pratique and nginx; wrk, 8 connections"
    )
    report.columns = ("server", "CPU ms/request", "× nginx", "requests/s", "p50 ms", "p99 ms")
    cpu = {name: statistics.median(r.cpu_ms for r in runs) for name, runs in measured.items()}
    for name in PATHS:
        if name not in measured:
            continue
        middle = sorted(measured[name], key=lambda r: r.cpu_ms)[len(measured[name]) // 2]
        ratio = cpu[name] / cpu["nginx, prebuilt"]
        report.row(name, cpu[name], ratio, middle.per_second, middle.p50_ms, middle.p99_ms)
    report.at_most(
        "page, × nginx with the same bytes", cpu["pratique"] / cpu["nginx, prebuilt"], 6, "×"
    )
    for name, bar in (("proxpi", 150), ("devpi", 500)):
        if name in cpu:
            report.at_least(
                f"page, times cheaper than {name}", cpu[name] / cpu["pratique"], bar, "×"
            )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
