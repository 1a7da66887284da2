"""A watch: looks that join, so that what came and went between two sweeps is known."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from watchdog.observers import Observer
from watchdog.observers.inotify_c import InotifyFD

from kit.waiting import happens, running_clock
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.ear import Ear
from pratique.edge.sweep.memory import SweepMemory
from pratique.edge.sweep.sinks import Recorded
from pratique.edge.sweep.watch import Watch, WatchReport, WatchTimes
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Sighting,
    Stage,
)

QUICK = WatchTimes(period=0.4, settle=0.15, longest=1.0, round=0.03)


class WordReader:
    """Folders with a file `env` are environments: its words are what is installed."""

    name = "words"
    takes_folder = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        return is_dir and (path / "env").is_file()

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        try:
            words = (path / "env").read_text("utf-8").split()
        except OSError:
            return
        now = ctx.now()
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.ENVIRONMENT,
            locator=str(path / "env"),
            at_lo=now,
            at_hi=now,
            sightings=tuple(
                Sighting(item=Item(type="pypi", name=w, version="1"), stage=Stage.INSTALLED)
                for w in words
            ),
            evidence_class=EvidenceClass.OBSERVED,
            collector="sweep/words",
        )


class Kept:
    """A sink that keeps looks."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.recorded = Recorded()

    def add(self, look: Look) -> str:
        self.looks.append(look)
        self.recorded.looks += 1
        return ""

    def flush(self) -> None:
        """Nothing waits."""

    def of(self, locator: Path) -> list[Look]:
        return [look for look in self.looks if look.locator == str(locator / "env")]

    def whole(self) -> list[Look]:
        return [look for look in self.looks if look.place_kind is PlaceKind.ASSET]


def names(look: Look) -> set[str]:
    return {s.item.name for s in look.sightings}


class Watching:
    """A watch in a thread."""

    def __init__(self, folder: Path, *, ear: Callable[[], Ear] | None = None) -> None:
        self.tree = folder / "tree"
        self.home = folder / "home"
        self.kept = Kept()
        self._ear = ear
        self._stop = threading.Event()
        self._told: list[WatchReport] = []
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        ctx = SweepContext(
            asset="box",
            asset_kind=AssetKind.ENVIRONMENT,
            machine="",
            now=lambda: datetime.now(tz=UTC),
            stop=self._stop.is_set,
        )
        try:
            watch = Watch(
                ctx,
                readers=(WordReader(),),
                sink=self.kept,
                memory=SweepMemory(self.home),
                home=self.home,
                times=QUICK,
                ear=self._ear,
            )
            self._told.append(watch.run([self.tree]))
        except BaseException as error:
            self._failed.append(error)
            raise

    def __enter__(self) -> Self:
        self._thread.start()
        self.until(lambda: bool(self.kept.whole()))
        time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=15)
        assert not self._thread.is_alive()
        assert not self._failed

    @property
    def report(self) -> WatchReport:
        return self._told[0]

    def until(self, condition: Callable[[], bool]) -> None:
        assert happens(lambda: self._failed or condition()), self.kept.looks
        assert not self._failed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "venv").mkdir(parents=True)
    (tmp_path / "tree" / "venv" / "env").write_text("one two")
    return tmp_path


def test_a_change_is_told_with_the_instant_at_which_it_came(tree: Path) -> None:
    venv = tree / "tree" / "venv"
    with Watching(tree) as watching, running_clock() as ran:
        before, begun = datetime.now(tz=UTC), ran()
        (venv / "env").write_text("one three")
        watching.until(lambda: names(watching.kept.of(venv)[-1]) == {"one", "three"})
        stood_still = (datetime.now(tz=UTC) - before).total_seconds() - (ran() - begun)
    first, held, new, last = watching.kept.of(venv)
    assert (first.mode, names(first)) == (LookMode.SAMPLED, {"one", "two"})
    assert (held.mode, names(held)) == (LookMode.EVENT, {"one", "two"})
    assert (new.mode, names(new)) == (LookMode.EVENT, {"one", "three"})
    assert held.at_hi == new.at_lo
    assert before <= held.at_hi
    assert (held.at_hi - before).total_seconds() < 0.5 + stood_still
    assert new.at_hi == last.at_lo
    assert names(last) == {"one", "three"}
    assert watching.report.changes >= 1
    assert watching.report.watching


def test_what_came_and_went_between_two_changes_is_known(tree: Path) -> None:
    venv = tree / "tree" / "venv"
    with Watching(tree) as watching:
        (venv / "env").write_text("one two bad")
        watching.until(lambda: "bad" in names(watching.kept.of(venv)[-1]))
        (venv / "env").write_text("one two")
        watching.until(lambda: "bad" not in names(watching.kept.of(venv)[-1]))
    bad = [look for look in watching.kept.of(venv) if "bad" in names(look)]
    assert all(look.mode is LookMode.EVENT for look in bad)
    told = [look for look in watching.kept.of(venv) if look.mode is LookMode.EVENT]
    assert all(a.at_hi == b.at_lo for a, b in pairwise(told))


def test_touching_without_a_change_says_nothing(tree: Path) -> None:
    venv = tree / "tree" / "venv"
    with Watching(tree) as watching:
        (venv / "env").write_text("one two")
        time.sleep(0.6)
        assert len(watching.kept.of(venv)) == 1


def test_signs_of_life_join_from_the_start_to_the_end(tree: Path) -> None:
    with Watching(tree) as watching:
        watching.until(lambda: len(watching.kept.whole()) >= 4)
    sampled, *alive = watching.kept.whole()
    assert sampled.mode is LookMode.SAMPLED
    assert all(look.mode is LookMode.EVENT and look.whole for look in alive)
    assert all(a.at_hi == b.at_lo for a, b in pairwise(alive))
    assert alive[0].at_lo <= sampled.at_hi


def test_a_folder_that_comes_is_read_with_all_in_it(tree: Path) -> None:
    new = tree / "tree" / "deep" / "er" / "venv"
    with Watching(tree) as watching:
        new.mkdir(parents=True)
        (new / "env").write_text("late")
        watching.until(lambda: bool(watching.kept.of(new)))
        (new / "env").write_text("later")
        watching.until(lambda: names(watching.kept.of(new)[-1]) == {"later"})
    assert watching.report.missed == 0


class HardOfHearing(Ear):
    """The library passed over every folder but the root, as it may while many are made."""

    def listen(self, roots: Sequence[Path]) -> str:
        observer = Observer()
        for root in roots:
            observer.schedule(self, str(root), recursive=False)
        observer.start()
        self._observer = observer
        return ""


def test_folders_that_the_library_passed_over_are_heard_too(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    new = tmp_path / "tree" / "deep" / "er" / "venv"
    with Watching(
        tmp_path, ear=lambda: HardOfHearing(now=lambda: datetime.now(tz=UTC))
    ) as watching:
        new.mkdir(parents=True)
        (new / "env").write_text("late")
        watching.until(lambda: bool(watching.kept.of(new)))
        (new / "env").write_text("later")
        watching.until(lambda: names(watching.kept.of(new)[-1]) == {"later"})
    assert watching.report.missed == 0


def test_a_watch_whose_reader_died_is_deaf(tmp_path: Path) -> None:
    ear = Ear(now=lambda: datetime.now(tz=UTC))
    before = set(threading.enumerate())
    assert ear.listen((tmp_path,)) == ""
    assert ear.alive
    reader = next(one for one in set(threading.enumerate()) - before if isinstance(one, InotifyFD))
    reader.stop()
    reader.join(timeout=8.0)
    assert not ear.alive
    assert "stopped telling" in ear.take().missed
    ear.close()


def test_a_folder_that_was_moved_in_is_read(tree: Path) -> None:
    outside = tree / "outside"
    outside.mkdir()
    (outside / "env").write_text("moved")
    inside = tree / "tree" / "inside"
    with Watching(tree) as watching:
        outside.rename(inside)
        watching.until(lambda: bool(watching.kept.of(inside)))


def test_a_place_that_goes_is_closed_at_that_instant(tree: Path) -> None:
    venv = tree / "tree" / "venv"
    with Watching(tree) as watching:
        shutil.rmtree(venv)
        watching.until(lambda: watching.kept.of(venv)[-1].ended)
    held, gone = watching.kept.of(venv)[-2:]
    assert names(held) == {"one", "two"}
    assert gone.sightings == ()
    assert held.at_hi == gone.at_lo == gone.at_hi
    assert watching.report.sweep.gone == 1


def test_an_overflow_ends_coverage_and_begins_it_anew(tree: Path) -> None:
    venv = tree / "tree" / "venv"
    with Watching(tree) as watching:
        logging.getLogger("watchdog.observers.inotify_c").warning(
            "Inotify queue overflowed; filesystem events were lost"
        )
        watching.until(lambda: len(watching.kept.of(venv)) >= 2)
        watching.until(lambda: watching.kept.whole()[-1].mode is LookMode.EVENT)
    assert watching.report.missed == 1
    assert "overflowed" in watching.report.sweep.gaps[-1].why
    sampled = [look for look in watching.kept.of(venv) if look.mode is LookMode.SAMPLED]
    assert len(sampled) == 2
    event = [look for look in watching.kept.whole() if look.mode is LookMode.EVENT]
    assert not any(look.at_lo < sampled[1].at_lo < look.at_hi for look in event[-1:]) or (
        event[-1].at_lo <= sampled[1].at_lo
    )


def test_where_watching_is_impossible_it_is_swept_now_and_then(tree: Path) -> None:
    class Deaf(Ear):
        def listen(self, roots: Any) -> str:
            return "cannot watch: inotify watch limit reached"

    def deaf() -> Ear:
        return Deaf(now=lambda: datetime.now(tz=UTC))

    venv = tree / "tree" / "venv"
    with Watching(tree, ear=deaf) as watching:
        (venv / "env").write_text("three")
        watching.until(lambda: names(watching.kept.of(venv)[-1]) == {"three"})
    assert not watching.report.watching
    assert all(look.mode is LookMode.SAMPLED for look in watching.kept.looks)
    assert "limit reached" in watching.report.sweep.gaps[-1].why


def test_a_folder_that_cannot_be_watched_is_noticed(tree: Path) -> None:
    class HalfDeaf(Ear):
        def hears(self, folder: str) -> bool:
            return not folder.endswith("venv")

    with Watching(tree, ear=lambda: HalfDeaf(now=lambda: datetime.now(tz=UTC))) as watching:
        pass
    assert not watching.report.watching
    assert "no room to watch" in watching.report.sweep.gaps[-1].why


def test_the_ear_hears_changes_and_not_our_own_reading(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "a").write_text("x")
    ear = Ear(now=lambda: datetime.now(tz=UTC), deaf_to=(home,))
    assert ear.listen([tmp_path]) == ""
    try:
        assert ear.hears(str(tmp_path))
        assert not ear.hears(str(tmp_path / "missing"))
        (tmp_path / "a").read_text()
        (home / "b").write_text("x")
        time.sleep(0.3)
        assert str(home / "b") not in ear.take().paths
        assert str(tmp_path / "a") not in ear.take().paths
        (tmp_path / "c").write_text("x")
        assert happens(lambda: str(tmp_path / "c") in ear.take().paths)
    finally:
        ear.close()
    assert ear.take().missed


def test_a_root_that_is_gone_cannot_be_watched(tmp_path: Path) -> None:
    ear = Ear(now=lambda: datetime.now(tz=UTC))
    assert "cannot watch" in ear.listen([tmp_path / "missing"])
    ear.close()
