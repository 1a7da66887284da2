"""`pratique audits`: overruling verdicts, and sharing what was found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.policy.model import Verdict, VettingFacts
from pratique.settings import load_settings
from pratique.store.control import open_control
from pratique.store.logs import open_log
from pratique.values.digests import Sha256

FILE = Sha256("ab" * 32)
OTHER = Sha256("cd" * 32)


def run(home: Path, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"PRATIQUE_HOME": str(home)})
    return runner.invoke(cli, ["audits", *map(str, arguments)])


def add(home: Path, digest: str = FILE, verdict: str = "clean", reviewer: str = "Ada") -> str:
    told = run(
        home, "add", digest, "--verdict", verdict, "--reason", "read all of it", "--reviewer", reviewer,
        "--filename", "demo-1.0.tar.gz", "--format", "json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    identifier: str = json.loads(told.output)["id"]
    return identifier


def decided(home: Path, digest: Sha256 = FILE) -> VettingFacts | None:
    control = open_control(load_settings(home, environ={}))
    try:
        return control.vettings([digest]).get(digest)
    finally:
        control.close()


def test_an_audit_decides_until_it_is_revoked(tmp_path: Path) -> None:
    identifier = add(tmp_path, verdict="malicious")
    found = decided(tmp_path)
    assert found is not None
    assert found.verdict is Verdict.MALICIOUS
    assert found.headline == "reviewed by Ada: read all of it"
    assert identifier in run(tmp_path, "list").output
    assert run(tmp_path, "revoke", identifier).exit_code == 0
    assert decided(tmp_path) is None
    again = run(tmp_path, "revoke", identifier)
    assert "no living audit" in str(again.exception)


def test_the_newest_of_our_own_audits_counts(tmp_path: Path) -> None:
    add(tmp_path, verdict="malicious")
    add(tmp_path, verdict="clean", reviewer="Grace")
    found = decided(tmp_path)
    assert found is not None
    assert (found.verdict, "Grace" in found.headline) == (Verdict.CLEAN, True)


def test_every_audit_is_in_the_ledger(tmp_path: Path) -> None:
    identifier = add(tmp_path)
    run(tmp_path, "revoke", identifier)
    log = open_log(load_settings(tmp_path, environ={}))
    entries = [e for e in log.entries(0, log.size()) if e.kind == "verdict"]
    log.close()
    assert [(e.body["source"], e.body["revoked"]) for e in entries] == [
        (f"audit:{identifier}", False),
        (f"audit:{identifier}", True),
    ]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    there = tmp_path / "there"
    add(there, verdict="malicious")
    revoked = add(there, OTHER)
    run(there, "revoke", revoked)
    file = tmp_path / "audits.txt"
    assert run(there, "export", "--output", file).exit_code == 0
    return file


def key_of(home: Path) -> Path:
    return home / "ledger" / "verifier-key"


def test_others_take_over_what_was_signed(tmp_path: Path, exported: Path) -> None:
    here = tmp_path / "here"
    told = run(here, "import", exported, "--key", key_of(tmp_path / "there"), "--format", "json")
    assert json.loads(told.output) == {"read": 1, "taken_over": 1, "known_or_our_own": 0}
    found = decided(here)
    assert found is not None
    assert found.verdict is Verdict.MALICIOUS
    assert "pratique.local/ledger" in found.headline
    again = run(here, "import", exported, "--key", key_of(tmp_path / "there"))
    assert "0 taken over" in again.output
    # What was taken over is not handed on as one's own.
    assert '"sha256"' not in run(here, "export").output


def test_our_own_audit_goes_first_and_of_others_the_strictest(
    tmp_path: Path, exported: Path
) -> None:
    here = tmp_path / "here"
    add(here, verdict="clean")
    run(here, "import", exported, "--key", key_of(tmp_path / "there"))
    found = decided(here)
    assert found is not None
    assert found.verdict is Verdict.CLEAN


@pytest.mark.parametrize("change", ["byte", "line", "key", "cut", "other text"])
def test_nothing_is_taken_over_that_was_not_signed(
    tmp_path: Path, exported: Path, change: str
) -> None:
    here, key = tmp_path / "here", key_of(tmp_path / "there")
    text = exported.read_text("utf-8")
    match change:
        case "byte":
            exported.write_text(text.replace("malicious", "clean"), "utf-8")
        case "line":
            exported.write_text(text + text.splitlines()[-1] + "\n", "utf-8")
        case "key":
            add(tmp_path / "stranger")
            key = key_of(tmp_path / "stranger")
        case "cut":
            exported.write_text(text.split("{")[0], "utf-8")
        case _:
            exported.write_text("hello\n", "utf-8")
    told = run(here, "import", exported, "--key", key)
    assert told.exit_code != 0
    assert decided(here) is None


def test_bad_input_is_told(tmp_path: Path) -> None:
    told = run(tmp_path, "add", "xyz", "--verdict", "clean", "--reason", "x", "--reviewer", "y")
    assert told.exception is not None
    assert "SHA-256" in str(told.exception)
    empty = run(tmp_path, "add", FILE, "--verdict", "clean", "--reason", " ", "--reviewer", "y")
    assert "cannot be used" in str(empty.exception)
