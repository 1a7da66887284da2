"""The projection: what entries become, how it heals, and that it can be made again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from kit.door_story import T0, Story, digest_of, random_story, row
from kit.memory_log import MemoryLog
from pratique.exposure.question import Question, release_key
from pratique.settings import Settings, StorageSettings
from pratique.store import projector as projector_module
from pratique.store.batch import Batch
from pratique.store.connect import Database
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.errors import StoreDamagedError
from pratique.store.presence import PresenceStore, open_facts
from pratique.store.projector import Projector
from pratique.store.rebuild import rebuild_from
from pratique.values.names import ProjectName

LITELLM = ProjectName("litellm")
TABLES = [
    "assets",
    "deliveries",
    "delivery_ends",
    "events",
    "page_sessions",
    "pages",
    "projection",
    "refusals",
    "unreadable_entries",
    "view_lines",
    "views",
    "watches",
]
GOOD = row("litellm-1.82.6-py3-none-any.whl", "1.82.6")
BAD = row("litellm-1.82.7-py3-none-any.whl", "1.82.7", "hold", "cool-down", "ABCD1234")


def _memory() -> SqliteDatabase:
    return SqliteDatabase(Path(":memory:"), "facts")


def _dump_sqlite(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {t: sorted(connection.execute(f"SELECT * FROM {t}"), key=repr) for t in TABLES}


def _dump_postgres(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path TO pratique_facts")
        return {
            t: sorted(connection.execute(f"SELECT * FROM {t}".encode()).fetchall(), key=repr)
            for t in TABLES
        }


@pytest.fixture(params=["sqlite", "postgres"])
def facts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_facts(Settings(home=tmp_path, storage=StorageSettings(database_url=url)))
    yield opened
    opened.close()


def _presence(story: Story, database: Database) -> PresenceStore:
    presence = PresenceStore(database, story.log)
    assert presence.catch_up() == story.log.size()
    return presence


# ── what entries become ──────────────────────────────────────────────────────────────────────


def test_a_block_id_resolves_to_file_rule_time_and_the_reason_given(facts: Database) -> None:
    story = Story()
    story.view("litellm", [GOOD])
    story.wait(hours=1)
    held = story.view("litellm", [GOOD, BAD])
    first_shown = story.log.size() - 1
    presence = _presence(story, facts)
    block = presence.block("ABCD1234")
    assert block is not None
    assert (block.index, block.project, block.version) == ("pypi", LITELLM, Version("1.82.7"))
    assert (block.filename, block.sha256) == (BAD.filename, BAD.sha256)
    assert (block.outcome, block.rule, block.reason) == ("hold", "cool-down", "")
    assert (block.since, block.sequence) == (T0 + timedelta(hours=1), first_shown)
    story.wait(hours=1)
    story.view("litellm", [BAD])
    story.page("asset:ci", "litellm", held)
    story.refuse("asset:ci", "litellm", BAD)
    presence.catch_up()
    block = presence.block("ABCD1234")
    assert block is not None
    assert "is held by cool-down" in block.reason
    assert block.sequence == first_shown
    assert presence.block("NOSUCH00") is None
    assert presence.block("") is None
    assert [b.block for b in presence.recent_blocks(5)] == ["ABCD1234"]


def test_a_block_that_only_a_refusal_showed_is_found_too(facts: Database) -> None:
    story = Story()
    at = story.refuse("asset:ci", "litellm", BAD)
    block = _presence(story, facts).block("ABCD1234")
    assert block is not None
    assert (block.sequence, block.filename, block.since) == (at, BAD.filename, T0)


def test_refusals_come_newest_first(facts: Database) -> None:
    story = Story()
    for number in range(4):
        story.refuse(f"asset:a{number}", "litellm", BAD)
    rows = _presence(story, facts).recent_refusals(2)
    assert [r.actor for r in rows] == ["asset:a3", "asset:a2"]
    assert (rows[0].until is None, rows[0].door, rows[0].agent) == (False, "file", "pip/26")


def test_a_view_is_known_once_it_is_complete_and_only_on_its_page(facts: Database) -> None:
    story = Story()
    many = [row(f"litellm-{n}.0.tar.gz", f"{n}.0") for n in range(700)]
    half = story.view("litellm", many, parts=1)
    presence = _presence(story, facts)
    assert not presence.knows_view("pypi", LITELLM, half)
    whole = story.view("litellm", many, from_nothing=True)
    assert whole == half
    presence.catch_up()
    assert presence.knows_view("pypi", LITELLM, whole)
    assert not presence.knows_view("torch", LITELLM, whole)
    assert len(presence.known_files(LITELLM, Version("699"))) == 1


def test_answers_within_an_hour_are_one_row_and_later_ones_another(facts: Database) -> None:
    story = Story()
    view = story.view("litellm", [GOOD])
    first = story.page("asset:ci", "litellm", view, agent="pip/26")
    for _ in range(50):
        story.wait(minutes=59)
        last = story.page("asset:ci", "litellm", view, agent="uv/1")
    story.page("asset:other", "litellm", view)
    story.wait(minutes=61)
    story.page("asset:ci", "litellm", view)
    presence = _presence(story, facts)
    found = presence.facts(Question(releases=((LITELLM, Version("1.82.6")),))).sessions
    assert [(s.actor, s.answers) for s in found] == [
        ("asset:ci", 51),
        ("asset:ci", 1),
        ("asset:other", 1),
    ]
    assert (found[0].first_sequence, found[0].last_sequence) == (first, last)
    assert found[0].last_at - found[0].first_at == timedelta(minutes=59 * 50)


def test_known_files_are_told_apart_by_version_and_hash(facts: Database) -> None:
    story = Story()
    local = row("litellm-1.82.7+cpu-py3-none-any.whl", "1.82.7+cpu")
    long = row("litellm-1.82.70-py3-none-any.whl", "1.82.70")
    unhashed = row("litellm-1.82.7.zip", "1.82.7", sha256="")
    story.view("litellm", [BAD, local, long, unhashed])
    story.view("litellm", [BAD], index="torch")
    presence = _presence(story, facts)

    def names(version: str) -> list[tuple[str, str]]:
        known = presence.known_files(LITELLM, Version(version))
        return [(file.index, file.filename) for file in known]

    assert names("1.82.7") == [
        ("pypi", local.filename),
        ("pypi", BAD.filename),
        ("torch", BAD.filename),
    ]
    assert names("1.82.7+cpu") == [("pypi", local.filename)]
    assert names("1.82.70") == [("pypi", long.filename)]
    assert names("1.82") == []


def test_events_are_kept_whole(facts: Database) -> None:
    story = Story()
    body = {"sha256": "0" * 64, "mode": "audit", "names": ["é\x00"], "n": 2**53 - 1}
    story.write("policy", "policy", "operator:root", body)
    story.write("policy", "policy", "operator:root", {"sha256": "1" * 64})
    presence = _presence(story, facts)
    assert [event.body for event in presence.events("policy")] == [body, {"sha256": "1" * 64}]
    assert [event.sequence for event in presence.recent_events("policy", 1)] == [1]


def test_unknown_kinds_are_passed_over_and_spoiled_entries_are_counted(facts: Database) -> None:
    story = Story()
    story.write("prophecy", "lease:1", "asset:ci", {"anything": [1]})
    story.write("page", "no-slash", "asset:ci", {"view": "a", "status": 200})
    story.write("page", "pypi/-bad-", "asset:ci", {"view": "a", "status": 200})
    story.write("delivery", "sha256:x", "asset:ci", {"index": "pypi"})
    story.write("watch", "collector:c", "door:index", {"state": "asleep"})
    story.write("page", "pypi/litellm", "asset:ci", {"view": "a", "status": 200, "agent": "x\x00"})
    presence = _presence(story, facts)
    found = presence.facts(Question(releases=((LITELLM, Version("1")),)))
    assert found.unreadable == 4
    assert found.applied == 6


# ── applying ─────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(1, 119), max_size=6))
def test_rows_depend_on_entries_not_on_batches(seed: int, cuts: list[int]) -> None:
    story = random_story(seed)
    at_once, in_steps = _memory(), _memory()
    Projector(story.log, at_once).catch_up()
    for cut in [*sorted(cuts), story.log.size()]:
        Projector(story.log, in_steps, end=cut).catch_up()
    assert _dump_sqlite(at_once._writer) == _dump_sqlite(in_steps._writer)
    at_once.close()
    in_steps.close()


@pytest.mark.parametrize("seed", range(3))
def test_both_dialects_hold_the_same_rows(seed: int, postgres_url: str, tmp_path: Path) -> None:
    story = random_story(seed, steps=400)
    embedded = _memory()
    Projector(story.log, embedded).catch_up()
    storage = StorageSettings(database_url=postgres_url)
    shared = open_facts(Settings(home=tmp_path, storage=storage))
    for cut in (100, 101, 300, story.log.size()):
        Projector(story.log, shared, end=cut).catch_up()
    shared.close()
    assert _dump_postgres(postgres_url) == _dump_sqlite(embedded._writer)
    embedded.close()


def test_catching_up_twice_adds_nothing(facts: Database) -> None:
    story = random_story(7)
    presence = _presence(story, facts)
    before = facts.fetch("count_fact_rows")
    assert presence.catch_up() == 0
    assert facts.fetch("count_fact_rows") == before
    assert presence.applied() == story.log.size()


def test_a_batch_that_breaks_off_leaves_nothing_and_is_done_again(
    facts: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = random_story(3, steps=300)
    monkeypatch.setattr(projector_module, "_BATCH_WEIGHT", 50)
    written = Batch.write
    calls = 0

    def breaks(batch: Any) -> None:
        nonlocal calls
        calls += 1
        written(batch)
        if calls == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "write", breaks)
    presence = PresenceStore(facts, story.log)
    with pytest.raises(KeyboardInterrupt):
        presence.catch_up()
    assert 0 < presence.applied() < story.log.size()
    presence.catch_up()
    reference = _memory()
    Projector(story.log, reference).catch_up()
    assert sorted(facts.fetch("count_fact_rows")) == sorted(reference.fetch("count_fact_rows"))
    reference.close()


def test_projectors_at_the_same_time_apply_everything_once(facts: Database) -> None:
    story = random_story(5, steps=600)
    failures: list[BaseException] = []

    def project() -> None:
        try:
            for _ in range(5):
                Projector(story.log, facts).catch_up()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must show it
            failures.append(error)

    threads = [threading.Thread(target=project) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    reference = _memory()
    Projector(story.log, reference).catch_up()
    assert sorted(facts.fetch("count_fact_rows")) == sorted(reference.fetch("count_fact_rows"))
    reference.close()


def test_a_projection_of_another_or_a_longer_log_is_refused(facts: Database) -> None:
    story = random_story(1)
    _presence(story, facts)
    with pytest.raises(StoreDamagedError, match="ledger rebuild"):
        PresenceStore(facts, story.log.cut(5)).catch_up()
    other = MemoryLog(story.log.kept)
    other.origin = "other.example/log"
    with pytest.raises(StoreDamagedError, match=r"other\.example"):
        PresenceStore(facts, other).catch_up()


# ── making it again ──────────────────────────────────────────────────────────────────────────


def test_rebuilt_tables_equal_those_kept_up_to_date(tmp_path: Path) -> None:
    story = random_story(11, steps=500)
    home = Settings(home=tmp_path)
    live = open_facts(home)
    for cut in (10, 200, 333, story.log.size()):
        Projector(story.log, live, end=cut).catch_up()
    kept = _dump_sqlite(live._writer)
    report = rebuild_from(story.log, home)
    # The connection that was open all the time sees the exchanged tables.
    assert _dump_sqlite(live._reader) == kept
    assert report.rows == report.rows_before
    assert report.entries == story.log.size()
    assert sum(report.rows.values()) > 300
    assert [path.name for path in tmp_path.iterdir() if "rebuilt" in path.name] == []
    live.close()


def test_rebuilt_tables_equal_those_kept_up_to_date_on_postgres(
    tmp_path: Path, postgres_url: str
) -> None:
    story = random_story(12, steps=400)
    home = Settings(home=tmp_path, storage=StorageSettings(database_url=postgres_url))
    live = open_facts(home)
    presence = PresenceStore(live, story.log)
    for cut in (10, 200, 333, story.log.size()):
        Projector(story.log, live, end=cut).catch_up()
    for _ in range(8):  # often enough for the driver to prepare the statement
        assert presence.recent_refusals(3)
    kept = _dump_postgres(postgres_url)
    report = rebuild_from(story.log, home)
    assert _dump_postgres(postgres_url) == kept
    assert report.rows == report.rows_before
    assert presence.recent_refusals(3)
    live.close()


def test_a_rebuild_replaces_what_was_tampered_with_or_left_behind(tmp_path: Path) -> None:
    story = random_story(13, steps=300)
    home = Settings(home=tmp_path)
    (tmp_path / "facts.db.rebuilt").write_bytes(b"left by a crash")
    live = open_facts(home)
    Projector(story.log, live, end=250).catch_up()
    live._writer.execute("DELETE FROM view_lines")
    live._writer.execute("UPDATE projection SET applied = 10000")
    rebuild_from(story.log, home)
    reference = _memory()
    Projector(story.log, reference).catch_up()
    assert _dump_sqlite(live._reader) == _dump_sqlite(reference._writer)
    reference.close()
    live.close()


def test_readers_see_old_or_new_tables_during_a_rebuild(tmp_path: Path) -> None:
    story = random_story(14, steps=300)
    home = Settings(home=tmp_path)
    presence = PresenceStore(open_facts(home), story.log)
    presence.catch_up()
    expected = presence.recent_refusals(10)
    stop = threading.Event()
    seen: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            seen.append(presence.recent_refusals(10) == expected)

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(3):
        rebuild_from(story.log, home)
    stop.set()
    thread.join(30)
    assert seen
    assert all(seen)
    presence.close()


# ── versions ─────────────────────────────────────────────────────────────────────────────────


def test_versions_are_those_listed_delivered_or_refused_and_of_no_other_project(
    facts: Database,
) -> None:
    story = Story()
    story.view("litellm", [GOOD, row("litellm-1.0.0+cpu.tar.gz", "1.0.0+cpu")])
    story.view("litellm", [row("litellm-2.0rc1.tar.gz", "2.0rc1")], index="torch")
    story.view("lite", [row("lite-9.tar.gz", "9")])
    story.view("litellm", [])
    story.deliver("asset:ci", "litellm", row("litellm-1.82.70.tar.gz", "1.82.70"))
    story.refuse("asset:ci", "litellm", row("litellm-1!3.tar.gz", "1!3", "deny"))
    presence = _presence(story, facts)
    assert presence.versions(LITELLM) == {"1.82.6", "1", "2rc1", "1.82.70", "1!3"}
    assert presence.versions(ProjectName("absent")) == frozenset()
    # What nobody can order stays as it was written, and a name that tells nothing is said.
    story.deliver("asset:ci", "litellm", row("litellm-x.zip", "2.0.1rc2-git"))
    presence.catch_up()
    assert "2.0.1rc2-git" in presence.versions(LITELLM)
    assert "" not in presence.versions(LITELLM)
    for tell in (story.refuse, story.deliver):
        other = Story()
        tell.__func__(other, "asset:ci", "p", row("p.zip", ""))
        database = _memory()
        assert _presence(other, database).versions(ProjectName("p")) == {""}
        database.close()
    story.view("litellm", [row("litellm.exe", "")])
    presence.catch_up()
    assert "" in presence.versions(LITELLM)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_versions_equal_those_of_a_walk_through_the_log(seed: int) -> None:
    story = random_story(seed)
    database = _memory()
    presence = _presence(story, database)
    for project in ("litellm", "lite-llm"):
        told: set[str] = set()
        for entry in story.log.kept:
            if entry.kind == "view" and entry.subject.endswith(f"/{project}"):
                told.update(change["v"] for change in entry.body["changes"])
            if entry.kind in {"delivery", "refusal"} and entry.body.get("project") == project:
                told.add(entry.body["version"])
        assert presence.versions(ProjectName(project)) == {
            release_key(Version(text)) for text in told
        }
    database.close()


# ── size and speed ───────────────────────────────────────────────────────────────────────────


def test_many_page_answers_stay_small_and_are_applied_fast() -> None:
    story = Story()
    view = story.view("litellm", [GOOD, BAD])
    for number in range(20_000):
        story.wait(seconds=1)
        story.page(f"asset:ci-{number % 50}", "litellm", view)
    database = _memory()
    started = time.process_time()
    Projector(story.log, database).catch_up()
    assert time.process_time() - started < 5
    assert dict(database.fetch("count_fact_rows"))["page_sessions"] == 50
    database.close()


@pytest.mark.slow
def test_a_question_reads_a_few_rows_of_a_large_projection() -> None:
    story = Story()
    for number in range(300):
        name = f"project-{number}"
        stem = name.replace("-", "_")
        rows = [row(f"{stem}-{n}.0.tar.gz", f"{n}.0") for n in range(30)]
        story.view(name, rows)
    bad = row("litellm-1.82.7.tar.gz", "1.82.7", sha256=digest_of("x"))
    view = story.view("litellm", [bad])
    story.page("asset:ci", "litellm", view)
    database = _memory()
    presence = _presence(story, database)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    database._writer.set_progress_handler(count, 10)
    presence.facts(Question(releases=((LITELLM, Version("1.82.7")),)))
    database._writer.set_progress_handler(None, 0)
    # A scan of the 9,000 lines alone would take thousands of these.
    assert steps < 300
    for _ in range(20_000):
        story.deliver("asset:ci", "litellm", bad, ends=False)
    presence.catch_up()
    steps = 0
    database._writer.set_progress_handler(count, 10)
    assert presence.versions(LITELLM) == {"1.82.7"}
    database._writer.set_progress_handler(None, 0)
    assert steps < 100
    database.close()


def test_catching_up_in_single_batches_ends_at_the_same_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projector_module, "_BATCH_WEIGHT", 7)
    story = random_story(1)
    at_once, in_steps = _memory(), _memory()
    whole = Projector(story.log, at_once).catch_up()
    projector = Projector(story.log, in_steps)
    steps = []
    while done := projector.catch_up(batches=1):
        steps.append(done)
    assert len(steps) > 3
    assert sum(steps) == whole == story.log.size()
    assert _dump_sqlite(at_once._writer) == _dump_sqlite(in_steps._writer)
    at_once.close()
    in_steps.close()
