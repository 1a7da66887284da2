"""GuardDog as a long-lived process: a path a line in, a JSON answer a line out.

Library and rules are loaded once. CPU covers unpacking and the scan, as its own `scan` command does both.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time

from guarddog.scanners.pypi_package_scanner import PypiPackageScanner
from guarddog.utils.archives import safe_extract

FLAGGED = 5.0
HIGH = 7.0


def scan(scanner: PypiPackageScanner, path: str) -> dict[str, object]:
    """Unpack into the temporary folder (the parent made it private and in memory) and scan."""
    started = time.process_time()
    score, error = 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            safe_extract(path, folder)
            found = scanner.scan_local(folder)
            score = float(found.get("risk_score", {}).get("score", 0.0))
        except Exception as problem:  # noqa: BLE001 - an archive that a peer refuses is counted, not fatal
            error = type(problem).__name__
    seconds = time.process_time() - started
    return {
        "seconds": seconds, "error": error,
        "levels": {"score>=5": score >= FLAGGED, "score>=7": score >= HIGH},
    }  # fmt: skip


def main() -> None:
    """Answer until the input ends. What GuardDog prints goes to stderr."""
    answers, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.CRITICAL)
    scanner = PypiPackageScanner()
    for line in sys.stdin:
        answers.write(json.dumps(scan(scanner, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
