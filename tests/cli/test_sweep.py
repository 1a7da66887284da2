"""`pratique sweep` from the command line: exit codes, both formats, and a killed process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.waiting import happens
from pratique.doors.cli import cli
from pratique.errors import InputError

LOG = "".join(
    f"2026-03-24T10:45:{second}.1234567Z {line}\n"
    for second, line in (
        (10, "Current runner version: '2.333.0'"),
        (11, "Syncing repository: acme/api"),
        (12, "Successfully installed litellm-1.82.8 idna-3.7"),
        (13, "Cleaning up orphan processes"),
    )
)


def run(home: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["sweep", *map(str, words), "--home", str(home)])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "88123.log"
    path.parent.mkdir()
    path.write_text(LOG)
    return path


def test_a_log_becomes_an_asset_that_can_be_asked(home: Path, log: Path) -> None:
    result = run(home, log, "--format", "json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["readers"]["ci-log"] == {"looks": 1, "items": 2, "identities": 0, "gaps": 0}
    assert told["recorded"]["first_entry"] == 0
    asked = CliRunner().invoke(
        cli, ["exposed", "litellm==1.82.8", "--home", str(home), "--format", "json"]
    )
    assert asked.exit_code == 1, asked.output
    assert "ci/github/acme/api/log-" in asked.output
    other = CliRunner().invoke(cli, ["exposed", "litellm==1.82.80", "--home", str(home)])
    assert other.exit_code != 1, other.output


def test_the_same_again_writes_one_entry(home: Path, log: Path) -> None:
    run(home, log)
    told = json.loads(run(home, log, "--format", "json").output)
    assert (told["recorded"]["first_entry"], told["recorded"]["last_entry"]) == (2, 2)
    assert told["recorded"]["contents"] == 0


def test_a_gap_is_exit_code_3_and_the_rest_is_read(home: Path, log: Path) -> None:
    (log.parent / "logs_2.zip").write_bytes(b"PK\x03\x04 cut")
    result = run(home, log, log.parent / "logs_2.zip", log.parent / "missing")
    assert result.exit_code == 3
    assert "no whole archive" in result.output
    assert "no such file" in result.output
    assert "2 items" in result.output


def test_what_a_recorded_advisory_names_is_exit_code_1(
    home: Path, log: Path, tmp_path: Path
) -> None:
    record = {
        "id": "MAL-2026-2144",
        "modified": "2026-03-25T00:00:00Z",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "litellm"}, "versions": ["1.82.8"]},
            {"package": {"ecosystem": "PyPI", "name": "idna"}, "versions": ["3.70"]},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(record))
    CliRunner().invoke(cli, ["advisory", "add", str(tmp_path / "a.json"), "--home", str(home)])
    result = run(home, log)
    assert result.exit_code == 1
    assert "KNOWN BAD: litellm 1.82.8 (installed): MAL-2026-2144" in result.output
    assert "idna" not in result.output


def test_wrong_options_are_exit_code_2(home: Path, log: Path, tmp_path: Path) -> None:
    for words in (
        [],
        [log, "--remote-push", "https://x.example"],
        [log, "--token-file", tmp_path / "t"],
        ["--watch", "--remote-push", "https://x.example", "--token-file", tmp_path / "t"],
        [log, "--kind", "toaster"],
    ):
        assert run(home, *words).exit_code == 2
    result = run(home, log, "--asset", "a\nb")
    assert "printable" in str(result.exception)


def test_the_output_of_hostile_names_rewrites_no_terminal(home: Path, tmp_path: Path) -> None:
    odd = tmp_path / "\x1b[2J\x1b]0;owned\x07.zip"
    odd.write_bytes(b"PK")
    result = run(home, odd)
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_an_unreachable_server_leaves_the_batches_in_the_spool(
    home: Path, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("pratique_canary")
    words = ("--remote-push", "http://127.0.0.1:9", "--token-file", tmp_path / "token")
    result = run(home, log, *words, "--format", "json")
    assert result.exit_code == 3
    told = json.loads(result.output)
    assert told["push"]["waiting"] == 1
    assert "cannot be reached" in told["push"]["trouble"]
    assert told["sweep"]["recorded"]["looks"] == 1
    assert not (home / "ledger").exists()
    again = json.loads(run(home, *words, "--format", "json").output)
    assert again["sweep"] is None
    assert again["push"]["waiting"] == 1
    for path in home.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes()


def _cpu_seconds(pid: int) -> float:
    """What a process has used; however busy the machine is, its work goes on with this."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_read(home: Path, tmp_path: Path, log: Path) -> None:
    for n in range(300):
        folder = tmp_path / "logs" / f"d{n:03}"
        folder.mkdir()
        (folder / "run.log").write_text(LOG.replace("idna-3.7", f"idna-3.{n}") * 200)
    program = Path(sys.executable).parent / "pratique"
    process = subprocess.Popen(
        [program, "sweep", tmp_path / "logs", "--home", home, "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert happens((home / "sweep" / "key").exists)
    begun = _cpu_seconds(process.pid)
    assert happens(lambda: process.poll() is not None or _cpu_seconds(process.pid) > begun + 0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    told = json.loads(out)
    if told["stopped"]:  # on a fast machine it may have been done already
        assert process.returncode == 3
        assert "stopped" in told["gaps"][-1]["why"]
    assert told["recorded"]["looks"] >= 1
    assert told["recorded"]["spooled"] == 0


@pytest.mark.slow
def test_a_watch_ends_on_sigterm_with_its_report(home: Path, log: Path) -> None:
    program = Path(sys.executable).parent / "pratique"
    process = subprocess.Popen(
        [program, "sweep", log.parent, "--watch", "--kind", "environment", "--asset", "box",
         "--home", home, "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert happens((home / "sweep" / "memory.json").exists)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    told = json.loads(out)
    assert process.returncode == 0, told
    assert told["whole"] is True
    assert told["recorded"]["looks"] >= 3


def test_an_unusable_home_is_a_clear_error(home: Path, log: Path) -> None:
    home.mkdir()
    (home / "sweep").write_text("a file where a folder belongs")
    result = run(home, log)
    assert "cannot make the key" in str(result.exception)
    assert not (home / "ledger").exists()


def test_what_nobody_looked_into_is_counted_and_all_is_not_said_to_be_read(
    home: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "readme.md").write_text("x")
    assert "nothing was left out" in run(home, tree).output
    (tree / "build.log").write_text("Successfully installed litellm-1.82.8\n")
    (tree / "a.zip").write_bytes(b"PK")
    result = run(home, tree)
    assert result.exit_code == 0, result.output
    assert "no reader looked into: 1 .log, 1 .zip" in result.output
    assert "nothing was left out" not in result.output
    told = json.loads(run(home, tree, "--format", "json").output)
    assert told["unread"] == {".log": 1, ".zip": 1}


def test_only_paths_that_are_not_there_are_a_mistake(home: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    result = run(home, missing)
    assert isinstance(result.exception, InputError)  # exit code 2, as of every one of these
    assert "there is nothing at" in result.exception.message
    (tmp_path / "tree").mkdir()
    assert run(home, missing, tmp_path / "tree").exit_code == 3


def test_a_waiting_batch_that_nobody_can_read_holds_up_nothing_and_is_told(
    home: Path, log: Path
) -> None:
    spool = home / "sweep" / "spool"
    spool.mkdir(parents=True)
    content = b'{"format":9,"drafts":[]}'
    name = f"0000000001-{hashlib.sha256(content).hexdigest()}.json"
    (spool / name).write_bytes(content)
    (spool / f"0000000002-{'0' * 64}.json").write_bytes(b"half")
    result = run(home, log)
    assert result.exit_code == 3, result.output
    assert "2 batches of an earlier sweep cannot be read" in result.output
    assert "format 9" in (spool / "refused" / f"{name}.why.txt").read_text()
    assert run(home, log).exit_code == 0
