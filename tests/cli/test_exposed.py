"""`pratique exposed` against a real log: exit codes, both formats, and how fast it is."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.door_story import T0, Story, row
from pratique.doors.cli import cli
from pratique.errors import PratiqueError, SettingsError
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.logs import open_log

BAD = row("litellm-1.82.7-py3-none-any.whl", "1.82.7")
SPAN = ("--from", "2026-03-24T10:00:00Z", "--to", "2026-03-24T10:30:00Z")


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["exposed", *words, "--home", str(home)])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Story], Path]:
    """Puts a story into a real log, each entry at its own time."""

    def put(story: Story) -> Path:
        log = open_log(Settings(home=tmp_path))
        for e in story.log.kept:
            draft = Draft(kind=e.kind, subject=e.subject, actor=e.actor, body=e.body)
            log.append([draft], now=e.recorded_at)
        log.close()
        return tmp_path

    return put


def half_an_hour() -> Story:
    story = Story()
    story.watch("start")
    story.token("ci")
    view = story.view("litellm", [BAD])
    story.page("asset:old", "litellm", view)
    story.watched(minutes=31)
    return story


def test_nothing_fetched_under_full_coverage_is_exit_code_0(
    write: Callable[[Story], Path],
) -> None:
    home = write(half_an_hour())
    result = run(home, "litellm==1.82.6", *SPAN)
    assert result.exit_code == 0, result.output
    assert "cleared 2" in result.stdout
    assert "the door watched during the whole span" in result.stdout


def test_something_fetched_is_exit_code_1_and_names_it(write: Callable[[Story], Path]) -> None:
    story = half_an_hour()
    story.now = T0 + timedelta(minutes=10)
    sequence = story.deliver("asset:ci", "litellm", BAD)
    home = write(story)
    result = run(home, "litellm==1.82.7,1.82.8", *SPAN)
    assert result.exit_code == 1, result.output
    assert "asset:ci  confirmed  2026-03-24T10:10:00Z  once" in result.stdout
    found = json.loads(run(home, "--sha256", BAD.sha256, *SPAN, "--format", "json").stdout)
    assert found["counts"]["confirmed"] == 1
    assert found["assets"][0]["entries"] == [sequence]


@pytest.mark.parametrize("words", [("litellm==1.82.6",), ("litellm==1.82.7", *SPAN)])
def test_what_nobody_can_know_is_exit_code_3(
    write: Callable[[Story], Path], words: tuple[str, ...]
) -> None:
    # Without --from nobody watched at the beginning; with it, an asset was offered the file.
    assert run(write(half_an_hour()), *words).exit_code == 3


def test_an_answer_as_known_earlier_ignores_what_came_later(
    write: Callable[[Story], Path],
) -> None:
    story = half_an_hour()
    before = story.log.size() - 1
    story.deliver("asset:ci", "litellm", BAD)
    home = write(story)
    words = ("litellm==1.82.7", "--from", "2026-03-24T10:00:00Z", "--format", "json")
    then = json.loads(run(home, *words, "--as-known-at", str(before)).stdout)
    assert (then["fetched"], then["ledger_entries"]) == (False, before + 1)
    assert run(home, *words).exit_code == 1
    result = run(home, *words, "--as-known-at", "99999")
    assert isinstance(result.exception, PratiqueError)
    assert "no entry 99999" in str(result.exception)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("litellm",),
        ("litellm==1.0", "--from", "yesterday"),
        ("litellm==1.0", "--from", "2026-03-25", "--to", "2026-03-24"),
        ("litellm==1.0", "--from", "2026-03-25T10:00:00"),
        ("--sha256", "abc"),
    ],
)
def test_wrong_input_is_said_and_nothing_is_answered(
    write: Callable[[Story], Path], words: tuple[str, ...]
) -> None:
    result = run(write(half_an_hour()), *words)
    assert isinstance(result.exception, PratiqueError)
    assert result.exception.expected
    assert result.stdout == ""


def test_a_home_without_a_ledger_is_said(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", "litellm==1.0")
    assert isinstance(result.exception, SettingsError)
    assert not (tmp_path / "nowhere").exists()


def _cpu_seconds(command: list[str], *, code: int) -> float:
    """CPU of a process from start to end: the least of three, since neighbours only add."""
    costs = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == code, done.stderr
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs)


@pytest.mark.slow
def test_an_answer_costs_little_more_than_starting_python(
    write: Callable[[Story], Path],
) -> None:
    home = write(half_an_hour())
    program = [sys.executable, "-c", "from pratique.doors.cli import main; main()"]
    question = ["exposed", "litellm==1.82.7", "--home", str(home), "--format", "json"]
    libraries = "import click, cryptography.exceptions, msgspec, packaging.utils, sqlite3"
    base = _cpu_seconds([sys.executable, "-c", libraries], code=0)
    assert _cpu_seconds(program + question, code=3) < 4 * base


def test_a_question_loads_neither_web_server_nor_postgres(tmp_path: Path) -> None:
    code = (
        "import sys, pratique.doors.cli.exposed, pratique.store.segment_log;"
        "heavy = {'aiohttp', 'psycopg', 'jinja2', 'rich', 'asyncio'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
