"""The second meter: never more than the cap, whoever asks, whatever dies when."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import stat
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.broker import RunningBroker, an_ask, live_lease, new_object, running
from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.custody.model import LeaseId, ObjectId, Verb
from pratique.edge.custody.broker.counting import (
    SLOT_SECONDS,
    WINDOW_SLOTS,
    Limits,
    Window,
    part_digest,
)
from pratique.edge.custody.broker.meter import Meter
from pratique.edge.custody.broker.options import Caps, VendorCaps, load_options
from pratique.errors import SettingsError, UnavailableError


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def digests(count: int, start: int = 0) -> list[bytes]:
    return [part_digest("PQLA", "o", number, 0) for number in range(start, start + count)]


def caps(hour: int = 10, everybody: int = 15, ever: int | None = None) -> Caps:
    own = {"acme": VendorCaps(parts_ever=ever)} if ever is not None else {}
    return Caps(parts_per_hour=hour, all_parts_per_hour=everybody, vendor=own)


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 4)), max_size=60))
def test_no_sixty_minutes_hold_more_than_the_cap(steps: list[tuple[int, int]]) -> None:
    """Against every window there is, not only those that begin with a slot."""
    window, now, granted = Window(), 0.0, deque[float]()
    number = itertools.count()
    for wait, count in steps:
        now += wait
        window.move_to(int(now) // SLOT_SECONDS)
        new = [next(number).to_bytes(16, "big") for _ in range(count)]
        limits = Limits(hourly=6, all_hourly=100, ever=None)
        if window.exceeded("acme", count, limits) is None:
            window.add(window.now_slot, "acme", new)
            granted.extend([now] * count)
        for start in granted:
            assert sum(start <= at < start + 3600 for at in granted) <= 6


def test_what_leaves_while_the_clock_is_back_counts_from_the_latest_slot() -> None:
    window = Window()
    window.move_to(100)
    window.add(window.now_slot, "acme", digests(3))
    window.move_to(90)
    window.add(window.now_slot, "acme", digests(3, start=3))
    window.move_to(90 + WINDOW_SLOTS)
    assert window.hour("acme") == 6
    window.move_to(100 + WINDOW_SLOTS)
    assert window.hour("acme") == 0


def test_parts_are_told_apart_by_all_that_makes_them() -> None:
    found = {
        part_digest(*each)
        for each in [
            ("a", "b", 1, 0),
            ("a", "b", 1, 1),
            ("a", "b", 2, 0),
            ("a", "c", 1, 0),
            ("c", "b", 1, 0),
        ]
    }
    assert len(found) == 5


# ── durability ───────────────────────────────────────────────────────────────────────────────


async def test_what_was_charged_is_charged_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    meter = Meter(tmp_path, caps(), now=clock)
    assert await meter.charge("acme", digests(7)) == 7
    assert await meter.charge("acme", digests(7)) == 0
    again = Meter(tmp_path, caps(), now=clock)
    assert again.window.hour("acme") == 7
    assert await again.charge("acme", digests(7)) == 0
    with pytest.raises(BrokerRefusedError, match="vendor acme: 10 parts an hour"):
        await again.charge("acme", digests(4, start=7))
    assert await again.charge("acme", digests(3, start=7)) == 3
    with pytest.raises(BrokerRefusedError, match="all vendors: 15"):
        await again.charge("beta", digests(6, start=20))
    assert again.window.hour() == 10, "a refused call charges nothing"


async def test_a_clock_that_goes_back_frees_nothing(tmp_path: Path) -> None:
    clock = Clock()
    meter = Meter(tmp_path, caps(), now=clock)
    await meter.charge("acme", digests(10))
    for hours in (-48, 0, 0.98):
        clock.now = 1_000_000_000.0 + hours * 3600
        for each in (meter, Meter(tmp_path, caps(), now=clock)):
            with pytest.raises(BrokerRefusedError):
                await each.charge("acme", digests(1, start=99))
    clock.now += SLOT_SECONDS * (WINDOW_SLOTS + 1)
    assert await meter.charge("acme", digests(1, start=99)) == 1


async def test_totals_outlive_their_files_and_crashes_between(tmp_path: Path) -> None:
    clock = Clock()
    limits = caps(ever=108)
    for round_ in range(4):
        meter = Meter(tmp_path, limits, now=clock)
        for step in range(3):
            await meter.charge("acme", digests(9, start=round_ * 1000 + step * 100))
            clock.now += 3600 * 2
        assert meter.window.ever["acme"] == (round_ + 1) * 27
        assert Meter(tmp_path, limits, now=clock).window.ever["acme"] == (round_ + 1) * 27
        assert len(list((tmp_path / "meter").glob("*.log"))) <= 2
        meter.close()
    full = Meter(tmp_path, limits, now=clock)
    with pytest.raises(BrokerRefusedError, match="108 parts in all"):
        await full.charge("acme", digests(1, start=90_000))
    totals = tmp_path / "meter" / "totals"
    totals.write_bytes(totals.read_bytes()[:-3])
    with pytest.raises(KeyBrokenError):
        Meter(tmp_path, limits, now=clock)


async def test_files_that_were_folded_but_not_removed_count_once(tmp_path: Path) -> None:
    clock = Clock()
    meter = Meter(tmp_path, caps(), now=clock)
    await meter.charge("acme", digests(9))
    (path,) = (tmp_path / "meter").glob("*.log")
    kept = path.read_bytes()
    clock.now += 7200
    await meter.charge("acme", digests(1, start=50))
    assert not path.exists()
    path.write_bytes(kept)
    again = Meter(tmp_path, caps(), now=clock)
    assert again.window.ever["acme"] == 10
    clock.now += 7200
    await again.charge("acme", digests(1, start=60))
    assert Meter(tmp_path, caps(), now=clock).window.ever["acme"] == 11


async def test_a_torn_record_hides_nothing_that_was_answered(tmp_path: Path) -> None:
    clock = Clock()
    meter = Meter(tmp_path, caps(), now=clock)
    await meter.charge("acme", digests(2))
    (path,) = (tmp_path / "meter").glob("*.log")
    whole = path.read_bytes()
    await meter.charge("acme", digests(2, start=2))
    for cut in range(len(whole), len(path.read_bytes())):
        path.write_bytes((whole + path.read_bytes()[len(whole) :])[:cut] or b"")
        assert Meter(tmp_path, caps(), now=clock).window.hour("acme") == 2
        path.write_bytes(whole)


class FullDisk(Meter):
    full = False

    def _append(self, slot: int, data: bytes) -> None:
        if self.full and data:
            super()._append(slot, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        super()._append(slot, data)


async def test_a_full_disk_refuses_and_counts(tmp_path: Path) -> None:
    clock = Clock()
    meter = FullDisk(tmp_path, caps(hour=100, everybody=100), now=clock)
    await meter.charge("acme", digests(1))
    meter.full = True
    outcomes = await asyncio.gather(
        *(meter.charge("acme", digests(3, start=1)) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(each, BrokerRefusedError) for each in outcomes)
    assert "No space left" in str(outcomes[0])
    meter.full = False
    # Asked again, paid again: what the half-written record said is not relied upon.
    assert await meter.charge("acme", digests(3, start=1)) == 3
    assert await meter.charge("acme", digests(3, start=1)) == 0
    assert Meter(tmp_path, caps(), now=clock).window.hour("acme") == 4


async def test_damaged_totals_refuse_and_nothing_counts_as_paid(tmp_path: Path) -> None:
    """What is not on the disk is not paid for when it is asked for a second time."""
    clock = Clock()
    meter = Meter(tmp_path, caps(), now=clock)
    await meter.charge("acme", digests(1))
    (tmp_path / "meter" / "totals").write_bytes(b"\xc1")
    clock.now += (WINDOW_SLOTS + 1) * SLOT_SECONDS
    with pytest.raises(BrokerRefusedError, match="cannot write its meter"):
        await asyncio.wait_for(meter.charge("acme", digests(2, start=5)), 5)
    assert meter.window.fresh(digests(2, start=5)) == digests(2, start=5)
    meter.close()


async def test_charges_share_their_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = itertools.count()
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (next(syncs), real(fd))[1])
    meter = Meter(tmp_path, caps(hour=1000, everybody=1000), now=Clock())
    await asyncio.gather(*(meter.charge("acme", digests(1, start=n)) for n in range(200)))
    assert next(syncs) <= 4
    assert Meter(tmp_path, caps(), now=Clock()).window.hour("acme") == 200


# ── the process ──────────────────────────────────────────────────────────────────────────────

CAPPED = """
[caps]
parts_per_hour = 30
all_parts_per_hour = 50
[caps.vendor.beta]
parts_per_hour = 40
"""


async def asked_for(
    broker: RunningBroker,
    certificate: bytes,
    wrapped: bytes,
    object_id: ObjectId,
    parts: Sequence[int],
) -> int:
    """How many of the parts an owned gateway gets, one call each, as fast as it can."""
    async with broker.client(deadline=20) as client:
        outcomes = await asyncio.gather(
            *(client.part_keys(certificate, [an_ask(wrapped, object_id, part)]) for part in parts),
            return_exceptions=True,
        )
    assert all(isinstance(each, (list, UnavailableError)) for each in outcomes), outcomes
    return sum(isinstance(each, list) for each in outcomes)


async def test_an_owned_gateway_gets_the_cap_and_no_more(tmp_path: Path) -> None:
    """With every lease there is, from several connections, and across restarts."""
    with running(tmp_path, CAPPED) as broker:
        broker.make_keys()
        object_id = new_object()
        with broker.admin() as admin:
            _, wrapped = admin.new_object_key("corpus", object_id)
        leases = [broker.certified(live_lease()) for _ in range(3)]
        got = 0
        for round_, certificate in enumerate(leases):
            parts = range(round_ * 1000, round_ * 1000 + 40)
            got += sum(
                await asyncio.gather(
                    asked_for(broker, certificate, wrapped, object_id, parts[:20]),
                    asked_for(broker, certificate, wrapped, object_id, parts[20:]),
                )
            )
            broker.stop(signal.SIGKILL)
            broker.start()
        assert got == 30
        beta = broker.certified(live_lease(vendor="beta"))
        assert await asked_for(broker, beta, wrapped, object_id, range(60)) == 20
        # What is paid for stays free within the hour.
        assert await asked_for(broker, leases[0], wrapped, object_id, range(40)) == 30
        with broker.admin() as admin:
            assert admin.status().parts == {"acme": (30, 30), "beta": (20, 20)}


@pytest.mark.slow
async def test_killed_in_mid_charge_nothing_is_counted_less(tmp_path: Path) -> None:
    """Keys that came out are all on the meter, wherever in its work the broker died."""
    with running(
        tmp_path, "[caps]\nparts_per_hour = 100000\nall_parts_per_hour = 100000\n"
    ) as broker:
        broker.make_keys()
        certificate, object_id = broker.certified(live_lease()), new_object()
        with broker.admin() as admin:
            _, wrapped = admin.new_object_key("corpus", object_id)
        got, parts = 0, itertools.count()
        for round_ in range(5):
            wanted = [next(parts) for _ in range(400)]
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(
                    asked_for(broker, certificate, wrapped, object_id, wanted)
                )
                await asyncio.sleep(0.05 + 0.03 * round_)
                await asyncio.to_thread(broker.stop, signal.SIGKILL)
                # The client connects again by itself while it is within its deadline.
                await asyncio.to_thread(broker.start)
            got += asking.result()
            with broker.admin() as admin:
                assert admin.status().parts.get("acme", (0, 0))[0] >= got
        assert got > 0


# ── options ──────────────────────────────────────────────────────────────────────────────────


def test_the_first_start_writes_options_that_say_the_defaults(tmp_path: Path) -> None:
    assert load_options(tmp_path).caps == Caps()
    path = tmp_path / "broker.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert f"# parts_per_hour = {Caps().parts_per_hour} " in text
    assert f"# all_parts_per_hour = {Caps().all_parts_per_hour} " in text
    assert load_options(tmp_path) == load_options(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[caps]\nparts_per_hour = -1\n",
        "[cap]\n",
        "[caps]\nparts = 3\n",
        "x",
        "[connect]\ngateway_users = [1.5]\n",
    ],
)
def test_options_that_are_not_understood_are_not_guessed_at(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broker.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"broker\.toml"):
        load_options(tmp_path)


def test_options_that_others_can_change_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "broker.toml"
    path.write_text("")
    path.chmod(0o620)
    with pytest.raises(SettingsError, match="changed by others"):
        load_options(tmp_path)


def test_caps_of_a_vendor() -> None:
    held = Caps(
        parts_per_hour=5,
        vendor={"acme": VendorCaps(parts_per_hour=0), "b": VendorCaps(parts_ever=3)},
    )
    assert (held.hourly("acme"), held.hourly("b"), held.hourly("c")) == (0, 5, 5)
    assert (held.ever("acme"), held.ever("b")) == (None, 3)


def test_lease_ids_of_the_tests_are_lease_ids() -> None:
    assert len(live_lease().id) == len(LeaseId("PQLAAAAAAAAAAAAAAAAA"))
    assert Verb.READ in live_lease().verbs
