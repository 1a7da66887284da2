"""A log that was opened before and not touched since is not opened again to know its length."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.logs import NOW, ORIGIN, asked_log, drafts, segment_log
from pratique.ledger.errors import LedgerKeyError
from pratique.store.log_asked import SEAL_FILE, AskedLog
from pratique.store.log_names import HEAD_FILE, KEY_FILE, VERIFIER_FILE, segment_place

SEGMENT_BYTES = 4000


class OpenedError(Exception):
    """Instead of opening the log."""


def unopened(folder: Path, origin: str = ORIGIN) -> int:
    """Length of a log, known without opening it."""

    def refuse() -> None:
        raise OpenedError

    return AskedLog(folder, origin=origin, opening=refuse).size()  # type: ignore[arg-type] # never gives one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of three segments that was asked once."""
    path = tmp_path / "ledger"
    log = segment_log(path, segment_bytes=SEGMENT_BYTES)
    for first in range(0, 30, 10):
        log.append(drafts(first, first + 10), now=NOW)
    log.close()
    asked_log(path, segment_bytes=SEGMENT_BYTES).close()
    return path


def test_a_log_is_opened_once(folder: Path) -> None:
    assert unopened(folder) == 30


def test_an_empty_log_is_opened_once(tmp_path: Path) -> None:
    asked_log(tmp_path / "new").close()
    assert unopened(tmp_path / "new") == 0


def test_what_others_append_is_seen_at_once(folder: Path) -> None:
    asked = asked_log(folder, segment_bytes=SEGMENT_BYTES)
    writer = segment_log(folder, segment_bytes=SEGMENT_BYTES)
    assert asked.size() == 30
    writer.append(drafts(30, 31), now=NOW)
    with pytest.raises(OpenedError):
        unopened(folder)
    assert asked.size() == 31
    assert len(list(asked.entries())) == 31
    asked.close()
    writer.close()
    assert unopened(folder) == 31  # sealed anew


def flip(name: str, place: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[place] ^= 1
        (folder / name).write_bytes(data)

    return change


def other_key(folder: Path) -> None:
    other = folder.parent / "other"
    segment_log(other).close()
    for name in (KEY_FILE, VERIFIER_FILE):
        shutil.copy(other / name, folder / name)


CHANGES: dict[str, Callable[[Path], None]] = {
    **{f"head, byte {n}": flip(HEAD_FILE, n) for n in (0, 20, 4096, 8191)},
    **{f"seal, byte {n}": flip(SEAL_FILE, n) for n in (7, 15, 23, 24, 55)},
    "key": flip(KEY_FILE, 60),
    "public half": flip(VERIFIER_FILE, 20),
    "another log's key": other_key,
    "key that others can read": lambda folder: (folder / KEY_FILE).chmod(0o644),
    "no key": lambda folder: (folder / KEY_FILE).unlink(),
    "no head": lambda folder: (folder / HEAD_FILE).unlink(),
    "no seal": lambda folder: (folder / SEAL_FILE).unlink(),
    "a cut seal": lambda folder: (folder / SEAL_FILE).write_bytes(b"\0" * 20),
    "a torn frame": lambda folder: _newest(folder).write_bytes(_newest(folder).read_bytes() + b"x"),
    "a lost end": lambda folder: _newest(folder).write_bytes(_newest(folder).read_bytes()[:-1]),
    "a lost segment": lambda folder: _newest(folder).unlink(),
    "a fresh segment": lambda folder: (folder / segment_place(30)).write_bytes(b""),
}


def _newest(folder: Path) -> Path:
    return max((folder / "segments").iterdir())


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_slightest_change_has_the_log_opened(
    folder: Path, change: Callable[[Path], None]
) -> None:
    change(folder)
    with pytest.raises(OpenedError):
        unopened(folder)


def test_the_seal_is_of_one_origin(folder: Path) -> None:
    with pytest.raises(OpenedError):
        unopened(folder, "another.example/log")


def test_what_opening_refuses_is_refused(folder: Path) -> None:
    other_key(folder)
    with pytest.raises(LedgerKeyError):
        asked_log(folder, segment_bytes=SEGMENT_BYTES)
    with pytest.raises(OpenedError):  # and nothing was sealed
        unopened(folder)


def test_a_folder_that_refuses_the_seal_is_no_matter(folder: Path) -> None:
    (folder / SEAL_FILE).unlink()
    (folder / SEAL_FILE).mkdir()
    asked = asked_log(folder, segment_bytes=SEGMENT_BYTES)
    assert asked.size() == 30
    asked.close()
