"""Answers, incidents, differences and chains of evidence as text for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pratique.custody.runs import render_runs
from pratique.exposure.certainty import Certainty
from pratique.exposure.why import RULE_WORDS
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, to_micros

if TYPE_CHECKING:
    from pratique.exposure.difference import Difference
    from pratique.exposure.disclosure import Disclosed
    from pratique.exposure.incident import (
        AssetLine,
        Group,
        Incident,
        IncidentAnswer,
        Reached,
        WindowLine,
    )
    from pratique.exposure.why import Why
    from pratique.values.instants import Instant

_LINES_SHOWN: Final = 50
_GROUPS_SHOWN: Final = 20
_REACHED_SHOWN: Final = 10
_NAMES_SHOWN: Final = 5
_ENTRIES_SHOWN: Final = 6


def render_incident_answer(answer: IncidentAnswer) -> str:
    """Counts first, then assets, then what nobody can see, then what is within reach."""
    parts = [
        _headline(answer),
        _counts(answer),
        *(_block(answer, certainty) for certainty in Certainty if certainty.exposed),
        _named(answer),
        _unknown(answer),
        _cleared(answer),
        _reach(answer),
        _disclosed(answer),
        _joined(["What no answer can see:", *(f"  {text}" for text in answer.not_seen)]),
        _how_to_verify(answer),
    ]
    return "\n\n".join(part for part in parts if part)


def _joined(rows: Iterable[str]) -> str:
    """Rows as text: what others named (assets, paths, projects) stays on its row, moves no cursor."""
    return "\n".join(_printable(row) for row in rows)


def _printable(row: str) -> str:
    if row.isprintable():
        return row
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in row
    )


def _headline(answer: IncidentAnswer) -> str:
    asked = answer.asked
    title = " · ".join(part for part in (answer.incident, answer.title) if part)
    releases = [f"{one.name} {one.version}" for one in asked.releases]
    digests = [f"{digest[:19]}…" for digest in asked.digests]
    advisories = [
        f"{one.id} (revision {one.revision[:12]}, entry {one.entry})" if one.revision else one.id
        for one in answer.advisories
    ]
    rows = [title, ", ".join([*releases, *digests, *advisories])]
    if answer.widest is not None:
        rows.append(f"could be had {_window(answer.widest)}")
        if len(answer.windows) > 1:
            rows += [f"  {_window(one)}" for one in answer.windows]
    if asked.start is not None or asked.end is not None:
        rows.append(f"asked about {_moment(asked.start)} to {_moment(asked.end, 'now')}")
    if asked.assets:
        rows.append(f"only {', '.join(asked.assets)}")
    basis = (
        f"ledger entries 0 to {answer.as_known_at - 1}" if answer.as_known_at else "an empty ledger"
    )
    rows.append(f"as known at {render_instant(answer.asked_at)} · {basis} · {answer.facts:,} facts")
    return _joined(row for row in rows if row)


def _window(one: WindowLine) -> str:
    channel = f"{one.channel} " if one.channel else ""
    confidence = f", {one.confidence}" if one.confidence else ""
    return (
        f"{channel}{_moment(one.start)} to {_moment(one.end, 'unknown')} ({one.source}{confidence})"
    )


def _moment(moment: Instant | None, unknown: str = "the beginning") -> str:
    if moment is None or to_micros(moment) <= DAWN:
        return unknown
    return render_instant(moment)


def _counts(answer: IncidentAnswer) -> str:
    counts, stages = answer.counts, answer.stages
    first = " · ".join(
        f"{word} {number:,}"
        for word, number in (
            ("confirmed", counts.confirmed),
            ("probable", counts.probable),
            ("possible", counts.possible),
            ("unknown", counts.unknown),
            ("cleared", counts.cleared),
        )
    )
    second = " · ".join(
        f"{word} {number:,}"
        for word, number in (
            ("listed", stages.listed),
            ("fetched", stages.fetched),
            ("installed", stages.installed),
            ("executed", stages.executed),
            ("exfiltration_seen", stages.exfiltration_seen),
        )
    )
    return _joined([first, second])


def _block(answer: IncidentAnswer, certainty: Certainty) -> str:
    lines = [line for line in answer.lines if line.certainty is certainty]
    if not lines:
        return ""
    rows = [row for line in lines[:_LINES_SHOWN] for row in _line_rows(line)]
    return _joined([certainty.value.upper(), *rows, *_more(len(lines) - _LINES_SHOWN)])


def _line_rows(line: AssetLine) -> Iterator[str]:
    span = _moment(line.first_at, "unknown")
    if line.last_at is not None and line.last_at != line.first_at:
        span += f" to {_moment(line.last_at)}"
    there = ", still there" if line.still_there else ""
    yield f"  {line.asset}  {line.stage or 'nothing seen'}  {span}{there}"
    yield f"    {RULE_WORDS.get(line.rule, line.rule)}"
    for one in line.sightings[:_NAMES_SHOWN]:
        name = f"{one.name} {one.version or one.range}".strip() or one.filename
        place = f"{one.place_kind} {one.locator}" + (f", {one.at}" if one.at else "")
        how = f" ← {' ← '.join(one.parents)}" if one.parents else ""
        yield f"    {name} at {place}{how}"
    if line.ran is not None:
        yield f"    its code ran: {line.ran.value}; theft from {_moment(line.theft_from)}"
    elif line.theft_from is not None:
        yield f"    theft is to be feared from {_moment(line.theft_from)}"
    yield f"    entries: {_entries(line.entries)}"
    if line.missing:
        yield f"    missing: {line.missing}"
    if line.note:
        yield f"    {line.note}"


def _entries(entries: Sequence[int]) -> str:
    more = len(entries) - _ENTRIES_SHOWN
    shown = ", ".join(str(entry) for entry in entries[:_ENTRIES_SHOWN])
    return shown + (f" and {more} more" if more > 0 else "")


def _more(count: int) -> list[str]:
    return [f"  … and {count:,} more; --format json lists all"] if count > 0 else []


def _named(answer: IncidentAnswer) -> str:
    """Assets that were asked about by name and at which nothing was seen."""
    rows = [row for one in answer.lines if not one.certainty.exposed for row in _named_rows(one)]
    return _joined(["NOTHING OF IT SEEN AT", *rows]) if rows else ""


def _named_rows(line: AssetLine) -> Iterator[str]:
    yield f"  {line.asset}  {line.certainty.value}  {RULE_WORDS.get(line.rule, line.rule)}"
    if line.missing:
        yield f"    missing: {line.missing}"


def _unknown(answer: IncidentAnswer) -> str:
    rows = [row for group in answer.unknown_groups[:_GROUPS_SHOWN] for row in _group_rows(group)]
    rows += _more(len(answer.unknown_groups) - _GROUPS_SHOWN)
    if answer.unreadable:
        rows.append(f"  {answer.unreadable} ledger entries could not be read")
    if answer.unexplained:
        rows.append(
            f"  the log does not say what {answer.unexplained} page answers of our door held"
        )
    return _joined(["UNKNOWN: what we cannot see", *(rows or ["  nothing"])])


def _group_rows(group: Group) -> Iterator[str]:
    yield f"  {group.count:,} {group.kind}: {RULE_WORDS.get(group.rule, group.rule)}"
    if group.missing:
        yield f"    would need: {group.missing}"
    more = group.count - _NAMES_SHOWN
    names = ", ".join(group.assets[:_NAMES_SHOWN])
    yield f"    {names}" + (f" and {more:,} more" if more > 0 else "")


def _cleared(answer: IncidentAnswer) -> str:
    groups = [group for group in answer.groups if group.certainty is Certainty.CLEARED]
    if not groups:
        return ""
    rows = [row for group in groups[:_GROUPS_SHOWN] for row in _group_rows(group)]
    return _joined(["CLEARED: watched, and it was not there", *rows])


def _reach(answer: IncidentAnswer) -> str:
    reach = answer.reach
    lists = {
        "identities": reach.identities,
        "datasets": reach.datasets,
        "clients": reach.clients,
        "people": reach.people,
        "vendors": reach.vendors,
    }
    if not any(lists.values()) and not reach.assets_without_identities:
        return ""
    rotated = sum(one.end is not None for one in reach.identities)
    counts = " · ".join(f"{word} {len(some):,}" for word, some in lists.items())
    rows = ["WITHIN REACH", f"  {counts} · identities rotated {rotated:,}"]
    for some in lists.values():
        rows += [row for one in some[:_REACHED_SHOWN] for row in _reached_rows(one)]
        rows += _more(len(some) - _REACHED_SHOWN)
    blind = reach.assets_without_identities
    if blind:
        more = len(blind) - _NAMES_SHOWN
        names = ", ".join(blind[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        rows.append(f"  UNKNOWN what these held: {names}")
    return _joined([*rows, f"  {reach.taken}"])


def _reached_rows(one: Reached) -> Iterator[str]:
    end = "still open" if one.end is None else f"until {render_instant(one.end)}"
    path = " → ".join([*(step.subject for step in one.proof[:1]), *(s.object for s in one.proof)])
    yield f"  {one.entity}  {one.certainty.value}  from {_moment(one.start)}, {end}"
    yield f"    {path}"


def _disclosed(answer: IncidentAnswer) -> str:
    """What was read under leases within reach, beside what could have been."""
    leases = answer.reach.disclosed or ()
    if not leases:
        return ""
    rows = ["DISCLOSED UNDER THESE LEASES, as far as they may have been in foreign hands"]
    for one in leases[:_REACHED_SHOWN]:
        rows += _lease_rows(one)
    return _joined([*rows, *_more(len(leases) - _REACHED_SHOWN)])


def _lease_rows(one: Disclosed) -> Iterator[str]:
    from pratique.custody.sizes import human_bytes  # noqa: PLC0415 - most answers reach no lease

    yield (
        f"  lease {one.lease}, {one.holder} of {one.vendor}/{one.project}, data of client {one.client}"
    )
    span = f"from {_moment(one.start)}, {_end_words(one)}"
    if not one.objects:
        yield f"    {span}: nothing was read"
    else:
        yield (
            f"    {span}: {human_bytes(one.bytes)} of {one.objects:,} objects, {one.segments:,} segments of"
            f" 64 KiB, in {one.reads:,} reads from {one.addresses:,} addresses"
        )
    for item in one.named[:_NAMES_SHOWN]:
        which = "all of it" if item.whole else f"segments {render_runs(item.segments)}"
        name = item.dataset.removeprefix("dataset:")
        yield f"    {name} object {item.object}: {which}, {human_bytes(item.bytes)}"
    more = one.objects - len(one.named[:_NAMES_SHOWN])
    if more > 0:
        since = render_instant(one.start)
        yield f"    … and {more:,} more: pratique dataset log --lease {one.lease} --since {since}"
    if one.presumed:
        yield "    part of it was announced only: the door did not end in order, so it counts"
    yield f"    could have been read at most: {human_bytes(one.budget_bytes)}, the lease's budget"


def _end_words(one: Disclosed) -> str:
    if one.end is None:
        return "still open"
    why = "revoked" if one.revoked_at is not None and one.revoked_at <= one.end else "its end"
    return f"until {render_instant(one.end)} ({why})"


def _how_to_verify(answer: IncidentAnswer) -> str:
    first = next((line.entries[0] for line in answer.lines if line.entries), None)
    rows = [f"Digest of this answer: sha256:{answer.digest}"]
    if first is not None:
        rows.append(f"Check any entry yourself: pratique ledger export --entry {first}")
    return _joined(rows)


# ── incidents, differences, chains ───────────────────────────────────────────────────────────


def render_incident_list(incidents: Iterable[Incident]) -> str:
    """One line per incident, the newest last."""
    rows = []
    for one in incidents:
        state = "open" if one.open else "closed"
        last = one.answers[-1].counts if one.answers else None
        counts = (
            "not answered yet"
            if last is None
            else f"exposed {last.exposed:,} · unknown {last.unknown:,} · cleared {last.cleared:,}"
        )
        rows.append(f"{one.id}  {state}  {render_instant(one.opened_at)}  {counts}  {one.title}")
    return _joined(rows) or "no incident is open here"


def render_incident_history(incident: Incident) -> str:
    """How an incident was opened, answered and closed."""
    rows = [
        f"{incident.id} · {incident.title}",
        (
            f"opened {render_instant(incident.opened_at)} by {incident.opened_by}"
            f" (entry {incident.entry}); aware since {render_instant(incident.aware_at)}"
        ),
    ]
    for mark in incident.answers:
        counts = mark.counts
        rows.append(
            f"answered {render_instant(mark.recorded_at)} (entry {mark.entry}): confirmed"
            f" {counts.confirmed:,} · probable {counts.probable:,} · possible {counts.possible:,}"
            f" · unknown {counts.unknown:,} · cleared {counts.cleared:,}"
        )
        rows.append(f"  because: {'; '.join(mark.because)}")
        rows += [f"  {change}" for change in mark.changes[:_NAMES_SHOWN]]
        more = mark.changes_total - _NAMES_SHOWN
        rows += [f"  … and {more:,} more changes"] if more > 0 else []
    if incident.closed_at is not None:
        rows.append(
            f"closed {render_instant(incident.closed_at)} by {incident.closed_by}:"
            f" {incident.closed_because}"
        )
    return _joined(rows)


def render_difference(difference: Difference) -> str:
    """What changed, and because of what."""
    span = f"{difference.incident}: from {difference.before} to {difference.after} ledger entries"
    if difference.empty:
        return _joined([span, "Nothing changed."])
    before, after = difference.counts_before, difference.counts_after
    counts = [
        f"  {word} {getattr(before, word):,} → {getattr(after, word):,}"
        for word in ("confirmed", "probable", "possible", "unknown", "cleared")
        if getattr(before, word) != getattr(after, word)
    ]
    sentences = [f"  {text}" for text in difference.sentences[:_LINES_SHOWN]]
    return _joined(
        [
            span,
            *counts,
            *sentences,
            *_more(len(difference.sentences) - _LINES_SHOWN),
            "because of",
            *(f"  {text}" for text in difference.because),
        ]
    )


def render_why(why: Why) -> str:
    """The chain of evidence, step by step."""
    line = why.line
    rows = [
        f"{why.asset}: {line.certainty.value}" + (f", {line.stage}" if line.stage else ""),
        f"  {why.because}",
    ]
    if line.missing:
        rows.append(f"  missing: {line.missing}")
    for number, step in enumerate(why.steps, 1):
        rows.append(f"{number}. {step.what}")
        recorded = (
            "" if step.recorded_at is None else f", recorded {render_instant(step.recorded_at)}"
        )
        told = f", {step.evidence_class}" if step.evidence_class else ""
        rows.append(f"   entry {step.entry}{recorded} by {step.said_by or 'nobody'}{told}")
        rows += [
            f"   evidence sha256:{one.sha256} {one.media_type} {one.locator}"
            for one in step.evidence
        ]
        rows.append(f"   check: {step.check}")
    return _joined(rows)
