"""What a program is told, and how it tells what it did. Nothing of the repository is imported here:
programs run in environments of their own."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOLD: dict[str, Any] = json.loads(sys.argv[1])
ENDPOINT: str = TOLD["endpoint"]
KEY: str = TOLD["key"]
SECRET: str = TOLD["secret"]
REGION: str = TOLD["region"]
BUCKET: str = TOLD["bucket"]
SCRATCH = Path(TOLD["scratch"])
ROWS: int = TOLD["rows"]
"""Rows of each of the two files below `table/`; column `n` counts from 0, `text` is long."""
LARGE = 9 * 1024 * 1024 + 5
"""Bytes of what is sent in several parts."""


def large() -> bytes:
    """Bytes for a multipart upload, the same every time."""
    return hashlib.shake_128(b"large").digest(LARGE)


def large_file() -> Path:
    """The same in a file."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / "large.bin"
    path.write_bytes(large())
    return path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def run(**calls: Callable[[], object]) -> None:
    """Do the calls that were asked for; what a call gives is told, an exception ends all."""
    done = {}
    for name in TOLD["calls"]:
        done[name] = calls[name]()
        print(f"did {name}", file=sys.stderr, flush=True)
    print("\n" + json.dumps(done))
