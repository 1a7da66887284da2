"""`pratique exposed --counts`: the first figures agree with the whole answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.errors import InputError
from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Identity,
    Item,
    Look,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.settings import Settings
from pratique.store.logs import open_log

AT = datetime(2026, 3, 24, 10, 45, tzinfo=UTC)


def environment(name: str, version: str) -> Look:
    item = Item(type="pypi", name="litellm", version=version)
    return Look(
        asset=name,
        asset_kind=AssetKind.ENVIRONMENT,
        place_kind=PlaceKind.ENVIRONMENT,
        locator="/srv/.venv",
        at_lo=AT,
        at_hi=AT,
        sightings=(Sighting(item=item, stage=Stage.INSTALLED),),
        identities=(Identity(kind="env", name="TOKEN"),),
        evidence_class=EvidenceClass.OBSERVED,
        collector="sweep/environments",
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    log = open_log(Settings(home=tmp_path))
    token = "identity:env/TOKEN"
    drafts = facts_drafts(
        [
            Fact(relation=Relation.OPENS, subject=token, object="dataset:d"),
            Fact(relation=Relation.BELONGS_TO, subject="dataset:d", object="client:c"),
        ],
        source="test",
        actor="operator:test",
    )
    for name, version in (("one", "1.82.7"), ("two", "1.82.7"), ("three", "1.82.70")):
        look = environment(name, version)
        drafts += look_drafts(look, base=None, is_recorded=lambda _: False)
    log.append(drafts, now=AT + timedelta(minutes=5))
    log.close()
    return tmp_path


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["exposed", *words, "--home", str(home)])


def test_counts_are_those_of_the_whole_answer(home: Path) -> None:
    counted = run(home, "litellm==1.82.7", "--counts", "--format", "json")
    whole = run(home, "litellm==1.82.7", "--format", "json")
    assert counted.exit_code == whole.exit_code == 1
    figures, answer = json.loads(counted.stdout), json.loads(whole.stdout)
    seen = {word: answer["counts"][word] for word in ("confirmed", "probable", "possible")}
    assert figures["counts"] == {**seen, "not_judged": 1}
    assert sum(seen.values()) == 2
    assert figures["stages"] == answer["stages"]
    assert figures["facts"] == answer["facts"]
    reach = answer["reach"]
    assert {kind: one["count"] for kind, one in figures["one_step"].items()} == {
        "identity": len(reach["identities"]),
        "dataset": len(reach["datasets"]),
        "client": len(reach["clients"]),
    }
    assert figures["one_step"]["client"]["first"] == reach["clients"][0]["start"]


def test_nothing_seen_clears_nobody(home: Path) -> None:
    result = run(home, "litellm==1.0.0", "--counts")
    assert result.exit_code == 3
    assert "not judged 3" in result.stdout
    assert "nobody cleared" in result.stdout
    assert "one step" not in result.stdout.replace("only one step", "")


def test_text_names_what_lies_one_step_away(home: Path) -> None:
    result = run(home, "litellm==1.82.7", "--counts")
    assert "1 identity (first " in result.stdout
    assert "1 dataset (first " in result.stdout
    assert "1 client (first " in result.stdout


def test_other_forms_are_refused(home: Path) -> None:
    result = run(home, "litellm==1.82.7", "--counts", "--format", "sarif")
    assert isinstance(result.exception, InputError)


def test_the_past_is_counted_as_it_was(home: Path) -> None:
    result = run(home, "litellm==1.82.7", "--counts", "--format", "json", "--as-known-at", "0")
    assert json.loads(result.stdout)["counts"]["confirmed"] == 0


# What a question about first figures has no use for. Each of these was once loaded by it.
NOT_FOR_COUNTING = {
    "_cffi_backend", "aiohttp", "asyncio", "cryptography", "jinja2", "platformdirs", "psycopg", "rich",
    "semver", "shutil", "tempfile", "tomllib", "yaml",
    "pratique.edge", "pratique.exposure.answer", "pratique.exposure.blast",
    "pratique.exposure.difference", "pratique.exposure.door_lines", "pratique.exposure.fleet",
    "pratique.exposure.gather", "pratique.exposure.incident_report", "pratique.exposure.others",
    "pratique.exposure.reach", "pratique.exposure.standing", "pratique.exposure.watch_book",
    "pratique.exposure.why", "pratique.ledger.merkle", "pratique.ledger.notes",
    "pratique.store.batch", "pratique.store.incidents", "pratique.store.inventory_contents",
    "pratique.store.inventory_rules", "pratique.store.presence_reader",
    "pratique.store.presence_rows", "pratique.store.segment_log", "pratique.store.watch_cache",
}  # fmt: skip


def test_first_figures_load_only_what_they_need(home: Path) -> None:
    run(home, "litellm==1.82.7", "--counts")  # opens the log, and brings the projection up to date
    code = (
        "import sys; from pratique.doors.cli import cli\n"
        "try: cli.main(args=sys.argv[1:])\n"
        "except SystemExit as end: print('exit', end.code, *sys.modules)"
    )
    words = ["exposed", "litellm==1.82.7", "--counts", "--format", "json", "--home", str(home)]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[:2] == ["exit", "1"]
    assert set(loaded) & NOT_FOR_COUNTING == set()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("litellm==1.82.7", "--counts"), 1),
        (("litellm==9.9", "--counts"), 3),
        (("litellm==1.82.7",), 1),
        ((), 2),
    ],
)
def test_the_program_says_all_of_it_and_ends_with_its_code(
    home: Path, words: tuple[str, ...], code: int
) -> None:
    """The process ends at once; through a pipe nothing of what it says may be lost."""
    program = [sys.executable, "-c", "from pratique.doors.cli import main; main()", "exposed"]
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [*program, *words, "--home", str(home), "--format", "json"],
        capture_output=True, text=True, check=False, timeout=60, env=environ,
    )  # fmt: skip
    assert done.returncode == code
    if words:
        assert "counts" in json.loads(done.stdout)
    else:
        assert "nothing to look for" in done.stderr
