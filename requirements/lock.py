"""Recompile every requirements file from its `.in`, cooled by a week (`make lock`).

Owns: which files are locked, and in which order (a `-c` constraint comes before its users).
No index line and no host is written into the result: whoever installs says where from.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

COOL_DAYS = 7
"""A release must be this old before it may be locked: most poisoned ones are found within days."""

HERE = Path(__file__).parent


def sources() -> list[Path]:
    """Every `.in` file, those that others constrain themselves with first."""
    found = sorted(HERE.rglob("*.in"))
    return sorted(found, key=lambda path: path.name != "main.in")


def compile_one(uv: str, source: Path, *, before: str) -> None:
    """Write `<name>.txt` beside `<name>.in`; stop at the first that cannot be solved."""
    subprocess.run(  # noqa: S603 - uv's own path, and file names of this folder
        [
            *(uv, "pip", "compile", "--universal", "--python-version", "3.11"),
            *("--exclude-newer", before, "--generate-hashes", "--no-emit-index-url"),
            *("--no-header", "--quiet", "--upgrade", source.name, "-o", source.stem + ".txt"),
        ],
        cwd=source.parent,
        check=True,
        stdin=subprocess.DEVNULL,
    )


def main() -> int:
    """Compile all; say what was written."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the command and its one argument
        print("usage: lock.py PATH-OF-UV", file=sys.stderr)
        return 2
    uv = str(Path(sys.argv[1]).resolve())
    before = (datetime.now(tz=UTC) - timedelta(days=COOL_DAYS)).date().isoformat()
    for source in sources():
        compile_one(uv, source, before=before)
        print(f"{source.relative_to(HERE)}: locked, nothing newer than {before}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
