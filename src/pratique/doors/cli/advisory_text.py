"""Advisories as a person reads them, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pratique.doors.cli.plain import safe_line
from pratique.exposure.advisories.changes import Change
from pratique.exposure.advisories.checks import Contradiction
from pratique.exposure.advisories.model import (
    Advisory,
    Affected,
    MovedRef,
    Payload,
    Window,
    defanged,
)
from pratique.store.advisories import RevisionRow
from pratique.values.instants import Instant, render_instant

_SOME = 12


def described_row(row: RevisionRow) -> dict[str, Any]:
    """A recorded revision as JSON."""
    return {
        "id": row.id,
        "entry": row.entry,
        "recorded_at": row.at,
        "revision": row.revision,
        "overlay": row.overlay,
        "source": row.source,
        "modified": row.modified,
        "withdrawn": row.withdrawn,
        "summary": row.summary,
    }


def described(advisory: Advisory) -> dict[str, Any]:
    """An advisory as JSON; contacts are defanged."""
    plain: dict[str, Any] = msgspec.to_builtins(advisory, builtin_types=(Instant,))
    overlay = plain.get("overlay")
    if overlay:
        for payload in overlay["payload"]:
            payload["contacts"] = [defanged(contact) for contact in payload["contacts"]]
    return plain


def row_lines(rows: Iterable[RevisionRow]) -> Iterator[str]:
    """One line per revision."""
    for row in rows:
        marks = " (withdrawn)" if row.withdrawn else ""
        marks += " +overlay" if row.overlay else ""
        yield (
            f"{row.id}{marks}  entry {row.entry}, {render_instant(row.at)}, "
            f"revision {row.revision[:12]}: {safe_line(row.summary)[:100]}"
        )


def advisory_lines(advisory: Advisory) -> Iterator[str]:
    """Everything that matters of an advisory."""
    revision, overlay = advisory.revision, advisory.overlay
    yield f"{revision.id}  {safe_line(revision.summary)}"
    yield f"  revision {revision.revision[:12]}, entry {revision.entry}, from {safe_line(revision.source)}"
    yield (
        f"  published {_at(revision.published)}, modified {_at(revision.modified)}, "
        f"recorded here {render_instant(revision.seen_at)}"
    )
    if revision.withdrawn is not None:
        yield f"  WITHDRAWN {_at(revision.withdrawn)}"
    if revision.aliases:
        yield f"  aliases {', '.join(map(safe_line, revision.aliases))}"
    for one in advisory.affected:
        yield from _affected_lines(one)
    for window in advisory.windows:
        yield _window_line(window)
    for payload in advisory.payload:
        yield from _payload_lines(payload)
    if overlay is not None and overlay.first_aware is not None:
        aware = overlay.first_aware
        yield f"  first known {render_instant(aware.at)} ({safe_line(aware.source)})"
    if overlay is not None and overlay.note:
        yield f"  note: {safe_line(overlay.note)}"
    for defect in revision.defects:
        yield f"  not understood: {safe_line(defect)}"


def _affected_lines(one: Affected) -> Iterator[str]:
    yield f"  {safe_line(f'{one.type}/{one.name}')}{': every version' if one.everything else ''}"
    if one.versions:
        yield f"    versions {_some(one.versions)}"
    for span in one.ranges:
        events = ", ".join(f"{kind} {text}" for kind, text in span.events)
        yield f"    range {span.type}: {safe_line(events)}"
    for digest in one.digests:
        yield f"    {digest}"
    for ref in one.refs:
        yield f"    {_ref_text(ref)}"


def _ref_text(ref: MovedRef) -> str:
    spared = f" but {', '.join(ref.spared)}" if ref.spared else ""
    pointed = f" to {', '.join(ref.digests)}" if ref.digests else ""
    return safe_line(
        f"ref {ref.ref}{spared} moved{pointed} from {_at(ref.start)} to {_at(ref.end)} ({ref.source})"
    )


def _window_line(window: Window) -> str:
    which = f" {', '.join(window.versions)}" if window.versions else ""
    return safe_line(
        f"  window {window.channel}{which}: {_at(window.start)} to {_at(window.end)}"
        f" [{window.confidence}] {window.source}"
    )


def _payload_lines(payload: Payload) -> Iterator[str]:
    which = f" of {', '.join(payload.versions)}" if payload.versions else ""
    triggers = ", ".join(payload.trigger) or "a way that nobody has said"
    yield safe_line(f"  payload{which} runs at {triggers}; reads {', '.join(payload.reads) or '?'}")
    if payload.persists:
        yield safe_line(f"    stays as {', '.join(payload.persists)}")
    if payload.contacts:
        yield safe_line(f"    contacts {', '.join(map(defanged, payload.contacts))}")
    if payload.note:
        yield safe_line(f"    {payload.note}")


def contradiction_lines(id_: str, found: Iterable[Contradiction]) -> Iterator[str]:
    """One line per contradiction."""
    for one in found:
        yield safe_line(f"{id_}  {one.rule}: {one.sentence}")


def change_lines(changes: Iterable[Change]) -> Iterator[str]:
    """What was added and removed."""
    for one in changes:
        where = f" of {one.package}" if one.package and one.what != "project" else ""
        weight = "" if one.bears_on_answers else " (no answer depends on it)"
        yield safe_line(f"{one.what}{where}{weight}")
        for text in one.removed:
            yield safe_line(f"  - {text}")
        for text in one.added:
            yield safe_line(f"  + {text}")


def _some(versions: tuple[str, ...]) -> str:
    some = ", ".join(map(safe_line, versions[:_SOME]))
    return some if len(versions) <= _SOME else f"{some} and {len(versions) - _SOME} more"


def _at(moment: Instant | None) -> str:
    return "?" if moment is None else render_instant(moment)
