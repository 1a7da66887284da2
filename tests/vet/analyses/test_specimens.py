from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.specimens import Specimen, load_specimens
from pratique.vet.analyses.registry import PYTHON_ANALYSES, run_analyses
from pratique.vet.model import Sign
from pratique.vet.python.reader import read_python

SPECIMENS = load_specimens(Path(__file__).parent / "specimens")
RULES = {analysis.rule.name: analysis for analysis in PYTHON_ANALYSES}


def signs_of(specimen: Specimen) -> tuple[Sign, ...]:
    signs, unfinished = run_analyses(read_python(specimen.source), (RULES[specimen.rule],))
    assert unfinished == ()
    return signs


def rendered(signs: tuple[Sign, ...]) -> str:
    rows = [
        {
            "trait": sign.trait,
            "line": sign.line,
            "column": sign.column,
            "layer": sign.layer,
            "excerpt": sign.excerpt,
            "shown": sign.shown,
        }
        for sign in signs
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_specimen_shows_what_its_folder_promises(
    specimen: Specimen, request: pytest.FixtureRequest
) -> None:
    signs = signs_of(specimen)
    traits = {sign.trait for sign in signs}
    if specimen.folder == "ignores":
        assert traits.isdisjoint(specimen.traits)
    else:
        assert specimen.traits <= traits
    if request.config.getoption("--update-specimens"):
        specimen.snapshot.write_text(rendered(signs), "utf-8")
    assert specimen.snapshot.read_text("utf-8") == rendered(signs)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize(
    "folders", [("catches", "disguised"), ("ignores",)], ids=["catch", "ignore"]
)
def test_every_trait_is_proven(rule: str, folders: tuple[str, ...]) -> None:
    shown = {
        trait
        for specimen in SPECIMENS
        if specimen.rule == rule and specimen.folder in folders
        for trait in specimen.traits
    }
    assert shown == set(RULES[rule].rule.traits)


def test_every_rule_sees_through_a_disguise() -> None:
    disguised = {specimen.rule for specimen in SPECIMENS if specimen.folder == "disguised"}
    assert disguised == set(RULES)


def test_specimens_name_no_live_host() -> None:
    for specimen in SPECIMENS:
        assert "pypi" + ".org" not in specimen.source.decode()
