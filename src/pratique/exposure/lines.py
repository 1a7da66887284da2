"""From sightings to one line per asset: certainty, stage, times, theft, and the chain of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from pratique.exposure.advisories.model import How, Trigger
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, DoorPart, SightingLine, Times
from pratique.exposure.verdicts import INERT, SHORT_LIVED, Frame, Said, Seen, judge_sighting
from pratique.exposure.windows import sharpened
from pratique.inventory.observed.model import EvidenceClass, Stage
from pratique.values.spans import DAWN, OPEN, Span, from_micros, to_micros

if TYPE_CHECKING:
    from pratique.exposure.advisories.model import Match
    from pratique.exposure.incident import WindowLine
    from pratique.exposure.ports import Edge, Hit, ItemRow, PlaceRow
    from pratique.exposure.wanted import Wanted
    from pratique.values.instants import Instant

EARLIER_THAN_CLAIMED: Final = "it was there before any window claims that it could be had"
_STAGE_WORDS: Final = {int(stage): stage.word for stage in Stage}
_CLASS_WORDS: Final = {int(one): one.word for one in EvidenceClass}
_DETAIL: Final = msgspec.json.Decoder(dict[str, Any])


class Judged(NamedTuple):
    """A sighting with what it says."""

    said: Said
    span: Span
    entries: tuple[int, ...]
    """Ledger sequences that say so."""
    item: ItemRow | None
    """None: only the door's own record says so."""
    line: SightingLine


class Judge:
    """Judges sightings of one question."""

    def __init__(
        self,
        wanted: Wanted,
        rows: Mapping[int, ItemRow],
        matches: Mapping[int, Match],
        frame: Frame,
        widest: WindowLine | None,
        pointed: Mapping[str, Sequence[Edge]],
    ) -> None:
        """`pointed`: facts of where refs pointed, by the ref's entity key."""
        self._wanted = wanted
        self._rows = rows
        self._matches = matches
        self._frame = frame
        self._widest = widest
        self._pointed = pointed
        self._triggers = {number: wanted.triggers(row) for number, row in rows.items()}

    def judge(self, hit: Hit, asset_kind: str, place: PlaceRow) -> Judged | None:
        """What a hit says; None when it is about a ref that pointed at nothing bad then."""
        row, match = self._rows[hit.item], self._matches[hit.item]
        seen = Seen(
            how=match.how.value,
            stage=hit.stage,
            place_kind=place.kind,
            asset_kind=asset_kind,
            span=hit.span,
            evidence_class=hit.evidence_class,
            bad_from=match.start,
            bad_to=match.end,
            pointed=self._where(row, hit.span) if match.how is How.REF else "",
        )
        said = judge_sighting(seen, self._frame)
        if said is None:
            return None
        line = sighting_line(hit, row, place, said, seen.how)
        return Judged(said, hit.span, (hit.entry,), row, line)

    def _where(self, row: ItemRow, span: Span) -> str:
        """Where a ref pointed while it was used, as far as facts say."""
        edges = self._pointed.get(ref_key(row), ())
        bad = [e for e in edges if e.object.removeprefix("digest:") in self._wanted.digests]
        good = [e for e in edges if e not in bad]
        perhaps = any(e.span.may_overlap(span.from_lo, span.to_hi) for e in bad)
        if any(e.span.surely_covers(span.from_lo, span.to_hi) for e in bad):
            return "bad"
        if not perhaps and any(e.span.surely_covers(span.from_lo, span.to_hi) for e in good):
            return "good"
        return "perhaps" if perhaps else ""

    def line(
        self, asset: str, kind: str, judged: Sequence[Judged], *, door: DoorPart | None = None
    ) -> AssetLine:
        """One line from everything seen at an asset; `judged` is not empty."""
        ordered = sorted(judged, key=_strength)
        best = ordered[0]
        solid = [one for one in ordered if one.said.certainty.rank <= Certainty.PROBABLE.rank]
        surely = [one for one in ordered if one.span.certain]
        theft = [bounds for one in ordered if (bounds := self._theft(one, kind)) is not None]
        newest = max(one.span.to_lo for one in ordered)
        contradicted = any(early for _, _, early in theft)
        return AssetLine(
            asset=asset,
            kind=kind,
            certainty=best.said.certainty,
            stage=_STAGE_WORDS[max(one.said.stage for one in solid or ordered)],
            rule=best.said.rule,
            first_at=_first(surely or ordered, self._widest),
            last_at=instant_or_none(newest),
            still_there=any(one.span.to_hi >= OPEN for one in ordered if one.item is not None),
            ran=self._ran(ordered, kind),
            theft_from=from_micros(min(start for start, _, _ in theft)) if theft else None,
            theft_to=instant_or_none(max((end for _, end, _ in theft), default=OPEN)),
            sightings=tuple(one.line for one in ordered),
            entries=tuple(sorted({entry for one in ordered for entry in one.entries})),
            note=EARLIER_THAN_CLAIMED if contradicted else "",
            door=door,
        )

    def _theft(self, one: Judged, kind: str) -> tuple[int, int, bool] | None:
        """When code of it may have run here, if that is to be feared at all.

        Fetched counts as installed: a door or a cache does not see the installation that a fetch is
        made for. What is only listed counts where the asset is itself a run.
        """
        if kind in INERT or (one.said.stage < Stage.FETCHED and kind not in SHORT_LIVED):
            return None
        start, end, early = sharpened(one.span, self._widest)
        if self._wanted.persists and kind not in SHORT_LIVED:
            end = OPEN  # what stays behind goes on stealing after the release is removed
        return start, max(end, start), early

    def _ran(self, judged: Iterable[Judged], kind: str) -> Certainty | None:
        """How sure it is that its code ran; docs/explain/certainty.md, "Did it run?"."""
        best: Certainty | None = None
        for one in judged:
            if one.said.stage < Stage.INSTALLED or kind in INERT:
                continue
            told = self._ran_here(one, kind)
            best = told if best is None or told.rank < best.rank else best
        return best

    def _ran_here(self, one: Judged, kind: str) -> Certainty:
        if one.said.stage >= Stage.EXECUTED:
            return one.said.certainty
        triggers = frozenset() if one.item is None else self._triggers[one.item.id]
        fires = Trigger.INSTALL in triggers or (
            # A run goes on after it has installed something, and its steps start interpreters and
            # the actions that it names.
            kind in SHORT_LIVED
            and not triggers.isdisjoint({Trigger.INTERPRETER_START, Trigger.RUN})
            and one.span.to_hi > one.span.from_lo
        )
        if fires and one.said.certainty.rank <= Certainty.PROBABLE.rank:
            return Certainty.PROBABLE
        return Certainty.POSSIBLE


def _strength(one: Judged) -> tuple[int, int, int, int]:
    return one.said.certainty.rank, -one.said.stage, one.span.from_hi, one.entries[0]


def _first(judged: Sequence[Judged], widest: WindowLine | None) -> Instant | None:
    sure = [one.span.from_hi for one in judged if one.span.certain]
    if sure:
        return instant_or_none(min(sure))
    return instant_or_none(min(sharpened(one.span, widest)[0] for one in judged))


def ref_key(row: ItemRow) -> str:
    """Entity key of the ref that an item names."""
    return f"ref:{row.type}/{row.name}@{row.version}"


def exposed_span(line: AssetLine) -> tuple[int, int]:
    """From when to when theft is feared at the asset of a line, in microseconds."""
    start = OPEN if line.theft_from is None else to_micros(line.theft_from)
    return start, OPEN if line.theft_to is None else to_micros(line.theft_to)


def instant_or_none(micros: int) -> Instant | None:
    """An instant; None for a bound that nobody saw."""
    return None if micros <= DAWN or micros >= OPEN else from_micros(micros)


def times_of(span: Span) -> Times:
    """A span for people."""
    return Times(
        from_lo=instant_or_none(span.from_lo),
        from_hi=instant_or_none(span.from_hi),
        to_lo=instant_or_none(span.to_lo),
        to_hi=instant_or_none(span.to_hi),
    )


def sighting_line(hit: Hit, row: ItemRow, place: PlaceRow, said: Said, how: str) -> SightingLine:
    """A hit as a step in the chain of evidence."""
    detail = _DETAIL.decode(hit.detail) if hit.detail not in {"", "{}"} else {}
    return SightingLine(
        type=row.type,
        name=row.name,
        version=row.version,
        digest=row.digest,
        filename=row.filename,
        how=how,
        place_kind=place.kind,
        locator=place.locator,
        lineage=place.lineage,
        times=times_of(hit.span),
        stage=_STAGE_WORDS[said.stage],
        evidence_class=_CLASS_WORDS[hit.evidence_class],
        certainty=said.certainty,
        rule=said.rule,
        entry=hit.entry,
        at=detail.get("at", ""),
        parents=tuple(detail.get("parents", ())),
        direct=detail.get("direct"),
        range=row.range,
        note=detail.get("note", ""),
    )
