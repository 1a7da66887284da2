"""Looks of a watch that join: what a place held, and up to when, until something else was there."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from pratique.edge.sweep.sinks import LookSink, Recorded
from pratique.inventory.observed.entries import content_of
from pratique.inventory.observed.model import Look, LookMode, PlaceKind
from pratique.values.instants import Instant

PlaceKey = tuple[str, str, str, str]


@dataclass(slots=True)
class _Held:
    """What a place held when it was last read, and up to when that is told."""

    look: Look
    content: str
    since: Instant


@dataclass(slots=True)
class Keeper:
    """A sink before the sink: remembers what each place of the asset held."""

    sink: LookSink
    asset: str
    held: dict[PlaceKey, _Held] = field(default_factory=dict)
    whole: Look | None = None
    """The look at the asset as a whole."""
    since: Instant | None = None
    """From when on it is watched; None: not yet, the first sweep still runs."""
    spoke: Instant | None = None
    """Up to when the last sign of life says so; None: there was none since `since`."""
    changed_at: Instant | None = None
    """When what is being read began to change."""

    @property
    def recorded(self) -> Recorded:
        """What became of the looks."""
        return self.sink.recorded

    def flush(self) -> None:
        """Make durable."""
        self.sink.flush()

    def add(self, look: Look) -> str:
        """Pass a look on; while watching, as one that joins the one before."""
        if look.asset != self.asset or look.lineage:
            return self.sink.add(look)
        if look.place_kind is PlaceKind.ASSET:
            self.whole = look
            return self.sink.add(look)
        key = (look.place_kind.value, look.locator, look.lineage, look.collector)
        content = content_of(look).id
        held = self.held.get(key)
        if self.changed_at is None or self.since is None:
            self.held[key] = _Held(look, content, look.at_hi)
            return self.sink.add(look)
        same = held is not None and held.content == content and held.look.whole == look.whole
        if same and not look.ended:
            return ""  # it was touched, not changed: what was told still holds
        return self._changed(key, held, look, content, self.changed_at)

    def _changed(
        self, key: PlaceKey, held: _Held | None, look: Look, content: str, at: Instant
    ) -> str:
        refusal = self._hold(held, at) if held is not None else ""
        begins = max(at, held.since) if held is not None else at
        told = msgspec.structs.replace(
            look, mode=LookMode.EVENT, at_lo=min(begins, look.at_hi), at_hi=look.at_hi
        )
        if look.ended:
            self.held.pop(key, None)
            # It is gone from then on; it did not last until somebody noticed.
            told = msgspec.structs.replace(told, at_hi=told.at_lo)
        else:
            self.held[key] = _Held(look, content, look.at_hi)
        return self.sink.add(told) or refusal

    def _hold(self, held: _Held, until: Instant) -> str:
        """Say that what a place held, it held until now."""
        begins = max(held.since, self.since) if self.since is not None else held.since
        if until <= begins:
            return ""
        refusal = self.sink.add(
            msgspec.structs.replace(held.look, mode=LookMode.EVENT, at_lo=begins, at_hi=until)
        )
        held.since = until
        return refusal

    def hold_all(self, until: Instant) -> None:
        """Say it of every place."""
        for held in self.held.values():
            self._hold(held, until)

    def alive(self, until: Instant) -> None:
        """Say that the asset as a whole was watched until now."""
        if self.whole is None or self.since is None:
            return
        self.sink.add(
            msgspec.structs.replace(
                self.whole,
                mode=LookMode.EVENT,
                at_lo=min(self.spoke or self.since, until),
                at_hi=until,
            )
        )
        self.spoke = until
