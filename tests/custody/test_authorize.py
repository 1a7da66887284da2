"""The one decision, asked by every path of every door."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.custody_samples import T0, sample_dataset, sample_lease
from pratique.custody.authorize import Request, authorize
from pratique.custody.model import Lease, Refusal, Scope, ScopeId, ScopeState, Stop, Verb
from pratique.custody.scopes import scopes_of

LEASE = sample_lease(selectors=("faces/a/", "voices"), networks=("203.0.113.0/24", "2001:db8::/32"))
READ = Request(verb=Verb.READ, key="a/1.jpg", address="203.0.113.9")


def _scopes(lease: Lease, /, **states: ScopeState) -> dict[ScopeId, Scope]:
    return {
        one: Scope(
            id=one,
            state=states.get(one.partition(":")[0], ScopeState.LIVE),
            reason="breach",
            incident="INC-42",
            cap_bytes=None,
            cap_objects=None,
            reserved_bytes=0,
            reserved_objects=0,
            changed_epoch=1,
        )
        for one in scopes_of(lease, "faces")
    }


def _stop(answer: Refusal | None) -> Stop | None:
    return None if answer is None else answer.stop


def _ask(lease: Lease = LEASE, request: Request = READ, **changes: Any) -> Refusal | None:
    values = {
        "scopes": _scopes(lease),
        "dataset": sample_dataset(),
        "now": T0 + timedelta(minutes=1),
        **changes,
    }
    return authorize(
        lease,
        values["scopes"],
        values["dataset"],
        request,
        values["now"],
        holds=values.get("holds", ()),
    )


def test_a_good_request_passes() -> None:
    assert _ask() is None
    assert _ask(request=replace(READ, address="2001:db8::1")) is None
    assert _ask(request=replace(READ, address="::ffff:203.0.113.9")) is None
    assert _ask(request=replace(READ, purpose="labelling")) is None
    assert _ask(request=replace(READ, verb=Verb.LIST, key="a/")) is None
    assert _ask(replace(LEASE, networks=()), replace(READ, address="")) is None


@pytest.mark.parametrize(
    ("changes", "stop", "words"),
    [
        ({"verb": Verb.WRITE}, Stop.VERB, "does not allow to write"),
        ({"verb": Verb.DELETE}, Stop.VERB, "does not allow to delete"),
        ({"key": "b/1.jpg"}, Stop.OUTSIDE, "does not cover this key"),
        ({"key": "a"}, Stop.OUTSIDE, "does not cover this key"),
        ({"verb": Verb.LIST, "key": ""}, Stop.OUTSIDE, "does not cover this key"),
        ({"address": "203.0.114.1"}, Stop.NETWORK, "does not work from 203.0.114.1"),
        ({"address": ""}, Stop.NETWORK, "does not work from here"),
        ({"address": "nonsense"}, Stop.NETWORK, "nonsense"),
        ({"purpose": "training"}, Stop.OUTSIDE, "is for labelling"),
    ],
)
def test_a_request_outside_the_terms_is_refused(
    changes: dict[str, Any], stop: Stop, words: str
) -> None:
    answer = _ask(request=replace(READ, **changes))
    assert answer is not None
    assert answer.stop is stop
    assert words in answer.sentence


def test_a_lease_works_from_its_first_instant_to_before_its_last() -> None:
    one = timedelta(microseconds=1)
    assert _stop(_ask(now=LEASE.not_before - one)) is Stop.NOT_YET
    assert _ask(now=LEASE.not_before) is None
    assert _ask(now=LEASE.not_after - one) is None
    expired = _ask(now=LEASE.not_after)
    assert expired is not None
    assert expired.stop is Stop.EXPIRED
    assert "2026-03-24T18:39:00.123456Z" in expired.sentence


def test_datasets_that_are_not_there_outside_shredded_or_sealed() -> None:
    missing, other = _ask(dataset=None), _ask(dataset=sample_dataset("others"))
    # Nobody learns which datasets there are.
    assert missing == other
    assert _stop(missing) is Stop.OUTSIDE
    assert _stop(_ask(dataset=sample_dataset(client="openai"))) is Stop.OUTSIDE
    assert _stop(_ask(dataset=sample_dataset(shredded_at=T0))) is Stop.SHREDDED
    sealed = sample_dataset(sealed=True)
    assert _stop(_ask(dataset=sealed)) is Stop.SEALED
    writer = replace(LEASE, verbs=frozenset({Verb.WRITE}))
    assert _ask(writer, replace(READ, verb=Verb.WRITE), dataset=sealed) is None


@pytest.mark.parametrize("kind", ["lease", "holder", "project", "vendor", "client", "dataset"])
def test_every_scope_stops_and_every_missing_one_too(kind: str) -> None:
    stopped = _ask(scopes=_scopes(LEASE, **{kind: ScopeState.SUSPENDED}))
    assert stopped is not None
    assert stopped.stop is Stop.SUSPENDED
    assert stopped.scope.startswith(kind)
    assert stopped.sentence.startswith("lease suspended")
    assert "INC-42" in stopped.sentence
    scopes = {name: s for name, s in _scopes(LEASE).items() if not name.startswith(kind)}
    assert _stop(_ask(scopes=scopes)) is Stop.UNSURE


def test_a_revoked_lease_is_told_as_revoked_whatever_else_is_so() -> None:
    states = {"lease": ScopeState.ENDED, "vendor": ScopeState.SUSPENDED}
    answer = _ask(scopes=_scopes(LEASE, **states), now=LEASE.not_after)
    assert answer is not None
    assert answer.sentence == "lease revoked: breach, INC-42"
    both = {"holder": ScopeState.SUSPENDED, "vendor": ScopeState.ENDED}
    assert _stop(_ask(scopes=_scopes(LEASE, **both))) is Stop.REVOKED


@pytest.mark.slow
@given(
    states=st.dictionaries(
        st.sampled_from(["lease", "holder", "project", "vendor", "client", "dataset"]),
        st.sampled_from(ScopeState),
    ),
    key=st.text(alphabet="ab/", max_size=4),
    verb=st.sampled_from(Verb),
    address=st.sampled_from(["203.0.113.1", "198.51.100.1", ""]),
    seconds=st.integers(-10, 9 * 3600),
    shredded=st.booleans(),
)
def test_only_what_is_allowed_in_every_way_passes(
    states: dict[str, ScopeState], key: str, verb: Verb, address: str, seconds: int, shredded: bool
) -> None:
    now = T0 + timedelta(seconds=seconds)
    answer = authorize(
        LEASE,
        _scopes(LEASE, **states),
        sample_dataset(shredded_at=T0 if shredded else None),
        Request(verb=verb, key=key, address=address),
        now,
        holds=(),
    )
    good = (
        all(state is ScopeState.LIVE for state in states.values())
        and key.startswith("a/")
        and verb in LEASE.verbs
        and address == "203.0.113.1"
        and LEASE.not_before <= now < LEASE.not_after
        and not shredded
    )
    assert (answer is None) is good


def test_the_chain_of_the_decision_is_the_chain_of_the_lease() -> None:
    """A scope that is not in the map is named, narrowest first: so every one is asked for."""
    for missing in range(5):
        scopes = {name: s for name, s in _scopes(LEASE).items() if name != LEASE.scopes[missing]}
        answer = _ask(scopes=scopes)
        assert answer is not None
        assert answer.scope == LEASE.scopes[missing]
