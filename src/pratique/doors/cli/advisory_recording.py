"""Recording advisories: a revision is written once, with everything that is said of it.

1. Bytes that an entry has no room for are among the evidence. 2. The entry is durable. A crash between
leaves bytes that no entry names, which harms nothing; the same command run again writes what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pratique.errors import InputError
from pratique.exposure.advisories.ecosystems import parse_package
from pratique.exposure.advisories.entries import RECORD_BYTES, MissingEvidenceError, advisory_draft
from pratique.exposure.advisories.model import Advisory, AdvisoryRevision, Overlay
from pratique.exposure.advisories.overlay import combine, embedded_overlay, render_overlay
from pratique.exposure.advisories.records import parse_revision
from pratique.ledger.entries import Draft
from pratique.store.advisories import AdvisoryStore, RevisionRow
from pratique.values.instants import Instant

_BATCH_BYTES: Final = 4 << 20
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records of a source are recorded; empty: all."""

    ids: frozenset[str] = frozenset()
    packages: frozenset[tuple[str, str]] = frozenset()

    def takes(self, revision: AdvisoryRevision) -> bool:
        """Whether a record is wanted."""
        if not self.ids and not self.packages:
            return True
        if not self.ids.isdisjoint({revision.id, *revision.aliases}):
            return True
        return any((one.type, one.name) in self.packages for one in revision.affected)


def parse_packages(texts: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Projects as a person names them: `pypi/litellm` or a package URL."""
    found = {text: parse_package(text) for text in texts}
    wrong = [text for text, (_, name) in found.items() if not name]
    if wrong:
        raise InputError(f"not a project: {wrong[0][:80]!r}", expected="TYPE/NAME, as pypi/litellm")
    return frozenset(found.values())


@dataclass(slots=True)
class AdvisoryRecorder:
    """Takes records one by one, writes those that are new; `finish` writes the rest."""

    store: AdvisoryStore
    put_evidence: Callable[[bytes], str]
    append: Callable[[list[Draft]], range]
    now: Instant
    actor: str
    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    _newest: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Revision and overlay of what this run wrote."""
    _drafts: list[Draft] = field(default_factory=list)
    _size: int = 0

    def offer(self, name: str, data: bytes, *, source: str, wanted: Wanted) -> None:
        """Record one record, unless its content is the newest one already."""
        self.counts["read"] += 1
        try:
            revision = parse_revision(data, source=source, seen_at=self.now)
            if not wanted.takes(revision):
                self.counts["not wanted"] += 1
                return
            overlay = embedded_overlay(data) or self._kept_overlay(revision.id)
        except InputError as error:
            self.counts["left out"] += 1
            self.warnings.append(f"{name} left out: {error}")
            return
        self.record(combine(revision, overlay), data)

    def record(self, advisory: Advisory, data: bytes) -> bool:
        """Record a revision with its overlay; False when the newest one says just that."""
        overlay = advisory.overlay
        content = (advisory.revision.revision, overlay.revision if overlay is not None else "")
        if self._known(advisory.revision.id) == content:
            self.counts["unchanged"] += 1
            if not self.dry_run and len(data) > RECORD_BYTES // 2:
                self.put_evidence(data)  # puts back what was lost
            return False
        self.counts["recorded"] += 1
        self.recorded.append(advisory.revision.id)
        self._newest[advisory.revision.id] = content
        if self.dry_run:
            return True
        draft = advisory_draft(advisory, data, actor=self.actor)
        # What stands whole in the entry needs no second place.
        if not draft.body["record"]:
            self.put_evidence(data)
        if overlay is not None and not draft.body["overlay"]:
            self.put_evidence(render_overlay(overlay).encode())
        self._drafts.append(draft)
        self._size += len(msgspec.json.encode(draft.body))
        if len(self._drafts) >= _BATCH or self._size >= _BATCH_BYTES:
            self.finish()
        return True

    def finish(self) -> None:
        """Make everything durable that was taken in."""
        if self._drafts:
            self.append(self._drafts)
            self._drafts, self._size = [], 0

    def _known(self, id_: str) -> tuple[str, str] | None:
        if id_ in self._newest:
            return self._newest[id_]
        row = self.store.newest_row(id_)
        return None if row is None else (row.revision, row.overlay)

    def _kept_overlay(self, id_: str) -> Overlay | None:
        """An overlay that was recorded by hand stays when the record changes."""
        row: RevisionRow | None = self.store.newest_row(id_)
        if row is None or not row.overlay:
            return None
        try:
            return self.store.load(row.entry).overlay
        except MissingEvidenceError as error:
            self.warnings.append(f"{id_}: the overlay of before is lost: {error.message}")
            return None
