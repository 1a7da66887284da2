"""The book of watches beside the projection: the same answer from it, whatever became of the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.fact_story import FactStory, at, item, seen
from pratique.exposure.answering import Sources, answer_asked
from pratique.exposure.incident import Asked, IncidentAnswer, Release, WindowLine
from pratique.inventory.observed.entries import RetractionBody
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind, Relation
from pratique.ledger.entries import Draft
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.presence import PresenceStore
from pratique.store.watch_cache import WATCH_FILE

ASKED = Asked(
    releases=(Release(type="pypi", name="litellm", version="1.82.8"),),
    windows=(
        WindowLine(
            channel="pypi", start=at("10:39"), end=at("11:25"), source="t", confidence="low"
        ),
    ),
)
BAD = seen(item("litellm", "1.82.8"))
Ask = Callable[[], IncidentAnswer]


class Fleet:
    """A story, its projection on disk, and questions with and without the book."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = FactStory()

    def both(self, **more: Any) -> tuple[IncidentAnswer, IncidentAnswer]:
        """The answer from the book, and from looking at every asset."""
        database = SqliteDatabase(self.folder / "facts.db", "facts")
        log: Any = self.story.log
        presence = PresenceStore(database, log)
        try:
            presence.catch_up()
            size = presence.applied()
            asked = {"now": self.story.now, "tx": size, **more}
            book = presence.watch_book(size)
            found, expected = (
                answer_asked(
                    ASKED, Sources(presence.inventory, self.story, book=one), **asked
                ).answer
                for one in (book, None)
            )
            return found, expected
        finally:
            presence.close()

    def same(self, **more: Any) -> IncidentAnswer:
        """The answer, which both ways give alike."""
        found, expected = self.both(**more)
        assert found == expected
        return found

    @property
    def file(self) -> Path:
        return self.folder / WATCH_FILE


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    made = Fleet(tmp_path)
    story = made.story
    for number in range(30):
        story.run(f"ci/{number:02}", *([BAD] if number % 10 == 3 else []), whole=number % 7 != 5)
    watch = {"place": PlaceKind.ASSET, "mode": LookMode.EVENT, "kind": AssetKind.LAPTOP}
    for number in range(25):
        story.look(f"lap/{number:02}", start=at("09:00"), end=at(f"1{number % 3}:30"), **watch)
        story.machine(f"srv/{number:02}", when="11:00")
    story.fact(Relation.OPERATED_BY, "asset:vendor/x", "vendor:x")
    story.now = at("12:30")
    return made


def test_the_book_tells_what_looking_at_each_asset_tells(fleet: Fleet) -> None:
    answer = fleet.same()
    assert {(g.rule, g.count) for g in answer.groups} == {
        ("watched", 8),
        ("not-since", 8),
        ("not-covered", 9),
        ("not-witnessed", 25),
        ("whole-life", 23),
        ("unreadable", 4),
        ("never-looked", 1),
    }
    assert fleet.same(names=None).groups != answer.groups  # 23 names instead of 20
    assert fleet.file.stat().st_mode & 0o777 == 0o600


def test_what_came_since_is_looked_at_again(fleet: Fleet) -> None:
    before = fleet.same()
    old = fleet.file.read_bytes()
    fleet.story.run("ci/30", BAD)
    fleet.story.run("ci/99")
    fleet.story.look("lap/00", kind=AssetKind.LAPTOP, machine="m1")
    fleet.story.look("lap/00", kind=AssetKind.LAPTOP, machine="m2")
    fleet.story.fact(Relation.OPERATED_BY, "asset:vendor/y", "vendor:x")
    after = fleet.same()
    assert after.counts.probable == before.counts.probable + 1
    assert fleet.file.read_bytes() != old


def test_what_was_taken_back_no_longer_clears(fleet: Fleet) -> None:
    entry = fleet.story.run("ci/x")
    assert any("asset:ci/x" in g.assets for g in fleet.same(names=None).groups)
    body = msgspec.to_builtins(RetractionBody(entry=entry, fact=None, reason="a mistake"))
    draft = Draft(kind="retraction", subject=f"entry:{entry}", actor="operator:x", body=body)
    fleet.story.write(draft)
    fleet.same()


@pytest.mark.parametrize("harm", ["gone", "empty", "cut", "longer", "noise", "other"])
def test_a_file_that_cannot_be_used_is_made_again(fleet: Fleet, harm: str) -> None:
    expected = fleet.same()
    data = fleet.file.read_bytes()
    match harm:
        case "gone":
            fleet.file.unlink()
        case "empty":
            fleet.file.write_bytes(b"")
        case "cut":
            fleet.file.write_bytes(data[:-9])
        case "longer":
            fleet.file.write_bytes(data + b"x")
        case "noise":
            fleet.file.write_bytes(os.urandom(400))
        case "other":
            fleet.file.write_bytes(data.replace(b'"version":1', b'"version":9'))
    assert fleet.same() == expected
    assert fleet.file.read_bytes() == data


def test_a_folder_that_takes_no_file_costs_time_only(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    expected = fleet.same()
    fleet.file.unlink()
    monkeypatch.setattr(Path, "replace", full)
    assert fleet.same() == expected
    assert [path.name for path in fleet.folder.glob(f"{WATCH_FILE}*")] == []


def test_entries_that_tell_of_no_look_leave_the_file_alone(fleet: Fleet) -> None:
    fleet.same()
    before = fleet.file.stat().st_mtime_ns
    fleet.story.write(Draft(kind="policy", subject="policy", actor="operator:x", body={}))
    fleet.same()
    assert fleet.file.stat().st_mtime_ns == before


@pytest.fixture
def runs(tmp_path: Path) -> Fleet:
    """Runs that the store packs into blocks, some of several jobs, of names within names."""
    made = Fleet(tmp_path)
    good = seen(item("litellm", "1.82.6"))
    for prefix in ("ci/a", "ci/a/1", "ci/a-b", "ci/b"):
        for number in range(14):
            held = BAD if number % 9 == 4 else good
            made.story.run(f"{prefix}/{number}", held, lineage=f"{prefix}:test", locator="test")
            if number % 2:
                made.story.run(f"{prefix}/{number}", good, lineage=f"{prefix}:lint", locator="lint")
    made.story.now = at("12:30")
    return made


def test_packed_runs_are_counted_without_being_unpacked(runs: Fleet) -> None:
    answer = runs.same()
    assert (answer.counts.probable, answer.counts.cleared) == (8, 48)
    assert runs.same(names=None).groups[0].count == 48
    assert runs.same(names=3).groups[0].assets == (
        "asset:ci/a-b/0",
        "asset:ci/a-b/1",
        "asset:ci/a-b/10",
    )


def test_a_packed_run_of_which_more_becomes_known_is_still_counted_once(runs: Fleet) -> None:
    runs.same()
    runs.story.fact(Relation.OPERATED_BY, "asset:ci/a/3", "vendor:x")
    runs.same()
    runs.story.run("ci/a/5", locator="late", whole=False)
    answer = runs.same()
    assert {(g.rule, g.count) for g in answer.groups} == {("whole-life", 47), ("unreadable", 1)}
    runs.story.run("ci/a/15", BAD, lineage="ci/a:test", locator="test")
    runs.story.run("ci/c/1", seen(item("x", "1")), lineage="ci/c:test", locator="test")
    assert runs.same().counts.cleared == 48


def test_packed_runs_are_told_of_after_everything_else_is_known(fleet: Fleet) -> None:
    before = fleet.same()
    for number in range(5):
        fleet.story.run(
            f"ci/zz/{number}", seen(item("x", "1")), lineage="ci/zz:test", locator="test"
        )
    assert fleet.same().counts.cleared == before.counts.cleared + 5
