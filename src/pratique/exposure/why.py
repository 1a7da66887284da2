"""Why an asset is what the answer says: each step with its entry, its evidence, and how to check it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from pratique.errors import PratiqueError
from pratique.exposure import absence, verdicts
from pratique.exposure.disclosure import LEASE
from pratique.exposure.incident import (
    AssetLine,
    IncidentAnswer,
    Reached,
    SightingLine,
    Times,
)
from pratique.inventory.observed.entries import LookBody
from pratique.inventory.observed.model import Evidence, EvidenceClass
from pratique.ledger.entries import Entry
from pratique.values.instants import Instant, render_instant

RULE_WORDS: Final = {**verdicts.RULES, **absence.RULES}
"""What each rule means, in a sentence."""


class WhyStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the chain of evidence."""

    what: str
    """A sentence."""
    entry: int
    """Ledger sequence; -1: none is needed."""
    recorded_at: Instant | None
    kind: str
    """Kind of the entry."""
    said_by: str
    """Actor of the entry."""
    evidence_class: str
    evidence: tuple[Evidence, ...]
    """Bytes that the entry rests on, by hash."""
    check: str
    """A command."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The chain of evidence of one asset in one answer."""

    incident: str
    asset: str
    line: AssetLine
    because: str
    """What the deciding rule means."""
    steps: tuple[WhyStep, ...]
    as_known_at: int


def explain_asset(answer: IncidentAnswer, line: AssetLine, entries: Mapping[int, Entry]) -> Why:
    """The chain from the advisory to what the asset lost.

    `entries`: of at least `entries_needed`.
    """
    steps = [
        *_advisory_steps(answer, entries),
        *(_sighting_step(one, entries) for one in line.sightings),
        *_other_steps(line, entries),
        *_reach_steps(answer, line, entries),
    ]
    return Why(
        incident=answer.incident,
        asset=line.asset,
        line=line,
        because=RULE_WORDS.get(line.rule, line.rule),
        steps=tuple(steps),
        as_known_at=answer.as_known_at,
    )


def entries_needed(answer: IncidentAnswer, line: AssetLine) -> set[int]:
    """Sequences of the entries that a chain names."""
    found = {one.entry for one in answer.advisories} | set(line.entries)
    for one in answer.reach.identities:
        if one.proof and one.proof[0].subject == line.asset:
            found.update(one.entries)
    return {entry for entry in found if entry >= 0}


def _step(
    what: str, entry: int, entries: Mapping[int, Entry], *, evidence_class: str = ""
) -> WhyStep:
    known = entries.get(entry)
    look = _look_of(known)
    told = evidence_class
    if not told and look is not None:
        told = EvidenceClass(look.evidence_class).word
    return WhyStep(
        what=what,
        entry=entry,
        recorded_at=None if known is None else known.recorded_at,
        kind="" if known is None else known.kind,
        said_by="" if known is None else known.actor,
        evidence_class=told,
        evidence=() if look is None else look.evidence,
        check="" if entry < 0 else f"pratique ledger export --entry {entry}",
    )


def _look_of(entry: Entry | None) -> LookBody | None:
    if entry is None or entry.kind != "look":
        return None
    try:
        return msgspec.convert(entry.body, LookBody)
    except (msgspec.ValidationError, PratiqueError):
        return None


def _advisory_steps(answer: IncidentAnswer, entries: Mapping[int, Entry]) -> Iterator[WhyStep]:
    for one in answer.advisories:
        if one.revision:
            what = f"{one.id}: {one.summary or 'no summary'} (revision {one.revision[:12]})"
            yield _step(what, one.entry, entries)


def _sighting_step(one: SightingLine, entries: Mapping[int, Entry]) -> WhyStep:
    what = (
        f"{_name_of(one)} {one.stage} at {one.place_kind} {one.locator}, {times_words(one.times)}"
    )
    if one.at:
        what += f", {one.at}"
    if one.parents:
        what += f"; required by {' ← '.join(one.parents)}"
    elif one.direct:
        what += "; asked for by name"
    if one.note:
        what += f"; {one.note}"
    what += f". {one.certainty.value}: {RULE_WORDS.get(one.rule, one.rule)}"
    return _step(what, one.entry, entries, evidence_class=one.evidence_class)


def _name_of(one: SightingLine) -> str:
    if not one.name:
        return one.filename or "a file of it"
    named = f"{one.name} {one.version or one.range or '(no version)'}"
    return f"{named} ({one.digest[:19]}…)" if one.digest else named


def times_words(times: Times) -> str:
    """A four-bounded span in words."""
    start = _bound(times.from_lo, times.from_hi, "nobody saw it come")
    end = _bound(times.to_lo, times.to_hi, "not seen to go")
    return f"from {start} to {end}"


def _bound(low: Instant | None, high: Instant | None, unseen: str) -> str:
    if low is None and high is None:
        return unseen
    if low is None:
        return f"{_text(high)} or before ({unseen})"
    if high is None:
        return f"{_text(low)} or later ({unseen})"
    return _text(low) if low == high else f"between {_text(low)} and {_text(high)}"


def _text(moment: Instant | None) -> str:
    return "" if moment is None else render_instant(moment)


def _other_steps(line: AssetLine, entries: Mapping[int, Entry]) -> Iterator[WhyStep]:
    """Looks that show nothing of it, and what the door says beyond its deliveries."""
    told = {one.entry for one in line.sightings}
    for entry in line.entries:
        if entry in told:
            continue
        known = entries.get(entry)
        look = _look_of(known)
        if look is not None:
            whole = "all of it was read" if look.whole else f"{look.gaps_total} gaps"
            what = (
                f"a {look.mode.value} look at {look.place_kind.value} {look.locator} from"
                f" {look.at_lo} to {look.at_hi} by {look.collector}: {whole}"
            )
            if look.gaps:
                what += "; " + "; ".join(f"{gap.what}: {gap.why}" for gap in look.gaps[:3])
        else:
            what = f"a {known.kind if known else 'ledger'} entry of our door"
        yield _step(what, entry, entries)


def _ended(one: Reached) -> str:
    return "it ends at" if one.entity.startswith(LEASE) else "rotated at"


def _read(one: Reached, answer: IncidentAnswer) -> str:
    """Of a lease: what was read under it meanwhile."""
    for told in answer.reach.disclosed or ():
        if one.entity == f"{LEASE}{told.lease}":
            return (
                f"; read under it meanwhile: {told.bytes:,} bytes of {told.objects:,} objects of client"
                f" {told.client}, in {told.segments:,} segments"
            )
    return ""


def _reach_steps(
    answer: IncidentAnswer, line: AssetLine, entries: Mapping[int, Entry]
) -> Iterator[WhyStep]:
    for one in answer.reach.identities:
        if not one.proof or one.proof[0].subject != line.asset or len(one.proof) != 1:
            continue
        step = one.proof[0]
        end = "it still works" if one.end is None else f"{_ended(one)} {render_instant(one.end)}"
        what = (
            f"it held {one.entity}; theft from {render_instant(step.at)}; {end}{_read(one, answer)}"
        )
        yield _step(what, max(step.entries, default=-1), entries)
