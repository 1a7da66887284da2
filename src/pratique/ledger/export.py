"""Choosing entries of a log and putting them with their proofs into a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pratique.ledger.bundle import Growth, ProvenLeaf, render_bundle
from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Entry
from pratique.ledger.errors import ProofError
from pratique.ledger.notes import open_checkpoint, parse_verifier
from pratique.ledger.store import LogStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries go into a bundle; what is empty does not restrict."""

    sequences: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    """Exact subjects, or prefixes ending in `*`."""
    start: datetime | None = None
    end: datetime | None = None
    """Recorded in `[start, end)`."""

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is wanted."""
        return (
            (not self.sequences or entry.sequence in self.sequences)
            and (not self.kinds or entry.kind in self.kinds)
            and (not self.subjects or any(_matches(s, entry.subject) for s in self.subjects))
            and (self.start is None or entry.recorded_at >= self.start)
            and (self.end is None or entry.recorded_at < self.end)
        )


def _matches(pattern: str, subject: str) -> bool:
    if pattern.endswith("*"):
        return subject.startswith(pattern[:-1])
    return subject == pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A bundle and how much is in it."""

    data: bytes
    entries: int
    size: int


def export_bundle(log: LogStore, selection: Selection, *, since: str | None = None) -> Exported:
    """Make a bundle against the log's newest checkpoint.

    `since` is an earlier signed checkpoint of this log; the bundle then proves that nothing before
    it was changed.
    Raises: ProofError when an entry is not there or `since` is not of this log's past; NoteError;
    LedgerDamagedError.
    """
    note = log.checkpoint()
    verifier = parse_verifier(log.verifier_key())
    size = open_checkpoint(note, verifier).size
    growth = None
    if since is not None:
        old = open_checkpoint(since, verifier)
        proof = log.prove_consistency(old.size, size=size)
        if log.root(old.size) != old.root:
            raise ProofError(
                f"the log does not extend the checkpoint of {old.size} entries given as since: "
                "its first entries have another root"
            )
        growth = Growth(checkpoint=since, proof=proof)
    entries = tuple(
        ProvenLeaf(leaf=leaf, proof=log.prove_inclusion(sequence, size=size))
        for sequence, leaf in _selected(log, selection, size)
    )
    data = render_bundle(
        checkpoint=note, verifier_key=verifier.render(), entries=entries, since=growth
    )
    return Exported(data=data, entries=len(entries), size=size)


def _selected(log: LogStore, selection: Selection, size: int) -> Iterator[tuple[int, bytes]]:
    if selection.sequences:
        # Named entries are read one by one; a log may be far longer than the few that are asked.
        for sequence in sorted(selection.sequences):
            if not 0 <= sequence < size:
                raise ProofError(f"the log has {size} entries; there is no entry {sequence}")
            for leaf in log.leaves(sequence, sequence + 1):
                if selection.takes(parse_entry(leaf)):
                    yield sequence, leaf
        return
    for sequence, leaf in enumerate(log.leaves(0, size)):
        if selection.takes(parse_entry(leaf)):
            yield sequence, leaf
