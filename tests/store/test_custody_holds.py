"""Holds in SQLite and PostgreSQL: in force in one transaction, said once, lifted by their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.custody_samples import SEGMENT, T0, lease_id, sample_dataset, sample_lease
from kit.holds import a_hold, hold_id
from pratique.custody.model import Hold, HoldKind, Refusal, ScopeState, Slab, Stop
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.entries import ResumptionBody, resumption_draft, suspension_draft
from pratique.parties.model import Suspension, SuspensionScope
from pratique.parties.suspension import hold_of_suspension
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.custody_heal import heal_at_start
from pratique.store.custody_holds import begin_hold, heal_holds, record_holds
from pratique.store.logs import open_log

NO_RULE = CustodySettings(velocity_factor=0)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    return Settings(home=tmp_path, storage=StorageSettings(database_url=url), custody=NO_RULE)


@pytest.fixture
def store(settings: Settings) -> Iterator[CustodyStore]:
    with closing(open_custody(settings)) as opened:
        yield opened


def a_suspension(number: int = 0, **scope: Any) -> Suspension:
    return Suspension(
        id=hold_id(number),
        scope=SuspensionScope(party="acme", **scope),
        vendors=("acme", "annotators-inc"),
        client="",
        reason="stolen laptop",
        incident="INC-42",
        conditions=(),
        evidence_root="0" * 64,
        leases=1,
        tokens=0,
        by="operator:alice",
        at=T0,
    )


def drafts(number: int = 0) -> tuple[Draft, ...]:
    clock = Draft(
        kind="notice-clock", subject="party:meta", actor="operator:alice", body={"id": "c"}
    )
    return suspension_draft(a_suspension(number)), clock


class Log:
    """A ledger that can be away; each append is whole or nothing."""

    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self._entries = 0
        self.away = False

    def append(self, given: Sequence[Draft]) -> Sequence[int]:
        if self.away:
            raise ConnectionError
        self.batches.append(msgspec.json.encode(given))
        self._entries += len(given)
        return range(self._entries - len(given), self._entries)


def _same(found: Hold, wanted: Hold) -> bool:
    return replace(found, changed_epoch=0) == replace(wanted, changed_epoch=0)


def test_a_hold_comes_back_as_it_went_in_and_raises_the_epoch(store: CustodyStore) -> None:
    epoch = store.epoch()
    narrow = a_hold(1, project="coding", dataset="faces", kind=HoldKind.READ)
    client = a_hold(2, vendors=frozenset(), client="meta", party="client meta")
    for hold in (a_hold(), narrow, client):
        assert store.add_hold(hold, drafts())
        found = store.hold(hold.id)
        assert found is not None
        assert _same(found, hold)
    changes = store.changes(epoch)
    assert [one.id for one in changes.holds] == [hold_id(0), hold_id(1), hold_id(2)]
    assert [one.changed_epoch for one in changes.holds] == [epoch + 1, epoch + 2, epoch + 3]
    assert changes.epoch == epoch + 3
    assert store.changes(epoch + 3).holds == ()
    assert not store.add_hold(a_hold(reason="other"), ()), "an id is taken once"
    assert [one.reason for one in store.standing_holds()] == ["stolen laptop"] * 3


def test_lifting_is_a_change_and_happens_once(store: CustodyStore) -> None:
    store.add_hold(a_hold(), drafts())
    epoch = store.epoch()
    assert store.lift_hold(hold_id(), entry=7)
    assert not store.lift_hold(hold_id(), entry=8)
    assert not store.lift_hold(hold_id(5), entry=8)
    (lifted,) = store.changes(epoch).holds
    assert lifted.lifted
    assert store.epoch() == epoch + 1
    assert store.standing_holds() == ()


@pytest.mark.parametrize("wrong", [{"vendors": frozenset()}, {"client": "meta"}])
def test_a_hold_of_everybody_or_of_two_is_refused(
    store: CustodyStore, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        store.add_hold(a_hold(**wrong), ())
    assert store.standing_holds() == ()


def test_no_budget_is_handed_out_under_a_hold(store: CustodyStore) -> None:
    store.add_dataset(sample_dataset())
    store.add_dataset(sample_dataset("voices"))
    lease = sample_lease(selectors=("faces", "voices"))
    store.add_lease(lease)

    def take(dataset: str) -> Slab | Refusal:
        ask: dict[str, Any] = {"need_bytes": SEGMENT, "need_objects": 1, "want_bytes": SEGMENT}
        return store.reserve(lease, **ask, now=T0, dataset=dataset)

    store.add_hold(a_hold(dataset="faces"), ())
    refused = take("faces")
    assert isinstance(refused, Refusal)
    assert (refused.stop, refused.scope) == (Stop.SUSPENDED, hold_id())
    assert isinstance(take("voices"), Slab)
    store.lift_hold(hold_id(), entry=1)
    assert isinstance(take("faces"), Slab)


def _crash(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


@dataclass
class Fault:
    """Which step of a suspension is lost, before or after it persisted."""

    name: str
    standing: bool
    batches: int
    prepare: Callable[[CustodyStore, Log, pytest.MonkeyPatch], None]


def _lose(target: str, *, after: bool) -> Callable[[CustodyStore, Log, pytest.MonkeyPatch], None]:
    def prepare(store: CustodyStore, log: Log, patch: pytest.MonkeyPatch) -> None:
        where: Any = log if target == "append" else store
        real = getattr(where, target)

        def lost(*words: Any, **named: Any) -> Any:
            if after:
                real(*words, **named)
            raise KeyboardInterrupt

        patch.setattr(where, target, lost)

    return prepare


FAULTS = (
    Fault("before the row", False, 0, _lose("add_hold", after=False)),
    Fault("after the row", True, 0, _lose("add_hold", after=True)),
    Fault("before the entries", True, 0, _lose("append", after=False)),
    Fault("after the entries", True, 1, _lose("append", after=True)),
    Fault("before the mark", True, 1, _lose("mark_hold_logged", after=False)),
    Fault("after the mark", True, 1, _lose("mark_hold_logged", after=True)),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_crash_at_any_step_leaves_a_party_suspended_wholly_or_not_at_all(
    settings: Settings, fault: Fault
) -> None:
    log = Log()
    with closing(open_custody(settings)) as store, pytest.MonkeyPatch.context() as patch:
        store.add_dataset(sample_dataset())
        store.add_lease(sample_lease())
        fault.prepare(store, log, patch)
        with pytest.raises(KeyboardInterrupt):
            begin_hold(store, a_hold(), drafts(), log.append)
    with closing(open_custody(settings)) as store:
        assert bool(store.standing_holds()) is fault.standing
        assert len(log.batches) == fault.batches
        record_holds(store, log.append)  # whoever lives next
        # Never a part of the entries, never without the hold; a second time says nothing new.
        assert set(log.batches) <= {msgspec.json.encode(drafts())}
        assert bool(log.batches) is fault.standing
        assert record_holds(store, log.append) == ()
        stopped = store.reserve(
            sample_lease(), need_bytes=1, need_objects=1, want_bytes=1, now=T0, dataset="faces"
        )
        assert isinstance(stopped, Refusal) is fault.standing


def test_a_ledger_that_is_away_stops_no_suspension(store: CustodyStore) -> None:
    log = Log()
    log.away = True
    with pytest.raises(ConnectionError):
        begin_hold(store, a_hold(), drafts(), log.append)
    assert len(store.standing_holds()) == 1
    with pytest.raises(ConnectionError):
        record_holds(store, log.append)
    log.away = False
    assert record_holds(store, log.append) == (hold_id(),)
    assert log.batches == [msgspec.json.encode(drafts())]


def test_what_the_ledger_says_is_put_into_force(settings: Settings) -> None:
    """A custody database that was put back from a copy knows neither suspension nor resumption."""
    lifted = resumption_draft(
        "acme",
        ResumptionBody(suspension=hold_id(1), reason="ok", approver="bob", met=(), unmet=("x",)),
        actor="approver:bob",
    )
    broken = Draft(kind="suspension", subject="party:acme", actor="operator:a", body={"id": 3})
    with closing(open_log(settings)) as log, closing(open_custody(settings)) as store:
        log.append([*drafts(0), *drafts(1), broken, lifted], now=T0)
        healed = heal_at_start(settings, log, store)
        assert healed.holds == (hold_id(0),)
        (hold,) = store.standing_holds()
        assert _same(hold, hold_of_suspension(a_suspension()))
        assert store.unlogged_holds() == ()
        assert heal_at_start(settings, log, store).holds == ()


def test_entries_that_are_there_are_not_written_again(settings: Settings) -> None:
    with closing(open_log(settings)) as log, closing(open_custody(settings)) as store:
        store.add_hold(a_hold(), drafts())
        log.append(drafts(), now=T0)  # and the crash was before the row knew
        heal_at_start(settings, log, store)
        assert record_holds(store, lambda given: log.append(given, now=T0)) == ()
        assert len(list(log.entries())) == 2


def test_a_hold_that_was_lifted_by_entry_is_lifted(settings: Settings) -> None:
    lifted = resumption_draft(
        "acme",
        ResumptionBody(suspension=hold_id(), reason="ok", approver="", met=("x",), unmet=()),
        actor="operator:a",
    )
    with closing(open_log(settings)) as log, closing(open_custody(settings)) as store:
        begin_hold(store, a_hold(), drafts(), lambda given: log.append(given, now=T0))
        log.append([lifted], now=T0)
        assert heal_at_start(settings, log, store).holds == (hold_id(),)
        assert store.standing_holds() == ()


def test_healing_reads_nothing_of_what_is_not_there(store: CustodyStore) -> None:
    class Nothing:
        def events(self, kind: str) -> Sequence[Any]:
            return ()

    store.add_hold(a_hold(), drafts())
    assert heal_holds(store, Nothing()) == ()
    assert len(store.standing_holds()) == 1


def test_leases_that_are_alike_are_counted(store: CustodyStore) -> None:
    store.add_dataset(sample_dataset())
    for number in range(5):
        store.add_lease(sample_lease(number + 1, holder=f"p-{number}"))
    store.add_lease(sample_lease(6, project="chess"))
    store.add_lease(sample_lease(7, not_after=T0 + timedelta(hours=1)))
    ended = sample_lease(8)
    store.add_lease(ended)
    store.set_state(ended.scopes[0], ScopeState.ENDED, reason="x", incident="")
    found = store.living_terms(T0 + timedelta(hours=2))
    assert {name: number for name, (_, number) in found.items()} == {lease_id(1): 5, lease_id(6): 1}
    assert found[lease_id(6)][0] == store.lease(lease_id(6))
    living = store.living_leases(T0 + timedelta(hours=2))
    assert [one.id for one in living] == [lease_id(number) for number in range(1, 7)]
