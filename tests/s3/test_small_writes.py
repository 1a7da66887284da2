"""Small objects cost what must be done for them, and no look at what nobody asked about."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from kit.s3_door import boto, custodian, s3_door
from pratique.custody.model import StoredObject, Verb
from pratique.doors.s3.storing import Remembered
from pratique.store.custody import CustodyStore


async def test_what_stands_at_a_key_is_looked_at_for_conditions_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    real = CustodyStore.object

    def noting(self: CustodyStore, dataset: str, key: str) -> StoredObject | None:
        looked.append(key)
        return real(self, dataset, key)

    monkeypatch.setattr(CustodyStore, "object", noting)
    with custodian(tmp_path) as made:
        made.dataset()
        async with s3_door(made.settings) as serving:
            client = boto(serving.url, *made.grant(verbs=frozenset(Verb)))
            for body in (b"one", b"two"):
                await asyncio.to_thread(client.put_object, Bucket="dialogs", Key="plain", Body=body)
            assert looked == []
            with pytest.raises(ClientError, match="PreconditionFailed"):
                await asyncio.to_thread(
                    client.put_object, Bucket="dialogs", Key="plain", Body=b"x", IfNoneMatch="*"
                )
            assert looked == ["plain"]
            got = await asyncio.to_thread(client.get_object, Bucket="dialogs", Key="plain")
            assert await asyncio.to_thread(got["Body"].read) == b"two"


def test_room_is_looked_at_some_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    found = iter((7, 5))
    room = Remembered(lambda: next(found))
    assert [room() for _ in range(3)] == [7, 7, 7]
    now += 0.25
    assert room() == 5
