"""`pratique vet` with a table of indicators, of the settings or of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.distributions import make_wheel
from pratique.doors.cli import cli
from pratique.errors import SettingsError

pytestmark = pytest.mark.slow  # most of them start vetting workers

TABLE = '[hosts]\n"collector.example" = "the case of last week"\n'
FILES = {"demo/__init__.py": "URL = 'https://collector.example/x'\n"}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    name, content = make_wheel("demo", "1.0", files=FILES)
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def run(home: Path, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"PRATIQUE_HOME": str(home)})
    return runner.invoke(cli, ["vet", "--format", "json", *map(str, arguments)])


def shown(result: Result) -> list[str]:
    [one] = json.loads(result.stdout)["files"]
    return [f["shown"] for f in one["report"]["findings"] if f["rule"] == "known-bad"]


@pytest.mark.slow
def test_a_table_of_the_command_line_and_one_of_the_settings(wheel: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text(TABLE, "utf-8")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    assert shown(run(home, wheel)) == []
    expected = ["collector.example: the case of last week"]
    assert shown(run(home, wheel, "--known-bad", table)) == expected
    (home / "ours.toml").write_text(TABLE, "utf-8")
    (home / "pratique.toml").write_text('[vet]\nknown_bad = "ours.toml"\n', "utf-8")
    assert shown(run(home, wheel)) == expected


def test_a_table_that_cannot_be_read_is_told(wheel: Path, tmp_path: Path) -> None:
    absent = run(tmp_path / "home", wheel, "--known-bad", tmp_path / "absent.toml")
    assert isinstance(absent.exception, SettingsError)
    assert "absent.toml" in str(absent.exception)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[hosts]\nabc = 'x'\n", "utf-8")
    told = run(tmp_path / "home", wheel, "--known-bad", wrong)
    assert isinstance(told.exception, SettingsError)
    assert "fewer than 6 characters" in str(told.exception)
