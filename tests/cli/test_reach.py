"""`pratique reach` against a real home: tables, listings, rotations, corrections."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.doors.cli.stores import open_stores
from pratique.errors import InputError

KEY = "identity:aws-access-key/ci-deploy"
CANARY = "c4n4ry-7Zq9XwLr2Kp5Vt8Bn3Ms6Hd1Fg"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["reach", *words, "--home", str(home)])


def answer(home: Path, *words: str) -> Any:
    result = run(home, *words, "--format", "json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(home: Path, *words: str) -> str:
    result = run(home, *words)
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def shown(home: Path, entity: str, *words: str) -> list[tuple[str, str, str]]:
    facts = answer(home, "show", entity, *words)["facts"]
    return [(one["subject"], one["relation"], one["object"]) for one in facts]


def log_size(home: Path) -> int:
    with open_stores(home) as stores:
        return stores.log.size()


def write(tmp_path: Path, text: str, name: str = "reach.csv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_the_template_can_be_imported_and_seen_from_both_ends(tmp_path: Path) -> None:
    home = tmp_path / "home"
    table = write(tmp_path, CliRunner().invoke(cli, ["reach", "template"]).output)
    assert answer(home, "import", table) == {
        "facts": 10, "recorded": 10, "known": 0, "dry_run": False,
    }  # fmt: skip
    assert shown(home, "asset:build-7") == [
        ("asset:build-7", "holds", KEY),
        ("asset:build-7", "fetches-through", "door:index"),
    ]
    assert ("dataset:speech-2026", "belongs-to", "client:acme") in shown(home, "client:acme")
    text = run(home, "show", KEY).output
    assert "rotated" in text
    assert "2026-03-25T09:00:00Z" in text


def test_the_same_table_again_records_nothing_unless_asked_to(tmp_path: Path) -> None:
    home = tmp_path / "home"
    table = write(tmp_path, CliRunner().invoke(cli, ["reach", "template"]).output)
    answer(home, "import", table)
    size = log_size(home)
    assert answer(home, "import", table)["known"] == 10
    assert log_size(home) == size
    ended = write(tmp_path, "relation,subject,object,from,to\n"
                  f"holds,asset:build-7,{KEY},2026-01-15T00:00:00Z,2026-05-01\n")  # fmt: skip
    assert answer(home, "import", ended)["recorded"] == 1, "it ended: that is news"
    assert answer(home, "import", ended, "--refresh")["recorded"] == 1


def test_a_wrong_table_and_a_dry_run_record_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    good = write(tmp_path, f"relation,subject,object\nholds,asset:a,{KEY}\n", "good.csv")
    bad = write(tmp_path, f"relation,subject,object\nholds,a,{KEY}\n", "bad.csv")
    size = log_size(home)
    assert "bad.csv" in refused(home, "import", good, bad)
    assert answer(home, "import", good, "--dry-run")["recorded"] == 0
    assert log_size(home) == size
    assert "--as csv" in refused(home, "import", write(tmp_path, "", "facts.txt"))
    assert "cannot read" in refused(home, "import", str(tmp_path / "none.csv"))


def test_a_rotation_and_its_proof(tmp_path: Path) -> None:
    home = tmp_path / "home"
    table = write(tmp_path, f"relation,subject,object\nholds,asset:a,{KEY}\n")
    answer(home, "import", table)
    told = answer(home, "rotated", KEY, "--at", "2026-03-25T09:00:00Z", "--source", "ticket 1")
    assert told["held_by"] == ["asset:a"]
    answer(home, "verified-dead", KEY, "--at", "2026-03-25T09:05:00Z")
    assert (KEY, "rotated", KEY) in shown(home, KEY)
    assert (KEY, "verified-dead", KEY) in shown(home, KEY)
    unknown = run(home, "rotated", "identity:env/NOBODY", "--at", "2026-03-25")
    assert unknown.exit_code == 0
    assert "is the name right" in unknown.stderr
    assert "in the future" in refused(home, "rotated", KEY, "--at", "2999-01-01")
    assert "of the kind asset" in refused(home, "rotated", "asset:a", "--at", "2026-01-01")


def test_what_was_wrong_is_taken_back_and_the_past_keeps_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    table = write(tmp_path, f"relation,subject,object\nholds,asset:a,{KEY}\n"
                  f"opens,{KEY},dataset:d\n")  # fmt: skip
    answer(home, "import", table)
    facts = answer(home, "show", KEY)["facts"]
    entry = facts[0]["entry"]
    before = log_size(home)
    answer(home, "retract", str(entry), "--fact", "1", "--reason", "it was another dataset")
    assert shown(home, KEY) == [("asset:a", "holds", KEY)]
    assert len(shown(home, KEY, "--as-known-at", str(before))) == 2
    answer(home, "retract", str(entry), "--reason", "all wrong")
    assert shown(home, KEY) == []
    assert "has no fact 7" in refused(home, "retract", str(entry), "--fact", "7", "--reason", "x")
    assert "is a retraction" in refused(home, "retract", str(entry + 1), "--reason", "x")
    assert "no entry 999" in refused(home, "retract", "999", "--reason", "x")
    assert "reason" in refused(home, "retract", str(entry), "--reason", " ")


def test_a_listing_is_a_look_and_a_later_one_ends_what_it_lacks(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secrets = [{"kind": "Secret", "metadata": {"name": name, "namespace": "ml"},
                "data": {"password": CANARY}} for name in ("db", "old")]  # fmt: skip
    path = write(tmp_path, json.dumps({"items": secrets}), "secrets.json")
    told = answer(home, "names", path, "--asset", "cluster-1", "--at", "2026-03-01")
    assert told["identities"] == 2
    write(tmp_path, json.dumps({"items": secrets[:1]}), "secrets.json")
    answer(home, "names", path, "--asset", "cluster-1", "--at", "2026-04-01")
    facts = {one["object"]: one for one in answer(home, "show", "asset:cluster-1")["facts"]}
    assert facts["identity:kubernetes-secret/ml/old"]["to_hi"] == "2026-04-01T00:00:00Z"
    assert facts["identity:kubernetes-secret/ml/db"]["to_hi"] is None
    for found in home.rglob("*"):
        if found.is_file():
            assert CANARY.encode() not in found.read_bytes(), found


def test_a_listing_is_dated_by_its_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = write(tmp_path, '["db"]', "kv.json")
    os.utime(path, (1_770_000_000, 1_770_000_000))
    told = answer(home, "names", path, "--asset", "vault", "--prefix", "kv/prod")
    assert told["at"] == "2026-02-02T02:40:00Z"
    assert shown(home, "asset:vault") == [
        ("asset:vault", "holds", "identity:vault-secret/kv/prod/db")
    ]
    os.utime(path, (32_000_000_000, 32_000_000_000))
    assert "in the future" in refused(home, "names", path, "--asset", "vault")
    assert "not one of the listings" in refused(
        home, "names", write(tmp_path, "{}", "x.json"), "--asset", "a", "--at", "2026-01-01"
    )


def test_nothing_known_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "nothing is known of client:acme" in run(home, "show", "client:acme").output
    assert "not an entity" in refused(home, "show", "acme")
