"""What a page tells around a file: how many releases came before, how old the project is."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pratique.doors.index.gather import Gathered
from pratique.doors.index.surroundings import context_around, context_of_file, sdists_beside
from pratique.index.parse_json import parse_json_page
from pratique.policy.model import (
    FileFacts,
    FreshDependency,
    ProjectFacts,
    ProvenanceFacts,
    Publisher,
)
from pratique.values.names import ProjectName

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=200)
DEMO = ProjectName("demo")


def page_of(*files: tuple[str, int | None]) -> Gathered:
    """File names with the day of their upload."""
    listed = [
        {
            "filename": name,
            "url": f"https://files.example/{name}",
            "hashes": {"sha256": f"{i:064x}"},
            **({} if day is None else {"upload-time": _time(day)}),
        }
        for i, (name, day) in enumerate(files)
    ]
    body = {"meta": {"api-version": "1.1"}, "name": "demo", "files": listed}
    page = parse_json_page(
        json.dumps(body).encode(), url="https://index.example/simple/demo/", project=DEMO
    )
    facts = tuple(
        FileFacts(filename=file.filename, project=DEMO, uploaded_at=file.uploaded_at)
        for file in page.files
    )
    project = ProjectFacts(index="pypi", project=DEMO, origin="main")
    return Gathered(project=project, page=page, files=page.files, facts=facts)


def _time(day: int) -> str:
    return (START + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_only_release_of_a_project_is_its_first() -> None:
    page = page_of(("demo-1.0-py3-none-any.whl", 3), ("demo-1.0.tar.gz", 3))
    for position in range(2):
        context = context_around(page, position, now=NOW)
        assert (context.first_release, context.releases_before) == (True, 0)
        assert (context.project, context.version, context.project_age_days) == ("demo", "1.0", 0)


def test_releases_and_age_are_those_of_the_day_it_came() -> None:
    page = page_of(
        ("demo-1.0-py3-none-any.whl", 0),
        ("demo-1.0.tar.gz", 0),
        ("demo-1.1-py3-none-any.whl", 40),
        ("demo-2.0-py3-none-any.whl", 90),
        ("demo-1.2-py3-none-any.whl", 95),
    )
    told = [context_around(page, i, now=NOW) for i in range(5)]
    assert [one.releases_before for one in told] == [0, 0, 1, 2, 3]
    assert [one.project_age_days for one in told] == [0, 0, 40, 90, 95]
    assert [one.first_release for one in told] == [True, True, False, False, False]


def test_a_version_is_as_old_as_its_first_file() -> None:
    page = page_of(
        ("demo-1.0-py3-none-any.whl", 50),
        ("demo-1.0.tar.gz", 0),
        ("demo-1.1-py3-none-any.whl", 10),
    )
    assert context_around(page, 2, now=NOW).releases_before == 1
    assert context_around(page, 0, now=NOW).releases_before == 1  # a late file of an old release


@pytest.mark.parametrize("untimed", [0, 1])
def test_without_upload_times_the_order_of_versions_is_counted(untimed: int) -> None:
    files: list[tuple[str, int | None]] = [
        ("demo-1.0-py3-none-any.whl", 0),
        ("demo-1.1-py3-none-any.whl", 5),
        ("demo-2.0-py3-none-any.whl", 9),
    ]
    files[untimed] = (files[untimed][0], None)
    context = context_around(page_of(*files), 1, now=NOW)
    assert context.releases_before == 1
    assert (context.project_age_days is None) == (untimed == 1)


def test_a_release_compared_with_a_later_one_is_a_first_release_all_the_same() -> None:
    page = page_of(("demo-1.0-py3-none-any.whl", 0), ("demo-1.1-py3-none-any.whl", 9))
    context = context_around(page, 0, now=NOW, base="demo-1.1-py3-none-any.whl")
    assert (context.first_release, context.base) == (True, "demo-1.1-py3-none-any.whl")


def test_without_a_page_a_base_tells_that_it_is_not_the_first() -> None:
    facts = FileFacts(filename="demo-1.1-py3-none-any.whl", project=DEMO)
    assert context_of_file(facts).first_release is None
    told = context_of_file(facts, base="demo-1.0-py3-none-any.whl")
    assert (told.first_release, told.version, told.releases_before) == (False, "1.1", None)


def test_sdists_beside_a_wheel_are_those_of_its_version() -> None:
    page = page_of(
        ("demo-1.0-py3-none-any.whl", 0),
        ("demo-1.0.tar.gz", 0),
        ("demo-1.1.tar.gz", 0),
        ("demo-1.0.zip", 0),
        ("other-1.0.tar.gz", 0),
    )
    assert list(sdists_beside(page, 0)) == [page.files[1].sha256, page.files[3].sha256]
    assert not list(sdists_beside(page, 1))


def test_what_was_learned_of_dependencies_and_provenance_is_told() -> None:
    page = page_of(("demo-1.0-py3-none-any.whl", 0), ("demo-1.1-py3-none-any.whl", 199))
    learned = msgspec.structs.replace(
        page.facts[1],
        fresh_dependencies=(
            FreshDependency(project=ProjectName("helper"), first_upload=NOW - timedelta(days=3)),
            FreshDependency(project=ProjectName("nobody"), first_upload=None),
            FreshDependency(project=ProjectName("later"), first_upload=NOW + timedelta(hours=1)),
        ),
        provenance=ProvenanceFacts(attested=False, predecessor="demo-1.0-py3-none-any.whl"),
    )
    page = dataclasses.replace(page, facts=(page.facts[0], learned))
    context = context_around(page, 1, now=NOW)
    ages = {one.project: one.age_days for one in context.dependencies}
    assert ages == {"helper": 3, "nobody": None, "later": 0}
    assert context.provenance is not None
    assert context.provenance.lost
    assert "demo-1.0-py3-none-any.whl has one" in context.provenance.sentence
    assert context_around(page, 0, now=NOW).provenance is None


@pytest.mark.parametrize(("repository", "changed"), [("a/b", False), ("c/d", True)])
def test_another_publisher_is_a_change_of_provenance(repository: str, changed: bool) -> None:
    page = page_of(("demo-1.0-py3-none-any.whl", 0), ("demo-1.1-py3-none-any.whl", 1))
    provenance = ProvenanceFacts(
        attested=True,
        publisher=Publisher(kind="GitHub", repository=repository),
        predecessor="demo-1.0-py3-none-any.whl",
        predecessor_publisher=Publisher(kind="GitHub", repository="a/b"),
    )
    facts = msgspec.structs.replace(page.facts[1], provenance=provenance)
    told = context_around(dataclasses.replace(page, facts=(page.facts[0], facts)), 1, now=NOW)
    assert (told.provenance is not None) == changed
    assert told.provenance is None or not told.provenance.lost
