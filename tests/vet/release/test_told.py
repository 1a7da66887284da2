"""What only the index knows of a release: ages of its new dependencies, changes of its provenance."""

from __future__ import annotations

import pytest

from evals.floors import with_floors
from kit.distributions import make_wheel
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import (
    ENGINE,
    Context,
    Finding,
    NewDependency,
    ProvenanceChange,
    Report,
    Verdict,
)
from pratique.vet.score import Table, Thresholds, Weights

OLD = {"demo/__init__.py": "VALUE = 1\n"}
LOST = ProvenanceChange(lost=True, sentence="it has no attestation, demo-1.0.whl has one")


def report_of(
    context: Context,
    *,
    files: dict[str, str] | None = None,
    first: bool = False,
    weights: Weights | None = None,
) -> Report:
    """What is said of the next release of demo."""
    before = make_wheel("demo", "1.0", files=OLD)
    name, data = make_wheel("demo", "1.1", files=files or OLD, requires=("plain-helper>=1",))
    base = None if first else facts_of(before[1], before[0])
    return vet_archive(data, name, base=base, context=context, weights=weights).report


def found(report: Report, rule: str) -> list[Finding]:
    return [one for one in report.findings if one.rule == rule]


def depending(age: int | None) -> Context:
    helper = NewDependency(project="plain-helper", age_days=age)
    return Context(project="demo", dependencies=(helper,))


@pytest.mark.parametrize(
    ("age", "trait", "words"),
    [
        (0, "newborn", "depends on plain-helper, first uploaded today"),
        (1, "newborn", "depends on plain-helper, first uploaded 1 day ago"),
        (3, "newborn", "depends on plain-helper, first uploaded 3 days ago"),
        (7, "young", "depends on plain-helper, first uploaded 7 days ago"),
        (59, "young", "depends on plain-helper, first uploaded 59 days ago"),
        (None, "unlisted", "depends on plain-helper, of which the index tells no upload"),
    ],
)
def test_a_young_dependency_is_told_with_its_age(age: int | None, trait: str, words: str) -> None:
    report = report_of(depending(age))
    [finding] = found(report, "young-dependency")
    assert (finding.trait, finding.shown) == (trait, words)
    assert finding.path.endswith("METADATA")
    assert finding.points > 0
    assert report.verdict is Verdict.CLEAN


def test_an_old_dependency_and_a_first_release_say_nothing() -> None:
    assert not found(report_of(depending(60)), "young-dependency")
    assert not found(report_of(depending(0), first=True), "young-dependency")


@pytest.mark.parametrize("lost", [True, False])
def test_a_change_of_provenance_is_shown_and_does_not_decide(lost: bool) -> None:
    change = ProvenanceChange(lost=lost, sentence="published from a/b, before from c/d")
    report = report_of(Context(project="demo", provenance=change))
    [finding] = found(report, "provenance-change")
    assert finding.trait == ("lost" if lost else "publisher")
    assert finding.shown == change.sentence
    assert report.verdict is Verdict.CLEAN


def test_everything_the_index_tells_raises_the_score() -> None:
    scores = [
        report_of(context).score
        for context in (
            Context(project="demo"),
            depending(3),
            Context(project="demo", provenance=LOST),
            Context(project="demo", provenance=LOST, dependencies=depending(3).dependencies),
        )
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[1] < scores[2] < scores[3]


def test_lost_provenance_raises_the_tier_of_what_weighs_little_by_itself() -> None:
    made = with_floors({"sinks:process@import": 4.0}, honest=frozenset(), way=5.2, digits=4)
    shown = {"sinks:process@import"} | {name for name in made if name.startswith("provenance")}
    table = Table(
        intercept=-3.0,
        weights={name: made[name] for name in shown},
        thresholds=Thresholds(suspicious=0.9, malicious=0.9999),
    )
    weights = Weights(engine=ENGINE, recipe="", tables={"first": table, "diff": table})
    starts = {"demo/__init__.py": "import subprocess\nsubprocess.run(['hostname'])\n"}
    lost = Context(project="demo", provenance=LOST)
    told = {
        (name, context is lost): report_of(context, files=files, weights=weights).verdict
        for name, files in (("as before", OLD), ("starts", starts))
        for context in (Context(project="demo"), lost)
    }
    assert told == {
        ("as before", False): Verdict.CLEAN,
        ("as before", True): Verdict.CLEAN,
        ("starts", False): Verdict.CLEAN,
        ("starts", True): Verdict.SUSPICIOUS,
    }
