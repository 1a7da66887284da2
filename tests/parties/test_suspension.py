"""A plan of a suspension names exactly what doors and broker then refuse."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from kit.custody_samples import T0, lease_id, sample_dataset, sample_lease
from pratique.custody.authorize import Request, authorize
from pratique.custody.certificate import terms_of
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.holds import token_refusal
from pratique.custody.model import (
    Copy,
    Dataset,
    Hold,
    HoldKind,
    Lease,
    LeaseId,
    Scope,
    ScopeId,
    ScopeState,
    Stop,
    Verb,
)
from pratique.custody.scopes import scopes_of
from pratique.edge.custody.broker.holds import BrokerHolds
from pratique.errors import InputError
from pratique.index.ports import TokenRecord
from pratique.parties.model import (
    Contract,
    Evidence,
    EvidenceKind,
    Party,
    PartyKind,
    Project,
    Received,
    Register,
    Signature,
    SuspensionScope,
)
from pratique.parties.suspension import Ask, SuspensionPlan, evidence_root, plan_suspension

VENDORS, CLIENTS = ("acme", "helpers", "deep", "bolt"), ("meta", "lab")
DATASETS = {"faces": "meta", "voices": "meta", "code": "lab"}
PROJECTS = ("coding", "chess")


def a_register(**changes: Any) -> Register:
    parties = [
        Party(name="mercury", kind=PartyKind.OWN),
        Party(name="acme", kind=PartyKind.VENDOR),
        Party(name="helpers", kind=PartyKind.VENDOR, works_for=("acme",)),
        Party(name="deep", kind=PartyKind.VENDOR, works_for=("helpers",)),
        Party(name="bolt", kind=PartyKind.VENDOR),
        Party(name="meta", kind=PartyKind.CLIENT),
        Party(name="lab", kind=PartyKind.CLIENT),
        Party(name="people", kind=PartyKind.PEOPLE, datasets=("faces",)),
    ]
    projects = [
        Project(name="coding", vendor="acme", client="meta", datasets=("faces", "voices")),
        Project(name="chess", vendor="bolt", client="lab", datasets=("code",)),
    ]
    register = Register(
        parties={one.name: one for one in parties},
        projects={one.id: one for one in projects},
        contracts={},
        evidence={},
        findings={},
        suspensions={},
        clocks={},
        entries={},
        unreadable=(),
    )
    return msgspec.structs.replace(register, **changes)


def an_ask(party: str = "acme", **scope: Any) -> Ask:
    return Ask(
        id="S-" + "A" * 12,
        scope=SuspensionScope(party=party, **scope),
        reason="stolen laptop",
        by="operator:alice",
        incident="INC-42",
    )


def a_plan(
    leases: list[Lease], ask: Ask, tokens: tuple[TokenRecord, ...] = (), **changes: Any
) -> SuspensionPlan:
    return plan_suspension(a_register(**changes), leases, tokens, ask, T0)


LEASES = st.lists(
    st.builds(
        lambda **values: replace(sample_lease(), **values),
        id=st.integers(0, 1000).map(lease_id),
        vendor=st.sampled_from(VENDORS),
        project=st.sampled_from(PROJECTS),
        holder=st.sampled_from(["p-1", "p-2"]),
        client=st.just("meta"),
        selectors=st.sampled_from([("faces",), ("voices",), ("faces/a", "voices")]),
        verbs=st.sets(st.sampled_from(Verb), min_size=1).map(frozenset),
        copy=st.sampled_from(Copy),
    )
    | st.builds(
        lambda **values: replace(sample_lease(), client="lab", selectors=("code",), **values),
        id=st.integers(1001, 2000).map(lease_id),
        vendor=st.sampled_from(VENDORS),
        project=st.sampled_from(PROJECTS),
        verbs=st.sets(st.sampled_from(Verb), min_size=1).map(frozenset),
    ),
    max_size=8,
    unique_by=lambda lease: lease.id,
)
SCOPES = st.builds(
    SuspensionScope,
    party=st.sampled_from(["acme", "helpers", "bolt", "meta", "lab"]),
    project=st.sampled_from(["", "", *PROJECTS]),
    dataset=st.sampled_from(["", "", *DATASETS]),
    kind=st.sampled_from(HoldKind),
    with_sub_processors=st.booleans(),
)
TOKENS = st.lists(
    st.builds(
        TokenRecord,
        id=st.integers(0, 99).map(str),
        name=st.just("ci"),
        role=st.sampled_from(["asset", "collector", "party"]),
        secret_sha256=st.just("0" * 64),
        created_at=st.just(T0),
        expires_at=st.sampled_from([None, T0 - timedelta(days=1), T0 + timedelta(days=1)]),
        revoked_at=st.sampled_from([None, None, T0]),
        party=st.sampled_from(["", *VENDORS, *CLIENTS]),
    ),
    max_size=6,
    unique_by=lambda token: token.id,
)


def _live(lease: Lease, dataset: str) -> dict[ScopeId, Scope]:
    scope = Scope(
        id=ScopeId("x"), state=ScopeState.LIVE, reason="", incident="", cap_bytes=None,
        cap_objects=None, reserved_bytes=0, reserved_objects=0, changed_epoch=0,
    )  # fmt: skip
    return {name: replace(scope, id=name) for name in scopes_of(lease, dataset)}


def _door_stops(hold: Hold, lease: Lease, dataset: Dataset) -> bool:
    """What the S3 door answers to the first thing that the lease allows."""
    asked = Request(verb=min(lease.verbs), key="a/x", address="203.0.113.1")
    answer = authorize(lease, _live(lease, dataset.name), dataset, asked, T0, holds=[hold])
    return answer is not None and answer.stop is Stop.SUSPENDED


def _broker_stops(broker: BrokerHolds, lease: Lease, dataset: str) -> bool:
    try:
        broker.check(terms_of(lease), dataset)
    except BrokerRefusedError:
        return True
    return False


def _planned(
    leases: list[Lease], scope: SuspensionScope, tokens: list[TokenRecord]
) -> SuspensionPlan:
    """The plan; what would stop nothing is not asked about here."""
    try:
        return plan_suspension(a_register(), leases, tokens, replace(an_ask(), scope=scope), T0)
    except InputError:
        reject()


@pytest.mark.slow
@settings(deadline=None)  # what the broker knows is synced to the disk
@given(leases=LEASES, scope=SCOPES, tokens=TOKENS)
def test_the_plan_names_what_is_then_refused(
    leases: list[Lease], scope: SuspensionScope, tokens: list[TokenRecord]
) -> None:
    plan = _planned(leases, scope, tokens)
    datasets = {name: sample_dataset(name, client=client) for name, client in DATASETS.items()}
    selected = [
        (lease, name)
        for lease in leases
        for name in sorted({one.partition("/")[0] for one in lease.selectors})
    ]
    planned = {(one.id, name) for one in plan.leases for name in one.datasets}
    assert planned == {
        (lease.id, name)
        for lease, name in selected
        if _door_stops(plan.hold, lease, datasets[name])
    }
    with tempfile.TemporaryDirectory() as folder:
        BrokerHolds(Path(folder)).add([plan.hold])
        broker = BrokerHolds(Path(folder))  # as after a restart
    assert planned == {
        (lease.id, name) for lease, name in selected if _broker_stops(broker, lease, name)
    }
    living = [
        one
        for one in tokens
        if one.revoked_at is None and (one.expires_at is None or one.expires_at > T0)
    ]
    assert {one.id for one in plan.tokens} == {
        one.id
        for one in living
        # Tokens that push evidence go on: it is what a suspended party is asked for.
        if one.role != "party" and token_refusal([plan.hold], one.party)
    }
    assert (plan.suspension.leases, plan.suspension.tokens) == (len(plan.leases), len(plan.tokens))


@given(leases=LEASES, scope=SCOPES, tokens=TOKENS)
def test_a_plan_made_twice_is_the_same(
    leases: list[Lease], scope: SuspensionScope, tokens: list[TokenRecord]
) -> None:
    """A dry run and the real thing differ in their id and instant only."""
    ask = replace(an_ask(), scope=scope)
    dry = _planned(leases, scope, tokens)
    again = plan_suspension(a_register(), leases[::-1], tokens[::-1], ask, T0)
    assert dry == again
    later = plan_suspension(
        a_register(), leases, tokens, replace(ask, id="S-" + "B" * 12), T0 + timedelta(seconds=1)
    )
    assert (later.leases, later.tokens, later.work) == (dry.leases, dry.tokens, dry.work)


@given(leases=LEASES, scope=SCOPES, tokens=TOKENS)
def test_of_leases_that_are_alike_one_is_enough_to_plan_by(
    leases: list[Lease], scope: SuspensionScope, tokens: list[TokenRecord]
) -> None:
    ask = replace(an_ask(), scope=scope)
    whole = _planned(leases, scope, tokens)
    first: dict[object, Lease] = {}
    alike: Counter[LeaseId] = Counter()
    for lease in sorted(leases, key=lambda one: one.id):
        terms = lease.vendor, lease.project, lease.client, lease.selectors, lease.verbs, lease.copy
        alike[first.setdefault(terms, lease).id] += 1
    brief = plan_suspension(a_register(), first.values(), tokens, ask, T0, alike=alike)
    assert msgspec.structs.replace(brief, leases=whole.leases) == whole


@pytest.mark.parametrize(("role", "stops"), [("asset", True), ("party", False)])
def test_the_token_that_pushes_evidence_goes_on(role: str, stops: bool) -> None:
    token = TokenRecord(
        id="1", name="ci", role=role, secret_sha256="0" * 64, created_at=T0, expires_at=None,
        revoked_at=None, party="acme",
    )  # fmt: skip
    assert bool(a_plan([], an_ask(), (token,)).tokens) is stops


def test_sub_processors_stop_at_any_distance() -> None:
    assert a_plan([], an_ask()).suspension.vendors == ("acme", "deep", "helpers")
    alone = a_plan([], an_ask(with_sub_processors=False))
    assert alone.suspension.vendors == ("acme",)
    assert a_plan([], an_ask("bolt")).suspension.vendors == ("bolt",)


def test_two_that_work_for_each_other_end_the_search() -> None:
    parties = {
        "acme": Party(name="acme", kind=PartyKind.VENDOR, works_for=("bolt",)),
        "bolt": Party(name="bolt", kind=PartyKind.VENDOR, works_for=("acme",)),
    }
    assert a_plan([], an_ask(), parties=parties).suspension.vendors == ("acme", "bolt")


def test_too_many_vendors_at_a_time() -> None:
    crowd = {
        f"v{n}": Party(name=f"v{n}", kind=PartyKind.VENDOR, works_for=("acme",)) for n in range(600)
    }
    with pytest.raises(InputError, match="601 vendors"):
        a_plan([], an_ask(), parties={"acme": Party(name="acme", kind=PartyKind.VENDOR), **crowd})


def test_expired_leases_are_not_listed() -> None:
    ended = sample_lease(2, not_after=T0)
    plan = a_plan([sample_lease(), ended], an_ask())
    assert [one.id for one in plan.leases] == [sample_lease().id]


def _contract(identifier: str, party: str, **values: Any) -> Contract:
    return Contract(id=identifier, party=party, starts=date(2025, 1, 1), **values)


def test_clocks_come_from_contracts_in_force_the_tightest_first() -> None:
    contracts = [
        _contract("a", "acme", evidence_hours=48, basis="MSA 9"),
        _contract("m1", "meta", notice_hours=72, update_hours=24),
        _contract("m2", "meta", notice_hours=24),
        _contract("old", "meta", notice_hours=1, ends=date(2025, 12, 31)),
        _contract("l", "lab", notice_hours=4),
    ]
    plan = a_plan([sample_lease()], an_ask(), contracts={one.id: one for one in contracts})
    found = {(one.party, one.duty): (one.hours, one.basis, one.due_at) for one in plan.clocks}
    assert found == {
        ("acme", "evidence"): (48, "a: MSA 9", T0 + timedelta(hours=48)),
        ("meta", "notify"): (24, "m2", T0 + timedelta(hours=24)),
        ("meta", "update"): (24, "m1", T0 + timedelta(hours=24)),
    }
    unclocked = {(one.party, one.duty) for one in plan.tell if one.hours is None}
    assert unclocked == {
        ("deep", "evidence"), ("helpers", "evidence"), ("people", "notify"), ("people", "update"),
    }  # fmt: skip
    assert {one.cause for one in plan.clocks} == {plan.suspension.id}
    assert [one.kind for one in plan.drafts()] == ["suspension"] + ["notice-clock"] * 3


def test_a_clients_suspension_tells_the_client_and_who_works_with_its_data() -> None:
    plan = a_plan([sample_lease()], an_ask("meta"))
    assert (plan.suspension.vendors, plan.suspension.client) == ((), "meta")
    assert {one.party for one in plan.tell} == {"acme", "meta", "people"}
    assert [one.project for one in plan.work] == ["acme/coding"]
    assert plan.hold.party == "client meta"


def test_evidence_is_fixed_as_it_is() -> None:
    def piece(sha256: str, entry: int) -> Received:
        evidence = Evidence(
            party="acme", kind=EvidenceKind.SBOM, sha256=sha256, size=1, media_type="", filename="",
            subjects=(), made_at=None, expires_at=None, signature=Signature.NONE, signer="",
            claims=(), claims_total=0, faults=(),
        )  # fmt: skip
        return Received(
            evidence=evidence, at=T0, by="party:acme", entry=entry, while_suspended=False
        )

    none = evidence_root(a_register(), ["acme"])
    one = a_register(evidence={"acme": (piece("a" * 64, 1),)})
    two = a_register(evidence={"acme": (piece("a" * 64, 1), piece("b" * 64, 2))})
    turned = a_register(evidence={"acme": (piece("b" * 64, 2), piece("a" * 64, 1))})
    roots = [evidence_root(register, ["acme"]) for register in (one, two, turned)]
    assert len({none, *roots}) == 3
    assert roots[1] == roots[2], "in any order"
    assert a_plan([], an_ask()).suspension.evidence_root == none
    whole = a_register(evidence={"helpers": (piece("c" * 64, 3),)})
    plan = plan_suspension(whole, [], [], an_ask(), T0)
    assert plan.suspension.evidence_root != none, "of whoever works for it, too"
