"""What a complete check of a log finds. Pure; the stores bring the bytes.

`Replay` is fed every entry in order and knows what the tree, the tiles and the checkpoints must be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pratique.ledger.canonical import parse_entry
from pratique.ledger.errors import EntryFormatError, NoteError
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.ledger.notes import (
    Checkpoint,
    Verifier,
    open_checkpoint,
    parse_checkpoint,
    split_note,
)

Progress: TypeAlias = Callable[[int, int], None]
"""Called now and then with entries done and entries in all."""

MAX_DAMAGES = 1_000
"""A log of which more is damaged needs no longer list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is not what it must be."""

    place: str
    """File of the log, or table of the database."""
    what: str
    offset: int | None = None
    sequence: int | None = None
    repairable: bool = False
    """It can be made again from the entries; no evidence is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The result of a complete check."""

    origin: str
    size: int
    root: bytes
    """Root recomputed from the entries that could be read."""
    checkpoint: str
    verifier_key: str
    damages: tuple[Damage, ...]
    notes: tuple[str, ...]
    """Worth knowing, not damage: such as the torn write of a process that was killed."""

    @property
    def sound(self) -> bool:
        """Whether everything is as it must be."""
        return not self.damages


@dataclass(slots=True, kw_only=True)
class Findings:
    """What is collected while a check runs."""

    damages: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        place: str,
        what: str,
        *,
        offset: int | None = None,
        sequence: int | None = None,
        repairable: bool = False,
    ) -> None:
        """Note a damage."""
        if len(self.damages) < MAX_DAMAGES:
            self.damages.append(
                Damage(
                    place=place, what=what, offset=offset, sequence=sequence, repairable=repairable
                )
            )


class Replay:
    """The tree as the entries say it must be."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.broken = False
        """Entries were unreadable: hashes and roots behind them cannot be checked."""

    def feed(
        self, leaves: Sequence[bytes], findings: Findings, *, place: str
    ) -> tuple[int, list[bytes], dict[int, list[bytes]]]:
        """Append a batch; gives its first sequence, its hashes and the upper rows it completed."""
        first = self.frontier.size
        for sequence, leaf in enumerate(leaves, start=first):
            try:
                found = parse_entry(leaf).sequence
            except EntryFormatError as error:
                findings.add(place, error.message, sequence=sequence)
            else:
                if found != sequence:
                    findings.add(place, f"it says it is entry {found}", sequence=sequence)
        hashes = [leaf_hash(leaf) for leaf in leaves]
        self.frontier, completed = extend(self.frontier, hashes)
        return first, hashes, completed

    def resume(self, frontier: Frontier) -> None:
        """Go on behind unreadable entries from a frontier that was signed."""
        self.frontier = frontier
        self.broken = False

    def expects(self, note: str, *, origin: str) -> bool:
        """Whether a checkpoint (its signature aside) is the one of the entries so far."""
        try:
            checkpoint = parse_checkpoint(split_note(note)[0])
        except NoteError:
            return False
        return checkpoint == Checkpoint(
            origin=origin, size=self.frontier.size, root=self.frontier.root()
        )


def is_signed(note: str, verifier: Verifier, frontier: Frontier) -> bool:
    """Whether a checkpoint is signed by the key and is the one of this frontier."""
    try:
        checkpoint = open_checkpoint(note, verifier)
    except NoteError:
        return False
    return (checkpoint.origin, checkpoint.size, checkpoint.root) == (
        verifier.name,
        frontier.size,
        frontier.root(),
    )
