"""What the ledger asks of the place that keeps it, and of whoever writes into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pratique.ledger.canonical import PreparedDraft
from pratique.ledger.entries import Draft, Entry

if TYPE_CHECKING:
    # Loading asyncio would cost a command that only reads the log a third of its start.
    from asyncio import Future as AsyncFuture
    from concurrent.futures import Future


class LogStore(Protocol):
    """A durable, append-only sequence of entries. Any number of processes may hold one open."""

    @property
    def origin(self) -> str:
        """Name of the log on its checkpoints (C2SP tlog-checkpoint "origin")."""
        ...

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        """Give the drafts the next sequence numbers, in order, all or none.

        Order: when this returns, every entry is durable and belongs to a signed tree head.
        Raises: EntryFormatError before anything is stored; LedgerUnavailableError when nothing was
        stored; LedgerUncertainError when that cannot be told (the store refuses to append again
        until it has been reopened).
        """
        ...

    def size(self) -> int:
        """Number of durable entries, those of other processes included."""
        ...

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries `[start, end)` in order; a missing or damaged one raises LedgerDamagedError."""
        ...

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same entries as the canonical bytes whose hashes are the tree's leaves."""
        ...

    def tile(self, level: int, index: int) -> bytes:
        """Concatenated hashes of one tile (256 × 32 bytes when full).

        Source: C2SP tlog-tiles: level 0 are leaf hashes, level n roots of 256ⁿ leaves.
        """
        ...

    def prove_inclusion(self, index: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Audit path of an entry in the log of `size` entries (None: all). Raises: ProofError."""
        ...

    def prove_consistency(self, old_size: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Proof that the log of `size` entries extends the one of `old_size`. Raises: ProofError."""
        ...

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries. Raises: ProofError when the log is shorter."""
        ...

    def rebuild_hashes(self) -> None:
        """Make everything that is derived from the entries again (tiles, positions)."""
        ...

    def checkpoint(self) -> str:
        """The newest signed checkpoint, covering every durable entry (C2SP signed note)."""
        ...

    def verifier_key(self) -> str:
        """The log's public key as a C2SP note verifier key."""
        ...

    def reopen(self) -> None:
        """Find out anew what is durable, after LedgerUncertainError; harmless at other times.

        Raises: what opening raises; the store then stays as it was.
        """
        ...

    def close(self) -> None:
        """Release files and locks; nothing is lost by not calling it."""
        ...


class Recorder(Protocol):
    """The door's side of the write path: group commit behind one queue, safe from any thread."""

    def enqueue(self, draft: Draft) -> Future[int]:
        """Queue an entry (`fast`); the future yields its sequence number once it is durable.

        Raises: LedgerSaturatedError when the queue is full or the last commit failed; the caller
        must then refuse the answer. EntryFormatError when the draft cannot be logged.
        """
        ...

    def record(self, draft: Draft) -> AsyncFuture[int]:
        """Queue an entry and give an awaitable that is done once it is durable (`strict`)."""
        ...

    def flush(self, *, seconds: float = 30.0) -> bool:
        """Wait until what `enqueue` took before this call is durable; False when it is not."""
        ...

    @property
    def healthy(self) -> bool:
        """False while the queue cannot drain; readiness and strict doors follow it."""
        ...
