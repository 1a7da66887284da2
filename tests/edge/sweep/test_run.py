"""A sweep: what readers give is recorded in order, small when nothing changed, kept when cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pratique.edge.errors import StorageError
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.memory import SweepMemory, fingerprint_key, machine_fingerprint
from pratique.edge.sweep.run import ANOTHER_MACHINE, ONLY_ROOTS, Sweep, SweepReport
from pratique.edge.sweep.sinks import LedgerSink, SpoolSink
from pratique.edge.sweep.spool import Spool
from pratique.errors import SettingsError
from pratique.inventory.observed.batches import check_contents, contents_needed, parse_batch
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Gap,
    Item,
    Look,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Entry
from pratique.ledger.errors import LedgerUnavailableError
from pratique.settings import load_settings
from pratique.store.logs import open_log
from pratique.store.presence import open_presence

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class WordReader:
    """Files named *.words: each word is an item; `!` fails, `?` is a gap."""

    name = "words"
    takes_folder = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        return not is_dir and path.suffix == ".words"

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        words = path.read_text("utf-8").split()
        if "!" in words:
            raise RuntimeError("a reader's mistake with a secret in it")
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.LOCK,
            locator=str(path),
            at_lo=ctx.now(),
            at_hi=ctx.now(),
            whole="?" not in words,
            sightings=tuple(
                Sighting(item=Item(type="pypi", name=w, version="1"), stage=Stage.LISTED)
                for w in words
                if w != "?"
            ),
            gaps=(Gap(what=str(path), why="a question"),) if "?" in words else (),
            evidence_class=EvidenceClass.DECLARED,
            collector="sweep/words",
        )


class Place:
    """A home and a tree, swept as often as one likes."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.tree = folder / "tree"
        self.tree.mkdir()
        self.now = NOW
        self.kind = AssetKind.ENVIRONMENT
        self.machine = "m1"
        self.stop: Callable[[], bool] = lambda: False

    def context(self) -> SweepContext:
        return SweepContext(
            asset="box",
            asset_kind=self.kind,
            machine=self.machine,
            now=lambda: self.now,
            stop=self.stop,
        )

    def sweep(self, *paths: Path, reader: WordReader | None = None) -> SweepReport:
        self.now += timedelta(minutes=5)
        settings = load_settings(self.home, environ={})
        memory = SweepMemory(self.home)
        with (
            closing(open_log(settings)) as log,
            closing(open_presence(settings, log=log)) as presence,
        ):
            presence.catch_up()
            sink = LedgerSink(
                log,
                presence.inventory,
                spool=Spool(self.home / "spool"),
                memory=memory,
                now=lambda: self.now,
            )
            sink.replay()
            running = Sweep(
                self.context(),
                readers=(reader or WordReader(),),
                sink=sink,
                memory=memory,
                home=self.home,
            )
            return running.run(paths or (self.tree,))

    def entries(self, kind: str = "", *, since: int = 0) -> list[Entry]:
        with closing(open_log(load_settings(self.home, environ={}))) as log:
            return [e for e in log.entries(since) if not kind or e.kind == kind]

    def looks(self, since: int = 0) -> list[dict[str, object]]:
        return [entry.body for entry in self.entries("look", since=since)]

    def spooled(self) -> list[Path]:
        return sorted((self.home / "spool").glob("*.json"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_looks_come_first_and_coverage_last(place: Place) -> None:
    (place.tree / "a.words").write_text("one two")
    report = place.sweep()
    assert [e.kind for e in place.entries()] == ["content", "look", "look"]
    lock, whole = place.looks()
    assert (lock["place_kind"], whole["place_kind"]) == ("lock", "asset")
    assert whole["locator"] == str(place.tree)
    assert whole["whole"] is True
    assert (report.gaps_total, report.recorded.looks, report.whole) == (0, 2, True)


def test_a_second_sweep_of_the_same_writes_only_looks(place: Place) -> None:
    (place.tree / "a.words").write_text(" ".join(f"w{n}" for n in range(500)))
    place.sweep()
    before = len(place.entries())
    place.sweep()
    again = place.entries(since=before)
    assert [e.kind for e in again] == ["look", "look"]
    assert all(len(msgspec.json.encode(e.body)) < 1000 for e in again)


def test_a_change_is_told_as_a_change(place: Place) -> None:
    (place.tree / "a.words").write_text(" ".join(f"w{n}" for n in range(500)))
    place.sweep()
    before = len(place.entries())
    (place.tree / "a.words").write_text(" ".join(f"w{n}" for n in range(1, 501)))
    place.sweep()
    [content] = place.entries("content", since=before)
    assert len(content.body["added"]) == 1
    assert len(content.body["removed"]) == 1
    assert content.body["base"]


def test_a_place_that_is_gone_is_closed_once(place: Place) -> None:
    (place.tree / "a.words").write_text("one")
    (place.tree / "b.words").write_text("two")
    place.sweep()
    (place.tree / "a.words").unlink()
    before = len(place.entries())
    assert place.sweep().gone == 1
    ended = [look for look in place.looks(before) if look["ended"]]
    assert [look["locator"] for look in ended] == [str(place.tree / "a.words")]
    assert ended[0]["whole"] is True
    assert place.sweep().gone == 0


def test_what_lies_outside_these_roots_is_not_closed(place: Place) -> None:
    for name in ("a", "b"):
        (place.tree / name).mkdir()
        (place.tree / name / "x.words").write_text(name)
    place.sweep()
    (place.tree / "a" / "x.words").unlink()
    assert place.sweep(place.tree / "b").gone == 0
    assert place.sweep().gone == 1


def test_a_stopped_sweep_keeps_what_it_read_and_says_so(place: Place) -> None:
    for name in "abc":
        (place.tree / name).mkdir()
        (place.tree / name / "x.words").write_text(name)
    asked = iter([False] * 4)
    place.stop = lambda: next(asked, True)
    report = place.sweep()
    assert report.stopped
    assert not report.whole
    looks = place.looks()
    assert 1 <= len(looks) < 4
    assert looks[-1]["place_kind"] == "asset"
    assert looks[-1]["whole"] is False
    assert "stopped" in str(looks[-1]["gaps"])
    place.stop = lambda: False
    assert place.sweep().gone == 0


def test_a_reader_that_fails_is_a_gap_without_its_words(place: Place) -> None:
    (place.tree / "a.words").write_text("!")
    (place.tree / "b.words").write_text("fine")
    report = place.sweep()
    assert [g.why for g in report.gaps] == ["the reader words failed (RuntimeError)"]
    assert "secret" not in repr(report)
    assert len(place.looks()) == 2


def test_a_machine_is_whole_only_from_its_root(place: Place) -> None:
    place.kind = AssetKind.SERVER
    report = place.sweep()
    [look] = place.looks()
    assert look["whole"] is False
    assert ONLY_ROOTS in str(look["gaps"])
    assert report.gaps_total == 0


def test_a_gap_of_a_place_makes_the_whole_not_whole(place: Place) -> None:
    (place.tree / "a.words").write_text("one ?")
    assert not place.sweep().whole
    assert place.looks()[-1]["whole"] is False


def test_files_that_were_named_say_nothing_of_the_whole(place: Place) -> None:
    (place.tree / "a.words").write_text("one")
    (place.tree / "notes.md").write_text("one")
    report = place.sweep(place.tree / "a.words", place.tree / "notes.md")
    assert [look["place_kind"] for look in place.looks()] == ["lock"]
    assert [Path(g.what).name for g in report.gaps] == ["notes.md"]


def test_two_machines_under_one_name_are_told(place: Place) -> None:
    place.sweep()
    place.machine = "m2"
    assert ANOTHER_MACHINE in [g.why for g in place.sweep().gaps]
    assert [look["machine"] for look in place.looks()] == ["m1", "m2"]


def test_a_key_is_made_once_and_belongs_to_one_home(tmp_path: Path) -> None:
    one, two = fingerprint_key(tmp_path / "a"), fingerprint_key(tmp_path / "b")
    assert fingerprint_key(tmp_path / "a") == one != two
    assert (tmp_path / "a" / "sweep" / "key").stat().st_mode & 0o777 == 0o600
    assert machine_fingerprint(one) != machine_fingerprint(two) or not machine_fingerprint(one)
    (tmp_path / "a" / "sweep" / "key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="no fingerprint key"):
        fingerprint_key(tmp_path / "a")


def test_times_in_the_future_are_clamped_and_said(place: Place) -> None:
    class Ahead(WordReader):
        def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
            for look in super().read(path, ctx):
                [sighting] = look.sightings
                late = msgspec.structs.replace(
                    sighting, since_lo="2031-01-01T00:00:00Z", since_hi="2031-01-01T00:00:00Z"
                )
                yield msgspec.structs.replace(look, sightings=(late,))

    (place.tree / "a.words").write_text("one")
    report = place.sweep(reader=Ahead())
    assert "dated in the future" in report.gaps[0].why
    [content] = place.entries("content")
    assert content.body["added"][0]["since_hi"] == place.looks()[0]["at_hi"]


def test_names_that_are_no_text_are_recorded(place: Place) -> None:
    import os  # noqa: PLC0415 - this test alone makes such names

    odd = Path(os.fsdecode(os.fsencode(place.tree) + b"/\xff\x00".replace(b"\0", b"") + b".words"))
    odd.write_text("one")
    assert place.sweep().gaps_total == 0
    assert str(place.looks()[0]["locator"]).endswith("\\xff.words")


# ── the ledger cannot write ──────────────────────────────────────────────────────────────────────


def test_what_the_ledger_cannot_take_waits_and_is_recorded_next_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pratique.store.segment_log import SegmentLog  # noqa: PLC0415 - its faults are injected here

    (place.tree / "a.words").write_text("one two")
    real = SegmentLog.append

    def full(self: SegmentLog, drafts: object, *, now: datetime) -> range:
        raise LedgerUnavailableError("no space left on device")

    monkeypatch.setattr(SegmentLog, "append", full)
    report = place.sweep()
    assert report.recorded.trouble == "no space left on device"
    assert report.recorded.spooled == len(place.spooled()) == 1
    assert place.entries() == []
    monkeypatch.setattr(SegmentLog, "append", real)
    (place.tree / "a.words").write_text("one two three")
    place.sweep()
    assert place.spooled() == []
    looks = place.looks()
    assert [look["place_kind"] for look in looks] == ["lock", "asset", "lock", "asset"]
    assert len(place.entries("content")) == 2


def test_when_nothing_can_be_kept_the_error_is_clear(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pratique.store.segment_log import SegmentLog  # noqa: PLC0415 - as above

    (place.tree / "a.words").write_text("one")

    def full(*_args: object, **_more: object) -> range:
        raise LedgerUnavailableError("no space left on device")

    def no_room(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SegmentLog, "append", full)
    monkeypatch.setattr("pratique.edge.sweep.spool.write_whole", no_room)
    with pytest.raises(StorageError, match="No space left"):
        place.sweep()
    assert place.spooled() == []


def test_a_look_that_has_no_canonical_form_is_a_gap(place: Place) -> None:
    class Odd(WordReader):
        def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
            for look in super().read(path, ctx):
                yield msgspec.structs.replace(look, collector="x" * 70_000)

    (place.tree / "a.words").write_text("one")
    report = place.sweep(reader=Odd())
    assert "cannot be recorded" in report.gaps[0].why
    assert [look["place_kind"] for look in place.looks()] == ["asset"]


# ── the spool of a server ────────────────────────────────────────────────────────────────────────


def test_each_batch_is_of_one_asset_and_complete_in_itself(place: Place) -> None:
    class Many(WordReader):
        def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
            for look in super().read(path, ctx):
                for asset in ("box", "repo/a", "repo/a", "box"):
                    yield msgspec.structs.replace(look, asset=asset)

    (place.tree / "a.words").write_text("one two")
    (place.tree / "b.words").write_text("one two")
    memory = SweepMemory(place.home)
    spool = Spool(place.home / "push")
    sink = SpoolSink(spool, memory=memory)
    Sweep(place.context(), readers=(Many(),), sink=sink, memory=memory, home=place.home).run(
        [place.tree]
    )
    batches = [parse_batch(spool.read(one) or b"", actor="asset:x") for one in spool.waiting()]
    assert len(batches) == 5
    for drafts in batches:
        assert contents_needed(drafts) == frozenset()
        check_contents(drafts)
        assert len({d.subject for d in drafts if d.kind == "look"}) == 1


def test_a_spool_is_bounded_and_ordered(tmp_path: Path, place: Place) -> None:
    (place.tree / "a.words").write_text("one")
    place.sweep()
    drafts = [d for d in place.entries() if d.kind == "look"]
    from pratique.ledger.entries import Draft  # noqa: PLC0415 - this test alone makes some

    made = [
        [Draft(kind=e.kind, subject=f"asset:{n}", actor="x", body=e.body) for e in drafts]
        for n in range(12)
    ]
    spool = Spool(tmp_path / "spool")
    for one in made:
        spool.put(one)
    waiting = spool.waiting()
    assert [w.number for w in waiting] == list(range(1, 13))
    assert [parse_batch(spool.read(w) or b"", actor="")[0].subject for w in waiting] == [
        f"asset:{n}" for n in range(12)
    ]
    small = Spool(tmp_path / "small", cap_bytes=10)
    with pytest.raises(StorageError, match="is full"):
        small.put(made[0])
    assert small.waiting() == []


def test_a_batch_that_was_changed_on_disk_is_set_aside(tmp_path: Path, place: Place) -> None:
    place.sweep()
    from pratique.ledger.entries import Draft  # noqa: PLC0415 - as above

    spool = Spool(tmp_path / "spool")
    [entry] = place.entries()
    one = spool.put([Draft(kind=entry.kind, subject=entry.subject, actor="", body=entry.body)])
    one.path.write_bytes(one.path.read_bytes().replace(b"box", b"bix"))
    assert spool.read(one) is None
    assert spool.waiting() == []
    assert len(list((tmp_path / "spool" / "refused").glob("*.json"))) == 1


def test_notes_are_durable_only_with_the_looks_before_them(tmp_path: Path) -> None:
    memory = SweepMemory(tmp_path)
    memory.keep("git/x", "abc")
    assert memory.recall("git/x") == "abc"
    assert SweepMemory(tmp_path).recall("git/x") == ""
    memory.save()
    assert SweepMemory(tmp_path).recall("git/x") == "abc"
    (tmp_path / "sweep" / "memory.json").write_text("{ spoiled")
    assert SweepMemory(tmp_path).recall("git/x") == ""
