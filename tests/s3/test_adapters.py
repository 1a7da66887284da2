"""Every refusal holds at every door, in the same words, and what is readable at one is readable at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.bearers import bearer
from kit.doors import ABOUT, LISTS, READS, Answer, Holder, hub_get, hub_list, s3_get, sharing_query
from kit.s3_door import Custodian, custodian, s3_door, settled
from kit.waiting import comes
from pratique.custody.bearer import Surface
from pratique.custody.model import Copy, Lease, LeaseId, ScopeId, ScopeState, Verb
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

TABLE = (Path(__file__).parents[1] / "custody" / "parquet" / "pyarrow.parquet").read_bytes()
KEY = "table/one.parquet"
KEYS = (
    "a",
    "b/x.txt",
    "b/y.parquet",
    "b/c/z.parquet",
    "bb",
    "d/e/f",
    KEY,
    "top.parquet",
    "ä/ö.parquet",
)
DATA = (*READS, *LISTS)
DOORS: dict[str, Callable[[Holder, str], Awaitable[Answer]]] = {**READS, **LISTS, **ABOUT}
Place = tuple[Custodian, ServingS3, aiohttp.ClientSession]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    with custodian(tmp_path) as made:
        made.dataset()
        for key in KEYS:
            made.put(key, TABLE if key.endswith(".parquet") else f"this is {key}".encode())
        async with s3_door(made.settings) as serving, aiohttp.ClientSession() as session:
            yield made, serving, session


def _holder(place: Place, lease: Lease, secret: str) -> Holder:
    return Holder(session=place[2], url=place[1].url, lease=lease, secret=secret)


async def _asked(door: str, holder: Holder) -> Answer:
    return await DOORS[door](holder, KEY if door in READS else "")


# ── each refusal at each door ───────────────────────────────────────────────────────────────


async def _all_refuse(holder: Holder, words: str, doors: Iterable[str] = tuple(DOORS)) -> None:
    for door in doors:
        answer = await _asked(door, holder)
        assert answer.status >= 400, (door, answer)
        assert TABLE not in answer.body
        assert answer.says(words), (door, answer)
        assert not answer.says(holder.secret)


async def _all_serve(holder: Holder) -> None:
    for door in DOORS:
        answer = await _asked(door, holder)
        assert answer.status == 200, (door, answer)
        assert door not in READS or door == "hub-head" or answer.body == TABLE


async def test_a_suspended_scope_stops_every_door_until_it_is_resumed(place: Place) -> None:
    made = place[0]
    lease, secret = made.grant()
    holder = _holder(place, lease, secret)
    await _all_serve(holder)
    for scope in (*lease.scopes, ScopeId("dataset:dialogs")):
        made.state.set_state(scope, ScopeState.SUSPENDED, reason="break-in", incident="INC-42")
        await settled(place[1], scope, stopped=True)
        of_lease = scope in lease.scopes
        await _all_refuse(holder, "INC-42", DOORS if of_lease else DATA)
        live = made.state.set_state(scope, ScopeState.LIVE, reason="", incident="")
        assert live is not None
        made.admin.resume(scope, epoch=live.changed_epoch)
        await settled(place[1], scope, stopped=False)
    await _all_serve(holder)


async def test_the_end_of_a_lease_is_the_end_at_every_door(place: Place) -> None:
    made = place[0]
    revoked = made.grant()
    await _all_serve(_holder(place, *revoked))
    short = made.grant(not_after=now_utc() + timedelta(seconds=5))
    await _all_serve(_holder(place, *short))
    made.state.set_state(
        ScopeId(f"lease:{revoked[0].id}"), ScopeState.ENDED, reason="left", incident="INC-43"
    )
    await settled(place[1], f"lease:{revoked[0].id}", stopped=True)
    await asyncio.sleep(max(0.0, (short[0].not_after - now_utc()).total_seconds() + 0.05))
    await _all_refuse(_holder(place, *short), "lease ended")
    await _all_refuse(_holder(place, *revoked), "INC-43")


async def test_a_shredded_dataset_is_gone_at_every_door(place: Place) -> None:
    holder = _holder(place, *place[0].grant())
    await _all_serve(holder)
    place[0].state.mark_shredded("dialogs", at=now_utc())
    await asyncio.sleep(0.3)
    await _all_refuse(holder, "shredded", DATA)


async def test_without_confirmation_every_door_is_shut(place: Place) -> None:
    holder = _holder(place, *place[0].grant())
    await _all_serve(holder)
    await place[1].open.ground.confirmation.close()
    await _all_refuse(holder, "cannot confirm")


TERMS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "outside this dataset": ({"selectors": ("other",)}, "does not cover", True),
    "outside this key": ({"selectors": ("dialogs/d/",)}, "does not cover", False),
    "network": ({"networks": ("192.0.2.0/24",)}, "127.0.0.1", True),
    "no reading": ({"verbs": frozenset({Verb.LIST})}, "does not allow to read", False),
    "no bytes": ({"budget_bytes": 0}, "budget", False),
    "no objects": ({"budget_objects": 0}, "budget", False),
    "not yet": ({"not_before": now_utc() + timedelta(hours=1)}, "begin", True),
}


async def test_terms_hold_at_every_door(place: Place) -> None:
    made = place[0]
    made.dataset("other")
    for name, (terms, words, lists_too) in TERMS.items():
        of_lease = name in {"network", "not yet"}
        holder = _holder(place, *made.grant(**terms))
        for door in (*DATA, *(ABOUT if of_lease else ())) if lists_too else READS:
            if door == "hub-head" and name in {"no bytes", "no objects"}:
                continue  # what a HEAD tells is in every listing, and costs nothing over S3 either
            answer = await _asked(door, holder)
            assert answer.status >= 400, (name, door, answer)
            assert TABLE not in answer.body
            outside_table = door == "sharing" and name == "outside this key"
            words_here = "no such table" if outside_table else words
            assert answer.says(words_here), (name, door, answer)


async def test_a_wrong_secret_and_a_strangers_token_open_nothing(place: Place) -> None:
    lease, secret = place[0].grant()
    other, _ = place[0].grant()
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    unknown = replace(lease, id=LeaseId("PQL" + "Z" * 17))
    for holder in (
        _holder(place, lease, wrong),
        _holder(place, other, secret),
        _holder(place, unknown, secret),
    ):
        for door in DOORS:
            answer = await _asked(door, holder)
            assert answer.status in {401, 403}, (door, answer)
            assert TABLE not in answer.body


async def test_a_token_is_good_for_one_protocol_and_two_days(place: Place) -> None:
    made, serving, session = place
    lease, secret = made.grant()
    url = f"{serving.url}/_hub/api/whoami-v2"

    async def status(token: str) -> int:
        async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status

    now = now_utc()
    hub = bearer(Surface.HUB, lease, secret)
    assert await status(hub) == 200
    assert await status(bearer(Surface.HUB, lease, secret, at=now - timedelta(days=1))) == 200
    for wrong in (
        bearer(Surface.SHARING, lease, secret),
        bearer(Surface.SHARING, lease, secret).replace("pds_", "hf_"),
        bearer(Surface.HUB, lease, secret, at=now - timedelta(days=2)),
        bearer(Surface.HUB, lease, secret, at=now + timedelta(days=1)),
        hub[:-1] + ("0" if hub[-1] != "0" else "1"),
        hub.upper(),
        f"{lease.id}:{secret}",
        "",
        "x" * 5000,
    ):
        assert await status(wrong) in {401, 403}, wrong


async def test_refusals_at_adapters_are_in_the_ledger(place: Place) -> None:
    made, serving, _ = place
    lease, secret = made.grant(networks=("192.0.2.0/24",))
    holder = _holder(place, lease, secret)
    await _asked("hub", holder)
    await _asked("sharing", holder)
    serving.open.door._parts.refused.__self__.flush()  # type: ignore[attr-defined]  # the door's own, behind its protocol

    def refused() -> list[tuple[str, int]]:
        with closing(open_log(made.settings)) as log:
            found = [one for one in log.entries() if one.kind == "read-refused"]
        return [(one.subject, one.body["count"]) for one in found]

    assert await comes(refused)
    assert refused() == [(f"lease:{lease.id}", 2)]


async def test_a_budget_is_one_budget_at_all_doors(place: Place) -> None:
    """What one door disclosed is free at the others, and what it used up is gone at the others."""
    lease, secret = place[0].grant(budget_bytes=65_536, budget_objects=1)
    holder = _holder(place, lease, secret)
    for door in READS:
        if door != "sharing":
            assert (await _asked(door, holder)).status == 200, door
    other = await hub_get(holder, "top.parquet")
    assert (other.status, other.says("budget")) == (403, True)
    stopped = await sharing_query(holder, "top")
    assert (stopped.status, stopped.says("budget")) == (403, True)


# ── laws ────────────────────────────────────────────────────────────────────────────────────

PREFIXES = st.sampled_from(
    ["", "a", "b", "b/", "b/c/", "bb", "d/e/", "table/", "top", "ä", "nothing/", "b/x.txt"]
)
LEASES = st.fixed_dictionaries(
    {
        "selectors": st.lists(PREFIXES, min_size=1, max_size=3, unique=True).map(
            lambda found: tuple(f"dialogs/{one}" if one else "dialogs" for one in found)
        ),
        "verbs": st.sets(st.sampled_from([Verb.READ, Verb.LIST]), min_size=1).map(frozenset),
        "copy": st.sampled_from(Copy),
    }
)


@given(terms=LEASES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_doors_agree_on_what_a_lease_reads_and_sees(
    place: Place, terms: dict[str, Any]
) -> None:
    lease, secret = place[0].grant(**terms)
    holder = _holder(place, lease, secret)
    over_s3 = {key for key in KEYS if (await s3_get(holder, key)).status == 200}
    over_hub = {key for key in KEYS if (await hub_get(holder, key)).status == 200}
    assert over_hub == over_s3
    wanted = tuple(one.partition("/")[2] for one in terms["selectors"])
    if Verb.READ in terms["verbs"]:
        assert over_s3 == {key for key in KEYS if key.startswith(wanted)}
    else:
        assert not over_s3
    tree = await hub_list(holder)
    if Verb.LIST not in terms["verbs"]:
        assert tree.status == 403
        return
    seen = {row["path"] for row in json.loads(tree.body) if row["type"] == "file"}
    assert seen == {key for key in KEYS if key.startswith(wanted)}
    shared = set()
    for table in ("b", "table", "top", "ä"):
        answer = await sharing_query(holder, table)
        if answer.status == 200:
            lines = [json.loads(line) for line in answer.body.splitlines()]
            shared |= {one["file"]["id"] for one in lines if "file" in one}
    ids = {key: place[0].state.object("dialogs", key) for key in over_s3}
    parquet = {one.id for key, one in ids.items() if one is not None and key.endswith(".parquet")}
    assert shared == parquet
