"""`pratique token` against real stores in a home folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.doors.cli.stores import open_stores
from pratique.errors import InputError
from pratique.settings import Settings
from pratique.store.control import open_control
from pratique.store.control_sqlite import SqliteControl
from pratique.store.logs import open_log
from pratique.values.instants import now_utc


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(home)])


def made(home: Path, *words: str) -> dict[str, Any]:
    result = run(home, "token", "create", *words, "--format", "json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def log_text(home: Path) -> Iterator[Any]:
    def read() -> list[tuple[str, str, str, dict[str, Any]]]:
        log = open_log(Settings(home=home))
        found = [(e.kind, e.subject, e.actor, e.body) for e in log.entries()]
        log.close()
        return found

    return read


def test_a_secret_is_shown_once_and_only_its_hash_is_kept(home: Path, log_text: Any) -> None:
    answer = made(home, "ci-runner")
    secret = answer["token"]
    assert secret.startswith("pratique_")
    assert len(bytes.fromhex(secret.removeprefix("pratique_"))) == 32
    control = SqliteControl(home)
    found = control.token_by_secret(hashlib.sha256(secret.encode()).hexdigest())
    control.close()
    assert found is not None
    assert (found.id, found.name, found.role) == (answer["id"], "ci-runner", "asset")
    assert found.expires_at is not None
    assert found.expires_at - found.created_at == timedelta(days=365)
    everything = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert secret.removeprefix("pratique_").encode() not in everything
    ((kind, subject, actor, body),) = log_text()
    assert (kind, subject) == ("token", f"token:{answer['id']}")
    assert actor.startswith("operator:")
    assert set(body) == {"name", "role", "expires_at"}
    assert found.secret_sha256 not in json.dumps(body)


def test_two_secrets_differ_and_roles_and_ends_are_kept(home: Path) -> None:
    one = made(home, "alice", "--role", "approver", "--expires", "never")
    two = made(home, "alice", "--expires", "12h")
    assert one["token"] != two["token"]
    assert (one["role"], one["expires_at"]) == ("approver", None)
    spans = datetime.fromisoformat(two["expires_at"]) - datetime.fromisoformat(two["created_at"])
    assert spans == timedelta(hours=12)


def test_the_list_knows_states_and_never_a_secret(home: Path) -> None:
    first, second = made(home, "ci"), made(home, "ci")
    assert run(home, "token", "revoke", first["id"]).exit_code == 0
    listed = json.loads(run(home, "token", "list", "--format", "json").stdout)
    assert [(t["id"], t["state"]) for t in listed] == [
        (first["id"], "revoked"),
        (second["id"], "living"),
    ]
    text = run(home, "token", "list").stdout
    for answer in (first, second):
        assert answer["id"] in text
        assert answer["token"] not in text
        assert hashlib.sha256(answer["token"].encode()).hexdigest() not in text


def test_revoking_is_logged_and_wrong_ids_are_said(home: Path, log_text: Any) -> None:
    answer = made(home, "ci")
    assert "revoked token" in run(home, "token", "revoke", answer["id"]).stdout
    assert [kind for kind, *_ in log_text()] == ["token", "token-revoked"]
    again = run(home, "token", "revoke", answer["id"])
    assert isinstance(again.exception, InputError)
    assert "already revoked" in str(again.exception)
    assert "token list" in str(run(home, "token", "revoke", "nope").exception)


def test_url_prints_lines_that_pip_and_uv_take(home: Path) -> None:
    home.mkdir()
    (home / "pratique.toml").write_text('[door]\npublic_url = "https://pratique.example/"\n')
    result = run(home, "token", "create", "ci", "--url")
    secret = next(s for s in result.stdout.splitlines() if s.startswith("pratique_"))
    url = f"https://__token__:{secret}@pratique.example/pypi/simple/"
    assert f"index-url = {url}" in result.stdout
    assert f"UV_DEFAULT_INDEX={url}" in result.stdout


@pytest.mark.parametrize("name", ["", "two words", "__token__", "a" * 64, "-x", "ä", "a/b"])
def test_bad_names_are_refused(home: Path, name: str) -> None:
    result = CliRunner().invoke(cli, ["token", "create", "--home", str(home), "--", name])
    assert isinstance(result.exception, InputError)
    assert "expected" in str(result.exception)


@pytest.mark.parametrize("span", ["0d", "7", "7w", "-1d", "99999d", "2020-01-01", "soon"])
def test_bad_spans_are_refused(home: Path, span: str) -> None:
    result = run(home, "token", "create", "ci", f"--expires={span}")
    assert isinstance(result.exception, InputError), result.output


def test_a_crash_after_the_entry_leaves_a_token_that_nobody_can_use(
    home: Path, monkeypatch: pytest.MonkeyPatch, log_text: Any
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqliteControl, "add_token", crash)
        result = run(home, "token", "create", "ci")
    assert "pratique_" not in result.stdout
    assert [kind for kind, *_ in log_text()] == ["token"]
    assert json.loads(run(home, "token", "list", "--format", "json").stdout) == []


def test_a_revocation_that_a_crash_cut_short_is_healed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = made(home, "ci")

    def crash(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqliteControl, "revoke_token", crash)
        run(home, "token", "revoke", answer["id"])
    before = open_control(Settings(home=home))
    assert before.tokens()[0].revoked_at is None
    before.close()
    with open_stores(home) as stores:
        revoked_at = stores.control.tokens()[0].revoked_at
    assert revoked_at is not None
    assert revoked_at <= now_utc()
