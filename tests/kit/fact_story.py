"""A ledger of looks and facts told by a small script, with the oracle's answers to questions.

`FactStory` writes entries as collectors do and hands out everything an answer needs: the named
questions (`OracleFacts`), a library of advisories, the size of the log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kit.fact_oracle import OracleFacts
from kit.memory_log import MemoryLog
from pratique.exposure.advisories.model import Advisory
from pratique.exposure.advisories.overlay import combine, embedded_overlay
from pratique.exposure.advisories.records import parse_revision
from pratique.exposure.answering import Outcome, Sources, answer_asked
from pratique.exposure.incident import Asked, AssetLine, IncidentAnswer, Release
from pratique.inventory.observed.entries import (
    Content,
    content_of,
    facts_drafts,
    look_drafts,
)
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Identity,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft

DAY = datetime(2026, 3, 24, tzinfo=UTC)
GOLDEN = Path(__file__).parent.parent / "golden" / "data"


def at(clock: str, *, days: int = 0) -> datetime:
    """`10:39` on the day of the incident."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(days=days, hours=int(hours), minutes=int(minutes))


def item(name: str, version: str = "", **more: Any) -> Item:
    return Item(name=name, version=version, **{"type": "pypi", **more})


def seen(one: Item, stage: Stage = Stage.INSTALLED, **more: Any) -> Sighting:
    return Sighting(item=one, stage=stage, **more)


@dataclass
class FactStory:
    """A log that is being written, and what can be asked of it."""

    log: MemoryLog = field(default_factory=MemoryLog)
    now: datetime = field(default_factory=lambda: at("09:00"))
    advisories: dict[str, list[tuple[int, Advisory]]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    bases: dict[tuple[str, ...], tuple[str, Content]] = field(default_factory=dict)

    def write(self, draft: Draft) -> int:
        return self.log.append([draft], now=self.now)[0]

    def look(
        self,
        asset: str,
        *sightings: Sighting,
        kind: AssetKind = AssetKind.CI_RUN,
        place: PlaceKind = PlaceKind.CI_LOG,
        start: datetime | None = None,
        end: datetime | None = None,
        **more: Any,
    ) -> int:
        """Record a look; gives the sequence of its `look` entry."""
        lo = start or self.now
        values: dict[str, Any] = {
            "locator": "1",
            "evidence_class": EvidenceClass.OBSERVED,
            "collector": "test",
            **more,
        }
        look = Look(
            asset=asset,
            asset_kind=kind,
            place_kind=place,
            at_lo=lo,
            at_hi=end or lo,
            sightings=sightings,
            **values,
        )
        content = content_of(look)
        key = (look.asset, look.place_kind.value, look.locator, look.lineage)
        drafts = look_drafts(
            look, base=self.bases.get(key), is_recorded=lambda one: one in self.recorded
        )
        self.recorded.add(content.id)
        self.bases[key] = content.id, content
        return [self.write(draft) for draft in drafts][-1]

    def run(
        self,
        name: str,
        *sightings: Sighting,
        start: str = "10:41",
        end: str = "10:58",
        days: int = 0,
        **more: Any,
    ) -> int:
        """A CI run whose log was read."""
        begun, ended = at(start, days=days), at(end, days=days)
        self.now = max(self.now, ended)
        values = {"mode": LookMode.EVENT, "ended": True, "evidence_class": EvidenceClass.LOGGED}
        return self.look(name, *sightings, start=begun, end=ended, **{**values, **more})

    def machine(
        self, name: str, *sightings: Sighting, when: str, days: int = 0, **more: Any
    ) -> int:
        """A sampled look at an environment of a laptop."""
        moment = at(when, days=days)
        self.now = max(self.now, moment)
        values = {"kind": AssetKind.LAPTOP, "place": PlaceKind.ENVIRONMENT, "locator": "/venv"}
        return self.look(name, *sightings, start=moment, **{**values, **more})

    def fact(self, relation: Relation, subject: str, target: str, **more: Any) -> int:
        fact = Fact(relation=relation, subject=subject, object=target, **more)
        return self.write(facts_drafts([fact], source="test", actor="operator:test")[0])

    def holds(self, asset: str, *names: str, when: str = "09:00", **more: Any) -> int:
        """The asset holds these CI secrets."""
        identities = tuple(Identity(kind="ci-secret", name=name) for name in names)
        values = {"place": PlaceKind.SECRETS, "locator": "secrets", "identities": identities}
        return self.look(asset, start=at(when), **{**values, **more})

    def advise(self, name: str, **changes: Any) -> str:
        """Record one of the golden advisories, perhaps changed; gives its id."""
        record = {**json.loads((GOLDEN / f"{name}.json").read_text("utf-8")), **changes}
        return self.advise_record(record)

    def advise_record(self, record: dict[str, Any]) -> str:
        raw = json.dumps(record).encode()
        entry = self.write(
            Draft(
                kind="advisory-revision",
                subject=f"advisory:{record['id']}",
                actor="operator:test",
                body={"record": raw.decode()},
            )
        )
        revision = parse_revision(raw, source="test", seen_at=self.now)
        revision = msgspec.structs.replace(revision, entry=entry)
        found = combine(revision, embedded_overlay(raw))
        self.advisories.setdefault(revision.id, []).append((entry, found))
        return revision.id

    def newest(self, id_: str, *, tx: int) -> Advisory | None:
        """Fulfils `AdvisoryLibrary`."""
        known = [one for entry, one in self.advisories.get(id_, []) if entry < tx]
        return known[-1] if known else None

    def mentioning(self, what: str, *, tx: int) -> list[str]:
        """Fulfils `AdvisoryLibrary`."""
        return [
            id_
            for id_ in self.advisories
            if (one := self.newest(id_, tx=tx)) is not None
            and any(what == f"package:{type_}/{name}" for type_, name in one.names)
        ]

    def facts(self) -> OracleFacts:
        oracle = OracleFacts()
        for entry in self.log.entries():
            oracle.add(entry)
        return oracle

    def ask(self, asked: Asked, *, tx: int | None = None, **more: Any) -> Outcome:
        size = self.log.size() if tx is None else tx
        now = more.pop("now", self.now)
        return answer_asked(asked, Sources(self.facts(), self), now=now, tx=size, **more)

    def answer(self, *releases: str, **more: Any) -> IncidentAnswer:
        """Answer about `NAME==VERSION`s, or about advisories, windows and so on."""
        words = {
            name: more.pop(name)
            for name in ("digests", "advisories", "windows", "start", "end", "assets")
            if name in more
        }
        named = tuple(
            Release(type="pypi", name=name, version=version)
            for name, _, version in (one.partition("==") for one in releases)
        )
        return self.ask(Asked(releases=named, **words), **more).answer


def line(answer: IncidentAnswer, asset: str) -> AssetLine:
    return next(one for one in answer.lines if one.asset == f"asset:{asset}")
