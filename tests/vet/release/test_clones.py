"""Which popular project a release copies."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.model import FileEntry, Language
from pratique.vet.release.clones import (
    CloneIndex,
    clone_of,
    prefix_of,
    shipped_index,
    write_index,
)


def entry(name: str, size: int = 1000, language: Language = Language.PYTHON) -> FileEntry:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FileEntry(path=f"pkg/{name}.py", sha256=digest, size=size, language=language)


def index_of(most: int = 100, **projects: list[str]) -> CloneIndex:
    prefixes = {
        (name, "1.0", "wheel"): [prefix_of(entry(file).sha256) for file in files]
        for name, files in projects.items()
    }
    return CloneIndex(write_index(prefixes, most=most, source="a test"))


ORIGINAL = [f"original{number}" for number in range(10)]


def test_a_release_with_a_third_of_anothers_files_is_its_copy() -> None:
    index = index_of(victim=ORIGINAL, other=["x", "y"])
    files = [entry(name) for name in [*ORIGINAL[:4], "a", "b", "c", "d", "e", "f"]]
    clone = clone_of(files, "evil", index)
    assert clone is not None
    assert (clone.project, clone.version, clone.kind, clone.shared) == ("victim", "1.0", "wheel", 4)
    assert clone.share == pytest.approx(0.4)


def test_less_is_none() -> None:
    files = [entry(name) for name in [*ORIGINAL[:2], "a", "b", "c", "d", "e", "f"]]
    assert clone_of(files, "evil", index_of(victim=ORIGINAL)) is None


def test_bytes_count_where_files_do_not() -> None:
    files = [entry(ORIGINAL[0], 50_000), *(entry(name) for name in "abcdef")]
    assert clone_of(files, "evil", index_of(victim=ORIGINAL)) is not None


def test_no_project_is_a_copy_of_itself_and_small_or_other_files_do_not_count() -> None:
    index = index_of(victim=ORIGINAL)
    assert clone_of([entry(name) for name in ORIGINAL], "victim", index) is None
    assert clone_of([entry(name, 100) for name in ORIGINAL], "evil", index) is None
    assert (
        clone_of([entry(name, language=Language.TEXT) for name in ORIGINAL], "evil", index) is None
    )
    assert clone_of([], "evil", index) is None


def test_what_popular_projects_borrow_from_each_other_makes_no_copies() -> None:
    index = index_of(victim=ORIGINAL, lender=ORIGINAL[:3])
    assert clone_of([entry(name) for name in ORIGINAL], "lender", index) is None


def test_large_projects_are_found_by_a_sample() -> None:
    many = [f"file{number}" for number in range(3_000)]
    index = index_of(200, victim=many)
    copied = [entry(name) for name in many[:1_500]] + [
        entry(f"own{number}") for number in range(1_500)
    ]
    clone = clone_of(copied, "evil", index)
    assert clone is not None
    assert 0.3 < clone.share < 0.7
    few = [entry(name) for name in many[:300]] + [entry(f"own{number}") for number in range(3_000)]
    assert clone_of(few, "evil", index) is None


@given(st.lists(st.sampled_from(ORIGINAL), unique=True), st.randoms(use_true_random=False))
def test_order_changes_nothing(names: list[str], chance: random.Random) -> None:
    index = index_of(victim=ORIGINAL[:5], other=ORIGINAL[3:])
    files = [entry(name) for name in [*names, "a", "b"]]
    shuffled = chance.sample(files, len(files))
    assert clone_of(files, "evil", index) == clone_of(shuffled, "evil", index)


def test_the_shipped_index_is_small_and_knows_popular_projects() -> None:
    index = shipped_index()
    assert {"requests", "numpy", "pip"} <= {project.name for project in index.projects}


def test_a_damaged_index_is_refused() -> None:
    data = write_index({("victim", "1.0", "wheel"): [1, 2, 3]}, most=9, source="a test")
    for broken in (data[:-3], b"other" + data, data + b"12"):
        with pytest.raises(ValueError, match=r"expected|not a multiple"):
            CloneIndex(broken)
