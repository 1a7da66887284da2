from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading
from pratique.vet.analyses.registry import (
    MAX_ALIKE,
    MAX_SIGNS,
    PYTHON_ANALYSES,
    run_analyses,
)
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.reader import read_python

CATALOGUE = Path(roles.__file__).parents[1] / "catalogue.toml"
SOURCE = b"import os\n" + b"os.system('true')\n" * 5


def rule(name: str) -> Rule:
    return Rule(
        name=name,
        title="t",
        techniques=(),
        what="w.",
        danger="d.",
        benign="b.",
        traits={"t": trait("does", Severity.LOW, Confidence.LOW)},
    )


def every_process(reading: Reading) -> Iterator[Sign]:
    for call in reading.calls(roles.RUN):
        yield Signs(rule="good", reading=reading).at(call, "t")


def broken(reading: Reading) -> Iterator[Sign]:
    yield Signs(rule="bad", reading=reading).at(reading.file.calls[0], "t")
    raise ZeroDivisionError


def test_a_crash_is_named_and_hides_nothing() -> None:
    bad = PythonAnalysis(rule=rule("bad"), run=broken)
    good = PythonAnalysis(rule=rule("good"), run=every_process)
    signs, unfinished = run_analyses(read_python(SOURCE), (bad, good))
    assert unfinished == ("analysis bad failed: ZeroDivisionError",)
    assert {sign.rule for sign in signs} == {"bad", "good"}


def test_too_deep_code_is_unfinished() -> None:
    def deep(_reading: Reading) -> Iterator[Sign]:
        raise RecursionError
        yield

    _, unfinished = run_analyses(
        read_python(SOURCE), (PythonAnalysis(rule=rule("deep"), run=deep),)
    )
    assert unfinished == ("analysis deep: the code is nested too deeply",)


def test_alike_signs_are_kept_twice_a_region() -> None:
    good = PythonAnalysis(rule=rule("good"), run=every_process)
    signs, _ = run_analyses(read_python(SOURCE), (good,))
    assert len(signs) == MAX_ALIKE


def test_names_of_rules_differ_and_signs_have_their_traits() -> None:
    names = [analysis.rule.name for analysis in PYTHON_ANALYSES]
    assert len(set(names)) == len(names)


def test_every_role_asked_for_is_in_the_catalogue() -> None:
    known = set(tomllib.loads(CATALOGUE.read_text("utf-8"))["roles"])
    asked = {
        value for name, value in vars(roles).items() if name.isupper() and isinstance(value, str)
    }
    assert asked <= known


def test_signs_are_in_the_order_of_the_source_and_deterministic() -> None:
    file = read_python(SOURCE + b"import requests\nrequests.get('https://api.example/')\n")
    signs, _ = run_analyses(file)
    assert [s.line for s in signs] == sorted(s.line for s in signs)
    assert run_analyses(file) == (signs, ())


def test_harmless_signs_do_not_fill_an_analysis_ahead_of_a_deed() -> None:
    varied = "".join(f"subprocess.run(['tool', '{number}'])\n" for number in range(MAX_SIGNS + 50))
    source = f"import subprocess\n{varied}\n\ndef go():\n    subprocess.run(['last', 'of all'])\n\n\ngo()\n"
    good = PythonAnalysis(rule=rule("good"), run=every_process)
    signs, _ = run_analyses(read_python(source.encode()), (good,))
    assert MAX_SIGNS < len(signs) < MAX_SIGNS + 10
    assert any("of all" in sign.excerpt for sign in signs)
