"""Leases, scopes and datasets become facts of reach: as a naive reading says, at every ledger size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.custody import lease_id
from kit.memory_log import MemoryLog
from pratique.inventory.observed.model import Relation
from pratique.ledger.entries import Draft, Entry
from pratique.settings import Settings, StorageSettings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.custody_facts import STOP_MICROS
from pratique.store.inventory_reader import InventoryStore
from pratique.store.presence import PresenceStore, open_facts
from pratique.store.projector import Projector
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, OPEN, Span, to_micros

DAY = datetime(2026, 11, 1, tzinfo=UTC)
SOME = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
CLIENTS, VENDORS = ("meta", "lab"), ("acme", "beta")
DATASETS = {"dialogs": "meta", "images": "meta", "corpus": "lab"}
SCOPES = (
    "vendor:acme", "vendor:beta", "project:acme/p", "holder:acme/p/ann", "client:meta", "client:lab",
    "dataset:dialogs", "dataset:images", f"lease:{lease_id(0)}", f"lease:{lease_id(1)}",
)  # fmt: skip


def hour(n: int) -> datetime:
    return DAY + timedelta(hours=n)


def lease_draft(number: int, **changes: Any) -> Draft:
    client = changes.get("client", "meta")
    own = [name for name, owner in DATASETS.items() if owner == client]
    body = {
        "holder": "ann", "vendor": "acme", "project": "p", "client": client, "purpose": "labelling",
        "selectors": own, "verbs": ["list", "read"], "copy": "marked", "budget_bytes": 1 << 30,
        "budget_objects": 10, "rate": 0, "networks": [], "not_before": render_instant(hour(1)),
        "not_after": render_instant(hour(9)), "certificate_sha256": "00" * 32, "via": "cli",
        "reason": "",
    }  # fmt: skip
    return Draft(
        kind="lease", subject=f"lease:{lease_id(number)}", actor="operator:o", body=body | changes
    )


def scope_draft(scope: str, state: str, *, changed: str = "state", rule: str = "") -> Draft:
    body = {
        "changed": changed, "state": state, "reason": "because", "incident": "", "cap_bytes": None,
        "cap_objects": None, "epoch": 3, "by_rule": rule,
    }  # fmt: skip
    return Draft(kind="scope", subject=f"scope:{scope}", actor="operator:o", body=body)


def dataset_draft(name: str, client: str = "") -> Draft:
    body = {
        "client": client or DATASETS[name], "classification": "confidential",
        "purposes": ["labelling"], "residency": "", "sealed": False, "seal_key": "",
    }  # fmt: skip
    return Draft(kind="dataset", subject=f"dataset:{name}", actor="operator:o", body=body)


def key_draft(subject: str, action: str) -> Draft:
    body = {"action": action, "generation": 1, "objects": 3, "reason": "over"}
    return Draft(kind="key", subject=subject, actor="operator:o", body=body)


@st.composite
def _drafts(draw: st.DrawFn) -> Draft:
    kind = draw(st.sampled_from(("dataset", "lease", "lease", "scope", "scope", "scope", "key")))
    if kind == "dataset":
        return dataset_draft(
            draw(st.sampled_from(sorted(DATASETS))), draw(st.sampled_from(CLIENTS))
        )
    if kind == "key":
        subject = draw(st.sampled_from(("client:meta", "dataset:images", "dataset:corpus")))
        return key_draft(
            subject, draw(st.sampled_from(("made", "rotated", "rotated", "destroyed")))
        )
    if kind == "scope":
        state = draw(st.sampled_from(("live", "live", "suspended", "suspended", "ended")))
        changed = draw(st.sampled_from(("state", "state", "state", "caps")))
        rule = draw(st.sampled_from(("", "velocity")))
        return scope_draft(draw(st.sampled_from(SCOPES)), state, changed=changed, rule=rule)
    since = draw(st.integers(0, 12))
    client = draw(st.sampled_from(CLIENTS))
    own = [name for name, owner in DATASETS.items() if owner == client]
    chosen = draw(st.lists(st.sampled_from([*own, own[0] + "/x"]), min_size=1, unique=True))
    return lease_draft(
        draw(st.integers(0, 3)),
        vendor=draw(st.sampled_from(VENDORS)),
        holder=draw(st.sampled_from(("ann", "bob"))),
        client=client,
        selectors=chosen,
        verbs=draw(st.sampled_from((["read"], ["list", "read"], ["write"]))),
        not_before=render_instant(hour(since)),
        not_after=render_instant(hour(since + draw(st.integers(1, 8)))),
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Entry]:
    log = MemoryLog()
    now = 0
    for draft in draw(st.lists(_drafts(), max_size=25)):
        now += draw(st.integers(0, 2))
        log.append([draft], now=hour(now))
    return log.kept


# ── the naive reading ────────────────────────────────────────────────────────────────────────


class Fact(NamedTuple):
    relation: str
    subject: str
    object: str
    span: Span


def expected(entries: Sequence[Entry]) -> set[Fact]:
    found: set[Fact] = set()
    owned: set[str] = set()
    granted: set[str] = set()
    for entry in entries:
        at = to_micros(entry.recorded_at)
        if entry.kind == "dataset" and entry.subject not in owned:
            owned.add(entry.subject)
            owner = f"client:{entry.body['client']}"
            found.add(Fact("belongs-to", entry.subject, owner, Span(DAWN, at, at, OPEN)))
        if entry.kind == "lease" and entry.subject not in granted:
            granted.add(entry.subject)
            found.update(_of_lease(entry, entries))
    return found


def _of_lease(lease: Entry, entries: Sequence[Entry]) -> Iterator[Fact]:
    identity = f"identity:lease/{lease.subject.removeprefix('lease:')}"
    since, until = (
        to_micros(datetime.fromisoformat(lease.body[key])) for key in ("not_before", "not_after")
    )
    at = to_micros(lease.recorded_at)
    known = max(since, at)
    yield Fact(
        "operated-by", identity, f"vendor:{lease.body['vendor']}", Span(since, known, known, OPEN)
    )
    if "read" not in lease.body["verbs"]:
        return
    for dataset in sorted({one.partition("/")[0] for one in lease.body["selectors"]}):
        for span in _spans(lease, dataset, entries, since, until):
            yield Fact("opens", identity, f"dataset:{dataset}", span)


def _scopes(lease: Entry, dataset: str) -> set[str]:
    body = lease.body
    vendor, project, holder, client = (body[k] for k in ("vendor", "project", "holder", "client"))
    return {
        lease.subject, f"holder:{vendor}/{project}/{holder}", f"project:{vendor}/{project}",
        f"vendor:{vendor}", f"client:{client}", f"dataset:{dataset}",
    }  # fmt: skip


def _stopped(entries: Sequence[Entry], scopes: set[str]) -> bool:
    """Whether the last word on any of these is a stop; an end is for good."""
    states: dict[str, str] = {}
    for entry in entries:
        if entry.kind == "key" and entry.body["action"] == "destroyed" and entry.subject in scopes:
            return True
        if entry.kind == "scope" and entry.body["changed"] == "state":
            scope = entry.subject.removeprefix("scope:")
            if states.get(scope) != "ended":
                states[scope] = entry.body["state"]
    return any(states.get(scope, "live") != "live" for scope in scopes)


def _spans(
    lease: Entry, dataset: str, entries: Sequence[Entry], since: int, until: int
) -> Iterator[Span]:
    scopes = _scopes(lease, dataset)
    granted = to_micros(lease.recorded_at)
    begun: tuple[int, int] | None = None
    if not _stopped(entries[: lease.sequence], scopes):
        begun = since, min(max(since, granted), until)
    for entry in entries[lease.sequence + 1 :]:
        at = to_micros(entry.recorded_at)
        if at >= until:
            break
        stopped = _stopped(entries[: entry.sequence + 1], scopes)
        if stopped and begun is not None:
            end = min(at + STOP_MICROS, until)
            if begun[0] < end:
                by_rule = bool(entry.body.get("by_rule"))
                sure = begun[0] if by_rule else max(begun[0], min(at, end))
                yield Span(begun[0], min(begun[1], end), sure, end)
            begun = None
        elif not stopped and begun is None:
            start = max(at, since)
            begun = start, min(start + STOP_MICROS, until)
    if begun is not None:
        yield Span(*begun, until, until)


# ── tests ────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def projected(entries: Sequence[Entry], *cuts: int) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(Path(":memory:"), "facts")
    log = MemoryLog(entries)
    try:
        for end in sorted({min(cut, len(entries)) for cut in cuts}):
            Projector(log, database, end=end).catch_up()  # type: ignore[arg-type] # a log in memory
        Projector(log, database).catch_up()  # type: ignore[arg-type] # a log in memory
        yield database
    finally:
        database.close()


def told(database: SqliteDatabase, tx: int) -> list[Fact]:
    store = InventoryStore(database)
    return sorted(
        Fact(edge.relation, edge.subject, edge.object, edge.span)
        for relation in (Relation.OPENS, Relation.BELONGS_TO, Relation.OPERATED_BY)
        for edge in store.edges_of(relation, tx=tx)
    )


def all_rows(database: SqliteDatabase) -> dict[str, list[tuple[object, ...]]]:
    tables = [name for name, _ in database.fetch("count_fact_rows")]
    reader = database._reader
    return {t: sorted(reader.execute(f"SELECT * FROM {t}"), key=repr) for t in tables}


@SOME
@given(stories(), st.lists(st.integers(0, 25), max_size=4))
def test_facts_are_the_naive_ones_at_every_size(entries: list[Entry], cuts: list[int]) -> None:
    with projected(entries, *cuts) as database, projected(entries) as at_once:
        assert database.fetch("count_fact_rows") == at_once.fetch("count_fact_rows")
        assert all_rows(database) == all_rows(at_once)
        assert not all_rows(database)["unreadable_entries"]
        for tx in range(len(entries) + 1):
            assert told(database, tx) == sorted(expected(entries[:tx])), tx
        totals = InventoryStore(database).totals(tx=len(entries))
        assert totals.facts == len(expected(entries))


def a_story() -> list[Entry]:
    """Everything once: a grant, reads, a suspension, its end, a revocation, a second lease."""
    log = MemoryLog()
    body = {
        "client": "meta", "dataset": "dialogs", "vendor": "acme", "project": "p", "holder": "ann",
        "process": "p1",
    }  # fmt: skip
    reads = [["ab" * 16, 0, 3, 9, 700, 206, 0, 1]]
    lease = f"lease:{lease_id(0)}"
    story = [
        (0, dataset_draft("dialogs")),
        (0, dataset_draft("images")),
        (1, Draft(kind="object", subject="dataset:dialogs", actor="o", body={
            "object": "ab" * 16, "size": 10 * 65536, "sha256": "cd" * 32, "parts": 1, "lease": "",
            "reason": "registered"})),
        (1, lease_draft(0)),
        (2, Draft(kind="reads-ahead", subject=lease, actor=lease, body=body | {
            "number": 0, "ahead": [["ab" * 16, 0, 0, 15]], "seconds": 10})),
        (2, Draft(kind="reads", subject=lease, actor=lease, body=body | {
            "number": 1, "reads": reads, "names": ["192.0.2.1", "boto3"]})),
        (3, scope_draft("vendor:acme", "suspended", rule="velocity")),
        (4, scope_draft("vendor:acme", "live")),
        (5, scope_draft(f"lease:{lease_id(0)}", "ended")),
        (6, lease_draft(1, holder="bob")),
        (7, Draft(kind="reads-ended", subject="process:p1", actor="door:s3", body={
            "process": "p1", "client": "meta", "entries": 2})),
    ]  # fmt: skip
    for at, draft in story:
        log.append([draft], now=hour(at))
    return log.kept


def asked(presence: PresenceStore) -> list[Any]:
    custody = presence.custody
    return [
        *(
            presence.inventory.edges_of(relation, tx=2**53 - 1)
            for relation in (Relation.OPENS, Relation.BELONGS_TO, Relation.OPERATED_BY)
        ),
        custody.access_log(lease=lease_id(0)),
        custody.access_log(client="meta"),
        custody.access_log(client="meta", dataset="dialogs", since=hour(2), until=hour(3)),
        custody.access_log(client="meta", dataset="images"),
        custody.own_entries("meta"),
        custody.others("lab"),
        custody.owner_of("dialogs"),
        custody.disclosed(lease_id(0), start=hour(1), end=None, tx=2**53 - 1),
        presence.inventory.totals(tx=2**53 - 1),
    ]


def test_both_dialects_answer_alike(postgres_url: str, tmp_path: Path) -> None:
    log = MemoryLog(a_story())
    stores = (
        Settings(home=tmp_path),
        Settings(home=tmp_path, storage=StorageSettings(database_url=postgres_url)),
    )
    answers = []
    for place in stores:
        presence = PresenceStore(open_facts(place), log)  # type: ignore[arg-type] # a log in memory
        presence.catch_up()
        answers.append(asked(presence))
        presence.close()
    assert answers[0] == answers[1]
    opens = answers[0][0]
    assert [one.span.to_hi for one in opens] != []
    told = answers[0][-2]
    assert (told.bytes, told.objects, told.revoked_at) == (7 * 65536, 1, hour(5))


def test_a_past_size_knows_neither_the_stop_nor_later_reads() -> None:
    entries = a_story()
    with projected(entries) as database:
        store = InventoryStore(database)
        identity = f"identity:lease/{lease_id(0)}"
        at_grant = store.edges_from(Relation.OPENS, [identity], tx=4)
        assert {edge.span.to_hi for edge in at_grant} == {to_micros(hour(9))}
        stopped = store.edges_from(Relation.OPENS, [identity], tx=7)
        assert {edge.span.to_hi for edge in stopped} == {to_micros(hour(3)) + STOP_MICROS}
        now = store.edges_from(Relation.OPENS, [identity], tx=len(entries))
        assert {edge.span.from_lo for edge in now} == {to_micros(hour(1)), to_micros(hour(4))}
        assert max(edge.span.to_hi for edge in now) == to_micros(hour(5)) + STOP_MICROS


def test_a_lease_that_nobody_saw_leaves_the_book_of_extent_right() -> None:
    with projected(a_story()) as database:
        assert database.fetch("find_extent_change", since=0), "datasets have owners"
        assert not database.fetch("find_extent_change", since=3), "leases alone change nothing"
        with database.write() as session:
            row = {"hash": "x", "locator": "", "fingerprint": "", "local": 0}
            values = {"kind": "lease", "name": lease_id(0), "number": 1, "key": "x"}
            session.run_many("add_identity", [row | values])
        assert database.fetch("find_extent_change", since=3), "one that a look saw does"
