"""A flipped byte anywhere in a log is found and named; damage is never taken for a torn write."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.logs import NOW, ORIGIN, check_log, drafts, segment_log
from pratique.ledger.audit import AuditReport
from pratique.ledger.errors import IntegrityError, LedgerDamagedError, LedgerKeyError
from pratique.store.segment_audit import audit_segments

SMALL = 6000
ENTRIES = 600


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several segments, a full tile, a batch of one entry at the end."""
    folder = tmp_path_factory.mktemp("sound") / "ledger"
    log = segment_log(folder, segment_bytes=SMALL)
    first = 0
    for size in (1, 9, 250, 3, 37, 299, 1):
        log.append(drafts(first, first + size), now=NOW)
        first += size
    assert first == ENTRIES
    log.close()
    return folder


def audit(folder: Path) -> AuditReport:
    return audit_segments(folder, origin=ORIGIN, progress=lambda _done, _total: None)


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "lock")


def test_a_sound_log_is_sound(sound: Path) -> None:
    report = audit(sound)
    assert report.sound
    assert report.damages == ()
    assert report.notes == ()
    assert report.size == ENTRIES
    log = segment_log(sound, segment_bytes=SMALL)
    assert report.checkpoint == log.checkpoint()
    assert report.root == log.frontier().root()
    log.close()


def test_there_are_several_segments_and_levels(sound: Path) -> None:
    names = [str(p.relative_to(sound)) for p in files(sound)]
    assert sum(name.startswith("segments/") for name in names) >= 3
    assert {"head", "key", "verifier-key", "derived/frames", "derived/level-1"} <= set(names)


def test_a_writer_at_work_is_not_damage(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log = segment_log(folder, segment_bytes=SMALL)
    log.append(drafts(0, 300), now=NOW)
    ended = threading.Event()

    def write() -> None:
        first = 300
        while not ended.is_set() and first < 20_000:
            log.append(drafts(first, first + 3), now=NOW)
            first += 3

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reports = [audit(folder) for _ in range(25)]
    finally:
        ended.set()
        writer.join(30)
    log.close()
    assert [report.damages for report in reports] == [()] * len(reports)
    assert reports[-1].size > reports[0].size


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(sound, tmp_path / "ledger")
    yield tmp_path / "ledger"
    shutil.rmtree(tmp_path / "ledger")


def named(report: AuditReport, folder: Path, path: Path) -> bool:
    return any(d.place == str(path.relative_to(folder)) for d in report.damages)


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_flipped_bit_is_found_and_its_file_is_named(copy: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files(copy)))
    kept = path.read_bytes()
    place = data.draw(st.integers(0, len(kept) - 1))
    damaged = bytearray(kept)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        report = audit(copy)
    finally:
        path.write_bytes(kept)
    assert named(report, copy, path), (path.name, place, report.damages)


@pytest.mark.slow
def test_every_byte_of_a_small_log_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    log = segment_log(folder, segment_bytes=1000)
    for first in (0, 2, 3):
        log.append(drafts(first, first + 1 + (first == 0)), now=NOW)
    log.close()
    for path in files(folder):
        kept = path.read_bytes()
        for place in range(0, len(kept), 1 + len(kept) // 300):
            damaged = bytearray(kept)
            damaged[place] ^= 0x20
            path.write_bytes(damaged)
            assert named(audit(folder), folder, path), (path.name, place)
        path.write_bytes(kept)
    assert audit(folder).sound


@pytest.mark.parametrize("sequence", [0, 5, 9, 10, 200, 299, 300, 598, 599])
def test_a_changed_entry_is_named_with_its_place(copy: Path, sequence: int) -> None:
    needle = f"demo-{sequence}.whl".encode()
    path = next(p for p in (copy / "segments").iterdir() if needle in p.read_bytes())
    content = path.read_bytes()
    path.write_bytes(content.replace(needle, f"Demo-{sequence}.whl".encode()))
    damage = audit(copy).damages[0]
    assert (damage.place, damage.sequence) == (f"segments/{path.name}", sequence)
    assert damage.offset is not None
    assert content[damage.offset :].startswith(b'{"actor":"asset:ci-runner"')
    assert damage.offset < content.index(needle) < damage.offset + 400
    assert not damage.repairable
    log = segment_log(copy, segment_bytes=SMALL)
    with pytest.raises(LedgerDamagedError) as caught:
        list(log.entries())
    assert caught.value.place == damage.place
    log.close()


def test_two_damages_are_both_named(copy: Path) -> None:
    for path in sorted((copy / "segments").iterdir())[:2]:
        content = bytearray(path.read_bytes())
        content[-200] ^= 1
        path.write_bytes(content)
    places = {d.place for d in audit(copy).damages}
    assert len(places) == 2


def test_a_missing_segment_is_named(copy: Path) -> None:
    second = sorted((copy / "segments").iterdir())[1]
    second.unlink()
    report = audit(copy)
    assert not report.sound
    assert "missing" in report.damages[0].what
    assert report.damages[0].sequence == int(second.stem)


def test_a_segment_that_lost_its_end_is_damage(copy: Path) -> None:
    # The last segment ends earlier, the head still knows better: a roll-back is damage.
    last = max((copy / "segments").iterdir())
    last.write_bytes(last.read_bytes()[:-300])
    report = audit(copy)
    assert named(report, copy, last)
    with pytest.raises(LedgerDamagedError, match="the head knows"):
        segment_log(copy, segment_bytes=SMALL)


@pytest.mark.parametrize("name", ["head", "key"])
def test_a_missing_head_or_key_is_damage(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises((LedgerDamagedError, LedgerKeyError)):
        segment_log(copy, segment_bytes=SMALL)
    if name == "key":
        assert any(d.place == "key" for d in audit(copy).damages)
    else:
        with pytest.raises(LedgerDamagedError, match="head"):
            audit(copy)
    assert not (copy / name).exists()


def test_derived_files_are_made_again(copy: Path) -> None:
    log = segment_log(copy, segment_bytes=SMALL)
    proof, tile = log.prove_inclusion(17), log.tile(0, 0)
    log.close()
    for damage in ("missing", "wrong", "short", "long"):
        for path in sorted((copy / "derived").iterdir()):
            content = path.read_bytes()
            if damage == "missing":
                path.unlink()
            else:
                middle = len(content) // 2
                flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
                changed = {"wrong": flipped, "short": content[:-5], "long": content + b"x" * 40}
                path.write_bytes(changed[damage])
            report = audit(copy)
            assert not report.sound, (damage, path.name)
            assert all(d.repairable for d in report.damages), (damage, path.name)
        log = segment_log(copy, segment_bytes=SMALL)
        assert log.prove_inclusion(17) == proof
        assert log.tile(0, 0) == tile
        assert check_log(log) == list(range(ENTRIES))
        log.rebuild_hashes()
        log.close()
        assert audit(copy).sound, damage


def test_a_torn_tail_is_cut_and_only_a_note(copy: Path) -> None:
    last = max((copy / "segments").iterdir())
    whole = last.read_bytes()
    other = segment_log(copy, segment_bytes=10**9)
    other.append(drafts(ENTRIES, ENTRIES + 2), now=NOW)
    other.close()
    longer = last.read_bytes()
    head = (copy / "head").read_bytes()
    # The head as it was before that batch: one slot older.
    for end in range(len(whole) + 1, len(longer), 61):
        folder = copy.with_name("torn")
        shutil.copytree(copy, folder)
        path = folder / "segments" / last.name
        path.write_bytes(longer[:end])
        (folder / "head").write_bytes(older_head(head))
        report = audit(folder)
        assert report.notes
        log = segment_log(folder, segment_bytes=SMALL)
        assert check_log(log) == list(range(ENTRIES))
        assert path.read_bytes() == whole
        log.append(drafts(700, 701), now=NOW)
        assert check_log(log) == [*range(ENTRIES), 700]
        log.close()
        shutil.rmtree(folder)


def older_head(head: bytes) -> bytes:
    """The head without its newest slot, as a crash before the last head write leaves it."""
    slots = [head[:4096], head[4096:]]
    generations = [int.from_bytes(slot[8:16], "big") for slot in slots]
    newest = generations.index(max(generations))
    slots[newest] = slots[1 - newest]
    return b"".join(slots)


def test_damage_behind_a_stale_head_is_not_taken_for_a_torn_tail(copy: Path) -> None:
    head = (copy / "head").read_bytes()
    log = segment_log(copy, segment_bytes=10**9)
    for first in (600, 602, 604):
        log.append(drafts(first, first + 2), now=NOW)
    log.close()
    last = max((copy / "segments").iterdir())
    content = last.read_bytes()
    # A power failure left an old head; two of the three batches behind it are whole.
    (copy / "head").write_bytes(head)
    last.write_bytes(content.replace(b"demo-600.whl", b"Demo-600.whl"))
    with pytest.raises(LedgerDamagedError, match="later entries"):
        segment_log(copy, segment_bytes=SMALL)
    assert len(last.read_bytes()) == len(content)
    last.write_bytes(content)
    log = segment_log(copy, segment_bytes=SMALL)
    assert check_log(log) == list(range(606))
    log.close()


def test_a_whole_frame_that_nobody_signed_is_damage(copy: Path) -> None:
    log = segment_log(copy, segment_bytes=10**9)
    log.append(drafts(600, 601), now=NOW)
    log.close()
    last = max((copy / "segments").iterdir())
    forged = bytearray(last.read_bytes())
    start = forged.rindex(b"PQFRAM01")
    signature = forged.rindex(b" ", start, len(forged) - 32) + 8
    forged[signature] = ord("A") if forged[signature] != ord("A") else ord("B")
    forged[-32:] = sha256(bytes(forged[start:-32])).digest()
    last.write_bytes(forged)
    (copy / "head").write_bytes(older_head((copy / "head").read_bytes()))
    with pytest.raises(IntegrityError, match="signature"):
        segment_log(copy, segment_bytes=SMALL)


def test_strangers_are_noted_and_the_lock_file_is_empty(copy: Path) -> None:
    (copy / "notes.txt").write_text("hello")
    (copy / "segments" / "x.seg").write_text("hello")
    (copy / "lock").write_bytes(b"x")
    report = audit(copy)
    assert [d.place for d in report.damages] == ["lock"]
    assert len(report.notes) == 2
