"""Small worlds of looks, facts and retractions for comparing stores with `OracleFacts`.

Instants are few and close together, so that looks meet in every way two intervals can: before,
touching, overlapping, starting or ending together, inside, equal, and of zero length.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from kit.fact_oracle import OracleFacts
from pratique.exposure.ports import NOW_TX, FactQueries
from pratique.inventory.observed.entries import (
    EMPTY,
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
    identity_key,
)
from pratique.ledger.entries import Draft, Entry
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, OPEN, Span, to_micros

EPOCH = datetime(2026, 3, 24, tzinfo=UTC)
HOURS = 12
RECORDED = EPOCH + timedelta(hours=HOURS)

ITEMS = [
    Item(type="pypi", name="litellm", version="1.82.7", digest="sha256:" + "a" * 64),
    Item(type="pypi", name="litellm", version="1.82.70"),
    Item(type="npm", name="@scope/axios", version="1.14.1", filename="axios.tgz"),
    Item(type="githubactions", name="tj-actions/changed-files", version="v45"),
]
IDENTITIES = [
    Identity(kind="env", name="OPENAI_API_KEY", locator=".env"),
    Identity(kind="ssh-key", name="~/.ssh/id_ed25519", locator="~/.ssh", local=True),
    Identity(kind="env", name="OPENAI_API_KEY", locator="job", fingerprint="f1"),
]
PLACES: list[dict[str, Any]] = [
    {"asset": "build-7", "asset_kind": AssetKind.HOST, "place_kind": PlaceKind.ENVIRONMENT},
    {"asset": "build-7", "asset_kind": AssetKind.UNKNOWN, "place_kind": PlaceKind.CACHE},
    {"asset": "ci/acme/1", "asset_kind": AssetKind.CI_RUN, "place_kind": PlaceKind.CI_LOG},
    {
        "asset": "repo/acme",
        "asset_kind": AssetKind.REPOSITORY,
        "place_kind": PlaceKind.LOCK,
        "lineage": "repo/acme:uv.lock",
    },
    {
        "asset": "ci/acme/2",
        "asset_kind": AssetKind.CI_RUN,
        "place_kind": PlaceKind.CI_LOG,
        "lineage": "repo/acme:uv.lock",
    },
]


def at(hour: int) -> datetime:
    return EPOCH + timedelta(hours=hour)


def micros(hour: int) -> int:
    return to_micros(at(hour))


_hours = st.integers(0, HOURS)


@st.composite
def _sightings(draw: st.DrawFn) -> Sighting:
    since = ["", ""]
    if draw(st.booleans()):
        low, high = sorted((draw(_hours), draw(_hours)))
        since = [render_instant(at(low)), render_instant(at(high))]
        if draw(st.integers(0, 3)) == 0:
            since[draw(st.integers(0, 1))] = ""
    return Sighting(
        item=draw(st.sampled_from(ITEMS)),
        stage=draw(st.sampled_from([Stage.LISTED, Stage.INSTALLED])),
        since_lo=since[0],
        since_hi=since[1],
        at=draw(st.sampled_from(["", "line 1", "line 2"])),
        direct=draw(st.sampled_from([None, True])),
        range=draw(st.sampled_from(["", "", ">=1"])),
    )


@st.composite
def looks(draw: st.DrawFn) -> Look:
    low, high = sorted((draw(_hours), draw(_hours)))
    if draw(st.integers(0, 2)) == 0:
        high = low
    place = draw(st.sampled_from(PLACES))
    return Look(
        **place,
        locator="here",
        at_lo=at(low),
        at_hi=at(high),
        mode=draw(st.sampled_from(LookMode)),
        ended=draw(st.integers(0, 4)) == 0,
        whole=draw(st.integers(0, 3)) > 0,
        sightings=tuple(draw(st.lists(_sightings(), max_size=4))),
        identities=tuple(draw(st.lists(st.sampled_from(IDENTITIES), max_size=2, unique=True))),
        evidence_class=draw(st.sampled_from([EvidenceClass.OBSERVED, EvidenceClass.DECLARED])),
        collector="sweep/test",
        machine=draw(st.sampled_from(["", "m1", "m1", "m2"]))
        if place["asset"] == "build-7"
        else "",
    )


@st.composite
def finished_runs(draw: st.DrawFn) -> Look:
    """Logs of finished CI runs, as most of them are: they are kept in few bytes."""
    low, high = sorted((draw(_hours), draw(_hours)))
    return Look(
        asset=f"ci/acme/{draw(st.sampled_from([1, 2, 2, 3]))}",
        asset_kind=AssetKind.CI_RUN,
        place_kind=PlaceKind.CI_LOG,
        locator=draw(st.sampled_from(["here", "test"])),
        at_lo=at(low),
        at_hi=at(high),
        mode=LookMode.EVENT,
        ended=True,
        lineage="repo/acme:uv.lock",
        sightings=tuple(draw(st.lists(_sightings(), min_size=1, max_size=3))),
        identities=tuple(draw(st.lists(st.sampled_from(IDENTITIES), max_size=1))),
        evidence_class=EvidenceClass.LOGGED,
        collector="ci-log/test",
    )


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    names = ["identity:env/OPENAI_API_KEY", "asset:build-7", "asset:ci/acme/2", "dataset:d1"]
    bounds = sorted(draw(st.lists(_hours, min_size=4, max_size=4)))
    texts = [render_instant(at(hour)) if draw(st.booleans()) else "" for hour in bounds]
    return Fact(
        relation=draw(st.sampled_from([Relation.HOLDS, Relation.ASSUMES, Relation.ROTATED])),
        subject=draw(st.sampled_from(names)),
        object=draw(st.sampled_from(names)),
        from_lo=texts[0],
        from_hi=texts[1],
        to_lo=texts[2],
        to_hi=texts[3],
        note=draw(st.sampled_from(["", "by hand"])),
    )


Step = Look | tuple[Fact, ...] | int
"""A look, some facts, or a retraction of the n-th entry from the end."""

steps: st.SearchStrategy[Step] = st.one_of(
    looks(),
    looks(),
    looks(),
    finished_runs(),
    finished_runs(),
    st.lists(facts(), min_size=1, max_size=2).map(tuple),
    st.integers(1, 6),
)
worlds = st.lists(steps, min_size=1, max_size=10)


class Story:
    """Steps as entries; contents are recorded as changes of the place's last one, as a sweep does."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._recorded: set[str] = {EMPTY}
        self._last: dict[object, tuple[str, Content]] = {}

    def add(self, step: Step) -> None:
        for draft in self._drafts(step):
            self.entries.append(
                Entry(
                    sequence=len(self.entries),
                    recorded_at=RECORDED,
                    kind=draft.kind,
                    subject=draft.subject,
                    actor=draft.actor,
                    body=draft.body,
                )
            )

    def _drafts(self, step: Step) -> list[Draft]:
        if isinstance(step, Look):
            key = step.lineage or (step.asset, step.place_kind, step.machine)
            drafts = look_drafts(
                step, base=self._last.get(key), is_recorded=self._recorded.__contains__
            )
            content = content_of(step)
            self._recorded.add(content.id)
            if content.id != EMPTY:
                self._last[key] = content.id, content
            return drafts
        if isinstance(step, int):
            body = {"entry": max(0, len(self.entries) - step), "fact": None, "reason": "test"}
            return [Draft(kind="retraction", subject="entry:0", actor="operator:x", body=body)]
        return facts_drafts(step, source="test", actor="operator:x")


def tell(world: Sequence[Step]) -> list[Entry]:
    story = Story()
    for step in world:
        story.add(step)
    return story.entries


def tell_together(worlds: Sequence[Sequence[Step]]) -> list[Entry]:
    """Many worlds in one ledger, a step of each in turn: each has assets and places of its own.

    They share items and names of identities, so that an answer about one of these is about many.
    """
    story = Story()
    told: list[list[int]] = [[] for _ in worlds]
    for steps_ in itertools.zip_longest(*worlds):
        for number, step in enumerate(steps_):
            own, size = told[number], len(story.entries)
            if isinstance(step, int) and own:
                # The n-th from the end of its own world, told as the n-th from the end of all.
                story.add(size - own[-min(step, len(own))])
            elif step is not None and not isinstance(step, int):
                story.add(_moved(step, f"w{number}-"))
            own += range(size, len(story.entries))
    return story.entries


def _moved(step: Look | tuple[Fact, ...], where: str) -> Look | tuple[Fact, ...]:
    replace = msgspec.structs.replace
    if isinstance(step, Look):
        lineage = f"{where}{step.lineage}" if step.lineage else ""
        return replace(step, asset=f"{where}{step.asset}", lineage=lineage)

    def moved(name: str) -> str:
        return f"asset:{where}{name[6:]}" if name.startswith("asset:") else name

    return tuple(replace(f, subject=moved(f.subject), object=moved(f.object)) for f in step)


def oracle_of(entries: Sequence[Entry]) -> OracleFacts:
    oracle = OracleFacts()
    for entry in entries:
        oracle.add(entry)
    return oracle


def expect_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare answer by answer, so that a failure shows one question."""
    assert found.keys() == expected.keys()
    for question, answer in expected.items():
        assert found[question] == answer, question


# ── every question, in words that do not depend on a store's numbers ─────────────────────────

WINDOWS = [(0, 0), (3, 3), (2, 5), (5, 6), (0, HOURS), (HOURS, HOURS), (HOURS + 1, HOURS + 9)]


def ask_everything(queries: FactQueries, *, tx: int = NOW_TX) -> dict[str, Any]:
    """Answers of every named question."""
    return dict(_answers(queries, tx))


def _answers(queries: FactQueries, tx: int) -> Iterator[tuple[str, Any]]:
    names = [("pypi", "litellm"), ("npm", "@scope/axios"), ("pypi", "absent"), ("npm", "litellm")]
    items = list(queries.items_named([(i.type, i.name) for i in ITEMS], tx=tx))
    yield "items_named", _sorted(row[1:] for row in queries.items_named(names, tx=tx))
    digests = ["sha256:" + "a" * 64, "sha256:" + "b" * 64, ""]
    yield "items_with_digest", _sorted(r[1:] for r in queries.items_with_digest(digests, tx=tx))
    assets = {row.id: row.name for row in queries.assets(tx=tx)}
    yield "assets", _sorted(row[1:] for row in queries.assets(tx=tx))
    ids = {item.id: item[1:] for item in items}
    show = _shower(queries, ids, assets)
    windows = [(micros(start), micros(end)) for start, end in WINDOWS]
    for start, end in [*windows, (DAWN, OPEN)]:
        found = queries.hits(list(ids), start, end, tx=tx)
        yield f"hits {start} {end}", _sorted(show(hit) for hit in found)
        held = queries.holds(list(assets), start, end, tx=tx)
        yield f"holds {start} {end}", _sorted(map(tuple, held))
        for which in (None, list(assets)):
            looks_ = queries.watched(which, start, end, tx=tx)
            rows = [(assets[w.asset], _place(queries, w.place), *w[2:]) for w in looks_]
            yield f"watched {which is None} {start} {end}", _sorted(rows)
    for number, name in assets.items():
        found = queries.hits_of_asset(number, names, tx=tx)
        yield f"hits_of_asset {name}", _sorted(show(hit) for hit in found)
        for hour in (0, 3, HOURS + 1):
            pairs = queries.contents_at(number, micros(hour), tx=tx)
            yield f"contents_at {name} {hour}", _sorted((i[1:], show(hit)) for i, hit in pairs)
    yield "conflicts", _sorted((assets[c.asset], *c[1:]) for c in queries.conflicts(tx=tx))
    keys = [f"asset:{name}" for name in assets.values()] + ["identity:env/OPENAI_API_KEY"]
    keys += [identity_key(one, name) for one in IDENTITIES for name in assets.values()]
    for relation in ("holds", "assumes", "rotated"):
        yield f"from {relation}", _sorted(queries.edges_from(relation, keys, tx=tx))
        yield f"to {relation}", _sorted(queries.edges_to(relation, keys, tx=tx))
        yield f"of {relation}", _sorted(queries.edges_of(relation, tx=tx))
    yield "totals", queries.totals(tx=tx)


def _place(queries: FactQueries, place: int) -> tuple[str, ...]:
    row = queries.places([place])[0]
    return row.kind, row.locator, row.lineage


def _shower(
    queries: FactQueries, items: dict[int, tuple[Any, ...]], assets: dict[int, str]
) -> Callable[[Any], tuple[Any, ...]]:
    def show(hit: Any) -> tuple[Any, ...]:
        place = _place(queries, hit.place)
        return (items[hit.item], assets[hit.asset], place, *hit[3:])

    return show


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=repr)


def is_well_formed(span: Span) -> bool:
    return span.from_lo <= span.from_hi and span.to_lo <= span.to_hi and span.from_lo <= span.to_hi
