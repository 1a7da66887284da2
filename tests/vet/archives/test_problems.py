"""Every code that the reader can report is explained, and every explained code can be reported."""

from __future__ import annotations

import re
from pathlib import Path

import pratique.vet.archives
from pratique.vet.archives.problems import PROBLEMS

SOURCES = Path(pratique.vet.archives.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "explain" / "archive-reading.md"


def test_each_code_is_used_and_no_other() -> None:
    text = "".join(p.read_text("utf-8") for p in SOURCES.glob("*.py") if p.name != "problems.py")
    assert {code for code in PROBLEMS if f'"{code}"' not in text} == set()
    reported = set(re.findall(r'problems?\(?\.?a?d?d?\(\s*"([a-z0-9-]+)"', text))
    assert reported <= set(PROBLEMS)
    assert len(reported) > 40, "the pattern above still finds where problems are reported"


def test_each_code_is_on_the_page_with_its_class() -> None:
    page = PAGE.read_text("utf-8")
    for code, kind in PROBLEMS.items():
        assert f"| `{code}` | {kind.problem_class} |" in page, code


def test_sentences_are_sentences() -> None:
    for kind in PROBLEMS.values():
        assert kind.sentence.endswith(".")
        assert "  " not in kind.sentence
