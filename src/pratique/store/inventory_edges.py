"""Facts between entities become rows of `edges`; retractions take back looks and facts."""

from __future__ import annotations

from typing import Final

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import FactsBody, RetractionBody
from pratique.inventory.observed.model import AssetKind, Fact
from pratique.store.connect import Session
from pratique.store.inventory_looks import Looks
from pratique.store.inventory_numbers import MAX_TEXT, Numbers, micros_of, storable
from pratique.store.inventory_places import AssetState
from pratique.store.inventory_retold import retell
from pratique.values.spans import DAWN, OPEN, Span

_ASSET: Final = "asset:"


class Edges:
    """Applies facts and retractions within one transaction."""

    def __init__(self, session: Session, looks: Looks) -> None:
        self._session = session
        self._looks = looks
        self.entities = Numbers(session, "entity")
        self._rows: list[dict[str, object]] = []

    def apply(self, body: FactsBody, *, entry: int, recorded: int) -> tuple[int, int]:
        """Apply a `facts` entry; gives how many facts and how many assets there are more."""
        # Before anything of this entry is noted: unpacking writes what was.
        for fact in body.facts:
            for name in (fact.subject, fact.object):
                if name.startswith(_ASSET):
                    self._looks.unpack_asset(name.removeprefix(_ASSET))
        appeared = 0
        for number, fact in enumerate(body.facts):
            span = fact_span(fact, recorded)
            self._rows.append(
                {
                    "relation": fact.relation.value,
                    "subject": self.entities.number(fact.subject, {}),
                    "object": self.entities.number(fact.object, {}),
                    "entry": entry,
                    "number": number,
                    **span._asdict(),
                    "class": int(fact.evidence_class),
                    "note": storable(fact.note),
                }
            )
            since = span.from_hi if span.from_lo == DAWN else span.from_lo
            for name in dict.fromkeys((fact.subject, fact.object)):
                if name.startswith(_ASSET):
                    appeared += self._learn(name.removeprefix(_ASSET), entry, since)
        return len(body.facts), appeared

    def add(
        self,
        relation: str,
        pair: tuple[str, str],
        span: Span,
        *,
        entry: int,
        number: int,
        evidence_class: int,
        note: str,
    ) -> None:
        """Add a fact between two entities, neither of them an asset, that another entry says."""
        self._rows.append(
            {
                "relation": relation,
                "subject": self.entities.number(pair[0], {}),
                "object": self.entities.number(pair[1], {}),
                "entry": entry,
                "number": number,
                **span._asdict(),
                "class": int(evidence_class),
                "note": storable(note),
            }
        )

    def _learn(self, name: str, entry: int, since: int) -> bool:
        places = self._looks.places
        asset = places.assets.number(name, {})
        return places.learn(asset, entry=entry, since=since, kind=AssetKind.UNKNOWN.value)

    def flush(self) -> None:
        """Write what was collected."""
        self.entities.flush()
        self._session.run_many("add_edge", self._rows)
        self._rows = []

    # ── retractions ──────────────────────────────────────────────────────────────────────────

    def retract(self, body: RetractionBody, *, entry: int) -> tuple[int, int]:
        """Apply a retraction; gives how many facts and assets there are more (or less).

        Order: everything collected before is flushed.
        Raises: ValueFormatError when there is nothing that it could retract.
        """
        if body.fact is None:
            self._looks.unpack_entry(body.entry)
        look = self._session.run("find_look", entry=body.entry) if body.fact is None else []
        if look:
            return self._retract_look(*look[0], look=body.entry, entry=entry)
        # A body without a number means all facts of the entry.
        numbers = (0, 2**31) if body.fact is None else (body.fact, body.fact)
        row = {"of": body.entry, "first": numbers[0], "last": numbers[1]}
        facts = self._session.run("list_facts_of_entry", **row)
        if not facts:
            raise ValueFormatError(
                f"retracts what is no look and no fact: entry {body.entry}",
                expected="an earlier look or facts entry",
            )
        standing = [fact for fact in facts if not fact[0]]
        self._session.run("retract_facts", entry=entry, **row)
        names = {name for _, *pair in standing for name in pair if name.startswith(_ASSET)}
        assets = [self._looks.places.assets.find(n.removeprefix(_ASSET)) for n in sorted(names)]
        lost = sum(self._look_again(asset, entry) for asset in assets if asset is not None)
        return -len(standing), lost

    def _retract_look(
        self, place_hash: str, asset: int, gone: int, *, look: int, entry: int
    ) -> tuple[int, int]:
        if gone:
            return 0, 0
        self._session.run("retract_look", of=look, entry=entry)
        place = self._looks.places.by_hash(place_hash)
        seen_before = place.seen
        gained = retell(self._looks, place, added=None, entry=entry)
        self._looks.places.changed(place, entry=entry, seen_before=seen_before)
        return gained, self._look_again(asset, entry)

    def _look_again(self, asset: int, entry: int) -> int:
        """Find out anew what is known of an asset; gives -1 when that is nothing any more."""
        places = self._looks.places
        since, kind = self._session.run("find_asset_looks", asset=asset)[0]
        told = self._session.run("find_asset_facts", asset=asset)[0][0]
        known = [one for one in (since, told) if one is not None]
        state = AssetState(kind=kind or AssetKind.UNKNOWN.value, since=min(known, default=OPEN))
        before = places.is_known(asset)
        places.state(asset, state, entry=entry)
        return int(places.is_known(asset)) - int(before)


def check_facts(body: FactsBody, *, recorded: int) -> None:
    """Raises: ValueFormatError when a fact is not as documented."""
    for fact in body.facts:
        fact_span(fact, recorded)
        for name in (fact.subject, fact.object):
            if len(name.encode()) > MAX_TEXT or "\x00" in name or ":" not in name:
                raise ValueFormatError(
                    f"not an entity: {name[:80]!r}",
                    expected=f"KIND:NAME of at most {MAX_TEXT} bytes",
                )


def fact_span(fact: Fact, recorded: int) -> Span:
    """The bounds of a fact.

    A missing start: it may always have been so, and was when it was recorded. A missing end: it was
    still so when it was recorded. Raises: ValueFormatError when the bounds contradict each other.
    """
    to_hi = _or(micros_of(fact.to_hi), OPEN)
    from_lo = _or(micros_of(fact.from_lo), DAWN)
    meanwhile = max(from_lo, min(recorded, to_hi))
    from_hi = _or(micros_of(fact.from_hi), meanwhile)
    to_lo = _or(micros_of(fact.to_lo), meanwhile)
    if not (from_lo <= from_hi and to_lo <= to_hi and from_lo <= to_hi):
        raise ValueFormatError(
            f"bounds of {fact.relation.value} {fact.subject[:40]!r} are in the wrong order",
            expected="from_lo <= from_hi, to_lo <= to_hi, from_lo <= to_hi",
        )
    return Span(from_lo, from_hi, to_lo, to_hi)


def _or(value: int | None, missing: int) -> int:
    return missing if value is None else value
