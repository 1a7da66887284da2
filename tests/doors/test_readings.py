"""Files are read thoroughly when the workers have nothing else to do, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pratique.doors.index import readings
from pratique.doors.index.readings import Readings
from pratique.edge.blobs import DiskBlobStore
from pratique.edge.vetting.outcomes import unfinished
from pratique.errors import UnavailableError
from pratique.values.digests import Sha256
from pratique.vet.base import ContentKey
from pratique.vet.exchange import StoredContent, Vetted
from pratique.vet.model import Language

KEY = ("1" * 64, Language.PYTHON)


class Reader:
    def __init__(self) -> None:
        self.can_spare = self.quiet = True
        self.read: list[str] = []
        self.failure = ""

    async def vet_file(self, path: Path, filename: str = "", **options: Any) -> Vetted:
        assert options["thorough"]
        assert await options["known"]((KEY,)) == {}
        self.read.append(f"{filename} {path.read_bytes().decode()}")
        if filename == "broken":
            raise UnavailableError("the pool is closed")
        ended = unfinished(self.failure, context=None, base=None)
        new = (StoredContent(sha256=KEY[0], language=KEY[1], facts=b"facts"),)
        return Vetted(report=ended.report, release=b"release", new=new, failure=self.failure)


class Kept:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def content_facts(self, keys: Iterable[ContentKey]) -> Mapping[ContentKey, bytes]:
        assert list(keys) == [KEY]
        return {}

    def add_facts(self, contents: Any, *, release: Any = None, thorough: bool = False) -> None:
        self.kept.append((contents, release, thorough))

    def is_thorough(self, sha256: Sha256) -> bool:
        return any(release[0] == sha256 for _, release, _ in self.kept)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "_QUIET_SECONDS", 0.01)


def store(blobs: DiskBlobStore, content: bytes) -> Sha256:
    writer = blobs.begin()
    writer.write(content)
    return writer.commit(None)


async def test_a_file_is_read_once_and_kept_as_thorough(tmp_path: Path) -> None:
    reader, kept, blobs = Reader(), Kept(), DiskBlobStore(tmp_path, cap_bytes=1 << 30)
    queue = Readings(reader, kept, blobs)
    one, two = store(blobs, b"one"), store(blobs, b"two")
    queue.add(one, "a-1")
    queue.add(two, "broken")
    queue.add(Sha256("0" * 64), "was evicted")
    queue.add(one, "a-1")
    await asyncio.wait_for(queue.settle(), timeout=10)
    queue.add(one, "a-1")
    await asyncio.wait_for(queue.settle(), timeout=10)
    assert reader.read == ["a-1 one", "broken two"]
    assert kept.kept == [({KEY: b"facts"}, (one, b"release"), True)]


async def test_whoever_waits_for_a_file_comes_first(tmp_path: Path) -> None:
    reader, kept, blobs = Reader(), Kept(), DiskBlobStore(tmp_path, cap_bytes=1 << 30)
    reader.quiet = False
    queue = Readings(reader, kept, blobs)
    queue.add(store(blobs, b"one"), "a-1")
    await asyncio.sleep(0.1)
    assert reader.read == []
    reader.quiet = True
    await asyncio.wait_for(queue.settle(), timeout=10)
    assert reader.read == ["a-1 one"]
    reader.quiet = False
    queue.add(store(blobs, b"two"), "a-2")
    await asyncio.wait_for(queue.close(), timeout=10)
    assert reader.read == ["a-1 one"]


async def test_what_a_worker_failed_at_is_not_kept(tmp_path: Path) -> None:
    reader, kept, blobs = Reader(), Kept(), DiskBlobStore(tmp_path, cap_bytes=1 << 30)
    reader.failure = "its CPU time was used up"
    queue = Readings(reader, kept, blobs)
    queue.add(store(blobs, b"one"), "a-1")
    await asyncio.wait_for(queue.settle(), timeout=10)
    assert (reader.read, kept.kept) == (["a-1 one"], [])


async def test_a_file_that_goes_away_meanwhile_does_not_end_the_queue(tmp_path: Path) -> None:
    reader, kept = Reader(), Kept()
    blobs = DiskBlobStore(tmp_path, cap_bytes=1 << 30)
    gone, there = store(blobs, b"gone"), store(blobs, b"there")

    class Evicting:
        def path(self, digest: Sha256) -> Path | None:
            found = blobs.path(digest)
            if found is not None and digest == gone:
                found.unlink()
            return found

    queue = Readings(reader, kept, Evicting())  # type: ignore[arg-type] # all that is asked of it
    queue.add(gone, "gone")
    queue.add(there, "there")
    await asyncio.wait_for(queue.settle(), timeout=10)
    assert reader.read == ["there there"]


async def test_an_only_worker_is_not_kept_from_who_may_need_it(tmp_path: Path) -> None:
    reader, kept, blobs = Reader(), Kept(), DiskBlobStore(tmp_path, cap_bytes=1 << 30)
    reader.can_spare = False
    queue = Readings(reader, kept, blobs)
    queue.add(store(blobs, b"one"), "a-1")
    await asyncio.wait_for(queue.settle(), timeout=10)
    assert reader.read == []
