"""What a hold stops."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kit.custody_samples import T0, sample_lease
from kit.holds import a_hold
from pratique.custody.certificate import terms_of
from pratique.custody.holds import (
    grant_refusal,
    hold_refusal,
    idle_refusal,
    standing_refusal,
    stopped_datasets,
    stops,
    stops_tokens,
    token_refusal,
)
from pratique.custody.model import Copy, HoldId, HoldKind, Stop, Verb


@pytest.mark.parametrize(
    ("hold", "lease", "dataset", "stopped"),
    [
        ({}, {}, "faces", True),
        ({}, {}, "", True),
        ({}, {"vendor": "annotators-inc"}, "", True),
        ({}, {"vendor": "other"}, "faces", False),
        ({"lifted": True}, {}, "faces", False),
        ({"project": "coding"}, {}, "", True),
        ({"project": "coding"}, {"project": "chess"}, "", False),
        ({"dataset": "faces"}, {}, "faces", True),
        ({"dataset": "faces"}, {}, "voices", False),
        ({"dataset": "faces"}, {}, "", False),
        ({"vendors": frozenset(), "client": "meta"}, {"vendor": "other"}, "", True),
        ({"vendors": frozenset(), "client": "meta"}, {"client": "lab"}, "", False),
        ({"kind": HoldKind.READ}, {}, "", True),
        ({"kind": HoldKind.READ}, {"verbs": frozenset({Verb.LIST})}, "", True),
        ({"kind": HoldKind.READ}, {"verbs": frozenset({Verb.LIST, Verb.WRITE})}, "", False),
        ({"kind": HoldKind.WRITE}, {}, "", False),
        ({"kind": HoldKind.WRITE}, {"verbs": frozenset({Verb.DELETE})}, "", True),
        ({"kind": HoldKind.CANONICAL}, {}, "", False),
        ({"kind": HoldKind.CANONICAL}, {"copy": Copy.CANONICAL}, "", True),
        ({"kind": HoldKind.MARKED}, {}, "", True),
        ({"kind": HoldKind.MARKED}, {"copy": Copy.CANONICAL}, "", False),
    ],
)
def test_a_hold_stops_leases_for_which_all_is_so(
    hold: dict[str, Any], lease: dict[str, Any], dataset: str, stopped: bool
) -> None:
    held, asked = a_hold(**hold), sample_lease(**lease)
    assert stops(held, asked, dataset) is stopped
    # The broker has terms, not leases, and says the same.
    assert stops(held, terms_of(asked), dataset) is stopped


def test_the_sentence_names_party_reason_and_incident() -> None:
    assert hold_refusal(a_hold()).sentence == "lease suspended: vendor acme, stolen laptop, INC-42"
    assert hold_refusal(a_hold(reason="")).sentence == "lease suspended: vendor acme, INC-42"
    narrow = a_hold(project="coding", dataset="faces", incident="")
    assert (
        hold_refusal(narrow).sentence
        == "lease suspended: vendor acme, project coding, dataset faces, stolen laptop"
    )
    assert hold_refusal(a_hold()).stop is Stop.SUSPENDED


def test_of_several_holds_the_oldest_is_named() -> None:
    early, late = (
        a_hold(reason="first"),
        a_hold(id=HoldId("S-B"), reason="second", since=T0 + timedelta(seconds=1)),
    )
    found = standing_refusal([late, early], sample_lease())
    assert found is not None
    assert "first" in found.sentence
    assert standing_refusal([], sample_lease()) is None


def test_a_hold_on_one_dataset_leaves_a_lease_the_others() -> None:
    both = sample_lease(selectors=("faces/2026", "voices"))
    hold = a_hold(dataset="faces")
    assert stopped_datasets(hold, both) == ("faces",)
    assert grant_refusal([hold], both) is not None
    assert idle_refusal([hold], both) is None
    assert idle_refusal([hold, a_hold(dataset="voices")], both) is not None
    assert idle_refusal([hold], sample_lease()) is not None


def test_only_a_hold_on_everything_stops_tokens() -> None:
    assert stops_tokens(a_hold(), "acme")
    assert stops_tokens(a_hold(), "annotators-inc")
    assert not stops_tokens(a_hold(), "")
    assert not stops_tokens(a_hold(), "other")
    assert not stops_tokens(a_hold(lifted=True), "acme")
    for narrow in ({"project": "coding"}, {"dataset": "faces"}, {"kind": HoldKind.READ}):
        assert not stops_tokens(a_hold(**narrow), "acme")
    assert token_refusal([a_hold()], "acme") == (
        "token suspended: vendor acme, stolen laptop, INC-42"
    )
    assert token_refusal([a_hold()], "") == ""
