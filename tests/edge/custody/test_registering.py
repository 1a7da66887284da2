"""Objects come into custody whole or not at all, and Tink reads what we wrote."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kit.custody import a_dataset
from kit.s3_server import KEY, SECRET, S3Server, s3_server
from kit.tink_oracle import decrypt
from pratique.custody.envelope import OURS, part_aad, part_name
from pratique.custody.model import PART_BYTES, ObjectId, StoredObject
from pratique.edge.custody import bucket_source
from pratique.edge.custody.aws_access import BucketPlace, parse_place
from pratique.edge.custody.bucket_source import BucketSource
from pratique.edge.custody.disk_parts import DiskParts
from pratique.edge.custody.folder_source import FolderSource
from pratique.edge.custody.part_listing import KeptPart
from pratique.edge.custody.registering import Progress, Surroundings, register
from pratique.edge.custody.sources import Source
from pratique.errors import UnavailableError
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody
from pratique.values.instants import now_utc


class Parts(DiskParts):
    """A disk that fails on demand."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.writes = 0
        self.fail_at = -1

    async def write(self, name: str, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1
        if self.writes == self.fail_at:
            raise UnavailableError("a part cannot be written: no space left")
        await super().write(name, data)

    async def write_many(self, parts: Sequence[tuple[str, bytes | bytearray | memoryview]]) -> None:
        for name, data in parts:
            await self.write(name, data)


@dataclass(kw_only=True)
class Desk:
    """A registering without a broker: keys are kept here."""

    home: Path
    state: CustodyStore
    parts: Parts
    keys: dict[str, bytes] = field(default_factory=dict)
    entries: list[Draft] = field(default_factory=list)
    record_fails: bool = False
    stop_after: int | None = None
    read: list[str] = field(default_factory=list)

    def key(self, object_id: ObjectId) -> tuple[bytes, bytes]:
        self.keys[object_id] = secrets.token_bytes(32)
        return self.keys[object_id], b"wrapped"

    def record(self, drafts: list[Draft]) -> None:
        if self.record_fails:
            raise UnavailableError("the ledger is full")
        self.entries += drafts

    async def register(self, source: Source, **changes: Any) -> Progress:
        self.read.clear()
        around = Surroundings(
            state=self.state,
            parts=self.parts,
            keys=self.key,
            record=self.record,
            clock=now_utc,
            actor="operator:test",
            stop=lambda: self.stop_after is not None and self.parts.writes >= self.stop_after,
            show=lambda what, _bytes: self.read.append(what),
            **changes,
        )
        return await register(a_dataset(), source, around)

    def objects(self) -> dict[str, StoredObject]:
        return {one.key: one for one in self.state.objects("dialogs", limit=10_000)}

    def plain(self, one: StoredObject) -> bytes:
        """What Tink makes of the parts on the disk."""
        out = b""
        for part in range(one.parts):
            cipher = (self.home / "parts" / part_name(one.id, part, 0)).read_bytes()
            out += decrypt(
                cipher,
                object_key=self.keys[one.id],
                aad=part_aad(one.id, part, 0),
                segment_bytes=OURS.segment,
            )
        return out

    async def lying(self) -> list[KeptPart]:
        return [part async for part in self.parts.listed()]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with (
        closing(open_custody(Settings(home=tmp_path))) as state,
        closing(Parts(tmp_path / "parts")) as parts,
    ):
        state.add_dataset(a_dataset())
        yield Desk(home=tmp_path, state=state, parts=parts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


SIZES = (0, 1, OURS.segment - 56, OURS.segment, (1 << 20), (1 << 20) + 1, 5_000_000)


async def test_tink_reads_every_size(desk: Desk, folder: Path) -> None:
    expected = {f"s{size}.bin": os.urandom(size) for size in SIZES}
    for name, data in expected.items():
        (folder / name).write_bytes(data)
    progress = await desk.register(FolderSource(folder))
    assert (progress.stored, progress.gaps_total) == (len(SIZES), 0)
    found = desk.objects()
    assert set(found) == set(expected)
    for name, data in expected.items():
        assert found[name].sha256 == hashlib.sha256(data).hexdigest()
        assert found[name].size == len(data)
        assert desk.plain(found[name]) == data
    assert len(desk.entries) == len(SIZES)
    assert {draft.body["object"] for draft in desk.entries} == {o.id for o in found.values()}
    assert not any("bin" in repr(draft) for draft in desk.entries)  # ids, never keys


@pytest.mark.slow
@pytest.mark.parametrize("size", [PART_BYTES, 2 * PART_BYTES + 7])
async def test_tink_reads_many_parts(desk: Desk, folder: Path, size: int) -> None:
    data = os.urandom(1 << 20) * (size // (1 << 20) + 1)
    (folder / "large").write_bytes(data[:size])
    await desk.register(FolderSource(folder))
    one = desk.objects()["large"]
    assert (one.size, one.parts) == (size, -(-size // PART_BYTES))
    assert len(await desk.lying()) == one.parts
    digest = hashlib.sha256()
    for part in range(one.parts):
        cipher = (desk.home / "parts" / part_name(one.id, part, 0)).read_bytes()
        aad = part_aad(one.id, part, 0)
        key = desk.keys[one.id]
        digest.update(decrypt(cipher, object_key=key, aad=aad, segment_bytes=OURS.segment))
    assert digest.hexdigest() == one.sha256 == hashlib.sha256(data[:size]).hexdigest()


async def test_what_has_not_changed_is_not_read_again(desk: Desk, folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(name.encode() * 10)
    await desk.register(FolderSource(folder))
    before, writes = desk.objects(), desk.parts.writes
    again = await desk.register(FolderSource(folder))
    assert (again.stored, again.unchanged, desk.parts.writes) == (0, 3, writes)
    os.utime(folder / "a", (1, 1))
    (folder / "b").write_bytes(b"other")
    changed = await desk.register(FolderSource(folder))
    assert (changed.stored, changed.unchanged) == (2, 1)
    after = desk.objects()
    assert after["c"] == before["c"]
    assert after["b"].id != before["b"].id
    assert desk.plain(after["b"]) == b"other"
    every = await desk.register(FolderSource(folder), reread=True)
    assert (every.stored, every.unchanged) == (3, 0)


@pytest.mark.slow
async def test_ended_in_between_it_goes_on(desk: Desk, folder: Path) -> None:
    for number in range(1000):
        (folder / f"{number:03}").write_bytes(b"%d" % number * 100)
    desk.stop_after = 50
    first = await desk.register(FolderSource(folder))
    assert first.stopped
    assert 50 <= first.stored < 600
    assert len(desk.objects()) == first.stored
    assert len(await desk.lying()) == first.stored  # nothing half done is left
    desk.stop_after = None
    second = await desk.register(FolderSource(folder))
    assert (second.stored, second.unchanged) == (1000 - first.stored, first.stored)


async def test_a_large_object_that_is_ended_leaves_nothing(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.edge.custody.registering.PART_BYTES", 1 << 20)
    (folder / "large").write_bytes(os.urandom(5 << 20))
    desk.stop_after = 2
    progress = await desk.register(FolderSource(folder))
    assert progress.stopped
    assert desk.objects() == {}
    assert await desk.lying() == []


@pytest.mark.parametrize("fail_at", [1, 3])
async def test_a_full_disk_ends_it_and_what_is_whole_stays(
    desk: Desk, folder: Path, fail_at: int
) -> None:
    for number in range(20):
        (folder / f"{number:03}").write_bytes(b"x" * 100)
    desk.parts.fail_at = fail_at
    with pytest.raises(UnavailableError, match="no space left"):
        await desk.register(FolderSource(folder))
    stored = desk.objects()
    lying = {part.name for part in await desk.lying()}
    assert {part_name(one.id, 0, 0) for one in stored.values()} <= lying
    desk.parts.fail_at = -1
    again = await desk.register(FolderSource(folder))
    assert again.stored == 20 - len(stored)


async def test_without_an_entry_there_is_no_object(desk: Desk, folder: Path) -> None:
    (folder / "a").write_bytes(b"a")
    desk.record_fails = True
    with pytest.raises(UnavailableError, match="ledger"):
        await desk.register(FolderSource(folder))
    assert desk.objects() == {}


async def test_what_cannot_be_read_is_told_and_the_rest_is_done(desk: Desk, folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"x" * 10)
    source = FolderSource(folder)

    class Racing:
        """The tree changes between being listed and being read."""

        name = source.name
        open = source.open

        def walk(self) -> Iterator[Any]:
            found = list(source.walk())
            (folder / "a").unlink()
            (folder / "b").unlink()
            os.mkfifo(folder / "b")
            yield from found

    progress = await desk.register(Racing())
    assert progress.stored == 1
    assert {gap.what: gap.why for gap in progress.gaps} == {
        "a": "is gone", "b": "is no regular file any more"
    }  # fmt: skip
    assert set(desk.objects()) == {"c"}
    assert len(await desk.lying()) == 1


async def test_a_file_that_grows_is_not_registered(desk: Desk, folder: Path) -> None:
    (folder / "small").write_bytes(b"x" * 100)
    (folder / "large").write_bytes(b"x" * (3 << 20))
    source = FolderSource(folder)

    class Growing:
        name = source.name
        open = source.open

        def walk(self) -> Iterator[Any]:
            found = list(source.walk())
            for name in ("small", "large"):
                with (folder / name).open("ab") as file:
                    file.write(b"more")
            yield from found

    progress = await desk.register(Growing())
    # What is opened is read as it is then; only a change while it is read makes a gap.
    assert progress.stored + progress.gaps_total == 2
    for name, one in desk.objects().items():
        assert desk.plain(one) == (folder / name).read_bytes()


# ── buckets ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def place(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> BucketPlace:
    bucket = f"source-{secrets.token_hex(4)}"
    server.boto().create_bucket(Bucket=bucket)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return parse_place(f"s3://{bucket}/data", endpoint=server.url)


@pytest.mark.clients
async def test_a_bucket_is_registered_with_all_its_odd_keys(
    desk: Desk, server: S3Server, place: BucketPlace
) -> None:
    boto: Any = server.boto()
    odd = ("plain.jsonl", "a//b", "space and + and %41", "größe/ü?#&=.txt", "marker/", "<&>\"'")
    contents = {key: os.urandom(1000) for key in odd}
    contents["empty"] = b""
    contents["large"] = os.urandom(20_000_000)
    for key, data in contents.items():
        boto.put_object(Bucket=place.bucket, Key=f"data/{key}", Body=data)
    boto.put_object(
        Bucket=place.bucket, Key="data/typed", Body=b"1", ContentType="audio/flac",
        Metadata={"speaker": "p-1", "mtime": "1.5"},
    )  # fmt: skip
    boto.put_object(Bucket=place.bucket, Key="data/x/../y", Body=b"leaves the folder")
    boto.put_object(Bucket=place.bucket, Key="other", Body=b"not asked for")
    progress = await desk.register(BucketSource(place))
    assert {gap.what for gap in progress.gaps} == {"data/x/../y"}
    found = desk.objects()
    assert set(found) == {*contents, "typed"}
    for key, data in contents.items():
        assert desk.plain(found[key]) == data
    typed = found["typed"]
    assert (typed.media_type, dict(typed.metadata)["speaker"]) == ("audio/flac", "p-1")
    writes = desk.parts.writes
    again = await desk.register(BucketSource(place))
    assert (again.stored, again.unchanged, desk.parts.writes) == (0, len(found), writes)
    boto.put_object(Bucket=place.bucket, Key="data/plain.jsonl", Body=b"y" * 1000)
    changed = await desk.register(BucketSource(place))
    assert changed.stored == 1
    assert desk.plain(desk.objects()["plain.jsonl"]) == b"y" * 1000


@pytest.mark.clients
async def test_many_pages_and_changes_while_it_is_read(
    desk: Desk, server: S3Server, place: BucketPlace
) -> None:
    boto: Any = server.boto()
    for number in range(1050):
        boto.put_object(Bucket=place.bucket, Key=f"data/{number}", Body=b"%d" % number)
    source = BucketSource(place)
    found = await asyncio.to_thread(lambda: list(source.walk()))
    assert len(found) == 1050

    class Changed:
        name = source.name
        open = source.open

        def walk(self) -> Iterator[Any]:
            some = found[:3]
            boto.delete_object(Bucket=place.bucket, Key=f"data/{some[0].key}")  # type: ignore[union-attr]  # a client where the source is a bucket
            boto.put_object(Bucket=place.bucket, Key=f"data/{some[1].key}", Body=b"zz")  # type: ignore[union-attr]  # a client where the source is a bucket
            yield from some

    progress = await desk.register(Changed())
    assert progress.stored == 1
    assert {gap.why for gap in progress.gaps} == {"is gone", "changed while it was read"}


@pytest.mark.clients
async def test_a_bucket_that_is_not_there_is_told(desk: Desk, place: BucketPlace) -> None:
    for wrong in (
        BucketPlace(bucket="nowhere-1", prefix="", endpoint=place.endpoint, region="us-east-1"),
        BucketPlace(bucket="nowhere-1", prefix="", endpoint="http://127.0.0.1:9", region="x"),
    ):
        with pytest.raises(UnavailableError) as caught:
            await desk.register(BucketSource(wrong))
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<a>",
        b'<!DOCTYPE x [<!ENTITY e "boom">]><ListBucketResult>&e;</ListBucketResult>',
    ],
)
def test_a_listing_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(UnavailableError, match="no listing"):
        bucket_source._Listing().read(body, "s3://bucket/")
