"""Standing incidents: questions in the ledger, folded from their entries.

An incident is never edited: it is opened, answered, noted upon and closed, each by an entry. What is
answered anew is recorded only when it says something new, with what made it so.
docs/reference/ledger-entries.md has the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from pratique.errors import InputError, ValueFormatError
from pratique.exposure.incident import (
    AnswerMark,
    Asked,
    Counts,
    Incident,
    IncidentAnswer,
    StageCounts,
    digest_of,
)
from pratique.ledger.entries import Draft, Entry
from pratique.values.instants import Instant, parse_instant, render_instant

OPENED: Final = "incident"
ANSWERED: Final = "incident-answer"
CLOSED: Final = "incident-closed"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_CHANGES_KEPT: Final = 100
"""Changes named in one entry; more are counted, and `incident diff` gives them all."""


class OpenedBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an `incident`."""

    title: str
    asked: Asked
    aware_at: str


class AnsweredBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an `incident-answer`."""

    as_known_at: int
    """Ledger size that it rests on: asked again with it and `asked_at`, the digest is the same."""
    asked_at: str
    question: str
    """sha256 of what was asked."""
    advisories: tuple[tuple[str, str, int], ...]
    """Id, revision, entry."""
    counts: Counts
    stages: StageCounts
    lines: str
    """sha256 of the lines of assets."""
    substance: str
    """sha256 of everything that matters: it stays the same while nothing new is known."""
    digest: str
    """sha256 of the whole answer."""
    because: tuple[str, ...]
    changes: tuple[str, ...]
    """Sentences: what differs from the answer before."""
    changes_total: int


class ClosedBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an `incident-closed`."""

    reason: str


def parse_incident_id(text: str) -> str:
    """An id as commands take it. Raises: InputError."""
    if _ID.fullmatch(text) is None:
        raise InputError(
            f"not an incident's id: {text[:80]!r}",
            expected="letters, digits, '.', '_' and '-', at most 80, such as litellm-2026-03",
        )
    return text


def suggest_id(asked: Asked, taken: Iterable[str]) -> str:
    """An id from what is asked, not yet taken."""
    if asked.advisories:
        base = asked.advisories[0]
    elif asked.releases:
        base = f"{asked.releases[0].name}-{asked.releases[0].version}"
    else:
        base = asked.digests[0].partition(":")[2][:12]
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", base).strip("-.")[:70] or "incident"
    known = set(taken)
    return next(
        one
        for one in (base, *(f"{base}-{n}" for n in range(2, len(known) + 3)))
        if one not in known
    )


# ── entries ──────────────────────────────────────────────────────────────────────────────────


def opened_draft(
    incident: str, asked: Asked, *, title: str, aware_at: Instant, actor: str
) -> Draft:
    """The entry that opens an incident."""
    body = OpenedBody(title=title, asked=asked, aware_at=render_instant(aware_at))
    return _draft(OPENED, incident, actor, body)


def answered_draft(
    answer: IncidentAnswer, *, because: Sequence[str], changes: Sequence[str], actor: str
) -> Draft:
    """The entry that keeps what was answered."""
    body = AnsweredBody(
        as_known_at=answer.as_known_at,
        asked_at=render_instant(answer.asked_at),
        question=digest_of(answer.asked),
        advisories=tuple((one.id, one.revision, one.entry) for one in answer.advisories),
        counts=answer.counts,
        stages=answer.stages,
        lines=digest_of(answer.lines),
        substance=substance_of(answer),
        digest=answer.digest,
        because=tuple(because),
        changes=tuple(changes[:_CHANGES_KEPT]),
        changes_total=len(changes),
    )
    return _draft(ANSWERED, answer.incident, actor, body)


def closed_draft(incident: str, *, reason: str, actor: str) -> Draft:
    """The entry that closes an incident."""
    return _draft(CLOSED, incident, actor, ClosedBody(reason=reason))


def _draft(kind: str, incident: str, actor: str, body: msgspec.Struct) -> Draft:
    plain: dict[str, Any] = msgspec.to_builtins(body)
    return Draft(kind=kind, subject=f"incident:{incident}", actor=actor, body=plain)


def substance_of(answer: IncidentAnswer) -> str:
    """sha256 of what an answer says, whenever and of how large a ledger it was asked."""
    return digest_of(
        (
            answer.asked,
            answer.advisories,
            answer.windows,
            answer.counts,
            answer.lines,
            answer.groups,
            answer.reach,
            answer.unreadable,
            answer.unexplained,
        )
    )


# ── the fold ─────────────────────────────────────────────────────────────────────────────────


def fold_incidents(entries: Iterable[Entry]) -> dict[str, Incident]:
    """Incidents by id, from entries of the kinds above, in the order of the ledger.

    An entry that cannot be read changes nothing: it may be of a newer version.
    """
    found: dict[str, Incident] = {}
    for entry in entries:
        name = entry.subject.removeprefix("incident:")
        try:
            _fold(found, name, entry)
        except (msgspec.ValidationError, ValueFormatError):
            continue
    return found


def _fold(found: dict[str, Incident], name: str, entry: Entry) -> None:
    known = found.get(name)
    if entry.kind == OPENED and known is None:
        found[name] = _opened(name, entry)
    elif entry.kind == ANSWERED and known is not None:
        mark = _mark(entry)
        found[name] = msgspec.structs.replace(known, answers=(*known.answers, mark))
    elif entry.kind == CLOSED and known is not None:
        body = msgspec.convert(entry.body, ClosedBody)
        found[name] = msgspec.structs.replace(
            known,
            closed_at=entry.recorded_at,
            closed_by=entry.actor,
            closed_because=body.reason,
        )


def _opened(name: str, entry: Entry) -> Incident:
    body = msgspec.convert(entry.body, OpenedBody)
    return Incident(
        id=name,
        title=body.title,
        asked=body.asked,
        opened_at=entry.recorded_at,
        aware_at=parse_instant(body.aware_at),
        opened_by=entry.actor,
        entry=entry.sequence,
    )


def _mark(entry: Entry) -> AnswerMark:
    body = msgspec.convert(entry.body, AnsweredBody)
    return AnswerMark(
        entry=entry.sequence,
        recorded_at=entry.recorded_at,
        as_known_at=body.as_known_at,
        asked_at=parse_instant(body.asked_at),
        counts=body.counts,
        digest=body.digest,
        substance=body.substance,
        because=body.because,
        changes=body.changes,
        changes_total=body.changes_total,
    )


def find_incident(incidents: dict[str, Incident], name: str) -> Incident:
    """The incident of an id, or of the only id that begins so. Raises: InputError."""
    found = [incidents[name]] if name in incidents else []
    found = found or [one for key, one in incidents.items() if name and key.startswith(name)]
    if len(found) != 1:
        raise InputError(
            f"{'several incidents begin' if found else 'no incident begins'} with {name[:80]!r}",
            expected="an id from `pratique incident list`",
        )
    return found[0]
