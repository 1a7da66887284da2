"""Bodies straight from the ledger's bytes say what the slow reading says, or leave it to that."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.fact_worlds import IDENTITIES, ITEMS, Step, tell, worlds
from kit.memory_log import MemoryLog
from pratique.inventory.observed.entries import ContentBody, FactsBody, LookBody, sighting_key
from pratique.inventory.observed.model import Sighting, Stage
from pratique.ledger.canonical import (
    MAX_INTEGER,
    canonical_json,
    encode_entry,
    parse_entry,
    parse_entry_with,
    prepare,
    render_time,
)
from pratique.ledger.entries import Draft, Entry, ReadEntry
from pratique.ledger.errors import EntryFormatError, LedgerDamagedError
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.inventory_lines import READERS, Part, pack, part_of, read_part, unpack
from pratique.store.projector import Projector

NOW = datetime(2026, 3, 24, 10, 39, tzinfo=UTC)
SOME = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
WRITE = msgspec.json.Encoder(order="sorted").encode
TYPES: dict[str, type] = {"content": ContentBody, "look": LookBody, "facts": FactsBody}
SEEN = Sighting(item=ITEMS[0], stage=Stage.INSTALLED, at="line 3", since_lo="2026-03-24T01:00:00Z")


class SlowLog(MemoryLog):
    """A log whose every entry must be read by the log itself."""

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return (b"" for _ in self.kept[start:end])


def leaf_of(kind: str, body: Any, *, sequence: int = 0) -> bytes:
    subject = {"content": "content:c", "look": "asset:a", "facts": "facts:f"}.get(kind, kind)
    draft = Draft(kind=kind, subject=subject, actor="collector:c", body=body)
    return encode_entry(prepare(draft), sequence=sequence, recorded_at=render_time(NOW))


def content_body(**changes: Any) -> dict[str, Any]:
    body = ContentBody(
        base="", part=0, parts=1, added=(SEEN,), identities=(IDENTITIES[0],), removed=("s" + "0" * 23,)
    )  # fmt: skip
    return {**msgspec.to_builtins(body), **changes}


def rows_of(log: MemoryLog) -> dict[str, list[tuple[object, ...]]]:
    database = SqliteDatabase(Path(":memory:"), "facts")
    try:
        Projector(log, database).catch_up()  # type: ignore[arg-type] # a log in memory
        tables = [name for name, _ in database.fetch("count_fact_rows")]
        read = database._reader.execute
        return {t: sorted(read(f"SELECT * FROM {t}"), key=repr) for t in tables}
    finally:
        database.close()


@pytest.mark.slow
@SOME
@given(worlds)
def test_both_ways_of_reading_make_the_same_rows(world: list[Step]) -> None:
    entries = tell(world)
    assert rows_of(MemoryLog(entries)) == rows_of(SlowLog(entries))


@SOME
@given(worlds)
def test_every_entry_that_collectors_write_is_read_at_once(world: list[Step]) -> None:
    for entry, leaf in zip(entries := tell(world), MemoryLog(entries).leaves(), strict=True):
        read = parse_entry_with(leaf, READERS)
        assert (read.sequence, read.recorded_at, read.kind, read.subject, read.actor) == (
            entry.sequence, entry.recorded_at, entry.kind, entry.subject, entry.actor,
        )  # fmt: skip
        if entry.kind not in TYPES:
            assert read == entry
            continue
        assert isinstance(read, ReadEntry)
        slow = msgspec.convert(entry.body, TYPES[entry.kind])
        assert read.body == (part_of(slow) if isinstance(slow, ContentBody) else slow)


def test_a_line_says_what_follows_from_its_sighting() -> None:
    part = read_part(canonical_json(content_body()))
    assert part is not None
    (line,) = part.added
    assert line.key == sighting_key(SEEN)
    assert line.sighting == SEEN
    assert (line.stage, line.since_lo, line.since_hi) == (3, 1_774_314_000_000_000, None)
    assert line.detail == '{"at":"line 3"}'
    assert f"{line.number:015x}" == line.key[1:16]


ADDED = msgspec.to_builtins(SEEN)


@pytest.mark.parametrize(
    "body",
    [
        content_body(more=1),
        content_body(added=[{**ADDED, "more": 1}]),
        content_body(added=[{**ADDED, "note": ""}]),
        content_body(added=[{**ADDED, "since_lo": "yesterday"}]),
        content_body(added=[{**ADDED, "stage": 9}]),
        content_body(added=[7]),
        content_body(part="0"),
        content_body(removed=None),
    ],
)
def test_a_body_that_is_canonical_and_not_as_we_write_it_is_read_slowly(body: Any) -> None:
    leaf = leaf_of("content", body)
    read = parse_entry_with(leaf, READERS)
    assert isinstance(read, Entry)
    assert read == parse_entry(leaf)


def spoiled() -> Iterator[tuple[bytes, bytes]]:
    yield b'"part":0', b'"part":0.0'
    yield b'"part":0', b'"part": 0'
    yield b'"part":0', b'"part":0,"part":0'
    yield b'"part":0', b'"part":%d' % (MAX_INTEGER + 1)
    yield b'"stage":3', b'"stage":3.0'
    yield b'"stage":3', b'"stage": 3'
    yield b'"stage":3', b'"stage":2,"stage":3'
    yield b"line 3", b"line\\u00203"
    yield b"line 3", b"line \xff"
    yield b'"at":', b'"note":"x","at":'
    yield b'"removed":[', b'"removed":[ '


@pytest.mark.parametrize(("old", "new"), list(spoiled()))
def test_a_body_that_is_not_canonical_is_refused_whoever_reads_it(old: bytes, new: bytes) -> None:
    """Even with the right hash of the wrong spelling: nothing slips by because it was read fast."""
    good = leaf_of("content", content_body())
    body = canonical_json(content_body())
    assert body.count(old) == 1
    wrong = body.replace(old, new)
    hashes = [sha256(one).hexdigest().encode() for one in (body, wrong)]
    leaf = good.replace(body, wrong)
    for bad in (leaf, leaf.replace(*hashes)):
        with pytest.raises(EntryFormatError):
            parse_entry(bad)
        with pytest.raises(EntryFormatError):
            parse_entry_with(bad, READERS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sequence":0', b'"sequence":-0'),
        (b'"sequence":0', b'"sequence":0,"extra":1'),
        (b"10:39:00Z", b"10:39:00+00:00"),
        (b'{"actor"', b' {"actor"'),
        (b'"body_hash":"', b'"body_hash":"0'),
        (b"asset:a", b"asset:\xff"),
    ],
)
def test_what_surrounds_a_body_is_checked_as_strictly(old: bytes, new: bytes) -> None:
    body = {
        "asset_kind": "host", "place_kind": "environment", "locator": "", "at_lo": "2026-03-24",
        "at_hi": "2026-03-24", "mode": "sampled", "ended": False, "whole": True, "lineage": "",
        "content": "c", "gaps": [], "gaps_total": 0, "evidence": [], "evidence_class": 2,
        "collector": "c", "machine": "",
    }  # fmt: skip
    leaf = leaf_of("look", body)
    assert isinstance(parse_entry_with(leaf, READERS), ReadEntry)
    with pytest.raises(EntryFormatError):
        parse_entry_with(leaf.replace(old, new), READERS)


def test_a_damaged_leaf_is_left_to_the_log_which_says_where() -> None:
    class Damaged(MemoryLog):
        def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
            yield leaf_of("facts", {"facts": []}, sequence=5)

        def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
            raise LedgerDamagedError("it says it is entry 5", place="segments", sequence=start)

    log = Damaged()
    log.append([Draft(kind="facts", subject="facts:f", actor="a", body={"facts": []})], now=NOW)
    with pytest.raises(LedgerDamagedError, match="says it is entry 5"):
        rows_of(log)


# ── as stored ────────────────────────────────────────────────────────────────────────────────

sightings = st.builds(
    Sighting,
    item=st.sampled_from(ITEMS),
    stage=st.sampled_from(Stage),
    at=st.text(max_size=300),
    note=st.text(max_size=20),
)
bodies = st.builds(
    ContentBody,
    base=st.sampled_from(["", "b" * 32]),
    part=st.just(0),
    parts=st.integers(1, 3),
    added=st.lists(sightings, max_size=12).map(tuple),
    identities=st.lists(st.sampled_from(IDENTITIES), max_size=2).map(tuple),
    removed=st.lists(st.just("i" + "1" * 23), max_size=2).map(tuple),
)


@given(st.lists(bodies, min_size=1, max_size=3).map(tuple))
def test_parts_are_given_back_as_they_were_stored(parts: tuple[ContentBody, ...]) -> None:
    told: tuple[Part, ...] = tuple(map(part_of, parts))
    assert [one.raw for one in told] == [WRITE(body) for body in parts]
    assert unpack(pack(told)) == told


@given(st.lists(bodies, min_size=1, max_size=3).map(tuple), st.booleans())
def test_parts_that_earlier_versions_stored_are_read(
    parts: tuple[ContentBody, ...], compressed: bool
) -> None:
    stored = msgspec.msgpack.encode(parts)
    stored = zlib.compress(stored, 1) if compressed else stored
    assert unpack(stored) == tuple(map(part_of, parts))
