"""Memory of a worker that has served 1,000 distinct projects, in both page formats.

The pages are made, with the sizes that the dependencies of data work have: a few files for most,
thousands for some. 1,000 projects is what a company's builds touch in a day.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import peers
import upstream
from harness import PAGE_HEADERS, Report, arguments, get, memory_mib, run_main, scratch

HTML_HEADERS = {"Accept": "text/html", "Accept-Encoding": "gzip"}
CLIENTS = 4


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="memory", small=options.small)
    count = 150 if options.small else 1000
    with scratch() as folder:
        root = folder / "root"
        names = upstream.fill_realistic(root, count)
        with (
            peers.upstream(root, folder / "upstream") as source,
            peers.pratique(folder / "door", upstream_url=source.base + "/simple/") as door,
        ):
            report.columns = ("after", "PSS MiB", "USS MiB")
            report.row("start", *memory_mib(door.pid))

            def ask(name: str) -> int:
                json_page = get(f"{door.base}/pypi/simple/{name}/", PAGE_HEADERS)
                return len(json_page) + len(get(f"{door.base}/pypi/simple/{name}/", HTML_HEADERS))

            began = time.perf_counter()
            with ThreadPoolExecutor(CLIENTS) as pool:
                total = sum(pool.map(ask, names))
            cold = time.perf_counter() - began
            cold_cpu = door.cpu()
            report.row(f"{count} projects, cold", *memory_mib(door.pid))
            for _ in range(2):
                with ThreadPoolExecutor(CLIENTS) as pool:
                    list(pool.map(ask, names))
            pss, uss = memory_mib(door.pid)
            report.row(f"{count} projects, three times", pss, uss)
    report.notes.append(
        f"{total / 2**20:.0f} MiB of compressed pages; cold round {cold:.0f} s, {cold_cpu:.1f} s of CPU"
    )
    report.at_most(f"memory of a worker after {count} projects (PSS)", pss, 120, " MiB")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
