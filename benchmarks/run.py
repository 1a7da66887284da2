"""Run every benchmark, one after the other, and list the bars: `make bench`.

The rooms' own figures come first (ledger, cook, decide), then those of the running door beside its
peers. `--small` is a quick round for CI: fewer rounds, no downloaded peers, made pages, several at a time;
bars of sizes and times are not judged. `--record` writes what whole rounds measured into docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import ROOT, SMALL_ROUND, arguments, bar_line, kept_at, machine

HERE = Path(__file__).parent
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
BENCHMARKS = (
    "ledger", "cook", "decide", "page", "policy_change", "wheel", "memory", "soak", "resolve", "vet_cpu",
    "vet_soak", "vet_inline", "exposure_narrow", "exposure_wave", "exposure_reach", "exposure_ci",
    "exposure_apply", "exposure_bundle", "read_sbom", "read_layer", "read_dist_info", "sweep_git",
    "custody_read", "custody_budget", "custody_revoke", "custody_breach", "custody_marks",
    "custody_register", "parties_audit", "parties_checks",
    "parties_erase", "parties_suspend",
)  # fmt: skip
NEED_THE_PUBLIC_INDEX = {"resolve"}
ALWAYS_QUICK = {"cook", "decide"}
"""They take no flag, and have no bars."""
LONGEST_SECONDS = 4 * 3600
"""The soak of 10,000 archives reads some 40 GB."""


def whole_round(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One after the other: each has the machine for itself. Gives how each ended."""
    for name in names:
        print(f"\n== {name}", flush=True)
        yield name, run(name, small=False)[0]


def small_round(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """As many at a time as there are cores: nothing is judged by its time. Gives how each ended."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        rounds = pool.map(lambda name: run(name, small=True), names)
        for name, (how, printed) in zip(names, rounds, strict=True):
            print(f"\n== {name}\n{printed}", end="", flush=True)
            yield name, how


def run(name: str, *, small: bool) -> tuple[str, str]:
    """Run one; says how it ended, and what a small one printed: several run at a time."""
    command = [
        sys.executable,
        str(HERE / f"{name}.py"),
        *(["--small"] if small and name not in ALWAYS_QUICK else []),
    ]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            timeout=LONGEST_SECONDS,
            check=False,
            text=True,
            stdout=subprocess.PIPE if small else None,
            stderr=subprocess.STDOUT if small else None,
        )
    except subprocess.TimeoutExpired as late:
        return "did not end", str(late.stdout or "")
    well = "ran" if small or name in ALWAYS_QUICK else "met"
    how = {0: well, 1: "MISSED", 2: "could not run"}.get(
        done.returncode, f"failed ({done.returncode})"
    )
    return f"{how} ({time.monotonic() - began:.0f} s)", done.stdout or ""


def record(names: tuple[str, ...]) -> None:
    """Put tables and bars of these benchmarks into the page, between its two marks."""
    page = ROOT / "docs" / "benchmarks.md"
    head, _, rest = page.read_text("utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    here = machine()
    cores = f"{here['cores']} cores, {here['cpu']}, Python {here['python']}"
    parts = [BEGIN, f"\nMeasured on {datetime.now(tz=UTC):%Y-%m-%d}; {cores}.\n"]
    for name in names:
        kept = kept_at(name, small=False)
        if kept.exists():
            parts.append(as_markdown(json.loads(kept.read_text("utf-8"))))
    page.write_text(head + "\n".join(parts) + "\n" + END + tail, "utf-8")


def as_markdown(result: dict[str, Any]) -> str:
    """One benchmark's table, bars and notes."""
    lines = [f"### {result['name']}", ""]
    if result["rows"]:
        lines += ["| " + " | ".join(c or " " for c in result["columns"]) + " |"]
        lines += ["|" + " --- |" * len(result["columns"])]
        for row in result["rows"]:
            cells = [f"{c:.3g}" if isinstance(c, float) and c < 1000 else _cell(c) for c in row]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    for bar in result["bars"]:
        mark = "met" if bar["ok"] else "**missed**"
        lines.append(f"- {bar['what']}: **{bar['shown'].strip()}**, bar {bar['limit']}: {mark}")
    lines += [f"- {note}" for note in result["notes"]]
    lines += [f"- load of the machine when it ended: {result['machine']['load']}", ""]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else str(value)


def main() -> int:
    options = arguments(
        __doc__ or "",
        only={"nargs": "+", "choices": BENCHMARKS, "default": BENCHMARKS},
        record={"action": "store_true", "help": "write the figures into docs/benchmarks.md"},
    )
    started = time.time()
    names = [name for name in options.only if not (options.small and name in NEED_THE_PUBLIC_INDEX)]
    ended = dict(small_round(names) if options.small else whole_round(names))
    print("\n== bars")
    for name, how in ended.items():
        print(f"{name:14} {how}")
        kept = kept_at(name, small=options.small)
        if kept.exists() and kept.stat().st_mtime >= started:
            for bar in json.loads(kept.read_text("utf-8"))["bars"]:
                print(f"    {bar_line(bar)}")
    if options.small:
        print(f"\n{SMALL_ROUND}")
    if options.record:
        record(BENCHMARKS)
    return 0 if all(how.startswith(("met", "ran")) for how in ended.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
