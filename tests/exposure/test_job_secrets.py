"""Which secrets an exposed CI run was given, by the workflow in force at the time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.fact_oracle import OracleFacts
from kit.fact_story import FactStory, at, item, seen
from pratique.exposure.bundle.scope import scope_of_client
from pratique.exposure.incident import IncidentAnswer
from pratique.exposure.job_secrets import Run, runs_given, thefts_of_runs
from pratique.exposure.ports import AssetRow, Edge
from pratique.inventory.observed.model import AssetKind, Identity, LookMode, PlaceKind, Relation
from pratique.values.spans import Span

REPOSITORY = "repo/acme/api"
FILE = ".github/workflows/ci.yml"
RUN = "ci/github/acme/api/88123"
BAD = seen(item("litellm", "1.82.8"))


def workflow(
    story: FactStory, start: datetime, end: datetime, *named: tuple[str, str], file: str = FILE
) -> int:
    """A version of the workflow and the secrets that it gives its jobs: (job, secret)."""
    return story.look(
        REPOSITORY,
        kind=AssetKind.REPOSITORY,
        place=PlaceKind.MANIFEST,
        start=start,
        end=end,
        mode=LookMode.EVENT,
        locator=f"{file}@main",
        lineage=f"{REPOSITORY}:{file}",
        identities=tuple(
            Identity(kind="ci-secret", name=name, locator=f"{file}, job {job}", local=True)
            for job, name in named
        ),
    )


def run(story: FactStory, job: str = "test", name: str = RUN) -> int:
    lineage = f"{name.rpartition('/')[0]}/{job}" if job else ""
    return story.run(name, BAD, locator=job or "x.log", lineage=lineage)


def taken(answer: IncidentAnswer) -> set[str]:
    return {one.entity.rpartition("/")[2] for one in answer.reach.identities}


def ask(story: FactStory) -> IncidentAnswer:
    return story.answer("litellm==1.82.8")


def test_the_secrets_of_its_job_as_the_workflow_said_then_and_of_no_other() -> None:
    story = FactStory()
    workflow(story, at("00:00", days=-9), at("09:00", days=-1), ("test", "OLD"), ("deploy", "D1"))
    told = workflow(story, at("09:00", days=-1), at("12:00"), ("test", "NOW"), ("deploy", "D2"))
    workflow(story, at("12:00"), at("23:00"), ("test", "LATER"))
    sighting = run(story)
    answer = ask(story)
    assert taken(answer) == {"NOW"}
    [one] = answer.reach.identities
    assert one.entity == f"identity:ci-secret/{REPOSITORY}/NOW"
    assert one.start == at("10:41")
    [step] = one.proof
    assert (step.subject, step.relation) == (f"asset:{RUN}", "holds")
    assert step.entries == (sighting, told)
    assert answer.reach.assets_without_identities == ()


def test_a_version_that_changed_during_the_run_counts_before_and_after() -> None:
    story = FactStory()
    workflow(story, at("00:00"), at("10:45"), ("test", "BEFORE"))
    workflow(story, at("10:45"), at("12:00"), ("test", "AFTER"))
    run(story)
    assert taken(ask(story)) == {"BEFORE", "AFTER"}


@pytest.mark.parametrize(
    ("job", "found"),
    [
        ("test", {"T"}),
        ("Test", {"T"}),
        ("test-(3.11-ubuntu)", {"T"}),
        ("test-lint", {"L"}),
        ("Unit-tests", {"T", "L"}),  # its shown name: which job it is nobody knows
        ("", {"T", "L"}),
    ],
)
def test_which_job_a_log_is_of(job: str, found: set[str]) -> None:
    story = FactStory()
    workflow(story, at("00:00"), at("12:00"), ("test", "T"), ("test lint", "L"))
    run(story, job)
    assert taken(ask(story)) == found


@pytest.mark.parametrize(
    "name", ["ci/github/acme/other/1", "ci/github/other/acme/api/1", "ci/log/log-1", "ci/api/1"]
)
def test_runs_of_other_repositories_have_nothing_of_it(name: str) -> None:
    story = FactStory()
    workflow(story, at("00:00"), at("12:00"), ("test", "T"))
    run(story, name=name)
    answer = ask(story)
    assert taken(answer) == set()
    assert answer.reach.assets_without_identities == (f"asset:{name}",)


def test_the_history_of_a_file_says_more_than_the_file_as_it_lies_there_now() -> None:
    """What a workflow names now it may have got since; its history says when."""
    story = FactStory()
    workflow(story, at("00:00"), at("12:00"), ("test", "THEN"))
    workflow(story, at("12:00"), at("23:00"), ("test", "NEW"))
    for file in (f"/src/api/{FILE}", "/src/api/.gitlab-ci.yml"):
        story.look(
            REPOSITORY,
            kind=AssetKind.REPOSITORY,
            place=PlaceKind.SECRETS,
            start=at("23:00"),
            locator=file,
            identities=tuple(
                Identity(kind="ci-secret", name=f"{name}{file[-5]}", locator=f"{file}, job test",
                         local=True)
                for name in ("THEN", "NEW")
            ),
        )  # fmt: skip
    run(story)
    # Of the other file there is no history: when it named what, nobody knows.
    assert taken(ask(story)) == {"THEN", "THENi", "NEWi"}


def test_a_rotation_ends_it_and_the_clients_data_lies_open_until_then() -> None:
    story = FactStory()
    workflow(story, at("00:00"), at("12:00"), ("test", "KEY"))
    key = f"identity:ci-secret/{REPOSITORY}/KEY"
    story.fact(Relation.OPENS, key, "dataset:speech", from_lo="2026-01-01T00:00:00Z")
    story.fact(Relation.BELONGS_TO, "dataset:speech", "client:Acme", from_lo="2026-01-01T00:00:00Z")
    story.fact(Relation.ROTATED, key, key, from_lo="2026-03-24T15:00:00Z",
               from_hi="2026-03-24T15:00:00Z")  # fmt: skip
    run(story)
    [client] = ask(story).reach.clients
    assert (client.entity, client.start, client.end) == ("client:Acme", at("10:41"), at("15:00"))


def test_a_clients_case_is_about_every_run_that_was_given_its_credential() -> None:
    story = FactStory()
    workflow(story, at("00:00"), at("10:50"), ("test", "KEY"), ("deploy", "OTHER"))
    workflow(story, at("10:50"), at("12:00"), ("deploy", "OTHER"))
    key = f"identity:ci-secret/{REPOSITORY}/KEY"
    story.fact(Relation.OPENS, key, "dataset:speech")
    story.fact(Relation.BELONGS_TO, "dataset:speech", "client:Acme")
    run(story)
    run(story, "deploy", name="ci/github/acme/api/2")
    story.run("ci/github/acme/api/3", start="10:51", lineage="ci/github/acme/api/test")
    story.run("ci/github/acme/api/4", start="10:41", lineage="ci/github/acme/api/test")
    facts, tx = story.facts(), story.log.size()
    given = {f"asset:{RUN}", "asset:ci/github/acme/api/4"}
    assert runs_given(facts, {key}, tx=tx) == given
    assert given <= scope_of_client("client:Acme", facts, tx=tx).assets
    assert "asset:ci/github/acme/api/2" not in scope_of_client("client:Acme", facts, tx=tx).assets
    assert runs_given(facts, {"identity:aws-access-key/x"}, tx=tx) == set()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=12),
    st.integers(0, 30),
    st.integers(0, 12),
)
def test_what_was_in_force_during_a_run_is_found_by_searching_as_by_comparing_all(
    spans: list[tuple[int, int]], start: int, length: int
) -> None:
    edges = [
        Edge(
            relation="holds",
            subject=f"asset:{REPOSITORY}",
            object=f"identity:ci-secret/{REPOSITORY}/S{number}",
            span=Span(lo, lo, lo + size, lo + size),
            evidence_class=4,
            entry=number,
            note=f"{FILE}, job test",
        )
        for number, (lo, size) in enumerate(spans)
    ]
    facts = Told(edges)
    one = Run(f"asset:{RUN}", frozenset({"ci/github/acme/api/test"}), start, start + length, 99)
    found = {(t.entries[1], t.start, t.end) for t in thefts_of_runs(facts, [one], tx=1)}
    end = start + max(length, 1)
    wanted = {
        (number, max(start, lo), min(end, lo + max(size, 1)))
        for number, (lo, size) in enumerate(spans)
        if lo < end and start < lo + max(size, 1)
    }
    assert found == wanted


class Told(OracleFacts):
    """One repository, of which just this is known."""

    def __init__(self, edges: list[Edge]) -> None:
        super().__init__()
        self.edges = edges

    def assets_by_name(self, names: Collection[str]) -> Sequence[AssetRow]:
        return [AssetRow(1, name, "repository", 0) for name in names]

    def holds(self, assets: Collection[int], start: int, end: int, *, tx: int) -> Sequence[Edge]:
        return self.edges
