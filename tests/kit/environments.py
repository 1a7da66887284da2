"""Makes the locked environments that real clients run in: once per machine, safely in parallel."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = REPOSITORY / "requirements" / "clients"
ENVIRONMENTS = REPOSITORY / ".tools" / "clients"

_MAKE_SECONDS = 600
_READY = ".ready"


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything must be there."""
    if os.environ.get("PRATIQUE_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"PRATIQUE_TEST_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@functools.cache
def made_environment(name: str) -> Path | str:
    """Folder of the environment, or why there is none; asked once per process and client."""
    lock = LOCKS / f"{name}.txt"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"{name}-{key}"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # test processes of one machine make it only once
        if (folder / _READY).exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)  # an earlier attempt that did not finish
        failure = _make(folder, lock)
        if failure:
            shutil.rmtree(folder, ignore_errors=True)
            return failure
        (folder / _READY).touch()
    return folder


def _make(folder: Path, lock: Path) -> str:
    """Make the environment with the machine's own pip settings; gives what went wrong, or nothing."""
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    # Modules are compiled when they are first imported: of most, none ever is.
    install += ["--no-compile", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_MAKE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return (done.stderr or done.stdout)[-2000:]
    return ""
