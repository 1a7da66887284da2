"""Installing the peers, and asking them: one long-lived child each, archives by path.

A peer needs files. Archives are written to a private folder in memory (tmpfs, no swap), which is also where
the peer unpacks them, and are removed after each: no malicious sample touches a disk.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from evals import places

NAMES = ("guarddog", "hexora")
LEVELS = {"guarddog": ("score>=5", "score>=7"), "hexora": ("any", "high", "model>=0.5")}
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory is the point
LOCKS = places.ROOT / "requirements" / "peers"


class Answer(msgspec.Struct, frozen=True):
    """What a peer says of an archive."""

    seconds: float
    error: str
    levels: dict[str, bool]


def install(name: str) -> Path:
    """Make a peer's environment from its lock, once; gives its interpreter."""
    lock = LOCKS / f"{name}.txt"
    place = places.cache() / "peers" / name
    python, stamp = place / "bin" / "python", place / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return python
    print(f"installing {name} below the cache folder ...", file=sys.stderr, flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-qq", "--require-hashes", "--no-deps", "-r", lock],
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise places.EvalsError(
            f"{name} could not be installed (see above); to do: try again"
        ) from error
    stamp.write_bytes(lock.read_bytes())
    return python


def memory_folder() -> Path:
    """A private folder that never reaches a disk; refuses where that cannot be had."""
    mounts = Path("/proc/self/mounts")
    in_memory = mounts.exists() and any(
        line.split()[1:3] == [str(MEMORY), "tmpfs"]
        for line in mounts.read_text("utf-8").splitlines()
    )
    swaps = Path("/proc/swaps")
    swap = swaps.exists() and len(swaps.read_text("utf-8").splitlines()) > 1
    if not in_memory or swap:
        raise places.EvalsError(
            f"peers need a file system in memory at {MEMORY} and no swap, so that no sample reaches a disk;"
            " to do: mount tmpfs there, swapoff -a, or measure without --peers"
        )
    return Path(tempfile.mkdtemp(prefix="pratique-evals-", dir=MEMORY))


class Peer:
    """One running peer. Use as a context."""

    def __init__(self, name: str, python: Path, memory: Path) -> None:
        self.name = name
        self._folder = Path(tempfile.mkdtemp(prefix=name, dir=memory))
        self._child = subprocess.Popen(
            [python, Path(__file__).with_name(f"{name}_worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"PATH": os.defpath, "TMPDIR": str(self._folder), "HOME": str(self._folder)},
            cwd=self._folder,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove its folder."""
        self._child.kill()
        self._child.communicate()  # waits, and closes both pipes
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, data: bytes, filename: str) -> Answer:
        """What the peer says. The name it sees has the ending of what the bytes are."""
        path = self._folder / fitting_name(data, filename, zip_ending=".zip")
        path.write_bytes(data)
        try:
            return self._round_trip(path)
        finally:
            path.unlink(missing_ok=True)

    def _round_trip(self, path: Path) -> Answer:
        assert self._child.stdin
        assert self._child.stdout
        try:
            self._child.stdin.write(json.dumps(str(path)) + "\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise places.EvalsError(f"{self.name} ended; to do: run its worker by hand to see why")
        return msgspec.json.decode(line, type=Answer)


def fitting_name(data: bytes, filename: str, *, zip_ending: str) -> str:
    """A name that tells the truth about the kind of archive: peers choose the unpacker by it."""
    stem = filename
    for ending in (".tar.gz", ".tgz", ".whl", ".zip", ".egg"):
        stem = stem.removesuffix(ending)
    return stem[:200] + (zip_ending if data[:2] == b"PK" else ".tar.gz")
