"""Terms that may be granted, and those that may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.custody_samples import GIB, T0, sample_dataset, sample_lease
from pratique.custody.granting import (
    check_four_eyes,
    check_raise,
    check_reason,
    check_terms,
    parse_selector,
    selects,
)
from pratique.custody.model import Copy, Verb
from pratique.errors import InputError

DATASETS = {
    "faces": sample_dataset(),
    "voices": sample_dataset("voices"),
    "theirs": sample_dataset("theirs", client="openai"),
    "intake": sample_dataset("intake", sealed=True, seal_key=bytes(32)),
    "gone": sample_dataset("gone", shredded_at=T0),
}
WRITE = frozenset({Verb.WRITE})


def _check(**changes: Any) -> None:
    extra = {
        key: changes.pop(key) for key in ("canonical_reason", "own_organisation") if key in changes
    }
    lease = sample_lease(**{"granted_at": T0, **changes})
    check_terms(lease, DATASETS, longest=timedelta(hours=12), **extra)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"selectors": ("faces/a/b", "voices")},
        {"selectors": ("intake",), "verbs": WRITE, "budget_bytes": 0, "budget_objects": 0},
        {"networks": ("203.0.113.0/24", "2001:db8::/32", "10.1.2.3")},
        {"copy": Copy.CANONICAL, "vendor": "meta"},
        {"copy": Copy.CANONICAL, "vendor": "lab", "own_organisation": ["lab"]},
        {"copy": Copy.CANONICAL, "canonical_reason": "checks hashes"},
        {"copy": Copy.CANONICAL, "verbs": WRITE},
        {"not_before": T0 + timedelta(hours=1), "not_after": T0 + timedelta(hours=12)},
    ],
)
def test_good_terms_pass(changes: dict[str, Any]) -> None:
    _check(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"purpose": "training"}, "may not be used for training"),
        ({"selectors": ("faces", "theirs")}, "belongs to openai"),
        ({"client": "openai"}, "belongs to meta"),
        ({"selectors": ("nothing",)}, "no dataset"),
        ({"selectors": ()}, "which data"),
        ({"selectors": ("faces",) * 101}, "which data"),
        ({"selectors": ("gone",)}, "shredded"),
        ({"selectors": ("intake",)}, "sealed"),
        ({"selectors": ("../faces",)}, "not a selector"),
        ({"verbs": frozenset()}, "allows nothing"),
        ({"copy": Copy.CANONICAL}, "a leak would name nobody"),
        (
            {"copy": Copy.CANONICAL, "own_organisation": ["lab"], "canonical_reason": " "},
            "canonical",
        ),
        ({"not_after": T0 + timedelta(hours=12, seconds=1)}, "too long"),
        ({"not_after": T0}, "end before it begins"),
        (
            {"not_before": T0 - timedelta(hours=2), "not_after": T0 - timedelta(hours=1)},
            "ended already",
        ),
        ({"budget_bytes": 0}, "budget of bytes"),
        ({"budget_objects": 0}, "budget of objects"),
        ({"budget_bytes": 1 << 54}, "budget of bytes"),
        ({"rate": -1}, "rate"),
        ({"networks": ("203.0.113.7/24",)}, "not a network"),
        ({"networks": ("everywhere",)}, "not a network"),
        ({"holder": "Jo Doe"}, "name of a holder"),
        ({"vendor": "a/b"}, "name of a vendor"),
        ({"project": ""}, "name of a project"),
    ],
)
def test_bad_terms_are_refused_and_say_why(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        _check(**changes)


@given(
    dataset=st.sampled_from(["faces", "voices"]),
    key=st.text(alphabet="ab/", max_size=6),
    prefixes=st.lists(st.text(alphabet="ab/", max_size=3), min_size=1, max_size=3),
)
def test_a_selector_selects_its_prefix_of_its_dataset_and_nothing_else(
    dataset: str, key: str, prefixes: list[str]
) -> None:
    lease = sample_lease(selectors=tuple(f"faces/{prefix}" for prefix in prefixes))
    expected = dataset == "faces" and any(key.startswith(prefix) for prefix in prefixes)
    assert selects(lease, dataset, key) is expected


def test_a_dataset_alone_selects_all_of_it_but_not_a_longer_name() -> None:
    lease = sample_lease(selectors=("faces",))
    assert selects(lease, "faces", "any/key")
    assert not selects(lease, "faces2", "any/key")
    assert parse_selector("faces/a/b") == ("faces", "a/b")
    assert parse_selector("faces") == ("faces", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "Faces",
        "fa_ces",
        "-aa",
        "aa-",
        "a..b",
        "faces/\x00",
        "faces/" + "é" * 513,
        "faces/\udc80",
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_selector(text)


def test_a_raise_raises() -> None:
    lease = sample_lease(budget_bytes=GIB, budget_objects=10)
    check_raise(lease, budget_bytes=2 * GIB, budget_objects=10)
    check_raise(lease, budget_bytes=GIB, budget_objects=11)
    for size, objects in ((GIB, 10), (GIB - 1, 20), (2 * GIB, 9)):
        with pytest.raises(InputError, match="raises nothing"):
            check_raise(lease, budget_bytes=size, budget_objects=objects)
    with pytest.raises(InputError, match="budget"):
        check_raise(lease, budget_bytes=1 << 60, budget_objects=10)


def test_nobody_decides_on_what_they_asked_for() -> None:
    check_four_eyes(asked_by="operator:alice", approver="approver:bob")
    for approver in ("approver:alice", "approver:Alice", "operator:alice"):
        with pytest.raises(InputError, match="cannot decide"):
            check_four_eyes(asked_by="operator:alice", approver=approver)


def test_a_reason_is_one_line() -> None:
    assert check_reason("  because\n of that ") == "because of that"
    for text in ("", " \n", "a\x1b[2J", "x" * 501):
        with pytest.raises(InputError):
            check_reason(text)
