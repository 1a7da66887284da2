"""What every log store promises, asked of both."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from kit.logs import NOW, ORIGIN, asked_log, check_log, draft, drafts, naive_root, segment_log
from pratique.ledger.canonical import encode_entry, prepare, render_time
from pratique.ledger.entries import Draft
from pratique.ledger.errors import (
    EntryFormatError,
    EntryTooLargeError,
    LedgerKeyError,
    ProofError,
)
from pratique.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from pratique.ledger.notes import open_checkpoint, parse_verifier
from pratique.ledger.store import LogStore
from pratique.store.postgres_log import PostgresLog
from pratique.store.segment_log import SegmentLog

OpenLog = Callable[[], LogStore]


@pytest.fixture(params=["segments", "asked", pytest.param("postgres", marks=pytest.mark.postgres)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenLog]:
    opened: list[LogStore] = []
    if request.param == "segments":

        def build() -> LogStore:
            return segment_log(tmp_path / "ledger", segment_bytes=4000)

    elif request.param == "asked":

        def build() -> LogStore:
            return asked_log(tmp_path / "ledger", segment_bytes=4000)

    else:
        url = request.getfixturevalue("postgres_url")

        def build() -> LogStore:
            return PostgresLog(url, folder=tmp_path / "ledger", origin=ORIGIN)

    def open_it() -> LogStore:
        opened.append(build())
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def test_an_empty_log_has_a_signed_checkpoint(opener: OpenLog) -> None:
    log = opener()
    assert check_log(log) == []
    assert log.append([], now=NOW) == range(0)
    assert opener().checkpoint() == log.checkpoint()


def test_entries_come_back_as_they_were_appended(opener: OpenLog) -> None:
    log = opener()
    assert log.append(drafts(0, 3), now=NOW) == range(3)
    later = NOW + timedelta(seconds=1)
    assert log.append([prepare(draft(3)), draft(4)], now=later) == range(3, 5)
    assert check_log(log) == [0, 1, 2, 3, 4]
    entry = next(log.entries(3))
    assert (entry.kind, entry.subject, entry.actor) == (
        "delivery",
        f"sha256:{3:064x}",
        "asset:ci-runner",
    )
    assert entry.recorded_at == later
    assert entry.body == draft(3).body
    assert check_log(opener()) == [0, 1, 2, 3, 4]


def test_recorded_at_is_utc_and_must_be_aware(opener: OpenLog) -> None:
    log = opener()
    abroad = datetime(2026, 3, 24, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    log.append([draft(0)], now=abroad)
    assert next(log.entries()).recorded_at == datetime(2026, 3, 24, 10, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="aware"):
        log.append([draft(1)], now=datetime(2026, 3, 24))  # noqa: DTZ001 - the mistake under test
    assert log.size() == 1


def test_a_bad_draft_stores_nothing_of_its_batch(opener: OpenLog) -> None:
    log = opener()
    with pytest.raises(EntryFormatError, match=r"float at \.price"):
        log.append([draft(0), draft(1, price=1.5)], now=NOW)
    with pytest.raises(EntryTooLargeError):
        log.append([draft(0), draft(1, blob="x" * 60_000)], now=NOW)
    assert log.size() == 0
    assert log.append([draft(0, blob="é" * 29_000)], now=NOW) == range(1)
    check_log(log)


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 0), (5, 40), (299, 300), (250, 999)])
def test_any_stretch_of_entries_can_be_read(opener: OpenLog, start: int, end: int | None) -> None:
    log = opener()
    for first in range(0, 300, 25):
        log.append(drafts(first, first + 25), now=NOW)
    wanted = list(range(300))[start:end]
    assert [entry.sequence for entry in log.entries(start, end)] == wanted
    assert [leaf_hash(leaf) for leaf in log.leaves(start, end)] == [
        leaf_hash(encode_entry(prepare(draft(n)), sequence=n, recorded_at=render_time(NOW)))
        for n in wanted
    ]


def test_tiles_are_the_hashes_of_the_tree(opener: OpenLog) -> None:
    log = opener()
    log.append(drafts(0, 200), now=NOW)
    log.append(drafts(200, 700), now=NOW)
    hashes = [leaf_hash(leaf) for leaf in log.leaves()]
    assert log.tile(0, 0) == b"".join(hashes[:256])
    assert log.tile(0, 2) == b"".join(hashes[512:])
    assert log.tile(1, 0) == naive_root(hashes[:256]) + naive_root(hashes[256:512])
    for level, index in ((0, 3), (1, 1), (2, 0), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="no tile"):
            log.tile(level, index)


def test_proofs_hold_against_the_checkpoint(opener: OpenLog) -> None:
    log = opener()
    log.append(drafts(0, 300), now=NOW)
    old = open_checkpoint(log.checkpoint(), parse_verifier(log.verifier_key()))
    log.append(drafts(300, 420), now=NOW)
    new = open_checkpoint(log.checkpoint(), parse_verifier(log.verifier_key()))
    hashes = [leaf_hash(leaf) for leaf in log.leaves()]
    for size, root in ((420, new.root), (300, old.root)):
        assert log.root(size) == root
        for index in (0, 1, 255, 256, 299, size - 1):
            verify_inclusion(
                index=index,
                size=size,
                leaf=hashes[index],
                proof=log.prove_inclusion(index, size=size),
                root=root,
            )
    verify_consistency(
        old_size=300,
        new_size=420,
        old_root=old.root,
        new_root=new.root,
        proof=log.prove_consistency(300),
    )
    for ask in (
        lambda: log.prove_inclusion(420),
        lambda: log.prove_inclusion(310, size=300),
        lambda: log.prove_inclusion(-1),
        lambda: log.prove_consistency(421),
        lambda: log.prove_consistency(301, size=300),
        lambda: log.root(421),
    ):
        with pytest.raises(ProofError):
            ask()


def test_two_open_logs_see_each_other(opener: OpenLog) -> None:
    one, two = opener(), opener()
    assert one.append(drafts(0, 2), now=NOW) == range(2)
    assert two.size() == 2
    assert two.append(drafts(2, 5), now=NOW) == range(2, 5)
    assert one.append(drafts(5, 6), now=NOW) == range(5, 6)
    assert check_log(one) == check_log(two) == list(range(6))


def test_threads_append_side_by_side(opener: OpenLog) -> None:
    logs = [opener(), opener()]
    given: list[range] = []

    def work(worker: int) -> None:
        for number in range(10):
            base = worker * 1000 + number * 3
            given.append(logs[worker % 2].append(drafts(base, base + 3), now=NOW))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(n for r in given for n in r) == list(range(120))
    assert sorted(check_log(logs[0])) == sorted(w * 1000 + n for w in range(4) for n in range(30))


WRITER = """
import sys
from pathlib import Path
from kit.logs import NOW, ORIGIN, drafts, segment_log
from pratique.store.postgres_log import PostgresLog
folder, url, base = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = PostgresLog(url, folder=folder, origin=ORIGIN) if url else segment_log(folder, segment_bytes=4000)
for n in range(40):
    print(*log.append(drafts(base + 2 * n, base + 2 * n + 2), now=NOW), flush=True)
"""


@pytest.mark.slow
def test_processes_append_side_by_side(
    opener: OpenLog, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    log = opener()
    url = request.getfixturevalue("postgres_url") if isinstance(log, PostgresLog) else ""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "ledger"), url, str(base)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            text=True,
        )
        for base in (1000, 2000, 3000)
    ]
    given = []
    for writer in writers:
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        given += [int(word) for word in out.split()]
    assert sorted(given) == list(range(240))
    numbers = check_log(log)
    assert sorted(numbers) == [b + n for b in (1000, 2000, 3000) for n in range(80)]
    for base in (1000, 2000, 3000):
        own = [n for n in numbers if base <= n < base + 1000]
        assert own == sorted(own)


def test_the_key_is_private_and_stays(opener: OpenLog, tmp_path: Path) -> None:
    log = opener()
    key = tmp_path / "ledger" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert opener().verifier_key() == log.verifier_key()
    assert key.read_bytes() == before
    assert (tmp_path / "ledger" / "verifier-key").read_text() == log.verifier_key() + "\n"


def test_a_log_without_its_key_is_not_continued_with_another(
    opener: OpenLog, tmp_path: Path
) -> None:
    opener().append([draft(0)], now=NOW)
    key = tmp_path / "ledger" / "key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(LedgerKeyError, match="missing"):
        opener()
    assert not key.exists()
    key.write_bytes(kept)
    with pytest.raises(LedgerKeyError, match="read by others"):
        opener()
    key.chmod(0o600)
    assert check_log(opener()) == [0]


def test_a_damaged_key_is_never_used(opener: OpenLog, tmp_path: Path) -> None:
    opener().append([draft(0)], now=NOW)
    key = tmp_path / "ledger" / "key"
    kept = key.read_bytes()
    for place in range(0, len(kept), 7):
        damaged = bytearray(kept)
        damaged[place] ^= 1
        key.write_bytes(damaged)
        with pytest.raises(LedgerKeyError) as caught:
            opener()
        # 44 characters: 33 bytes in base64, which may hold a plus sign itself.
        assert kept.decode().strip()[-44:] not in str(caught.value)
    key.write_bytes(kept)
    assert check_log(opener()) == [0]


def test_another_logs_key_cannot_continue_this_one(opener: OpenLog, tmp_path: Path) -> None:
    opener().append([draft(0)], now=NOW)
    segment_log(tmp_path / "other").close()
    for name in ("key", "verifier-key"):
        (tmp_path / "ledger" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(LedgerKeyError):
        opener()


def test_an_origin_is_for_life(
    opener: OpenLog, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if isinstance(opener(), PostgresLog):
        url = request.getfixturevalue("postgres_url")
        other = partial(PostgresLog, url, folder=tmp_path / "ledger", origin="log.example/else")
    else:
        other = partial(SegmentLog, tmp_path / "ledger", origin="log.example/else")
    with pytest.raises(LedgerKeyError, match=r"log\.example/tests"):
        other()


def test_nothing_but_drafts_can_be_appended(opener: OpenLog) -> None:
    log = opener()
    for bad in (
        Draft(kind="Not A Kind", subject="s", actor="a", body={}),
        Draft(kind="k", subject="\ud800", actor="a", body={}),
        Draft(kind="k", subject="s", actor="a", body={"é": 1}),
        Draft(kind="k", subject="s", actor="a", body={"n": 2**53}),
    ):
        with pytest.raises(EntryFormatError):
            log.append([bad], now=NOW)
    assert log.size() == 0
