"""A log in memory: the sequence of entries without files, hashes or signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pratique.ledger.canonical import encode_entry, prepare, render_time
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import EntryFormatError


class MemoryLog:
    """As much of `LogStore` as a projection and the commands use."""

    origin = "test.example/log"

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.kept = list(entries)

    def append(self, drafts: Sequence[Draft], *, now: datetime) -> range:
        start = len(self.kept)
        for sequence, draft in enumerate(drafts, start):
            self.kept.append(
                Entry(
                    sequence=sequence,
                    recorded_at=now,
                    kind=draft.kind,
                    subject=draft.subject,
                    actor=draft.actor,
                    body=draft.body,
                )
            )
        return range(start, len(self.kept))

    def size(self) -> int:
        return len(self.kept)

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        return iter(self.kept[start:end])

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Canonical bytes; none of an entry that no ledger would have taken."""
        for entry in self.kept[start:end]:
            draft = Draft(
                kind=entry.kind, subject=entry.subject, actor=entry.actor, body=entry.body
            )
            try:
                prepared = prepare(draft)
            except EntryFormatError:
                yield b""
            else:
                recorded_at = render_time(entry.recorded_at)
                yield encode_entry(prepared, sequence=entry.sequence, recorded_at=recorded_at)

    def close(self) -> None:
        pass

    def cut(self, size: int) -> MemoryLog:
        """The log as it was when it had `size` entries."""
        return MemoryLog(self.kept[:size])
