"""Taking out of a log what a case needs: entries with proofs, what looks saw, the whole of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pratique.errors import InputError
from pratique.exposure.bundle.case import Case, ProvenEntry, Scope, Stamp, render_case
from pratique.exposure.bundle.scope import ClientScope
from pratique.exposure.bundle.selection import (
    MAX_ENTRIES,
    cited_entries,
    evidence_of,
    with_contents,
)
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import IncidentAnswer
from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Entry
from pratique.ledger.notes import Signer, open_checkpoint
from pratique.ledger.store import LogStore
from pratique.values.instants import Instant

_NEAR: Final = 64
"""Entries before a look among which what it saw is looked for first: they are appended together."""
_PAGE: Final = 256
_PAGES_KEPT: Final = 32
_CONTENT: Final = re.compile(rb'"kind":"content","recorded_at":"[^"]*","sequence":([0-9]+),'
                             rb'"subject":"content:([0-9a-f]{32})"\}$')  # fmt: skip
NAMES_OTHERS: Final = "it names others"


class LogReader:
    """A log as of one of its checkpoints."""

    def __init__(self, log: LogStore, checkpoint: str, signer: Signer) -> None:
        """Raises: NoteError when the checkpoint is not this log's."""
        self._log = log
        self.checkpoint = checkpoint
        tree = open_checkpoint(checkpoint, signer.verifier)
        self.size = tree.size
        if log.root(tree.size) != tree.root:
            raise InputError(
                f"the log does not extend the checkpoint of {tree.size} entries",
                expected="a checkpoint of this log's past",
            )
        self._near: dict[str, set[int]] = {}
        self._pages: dict[int, list[bytes]] = {}

    def entry(self, number: int) -> Entry:
        """One entry; what surrounds a look is remembered, because what it saw may be there."""
        if not 0 <= number < self.size:
            raise InputError(
                f"the checkpoint is of {self.size} entries; the answer rests on entry {number}",
                remedy="use a later checkpoint",
            )
        entry = parse_entry(self.leaf(number))
        if entry.kind == "look":
            for near in range(max(number - _NEAR, 0), number):
                self._note(self.leaf(near))
        return entry

    def leaf(self, number: int) -> bytes:
        """The canonical bytes of an entry.

        Neighbours are asked for as well, and a log reads what was written together at once.
        """
        page, place = divmod(number, _PAGE)
        if page not in self._pages:
            if len(self._pages) >= _PAGES_KEPT:
                self._pages.pop(next(iter(self._pages)))
            start = page * _PAGE
            end = min(start + _PAGE, self.size)
            self._pages[page] = list(self._log.leaves(start, end))
        return self._pages[page][place]

    def _note(self, leaf: bytes) -> None:
        match = _CONTENT.search(leaf)
        if match is not None:
            self._near.setdefault(match[2].decode(), set()).add(int(match[1]))

    def contents(self, content: str) -> tuple[int, ...]:
        """Sequences of the entries that say a content."""
        near = sorted(self._near.get(content, ()))
        if near and self._parts(near) >= self._total(near[0]):
            return tuple(near)
        return self._everywhere.get(content, ())

    def _parts(self, numbers: Sequence[int]) -> int:
        return len({parse_entry(self.leaf(one)).body.get("part") for one in numbers})

    def _total(self, number: int) -> int:
        total = parse_entry(self.leaf(number)).body.get("parts")
        return total if isinstance(total, int) else 1

    @cached_property
    def _everywhere(self) -> Mapping[str, tuple[int, ...]]:
        """All contents of the log: it is read through once, and only when something is far away."""
        found: dict[str, list[int]] = {}
        for leaf in self._log.leaves(0, self.size):
            match = _CONTENT.search(leaf)
            if match is not None:
                found.setdefault(match[2].decode(), []).append(int(match[1]))
        return {name: tuple(numbers) for name, numbers in found.items()}

    def prove(self, number: int) -> ProvenEntry:
        """An entry with its audit path."""
        path = self._log.prove_inclusion(number, size=self.size)
        return ProvenEntry(number, self.leaf(number), path)

    def leaves(self) -> Iterable[bytes]:
        """Everything."""
        return self._log.leaves(0, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a case is made from besides the log."""

    answer: IncidentAnswer
    """Narrowed already when it is for a client."""
    query: Mapping[str, Any]
    made_at: Instant
    verifier: bytes
    records: Sequence[bytes] = ()
    evidence: Callable[[str], bytes | None] | None = None
    """Raw bytes by SHA-256; None: hashes are enough."""
    stamps: Sequence[Stamp] = ()
    replay: bool = False
    more_entries: Iterable[int] = ()
    """Besides those that the answer rests on: how the incident was opened."""
    scope: ClientScope | None = None
    guard: NameGuard | None = None
    """Of a client's case: names of others."""


def build_case(material: Material, reader: LogReader, *, signer: Signer) -> bytes:
    """Write the case.

    Raises: InputError when there is too much, or a name of somebody else would leave.
    """
    if material.scope is not None and (material.replay or material.evidence is not None):
        raise InputError(
            "a case for one client can have neither --replay nor --evidence",
            expected="one or the other: whole entries and raw files name everybody",
        )
    numbers = cited_entries(material.answer) | set(material.more_entries)
    entries = with_contents(numbers, entry=reader.entry, contents=reader.contents)
    if len(entries) > MAX_ENTRIES:
        raise InputError(
            f"the answer rests on {len(entries)} entries",
            expected=f"at most {MAX_ENTRIES}",
            remedy="ask about fewer assets, or make cases for single clients",
        )
    proven = [reader.prove(number) for number in entries]
    withheld = _withheld(proven, entries, material)
    case = Case(
        answer=material.answer,
        query=material.query,
        made_at=material.made_at,
        entries=proven,
        withheld=withheld,
        checkpoint=reader.checkpoint,
        verifier=material.verifier,
        scope=Scope() if material.scope is None else Scope("client", _bare(material.scope.client)),
        records=_records(material, entries, withheld),
        evidence=_evidence(material, entries),
        stamps=material.stamps,
        replay=reader.leaves() if material.replay else None,
        guard=material.guard,
    )
    return render_case(case, signer=signer)


def _withheld(
    proven: Iterable[ProvenEntry], entries: Mapping[int, Entry], material: Material
) -> dict[int, str]:
    guard, scope = material.guard, material.scope
    if guard is None or scope is None:
        return {}
    return {
        one.sequence: NAMES_OTHERS
        for one in proven
        if guard.find_in_bytes(one.leaf) is not None or scope.lists_others(entries[one.sequence])
    }


def _records(
    material: Material, entries: Mapping[int, Entry], withheld: Mapping[int, str]
) -> list[bytes]:
    """Records whose entry is in clear; even a public text may name somebody."""
    named = {
        entry.body.get("revision")
        for number, entry in entries.items()
        if entry.kind == "advisory-revision" and number not in withheld
    }
    guard = material.guard
    return [
        record
        for record in material.records
        if hashlib.sha256(record).hexdigest() in named
        and (guard is None or guard.find_in_bytes(record) is None)
    ]


def _evidence(material: Material, entries: Mapping[int, Entry]) -> dict[str, bytes]:
    if material.evidence is None:
        return {}
    found = {digest: material.evidence(digest) for digest in evidence_of(entries.values())}
    return {digest: data for digest, data in found.items() if data is not None}


def _bare(key: str) -> str:
    return key.partition(":")[2] or key
