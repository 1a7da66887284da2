"""The first figures of an answer, as text and as JSON; docs/reference/cli-exposed.md has the keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from pratique.values.instants import render_instant
from pratique.values.spans import from_micros

if TYPE_CHECKING:
    from pratique.exposure.answering import FirstFigures
    from pratique.exposure.ports import Extent

_NAMES: Final = {
    "identity": ("identity", "identities"),
    "dataset": ("dataset", "datasets"),
    "client": ("client", "clients"),
    "people": ("group of people", "groups of people"),
    "vendor": ("vendor", "vendors"),
}
_REST: Final = (
    "Only what looks saw, only one step, rotation not subtracted, nobody cleared:"
    " the whole answer is the same command without --counts."
)


def render_figures(figures: FirstFigures) -> str:
    """For a person."""
    return "\n".join(_lines(figures))


def _lines(figures: FirstFigures) -> Iterator[str]:
    counts, stages = figures.counts, figures.stages
    asked = figures.asked
    named = [f"{one.name} {one.version}" for one in asked.releases]
    yield ", ".join([*named, *asked.digests, *asked.advisories])
    yield (
        f"as known at {render_instant(figures.asked_at)} · {figures.as_known_at:,} ledger entries"
        f" · {figures.facts:,} facts"
    )
    yield ""
    yield (
        f"confirmed {counts.confirmed:,} · probable {counts.probable:,} · possible"
        f" {counts.possible:,} · not judged {figures.assets - counts.exposed:,}"
    )
    told = msgspec.structs.asdict(stages).items()
    yield " · ".join(f"{stage} {count:,}" for stage, count in told)
    within = [_within(one) for one in figures.extent if one.kind in _NAMES]
    if within:
        yield ""
        yield "one step from there: " + ", ".join(within)
    yield ""
    yield from figures.not_seen
    yield _REST


def _within(one: Extent) -> str:
    single, several = _NAMES[one.kind]
    noun = single if one.number == 1 else several
    return f"{one.number:,} {noun} (first {render_instant(from_micros(one.first))})"


def render_figures_json(figures: FirstFigures) -> str:
    """For programs; keys are stable."""
    body = {
        "asked": figures.asked,
        "asked_at": render_instant(figures.asked_at),
        "ledger_entries": figures.as_known_at,
        "facts": figures.facts,
        "found": figures.counts.exposed > 0,
        "counts": {
            "confirmed": figures.counts.confirmed,
            "probable": figures.counts.probable,
            "possible": figures.counts.possible,
            "not_judged": figures.assets - figures.counts.exposed,
        },
        "stages": figures.stages,
        "one_step": {
            one.kind: {"count": one.number, "first": render_instant(from_micros(one.first))}
            for one in figures.extent
            if one.kind in _NAMES
        },
        "not_seen": figures.not_seen,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=1).decode()
