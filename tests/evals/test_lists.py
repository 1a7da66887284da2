import re
from pathlib import Path

import pytest

from evals import lists, places
from evals.choose import LARGE_BYTES, malicious_projects
from evals.lists import (
    THIN_BYTES,
    Half,
    load_archives,
    load_pairs,
    load_published,
    load_samples,
    load_thin,
    load_top,
)
from evals.places import EvalsError


@pytest.mark.slow
def test_there_are_enough_benign_cases_to_speak_of_half_a_percent() -> None:
    assert len(load_thin()) >= 2000
    assert len(load_pairs()) >= 2000
    assert sum(pair.new.half is Half.CHECK for pair in load_pairs()) >= 2000
    assert len(load_top()) >= 100


def test_thin_is_small_and_every_project_is_on_one_side() -> None:
    assert max(thin.archive.size for thin in load_thin()) <= THIN_BYTES
    sides: dict[str, set[Half]] = {}
    for archive in load_archives().values():
        sides.setdefault(archive.project, set()).add(archive.half)
    assert all(len(side) == 1 for side in sides.values())
    assert {half for side in sides.values() for half in side} == set(Half)


def test_a_pair_is_two_releases_of_one_project_and_kind() -> None:
    for pair in load_pairs():
        assert pair.old.project == pair.new.project
        assert pair.old.kind == pair.new.kind
        assert pair.old.sha256 != pair.new.sha256
        assert max(pair.old.size, pair.new.size) <= LARGE_BYTES


def test_published_archives_are_named_by_file_and_hash() -> None:
    published = load_published()
    assert len({archive.sha256 for archive in published}) == len(published) >= 400
    assert all(re.fullmatch(r"[0-9a-f]{64}", archive.sha256) for archive in published)
    assert {archive.kind for archive in published} == {"wheel", "sdist"}


def test_nothing_in_the_malicious_list_counts_as_benign() -> None:
    assert not {archive.project for archive in load_published()} & malicious_projects()
    assert not {archive.project for archive in load_archives().values()} & malicious_projects()


def test_campaigns_are_single_and_harmless_entries_are_left_out() -> None:
    samples = load_samples()
    harmless = {line[0] for line in lists.rows(places.LISTS / "malicious-dev-harmless.txt")}
    every = {line[4] for line in lists.rows(places.LISTS / "malicious-dev.txt")}
    assert harmless <= every
    assert {sample.path for sample in samples} == every - harmless
    assert len({sample.campaign for sample in samples}) == len(samples)
    assert all(re.fullmatch(r"[0-9a-f]{64}", sample.sha256) for sample in samples)
    sides: dict[str, set[Half]] = {}
    for sample in samples:
        sides.setdefault(sample.super_campaign, set()).add(sample.half)
    assert all(len(side) == 1 for side in sides.values())


def test_a_missing_list_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EvalsError, match=r"archives\.txt"):
        load_archives(tmp_path)


@pytest.mark.parametrize(
    ("filename", "project"),
    [
        ("Foo_Bar-1.0-py3-none-any.whl", "foo-bar"),
        ("foo.bar-1.0.tar.gz", "foo-bar"),
        ("foo-1.0.zip", "foo"),
        ("strange", "strange"),
    ],
)
def test_projects_are_read_from_file_names(filename: str, project: str) -> None:
    assert lists.project_of(filename) == project
