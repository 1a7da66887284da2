"""A party that is suspended, at the real S3 door: nothing begins, and what runs is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.holds import a_hold, hold_id
from kit.s3_door import Custodian, boto, custodian, s3_door
from kit.waiting import comes
from pratique.custody.certificate import terms_of
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Hold, HoldKind, Verb
from pratique.custody.ports import PartAsk
from pratique.doors.s3.serving import ServingS3
from pratique.doors.s3.upkeep import REFUSALS_SECONDS
from pratique.ledger.entries import Draft
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

SENTENCE = "lease suspended: vendor acme, stolen laptop, INC-42"
SAID = Draft(kind="suspension", subject="party:acme", actor="operator:a", body={"id": hold_id()})


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.dataset("voices")
        made.put("small", b"some bytes")
        made.put("large", bytes(48 << 20))
        made.put("other", b"other bytes", dataset="voices")
        async with s3_door(made.settings) as serving:
            yield made, serving


async def known(serving: ServingS3, *, holds: int) -> None:
    """Wait until the door has heard, which takes no second."""
    confirmation = serving.open.ground.confirmation
    assert await comes(lambda: len(confirmation.holds) == holds, within=1.0), (
        "the door has not heard of it within a second"
    )


def get(s3: Any, key: str = "small", bucket: str = "dialogs") -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


async def told(call: Any, *words: Any, **named: Any) -> str:
    """Code and message of a refusal."""
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(call, *words, **named)
    error = refused.value.response["Error"]
    return f"{error['Code']} {error['Message']}"


async def test_every_request_is_refused_with_reason_and_incident(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    verbs = frozenset(Verb)
    s3 = boto(serving.url, *made.grant(verbs=verbs))
    other = boto(serving.url, *made.grant(vendor="bolt"))
    assert await asyncio.to_thread(get, s3) == b"some bytes"
    made.state.add_hold(a_hold(), [SAID])
    await known(serving, holds=1)
    for call, words in (
        (s3.get_object, {"Bucket": "dialogs", "Key": "small"}),
        (s3.list_objects_v2, {"Bucket": "dialogs"}),
        (s3.put_object, {"Bucket": "dialogs", "Key": "new", "Body": b"x"}),
        (s3.delete_object, {"Bucket": "dialogs", "Key": "small"}),
        (s3.create_multipart_upload, {"Bucket": "dialogs", "Key": "new"}),
        (s3.list_buckets, {}),
    ):
        assert SENTENCE in await told(call, **words)
    assert await asyncio.to_thread(get, other) == b"some bytes"
    granted_later = boto(serving.url, *made.grant())
    assert SENTENCE in await told(get, granted_later)
    made.state.lift_hold(hold_id(), entry=1)
    made.admin.release(hold_id())
    await known(serving, holds=0)
    assert await asyncio.to_thread(get, s3) == b"some bytes"


async def test_running_downloads_are_cut_within_a_second(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    s3 = boto(serving.url, *made.grant())
    body = (await asyncio.to_thread(s3.get_object, Bucket="dialogs", Key="large"))["Body"]
    assert len(await asyncio.to_thread(body.read, 1 << 16)) == 1 << 16
    made.state.add_hold(a_hold(), [SAID])

    def drain() -> int:
        count = 0
        try:
            while piece := body.read(1 << 16):
                count += len(piece)
                time.sleep(0.002)  # a reader that is done before anybody hears of it proves nothing
        except Exception:  # noqa: BLE001 - however the client words a connection that broke
            return count
        return 48 << 20

    draining = asyncio.create_task(asyncio.to_thread(drain))
    assert await comes(draining.done, within=1.5)
    assert await draining < (47 << 20), "it was not cut"


async def test_keys_are_dropped_and_the_broker_gives_no_new_ones(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, secret = made.grant()
    await asyncio.to_thread(get, boto(serving.url, lease, secret))
    ground = serving.open.ground
    assert len(ground.plaintext._kept) == 1
    stored = made.state.object("dialogs", "small")
    assert stored is not None
    ask = [
        PartAsk(object=stored.id, wrapped_key=stored.wrapped_key, part=0, variant=0, salt=bytes(32))
    ]
    await ground.broker.part_keys(lease.certificate, ask)
    made.state.add_hold(a_hold(), [SAID])
    assert await comes(
        lambda: not ground.plaintext._kept and hold_id() in made.admin.status().suspended,
        within=3.0,
    )
    with pytest.raises(BrokerRefusedError, match="stolen laptop, INC-42"):
        await ground.broker.part_keys(lease.certificate, ask)


@pytest.mark.parametrize(
    ("hold", "stopped"),
    [
        (a_hold(kind=HoldKind.READ), True),
        (a_hold(kind=HoldKind.WRITE), False),
        (a_hold(kind=HoldKind.CANONICAL), False),
        (a_hold(project="other"), False),
        (a_hold(vendors=frozenset(), client="meta", party="client meta"), True),
        (a_hold(dataset="voices"), False),
    ],
)
async def test_a_hold_stops_what_it_names_and_no_more(
    place: tuple[Custodian, ServingS3], hold: Hold, stopped: bool
) -> None:
    made, serving = place
    lease, secret = made.grant(selectors=("dialogs", "voices"))
    s3 = boto(serving.url, lease, secret)
    made.state.add_hold(hold, [SAID])
    made.admin.hold([hold])
    await known(serving, holds=1)
    if stopped:
        assert hold.reason in await told(get, s3)
    else:
        assert await asyncio.to_thread(get, s3) == b"some bytes"
    if hold.dataset:
        assert "dataset voices, stolen laptop" in await told(get, s3, "other", "voices")
        with pytest.raises(BrokerRefusedError):
            await serving.open.ground.broker.mark_bits(lease.certificate, "voices", 8)


async def test_the_broker_refuses_by_terms_even_if_no_door_does(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, _ = made.grant()
    made.admin.hold([a_hold()])
    with pytest.raises(BrokerRefusedError, match="vendor acme"):
        await serving.open.ground.broker.new_object_key(
            lease.certificate, made.put("x", b"").id, dataset="dialogs"
        )


async def test_whoever_logs_in_under_a_hold_gets_no_lease(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    now = now_utc()
    lease, _ = made.grant(not_before=now - timedelta(minutes=1), not_after=now + timedelta(days=2))
    role = made.admin.certify_role(terms_of(lease))
    until = int((now + timedelta(hours=1)).timestamp() * 1_000_000)
    broker = serving.open.ground.broker
    await broker.mint(role, holder="p-1", until_us=until)
    made.admin.hold([a_hold()])
    with pytest.raises(BrokerRefusedError, match="stolen laptop"):
        await broker.mint(role, holder="p-2", until_us=until)


async def test_a_door_writes_the_entries_of_a_suspension_that_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.doors.s3.upkeep.REFUSALS_SECONDS", 0.1)
    assert REFUSALS_SECONDS <= 15.0
    with custodian(tmp_path) as made:
        made.dataset()
        made.state.add_hold(a_hold(), [SAID])
        async with s3_door(made.settings) as serving:
            assert await comes(lambda: made.state.unlogged_holds() == ())
            assert len(serving.open.ground.confirmation.holds) == 1
        log = open_log(made.settings)
        assert [one.kind for one in log.entries() if one.kind == "suspension"] == ["suspension"]
        log.close()


async def test_every_node_hears_of_it(place: tuple[Custodian, ServingS3]) -> None:
    made, serving = place
    lease, secret = made.grant()
    async with s3_door(made.settings) as other:
        doors = [boto(one.url, lease, secret) for one in (serving, other)]
        for s3 in doors:
            assert await asyncio.to_thread(get, s3) == b"some bytes"
        made.state.add_hold(a_hold(), [SAID])
        await asyncio.gather(known(serving, holds=1), known(other, holds=1))
        for s3 in doors:
            assert SENTENCE in await told(get, s3)
