"""What changed between two answers of one incident, and because of which entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import AssetLine, Counts, Group, IncidentAnswer, Reached, WindowLine
from pratique.values.instants import render_instant

_NAMED: Final = 5


class LineChange(msgspec.Struct, frozen=True, kw_only=True):
    """One asset that is seen differently."""

    asset: str
    before: Certainty | None
    """None: it was among the cleared and unknown, which are told in groups, or not known."""
    stage_before: str | None
    after: Certainty | None
    stage_after: str | None
    because: tuple[int, ...]
    """Ledger entries that the newer answer rests on and the older did not know, and the reverse."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """From an older answer to a newer one."""

    incident: str
    before: int
    """Ledger size of the older answer."""
    after: int
    counts_before: Counts
    counts_after: Counts
    lines: tuple[LineChange, ...]
    advisories: tuple[str, ...]
    """Sentences."""
    windows: tuple[str, ...]
    groups: tuple[str, ...]
    reach: tuple[str, ...]
    because: tuple[str, ...]
    """Sentences: what is new between the two."""

    @property
    def empty(self) -> bool:
        """Whether both say the same."""
        told = self.lines or self.advisories or self.windows or self.groups or self.reach
        return not told and self.counts_before == self.counts_after

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that changed, in words."""
        return (
            *self.advisories,
            *self.windows,
            *(_line_sentence(one) for one in self.lines),
            *self.groups,
            *self.reach,
        )


def compare_answers(before: IncidentAnswer, after: IncidentAnswer) -> Difference:
    """The difference between two answers of one incident; `before` knows no more than `after`."""
    lines = tuple(_lines(before, after))
    advisories = tuple(_advisories(before, after))
    return Difference(
        incident=after.incident,
        before=before.as_known_at,
        after=after.as_known_at,
        counts_before=before.counts,
        counts_after=after.counts,
        lines=lines,
        advisories=advisories,
        windows=tuple(_windows(before.windows, after.windows)),
        groups=tuple(_groups(before.groups, after.groups)),
        reach=tuple(_reach(before, after)),
        because=tuple(_because(before, after, lines)),
    )


def _lines(before: IncidentAnswer, after: IncidentAnswer) -> Iterator[LineChange]:
    old = {line.asset: line for line in before.lines}
    new = {line.asset: line for line in after.lines}
    for asset in sorted({*old, *new}):
        one, other = old.get(asset), new.get(asset)
        if one is not None and other is not None and _word(one) == _word(other):
            continue
        entries = set(_entries(one)) ^ set(_entries(other))
        yield LineChange(
            asset=asset,
            before=None if one is None else one.certainty,
            stage_before=None if one is None else one.stage,
            after=None if other is None else other.certainty,
            stage_after=None if other is None else other.stage,
            because=tuple(sorted(entries)),
        )


def _word(line: AssetLine) -> tuple[object, ...]:
    return line.certainty, line.stage, line.ran, line.theft_from, line.theft_to, line.still_there


def _entries(line: AssetLine | None) -> tuple[int, ...]:
    return () if line is None else line.entries


def _advisories(before: IncidentAnswer, after: IncidentAnswer) -> Iterator[str]:
    old = {one.id: one for one in before.advisories}
    for one in after.advisories:
        known = old.get(one.id)
        if known is None or (known.revision == one.revision and known.entry == one.entry):
            continue
        if not known.revision:
            yield f"{one.id} is now known: revision {one.revision[:12]} (entry {one.entry})"
        else:
            yield (
                f"{one.id} was corrected: revision {known.revision[:12]} (entry {known.entry}) became"
                f" {one.revision[:12]} (entry {one.entry})"
            )


def _windows(before: Iterable[WindowLine], after: Iterable[WindowLine]) -> Iterator[str]:
    old, new = set(before), set(after)
    yield from (f"window added: {_window(one)}" for one in sorted(new - old, key=_window))
    yield from (f"window withdrawn: {_window(one)}" for one in sorted(old - new, key=_window))


def _window(one: WindowLine) -> str:
    start = "unknown" if one.start is None else render_instant(one.start)
    end = "unknown" if one.end is None else render_instant(one.end)
    return f"{one.channel or 'any channel'} {start} to {end} ({one.source})"


def _groups(before: Iterable[Group], after: Iterable[Group]) -> Iterator[str]:
    """Cleared and unknown assets are told by numbers: there may be very many."""
    old, new = _sums(before), _sums(after)
    for key in sorted({*old, *new}):
        was, now = old.get(key, 0), new.get(key, 0)
        if was != now:
            certainty, rule, kind = key
            yield f"{certainty}, {rule}, {kind}: {was} became {now}"


def _sums(groups: Iterable[Group]) -> dict[tuple[str, str, str], int]:
    sums: dict[tuple[str, str, str], int] = {}
    for group in groups:
        key = group.certainty.value, group.rule, group.kind
        sums[key] = sums.get(key, 0) + group.count
    return sums


def _reach(before: IncidentAnswer, after: IncidentAnswer) -> Iterator[str]:
    for what in ("identities", "datasets", "clients", "people", "vendors"):
        old = {one.entity: one for one in getattr(before.reach, what)}
        new = {one.entity: one for one in getattr(after.reach, what)}
        yield from _some(f"{what} newly within reach", [k for k in new if k not in old])
        yield from _some(f"{what} no longer within reach", [k for k in old if k not in new])
        both = [key for key in new if key in old]
        yield from _some(
            f"{what} reached at other times", [k for k in both if _moved(old[k], new[k])]
        )
    yield from _disclosed(before, after)


def _disclosed(before: IncidentAnswer, after: IncidentAnswer) -> Iterator[str]:
    """What else was read under leases within reach."""
    old = {one.lease: one for one in before.reach.disclosed or ()}
    for one in after.reach.disclosed or ():
        known = old.get(one.lease)
        was = (0, 0) if known is None else (known.objects, known.bytes)
        if (one.objects, one.bytes) != was:
            yield (
                f"disclosed under lease {one.lease}: {one.bytes:,} bytes of {one.objects:,} objects, were"
                f" {was[1]:,} of {was[0]:,}"
            )


def _moved(one: Reached, other: Reached) -> bool:
    return one.spans != other.spans


def _some(what: str, keys: list[str]) -> Iterator[str]:
    if keys:
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield f"{len(keys)} {what}: {', '.join(sorted(keys)[:_NAMED])}{more}"


def _because(
    before: IncidentAnswer, after: IncidentAnswer, lines: Iterable[LineChange]
) -> Iterator[str]:
    """What the newer answer knows and the older did not."""
    yield from (
        f"advisory {one.id}, entry {one.entry}"
        for one in after.advisories
        if one.entry >= before.as_known_at
    )
    entries = sorted({e for one in lines for e in one.because if e >= before.as_known_at})
    if entries:
        shown = ", ".join(str(entry) for entry in entries[:_NAMED])
        more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
        yield f"late facts, entries {shown}{more}"
    if before.as_known_at < after.as_known_at and not entries:
        yield f"entries {before.as_known_at} to {after.as_known_at - 1}"
    if before.asked_at != after.asked_at:
        yield f"time passed: {render_instant(before.asked_at)} to {render_instant(after.asked_at)}"


def _line_sentence(one: LineChange) -> str:
    before = _state(one.before, one.stage_before)
    after = _state(one.after, one.stage_after)
    entries = ", ".join(str(entry) for entry in one.because[:_NAMED])
    because = f" (entries {entries})" if entries else ""
    return f"{one.asset}: {before} became {after}{because}"


def _state(certainty: Certainty | None, stage: str | None) -> str:
    if certainty is None:
        return "not seen with it"
    return f"{certainty.value}, {stage}" if stage else certainty.value
