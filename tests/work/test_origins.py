"""Where files came from, and what a delivery of them lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.ledger.entries import Draft
from pratique.work.entries import (
    delivery_draft,
    fold_work,
    review_drafts,
    submission_drafts,
    task_draft,
    transform_drafts,
)
from pratique.work.model import (
    FILES_IN_ENTRY,
    FileRef,
    Review,
    ReviewVerdict,
    Submission,
    Task,
    Transform,
    TransformKind,
    Work,
    WorkDelivery,
)
from pratique.work.origins import Origins

PROJECT = "acme/coding"


@dataclass(frozen=True, kw_only=True)
class Event:
    sequence: int
    at: datetime
    kind: str
    actor: str
    body: dict[str, Any]


def work_of(*drafts: Draft) -> Work:
    return fold_work(
        Event(
            sequence=number,
            at=datetime(2026, 11, 22, tzinfo=UTC),
            kind=draft.kind,
            actor=draft.actor,
            body=draft.body,
        )
        for number, draft in enumerate(drafts)
    )


def file(name: str) -> FileRef:
    return FileRef(sha256=name.ljust(64, "0"), size=1, name=name)


def submitted(name: str, *files: str, by: str = "p-17") -> list[Draft]:
    made = Submission(
        id=name,
        project=PROJECT,
        task="T",
        by=by,
        lease="",
        sealed=False,
        files=tuple(map(file, files)),
    )
    return submission_drafts(made, actor="operator:ann")


def made(
    name: str, kind: TransformKind, inputs: str, outputs: str, *, observed: bool = True
) -> list[Draft]:
    step = Transform(
        id=name,
        project=PROJECT,
        kind=kind,
        observed=observed,
        tool="t 1",
        parameters={},
        inputs=tuple(map(file, inputs.split())),
        outputs=tuple(map(file, outputs.split())),
        records_in=1,
        records_out=1,
        changed=0,
        found={},
        manifests=(),
    )
    return transform_drafts(step, actor="operator:ann")


def reviewed(
    name: str, files: str, *, by: str = "p-18", verdict: ReviewVerdict = ReviewVerdict.ACCEPTED
) -> list[Draft]:
    one = Review(
        id=name,
        project=PROJECT,
        by=by,
        verdict=verdict,
        reason="",
        files=tuple(map(file, files.split())),
    )
    return review_drafts(one, actor="operator:ann")


PII, DUPLICATES = TransformKind.PII, TransformKind.DUPLICATES
WHOLE = [
    *submitted("S1", "a"),
    *made("X1", PII, "a", "b"),
    *made("X2", DUPLICATES, "b", "c"),
    *reviewed("R1", "c"),
]


def lacks(*drafts: Draft, of: str = "c") -> tuple[str, ...]:
    return Origins(work_of(*drafts)).of(file(of).sha256).lacks


def test_a_file_with_everything_lacks_nothing_and_names_its_entries() -> None:
    origin = Origins(work_of(*WHOLE)).of(file("c").sha256)
    assert origin.lacks == ()
    assert (origin.submissions, origin.transforms, origin.reviews) == (
        ("S1",),
        ("X1", "X2"),
        ("R1",),
    )
    assert origin.people == ("p-17",)
    assert origin.entries == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        (0, "nobody is known to have submitted"),
        (1, "no scan for data about people of it was seen"),
        (2, "no search for near-duplicates of it was seen"),
        (3, "nobody but who submitted it"),
    ],
)
def test_whatever_is_left_out_is_told(left_out: int, sentence: str) -> None:
    rest = WHOLE[:left_out] + WHOLE[left_out + 1 :]
    assert any(sentence in one for one in lacks(*rest))


def test_what_is_only_said_does_not_count_as_seen() -> None:
    said = [
        *submitted("S1", "a"),
        *made("X1", PII, "a", "b", observed=False),
        *made("X2", DUPLICATES, "b", "c"),
        *reviewed("R1", "c"),
    ]
    assert lacks(*said) == ("no scan for data about people of it was seen here",)


def test_what_was_put_in_after_a_scan_was_not_looked_through() -> None:
    swapped = [
        *submitted("S1", "a"),
        *made("X1", PII, "a", "b"),
        *made("X2", DUPLICATES, "b", "clean"),
        *made("X3", TransformKind.OTHER, "clean", "c", observed=False),
        *reviewed("R1", "c"),
    ]
    assert len(lacks(*swapped)) == 2
    assert lacks(*swapped, *made("X4", PII, "c", "d"), *made("X5", DUPLICATES, "d", "c")) == ()


@pytest.mark.parametrize(
    ("parameters", "found", "whole"),
    [
        ({"mode": "redact", "sorts": ""}, {"EMAIL_ADDRESS": 2}, True),
        ({"mode": "report", "sorts": ""}, {}, True),
        ({"mode": "report", "sorts": ""}, {"unread": 1}, True),
        ({"mode": "report", "sorts": ""}, {"EMAIL_ADDRESS": 2}, False),
        ({"mode": "redact", "sorts": "CRYPTO"}, {}, False),
    ],
)
def test_a_scan_that_left_something_is_told(
    parameters: dict[str, str], found: dict[str, int], whole: bool
) -> None:
    [scan] = made("X1", PII, "a", "b")
    body = {**scan.body, "parameters": parameters, "found": found}
    told = Draft(kind=scan.kind, subject=scan.subject, actor=scan.actor, body=body)
    rest = [*submitted("S1", "a"), *made("X2", DUPLICATES, "b", "c"), *reviewed("R1", "c")]
    assert (lacks(*rest, told) == ()) is whole
    assert lacks(*rest, told, *made("X3", PII, "a", "b")) == (), "a whole one makes up for it"


@pytest.mark.parametrize("by", ["P-17", "p_17", "p.17", "\uff50-17"])
def test_nobody_becomes_a_second_person_by_other_letters(by: str) -> None:
    assert lacks(*WHOLE[:-1], *reviewed("R1", "c", by=by)) == (
        "nobody but who submitted it has accepted these bytes",
    )


def test_an_entry_that_cannot_be_read_may_be_a_rejection() -> None:
    [review] = reviewed("R2", "c")
    spoiled = Draft(kind=review.kind, subject=review.subject, actor=review.actor, body={"id": 1})
    assert lacks(*WHOLE, spoiled) == ("1 entry about work cannot be read: 4",)


def test_who_submitted_any_part_of_it_is_no_second_person() -> None:
    both = [
        *submitted("S1", "a"),
        *submitted("S2", "z", by="p-18"),
        *made("X1", PII, "a z", "b"),
        *made("X2", DUPLICATES, "b", "c"),
    ]
    assert lacks(*both, *reviewed("R1", "c", by="p-18"))
    assert not lacks(*both, *reviewed("R1", "c", by="p-19"))


def test_the_last_word_of_a_reviewer_counts() -> None:
    no = reviewed("R2", "c", verdict=ReviewVerdict.REJECTED)
    assert lacks(*WHOLE, *no) == (
        "p-18 rejected it",
        "nobody but who submitted it has accepted these bytes",
    )
    assert not lacks(*WHOLE, *no, *reviewed("R3", "c"))


def test_a_rejection_is_not_outvoted() -> None:
    no = reviewed("R2", "c", by="p-20", verdict=ReviewVerdict.REJECTED)
    assert lacks(*WHOLE, *no) == ("p-20 rejected it",)


def test_a_review_is_of_these_very_bytes() -> None:
    assert lacks(*WHOLE, *made("X3", PII, "c", "d"), of="d") == (
        "nobody but who submitted it has accepted these bytes",
    )


def test_files_that_did_not_change_and_circles_come_to_an_end() -> None:
    same = [
        *submitted("S1", "c"),
        *made("X1", PII, "c", "c"),
        *made("X2", DUPLICATES, "c d", "c"),
        *made("X3", PII, "c", "d"),
        *reviewed("R1", "c"),
    ]
    origins = Origins(work_of(*same))
    assert origins.of(file("c").sha256).lacks == ()
    assert origins.made_from(file("c").sha256) == (file("d").sha256,)


def test_what_was_made_from_a_file_is_found_however_far() -> None:
    found = Origins(work_of(*WHOLE)).made_from(file("a").sha256)
    assert found == (file("b").sha256, file("c").sha256)


@pytest.mark.slow
@given(st.integers(0, 3 * FILES_IN_ENTRY), st.integers(0, 3 * FILES_IN_ENTRY))
def test_many_files_come_back_from_several_entries(inputs: int, outputs: int) -> None:
    numbers = count()
    step = Transform(
        id="X1",
        project=PROJECT,
        kind=PII,
        observed=True,
        tool="t",
        parameters={"mode": "drop"},
        inputs=tuple(file(f"{next(numbers)}") for _ in range(inputs)),
        outputs=tuple(file(f"{next(numbers)}") for _ in range(outputs)),
        records_in=inputs,
        records_out=outputs,
        changed=0,
        found={},
        manifests=(),
    )
    drafts = transform_drafts(step, actor="operator:ann")
    assert all(len(d.body["inputs"]) + len(d.body["outputs"]) <= FILES_IN_ENTRY for d in drafts)
    work = work_of(*drafts)
    assert work.transforms == {"X1": step}
    assert work.recorded["X1"].entry == 0


def test_tasks_and_deliveries_come_back_and_spoiled_entries_are_told() -> None:
    task = Task(
        id="T1", project=PROJECT, title="t", dataset="d", assigned=("p-17",), instructions_sha256=""
    )
    delivery = WorkDelivery(
        id="D1",
        project=PROJECT,
        dataset="d",
        version=1,
        root="r",
        files=1,
        lacking=0,
        reason="",
        statement_sha256="",
        description_sha256="",
    )
    spoiled = Draft(kind="work-task", subject="work:x", actor="operator:ann", body={"id": 7})
    work = work_of(
        task_draft(task, actor="operator:ann"),
        spoiled,
        delivery_draft(delivery, actor="operator:ann"),
    )
    assert (work.tasks, work.deliveries) == ({"T1": task}, {"D1": delivery})
    assert work.unreadable == (1,)
    assert work.of_project("other/x").tasks == {}


@pytest.mark.parametrize(
    ("least", "left"), [("0.4", False), ("0.9", True), ("nan", True), ("x", True)]
)
def test_a_scan_for_the_surest_only_is_no_scan(least: str, left: bool) -> None:
    drafts = [*submitted("S1", "a"), *made("X1", PII, "a", "b")]
    body = {**drafts[-1].body, "parameters": {"mode": "redact", "sorts": "", "least": least}}
    drafts[-1] = Draft(
        kind=drafts[-1].kind, subject=drafts[-1].subject, actor=drafts[-1].actor, body=body
    )
    rest = [*made("X2", DUPLICATES, "b", "c"), *reviewed("R1", "c")]
    assert any("surest" in one for one in lacks(*drafts, *rest)) is left
