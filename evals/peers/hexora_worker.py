"""hexora as a long-lived process around its command: a path a line in, a JSON answer a line out.

Its Python call gives no model score, its command does. The command is native and starts in milliseconds;
CPU is that of the child.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("hexora")
SECONDS = 120
HIGH = {"high", "very_high"}


def scan(path: str) -> dict[str, object]:
    """Audit one archive: once for all findings (timed), once for files that its model calls malicious."""
    before = _spent()
    found, error = _audit(path)
    seconds = _spent() - before
    by_model, _ = _audit(path, "--min-score", "0.5")
    confidences = {item.get("confidence") for item in found}
    return {
        "seconds": seconds, "error": error,
        "levels": {
            "any": bool(found), "high": bool(confidences & HIGH), "model>=0.5": bool(by_model),
        },
    }  # fmt: skip


def _audit(path: str, *more: str) -> tuple[list[dict[str, str]], str]:
    """Findings, and what went wrong. An archive without Python is no error of the tool."""
    try:
        done = subprocess.run(
            [str(COMMAND), "audit", "--output-format", "json", *more, path],
            check=False, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")], ""
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as problem:
        return [], type(problem).__name__


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(scan(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
