"""The command line as a whole: quick to start, helpful, and the same words everywhere."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pratique.doors.cli import _COMMANDS, cli, main

HEAVY = ("aiohttp", "sqlite3", "psycopg", "cryptography", "rich", "jinja2", "asyncio")
STARTS_WITHIN_SECONDS = 0.4


PRATIQUE = str(Path(sys.executable).with_name("pratique"))


def family(name: str) -> list[tuple[str, click.Command]]:
    """A command and its subcommands, with their full names."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    found = [(name, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            subcommand = command.get_command(context, sub)
            assert subcommand is not None
            found.append((f"{name} {sub}", subcommand))
    return found


def run_python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=30, check=False
    )


def test_help_starts_at_once() -> None:
    # Of CPU, and the best of several: the question is what we load, not how busy the machine is.
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run_python(PRATIQUE, "--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if spent[-1] < STARTS_WITHIN_SECONDS:
            break
    assert min(spent) < STARTS_WITHIN_SECONDS


def test_help_loads_nothing_heavy() -> None:
    result = run_python("-X", "importtime", PRATIQUE, "--help")
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_the_one_line_help_is_what_the_command_says_of_itself() -> None:
    for name, (_target, promised) in _COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        first = (command.help or "").strip().splitlines()[0]
        assert first == promised, name


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    for full, command in family(name):
        result = CliRunner().invoke(cli, [*full.split(), "--help"], prog_name="pratique")
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"Usage: pratique {full}")
        assert (command.help or "").strip(), full
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{full} {parameter.opts}"


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_answer_can_be_read_by_a_program(name: str) -> None:
    for full, command in family(name):
        if isinstance(command, click.Group):
            continue
        formats = [p for p in command.params if "--format" in p.opts]
        assert formats, f"pratique {full} has no --format"
        kind = formats[0].type
        assert isinstance(kind, click.Choice)
        assert {"text", "json"} <= set(kind.choices), full


def test_a_mistyped_command_is_answered_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["exposd"])
    assert stopped.value.code == 2
    shown = capfd.readouterr().err
    assert "No such command 'exposd'" in shown
    assert "Traceback" not in shown


def test_an_error_raised_on_purpose_exits_2_without_a_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pratique.toml").write_text("[door]\nlisten = 7\n")
    with pytest.raises(SystemExit) as stopped:
        main(["up", "--home", str(tmp_path)])
    assert stopped.value.code == 2
    shown = capfd.readouterr().err
    assert "pratique.toml" in shown
    assert "door.listen" in shown
    assert "to do:" in shown
    assert "Traceback" not in shown
