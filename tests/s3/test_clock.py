"""A clock that is set back gives no ended lease its life back: the door and the broker stop instead."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from kit.broker import an_ask, live_lease, new_object, running
from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.waiting import comes
from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.doors.cli import cli
from pratique.doors.s3.serving import ServingS3
from pratique.edge.custody.broker.timekeeping import BrokerClock
from pratique.ledger.entries import Draft
from pratique.store.logs import open_log
from pratique.values.instants import Instant, now_utc, render_instant

DATA = os.urandom(200_000)


class Wall:
    """The wall clock, some seconds off."""

    def __init__(self) -> None:
        self.off = 0.0

    def __call__(self) -> Instant:
        return now_utc() + timedelta(seconds=self.off)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path) as one:
        one.dataset()
        one.put("a", DATA)
        yield one


async def read(client: Any) -> bytes:
    def work() -> bytes:
        return bytes(client.get_object(Bucket="dialogs", Key="a")["Body"].read())

    return await asyncio.to_thread(work)


async def refused(client: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        await read(client)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


async def health(serving: ServingS3) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{serving.url}/_pratique/health") as answer,
    ):
        return answer.status, await answer.text()


async def test_an_ended_lease_stays_ended_when_the_clock_is_set_back(made: Custodian) -> None:
    wall = Wall()
    async with s3_door(made.settings, clock=wall) as serving:
        soon = now_utc() + timedelta(seconds=100)
        ended = boto(serving.url, *made.grant(not_after=soon))
        living = boto(serving.url, *made.grant())
        assert await read(ended) == DATA
        wall.off = 130.0
        assert "lease ended" in (await refused(ended))[1]
        assert await read(living) == DATA
        wall.off = 80.0  # less than the tolerance: nothing stops, and nothing lives again
        assert await read(living) == DATA
        assert "lease ended" in (await refused(ended))[1]
        wall.off = 0.0
        for client in (ended, living):
            status, sentence = await refused(client)
            assert status == 503
            assert "clock" in sentence
        assert not serving.open.ground.confirmation.fresh  # running streams are cut by this
        status, told = await health(serving)
        assert status == 503
        assert "was seen already" in told
        wall.off = 131.0
        assert await read(living) == DATA
        assert (await health(serving))[0] == 200


async def test_a_door_that_starts_under_an_old_clock_knows_from_the_ledger(made: Custodian) -> None:
    with closing(open_log(made.settings)) as log:
        ahead = Draft(kind="note", subject="asset:other", actor="operator:root", body={})
        log.append([ahead], now=now_utc() + timedelta(seconds=300))
        log.append([ahead], now=now_utc())  # who writes under the old clock does not hide it
    async with s3_door(made.settings, clock=Wall()) as serving:
        client = boto(serving.url, *made.grant())
        assert (await refused(client))[0] == 503
        home = ["--home", str(made.settings.home), "--format", "json"]
        said = CliRunner().invoke(
            cli, ["broker", "accept-clock", "--reason", "RTC was ahead", *home]
        )
        assert said.exit_code == 0, said.output
        with closing(open_log(made.settings)) as log:
            (entry,) = log.entries(msgspec.json.decode(said.output)["entry"])
        assert (entry.kind, entry.body["reason"]) == ("clock", "RTC was ahead")
        assert await comes(lambda: serving.open.ground.confirmation.fresh)
        assert await read(client) == DATA


def test_the_broker_remembers_what_time_it_was(tmp_path: Path) -> None:
    wall = Wall()
    clock = BrokerClock(tmp_path, wall)
    first = clock()
    wall.off = -50.0
    assert BrokerClock(tmp_path, wall)() >= first - timedelta(microseconds=1)
    wall.off = -70.0
    for each in (clock, BrokerClock(tmp_path, wall)):
        with pytest.raises(BrokerRefusedError, match="clock is wrong") as caught:
            each()
        assert caught.value.reason == "clock"
    assert clock.accept() is not None
    assert clock() <= now_utc()
    assert BrokerClock(tmp_path, wall)() <= now_utc()


def test_a_damaged_memory_of_time_starts_no_broker(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("yesterday")
    with pytest.raises(KeyBrokenError, match="damaged"):
        BrokerClock(tmp_path, now_utc)


async def test_a_broker_behind_its_memory_gives_no_key_until_an_operator_says_so(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as broker:
        broker.make_keys()
        lease = live_lease()
        certificate = broker.certified(lease)
        object_id = new_object()
        with broker.admin() as admin:
            _, wrapped = admin.new_object_key("corpus", object_id)
        broker.stop()
        (broker.folder / "clock").write_text(render_instant(now_utc() + timedelta(hours=1)))
        broker.start()
        async with broker.client() as client:
            with pytest.raises(BrokerRefusedError, match="clock is wrong"):
                await client.part_keys(certificate, [an_ask(wrapped, object_id)])
            with broker.admin() as admin:
                assert admin.accept_clock()
            assert await client.part_keys(certificate, [an_ask(wrapped, object_id)])
