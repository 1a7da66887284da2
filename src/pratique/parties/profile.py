"""What is known of a party, line by line: observed, attested or claimed, and by which entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

import msgspec

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.products import counts, names_any
from pratique.parties.model import (
    EvidenceKind,
    Party,
    Promise,
    Received,
    Register,
    Standing,
)
from pratique.values.instants import Instant, render_minute

_ORDER: Final = (Standing.OBSERVED, Standing.ATTESTED, Standing.CLAIMED)
_FIELDS: Final = (
    ("works_for", "works for"),
    ("sub_processors", "may pass data on to"),
    ("locations", "may process in"),
    ("networks", "comes from"),
    ("issuers", "logs in with"),
    ("products", "delivers"),
    ("assets", "operates"),
    ("datasets", "whose data is in"),
)
_NAMED: Final = 5


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is known of a party."""

    topic: str
    text: str
    standing: Standing
    entries: tuple[int, ...]
    """Ledger entries that it rests on."""
    at: Instant | None = None
    """When it was so, or was said."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, and whether it is kept."""

    promise: Promise
    kept: bool
    newest: int | None
    """Entry of the newest piece that counts."""
    text: str


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A party as it is known."""

    party: Party
    suspended: tuple[str, ...]
    """Standing suspensions that stop it."""
    lines: tuple[Line, ...]
    """Observed, attested, claimed; within each by topic."""
    promises: tuple[Kept, ...]
    faulty: tuple[Received, ...]
    """Pieces that satisfy nothing, newest first."""
    clocks: tuple[str, ...]
    """Ids of clocks that run."""
    findings: tuple[str, ...]
    """Ids of open findings."""


def profile_of(
    register: Register, name: str, *, now: Instant, observed: Iterable[Line] = ()
) -> Profile:
    """The profile of a party of the register; `observed` is what our own records say."""
    party = register.parties[name]
    pieces = register.evidence.get(name, ())
    lines = [
        *observed,
        *_registered(register, party),
        *_agreed(register, name),
        *_said(pieces, now),
    ]
    lines.sort(key=lambda one: (_ORDER.index(one.standing), one.topic))
    return Profile(
        party=party,
        suspended=tuple(one.id for one in register.standing(name)),
        lines=tuple(lines),
        promises=tuple(_kept(promise, pieces, now) for promise in party.promises),
        faulty=tuple(one for one in reversed(pieces) if not counts(one)),
        clocks=tuple(
            one.id for one in register.clocks.values() if one.party == name and one.met_at is None
        ),
        findings=tuple(
            one.id
            for one in register.findings.values()
            if one.found.party == name and one.state.value == "open"
        ),
    )


def observed_lines(facts: CheckFacts, party: Party, *, now: Instant) -> Iterator[Line]:
    """What our own doors, sweeps and drills saw of a party."""
    leases = [one for one in facts.leases if one.vendor == party.name and one.not_after > now]
    if leases:
        holders = sorted({one.holder for one in leases})
        yield _observed("leases", f"{len(leases)} unexpired, held by {_some(holders)}", ())
    reads = [one for one in facts.reads if one.vendor == party.name]
    if reads:
        addresses = sorted({one.address for one in reads if one.address})
        last = max(reads, key=lambda one: one.at)
        text = f"read data from {_some(addresses) or 'addresses that are not known'}"
        yield _observed("reads", text, (last.entry,), last.at)
    scope = f"vendor:{party.name}"
    drills = [one for one in facts.drills if one.scope == scope]
    if drills:
        newest = drills[-1]
        took = "not measured" if newest.p99_ms is None else f"{newest.p99_ms} ms at p99"
        yield _observed("drill", f"suspension was drilled, {took}", (newest.entry,), newest.at)
    present = [one for one in facts.bad if one.party == party.name and one.present]
    if present:
        worst = sorted({one.component for one in present})
        entries = tuple(sorted({entry for one in present for entry in one.entries}))[:20]
        yield _observed("components", f"has what is called bad: {_some(worst)}", entries)


def _observed(topic: str, text: str, entries: tuple[int, ...], at: Instant | None = None) -> Line:
    return Line(topic=topic, text=text, standing=Standing.OBSERVED, entries=entries, at=at)


def _registered(register: Register, party: Party) -> Iterator[Line]:
    """What our own register says of it: nobody has seen it, so it is a claim."""
    entry = register.entries.get(f"party:{party.name}")
    entries = () if entry is None else (entry,)
    for field, words in _FIELDS:
        if values := getattr(party, field):
            text = f"{words} {_some(values)}"
            yield Line(
                topic=f"register:{field}", text=text, standing=Standing.CLAIMED, entries=entries
            )


def _agreed(register: Register, name: str) -> Iterator[Line]:
    for contract in register.contracts.values():
        if contract.party != name:
            continue
        entry = register.entries.get(f"contract:{contract.id}")
        notice = (
            "no clock for notices"
            if contract.notice_hours is None
            else f"notice within {contract.notice_hours} h"
        )
        until = f"until {contract.ends}" if contract.ends is not None else "without an end"
        yield Line(
            topic=f"contract:{contract.id}",
            text=f"from {contract.starts} {until}, {notice}",
            standing=Standing.CLAIMED,
            entries=() if entry is None else (entry,),
        )


def _said(pieces: Iterable[Received], now: Instant) -> Iterator[Line]:
    """Claims of pieces that count; of one topic the newest, attested before claimed."""
    newest: dict[tuple[str, str], Line] = {}
    for piece in pieces:
        evidence = piece.evidence
        if not counts(piece) or (evidence.expires_at is not None and evidence.expires_at <= now):
            continue
        about = evidence.subjects[0] if evidence.subjects else ""
        for one in evidence.claims:
            detail = f" ({one.detail})" if one.detail else ""
            of = f"{about}: " if evidence.kind is EvidenceKind.SBOM and about else ""
            line = Line(
                topic=one.topic,
                text=f"{of}{one.answer}{detail}",
                standing=evidence.standing,
                entries=(piece.entry,),
                at=evidence.made_at or piece.at,
            )
            newest[one.topic + of, evidence.standing.value] = line
    yield from newest.values()


def _kept(promise: Promise, pieces: Iterable[Received], now: Instant) -> Kept:
    what = f"{promise.evidence}{f' of {promise.product}' if promise.product else ''}"
    every = f"every {promise.every_days} days"
    found = [
        one
        for one in pieces
        if one.evidence.kind == promise.evidence
        and counts(one)
        and (not promise.product or names_any(one.evidence.subjects, [promise.product]))
    ]
    if not found:
        return Kept(promise=promise, kept=False, newest=None, text=f"{what} {every}: never given")
    newest = max(found, key=lambda one: one.evidence.made_at or one.at)
    at = newest.evidence.made_at or newest.at
    late = now - at > timedelta(days=promise.every_days)
    ended = newest.evidence.expires_at is not None and newest.evidence.expires_at <= now
    word = "expired" if ended else "too old" if late else newest.evidence.standing.value
    return Kept(
        promise=promise,
        kept=not (late or ended),
        newest=newest.entry,
        text=f"{what} {every}: newest of {render_minute(at)}, {word}",
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
