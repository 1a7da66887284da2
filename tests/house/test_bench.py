"""What a round of the benchmarks says: of bars that it does not judge it says neither met nor missed."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("harness")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def report(harness: ModuleType, *, small: bool, lost: int = 0, commits: int = 1) -> Any:
    made = harness.Report(name="probe", small=small)
    made.at_most("time", 12.0, 10, " s")  # missed in a whole round
    made.at_least("rate", 500.0, 400, "/s")  # met in a whole round
    made.at_most("lost", lost, 0)
    made.at_most("commits", commits, 1, at_any_size=True)
    return made


def said(text: str, what: str) -> str:
    """The mark before one bar."""
    return next(
        line.split(f"{what}:")[0].strip() for line in text.splitlines() if f"{what}:" in line
    )


def test_a_small_round_judges_only_what_holds_at_any_size(
    harness: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(harness, small=True).finish() == 0
    text = capsys.readouterr().out
    marks = {what: said(text, what) for what in ("time", "rate", "lost", "commits")}
    assert marks == {"time": "not judged", "rate": "not judged", "lost": "met", "commits": "met"}
    assert harness.SMALL_ROUND in text


@pytest.mark.parametrize("broken", [{"lost": 1}, {"commits": 2}])
def test_a_small_round_fails_where_such_a_bar_is_missed(
    harness: ModuleType, capsys: pytest.CaptureFixture[str], broken: dict[str, int]
) -> None:
    assert report(harness, small=True, **broken).finish() == 1
    assert said(capsys.readouterr().out, next(iter(broken))) == "MISSED"


def test_a_whole_round_judges_every_bar(
    harness: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(harness, small=False).finish() == 1
    text = capsys.readouterr().out
    assert (said(text, "time"), said(text, "rate")) == ("MISSED", "met")
    assert "judged" not in text


def test_a_small_round_leaves_the_figures_of_a_whole_one_alone(
    harness: ModuleType, tmp_path: Path
) -> None:
    report(harness, small=False).finish()
    report(harness, small=True, lost=1).finish()
    whole = json.loads((tmp_path / "probe.json").read_text("utf-8"))
    assert (whole["small"], [bar["value"] for bar in whole["bars"]][2]) == (False, 0)


@pytest.mark.parametrize(("small", "ended"), [(True, "ran"), (False, "met")])
def test_the_list_of_rounds_says_met_only_of_whole_ones(
    harness: ModuleType, monkeypatch: pytest.MonkeyPatch, small: bool, ended: str
) -> None:
    run = importlib.import_module("run")
    done = subprocess.CompletedProcess([], 0, stdout="a table" if small else None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    printed = "a table" if small else ""
    assert run.run("parties_audit", small=small) == (f"{ended} (0 s)", printed)
    assert run.run("cook", small=small) == ("ran (0 s)", printed)  # it has no bars


def test_every_benchmark_keeps_its_figures_under_its_own_name(harness: ModuleType) -> None:
    run = importlib.import_module("run")
    for name in set(run.BENCHMARKS) - run.ALWAYS_QUICK:
        text = (BENCHMARKS / f"{name}.py").read_text("utf-8")
        assert f'name="{name}"' in text, f"{name}: --record would not find its figures"


@pytest.mark.usefixtures("harness")
def test_small_rounds_run_beside_each_other_and_are_told_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(2, timeout=20)

    def run(name: str, *, small: bool) -> tuple[str, str]:
        assert small
        together.wait()
        return "ran (0 s)", f"{name} said\n"

    rounds = importlib.import_module("run")
    monkeypatch.setattr(rounds, "run", run)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert dict(rounds.small_round(["b", "a"])) == {"b": "ran (0 s)", "a": "ran (0 s)"}
    assert capsys.readouterr().out == "\n== b\nb said\n\n== a\na said\n"
