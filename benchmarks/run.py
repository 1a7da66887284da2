"""Run every benchmark, one after the other, and list the bars: `make bench`.

The rooms' own figures come first (ledger, cook, decide), then those of the running door beside its
peers. `--small` is a quick round for CI: fewer rounds, no downloaded peers, made pages.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from harness import RESULTS, arguments

HERE = Path(__file__).parent
BENCHMARKS = (
    "ledger", "cook", "decide", "page", "policy_change", "wheel", "memory", "soak", "resolve",
)  # fmt: skip
NEED_THE_PUBLIC_INDEX = {"resolve"}
LONGEST_SECONDS = 1800


def run(name: str, *, small: bool) -> str:
    """Run one; says how it ended."""
    command = [sys.executable, str(HERE / f"{name}.py"), *(["--small"] if small else [])]
    try:
        code = subprocess.run(command, timeout=LONGEST_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        return "did not end"
    return {0: "met", 1: "MISSED", 2: "could not run"}.get(code, f"failed ({code})")


def main() -> int:
    options = arguments(
        __doc__ or "", only={"nargs": "+", "choices": BENCHMARKS, "default": BENCHMARKS}
    )
    ended = {}
    for name in options.only:
        if options.small and name in NEED_THE_PUBLIC_INDEX:
            continue
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        ended[name] = f"{run(name, small=options.small)} ({time.monotonic() - began:.0f} s)"
    print("\n== bars")
    for name, how in ended.items():
        print(f"{name:14} {how}")
        kept = RESULTS / f"{name}.json"
        if kept.exists():
            for bar in json.loads(kept.read_text("utf-8"))["bars"]:
                mark = "met   " if bar["ok"] else "MISSED"
                print(f"    {mark} {bar['what']}: {bar['shown']} (bar {bar['limit']})")
    return 0 if all(how.startswith("met") for how in ended.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
