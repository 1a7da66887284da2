"""Names of scopes and sizes: what is understood, what is refused, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.custody_samples import lease_id, sample_lease
from pratique.custody.model import Scope, ScopeId, ScopeState, Stop
from pratique.custody.scopes import (
    LEVELS,
    level_of,
    parse_lease_id,
    parse_scope,
    scopes_of,
    selected_scopes,
    state_refusal,
)
from pratique.custody.sizes import human_bytes, parse_bytes
from pratique.errors import InputError


def test_every_scope_of_a_lease_is_a_name_that_can_be_read_back() -> None:
    lease = sample_lease(selectors=("faces/a", "voices", "faces/b"))
    assert [parse_scope(one) for one in scopes_of(lease, "faces")] == [
        *lease.scopes,
        "dataset:faces",
    ]
    assert [level_of(one) for one in scopes_of(lease, "faces")] == list(range(len(LEVELS)))
    assert selected_scopes(lease) == ("dataset:faces", "dataset:voices")


@pytest.mark.parametrize(
    "text",
    [
        "", "vendor", "vendor:", "vendor:a/b", "project:a", "project:a/", "holder:a/b", "holder:a//b",
        "holder:a/b/c/d", "team:a", "vendor:a b", "vendor:.a", "vendor:ä", "vendor:a\n", "vendor::a",
        "vendor:" + "a" * 64, "lease:PQL", "lease:pql" + "a" * 17, "Vendor:a", "dataset:../x",
    ],
)  # fmt: skip
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_scope(text)


def test_ids_of_leases() -> None:
    assert parse_lease_id(lease_id(99)) == lease_id(99)
    for text in ("PQL" + "1" * 17, "PQL" + "A" * 16, "AKIA" + "A" * 16, lease_id(1).lower()):
        with pytest.raises(InputError):
            parse_lease_id(text)


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_text_is_a_scope_or_refused(text: str) -> None:
    try:
        assert parse_scope(text) == text
    except InputError:
        return
    assert "\n" not in text
    assert " " not in text


def _stopped(name: str, state: ScopeState, reason: str, incident: str) -> Scope:
    return Scope(
        id=ScopeId(name),
        state=state,
        reason=reason,
        incident=incident,
        cap_bytes=None,
        cap_objects=None,
        reserved_bytes=0,
        reserved_objects=0,
        changed_epoch=1,
    )


@pytest.mark.parametrize(
    ("scope", "state", "reason", "incident", "sentence"),
    [
        ("vendor:acme", "suspended", "", "INC-42", "lease suspended: vendor acme, INC-42"),
        ("vendor:acme", "suspended", "breach", "", "lease suspended: vendor acme, breach"),
        ("project:acme/x", "suspended", "", "", "lease suspended: project acme/x"),
        ("lease:PQLA", "ended", "left", "INC-1", "lease revoked: left, INC-1"),
        ("lease:PQLA", "ended", "", "", "lease revoked"),
        ("lease:PQLA", "suspended", "", "", "lease suspended"),
    ],
)
def test_the_sentence_says_what_and_why(
    scope: str, state: str, reason: str, incident: str, sentence: str
) -> None:
    refusal = state_refusal(_stopped(scope, ScopeState(state), reason, incident))
    assert refusal is not None
    assert refusal.sentence == sentence
    assert refusal.scope == scope
    assert refusal.stop is (Stop.REVOKED if state == "ended" else Stop.SUSPENDED)
    live = replace(_stopped(scope, ScopeState.LIVE, "", ""), reason="old")
    assert state_refusal(live) is None


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"), (1, "1 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (65536, "64.0 KiB"),
        (1536 << 20, "1.5 GiB"), ((1 << 30) - 1, "1023.9 MiB"), (1 << 40, "1.0 TiB"),
        (5000 << 50, "5000.0 PiB"),
    ],
)  # fmt: skip
def test_sizes_are_written_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0), ("500", 500), ("64KiB", 65536), ("2 GiB", 2 << 30), ("1.5TB", 1_500_000_000_000),
        ("0.5kib", 512), ("10m", 10_000_000), (" 3gb ", 3_000_000_000), ("0.1b", 0),
    ],
)  # fmt: skip
def test_sizes_are_read(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    "text", ["", "GiB", "-1", "1e9", "1,5GiB", "1.GiB", "٣", "9999TiB", "1 2", "inf"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_bytes(text)


@pytest.mark.slow
@given(st.integers(0, 1 << 53))
def test_what_is_written_is_never_more_than_there_is(count: int) -> None:
    text = human_bytes(count)
    if not text.endswith(("bytes", "PiB")):
        assert parse_bytes(text) <= count
