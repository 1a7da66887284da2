"""`pratique dataset check` looks at marks: what is broken, missing or foreign is told, and exits with 1."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit.marks import as_jsonl, mark, some_records
from kit.s3_door import Custodian, custodian
from pratique.custody.marks.layout import parse_layout
from pratique.custody.marks.records import LAYOUT_PART, VARIANT
from pratique.custody.model import ObjectId, StoredObject
from pratique.doors.cli import cli
from pratique.edge.custody.disk_parts import DiskParts
from pratique.edge.custody.operator_parts import OperatorParts


class Ground:
    """Two marked objects, one that has no marks, and ways to damage them."""

    def __init__(self, keeper: Custodian) -> None:
        self.keeper = keeper
        keeper.dataset()
        self.one = keeper.put("one.jsonl", as_jsonl(some_records(200, seed=1)))
        self.two = keeper.put("two.jsonl", as_jsonl(some_records(200, seed=2)))
        self.plain = keeper.put("plain.bin", b"x" * 1000)
        run = mark(keeper).run
        assert run is not None
        self.run = run

    def part(self, object_id: ObjectId, name: str) -> Path:
        return self.keeper.settings.home / "parts" / object_id[:2] / object_id / name

    def layout(self, stored: StoredObject) -> Path:
        return self.part(stored.id, f"{LAYOUT_PART}.{VARIANT}")

    def second(self, stored: StoredObject) -> Path:
        return self.part(stored.id, f"0.{VARIANT}")

    def sql(self, text: str, *values: object) -> None:
        with closing(sqlite3.connect(self.keeper.settings.home / "custody.db")) as database:
            assert database.execute(text, values).rowcount == 1
            database.commit()

    def rewrite(self, stored: StoredObject, part: int, data: bytes) -> None:
        """Write other bytes with good keys, as a restore of another day's parts would."""
        with closing(DiskParts(self.keeper.settings.home / "parts")) as parts:
            to = OperatorParts(parts, self.keeper.admin)
            asyncio.run(to.write(stored.id, stored.wrapped_key, part, VARIANT, data))

    def read(self, stored: StoredObject, part: int, size: int) -> bytes:
        with closing(DiskParts(self.keeper.settings.home / "parts")) as parts:
            found = OperatorParts(parts, self.keeper.admin).read(
                stored.id, stored.wrapped_key, part, VARIANT, plain=size
            )
            return bytes(asyncio.run(found))

    def layout_size(self, stored: StoredObject) -> int:
        return self.keeper.state.marked([stored.id])[stored.id].layout_size

    def check(self, *words: str) -> tuple[int, dict[str, Any]]:
        words = ("dataset", "check", *words, "--format", "json")
        result = CliRunner().invoke(cli, [*words, "--home", str(self.keeper.settings.home)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with custodian(tmp_path) as keeper:
        yield Ground(keeper)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _foreign_layout(ground: Ground) -> None:
    shutil.copy(ground.layout(ground.two), ground.layout(ground.one))


def _layout_of_another_run(ground: Ground) -> None:
    """Of the same length and readable, but its marks sit elsewhere."""
    size = ground.layout_size(ground.one)
    plain = ground.read(ground.one, LAYOUT_PART, size)
    made = parse_layout(plain)
    starts = made._starts
    other = plain.replace(starts.tobytes(), bytes([starts[0] % 256 ^ 1]) + starts.tobytes()[1:])
    assert len(other) == size
    assert other != plain
    ground.rewrite(ground.one, LAYOUT_PART, other)


def _second_forms_of_another_run(ground: Ground) -> None:
    size = parse_layout(
        ground.read(ground.one, LAYOUT_PART, ground.layout_size(ground.one))
    ).variant_size
    ground.rewrite(ground.one, 0, bytes(size))


DAMAGES: dict[str, tuple[Callable[[Ground], None], str]] = {
    "layout missing": (lambda g: g.layout(g.one).unlink(), "layout of its marks"),
    "layout cut": (lambda g: _cut(g.layout(g.one)), "layout of its marks"),
    "layout changed": (lambda g: _flip(g.layout(g.one)), "16777215.1"),
    "layout foreign": (_foreign_layout, "16777215.1"),
    "layout of another run": (_layout_of_another_run, "not the one that was stored for it"),
    "second missing": (lambda g: g.second(g.one).unlink(), "second forms of its marks"),
    "second cut": (lambda g: _cut(g.second(g.one)), "second forms of its marks"),
    "second changed": (lambda g: _flip(g.second(g.one)), "0.1"),
    "second foreign": (lambda g: shutil.copy(g.second(g.two), g.second(g.one)), "0.1"),
    "second of another run": (_second_forms_of_another_run, "not those that were stored for it"),
    "row lost": (
        lambda g: g.sql("DELETE FROM object_marks WHERE object = ?", g.one.id),
        "the database does not",
    ),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_what_an_objects_marks_stand_on_is_looked_at(ground: Ground, how: str) -> None:
    damage, says = DAMAGES[how]
    damage(ground)
    code, said = ground.check("--young-hours", "0")
    assert code == 1
    (damaged,) = said["damaged"]
    assert (damaged["dataset"], damaged["key"]) == ("dialogs", "one.jsonl")
    assert says in damaged["what"]
    assert said["orphans"] == []


INDEX_DAMAGES: dict[str, tuple[Callable[[Ground], None], str]] = {
    "missing": (lambda g: g.part(g.run.index, "0.0").unlink(), "missing"),
    "changed": (lambda g: _flip(g.part(g.run.index, "0.0")), "run 1"),
    "foreign": (lambda g: shutil.copy(g.part(g.one.id, "0.0"), g.part(g.run.index, "0.0")), "run 1"),
    "not the ledger's": (
        lambda g: g.sql("UPDATE mark_runs SET entry = 7 WHERE number = 1"), "ledger entry 7",
    ),
    "row changed": (
        lambda g: g.sql("UPDATE mark_runs SET index_sha256 = ?", "0" * 64), "SHA-256",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", INDEX_DAMAGES)
def test_indexes_are_looked_at(ground: Ground, how: str) -> None:
    damage, says = INDEX_DAMAGES[how]
    damage(ground)
    code, said = ground.check("dialogs", "--young-hours", "0")
    assert code == 1
    assert [one["object"] for one in said["damaged"]] == [ground.run.index], said["damaged"]
    assert says in said["damaged"][0]["what"]


def test_marks_that_hold(ground: Ground) -> None:
    code, said = ground.check("--young-hours", "0")
    assert (code, said["damaged"], said["orphans"]) == (0, [], [])
    assert (said["objects"], said["marked"], said["mark_indexes"]) == (3, 2, 1)
    ground.keeper.put("later.jsonl", as_jsonl(some_records(100, seed=3)))
    mark(ground.keeper)
    assert ground.check("--young-hours", "0")[1]["mark_indexes"] == 2


def test_what_an_interrupted_run_left_belongs_to_nothing(ground: Ground) -> None:
    """Second forms of an object that has no marks; what others have is not touched by a repair."""
    ground.rewrite(ground.plain, 0, b"second")
    ground.rewrite(ground.plain, LAYOUT_PART, b"layout")
    code, said = ground.check()
    assert (code, said["orphans"], said["young"]) == (0, [], 2)
    code, said = ground.check("--young-hours", "0")
    assert code == 1
    assert said["damaged"] == []
    expected = {f"{ground.plain.id[:2]}/{ground.plain.id}/{n}.1" for n in (0, LAYOUT_PART)}
    assert set(said["orphans"]) == expected
    assert ground.check("--young-hours", "0", "--repair")[1]["removed"] == 2
    code, said = ground.check("--young-hours", "0")
    assert (code, said["marked"]) == (0, 2)


def test_of_other_datasets_marks_are_left_alone(ground: Ground) -> None:
    ground.keeper.dataset("other")
    ground.layout(ground.one).unlink()
    code, said = ground.check("other", "--young-hours", "0")
    assert (code, said["damaged"], said["orphans"], said["mark_indexes"]) == (0, [], [], 0)


def _granted(ground: Ground, *words: str) -> list[str]:
    words = (
        "lease", "grant", "p-17", "--vendor", "acme", "--project", "coding", "--purpose", "labelling",
        "--budget", "1GiB", *words, "--format", "json",
    )  # fmt: skip
    result = CliRunner().invoke(cli, [*words, "--home", str(ground.keeper.settings.home)])
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["unmarked"])


def test_granting_says_what_a_lease_reads_without_marks(ground: Ground) -> None:
    (line,) = _granted(ground, "--dataset", "dialogs")
    assert "1 of 3 objects in dialogs have no marks, such as plain.bin" in line
    assert "CSV, plain text" in line
    assert _granted(ground, "--dataset", "dialogs/one") == []
    assert _granted(ground, "--dataset", "dialogs/nothing-yet/") == []
    own = ("--copy", "canonical", "--canonical-reason", "compares hashes")
    assert _granted(ground, "--dataset", "dialogs", *own) == []
    ground.keeper.dataset("notes")
    ground.keeper.put("a.csv", b"a,b\n1,2\n", dataset="notes")
    (line,) = _granted(ground, "--dataset", "notes")
    assert line.startswith("nothing in notes has marks: the lease reads canonical bytes")
