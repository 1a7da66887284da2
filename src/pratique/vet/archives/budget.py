"""What reading one file may still cost, counted over it and everything nested in it."""

from __future__ import annotations

from pratique.vet.archives.model import Limits
from pratique.vet.archives.problems import LimitReachedError


class Budget:
    """Counters that every loop over hostile input draws from.

    Raises: LimitReachedError from each method, when its limit is passed.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._members = 0
        self._steps = 0
        self.nested = 0
        self.packed = 0
        """Size of the outermost archive as far as known: told beforehand, or what arrived."""
        self.unpacked = 0

    def arrive(self, total: int) -> None:
        """So many bytes of the outermost archive have come."""
        if total > self._limits.archive_bytes:
            raise LimitReachedError("limit-archive-bytes", "", f"{self._limits.archive_bytes:,}")
        self.packed = max(self.packed, total)

    def unpack(self, count: int, path: str) -> None:
        """So many bytes were unpacked; called before they are hashed, held or walked."""
        limits = self._limits
        self.unpacked += count
        if self.unpacked <= limits.ratio_free_bytes:
            return
        if self.unpacked > limits.unpacked_bytes:
            raise LimitReachedError("limit-unpacked", path, f"{limits.unpacked_bytes:,}")
        if self.unpacked > limits.ratio * self.packed:
            raise LimitReachedError("limit-ratio", path, f"{limits.ratio:,}")

    def member(self, path: str) -> None:
        """One more member."""
        self._members += 1
        if self._members > self._limits.members:
            raise LimitReachedError("limit-members", path, f"{self._limits.members:,}")

    def step(self, count: int = 1) -> None:
        """One more header, record or restart."""
        self._steps += count
        if self._steps > self._limits.steps:
            raise LimitReachedError("limit-steps", "", f"{self._limits.steps:,}")
