"""Marks in both databases: runs in force at once or not at all, commitments kept once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.custody_samples import T0, lease_id
from pratique.custody.marks.records import CommittedCodeword, MarkRun, ObjectMarks
from pratique.custody.model import ObjectId
from pratique.errors import InputError
from pratique.settings import Settings, StorageSettings
from pratique.store.custody import CustodyStore, open_custody

RUN = MarkRun(
    dataset="dialogs",
    number=1,
    first=0,
    count=1000,
    index=ObjectId("ab" * 16),
    index_size=40_000,
    index_sha256="cd" * 32,
    wrapped_key=b"\x00wrapped\xff",
    key_commitment="ef" * 32,
    entry=17,
    at=T0,
)
ONE = ObjectMarks(object=ObjectId("01" * 16), dataset="dialogs", layout_size=160, marks=600)
TWO = ObjectMarks(object=ObjectId("02" * 16), dataset="dialogs", layout_size=80, marks=400)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CustodyStore]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_custody(Settings(home=tmp_path, storage=StorageSettings(database_url=url)))
    yield opened
    opened.close()


def test_runs_come_back_in_order(store: CustodyStore) -> None:
    assert store.mark_runs("dialogs") == ()
    second = replace(RUN, number=2, first=1000, count=5, entry=40)
    store.add_marks(RUN, [ONE])
    store.add_marks(second, [TWO])
    store.add_marks(replace(RUN, dataset="faces"), [])
    assert store.mark_runs("dialogs") == (RUN, second)


def test_marked_objects_are_told_from_others(store: CustodyStore) -> None:
    store.add_marks(RUN, [ONE, TWO])
    other = ObjectId("03" * 16)
    assert store.marked([TWO.object, other, ONE.object]) == {TWO.object: TWO, ONE.object: ONE}
    assert store.marked([]) == {}


def test_a_run_whose_number_is_taken_changes_nothing(store: CustodyStore) -> None:
    store.add_marks(RUN, [ONE])
    with pytest.raises(InputError, match="meanwhile"):
        store.add_marks(replace(RUN, count=7), [TWO])
    assert store.mark_runs("dialogs") == (RUN,)
    assert store.marked([TWO.object]) == {}


def test_commitments_are_kept_once_with_the_first_entry(store: CustodyStore) -> None:
    lease = lease_id(1)
    word = CommittedCodeword(
        lease=lease, dataset="dialogs", marks=1000, commitment="12" * 32, entry=30
    )
    longer = replace(word, marks=1005, commitment="34" * 32, entry=50)
    store.add_codeword(longer)
    store.add_codeword(word)
    store.add_codeword(replace(word, entry=99))
    assert store.codewords(lease, "dialogs") == (word, longer)
    assert store.codewords(lease, "faces") == ()
    assert store.codewords(lease_id(2), "dialogs") == ()
