"""`pratique dataset` against a real broker, store, ledger and door."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kit.s3_door import boto, custodian, s3_door
from kit.s3_server import KEY, SECRET, s3_server
from pratique.custody.errors import KeyBrokenError
from pratique.custody.model import Lease
from pratique.custody.wrapping import parse_wrapped, unwrap_object_key
from pratique.doors.cli import cli
from pratique.edge.custody.broker.keyring import KeyRing
from pratique.errors import InputError, PratiqueError
from pratique.settings import Settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log

COMMAND = (sys.executable, "-c", "from pratique.doors.cli import main; main()")
TERMS = ("--client", "meta", "--classification", "confidential", "--purpose", "labelling")


def run(home: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(home)], input=typed)


def answer(home: Path, *words: str, code: int = 0) -> Any:
    result = run(home, "dataset", *words, "--format", "json")
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


def entries(home: Path, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    with closing(open_log(Settings(home=home))) as log:
        return [(entry.subject, entry.body) for entry in log.entries() if entry.kind in kinds]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "sub").mkdir(parents=True)
    (made / "a.jsonl").write_bytes(b'{"a": 1}\n' * 100)
    (made / "sub" / "b.bin").write_bytes(os.urandom(200_000))
    return made


def test_the_life_of_a_dataset(home: Path, folder: Path, tmp_path: Path) -> None:
    made = answer(home, "add", "dialogs", str(folder), *TERMS, "--residency", "EU")
    assert (made["stored"], made["version"]["number"], made["gaps"]) == (2, 1, [])
    root = made["version"]["root"]
    assert answer(home, "add", "dialogs", str(folder))["version"] is None
    assert [body["action"] for _, body in entries(home, "key")] == ["made", "made"]
    ((_, registered),) = entries(home, "dataset")
    assert (registered["client"], registered["residency"]) == ("meta", "EU")
    ((_, version),) = entries(home, "dataset-version")
    assert (version["root"], version["source"]) == (root, f"folder {folder}")
    assert answer(home, "check")["damaged_total"] == 0
    assert answer(home, "verify", "dialogs")["versions"][0]["holds"]

    (folder / "new").write_bytes(b"new")
    second = answer(home, "add", "dialogs", str(folder))
    assert (second["stored"], second["unchanged"], second["version"]["number"]) == (1, 2, 2)
    shown = answer(home, "show", "dialogs")
    assert (shown["objects"], len(shown["versions"]), shown["leases"]) == (3, 2, [])
    assert [one["version"] for one in answer(home, "versions", "dialogs")] == [1, 2]
    assert [one["name"] for one in answer(home, "list")] == ["dialogs"]
    assert not answer(home, "seal", "dialogs")["new"]

    target = tmp_path / "manifest.jsonl"
    assert answer(home, "export", "dialogs", str(target), "--version", "1")["root"] == root
    assert len(target.read_bytes().splitlines()) == 3


async def _read(settings: Settings, lease: Lease, secret: str, key: str) -> bytes:
    async with s3_door(settings) as door:

        def get() -> bytes:
            answered = boto(door.url, lease, secret).get_object(Bucket="dialogs", Key=key)
            body: bytes = answered["Body"].read()
            return body

        return await asyncio.to_thread(get)


def test_leases_read_it_keys_rotate_and_after_shredding_nothing_decrypts(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    answer(home, "add", "dialogs", str(folder), *TERMS)
    answer(home, "add", "other", str(folder), *TERMS)
    data = (folder / "sub" / "b.bin").read_bytes()
    with custodian(home) as keeper:
        lease, secret = keeper.grant(budget_bytes=1 << 20)
        assert asyncio.run(_read(keeper.settings, lease, secret, "sub/b.bin")) == data
        shown = answer(home, "show", "dialogs")
        assert [row["id"] for row in shown["leases"]] == [lease.id]
        # Never more than the dataset has, however large the budgets are.
        assert 0 < shown["worst_case_bytes"] <= shown["bytes"]

        assert run(home, "custody-key", "rotate", "meta", "--reason", "yearly").exit_code == 0
        assert asyncio.run(_read(keeper.settings, lease, secret, "sub/b.bin")) == data
        assert answer(home, "check")["damaged_total"] == 0
        answer(home, "add", "dialogs", str(folder))

        stored = keeper.state.object("dialogs", "sub/b.bin")
        assert stored is not None
        certificate = tmp_path / "gone.json"
        for said, words in (("dialog\n", "not repeated"), ("", "nothing was typed")):
            refused = run(home, "dataset", "shred", "dialogs", "--reason", "r", typed=said)
            assert isinstance(refused.exception, InputError)
            assert words in str(refused.exception)
        assert answer(home, "check", "dialogs")["damaged_total"] == 0
        words = ("--reason", "contract ended", "--certificate", str(certificate))
        done = run(home, "dataset", "shred", "dialogs", *words, typed="dialogs\n")
        assert done.exit_code == 0, (done.output, done.exception)
        assert "2 objects" in done.output
        with pytest.raises(ClientError):
            asyncio.run(_read(keeper.settings, lease, secret, "sub/b.bin"))

    # All key material that is left here opens nothing of it.
    ring = KeyRing(home / "broker")
    left = [held.key for held in ring.clients.values()] + [
        held.key for held in ring.datasets.values()
    ]
    left += [ring.master.wrapping, ring.master.certificates]
    assert set(ring.datasets) == {"other"}
    for key in left:
        with pytest.raises(KeyBrokenError):
            unwrap_object_key(parse_wrapped(stored.wrapped_key), under=key, object_id=stored.id)
    key_line = next(line for line in done.output.splitlines() if "pratique verify" in line)
    verifier = key_line.partition("--key '")[2].rstrip("'")
    verified = CliRunner().invoke(
        cli, ["verify", str(certificate), "--key", verifier, "--format", "json"]
    )
    assert verified.exit_code == 0
    told = json.loads(verified.stdout)["entries"]
    assert {entry["kind"] for entry in told} == {"dataset", "dataset-version", "key", "scope"}
    assert told[-1]["body"]["action"] == "destroyed"
    assert told[-1]["body"]["objects"] == 2

    assert answer(home, "show", "dialogs")["shredded_at"]
    for again in (("add", "dialogs", str(folder)), ("seal", "dialogs"), ("check", "dialogs")):
        assert isinstance(run(home, "dataset", *again).exception, PratiqueError)
    rest = answer(home, "check", "--repair", "--young-hours", "0")
    assert (rest["damaged_total"], rest["objects"], rest["removed"]) == (0, 2, 2)
    assert answer(home, "check")["orphans_total"] == 0


def _parts(home: Path) -> list[Path]:
    return sorted((home / "parts").rglob("0.0"))


def test_damage_is_named_and_rubbish_is_removed(home: Path, folder: Path) -> None:
    for number in range(4):
        (folder / f"more{number}").write_bytes(b"x" * 1000)
    answer(home, "add", "dialogs", str(folder), *TERMS)
    changed, missing, short, long, swapped, other = _parts(home)
    data = bytearray(changed.read_bytes())
    data[60] ^= 1
    changed.write_bytes(data)
    missing.unlink()
    short.write_bytes(short.read_bytes()[:-1])
    long.write_bytes(long.read_bytes() + b"x")
    kept = swapped.read_bytes()
    swapped.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    strays = (
        home / "parts" / "ff" / ("f" * 32) / "0.0",
        changed.parent / "7.0",
        changed.parent / ".0.0.aabbccdd",
        home / "parts" / "odd",
    )
    for stray in strays:
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"rubbish")
    young = answer(home, "check", code=1)
    assert (young["orphans_total"], young["young"]) == (0, len(strays))
    found = answer(home, "check", "--young-hours", "0", code=1)
    assert found["damaged_total"] == 6
    said = {one["object"]: one["what"] for one in found["damaged"]}
    assert "changed" in said[changed.parent.name] or "decrypt" in said[changed.parent.name]
    assert "missing" in said[missing.parent.name]
    assert "bytes, not" in said[short.parent.name]
    assert "bytes, not" in said[long.parent.name]
    assert found["orphans_total"] == len(strays)
    repaired = answer(home, "check", "--young-hours", "0", "--repair", code=1)
    assert repaired["removed"] == len(strays)
    assert not any(stray.exists() for stray in strays)
    answer(home, "add", "dialogs", str(folder), "--reread")
    whole = answer(home, "check", code=1)  # the old ones are in version 1, and stay damaged there
    assert whole["objects"] == 12
    assert whole["damaged_total"] == 6


def test_marks_are_no_rubbish_and_are_checked_too(home: Path, folder: Path) -> None:
    lines = (json.dumps({"text": f"Well, number {n} is not the same as {n + 1}, but it is large."})
             for n in range(2000))  # fmt: skip
    (folder / "texts.jsonl").write_text("\n".join(lines) + "\n")
    answer(home, "add", "dialogs", str(folder), *TERMS)
    assert run(home, "dataset", "mark", "dialogs").exit_code in {0, 3}
    before = sorted((home / "parts").rglob("*.1"))
    assert before
    found = answer(home, "check", "--young-hours", "0", "--repair")
    assert (found["orphans_total"], found["damaged_total"], found["removed"]) == (0, 0, 0)
    assert sorted((home / "parts").rglob("*.1")) == before
    data = bytearray(before[0].read_bytes())
    data[-1] ^= 1
    before[0].write_bytes(data)
    (damage,) = answer(home, "check", code=1)["damaged"]
    assert (damage["key"], before[0].name in damage["what"]) == ("texts.jsonl", True)


def test_a_row_that_was_changed_is_found_out(home: Path, folder: Path) -> None:
    answer(home, "add", "dialogs", str(folder), *TERMS)

    with closing(sqlite3.connect(home / "custody.db")) as database:
        database.execute("UPDATE objects SET sha256 = ? WHERE size = 900", ("ab" * 32,))
        database.commit()
    found = answer(home, "check", code=1)
    assert [one["what"] for one in found["damaged"]] == [
        "its bytes do not have the SHA-256 that they had"
    ]
    (version,) = answer(home, "verify", "dialogs", code=1)["versions"]
    assert not version["holds"]
    with closing(sqlite3.connect(home / "custody.db")) as database:
        database.execute("UPDATE dataset_versions SET root = ?", (version["why"].split()[-1],))
        database.commit()
    (version,) = answer(home, "verify", "dialogs", "--version", "1", code=1)["versions"]
    assert "ledger has another root" in version["why"]


def test_hostile_trees_are_told_and_the_rest_is_done(home: Path, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "out").symlink_to("/etc/hostname")
    result = run(home, "dataset", "add", "dialogs", str(folder), *TERMS)
    assert result.exit_code == 3
    for name in ("pipe", "loop", "out"):
        assert f"not registered: {name} " in result.stderr
    assert "2 objects" in result.stdout
    assert "version 1" in result.stdout
    again = answer(home, "add", "dialogs", str(folder), code=3)
    assert (again["unchanged"], again["gaps_total"]) == (2, 3)


# ── sealed to the client ─────────────────────────────────────────────────────────────────────


def _pem(path: Path, key: Any) -> Path:
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def test_only_the_client_opens_what_is_sealed_to_them(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    made = CliRunner().invoke(
        cli, ["submission", "make-key", str(tmp_path / "private"), "--format", "json"]
    )
    public = json.loads(made.stdout)["public_key"]
    answer(home, "add", "inbox", str(folder), *TERMS, "--sealed-to", public)
    assert entries(home, "key") == []
    shown = answer(home, "show", "inbox")
    assert (shown["sealed"], shown["objects"]) == (True, 2)
    assert answer(home, "check")["sealed"] == 2
    out = tmp_path / "sealed"
    assert answer(home, "export", "inbox", str(out), "--sealed")["files"] == 2
    names = set()
    for file in out.iterdir():
        target = tmp_path / f"{file.name}.plain"
        opened = CliRunner().invoke(
            cli,
            ["submission", "open", str(file), "--key", str(tmp_path / "private"), "--to",
             str(target), "--format", "json"],
        )  # fmt: skip
        assert opened.exit_code == 0, opened.exception
        name = json.loads(opened.stdout)["name"]
        names.add(name)
        assert target.read_bytes() == (folder / name).read_bytes()
    assert names == {"a.jsonl", "sub/b.bin"}
    parts = _parts(home)
    assert len(parts) == 2
    words = ("--reason", "r", "--yes", "--certificate", str(tmp_path / "c.json"))
    assert answer(home, "shred", "inbox", *words)["objects"] == 2
    assert _parts(home) == []


def test_keys_to_seal_to_are_read_with_care(home: Path, folder: Path, tmp_path: Path) -> None:
    private = X25519PrivateKey.generate()
    good = _pem(tmp_path / "public.pem", private.public_key())
    wrong = tmp_path / "private.pem"
    wrong.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    other = _pem(tmp_path / "ed25519.pem", Ed25519PrivateKey.generate().public_key())
    odd = tmp_path / "odd.pem"
    odd.write_bytes(b"no pem")
    for given, said in (
        (wrong, "private key"), (other, "X25519"), (odd, "no public key"),
        (tmp_path / "nothing", "cannot read"), ("00" * 31, "cannot read"),
    ):  # fmt: skip
        refused = run(home, "dataset", "add", "inbox", *TERMS, "--sealed-to", str(given))
        assert isinstance(refused.exception, InputError)
        assert said in str(refused.exception)
    assert answer(home, "add", "inbox", *TERMS, "--sealed-to", str(good))["version"] is None
    assert answer(home, "show", "inbox")["sealed"]
    refused = run(
        home, "dataset", "add", "inbox", str(folder), "--sealed-to",
        X25519PrivateKey.generate().public_key().public_bytes_raw().hex(),
    )  # fmt: skip
    assert isinstance(refused.exception, InputError)


# ── wrong input ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "dialogs", "FOLDER"), "needs --client, --classification, --purpose"),
        (("add", "Not_A_Name", "FOLDER", *TERMS), "not a name"),
        (("add", "../up", "FOLDER", *TERMS), "not a name"),
        (("add", "dialogs", "FOLDER/nothing", *TERMS), "no folder"),
        (("add", "dialogs", "FOLDER/a.jsonl", *TERMS), "no folder"),
        (("add", "dialogs", "FOLDER", *TERMS, "--client", "a/b"), "client"),
        (("add", "dialogs", "FOLDER", *TERMS, "--residency", "E\nU"), "residency"),
        (("add", "dialogs", "FOLDER", *TERMS, "--endpoint", "http://h"), "with a bucket"),
        (("add", "dialogs", "s3://b", *TERMS), "not a bucket"),
        (("add", "dialogs", "s3://bucket", *TERMS, "--endpoint", "http://u:canary@h"), "user name"),
        (("show", "nothing"), "no dataset"),
        (("seal", "nothing"), "no dataset"),
        (("verify", "nothing"), "no dataset"),
        (("check", "nothing"), "no dataset"),
        (("export", "nothing", "FOLDER/new"), "no dataset"),
        (("shred", "nothing", "--reason", "r", "--yes"), "no dataset"),
    ],
)  # fmt: skip
def test_wrong_input_is_explained(
    home: Path, folder: Path, words: tuple[str, ...], said: str
) -> None:
    result = run(home, "dataset", *(word.replace("FOLDER", str(folder)) for word in words))
    assert isinstance(result.exception, InputError), result.exception
    assert said in str(result.exception)
    assert "canary" not in str(result.exception)
    assert not (home / "custody.db").exists() or answer(home, "list") == []


def test_an_empty_dataset_takes_objects_later(home: Path, folder: Path) -> None:
    assert "takes objects" in run(home, "dataset", "add", "dialogs", *TERMS).output
    for words in (
        ("seal", "dialogs"),
        ("verify", "dialogs"),
        ("export", "dialogs", str(folder / "x")),
    ):
        assert isinstance(run(home, "dataset", *words).exception, InputError)
    (folder / "empty").mkdir()
    nothing = run(home, "dataset", "add", "dialogs", str(folder / "empty"))
    assert nothing.exit_code == 0
    assert "nothing was found" in nothing.output
    assert answer(home, "add", "dialogs", str(folder))["version"]["number"] == 1
    for option, value in (("--client", "other"), ("--purpose", "training"), ("--residency", "US")):
        refused = run(home, "dataset", "add", "dialogs", str(folder), option, value)
        assert isinstance(refused.exception, InputError)
        assert option in str(refused.exception)


def test_home_is_never_registered(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "home"):
        (tmp_path / "home").mkdir(exist_ok=True)
        refused = run(tmp_path / "home", "dataset", "add", "dialogs", str(source), *TERMS)
        assert isinstance(refused.exception, InputError)
        assert "home folder" in str(refused.exception)


# ── the whole command ────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_ctrl_c_and_the_same_command_goes_on(home: Path, folder: Path) -> None:
    for number in range(1500):
        (folder / f"{number:05}").write_bytes(b"%d" % number * 50)
    words = [*COMMAND, "dataset", "add", "dialogs", str(folder), *TERMS]
    command = [*words, "--home", str(home), "--format", "json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(_parts(home)) < 100:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert said == b""  # a pipe sees no bar, and no traceback
    first = json.loads(out)
    assert (running.returncode, first["stopped"], first["version"]) == (3, True, None)
    assert 0 < first["stored"] < 1502
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    second = json.loads(done.stdout)
    assert second["unchanged"] == first["stored"]
    assert second["stored"] == 1502 - first["stored"]
    assert second["version"]["objects"] == 1502
    assert answer(home, "check", "--young-hours", "0")["orphans_total"] == 0


def test_a_person_at_a_terminal_sees_a_bar(home: Path, folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(300 << 20)
    words = [*COMMAND, "dataset", "add", "dialogs", str(folder), *TERMS, "--home", str(home)]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment) as running:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # Linux says so when the last writer is gone
            while piece := os.read(ours, 65536):
                seen += piece
        os.close(ours)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert b"3 objects" in out
    assert b"\x1b[" not in out
    assert b"MiB" in seen or b"GiB" in seen
    assert b"large" in seen


@pytest.mark.slow
def test_killed_without_warning_nothing_that_was_told_is_lost(home: Path, folder: Path) -> None:
    for number in range(1500):
        (folder / f"{number:05}").write_bytes(b"%d" % number * 50)
    words = [*COMMAND, "dataset", "add", "dialogs", str(folder), *TERMS]
    running = subprocess.Popen([*words, "--home", str(home)])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(_parts(home)) < 600:
        time.sleep(0.05)
    running.kill()
    running.wait(10)
    with closing(open_custody(Settings(home=home))) as state:
        stored = state.totals("dialogs")[0]
    found = answer(home, "check", "--young-hours", "0", code=1 if stored < len(_parts(home)) else 0)
    assert (found["objects"], found["damaged_total"]) == (stored, 0)
    again = answer(home, "add", "dialogs", str(folder))
    assert again["unchanged"] == stored
    answer(home, "check", "--young-hours", "0", "--repair")
    assert len(_parts(home)) == 1502


@pytest.mark.postgres
def test_the_same_on_postgresql(
    home: Path, folder: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_DATABASE_URL", postgres_url)
    assert answer(home, "add", "dialogs", str(folder), *TERMS)["stored"] == 2
    assert answer(home, "add", "dialogs", str(folder))["unchanged"] == 2
    assert answer(home, "check", "--young-hours", "0")["objects"] == 2
    assert answer(home, "verify", "dialogs")["versions"][0]["holds"]
    words = ("--reason", "r", "--yes", "--certificate", str(tmp_path / "gone.json"))
    assert answer(home, "shred", "dialogs", *words)["objects"] == 2
    assert answer(home, "check", "--young-hours", "0", code=1)["orphans_total"] == 2


@pytest.mark.clients
def test_from_bucket_to_bucket(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    data = secrets.token_bytes(300_000)
    with s3_server() as server:
        server.boto().create_bucket(Bucket="source")
        server.boto().create_bucket(Bucket="backing")
        server.boto().put_object(Bucket="source", Key="x/one.bin", Body=data)
        home.mkdir()
        (home / "pratique.toml").write_text(
            f'[custody]\nparts = "s3://backing/parts"\nparts_endpoint = "{server.url}"\n'
        )
        made = answer(home, "add", "dialogs", "s3://source/x", "--endpoint", server.url, *TERMS)
        assert made["stored"] == 1
        ((_, version),) = entries(home, "dataset-version")
        assert version["source"].startswith("s3://source/x/ at 127.0.0.1")
        assert not (home / "parts").exists()
        listed = server.boto().list_objects_v2(Bucket="backing")["Contents"]
        assert [one["Key"].startswith("parts/") for one in listed] == [True]
        assert (
            data[:32]
            not in server.boto().get_object(Bucket="backing", Key=listed[0]["Key"])["Body"].read()
        )
        found = answer(home, "check")
        assert (found["bytes"], found["damaged_total"]) == (len(data), 0)
        for file in home.rglob("*"):
            assert not file.is_file() or SECRET.encode() not in file.read_bytes()
        with custodian(home, parts="s3://backing/parts", parts_endpoint=server.url) as keeper:
            lease, secret = keeper.grant(budget_bytes=1 << 20)
            assert asyncio.run(_read(keeper.settings, lease, secret, "one.bin")) == data
