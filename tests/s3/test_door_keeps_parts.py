"""Our door as the S3 behind another Pratique: a server that checks every signature and checksum."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.s3_door import Custodian, custodian, s3_door
from pratique.custody.errors import PartMissingError
from pratique.custody.model import Verb
from pratique.edge.custody.aws_access import parse_place
from pratique.edge.custody.bucket_source import BucketSource
from pratique.edge.custody.part_listing import ListedParts
from pratique.edge.custody.part_places import open_parts
from pratique.edge.custody.s3_parts import CHUNK
from pratique.edge.custody.sources import Found
from pratique.errors import UnavailableError
from pratique.settings import CustodySettings, Settings


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path / "behind") as found:
        found.dataset()
        yield found


def used(monkeypatch: pytest.MonkeyPatch, key: str, secret: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def ahead(home: Path, url: str) -> Settings:
    custody = CustodySettings(parts="s3://dialogs/parts", parts_endpoint=url)
    return Settings(home=home, custody=custody)


async def names(parts: ListedParts) -> list[str]:
    return [part.name async for part in parts.listed()]


async def test_parts_lie_behind_a_door_of_ours(
    keeper: Custodian, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs = frozenset(Verb)
    lease, secret = keeper.grant(verbs=verbs, budget_bytes=1 << 30, budget_objects=1000)
    used(monkeypatch, lease.id, secret)
    large, small = os.urandom(2 * CHUNK + 99), os.urandom(1000)
    async with s3_door(keeper.settings) as door:
        with open_parts(ahead(tmp_path, door.url)) as parts:
            await parts.write("aa/large/0.0", large)
            await parts.write_many([(f"ab/{number}/0.0", small) for number in range(20)])
            assert (
                bytes(await parts.read("aa/large/0.0", CHUNK - 1, CHUNK + 1))
                == large[CHUNK - 1 : CHUNK + 1]
            )
            assert bytes(await parts.read("ab/7/0.0", 0, 1000)) == small
            assert len(await names(parts)) == 21
            await parts.delete("aa/large/0.0")
            with pytest.raises(PartMissingError):
                await parts.read("aa/large/0.0", 0, 1)
            found = await asyncio.to_thread(
                lambda: list(BucketSource(parse_place("s3://dialogs", endpoint=door.url)).walk())
            )
            assert all(isinstance(one, Found) and one.size == 1000 for one in found)
            assert len(found) == 20

        used(monkeypatch, lease.id, "wrong" + secret[5:])
        with open_parts(ahead(tmp_path, door.url)) as parts:
            with pytest.raises(UnavailableError, match="refuses our credentials") as caught:
                await parts.read("ab/7/0.0", 0, 1000)
            assert secret[5:] not in str(caught.value)
