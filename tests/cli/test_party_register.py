"""`pratique party` against a real home: the register as a file and by command, and its facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.parties import ACME_KEY, pem
from pratique.doors.cli import cli
from pratique.doors.cli.stores import open_stores
from pratique.errors import InputError

FILE = """
[own]
name = "mercury"
[[vendor]]
name = "acme"
assets = ["acme-*", "gpu-1"]
[[vendor]]
name = "annotators-inc"
works_for = ["acme"]
[[client]]
name = "lab"
[[people]]
name = "speakers"
datasets = ["speech"]
[[project]]
name = "coding"
vendor = "acme"
client = "lab"
datasets = ["speech", "code"]
[[contract]]
id = "msa"
party = "lab"
starts = 2025-01-01
notice_hours = 24
"""


def run(home: Path, *words: str, text: str = "") -> Result:
    return CliRunner().invoke(cli, ["party", *words, "--home", str(home)], input=text)


def answer(home: Path, *words: str) -> Any:
    result = run(home, *words, "--format", "json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(home: Path, *words: str) -> str:
    result = run(home, *words)
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def log_size(home: Path) -> int:
    with open_stores(home) as stores:
        return stores.log.size()


def facts(home: Path, entity: str) -> set[tuple[str, str, str]]:
    words = ["reach", "show", entity, "--format", "json", "--home", str(home)]
    found = json.loads(CliRunner().invoke(cli, words).stdout)["facts"]
    return {(one["subject"], one["relation"], one["note"]) for one in found}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    put(tmp_path, FILE)
    answer(tmp_path / "home", "import", str(tmp_path / "parties.toml"))
    return tmp_path / "home"


def put(folder: Path, text: str) -> str:
    (folder / "parties.toml").write_text(text)
    return str(folder / "parties.toml")


def test_the_same_file_again_and_the_exported_one_change_nothing(
    home: Path, tmp_path: Path
) -> None:
    size = log_size(home)
    assert answer(home, "import", str(tmp_path / "parties.toml"))["changes"] == []
    for form in ("text", "json"):
        exported = tmp_path / f"exported-{form}"
        exported.write_text(run(home, "export", "--format", form).stdout)
        told = answer(home, "import", str(exported))
        assert (told["changes"], told["facts"], told["entries"]) == ([], 0, [])
    assert log_size(home) == size
    assert "nothing changes" in run(home, "import", str(tmp_path / "parties.toml")).output


def test_a_removal_is_asked_for(home: Path, tmp_path: Path) -> None:
    shorter = put(tmp_path, FILE.partition("[[contract]]")[0])
    size = log_size(home)
    for said in ("n\n", ""):
        no = run(home, "import", shorter, text=said)
        assert no.exit_code == 2  # 1 would say that something bad was found
        assert "- contract msa" in no.output
        assert "stopped before it was done" in no.stderr
    assert log_size(home) == size
    json_only = run(home, "import", shorter, "--format", "json")
    assert "say --yes" in str(json_only.exception)
    dry = answer(home, "import", shorter, "--dry-run")
    assert (dry["changes"][0]["change"], log_size(home)) == ("removed", size)
    assert run(home, "import", shorter, text="y\n").exit_code == 0
    assert answer(home, "contract", "list") == {"contracts": []}


def test_a_wrong_file_changes_nothing(home: Path, tmp_path: Path) -> None:
    size = log_size(home)
    assert "no vendor 'acne'" in refused(
        home, "import", put(tmp_path, FILE.replace('vendor = "acme"', 'vendor = "acne"'))
    )
    assert "cannot read" in refused(home, "import", str(tmp_path / "none.toml"))
    assert log_size(home) == size


def test_one_command_is_one_append_with_the_files_hash(home: Path) -> None:
    with open_stores(home) as stores:
        entries = list(stores.log.entries())
    kinds = [one.kind for one in entries]
    assert kinds == ["party"] * 5 + ["party-project", "contract", "facts"]
    assert len({one.recorded_at for one in entries}) == 1
    assert len({one.body["source_sha256"] for one in entries[:7]}) == 1


def test_answers_know_the_parties_and_their_clocks(home: Path) -> None:
    clock = "register; clock=24h(msa)"
    assert facts(home, "client:lab") == {
        ("dataset:speech", "belongs-to", clock), ("dataset:code", "belongs-to", clock),
    }  # fmt: skip
    assert facts(home, "people:speakers") == {("dataset:speech", "belongs-to", "register")}
    assert facts(home, "vendor:acme") == {("asset:gpu-1", "operated-by", "register")}
    answer(home, "contract", "set", "msa", "--notice-hours", "4")
    assert {note for *_, note in facts(home, "client:lab")} == {"register; clock=4h(msa)"}
    answer(home, "project", "set", "acme/coding", "--dataset", "code")
    assert ("dataset:speech", "belongs-to", "register; ended") in facts(home, "client:lab")


def test_assets_that_come_later_are_taken_up(home: Path, tmp_path: Path) -> None:
    table = tmp_path / "reach.csv"
    table.write_text("relation,subject,object\nholds,asset:acme-9,identity:env/X\n")
    CliRunner().invoke(cli, ["reach", "import", str(table), "--home", str(home)])
    assert answer(home, "import", str(tmp_path / "parties.toml"))["facts"] == 1
    assert ("asset:acme-9", "operated-by", "register") in facts(home, "vendor:acme")


def test_one_party_at_a_time(home: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(pem(ACME_KEY))
    told = answer(
        home, "add", "vendor", "cuts", "--title", "Cuts Ltd", "--product", "cutter",
        "--contact", "security=s@cuts.example", "--key", f"k1={key}", "--location", "EU",
        "--promise", "sbom:30:cutter", "--asset", "cuts-*", "--works-for", "acme",
    )  # fmt: skip
    assert [one["name"] for one in told["changes"]] == ["cuts"]
    assert "is in the register" in refused(home, "add", "vendor", "cuts")
    answer(home, "set", "cuts", "--location", "GB", "--clear", "title")
    [line] = [one for one in answer(home, "list")["parties"] if one["name"] == "cuts"]
    assert (line["title"], line["works_for"]) == ("", ["acme"])
    assert "nothing to change" in refused(home, "set", "cuts", "--location", "GB")
    assert "not among `products`" in refused(home, "set", "cuts", "--promise", "sbom:30:other")
    assert "such as sbom:30" in refused(home, "set", "cuts", "--promise", "sbom")
    assert "ROLE=ADDRESS" in refused(home, "set", "cuts", "--contact", "nobody")
    profile = answer(home, "show", "cuts")
    assert profile["party"]["locations"] == ["GB"]
    assert "no party 'cutz'" in refused(home, "show", "cutz")
    assert "cuts" in refused(home, "show", "cutz"), "the near name is told"
    answer(home, "remove", "cuts", "--yes")
    assert "no party" in refused(home, "show", "cuts")


def test_what_others_speak_of_is_not_removed(home: Path) -> None:
    assert "project 'acme/coding'" in refused(home, "remove", "lab", "--yes")
    assert "no vendor 'acme'" in refused(home, "remove", "acme", "--yes")
    answer(home, "project", "remove", "acme/coding", "--yes")
    answer(home, "contract", "remove", "msa", "--yes")
    answer(home, "remove", "lab", "--yes")
    assert "no project" in refused(home, "project", "remove", "acme/coding")
    assert "--party and --starts" in refused(home, "contract", "set", "new")
    assert "--client" in refused(home, "project", "set", "acme/new")
    assert "VENDOR/NAME" in refused(home, "project", "set", "new", "--client", "lab")
    assert "not a date" in refused(home, "contract", "set", "n", "--party", "acme", "--starts", "x")


def test_lists_for_people(home: Path) -> None:
    assert "vendor  acme" in run(home, "list").output
    assert "lab" not in run(home, "list", "--kind", "vendor").output
    assert (
        "msa  lab, 2025-01-01 without an end, notice within 24 h"
        in run(home, "contract", "list").output
    )
    assert (
        "acme/coding  for lab, no purpose, no budget: speech, code"
        in run(home, "project", "list").output
    )
    assert "claimed   contract:msa: from 2025-01-01" in run(home, "show", "lab").output


def test_a_file_that_names_nobody_does_not_empty_the_register(tmp_path: Path) -> None:
    kept, nothing = tmp_path / "parties.toml", tmp_path / "cut-off.toml"
    kept.write_text(FILE, "utf-8")
    nothing.write_text("", "utf-8")
    assert run(tmp_path / "home", "import", str(nothing)).exit_code == 0  # nothing to lose yet
    assert run(tmp_path / "home", "import", str(kept)).exit_code == 0
    size = log_size(tmp_path / "home")
    assert "would empty the register" in refused(tmp_path / "home", "import", str(nothing), "--yes")
    assert log_size(tmp_path / "home") == size
