"""A running door checks parties by itself: components after an advisory, everything on its clock."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from pratique.assembly.parties import checking
from pratique.doors.index import upkeep
from pratique.doors.index.upkeep import Upkeep, UpkeepParts
from pratique.exposure.ports import NOW_TX
from pratique.home import prepare_home
from pratique.inventory.observed.entries import facts_drafts
from pratique.inventory.observed.model import Fact, Relation
from pratique.parties.entries import party_draft
from pratique.parties.model import Party, PartyKind
from pratique.settings import load_settings
from pratique.store.logs import open_log
from pratique.store.presence import open_presence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_what_the_house_gives_a_door_checks_and_records_as_the_door(tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[parties]\ncheck_minutes = 5\n", "utf-8")
    settings = load_settings(tmp_path, environ={})
    prepare_home(tmp_path)
    now = [NOW]
    with closing(open_log(settings)) as log, closing(open_presence(settings, log=log)) as presence:
        tick = checking(settings, log, presence, lambda: now[0])
        assert tick() == 0
        vendor = Party(name="acme", kind=PartyKind.VENDOR, products=("labeler",))
        log.append([party_draft("acme", vendor, source="", actor="operator:ann")], now=NOW)
        presence.catch_up()
        assert cast("int", tick()) > 0
        assert {event.actor for event in presence.events("finding")} == {"door:index"}
        now[0] += timedelta(minutes=4)
        other = Party(name="other", kind=PartyKind.VENDOR, products=("thing",))
        log.append([party_draft("other", other, source="", actor="operator:ann")], now=NOW)
        presence.catch_up()
        assert tick() == 0
        now[0] += timedelta(minutes=1)
        assert cast("int", tick()) > 0


def test_a_door_takes_up_assets_that_came_since(tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[parties]\ncheck_minutes = 5\n", "utf-8")
    settings = load_settings(tmp_path, environ={})
    prepare_home(tmp_path)
    now = [NOW]
    with closing(open_log(settings)) as log, closing(open_presence(settings, log=log)) as presence:
        tick = checking(settings, log, presence, lambda: now[0])
        vendor = Party(name="acme", kind=PartyKind.VENDOR, assets=("acme-*",))
        held = Fact(relation=Relation.HOLDS, subject="asset:acme-7", object="identity:env/X")
        draft = party_draft("acme", vendor, source="", actor="operator:ann")
        log.append([draft], now=NOW)
        presence.catch_up()
        tick()
        log.append(facts_drafts([held], source="hand", actor="operator:ann"), now=NOW)
        presence.catch_up()
        for minutes, known in ((4, []), (2, ["asset:acme-7"]), (6, ["asset:acme-7"])):
            now[0] += timedelta(minutes=minutes)
            tick()
            edges = presence.inventory.edges_to("operated-by", ["vendor:acme"], tx=NOW_TX)
            assert [edge.subject for edge in edges] == known


async def test_a_door_asks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_CHECK_SECONDS", 0.001)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Policy:
        audit = False
        problem = ""

        def __call__(self) -> Any:
            return self

        async def refresh_advisories(self) -> None:
            pass

    parts = UpkeepParts(
        node="n",
        note=lambda _: None,
        recorder=cast("Any", None),
        blobs=cast("Any", None),
        control=cast("Any", None),
        policy=cast("Any", Policy()),
        vetting_problem=str,
        catch_up=None,
        check_parties=lambda: loop.call_soon_threadsafe(asked.set),
    )
    async with Upkeep(parts).running():
        await asyncio.wait_for(asked.wait(), 10)
