"""Facts of reach as a person reads them, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pratique.doors.cli.plain import safe_line
from pratique.exposure.ports import Edge
from pratique.inventory.observed.model import EvidenceClass
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, OPEN, from_micros


def described_edge(edge: Edge) -> dict[str, Any]:
    """A fact as JSON; null where nobody knows, or where it has not ended."""
    return {
        "relation": edge.relation,
        "subject": edge.subject,
        "object": edge.object,
        "from_lo": _instant(edge.span.from_lo),
        "from_hi": _instant(edge.span.from_hi),
        "to_lo": _instant(edge.span.to_lo),
        "to_hi": _instant(edge.span.to_hi),
        "evidence_class": EvidenceClass(edge.evidence_class).word,
        "entry": edge.entry,
        "note": edge.note,
    }


def edge_lines(edges: Iterable[Edge]) -> Iterator[str]:
    """One line per fact."""
    for edge in edges:
        target = "" if edge.object == edge.subject else f" {edge.object}"
        note = f" – {edge.note}" if edge.note else ""
        yield safe_line(
            f"{edge.subject} {edge.relation}{target}  {_times(edge)}"
            f"  [{EvidenceClass(edge.evidence_class).word}, entry {edge.entry}]{note}"
        )


def _times(edge: Edge) -> str:
    span = edge.span
    start = _either(span.from_lo, span.from_hi, unknown="always or")
    if span.to_hi == OPEN:
        return f"from {start}, not ended"
    return f"from {start} to {_either(span.to_lo, span.to_hi, unknown='?')}"


def _either(low: int, high: int, *, unknown: str) -> str:
    if low == high:
        return _shown(low)
    return f"{unknown if low <= DAWN else _shown(low)}..{_shown(high)}"


def _shown(value: int) -> str:
    return "open" if value >= OPEN else render_instant(from_micros(value))


def _instant(value: int) -> str | None:
    return None if value <= DAWN or value >= OPEN else render_instant(from_micros(value))
