from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.edge.blobs import DiskBlobStore, DiskBlobWriter
from pratique.edge.errors import StorageError
from pratique.errors import IntegrityError
from pratique.values.digests import Sha256

GIB = 2**30


def digest_of(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


def put(store: DiskBlobStore, content: bytes, *, used_at: float | None = None) -> Sha256:
    writer = store.begin()
    writer.write(content)
    digest = writer.commit(digest_of(content))
    if used_at is not None:
        path = store.path(digest)
        assert path is not None
        os.utime(path, (used_at, time.time()))
    return digest


def finish(writer: DiskBlobWriter, content: bytes) -> None:
    writer.write(content)
    writer.commit(digest_of(content))


def incoming(folder: Path) -> list[Path]:
    return list((folder / "incoming").iterdir())


def published(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "sha256").rglob("*") if p.is_file())


# ── writing ─────────────────────────────────────────────────────────────────────────────────


def test_a_blob_appears_when_it_is_committed(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    content = b"a" * 100_000
    writer = store.begin()
    writer.write(content[:60_000])
    assert writer.written == 60_000
    assert writer.path.read_bytes() == content[:60_000]
    writer.write(content[60_000:])
    assert store.path(digest_of(content)) is None
    digest = writer.commit(digest_of(content))
    path = store.path(digest)
    assert path is not None
    assert path.read_bytes() == content
    assert path == tmp_path / "sha256" / digest[:2] / digest
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert incoming(tmp_path) == []
    assert DiskBlobStore(tmp_path, cap_bytes=GIB).path(digest) == path


def test_without_expectation_the_digest_is_told(tmp_path: Path) -> None:
    writer = DiskBlobStore(tmp_path, cap_bytes=GIB).begin()
    writer.write(b"abc")
    # FIPS 180-2, appendix B.1
    assert writer.commit(None) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_other_bytes_are_never_published(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    writer = store.begin()
    writer.write(b"evil")
    with pytest.raises(IntegrityError) as caught:
        writer.commit(digest_of(b"good"))
    assert digest_of(b"evil") in caught.value.message
    assert digest_of(b"good") in caught.value.expected
    assert published(tmp_path) == []
    assert incoming(tmp_path) == []


def test_abandoning_leaves_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    writer = store.begin()
    writer.write(b"abc")
    writer.abandon()
    writer.abandon()
    assert incoming(tmp_path) == []
    with pytest.raises(ValueError, match="abandoned"):
        writer.write(b"abc")
    with pytest.raises(ValueError, match="abandoned"):
        writer.commit(None)
    digest = put(store, b"kept")
    writer = store.begin()
    writer.write(b"kept")
    writer.commit(digest)
    writer.abandon()
    assert store.path(digest) is not None


def test_publishing_again_heals_a_damaged_blob(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    digest = put(store, b"content")
    path = store.path(digest)
    assert path is not None
    path.chmod(0o640)
    path.write_bytes(b"damaged")
    put(store, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("text", ["", "..", "a/b", "A" * 64, "a" * 63])
def test_only_parsed_digests_are_places(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        DiskBlobStore(tmp_path, cap_bytes=GIB).path(Sha256(text))


def test_a_link_in_the_store_is_not_followed(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path / "blobs", cap_bytes=GIB)
    (tmp_path / "secret").write_text("secret")
    place = tmp_path / "blobs" / "sha256" / "aa" / ("a" * 64)
    place.parent.mkdir()
    place.symlink_to(tmp_path / "secret")
    assert store.path(Sha256("a" * 64)) is None


# ── a disk that is full or broken, at each step ─────────────────────────────────────────────


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("step", ["write", "fchmod", "fsync", "replace", "mkdir"])
def test_a_failing_disk_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    content = b"x" * 1000
    writer = store.begin()
    owner: Any = Path if step in {"replace", "mkdir"} else os
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, failing(code))
        with pytest.raises(StorageError) as caught:
            finish(writer, content)
    assert ("full" in caught.value.message) == (code != errno.EIO)
    assert ("blob_cap_gib" in caught.value.remedy) == (code != errno.EIO)
    assert published(tmp_path) == []
    assert incoming(tmp_path) == []
    assert store.path(put(store, content)) is not None


def test_a_disk_that_fills_up_in_the_middle_of_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    writer = store.begin()
    real = os.write
    calls = iter([500, None])

    def half(handle: int, chunk: bytes) -> int:
        room = next(calls)
        if room is None:
            raise OSError(errno.ENOSPC, "full")
        return real(handle, chunk[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(StorageError, match="full"):
            writer.write(b"x" * 1000)
    assert incoming(tmp_path) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda handle, chunk: real(handle, chunk[:7]))
        digest = put(store, b"0123456789" * 10)
    path = store.path(digest)
    assert path is not None
    assert path.read_bytes() == b"0123456789" * 10


def test_a_reserve_of_the_disk_is_kept_free(tmp_path: Path) -> None:
    plenty = shutil.disk_usage(tmp_path).free * 2
    store = DiskBlobStore(tmp_path, cap_bytes=GIB, min_free_bytes=plenty)
    with pytest.raises(StorageError, match="full"):
        store.begin()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(StorageError, match="blob folder"):
        DiskBlobStore(tmp_path / "blobs", cap_bytes=GIB)


# ── crashes ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("step", "visible"),
    [("os.write", False), ("os.fsync", False), ("Path.replace", False), ("sync_folder", True)],
)
def test_a_crash_at_each_step_leaves_the_blob_or_nothing(
    tmp_path: Path, step: str, *, visible: bool
) -> None:
    script = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from pratique.edge import blobs
        store = blobs.DiskBlobStore(Path(sys.argv[1]), cap_bytes=2**30)
        (Path(sys.argv[1]) / "sha256" / sys.argv[3][:2]).mkdir()
        def die(*_):
            os._exit(9)
        owner, _, name = ("blobs." + sys.argv[2]).rpartition(".")
        setattr(eval(owner), name, die)
        writer = store.begin()
        writer.write(b"content")
        writer.commit(None)
        """
    )
    digest = digest_of(b"content")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), step, digest], timeout=60, check=False
    )
    assert done.returncode == 9
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    assert (store.path(digest) is not None) == visible
    assert len(incoming(tmp_path)) == (0 if visible else 1)
    later = DiskBlobStore(tmp_path, cap_bytes=GIB, now=lambda: time.time() + 3700)
    assert incoming(tmp_path) == []
    assert later.verify().damaged == ()


def test_a_running_download_of_another_process_is_no_leftover(tmp_path: Path) -> None:
    first = DiskBlobStore(tmp_path, cap_bytes=GIB)
    writer = first.begin()
    writer.write(b"con")
    old = first.begin()
    os.utime(old.path, (time.time() - 3700, time.time() - 3700))
    DiskBlobStore(tmp_path, cap_bytes=GIB)
    assert incoming(tmp_path) == [writer.path]
    writer.write(b"tent")
    assert writer.commit(None) == digest_of(b"content")
    old.abandon()


# ── eviction ────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=40, deadline=None)
@given(
    blobs=st.lists(
        st.tuples(
            st.integers(1, 400), st.integers(0, 50), st.booleans()
        ),  # size, minutes since last use, protected
        max_size=8,
    ),
    cap=st.integers(0, 3000),
    low_water=st.sampled_from([0.5, 0.9, 1.0]),
)
def test_laws_of_eviction(
    tmp_path_factory: pytest.TempPathFactory,
    blobs: list[tuple[int, int, bool]],
    cap: int,
    low_water: float,
) -> None:
    now = 1_800_000_000.0
    store = DiskBlobStore(
        tmp_path_factory.mktemp("evict"), cap_bytes=cap, low_water=low_water, now=lambda: now
    )
    used: dict[Sha256, float] = {}
    sizes: dict[Sha256, int] = {}
    protected: set[Sha256] = set()
    for number, (size, minutes, is_protected) in enumerate(blobs):
        digest = put(store, bytes([number]) * size, used_at=now - 60 * minutes)
        used[digest], sizes[digest] = now - 60 * minutes, size
        if is_protected:
            protected.add(digest)
    removed = store.evict(protected=frozenset(protected))
    kept = {digest for digest in used if store.path(digest) is not None}

    assert kept == set(used) - set(removed)
    assert not protected & set(removed)
    assert all(used[digest] <= now - 60 for digest in removed)
    total, left = sum(sizes.values()), sum(sizes[digest] for digest in kept)
    if total <= cap:
        assert removed == ()
    movable = {d for d in kept if d not in protected and used[d] <= now - 60}
    if total > cap:
        assert left <= int(cap * low_water) or not movable
    if removed:
        assert left + sizes[removed[-1]] > int(cap * low_water)
        assert all(used[gone] <= used[stays] for gone in removed for stays in movable)
    assert store.used_bytes() == left


def test_use_is_seen_by_other_processes(tmp_path: Path) -> None:
    clock = [1_800_000_000.0]
    first = DiskBlobStore(tmp_path, cap_bytes=150, now=lambda: clock[0])
    second = DiskBlobStore(tmp_path, cap_bytes=150, now=lambda: clock[0])
    old = put(first, b"o" * 100, used_at=clock[0] - 7200)
    new = put(first, b"n" * 100, used_at=clock[0] - 3600)
    assert second.path(old) is not None
    clock[0] += 120
    assert first.evict(protected=frozenset()) == (new,)


def test_a_blob_being_read_stays_readable_when_it_is_evicted(tmp_path: Path) -> None:
    clock = [time.time()]
    store = DiskBlobStore(tmp_path, cap_bytes=0, now=lambda: clock[0])
    digest = put(store, b"content")
    path = store.path(digest)
    assert path is not None
    assert store.evict(protected=frozenset()) == ()  # just used: somebody may be opening it
    with path.open("rb") as reader:
        clock[0] += 1200
        assert store.evict(protected=frozenset()) == (digest,)
        assert reader.read() == b"content"
    assert store.path(digest) is None


def test_below_the_cap_the_folder_is_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [time.time()]
    store = DiskBlobStore(tmp_path, cap_bytes=1000, now=lambda: clock[0])
    put(store, b"x" * 100, used_at=clock[0] - 3600)
    store.evict(protected=frozenset())
    walks: list[int] = []
    real = store._kept
    monkeypatch.setattr(store, "_kept", lambda: walks.append(1) or real())
    put(store, b"y" * 800)
    store.evict(protected=frozenset())
    assert walks == []
    put(store, b"z" * 200)  # own blobs are counted as they come
    store.evict(protected=frozenset())
    assert len(walks) == 1
    clock[0] += 700  # and those of other processes now and then
    store.evict(protected=frozenset())
    assert len(walks) == 2


def test_a_store_that_cannot_note_the_use_still_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=GIB)
    digest = put(store, b"content", used_at=1.0)
    monkeypatch.setattr(os, "utime", failing(errno.EROFS))
    assert store.path(digest) is not None
    monkeypatch.setattr(os, "utime", failing(errno.ENOENT))
    assert store.path(digest) is None


# ── verification ────────────────────────────────────────────────────────────────────────────


@given(at=st.integers(0, 999), bit=st.integers(0, 7))
@settings(max_examples=15, deadline=None)
def test_a_flipped_bit_anywhere_is_found_named_and_put_aside(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("verify")
    store = DiskBlobStore(folder, cap_bytes=GIB)
    good = put(store, b"g" * 1000)
    bad = put(store, b"b" * 1000)
    path = store.path(bad)
    assert path is not None
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.chmod(0o640)
    path.write_bytes(content)
    seen: list[tuple[int, int]] = []
    report = store.verify(lambda blobs, size: seen.append((blobs, size)))
    assert [(d.digest, d.found) for d in report.damaged] == [(bad, digest_of(bytes(content)))]
    assert (report.checked, report.bytes_checked) == (2, 2000)
    assert seen == [(1, 1000), (2, 2000)]
    assert store.path(bad) is None
    assert store.path(good) is not None
    assert (folder / "quarantine" / bad).read_bytes() == content


def test_strangers_are_named_and_left_alone(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path, cap_bytes=0, now=lambda: time.time() + 9999)
    digest = put(store, b"content", used_at=1.0)
    shard = tmp_path / "sha256" / digest[:2]
    (shard / "README").write_text("not a blob")
    misplaced = tmp_path / "sha256" / "00" / ("ff" * 32)
    misplaced.parent.mkdir(exist_ok=True)
    misplaced.write_text("wrong shard")
    (tmp_path / "sha256" / "note").write_text("x")
    report = store.verify()
    assert set(report.strangers) == {
        "sha256/note",
        f"sha256/{digest[:2]}/README",
        f"sha256/00/{'ff' * 32}",
    }
    assert store.evict(protected=frozenset()) == (digest,)
    assert (shard / "README").exists()
    assert misplaced.exists()
