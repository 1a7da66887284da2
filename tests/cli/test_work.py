"""`pratique work` from a task to a delivery, with real stores, a real broker and the real tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.edge.custody.broker_admin import started_broker
from pratique.errors import InputError
from pratique.home import prepare_home
from pratique.settings import load_settings

PARTIES = """
own = {name = "mercury"}
vendor = [{name = "acme"}]
client = [{name = "lab"}]
[[project]]
name = "coding"
vendor = "acme"
client = "lab"
purpose = "labelling"
datasets = ["tasks"]
holders = ["p-17", "p-18"]
"""
ANSWER = "the capital of France is Paris and it lies on the river Seine in the north of it"
CANARY = "jane.canary@mail.com"
RECORDS = [{"a": f"ask {CANARY} about it"}, {"a": ANSWER}, {"a": ANSWER.upper()}]
PROJECT = ("--project", "acme/coding")


class Desk:
    """A home with a project, and the commands in it."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.home = where / "home"
        prepare_home(self.home)
        (where / "parties.toml").write_text(PARTIES)
        self.done("party", "import", str(where / "parties.toml"), "--yes")

    def run(self, *words: object) -> Result:
        return CliRunner().invoke(cli, [*map(str, words), "--home", str(self.home)])

    def done(self, *words: object) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def answered(self, *words: object) -> Any:
        return json.loads(self.done(*words, "--format", "json"))

    def file(self, name: str, *records: object) -> Path:
        path = self.where / name
        path.write_text("".join(json.dumps(one) + "\n" for one in records))
        return path

    def task(self) -> str:
        made = self.answered("work", "task", "acme/coding", "answer", "--dataset", "tasks")
        return str(made["id"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    return Desk(tmp_path)


@pytest.mark.slow
def test_from_a_task_to_a_delivery(desk: Desk) -> None:
    source = desk.file("answers.jsonl", *RECORDS)
    desk.done("work", "submit", desk.task(), source, "--by", "p-17")
    scanned = desk.answered("work", "scan", source, *PROJECT, "-o", desk.where / "scanned")
    assert scanned["found"] == {"EMAIL_ADDRESS": 1}
    assert CANARY not in (desk.where / "scanned" / "answers.jsonl").read_text()
    deduped = desk.answered(
        "work",
        "dedupe",
        desk.where / "scanned" / "answers.jsonl",
        *PROJECT,
        "-o",
        desk.where / "clean",
    )
    assert (deduped["records_in"], deduped["records_out"]) == (3, 2)
    clean = desk.where / "clean" / "answers.jsonl"
    settings = load_settings(desk.home, environ={})
    with started_broker(settings):
        desk.done(
            "dataset", "add", "tasks", desk.where / "clean", "--client", "lab",
            "--classification", "internal", "--purpose", "labelling",
        )  # fmt: skip
    refused = desk.run("work", "deliver", "tasks", *PROJECT, "-o", desk.where / "out")
    assert refused.exit_code == 1
    assert "nobody but who submitted it has accepted these bytes" in refused.stdout
    assert not (desk.where / "out").exists()
    own = desk.run("work", "review", clean, *PROJECT, "--by", "p-17", "--verdict", "accepted")
    assert isinstance(own.exception, InputError)
    desk.done("work", "review", clean, *PROJECT, "--by", "p-18", "--verdict", "accepted")
    delivered = desk.answered("work", "deliver", "tasks", *PROJECT, "-o", desk.where / "out")
    assert (delivered["files"], delivered["lacking"]) == (1, 0)

    statement = desk.where / "out" / "statement.json"
    shown = CliRunner().invoke(cli, ["verify", str(statement)]).stdout
    assert "every byte holds" in shown
    assert re.search(r"acme/coding: 1 file by \d recorded steps$", shown, re.MULTILINE)
    damaged = desk.where / "damaged.json"
    data = bytearray(statement.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert CliRunner().invoke(cli, ["verify", str(damaged)]).exit_code == 1
    described = json.loads((desk.where / "out" / "croissant.json").read_text())
    labels = [one["prov:label"] for one in described["prov:wasGeneratedBy"]]
    assert [label.split()[0] for label in labels] == [
        "submitted", "pii-scan", "near-duplicates", "reviewed", "registered", "sealed",
    ]  # fmt: skip
    traced = desk.answered("work", "trace", clean)
    assert (traced["people"], traced["lacks"]) == (["p-17"], [])
    for path in (desk.home / "ledger", desk.home / "evidence"):
        for found in path.rglob("*"):
            assert not found.is_file() or CANARY.encode() not in found.read_bytes(), found


@pytest.mark.slow
def test_what_cannot_be_looked_through_does_not_come_out(desk: Desk) -> None:
    picture = desk.where / "a.png"
    picture.write_bytes(b"\x89PNG\r\n")
    text = desk.file("b.jsonl", {"a": "words"})
    result = desk.run("work", "scan", picture, text, *PROJECT, "-o", desk.where / "out")
    assert result.exit_code == 3
    assert "a.png" in result.stderr
    assert [one.name for one in (desk.where / "out").iterdir()] == ["b.jsonl"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "code", "kept"), [("report", 1, 3), ("redact", 0, 3), ("drop", 0, 2)]
)
def test_modes(desk: Desk, mode: str, code: int, kept: int) -> None:
    source = desk.file("a.jsonl", *RECORDS)
    result = desk.run("work", "scan", source, *PROJECT, "-o", desk.where / "out", "--mode", mode)
    assert result.exit_code == code
    after = (desk.where / "out" / "a.jsonl").read_text()
    assert len(after.splitlines()) == kept
    assert (CANARY in after) is (mode == "report")
    assert CANARY not in result.output


@pytest.mark.slow
def test_a_damaged_file_leaves_nothing_behind(desk: Desk) -> None:
    good, bad = desk.file("a.jsonl", {"a": 1}), desk.where / "b.jsonl"
    bad.write_text('{"a": 1}\n{"a"')
    result = desk.run("work", "scan", good, bad, *PROJECT, "-o", desk.where / "out")
    assert isinstance(result.exception, InputError)
    assert "b.jsonl: line 2 is not JSON" in str(result.exception)
    assert [one for one in desk.where.iterdir() if "out" in one.name] == []
    assert desk.answered("work", "list")["work"] == []


def wrong(desk: Desk, task: str, source: Path) -> list[tuple[tuple[object, ...], str]]:
    return [
        (("work", "task", "acme/nothing", "x"), "no project"),
        (("work", "task", "acme/coding", "x", "--dataset", "faces"), "is not one of"),
        (("work", "task", "acme/coding", "x", "--assign", "p-99"), "is not a holder"),
        (("work", "submit", "T-NONE", source, "--by", "p-17"), "no task"),
        (("work", "submit", task, source), "what was handed in"),
        (("work", "submit", task), "what was handed in"),
        (("work", "submit", task, source, "--by", "p-99"), "is not a holder"),
        (("work", "submit", task, desk.where / "none", "--by", "p-17"), "cannot read"),
        (("work", "submit", task, "--sealed", "none"), "no dataset"),
        (
            ("work", "scan", source, source, *PROJECT, "-o", desk.where / "o"),
            "two files are called",
        ),
        (("work", "scan", source, *PROJECT, "-o", desk.where), "exists already"),
        (
            ("work", "review", source, *PROJECT, "--by", "b", "--verdict", "rejected"),
            "why is it rejected",
        ),
        (("work", "deliver", "faces", *PROJECT, "-o", desk.where / "o"), "is not a dataset of"),
        (("work", "deliver", "tasks", *PROJECT, "-o", desk.where / "o"), "no version"),
        (("work", "trace", "nothing"), "no file"),
    ]


def test_wrong_input_is_named_and_changes_nothing(desk: Desk) -> None:
    task = desk.task()
    source = desk.file("a.jsonl", {"a": 1})
    for words, said in wrong(desk, task, source):
        result = desk.run(*words)
        assert isinstance(result.exception, InputError), (words, result.output)
        assert said in str(result.exception), (words, result.exception)
    assert [one["id"] for one in desk.answered("work", "list")["work"]] == [task]


def test_what_nobody_knows_is_unknown(desk: Desk) -> None:
    result = desk.run("work", "trace", "0" * 64)
    assert result.exit_code == 3
    assert "nobody is known to have submitted" in result.stdout
