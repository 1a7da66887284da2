"""The malicious samples: blobs of the dataset's git folder, in memory, one process for all.

Absolute: what is read here is never executed, imported, unpickled or written to a disk, and no listed
sample is read that `lists/malicious-dev.txt` does not name.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from evals import places
from evals.lists import Sample

MAX_SAMPLE = 32 << 20
"""Bytes; the largest sample of the list has 2.7 MB."""


class Registry:
    """Reads blobs by hash through one `git cat-file --batch`. Use as a context."""

    def __init__(self, folder: Path | None = None) -> None:
        self._git = subprocess.Popen(
            ["git", "--git-dir", str(folder or places.malregistry()), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

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
        """End git."""
        self._git.communicate()

    def read(self, sample: Sample) -> bytes:
        """The sample's bytes, verified."""
        data = self._blob(sample.blob)
        if hashlib.sha256(data).hexdigest() != sample.sha256:
            raise places.EvalsError(
                f"expected sha256 {sample.sha256} for {sample.path}; what the dataset folder holds differs"
            )
        return data

    def _blob(self, name: str) -> bytes:
        if len(name) != 40 or not set(name) <= set("0123456789abcdef"):  # noqa: PLR2004 - SHA-1 in hex
            raise places.EvalsError(f"expected 40 hex digits as a blob's name, not {name!r}")
        assert self._git.stdin
        assert self._git.stdout
        self._git.stdin.write(name.encode() + b"\n")
        self._git.stdin.flush()
        header = self._git.stdout.readline().split()
        if len(header) != 3 or header[1] != b"blob":  # noqa: PLR2004 - name, type, size
            raise places.EvalsError(
                f"expected blob {name} in the dataset folder, which has not got it; to do: fetch all of it"
            )
        size = int(header[2])
        if size > MAX_SAMPLE:
            raise places.EvalsError(
                f"expected blob {name} to have at most {MAX_SAMPLE} bytes, not {size}"
            )
        data = self._git.stdout.read(size)
        self._git.stdout.read(1)  # git ends each content with a line feed
        return data
