"""A published log is what C2SP tile readers expect, whenever the publishing stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.logs import NOW, drafts, naive_root, segment_log
from pratique.ledger.errors import LedgerDamagedError
from pratique.ledger.merkle import TiledTree, leaf_hash, level_width
from pratique.ledger.notes import open_checkpoint, parse_verifier
from pratique.ledger.tiles import TileName, names_between, parse_bundle, parse_path
from pratique.store.log_publish import publish_log
from pratique.store.segment_log import SegmentLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SegmentLog]:
    log = segment_log(tmp_path / "ledger")
    yield log
    log.close()


def read_as_a_stranger(folder: Path, vkey: str) -> list[bytes]:
    """Read a published log with nothing but the specification; gives its leaves."""
    checkpoint = open_checkpoint((folder / "checkpoint").read_text(), parse_verifier(vkey))

    def read(name: TileName) -> bytes:
        partial, full = (
            folder / name.path(),
            folder / TileName(level=name.level, index=name.index).path(),
        )
        return (partial if partial.exists() else full).read_bytes()

    def tile(level: int, index: int) -> bytes:
        width = min(256, level_width(checkpoint.size, level) - 256 * index)
        return read(TileName(level=level, index=index, width=width))[: 32 * width]

    leaves: list[bytes] = []
    for index in range(-(-checkpoint.size // 256)):
        width = min(256, checkpoint.size - 256 * index)
        leaves += parse_bundle(read(TileName(level=None, index=index, width=width)))[:width]
    assert TiledTree(tile, checkpoint.size).root() == checkpoint.root
    assert naive_root([leaf_hash(leaf) for leaf in leaves]) == checkpoint.root
    return leaves


def test_a_stranger_can_read_it_as_it_grows(log: SegmentLog, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    assert publish_log(log, folder) == (0, 1)
    for size in (1, 200, 256, 257, 700):
        log.append(drafts(log.size(), size), now=NOW)
        published, _ = publish_log(log, folder)
        assert published == size
        assert read_as_a_stranger(folder, log.verifier_key()) == list(log.leaves())
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "checkpoint":
            parse_path(str(path.relative_to(folder)))
    assert publish_log(log, folder) == (700, 1)


def test_the_folder_has_exactly_the_files_of_its_size(log: SegmentLog, tmp_path: Path) -> None:
    log.append(drafts(0, 600), now=NOW)
    publish_log(log, tmp_path / "public")
    found = {
        str(path.relative_to(tmp_path / "public"))
        for path in (tmp_path / "public").rglob("*")
        if path.is_file()
    }
    assert found == {"checkpoint", *(name.path() for name in names_between(0, 600))}


def test_publishing_that_stopped_anywhere_leaves_a_readable_log(
    log: SegmentLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "public"
    log.append(drafts(0, 300), now=NOW)
    publish_log(log, folder)
    log.append(drafts(300, 520), now=NOW)
    real = Path.replace
    for stop in range(6):
        calls: list[Path] = []

        def replace(self: Path, target: Path, calls: list[Path] = calls, stop: int = stop) -> Path:
            calls.append(target)
            if len(calls) > stop:
                raise KeyboardInterrupt
            return real(self, target)

        half = tmp_path / f"half-{stop}"
        shutil.copytree(folder, half)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                publish_log(log, half)
        assert len(read_as_a_stranger(half, log.verifier_key())) == 300
        publish_log(log, half)
        assert len(read_as_a_stranger(half, log.verifier_key())) == 520


def test_another_history_is_never_published_over(log: SegmentLog, tmp_path: Path) -> None:
    log.append(drafts(0, 3), now=NOW)
    other = segment_log(tmp_path / "other")
    other.append(drafts(5, 6), now=NOW)
    publish_log(other, tmp_path / "public")
    before = (tmp_path / "public" / "checkpoint").read_bytes()
    with pytest.raises(LedgerDamagedError, match="not of this log"):
        publish_log(log, tmp_path / "public")
    # The same key, another history: a log restored from an old copy that then went on.
    shutil.copytree(tmp_path / "ledger", tmp_path / "restored")
    publish_log(log, tmp_path / "mine")
    log.append(drafts(3, 5), now=NOW)
    publish_log(log, tmp_path / "mine")
    restored = segment_log(tmp_path / "restored")
    with pytest.raises(LedgerDamagedError, match="does not extend"):
        publish_log(restored, tmp_path / "mine")
    restored.append(drafts(70, 75), now=NOW)
    with pytest.raises(LedgerDamagedError, match="does not extend"):
        publish_log(restored, tmp_path / "mine")
    assert (tmp_path / "public" / "checkpoint").read_bytes() == before
    other.close()
    restored.close()
