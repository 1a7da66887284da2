"""Suspensions at the broker: durable, quick however many there are, and never lost by a crash."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from kit.broker import ALPHABET
from kit.custody_samples import sample_lease
from kit.holds import a_hold
from pratique.custody.certificate import terms_of
from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.custody.model import Hold, HoldId
from pratique.edge.custody.broker import holds, suspension_log
from pratique.edge.custody.broker.frames import Stopped
from pratique.edge.custody.broker.holds import BrokerHolds
from pratique.edge.custody.broker.suspensions import Suspensions


def stopped(first: int, count: int) -> list[Stopped]:
    return [
        Stopped(f"holder:v{one % 50}/p/h{one}", "vendor reports a breach", "INC-42", 1)
        for one in range(first, first + count)
    ]


def words(folder: Path) -> dict[str, str]:
    return {scope: held.reason for scope, held in Suspensions(folder).all().items()}


def test_every_change_is_there_after_a_restart(tmp_path: Path) -> None:
    held = Suspensions(tmp_path)
    held.suspend("vendor:acme", reason="one", incident="")
    held.suspend_for_gateway(stopped(0, 3))
    held.suspend("vendor:acme", reason="two", incident="")
    assert held.resume("holder:v1/p/h1")
    assert not held.resume("holder:v1/p/h1")
    expected = {"vendor:acme": "two"} | dict.fromkeys(
        ("holder:v0/p/h0", "holder:v2/p/h2"), "vendor reports a breach"
    )
    assert words(tmp_path) == expected
    with pytest.raises(BrokerRefusedError, match="two"):
        Suspensions(tmp_path).check(["vendor:acme"])


def test_a_change_costs_the_same_among_fifty_thousand(tmp_path: Path) -> None:
    """A file that is written whole took 137 ms a change here, in which no key left."""
    held = Suspensions(tmp_path)
    for first in range(0, 50_000, 5_000):
        held.suspend_for_gateway(stopped(first, 5_000))
    sizes = []
    began = time.process_time()
    for number in range(300):
        held.suspend(f"lease:PQL{number}", reason="r", incident="")
        sizes.append((tmp_path / "suspended").stat().st_size)
        held.resume(f"lease:PQL{number}")
    assert len(set(sizes)) == 1  # the whole was never written again
    assert time.process_time() - began < 3.0
    began = time.process_time()
    assert len(Suspensions(tmp_path).all()) == 50_000
    assert time.process_time() - began < 3.0


def test_the_changes_are_folded_when_they_are_as_long_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspension_log, "_LEAST_BYTES", 2_000)
    held = Suspensions(tmp_path)
    for number in range(400):
        held.suspend(f"vendor:v{number % 7}", reason=f"r{number}", incident="")
        if number % 3 == 0:
            held.resume(f"vendor:v{number % 5}")
        assert (tmp_path / "suspended.log").stat().st_size < 4_000
        if number % 37 == 0:
            assert words(tmp_path) == {scope: one.reason for scope, one in held.all().items()}
    assert words(tmp_path) == {scope: one.reason for scope, one in held.all().items()}


def test_half_a_line_is_of_an_answer_that_nobody_got_and_goes_on(tmp_path: Path) -> None:
    held = Suspensions(tmp_path)
    held.suspend("vendor:acme", reason="one", incident="")
    with (tmp_path / "suspended.log").open("ab") as file:
        file.write(b'{"scope":"vendor:x","held":{"reas')
    again = Suspensions(tmp_path)
    assert list(again.all()) == ["vendor:acme"]
    again.suspend("vendor:bravo", reason="two", incident="")
    assert list(Suspensions(tmp_path).all()) == ["vendor:acme", "vendor:bravo"]


@pytest.mark.parametrize("name", ["suspended", "suspended.log"])
def test_who_damages_it_resumes_nothing(tmp_path: Path, name: str) -> None:
    Suspensions(tmp_path).suspend("vendor:acme", reason="one", incident="")
    (tmp_path / name).write_bytes(b'{"scope": 7}\n')
    with pytest.raises(KeyBrokenError, match="damaged"):
        Suspensions(tmp_path)


def test_a_disk_that_takes_nothing_keeps_it_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Suspensions(tmp_path)
    held.suspend("vendor:acme", reason="one", incident="")

    def full(fd: int, data: bytes, at: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            held.suspend("vendor:bravo", reason="two", incident="")
        with pytest.raises(OSError, match="No space"):
            held.resume("vendor:acme")
    for scope in ("vendor:acme", "vendor:bravo"):
        with pytest.raises(BrokerRefusedError):
            held.check([scope])
    held.suspend("vendor:bravo", reason="three", incident="")
    assert words(tmp_path) == {"vendor:acme": "one", "vendor:bravo": "three"}


# ── holds ────────────────────────────────────────────────────────────────────────────────────


def drawn_hold(number: int, **changes: Any) -> Hold:
    digits = "".join(ALPHABET[number // 32**place % 32] for place in range(4))
    return a_hold(**changes, id=HoldId(f"S-AAAAAAAA{digits}"))


def stops(held: BrokerHolds) -> bool:
    """Whether a lease of acme gets nothing."""
    try:
        held.check(terms_of(sample_lease()))
    except BrokerRefusedError:
        return True
    return False


def test_an_owned_gateway_takes_the_force_out_of_no_hold(tmp_path: Path) -> None:
    """It reads ids in the doors' store before the operator is at the broker."""
    held = BrokerHolds(tmp_path)
    held.add([a_hold(vendors=frozenset({"nobody"}))])
    held.put([a_hold()])
    assert stops(held)
    held.add([a_hold(vendors=frozenset({"nobody"})), a_hold(lifted=True)])
    assert stops(held)
    assert stops(BrokerHolds(tmp_path))
    held.put([a_hold(lifted=True)])
    assert stops(held)  # to release is a call of its own
    assert held.release(a_hold().id)
    assert not stops(held)
    held.add([a_hold()])
    held.put([a_hold()])  # a command that is late
    assert not stops(held)


def test_gateways_leave_room_for_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "_MOST_WITH_GATEWAYS", 100)
    monkeypatch.setattr(holds, "_MOST", 102)
    held = BrokerHolds(tmp_path)
    nobody = frozenset({"nobody"})
    held.add([drawn_hold(number, vendors=nobody) for number in range(100)])
    with pytest.raises(BrokerRefusedError, match="too many"):
        held.add([drawn_hold(100)])
    assert not stops(held)
    held.put([drawn_hold(100)])
    assert stops(held)
    held.put([drawn_hold(101)])
    with pytest.raises(BrokerRefusedError, match="too many"):
        held.put([drawn_hold(102)])


def test_large_holds_of_gateways_do_not_fill_memory_and_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_MOST_BYTES_WITH_GATEWAYS", 200_000)
    held = BrokerHolds(tmp_path)
    names = frozenset(f"v{number}" + "x" * 300 for number in range(500))
    held.add([drawn_hold(0, vendors=names)])
    with pytest.raises(BrokerRefusedError, match="too many"):
        held.add([drawn_hold(1, vendors=names)])
    assert (tmp_path / "holds").stat().st_size < 200_000
    held.put([drawn_hold(2)])
    assert stops(BrokerHolds(tmp_path))
