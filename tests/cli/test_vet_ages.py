"""`pratique diff` and `pratique vet` tell how young a new dependency is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.distributions import make_wheel
from kit.shop import OLD
from kit.upstream import FakeUpstream
from pratique.doors.cli import cli

pytestmark = pytest.mark.slow  # most of them start vetting workers

PLAIN = {"demo/__init__.py": "VALUE = 1\n"}
REQUIRES = ("plain-helper>=1", "old-helper", "nobody-has-it; extra == 'more'")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    now = datetime.now(UTC)
    with FakeUpstream() as upstream:

        def publish(name: str, version: str, uploaded: datetime, *requires: str) -> None:
            filename, content = make_wheel(name, version, files=PLAIN, requires=requires)
            upstream.add_file(name, filename, content, upload_time=uploaded)

        publish("demo", "1.0", OLD)
        publish("demo", "1.1", now - timedelta(days=1), *REQUIRES)
        publish("plain-helper", "1.0", now - timedelta(days=3, hours=1))
        publish("old-helper", "1.0", now - timedelta(days=900))
        text = f'[[upstream]]\nname = "public"\nurl = "{upstream.url}"\n'
        (home / "pratique.toml").write_text(text, "utf-8")
        yield home


def ask(home: Path, *arguments: str) -> Any:
    told = CliRunner(env={"PRATIQUE_HOME": str(home)}).invoke(cli, list(arguments))
    return told.output if "json" not in arguments else json.loads(told.stdout)


def young(answer: Any) -> list[tuple[str, str]]:
    [one] = answer["files"]
    return [
        (finding["trait"], finding["shown"])
        for finding in one["report"]["findings"]
        if finding["rule"] == "young-dependency"
    ]


@pytest.mark.slow
def test_diff_says_how_old_new_dependencies_are(home: Path) -> None:
    told = ask(home, "diff", "demo", "1.0", "1.1", "--format", "json")
    assert young(told) == [("newborn", "depends on plain-helper, first uploaded 3 days ago")]
    assert "depends on plain-helper, first uploaded 3 days ago" in ask(
        home, "diff", "demo", "1.0", "1.1"
    )


@pytest.mark.slow
def test_vet_says_so_too_and_not_without_a_predecessor(home: Path) -> None:
    told = ask(home, "vet", "demo==1.1", "--format", "json")
    assert [trait for trait, _ in young(told)] == ["newborn"]
    alone = ask(home, "vet", "demo==1.1", "--against", "none", "--format", "json")
    assert young(alone) == []
