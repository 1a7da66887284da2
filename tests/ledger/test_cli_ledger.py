"""`pratique ledger …` and `pratique verify`, as a person and as a program calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.logs import NOW, draft, drafts
from pratique.doors.cli import cli
from pratique.ledger.entries import Draft
from pratique.settings import load_settings
from pratique.store.logs import ledger_folder, open_log

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    log = open_log(load_settings(tmp_path / "home", environ={}))
    log.append(drafts(0, 5), now=NOW)
    log.append(
        [Draft(kind="policy", subject="policy", actor="door:index", body={"mode": "enforce"})],
        now=NOW,
    )
    log.close()
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PRATIQUE_HOME", str(home))
    monkeypatch.delenv("PRATIQUE_DATABASE_URL", raising=False)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(cli, words, prog_name="pratique")

    return invoke


def vkey(home: Path) -> str:
    return (home / "ledger" / "verifier-key").read_text().strip()


def test_a_sound_log(run: Run, home: Path) -> None:
    result = run("ledger", "verify")
    assert result.exit_code == 0
    assert "sound: 6 entries of pratique.local/ledger" in result.output
    assert vkey(home) in result.output
    answer = json.loads(run("ledger", "verify", "--format", "json").output)
    assert answer["sound"] is True
    assert (answer["size"], answer["damages"], answer["notes"]) == (6, [], [])


def test_a_damaged_log(run: Run, home: Path) -> None:
    segment = next((home / "ledger" / "segments").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b"demo-3.whl", b"demo-8.whl"))
    result = run("ledger", "verify")
    assert result.exit_code == 1
    assert f"damage: segments/{segment.name} at byte" in result.output
    assert "(entry 3)" in result.output
    assert "restore them from a copy" in result.output
    asked = run("ledger", "verify", "--format", "json")
    assert asked.exit_code == 1
    damage = json.loads(asked.output)["damages"][0]
    assert (damage["sequence"], damage["repairable"]) == (3, False)


def test_damage_that_can_be_made_again(run: Run, home: Path) -> None:
    level = home / "ledger" / "derived" / "level-0"
    level.write_bytes(b"\0" * level.stat().st_size)
    result = run("ledger", "verify")
    assert result.exit_code == 1
    assert "repairable: derived/level-0" in result.output
    assert "pratique ledger rebuild" in result.output
    assert run("ledger", "rebuild").exit_code == 0
    assert run("ledger", "verify").exit_code == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_left_to_check_against(run: Run, home: Path, form: str) -> None:
    (home / "ledger" / "head").write_bytes(b"")
    result = run("ledger", "verify", "--format", form)
    assert result.exit_code == 1
    assert "head" in result.output
    assert "both slots are damaged" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "verify"),
        ("ledger", "checkpoint"),
        ("ledger", "rebuild"),
        ("ledger", "export", "x.json", "--all"),
    ],
)
def test_a_home_without_a_ledger_is_not_given_one(tmp_path: Path, words: tuple[str, ...]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = pratique(*words, "--home", str(empty))
    assert done.returncode == 2
    assert "there is no ledger" in done.stderr
    assert list(empty.iterdir()) == []


def test_a_checkpoint_can_be_shown_and_published(run: Run, home: Path, tmp_path: Path) -> None:
    shown = run("ledger", "checkpoint").output
    assert shown.startswith("pratique.local/ledger\n6\n")
    answer = json.loads(
        run("ledger", "checkpoint", "--publish", str(tmp_path / "p"), "--format", "json").output
    )
    assert answer["checkpoint"] == shown == (tmp_path / "p" / "checkpoint").read_text()
    assert answer["verifier_key"] == vkey(home)
    assert (tmp_path / "p" / "tile" / "entries" / "000.p" / "6").exists()
    assert answer["published"]["files_written"] == 3


def test_evidence_goes_to_a_stranger(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept-checkpoint"
    kept.write_text(run("ledger", "checkpoint").output)
    log = open_log(load_settings(home, environ={}))
    log.append([draft(6)], now=NOW)
    log.close()
    bundle = tmp_path / "evidence.json"
    made = run("ledger", "export", str(bundle), "--entry", "3", "--since", str(kept))
    assert made.exit_code == 0
    assert "1 of 7 entries" in made.output
    assert bundle.stat().st_mode & 0o777 == 0o600

    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "no-home-at-all"))
    alone = run("verify", str(bundle))
    assert alone.exit_code == 0
    assert "taken from the file itself" in alone.output
    assert "a selection" in alone.output
    known = run("verify", str(bundle), "--key", vkey(home), "--checkpoint", str(kept))
    assert known.exit_code == 0
    assert "the key you gave" in known.output
    assert "agrees  with your checkpoint of 6 entries" in known.output
    key_file = tmp_path / "key.txt"
    key_file.write_text(vkey(home) + "\n")
    answer = json.loads(
        run("verify", str(bundle), "--key", str(key_file), "--format", "json").output
    )
    assert (answer["verified"], answer["key_from"], answer["since"]) == (True, "you", 6)
    assert [entry["sequence"] for entry in answer["entries"]] == [3]

    bundle.write_bytes(bundle.read_bytes().replace(b"demo-3", b"demo-4"))
    for form in ("text", "json"):
        refused = run("verify", str(bundle), "--format", form)
        assert refused.exit_code == 1
        assert "body hash" in refused.output


def test_evidence_that_cannot_be_compared_is_unknown(run: Run, home: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(run("ledger", "checkpoint").output)
    log = open_log(load_settings(home, environ={}))
    log.append([draft(6)], now=NOW)
    log.close()
    run("ledger", "export", str(tmp_path / "b.json"), "--kind", "policy")
    result = run("verify", str(tmp_path / "b.json"), "--checkpoint", str(old))
    assert result.exit_code == 3
    assert "export --since" in result.output


@pytest.mark.parametrize(
    ("words", "sequences"),
    [
        (("--all",), [0, 1, 2, 3, 4, 5]),
        (("--kind", "policy"), [5]),
        (("--entry", "1", "--entry", "4"), [1, 4]),
        (("--subject", "sha256:*"), [0, 1, 2, 3, 4]),
        (("--subject", "policy", "--from", "2026-01-01"), [5]),
        (("--to", "2026-01-01"), []),
    ],
)
def test_what_is_exported(
    run: Run, tmp_path: Path, words: tuple[str, ...], sequences: list[int]
) -> None:
    bundle = tmp_path / "b.json"
    answer = json.loads(run("ledger", "export", str(bundle), *words, "--format", "json").output)
    assert (answer["entries"], answer["size"]) == (len(sequences), 6)
    told = json.loads(run("verify", str(bundle), "--format", "json").output)
    assert [entry["sequence"] for entry in told["entries"]] == sequences
    assert told["complete"] == (words == ("--all",))
    shown = run("verify", str(bundle)).output
    assert ("nothing was left out" in shown) == told["complete"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "say which entries"),
        (("--all", "--kind", "x"), "say which entries"),
        (("--entry", "-1"), "-1"),
        (("--entry", "9"), "no entry 9"),
        (("--from", "yesterday"), "not an instant"),
        (("--kind", "policy", "--since", "{home}/ledger/verifier-key"), "not a signed note"),
        (("--kind", "policy", "--since", "{home}/nothing"), "does not exist"),
    ],
)
def test_exports_that_cannot_be_made(
    home: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    spelled = [word.format(home=home) for word in words]
    done = pratique("ledger", "export", str(tmp_path / "b.json"), *spelled, "--home", str(home))
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "b.json").exists()


def pratique(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pratique")), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PRATIQUE_DATABASE_URL"},
    )
    assert "Traceback" not in done.stderr
    return done


def test_evidence_is_never_written_over_something(home: Path, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("precious")
    done = pratique("ledger", "export", str(tmp_path / "b.json"), "--all", "--home", str(home))
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["b.json"]
    assert (tmp_path / "b.json").read_text() == "precious"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{file}/nothing",), "cannot read"),
        (("{file}", "--key", "nonsense+key"), "not a verifier key"),
        (("{file}", "--key", "no-such-file"), "cannot read"),
        (("{file}", "--checkpoint", "no-such-file"), "cannot read"),
    ],
)
def test_verifying_what_cannot_be_read(
    home: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    bundle = tmp_path / "b.json"
    assert pratique("ledger", "export", str(bundle), "--all", "--home", str(home)).returncode == 0
    done = pratique("verify", *(word.format(file=bundle) for word in words))
    assert done.returncode == 2
    assert says in done.stderr


def test_a_damaged_key_is_named_and_never_shown(run: Run, home: Path) -> None:
    key = home / "ledger" / "key"
    secret = key.read_text()
    key.write_text(secret.replace(secret[-5], "A" if secret[-5] != "A" else "B"))
    result = run("ledger", "verify")
    assert result.exit_code == 1
    assert "damage: key" in result.output
    private = secret.strip().split("+", 4)[4]  # PRIVATE+KEY+name+id+base64, which may hold a plus
    assert len(private) > 40
    assert private not in result.output


@pytest.mark.postgres
def test_the_same_commands_over_postgresql(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRATIQUE_DATABASE_URL", postgres_url)
    settings = load_settings()
    log = open_log(settings)
    log.append(drafts(0, 3), now=NOW)
    log.close()
    assert ledger_folder(settings).is_dir()

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words, prog_name="pratique")

    assert "sound: 3 entries" in run("ledger", "verify").output
    assert run("ledger", "checkpoint").output.startswith("pratique.local/ledger\n3\n")
    assert run("ledger", "export", str(tmp_path / "b.json"), "--all").exit_code == 0
    assert "nothing was left out" in run("verify", str(tmp_path / "b.json")).output
    rebuilt = run("ledger", "rebuild")
    assert rebuilt.exit_code == 0, rebuilt.output
    (ledger_folder(settings) / "key").write_text("x")
    damaged = run("ledger", "verify")
    assert damaged.exit_code == 1
    assert "damage: key" in damaged.output
