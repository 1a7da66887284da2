from __future__ import annotations

from pathlib import Path

import pytest

from kit.rule_pages import page_of, write_or_compare
from kit.specimens import load_specimens
from pratique.vet.analyses.kit import PythonAnalysis
from pratique.vet.analyses.registry import PYTHON_ANALYSES

SPECIMENS = load_specimens(Path(__file__).parent / "specimens")
RULES = Path(__file__).parents[3] / "docs" / "rules"


@pytest.mark.parametrize("analysis", PYTHON_ANALYSES, ids=lambda analysis: analysis.rule.name)
def test_the_page_of_a_rule_says_what_the_rule_says(
    analysis: PythonAnalysis, request: pytest.FixtureRequest
) -> None:
    name = analysis.rule.name
    example = next(s for s in SPECIMENS if s.rule == name and s.folder == "catches")
    write_or_compare(
        RULES / f"{name}.md",
        page_of(analysis.rule, example),
        write=request.config.getoption("--update-specimens"),
    )


@pytest.mark.parametrize("analysis", PYTHON_ANALYSES, ids=lambda analysis: analysis.rule.name)
def test_the_words_of_a_rule_read_as_sentences(analysis: PythonAnalysis) -> None:
    rule = analysis.rule
    for words in (rule.what, rule.danger, rule.benign):
        assert words[0].isupper()
        assert words.endswith(".")
    assert not rule.title.endswith(".")
    for trait in rule.traits.values():
        assert trait.sentence[0].islower()
        assert not trait.sentence.endswith(".")
    assert rule.techniques
