"""Run every benchmark, one after the other, and list the bars: `make bench`.

The rooms' own figures come first (ledger, cook, decide), then those of the running door beside its
peers. `--small` is a quick round for CI: fewer rounds, no downloaded peers, made pages; bars of sizes and
times are not judged. `--record` writes what whole rounds measured into docs/benchmarks.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
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


def run(name: str, *, small: bool) -> str:
    """Run one; says how it ended."""
    command = [
        sys.executable,
        str(HERE / f"{name}.py"),
        *(["--small"] if small and name not in ALWAYS_QUICK else []),
    ]
    try:
        code = subprocess.run(command, timeout=LONGEST_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        return "did not end"
    well = "ran" if small or name in ALWAYS_QUICK else "met"
    return {0: well, 1: "MISSED", 2: "could not run"}.get(code, f"failed ({code})")


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
    ended = {}
    started = time.time()
    for name in options.only:
        if options.small and name in NEED_THE_PUBLIC_INDEX:
            continue
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        ended[name] = f"{run(name, small=options.small)} ({time.monotonic() - began:.0f} s)"
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
