"""One contract for places that keep parts: a folder, and a bucket of a server that is not ours."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.s3_server import KEY, SECRET, S3Server, s3_server
from pratique.custody.envelope import part_name
from pratique.custody.errors import PartMissingError
from pratique.custody.model import ObjectId
from pratique.edge.custody import disk_parts, s3_parts
from pratique.edge.custody.aws_access import parse_place
from pratique.edge.custody.direct_files import can_sync_all, sync_all
from pratique.edge.custody.part_listing import ListedParts
from pratique.edge.custody.part_places import open_parts
from pratique.edge.custody.s3_parts import CHUNK, S3Parts
from pratique.errors import InputError, SettingsError, UnavailableError
from pratique.settings import CustodySettings, Settings
from pratique.values.instants import now_utc


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


def bucket_settings(home: Path, server: S3Server) -> Settings:
    bucket = f"parts-{secrets.token_hex(4)}"
    server.boto().create_bucket(Bucket=bucket)
    custody = CustodySettings(parts=f"s3://{bucket}/of/pratique", parts_endpoint=server.url)
    return Settings(home=home, custody=custody)


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.clients)])
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ListedParts]:
    if request.param == "disk":
        settings = Settings(home=tmp_path)
    else:
        settings = bucket_settings(tmp_path, request.getfixturevalue("server"))
    with open_parts(settings) as opened:
        yield opened


def name(number: int, part: int = 0) -> str:
    return part_name(ObjectId(f"{number:032x}"), part, 0)


async def listed(parts: ListedParts) -> list[tuple[str, int]]:
    return [(one.name, one.size) async for one in parts.listed()]


async def test_what_is_written_is_read_in_ranges(parts: ListedParts) -> None:
    data = os.urandom(300_000)
    await parts.write(name(1), memoryview(bytearray(data)))
    assert bytes(await parts.read(name(1), 0, len(data))) == data
    assert bytes(await parts.read(name(1), 65_536, 65_537)) == data[65_536:65_537]
    ranges = [(at, at + 10_000) for at in range(0, 290_000, 10_000)]
    found = await asyncio.gather(*(parts.read(name(1), low, high) for low, high in ranges))
    assert [bytes(one) for one in found] == [data[low:high] for low, high in ranges]


async def test_a_large_part_goes_up_in_pieces(parts: ListedParts) -> None:
    data = os.urandom(2 * CHUNK + 12_345)
    await parts.write(name(2), data)
    assert bytes(await parts.read(name(2), CHUNK - 5, CHUNK + 5)) == data[CHUNK - 5 : CHUNK + 5]
    assert bytes(await parts.read(name(2), 0, len(data))) == data


@pytest.mark.parametrize("count", [0, 1, 40])
async def test_many_are_written_at_once(parts: ListedParts, count: int) -> None:
    made = [(name(number), memoryview(os.urandom(1000 + number))) for number in range(count)]
    await parts.write_many(made)
    for part, data in made:
        assert bytes(await parts.read(part, 0, len(data))) == data
    assert await listed(parts) == [(part, len(data)) for part, data in made]


async def test_missing_and_short_parts_are_named(parts: ListedParts) -> None:
    with pytest.raises(PartMissingError, match="missing"):
        await parts.read(name(3), 0, 10)
    await parts.write(name(4), b"short")
    with pytest.raises(PartMissingError, match="ends before"):
        await parts.read(name(4), 0, 10)


async def test_deleting_is_for_good_and_may_be_said_twice(parts: ListedParts) -> None:
    await parts.write(name(5), b"x")
    await parts.read(name(5), 0, 1)
    await parts.delete(name(5))
    await parts.delete(name(5))
    with pytest.raises(PartMissingError):
        await parts.read(name(5), 0, 1)
    assert await listed(parts) == []


async def test_everything_is_listed_in_order_of_objects(parts: ListedParts) -> None:
    assert await listed(parts) == []
    before = now_utc()
    for number, part in ((256, 1), (3, 0), (256, 0), (17, 0)):
        await parts.write(name(number, part), b"x" * (number + part))
    found = await listed(parts)
    assert sorted(found) == [
        (name(3), 3), (name(17), 17), (name(256, 0), 256), (name(256, 1), 257)
    ]  # fmt: skip
    folders = [one.rpartition("/")[0] for one, _ in found]
    assert folders == sorted(folders)
    changed = [one.changed_at async for one in parts.listed()]
    assert all(abs((at - before).total_seconds()) < 60 for at in changed)


async def test_many_are_synced_once_and_told_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    with open_parts(Settings(home=tmp_path)) as parts:
        monkeypatch.setattr(
            disk_parts, "sync_all", lambda folder: synced.append(len(list(folder.rglob("0.0"))))
        )
        monkeypatch.setattr(disk_parts, "can_sync_all", lambda: True)
        await parts.write_many([(name(number), b"x") for number in range(40)])
        assert synced == [40]

        def broken(_folder: Path) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(disk_parts, "sync_all", broken)
        with pytest.raises(UnavailableError, match="cannot be written"):
            await parts.write_many([(name(number), b"x") for number in range(100, 140)])


def test_a_file_system_is_synced(tmp_path: Path) -> None:
    assert can_sync_all()
    sync_all(tmp_path)
    with pytest.raises(OSError, match="No such"):
        sync_all(tmp_path / "nothing")


# ── a bucket that fails ──────────────────────────────────────────────────────────────────────


def test_without_credentials_nothing_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    custody = CustodySettings(parts="s3://bucket", parts_endpoint="http://127.0.0.1:1")
    with (
        pytest.raises(UnavailableError, match="no AWS credentials"),
        open_parts(Settings(home=tmp_path, custody=custody)),
    ):
        raise AssertionError


@pytest.mark.clients
async def test_credentials_come_from_a_profile(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = bucket_settings(tmp_path, server)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    kept = tmp_path / "credentials"
    kept.write_text(f"[lab]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(kept))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    with open_parts(settings) as parts:
        await parts.write(name(1), b"by profile")
        assert bytes(await parts.read(name(1), 3, 10)) == b"profile"


async def test_a_server_that_is_gone_is_told_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_parts, "_READ_SECONDS", 3.0)
    place = parse_place("s3://bucket/x", endpoint="http://127.0.0.1:9")
    parts = S3Parts(place)
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        await parts.read(name(1), 0, 1)
    assert time.monotonic() - began < 10
    assert SECRET not in str(caught.value)


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_parts, "_READ_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = parse_place(
            "s3://bucket", endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}"
        )
        with pytest.raises(UnavailableError, match="in time"):
            await S3Parts(place).read(name(1), 0, 1)


@pytest.mark.parametrize(
    ("status", "said"), [(403, "credentials"), (401, "credentials"), (507, "507")]
)
async def test_refusals_are_told_without_secrets(status: int, said: str) -> None:
    with Answering(status) as url:
        parts = S3Parts(parse_place("s3://bucket", endpoint=url))
        with pytest.raises(UnavailableError) as caught:
            await parts.write(name(1), b"x")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


class Answering:
    """A server that answers every request with one status."""

    def __init__(self, status: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answer = f"HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    def __enter__(self) -> str:
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_args: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                peer.recv(65_536)
                peer.sendall(self._answer.encode())


# ── places ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("s3://", ""), ("s3:bucket", ""), ("http://bucket", ""), ("s3://b", ""), ("s3://bücket", ""),
        ("s3://bucket", "ftp://host"), ("s3://bucket", "host:1"), ("s3://bucket", "http://host/path"),
        ("s3://bucket", "http://me:canary@host"), ("s3://bucket", "http://host?x=1"),
    ],
)  # fmt: skip
def test_odd_places_are_refused_without_their_secrets(text: str, endpoint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_place(text, endpoint=endpoint, environ={})
    assert "canary" not in str(caught.value)


def test_places_are_read_as_people_write_them() -> None:
    place = parse_place("s3://bucket/a/b", endpoint="http://h:1/", environ={"AWS_REGION": "eu-x"})
    assert (place.bucket, place.prefix, place.endpoint, place.region) == (
        "bucket", "a/b/", "http://h:1", "eu-x"
    )  # fmt: skip
    assert parse_place("s3://bucket", endpoint="", environ={}).region == "us-east-1"


@pytest.mark.parametrize("parts", ["relative/folder", "s3://", "s3://b ucket/"])
def test_a_wrong_setting_is_named(parts: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, custody=CustodySettings(parts=parts))
    with pytest.raises(SettingsError, match=r"\[custody\] parts"), open_parts(settings):
        raise AssertionError
