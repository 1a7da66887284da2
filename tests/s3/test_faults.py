"""The door without its broker, its database, or room to write: nothing is served, and it says why."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from kit.postgres import _missing, find_server_programs, running_server
from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.model import StoredObject
from pratique.doors.s3.confirmation import CONFIRMED_SECONDS
from pratique.edge.custody.broker_admin import broker_running, started_broker
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.custody import CUSTODY_FILE, open_custody
from pratique.store.log_disk import Disk
from pratique.store.logs import open_log

DATA = os.urandom(300_000)


async def read(client: Any, key: str = "known") -> bytes:
    def work() -> bytes:
        return bytes(client.get_object(Bucket="dialogs", Key=key)["Body"].read())

    return await asyncio.to_thread(work)


async def refused(client: Any, key: str = "known") -> tuple[int, str, str]:
    """Status, code and sentence of a read that must fail."""
    with pytest.raises(ClientError) as caught:
        await read(client, key)
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]


async def eventually(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Ask again until the door answers."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return await check()
        except ClientError:
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)


async def test_without_a_broker_no_key_and_no_byte_that_needs_one(tmp_path: Path) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("known", DATA)
        made.put("other", DATA)
        async with s3_door(made.settings) as serving:
            client = boto(serving.url, *made.grant())
            fresh = boto(serving.url, *made.grant())
            assert await read(client) == DATA
            os.kill(made.admin.status().pid, signal.SIGKILL)
            await asyncio.sleep(0.2)
            for asked in (client, fresh):
                status, code, sentence = await refused(asked, "other")
                assert (status, code) == (503, "ServiceUnavailable")
                assert "key broker" in sentence
                assert str(tmp_path) not in sentence
            with started_broker(made.settings):
                assert await eventually(lambda: read(client, "other")) == DATA
                assert await eventually(lambda: read(fresh, "other")) == DATA


async def test_a_database_that_is_moved_away_stops_everything_in_half_a_second(
    tmp_path: Path,
) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("known", DATA)
        async with s3_door(made.settings, confirmed_seconds=CONFIRMED_SECONDS) as serving:
            client = boto(serving.url, *made.grant())
            assert await eventually(lambda: read(client)) == DATA
            place, away = tmp_path / CUSTODY_FILE, tmp_path / "away.db"
            place.rename(away)
            await asyncio.sleep(0.6)
            status, code, sentence = await refused(client)
            assert (status, code) == (503, "ServiceUnavailable"), sentence
            away.rename(place)
            assert await eventually(lambda: read(client)) == DATA


@pytest.mark.postgres
@pytest.mark.slow
async def test_a_postgresql_that_stops_stops_everything_in_half_a_second(tmp_path: Path) -> None:
    if find_server_programs() is None:
        _missing("no PostgreSQL server programs were found")
    with running_server() as template:
        url = template.format(database="postgres")
        settings = Settings(
            home=tmp_path,
            storage=StorageSettings(database_url=url),
            custody=CustodySettings(s3_listen="127.0.0.1:0"),
        )
        with broker_running(settings) as admin, closing(open_custody(settings)) as state:
            made = Custodian(settings=settings, state=state, admin=admin)
            made.dataset()
            made.put("known", DATA)
            async with s3_door(settings, confirmed_seconds=CONFIRMED_SECONDS) as serving:
                client = boto(serving.url, *made.grant())
                assert await eventually(lambda: read(client)) == DATA
                with psycopg.connect(url) as connection:
                    pids = [
                        row[0]
                        for row in connection.execute(
                            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                            "AND pid <> pg_backend_pid()"
                        )
                    ]
                for pid in pids:  # they hang, as behind a network that is gone
                    os.kill(pid, signal.SIGSTOP)
                try:
                    await asyncio.sleep(0.6)
                    assert not serving.open.ground.confirmation.fresh
                    status, code, _ = await refused(client)
                    assert (status, code) == (503, "ServiceUnavailable")
                finally:
                    for pid in pids:
                        os.kill(pid, signal.SIGCONT)
                assert await eventually(lambda: read(client)) == DATA


async def test_a_full_disk_under_the_ledger_discloses_nothing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    write = Disk.write

    def may_be_full(self: Disk, fd: int, data: bytes, offset: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, fd, data, offset)

    monkeypatch.setattr(Disk, "write", may_be_full)
    with custodian(tmp_path) as made:
        made.dataset()
        stored: list[StoredObject] = [made.put(f"{n}", DATA) for n in range(3)]
        async with s3_door(made.settings) as serving:
            lease, secret = made.grant()
            client = boto(serving.url, lease, secret)
            assert await read(client, "0") == DATA
            full = True
            status, code, sentence = await refused(client, "1")
            assert status == 503, (code, sentence)
            assert code in {"ServiceUnavailable", "SlowDown"}
            assert str(tmp_path) not in sentence
            full = False
            assert await eventually(lambda: read(client, "2")) == DATA
        for one in stored:
            assert made.state.object("dialogs", one.key) == one
    with closing(open_log(made.settings)) as log:
        seen = {
            row[0]
            for entry in log.entries()
            if entry.kind in {"reads", "reads-ahead"}
            for row in (*entry.body.get("reads", ()), *entry.body.get("ahead", ()))
        }
    assert {stored[0].id, stored[2].id} <= seen


async def test_a_part_that_was_changed_is_told_from_one_that_is_missing(tmp_path: Path) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        small = DATA[:100_000]  # answered in one piece: what is wrong is known before the status is
        changed, missing = made.put("changed", small), made.put("missing", small)
        parts = {path.parent.name: path for path in (tmp_path / "parts").glob("*/*/*")}
        data = bytearray(parts[changed.id].read_bytes())
        data[1000] ^= 1
        parts[changed.id].write_bytes(data)
        parts[missing.id].unlink()
        async with s3_door(made.settings) as serving:
            client = boto(serving.url, *made.grant())
            for key in ("changed", "missing"):
                status, _, sentence = await refused(client, key)
                assert status == 500, sentence
                assert key in sentence
                assert str(tmp_path) not in sentence
