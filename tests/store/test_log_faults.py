"""The fault table of the segment log: every touch of the disk, failing and killing.

For each touch of a commit: it fails before or after its effect, or half-way; once or for good; the
process dies there. Then: go on, reopen, and check the whole log. Nothing that was answered is lost,
no entry appears twice, there is no gap, and no two checkpoints of one size differ.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.faulty_disk import KILLS, MODES, FaultyDisk, Mode
from kit.logs import NOW, check_log, drafts, segment_log
from pratique.ledger.errors import LedgerUnavailableError, LedgerUncertainError

SMALL = 2500
"""Segment size at which every second batch of three begins a new segment."""
EARLIER = 9
"""Entries in the log before the fault; the next batch stays in its segment."""
ROTATING = 12
"""As above, but the next batch begins a new segment."""


def prepared_folder(folder: Path, entries: int) -> None:
    log = segment_log(folder, segment_bytes=SMALL)
    for first in range(0, entries, 3):
        log.append(drafts(first, first + 3), now=NOW)
    log.close()


def touches_of_a_commit(folder: Path, entries: int) -> list[str]:
    prepared_folder(folder, entries)
    disk = FaultyDisk()
    log = segment_log(folder, disk, segment_bytes=SMALL)
    before = len(disk.touches)
    log.append(drafts(entries, entries + 3), now=NOW)
    log.close()
    return disk.touches[before:]


def test_a_commit_touches_the_disk_as_its_docstring_says(tmp_path: Path) -> None:
    ordinary = touches_of_a_commit(tmp_path / "a", EARLIER)
    # frame, sync, level-0, frames, head
    assert ordinary == ["write", "sync", "write", "write", "write"]
    rotating = touches_of_a_commit(tmp_path / "b", ROTATING)
    assert rotating == ["create", "write", "sync", "sync-folder", "write", "write", "write"]


STEPS = [(EARLIER, n) for n in range(5)] + [(ROTATING, n) for n in range(7)]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("entries", "step"), STEPS)
def test_a_failing_touch(
    tmp_path: Path, entries: int, step: int, mode: Mode, lasting: bool
) -> None:
    folder = tmp_path / "ledger"
    prepared_folder(folder, entries)
    disk = FaultyDisk()
    log = segment_log(folder, disk, segment_bytes=SMALL)
    witness = segment_log(folder, segment_bytes=SMALL)
    checkpoints = {witness.size(): witness.checkpoint()}
    disk.arm(step, mode, lasting=lasting)
    answered = list(range(entries))
    outcome = "answered"
    try:
        answered += log.append(drafts(entries, entries + 3), now=NOW)
    except LedgerUnavailableError:
        outcome = "unavailable"
    except LedgerUncertainError:
        outcome = "uncertain"
        with pytest.raises(LedgerUncertainError) as again:
            log.append(drafts(900, 901), now=NOW)
        assert (again.value.first, again.value.count) == (entries, 3)
    disk.disarm()

    # What others can see now is what was answered, or more once it is certain.
    checkpoints[witness.size()] = witness.checkpoint()
    if outcome == "unavailable":
        assert witness.size() == entries
        assert check_log(witness) == answered
    if outcome == "uncertain":
        log.reopen()
    after = check_log(log)
    assert after[: len(answered)] == answered
    assert after in (list(range(entries)), list(range(entries + 3)))
    if outcome == "unavailable":
        assert after == answered
    checkpoints.setdefault(log.size(), log.checkpoint())
    assert checkpoints[log.size()] == log.checkpoint()

    # The log goes on, through this object and through a fresh one, with another batch size too.
    log.append(drafts(100, 102), now=NOW)
    assert check_log(log) == [*after, 100, 101]
    assert check_log(witness) == [*after, 100, 101]
    fresh = segment_log(folder, segment_bytes=SMALL)
    fresh.append(drafts(102, 109), now=NOW)
    assert check_log(log) == [*after, *range(100, 109)]
    for size, checkpoint in checkpoints.items():
        assert checkpoint.splitlines()[1] == str(size)
        fresh.prove_consistency(size)
        assert fresh.root(size).hex() == _root(checkpoint)
    for one in (log, witness, fresh):
        one.close()


def _root(checkpoint: str) -> str:
    return base64.b64decode(checkpoint.splitlines()[2]).hex()


KILLER = """
import json, os, sys
from pathlib import Path
from kit.faulty_disk import FaultyDisk
from kit.logs import NOW, drafts, segment_log

def live(folder, small, entries, step, mode, answers):
    disk = FaultyDisk()
    if not entries:  # the very first start
        disk.arm(step, mode)
        log = segment_log(folder, disk, segment_bytes=small)
    else:
        log = segment_log(folder, disk, segment_bytes=small)
        disk.arm(step, mode)
    for base in (entries, entries + 3):
        os.write(answers, json.dumps(list(log.append(drafts(base, base + 3), now=NOW))).encode() + b" ")

for line in sys.stdin:
    folder, small, entries, step, mode = json.loads(line)
    reader, answers = os.pipe()
    child = os.fork()
    if not child:
        live(Path(folder), small, entries, step, mode, answers)
        os._exit(0)
    os.close(answers)
    _, status = os.waitpid(child, 0)
    answered = [n for part in os.fdopen(reader).read().split("] ") if part for n in json.loads(part + "]")]
    print(json.dumps([answered, os.waitstatus_to_exitcode(status)]), flush=True)
"""


@pytest.fixture(scope="module")
def killer() -> Iterator[Callable[..., tuple[list[int], bool]]]:
    """Run a commit in a child that dies at a chosen touch: what was answered, and whether it died."""
    driver = subprocess.Popen(
        [sys.executable, "-c", KILLER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        text=True,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    stdin, stdout = driver.stdin, driver.stdout

    def kill(folder: Path, entries: int, step: int, mode: Mode) -> tuple[list[int], bool]:
        print(json.dumps([str(folder), SMALL, entries, step, mode]), file=stdin, flush=True)
        answered, code = json.loads(stdout.readline())
        assert code in (0, -9)
        return answered, code == -9

    yield kill
    stdin.close()
    stdout.close()
    assert driver.wait(timeout=10) == 0


Killer = Callable[[Path, int, int, Mode], tuple[list[int], bool]]


@pytest.mark.parametrize("mode", KILLS)
@pytest.mark.parametrize(("entries", "step"), STEPS)
def test_a_process_killed_between_two_steps(
    tmp_path: Path, killer: Killer, entries: int, step: int, mode: Mode
) -> None:
    folder = tmp_path / "ledger"
    prepared_folder(folder, entries)
    answered, died = killer(folder, entries, step, mode)
    assert died
    assert answered == []
    log = segment_log(folder, segment_bytes=SMALL)
    numbers = check_log(log)
    assert numbers in (list(range(entries)), list(range(entries + 3)))
    log.append(drafts(50, 53), now=NOW)
    assert check_log(log) == [*numbers, 50, 51, 52]
    log.close()


def test_a_process_killed_at_any_touch_from_its_very_first_start(
    tmp_path: Path, killer: Killer
) -> None:
    touches = touches_of_first_start(tmp_path / "count")
    for step, touch in enumerate(touches):
        # Dying after one touch is dying before the next.
        for mode in ("kill-before", "kill-half") if touch == "write" else ("kill-before",):
            folder = tmp_path / f"{step}-{mode}" / "ledger"
            answered, died = killer(folder, 0, step, mode)
            assert died
            log = segment_log(folder, segment_bytes=SMALL)
            numbers = check_log(log)
            assert numbers[: len(answered)] == answered == list(range(len(answered)))
            log.append(drafts(50, 53), now=NOW)
            assert check_log(log) == [*numbers, 50, 51, 52]
            log.close()
            shutil.rmtree(folder.parent)


def touches_of_first_start(folder: Path) -> list[str]:
    disk = FaultyDisk()
    log = segment_log(folder, disk, segment_bytes=SMALL)
    for base in (0, 3):
        log.append(drafts(base, base + 3), now=NOW)
    log.close()
    return disk.touches


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", range(4))
def test_recovery_itself_may_fail_and_be_repeated(
    tmp_path: Path, killer: Killer, step: int, mode: Mode
) -> None:
    folder = tmp_path / "ledger"
    prepared_folder(folder, EARLIER)
    killer(folder, EARLIER, 2, "kill-before")  # a whole frame behind the head
    disk = FaultyDisk(step, mode)
    try:
        segment_log(folder, disk, segment_bytes=SMALL).close()
    except LedgerUnavailableError:
        disk.disarm()
    log = segment_log(folder, segment_bytes=SMALL)
    assert check_log(log) == list(range(EARLIER + 3))
    log.close()
