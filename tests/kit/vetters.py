"""Trivial vetters, to measure the measuring; importable by worker processes."""

from __future__ import annotations

from evals.engine import Seen


class WordVetter:
    """Calls an archive malicious when its raw bytes hold a word; crashes on another."""

    def vet(self, data: bytes, filename: str, old: tuple[bytes, str] | None) -> Seen:
        if b"CRASH" in data:
            raise ValueError("it broke")
        bad = b"BAD" in data
        return Seen(
            verdict="malicious" if bad else "clean", score=float(bad),
            features=("word@import",) if bad else (), decisive=False,
            rules=("word",) if bad else (), unread=(), seconds=0.25,
        )  # fmt: skip


class SlowVetter:
    """Never ends."""

    def vet(self, data: bytes, filename: str, old: tuple[bytes, str] | None) -> Seen:
        while True:
            pass
