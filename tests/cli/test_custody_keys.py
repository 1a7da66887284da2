"""`pratique custody-key` and `pratique broker` against a real broker and a real ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kit.broker import running
from pratique.custody.errors import BrokerRefusedError
from pratique.doors.cli import cli
from pratique.errors import InputError
from pratique.settings import Settings
from pratique.store.logs import open_log


def run(home: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(home)], input=typed)


def answer(home: Path, *words: str) -> Any:
    result = run(home, *words, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def entries(home: Path) -> list[tuple[str, dict[str, Any]]]:
    with closing(open_log(Settings(home=home))) as log:
        return [(entry.subject, entry.body) for entry in log.entries() if entry.kind == "key"]


def test_the_life_of_a_key(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        answer(tmp_path, "custody-key", "make", "client:lab")
        answer(tmp_path, "custody-key", "make", "dataset:corpus", "--client", "lab")
        rotated = answer(tmp_path, "custody-key", "rotate", "lab", "--reason", "yearly")
        assert (rotated["generation"], rotated["datasets"]) == (2, ["corpus"])
        shown = run(tmp_path, "broker", "status")
        assert shown.exit_code == 0
        assert "1 of clients, 1 of datasets" in shown.output
        assert answer(tmp_path, "broker", "status")["pid"] == broker.pid

        refused = run(
            tmp_path, "custody-key", "destroy", "client:lab", "--reason", "r", typed="no\n"
        )
        assert isinstance(refused.exception, InputError)
        certificate = tmp_path / "shredded.json"
        destroyed = answer(
            tmp_path, "custody-key", "destroy", "client:lab", "--reason", "contract ended",
            "--confirm", "lab", "--certificate", str(certificate),
        )  # fmt: skip
        assert destroyed["datasets"] == ["corpus"]
        states = {(row["kind"], row["state"]) for row in answer(tmp_path, "custody-key", "list")}
        assert states == {("client", "destroyed"), ("dataset", "destroyed")}
    assert [
        (subject, body["action"], body["generation"]) for subject, body in entries(tmp_path)
    ] == [
        ("client:lab", "made", 1),
        ("dataset:corpus", "made", 1),
        ("client:lab", "rotated", 2),
        ("dataset:corpus", "destroyed", 1),
        ("client:lab", "destroyed", 2),
    ]
    checked = CliRunner().invoke(
        cli, ["verify", str(certificate), "--key", destroyed["verifier_key"], "--format", "json"]
    )
    assert checked.exit_code == 0
    proven = json.loads(checked.stdout)["entries"]
    assert [entry["subject"] for entry in proven] == ["dataset:corpus", "client:lab"]
    assert proven[0]["body"]["reason"] == "contract ended"


def test_a_destruction_that_was_not_written_down_can_be(tmp_path: Path) -> None:
    """The command died between the broker's deed and the ledger's entry."""
    with running(tmp_path) as broker:
        broker.make_keys()
        with broker.admin() as admin:
            admin.destroy_client("lab")
    words = ("--reason", "contract ended", "--confirm", "lab")
    again = answer(tmp_path, "custody-key", "destroy", "client:lab", *words)
    assert again["datasets"] == ["corpus", "images"]
    assert [subject for subject, _ in entries(tmp_path)] == [
        "dataset:corpus", "dataset:images", "client:lab",
    ]  # fmt: skip
    unknown = run(
        tmp_path, "custody-key", "destroy", "dataset:none", "--reason", "r", "--confirm", "none"
    )
    assert isinstance(unknown.exception, BrokerRefusedError)


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    for words in (
        ("make", "lab"), ("make", "vendor:x"), ("make", "client:"), ("make", "dataset:corpus"),
        ("make", "client:lab", "--client", "lab"), ("rotate", "dataset:corpus"), ("rotate", "vendor:x"),
    ):  # fmt: skip
        assert isinstance(run(tmp_path, "custody-key", *words).exception, InputError)
    assert not (tmp_path / "broker").exists()


def test_without_a_broker_commands_start_one(tmp_path: Path) -> None:
    answer(tmp_path, "custody-key", "make", "client:lab")
    stopped = run(tmp_path, "broker", "status", "--format", "json")
    assert stopped.exit_code == 1
    assert json.loads(stopped.stdout) == {"running": False}
    again = run(tmp_path, "custody-key", "make", "client:lab")
    assert isinstance(again.exception, BrokerRefusedError)
    assert len(entries(tmp_path)) == 1


def test_a_certificate_is_never_written_over_something(tmp_path: Path) -> None:
    answer(tmp_path, "custody-key", "make", "client:lab")
    kept = tmp_path / "kept"
    kept.write_text("mine")
    refused = run(
        tmp_path, "custody-key", "destroy", "client:lab", "--reason", "r", "--confirm", "lab",
        "--certificate", str(kept),
    )  # fmt: skip
    assert isinstance(refused.exception, InputError)
    assert kept.read_text() == "mine"
    assert [row["state"] for row in answer(tmp_path, "custody-key", "list")] == ["live"]


def serve(home: Path, *words: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("pratique")), "broker", "serve", *words]
    return subprocess.Popen(
        [*command, "--home", str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_master_key_that_is_missing_is_said(tmp_path: Path) -> None:
    answer(tmp_path, "custody-key", "make", "client:lab")
    (tmp_path / "broker" / "master.key").unlink()
    with serve(tmp_path) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "put it back from its copy" in said
    assert "Traceback" not in said
    assert not (tmp_path / "broker" / "master.key").exists()


def test_serving_says_how_it_is_confined_and_ends_when_told(tmp_path: Path) -> None:
    with serve(tmp_path, "--format", "json", "--require-confinement") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert "seccomp" in told["confinement"]
        assert answer(tmp_path, "broker", "status")["pid"] == process.pid
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")
    assert not (tmp_path / "broker" / "admin.sock").exists()
