"""A disk that fails, or ends the process, at a chosen touch."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Literal

from pratique.store.log_disk import Disk

Mode = Literal["before", "half", "after", "kill-before", "kill-half", "kill-after"]
"""Fail (or die) before a touch has any effect, half-way through a write, or after its effect."""

MODES: tuple[Mode, ...] = ("before", "half", "after")
KILLS: tuple[Mode, ...] = ("kill-before", "kill-half", "kill-after")


class FaultyDisk(Disk):
    """Counts touches that change the disk; misbehaves at number `at` (and from there on)."""

    def __init__(
        self, at: int | None = None, mode: Mode = "before", *, lasting: bool = False
    ) -> None:
        self.at = at
        self.mode = mode
        self.lasting = lasting
        self.touches: list[str] = []

    def arm(self, at: int, mode: Mode, *, lasting: bool = False) -> None:
        self.at, self.mode, self.lasting = len(self.touches) + at, mode, lasting

    def disarm(self) -> None:
        self.at = None

    def _due(self, name: str) -> bool:
        self.touches.append(name)
        number = len(self.touches) - 1
        return self.at is not None and (number == self.at or (self.lasting and number > self.at))

    def _break(self) -> None:
        if self.mode.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC if "write" in self.touches[-1] else errno.EIO, "injected")

    def open(self, path: Path, *, create: bool = False) -> int:
        if not create or path.exists():
            return super().open(path, create=create)
        due = self._due("create")
        if due and not self.mode.endswith("after"):
            self._break()
        fd = super().open(path, create=create)
        if due:
            os.close(fd)
            self._break()
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        due = self._due("write")
        if due and self.mode.endswith("before"):
            self._break()
        if due and self.mode.endswith("half"):
            super().write(fd, data[: len(data) // 2], offset)
            self._break()
        super().write(fd, data, offset)
        if due:
            self._break()

    def sync(self, fd: int) -> None:
        due = self._due("sync")
        if due and not self.mode.endswith("after"):
            self._break()
        super().sync(fd)
        if due:
            self._break()

    def truncate(self, fd: int, size: int) -> None:
        due = self._due("truncate")
        if due and not self.mode.endswith("after"):
            self._break()
        super().truncate(fd, size)
        if due:
            self._break()

    def sync_folder(self, path: Path) -> None:
        due = self._due("sync-folder")
        if due and not self.mode.endswith("after"):
            self._break()
        super().sync_folder(path)
        if due:
            self._break()

    def unlink(self, path: Path) -> None:
        due = path.exists() and self._due("unlink")
        if due and not self.mode.endswith("after"):
            self._break()
        super().unlink(path)
        if due:
            self._break()

    def replace(self, source: Path, target: Path) -> None:
        due = self._due("replace")
        if due and not self.mode.endswith("after"):
            self._break()
        super().replace(source, target)
        if due:
            self._break()
