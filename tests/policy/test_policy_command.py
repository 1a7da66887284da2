"""`pratique policy`: answers for people and programs, exit codes, errors without tracebacks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.policies import osv
from pratique.doors.cli import cli, main
from pratique.policy.default import default_policy_text


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, ["policy", *args], prog_name="pratique")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(default_policy_text())
    return tmp_path


def at(home: Path) -> tuple[str, str]:
    return "--home", str(home)


# ── check ────────────────────────────────────────────────────────────────────────────────────


def test_check_says_what_a_policy_would_mean(home: Path) -> None:
    answer = run("check", *at(home))
    assert answer.exit_code == 0, answer.output
    assert "policy.toml: fine" in answer.output
    assert "72 h" in answer.output


def test_check_of_a_home_without_a_policy_checks_the_default(tmp_path: Path) -> None:
    assert run("check", *at(tmp_path)).exit_code == 0


def test_check_reads_advisories_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "a.json").write_text(json.dumps(osv("MAL-1", "1.0")))
    file = tmp_path / "new.toml"
    file.write_text('[advisory]\npaths = ["osv"]')
    told = json.loads(run("check", str(file), "--format", "json").output)
    assert told["advisories"]["in_force"] == 1
    (tmp_path / "osv" / "b.json").write_text("{")
    answer = run("check", str(file))
    assert answer.exit_code == 3, "a record that nobody could read leaves part of the answer open"
    assert "b.json" in answer.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cool-down]\nhuors = 1\n", ["bad.toml:2", "did you mean 'hours'", "expected:"]),
        ("mode =", ["bad.toml:1", "not TOML"]),
        ('[advisory]\npaths = ["nowhere"]', ["no advisories at", "nowhere", "to do:"]),
    ],
)
def test_check_names_what_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, words: list[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        main(["policy", "check", str(file)])
    assert stopped.value.code == 2
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    for word in words:
        assert word in shown


def test_check_of_a_file_that_is_not_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    for name in ("missing.toml", "latin.toml"):
        with pytest.raises(SystemExit) as stopped:
            main(["policy", "check", str(tmp_path / name)])
        assert stopped.value.code == 2
        assert name in capfd.readouterr().err


# ── show ─────────────────────────────────────────────────────────────────────────────────────


def test_show_marks_what_the_file_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[cool-down]\nhours = 24")
    text = run("show", *at(tmp_path)).output
    assert re.search(r"cool-down\.hours +\= 24  # line 2", text)
    assert re.search(r"mode +\= \"enforce\"  # default", text)
    told = json.loads(run("show", *at(tmp_path), "--format", "json").output)
    by_key = {entry["key"]: entry for entry in told["keys"]}
    assert by_key["cool-down.hours"] == {
        "key": "cool-down.hours", "value": 24.0, "default": False, "line": 2,
    }  # fmt: skip
    assert by_key["yanked.outcome"]["default"] is True


# ── explain ──────────────────────────────────────────────────────────────────────────────────


def test_explain_a_held_release(home: Path) -> None:
    answer = run("explain", "Pratique_Test.Held==2.0", *at(home))
    assert answer.exit_code == 1, answer.output
    assert "hold by rule cool-down" in answer.output
    assert "what would change it:" in answer.output
    assert "pratique waiver" in answer.output


def test_explain_a_denied_release_for_programs(home: Path) -> None:
    answer = run("explain", "pratique-test-denied==2.0.0", *at(home), "--format", "json")
    assert answer.exit_code == 1
    told = json.loads(answer.output)
    (file,) = told["files"]
    assert file["decision"]["outcome"] == "deny"
    assert file["decision"]["evidence"] == ["MAL-0000-pratique-test"]
    assert [step["rule"] for step in file["steps"] if step["decides"]] == ["advisory"]


def test_explain_an_allowed_release(home: Path) -> None:
    answer = run("explain", "pratique-test-held==1.0", *at(home))
    assert answer.exit_code == 0
    assert "no rule objects" in answer.output


def test_explain_as_of_another_day(home: Path) -> None:
    answer = run("explain", "pratique-test-held==2.0", "--now", "2099-01-01", *at(home))
    assert answer.exit_code == 0, answer.output
    assert "2099-01-01T00:00:00Z" in answer.output


def test_explain_in_audit_mode_says_what_enforcement_would_do(home: Path) -> None:
    (home / "policy.toml").write_text('mode = "audit"')
    answer = run("explain", "pratique-test-held==2.0", *at(home))
    assert answer.exit_code == 0
    assert "enforcement would hold it" in answer.output


@pytest.mark.parametrize("form", ["text", "json"])
def test_explain_a_release_that_is_not_there(home: Path, form: str) -> None:
    answer = run("explain", "pratique-test-held==9.9", *at(home), "--format", form)
    assert answer.exit_code == 3
    assert "lists no file of this release" in answer.output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["litellm"], ["NAME==VERSION"]),
        (["litellm==one"], ["PEP 440"]),
        (["-x-==1.0"], ["No such option"]),
        (["li tellm==1.0"], ["project name"]),
        (["litellm==1.0", "--now", "soon"], ["RFC 3339"]),
        (["litellm==1.0", "--now", "2026-03-24T10:00"], ["time zone"]),
        (["pratique-test-held==1.0", "--index", "nope"], ["'nope'", "pypi"]),
    ],
)
def test_explain_refuses_what_is_no_question(
    home: Path, capfd: pytest.CaptureFixture[str], args: list[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["policy", "explain", *args, *at(home)])
    assert stopped.value.code == 2
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    for word in words:
        assert word in shown


def test_explain_when_the_upstream_does_not_answer(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "pratique.toml").write_text(
        '[[upstream]]\nname = "down"\nurl = "http://127.0.0.1:9/simple/"\nconnect_seconds = 0.2\n'
    )
    with pytest.raises(SystemExit) as stopped:
        main(["policy", "explain", "litellm==1.0", *at(home)])
    assert stopped.value.code == 3
    assert "Traceback" not in capfd.readouterr().err
