"""The velocity rule in the store, and what comes into force again after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kit.custody_samples import GIB, MIB, SEGMENT, T0, lease_id, sample_lease
from pratique.custody.entries import budget_entry, caps_entry, rule_entry, state_entry
from pratique.custody.granting import BudgetRequest, RequestState
from pratique.custody.model import Refusal, Scope, ScopeId, ScopeState, Slab, Stop
from pratique.custody.velocity import HABIT_HOURS
from pratique.ledger.entries import Draft
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.custody_heal import heal_at_start, heal_custody, record_rules
from pratique.store.logs import open_log
from pratique.store.presence import open_presence

VENDOR = ScopeId("vendor:acme")
HOLDER = sample_lease().scopes[1]
MIDDLE = T0.replace(minute=30)


def _settings(home: Path, url: str = "", *, floor: float = 1.0) -> Settings:
    custody = CustodySettings(velocity_factor=5, velocity_floor_gib=floor)
    return Settings(home=home, storage=StorageSettings(database_url=url), custody=custody)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CustodyStore]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with closing(open_custody(_settings(tmp_path, url))) as opened:
        yield opened


def _take(store: CustodyStore, size: int, *, hours: int = 0, number: int = 1) -> Slab | Refusal:
    lease = store.lease(lease_id(number))
    assert lease is not None
    now = MIDDLE + timedelta(hours=hours)
    return store.reserve(lease, need_bytes=size, need_objects=1, want_bytes=size, now=now)


# ── velocity ─────────────────────────────────────────────────────────────────────────────────


def test_who_is_too_fast_is_suspended_before_anything_is_given(store: CustodyStore) -> None:
    store.add_lease(sample_lease(budget_bytes=100 * GIB))
    for _ in range(4):
        assert isinstance(_take(store, GIB // 4), Slab)
    before = store.epoch()
    answer = _take(store, SEGMENT)
    assert isinstance(answer, Refusal)
    assert answer.stop is Stop.SUSPENDED
    assert answer.scope == HOLDER
    assert answer.sentence == (
        "lease suspended by the velocity rule: holder acme/coding/p-1 would have disclosed 1.0 GiB "
        "this hour, and its limit is 1.0 GiB"
    )
    scope = store.scope(HOLDER)
    assert scope is not None
    assert scope.state is ScopeState.SUSPENDED
    assert scope.reserved_bytes == GIB
    assert [one.id for one in store.changes(before).scopes] == [HOLDER]
    # It stays so in the next hour, until a person resumes it.
    assert isinstance(_take(store, SEGMENT, hours=1), Refusal)
    store.set_state(HOLDER, ScopeState.LIVE, reason="", incident="")
    assert isinstance(_take(store, SEGMENT), Refusal)
    store.set_state(HOLDER, ScopeState.LIVE, reason="", incident="")
    assert isinstance(_take(store, SEGMENT, hours=1), Slab)


def test_several_leases_of_one_holder_count_together(store: CustodyStore) -> None:
    for number in (1, 2):
        store.add_lease(sample_lease(number, holder="p-1", budget_bytes=100 * GIB))
    assert isinstance(_take(store, 700 * MIB, number=1), Slab)
    assert isinstance(_take(store, 700 * MIB, number=2), Refusal)


def test_what_came_back_does_not_count(store: CustodyStore) -> None:
    store.add_lease(sample_lease(budget_bytes=100 * GIB))
    for _ in range(5):
        slab = _take(store, 900 * MIB)
        assert isinstance(slab, Slab)
        store.settle(slab, left_bytes=slab.bytes, left_objects=0)


def test_a_slab_shrinks_to_the_limit_rather_than_suspend(store: CustodyStore) -> None:
    lease = sample_lease(budget_bytes=100 * GIB)
    store.add_lease(lease)
    assert isinstance(_take(store, GIB - SEGMENT), Slab)
    slab = store.reserve(lease, need_bytes=SEGMENT, need_objects=1, want_bytes=64 * MIB, now=MIDDLE)
    assert isinstance(slab, Slab)
    assert slab.bytes == SEGMENT


@pytest.mark.slow
def test_a_habit_raises_the_limit_and_seven_days_forget_it(store: CustodyStore) -> None:
    store.add_lease(sample_lease(budget_bytes=1000 * GIB))
    for hour in range(HABIT_HOURS):
        assert isinstance(_take(store, 900 * MIB, hours=hour), Slab)
    assert isinstance(_take(store, 4 * 900 * MIB, hours=HABIT_HOURS), Slab)
    assert isinstance(_take(store, 900 * MIB, hours=HABIT_HOURS), Slab)
    assert isinstance(_take(store, SEGMENT, hours=HABIT_HOURS), Refusal)
    store.set_state(HOLDER, ScopeState.LIVE, reason="", incident="")
    assert isinstance(_take(store, 2 * GIB, hours=HABIT_HOURS + 8 * 24), Refusal)


def test_a_vendor_with_a_habit_is_watched_as_a_whole(store: CustodyStore) -> None:
    for number in range(1, 8):
        store.add_lease(sample_lease(number, budget_bytes=1000 * GIB))
    for hour in range(HABIT_HOURS):
        assert isinstance(_take(store, 300 * MIB, hours=hour), Slab)
    # Many holders, each below the floor, together far above the vendor's habit.
    answers = [_take(store, 900 * MIB, hours=HABIT_HOURS, number=n) for n in range(1, 8)]
    refused = [one for one in answers if isinstance(one, Refusal)]
    assert len(refused) == 6
    assert "project acme/coding would have" in refused[0].sentence
    assert refused[-1].scope == "holder:acme/coding/p-7"


# ── entries and healing ──────────────────────────────────────────────────────────────────────


class _House:
    """A ledger with custody beside it; `crash` loses custody's rows."""

    def __init__(self, home: Path) -> None:
        self.settings = _settings(home)
        self.log = open_log(self.settings)
        self.custody = open_custody(self.settings)

    def write(self, draft: Draft) -> int:
        return self.log.append([draft], now=T0)[0]

    def heal(self) -> tuple[tuple[ScopeId, ...], tuple[ScopeId, ...]]:
        with closing(open_presence(self.settings, log=self.log)) as presence:
            presence.catch_up()
            healed = heal_custody(self.custody, presence)
        return healed.states, healed.caps

    def crash(self) -> None:
        self.custody.close()
        for path in self.settings.home.glob("custody.db*"):
            path.unlink()
        self.custody = open_custody(self.settings)

    def close(self) -> None:
        self.custody.close()
        self.log.close()

    def scope(self, name: ScopeId = VENDOR) -> Scope:
        found = self.custody.scope(name)
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[_House]:
    opened = _House(tmp_path)
    opened.custody.add_lease(sample_lease())
    yield opened
    opened.close()


def _suspension(scope: Scope, state: ScopeState = ScopeState.SUSPENDED) -> Draft:
    return state_entry(
        scope, state, reason="breach", incident="INC-42", epoch=1, actor="operator:a"
    )


def _capping(scope: Scope, size: int | None) -> Draft:
    return caps_entry(
        scope, cap_bytes=size, cap_objects=None, reason="r", epoch=1, actor="operator:a"
    )


def test_a_suspension_of_the_ledger_is_in_force_though_its_row_was_lost(house: _House) -> None:
    house.write(_suspension(house.scope()))
    assert isinstance(_take(house.custody, SEGMENT), Slab)  # the crash came between the two
    assert house.heal() == ((VENDOR,), ())
    answer = _take(house.custody, SEGMENT)
    assert isinstance(answer, Refusal)
    assert answer.sentence == "lease suspended: vendor acme, breach, INC-42"
    assert house.heal() == ((), ())


def test_everything_lost_comes_back_from_the_ledger(house: _House) -> None:
    own = sample_lease().scopes[0]
    house.write(_suspension(house.scope()))
    house.write(_capping(house.scope(), 5 * MIB))
    house.write(_suspension(house.scope(own), ScopeState.ENDED))
    house.write(_suspension(house.scope(HOLDER)))
    house.write(_suspension(house.scope(HOLDER), ScopeState.LIVE))
    house.crash()
    states, caps = house.heal()
    assert set(states) == {VENDOR, own, HOLDER}
    assert caps == (VENDOR,)
    assert house.scope().state is ScopeState.SUSPENDED
    assert house.scope().cap_bytes == 5 * MIB
    assert house.scope(own).state is ScopeState.ENDED
    assert house.scope(HOLDER).state is ScopeState.LIVE
    house.custody.add_lease(sample_lease())
    assert isinstance(_take(house.custody, SEGMENT), Refusal)


def test_a_revocation_is_never_undone_by_a_later_entry(house: _House) -> None:
    own = sample_lease().scopes[0]
    house.write(_suspension(house.scope(own), ScopeState.ENDED))
    house.write(_suspension(house.scope(own), ScopeState.LIVE))
    house.heal()
    assert house.scope(own).state is ScopeState.ENDED


def test_healing_undoes_nothing_that_is_in_force(house: _House) -> None:
    entry = house.write(_suspension(house.scope()))
    house.custody.set_state(VENDOR, ScopeState.SUSPENDED, reason="r", incident="", entry=entry)
    entry = house.write(_suspension(house.scope(), ScopeState.LIVE))
    house.custody.set_state(VENDOR, ScopeState.LIVE, reason="", incident="", entry=entry)
    entry = house.write(_capping(house.scope(), 7))
    house.custody.set_caps(VENDOR, cap_bytes=7, cap_objects=None, entry=entry)
    before = house.custody.epoch()
    assert house.heal() == ((), ())
    assert house.custody.epoch() == before


def test_an_approved_budget_comes_into_force(house: _House) -> None:
    request = BudgetRequest(
        id="r1",
        lease=lease_id(1),
        budget_bytes=3 * GIB,
        budget_objects=77,
        reason="more",
        asked_by="operator:alice",
        asked_at=T0,
        state=RequestState.ASKED,
        decided_by="",
        decided_at=None,
    )
    own = sample_lease().scopes[0]
    house.write(budget_entry(request, RequestState.ASKED, actor="operator:alice"))
    assert house.heal() == ((), ())
    house.write(budget_entry(request, RequestState.APPROVED, actor="approver:bob"))
    assert house.heal() == ((), (own,))
    lease = house.custody.lease(lease_id(1))
    assert lease is not None
    assert (lease.budget_bytes, lease.budget_objects) == (3 * GIB, 77)


def test_entries_that_are_not_as_documented_change_nothing(house: _House) -> None:
    good = _suspension(house.scope())
    for subject, body in (
        ("scope:team:x", good.body),
        ("vendor:acme", {**good.body, "state": "asleep"}),
        ("scope:vendor:acme", {"state": "suspended"}),
        ("scope:vendor:acme", {**good.body, "cap_bytes": "many"}),
    ):
        house.write(Draft(kind="scope", subject=subject, actor="operator:a", body=body))
    house.write(Draft(kind="lease-budget", subject="lease:x", actor="operator:a", body={}))
    assert house.heal() == ((), ())


def test_a_suspension_by_rule_gets_its_entry_once(house: _House) -> None:
    assert isinstance(_take(house.custody, GIB), Slab)
    house.custody.set_caps(sample_lease().scopes[0], cap_bytes=100 * GIB, cap_objects=10_000)
    assert isinstance(_take(house.custody, SEGMENT), Refusal)
    assert [scope.id for scope in house.custody.unlogged()] == [HOLDER]

    def append(drafts: list[Draft]) -> list[int]:
        return list(house.log.append(drafts, now=T0))

    assert record_rules(house.custody, append, actor="door:s3") == 1  # type: ignore[arg-type]  # a list does for its sequence
    assert record_rules(house.custody, append, actor="door:s3") == 0  # type: ignore[arg-type]  # a list does for its sequence
    (entry,) = list(house.log.entries())
    assert (entry.kind, entry.subject, entry.actor) == ("scope", f"scope:{HOLDER}", "door:s3")
    assert entry.body["by_rule"] == "velocity"
    assert entry.body["reason"].startswith("suspended by the velocity rule: holder acme/coding/p-1")
    assert entry.body["state"] == "suspended"
    assert house.heal() == ((), ())
    # The entry alone is enough to keep the holder out.
    house.crash()
    assert house.heal() == ((HOLDER,), ())


def test_a_suspension_that_changed_meanwhile_stays_without_an_entry(house: _House) -> None:
    house.custody.set_caps(sample_lease().scopes[0], cap_bytes=100 * GIB, cap_objects=10_000)
    assert isinstance(_take(house.custody, 2 * GIB), Refusal)
    (old,) = house.custody.unlogged()
    house.custody.set_state(HOLDER, ScopeState.LIVE, reason="", incident="")
    assert isinstance(_take(house.custody, 2 * GIB), Refusal)
    house.custody.mark_logged(old, entry=0)
    assert len(house.custody.unlogged()) == 1
    assert rule_entry(old, actor="door:s3").body["by_rule"] == "velocity"


def test_rows_survive_power_loss_as_far_as_sqlite_can_promise(tmp_path: Path) -> None:
    store = open_custody(_settings(tmp_path))
    database = getattr(store._database, "_inner", store._database)  # behind its guard
    assert isinstance(database, SqliteDatabase)
    store.add_lease(sample_lease())
    for work in (
        lambda: _take(store, SEGMENT),
        lambda: store.set_state(VENDOR, ScopeState.SUSPENDED, reason="r", incident=""),
    ):
        store.add_coverage(lease_id(1), {})
        work()
        assert database._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert database._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_door_heals_before_it_opens(house: _House) -> None:
    own = sample_lease(2).scopes[0]
    draft = _capping(house.scope(), None)
    house.write(_suspension(house.scope()))
    house.write(Draft(kind="scope", subject=f"scope:{own}", actor=draft.actor, body=draft.body))
    healed = heal_at_start(house.settings, house.log, house.custody)
    assert (healed.states, healed.caps) == ((VENDOR,), (own,))
    # A lease never has an open budget, whatever an entry says.
    house.custody.set_state(VENDOR, ScopeState.LIVE, reason="", incident="")
    house.custody.add_lease(sample_lease(2))
    answer = _take(house.custody, SEGMENT, number=2)
    assert isinstance(answer, Refusal)
    assert answer.stop is Stop.BUDGET
