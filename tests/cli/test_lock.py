"""`pratique lock` as a person and as a pipeline use it, with and without a real door."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result

from kit.distributions import make_wheel, sha256_of
from kit.door import Door, running_door
from kit.locks import DEMO, FILES, INDEX, Pin, poetry_lock, pylock, requirements, uv_lock
from kit.sarif_schema import SARIF
from kit.schemas import assert_fits
from kit.upstream import FakeUpstream
from pratique.doors.cli import lock_files
from pratique.doors.cli.door_choice import choose_door
from pratique.doors.cli.lock import lock
from pratique.doors.cli.lock_files import gather, replace_file
from pratique.errors import PratiqueError
from pratique.inventory.findings.rules import RULES

DOOR = "http://127.0.0.1:8420/pypi"
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nobody_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No door from the environment of whoever runs the tests; work in a fresh folder."""
    for name in [n for n in os.environ if n.startswith(("PRATIQUE_", "PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def run(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(lock, words, env=environ)


def put(path: str, text: str) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    return target


def answer(*words: str, **environ: str) -> tuple[int, dict[str, Any]]:
    result = run(*words, "--format", "json", **environ)
    assert result.stdout, result.exception
    return result.exit_code, json.loads(result.stdout)


def found(told: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(f["path"], f["line"], f["rule"]) for f in told["findings"]]


# ── check, without a door ────────────────────────────────────────────────────────────────────


def test_a_folder_is_walked_and_the_rest_is_left_alone() -> None:
    put("requirements.txt", "demo==1.0\n")
    put("sub/.github/workflows/ci.yml", "- run: uvx tool\n")
    for skipped in (".git", "node_modules", ".venv", "x/site-packages"):
        put(f"{skipped}/requirements.txt", "evil\n")
    put("notes.txt", "evil\n")
    code, told = answer("check")
    assert code == 1
    assert found(told) == [
        ("requirements.txt", 1, "unhashed"),
        ("sub/.github/workflows/ci.yml", 1, "unpinned-launch"),
    ]
    assert (told["lock_files"], told["configuration_files"], told["packages"]) == (1, 1, 1)
    assert told["complete"]
    assert len(told["not_checked"]) == 2


def test_nothing_found_says_what_was_not_checked() -> None:
    put("uv.lock", uv_lock())
    result = run("check")
    assert result.exit_code == 0
    assert "nothing found in 1 lock file with 3 packages" in result.output
    assert "Not checked: which addresses bypass the door" in result.output
    assert run("check", "--require-door").exit_code == 3


def test_text_has_place_reason_and_remedy() -> None:
    put("a/requirements.txt", "one\ntwo\n")
    result = run("check", "a")
    lines = result.output.splitlines()
    assert lines[0] == "a/requirements.txt"
    assert lines[1].startswith("  1:1  warning  unpinned: one may be any version")
    assert lines[1].endswith("To do: name one version and its hashes, or install from a lock file")
    assert lines[2].startswith("  2:1  warning  unpinned: two")
    assert "2 warnings in 1 lock file with 2 packages" in lines[-1]


def test_includes_are_followed_once_and_constraints_constrain() -> None:
    put("requirements.txt", "-r deps/base.txt\n-c deps/constraints.txt\na\nb\n")
    put("deps/base.txt", "-r ../requirements.txt\nc\n")
    put("deps/constraints.txt", "a==1.0\nz>=1\n")
    _code, told = answer("check", "requirements.txt")
    assert found(told) == [
        ("deps/base.txt", 2, "unpinned"),
        ("requirements.txt", 3, "unhashed"),
        ("requirements.txt", 4, "unpinned"),
    ]


def test_a_missing_include_is_unreadable() -> None:
    put("requirements.txt", "-r gone.txt\n")
    code, told = answer("check", "requirements.txt")
    assert (code, told["complete"]) == (3, False)
    assert found(told) == [("gone.txt", 1, "unreadable")]


def test_an_include_over_the_network_is_not_fetched() -> None:
    put("requirements.txt", "-r https://files.example/more.txt\n")
    code, told = answer("check")
    assert code == 3
    assert "requirements.txt:1" in told["not_checked"][-1]


def test_a_damaged_file_is_unknown_not_clean() -> None:
    put("uv.lock", "version = 1\n[[package]\n")
    put("b/.mcp.json", '{"mcpServers": ')
    code, told = answer("check")
    assert code == 3
    assert {path for path, _line, rule in found(told) if rule == "unreadable"} == {
        "uv.lock",
        "b/.mcp.json",
    }
    put("requirements.txt", "demo\n")
    assert answer("check")[0] == 1


def test_what_cannot_be_asked_ends_with_2() -> None:
    for words in (["check", "gone"], ["rewrite", "gone", "--to-door", DOOR]):
        result = run(*words)
        assert isinstance(result.exception, PratiqueError) or result.exit_code == 2
    put("notes.md", "hello")
    assert isinstance(run("check", "notes.md").exception, PratiqueError)
    assert run("check", "--door", "nonsense").exit_code == 2
    put("uv.lock", uv_lock())
    assert run("rewrite", "uv.lock").exit_code == 2
    assert run("rewrite", "uv.lock", "--to-upstream", INDEX).exit_code == 2
    assert run("rewrite", "uv.lock", "--to-door", DOOR, "--check", "--write").exit_code == 2
    assert Path("uv.lock").read_text("utf-8") == uv_lock()


def test_a_lock_with_an_odd_name_is_known_by_its_content() -> None:
    put("odd.lock", poetry_lock())
    assert answer("check", "odd.lock")[1]["lock_files"] == 1


def test_pipes_devices_and_loops_do_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo("uv.lock")
    Path("requirements.txt").symlink_to("requirements.txt")
    Path("loop").symlink_to(".")
    code, told = answer("check")
    assert code == 3
    assert [rule for _path, _line, rule in found(told)] == ["unreadable", "unreadable"]


def test_walks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "/".join(["d"] * (lock_files.MAX_DEPTH + 2))
    put(f"{deep}/requirements.txt", "x\n")
    code, told = answer("check")
    assert code == 3
    assert "too deep" in told["not_checked"][-1]
    monkeypatch.setattr(lock_files, "MAX_FILES", 3)
    for number in range(9):
        put(f"f{number}/requirements.txt", "-e .\n")
    assert len(gather([Path()]).documents) <= 4
    assert "too many files" in gather([Path()]).skipped[-1]


def test_terminal_codes_in_a_file_do_not_reach_the_terminal() -> None:
    put("poetry.lock", '[[package]]\nname = "a"\nversion = "1\\u001b[31m\\u0007"\n')
    result = run("check")
    assert "\x1b[31m" not in result.output
    assert "\x07" not in result.output


# ── SARIF ────────────────────────────────────────────────────────────────────────────────────


def test_sarif() -> None:
    put("requirements.txt", "one\ntwo\n")
    put("with blank/ü/requirements.txt", "-e ../x\n")
    result = run("check", "--format", "sarif")
    assert result.exit_code == 1
    log = json.loads(result.stdout)
    assert_fits(log, SARIF)
    [sarif_run] = log["runs"]
    rules = sarif_run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    for item in sarif_run["results"]:
        assert rules[item["ruleIndex"]]["id"] == item["ruleId"]
    places = [
        (unquote(p["artifactLocation"]["uri"]), p["region"]["startLine"])
        for item in sarif_run["results"]
        for p in [item["locations"][0]["physicalLocation"]]
    ]
    assert places == [
        ("requirements.txt", 1),
        ("requirements.txt", 2),
        ("with blank/ü/requirements.txt", 1),
    ]
    fingerprints = {str(item["partialFingerprints"]) for item in sarif_run["results"]}
    assert len(fingerprints) == 3
    notes = sarif_run["invocations"][0]["toolExecutionNotifications"]
    assert "not checked: which addresses" in notes[0]["message"]["text"]


def test_sarif_fingerprints_survive_moved_lines() -> None:
    def prints() -> list[str]:
        log = json.loads(run("check", "--format", "sarif").stdout)
        return [r["partialFingerprints"]["pratique/v1"] for r in log["runs"][0]["results"]]

    put("requirements.txt", "one\n")
    before = prints()
    put("requirements.txt", "# moved\n\none\n")
    assert prints() == before


# ── which door ───────────────────────────────────────────────────────────────────────────────


def chosen(given: str = "", **environ: str) -> tuple[str, str, str] | None:
    door = choose_door(given, environ, home=Path("home"), folder=Path())
    return (door.address.base, door.token, door.origin) if door else None


def test_the_door_is_chosen_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen() is None
    put(
        "home/.config/uv/uv.toml",
        '[[index]]\nurl = "https://uv.example/pypi/simple"\ndefault = true\n',
    )
    assert chosen() == ("https://uv.example/pypi", "", "uv.toml")
    pip = put("pip.conf", "[global]\nindex-url = https://u:t@pip.example/pypi/simple/\n")
    assert chosen(PIP_INDEX_URL="https://env.example/x/simple") == (
        "https://env.example/x", "", "PIP_INDEX_URL",
    )  # fmt: skip
    Path("home/.config/uv/uv.toml").unlink()
    assert chosen(PIP_CONFIG_FILE=str(pip)) == ("https://pip.example/pypi", "t", "pip.conf")
    assert chosen(PRATIQUE_DOOR=DOOR, PIP_CONFIG_FILE=str(pip)) == (DOOR, "", "PRATIQUE_DOOR")
    assert chosen("http://a.example/b", PRATIQUE_DOOR=DOOR, PRATIQUE_TOKEN="s") == (
        "http://a.example/b", "s", "--door",
    )  # fmt: skip


def test_a_plain_index_is_not_taken_for_a_door() -> None:
    assert chosen(PIP_INDEX_URL="https://index.example/simple") is None
    assert chosen(UV_DEFAULT_INDEX="https://index.example/simple/") is None
    put("pyproject.toml", "[tool.uv]\nindex = 3\n")
    assert chosen() is None


# ── a real door ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as running:
        yield running


@pytest.fixture
def door(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Door]:
    for version, age in (("1.0", 60), ("2.0", 0.1), ("6.6", 60)):
        filename, content = make_wheel("demo", version)
        upstream.add_file("demo", filename, content, upload_time=NOW - timedelta(days=age))
    policy = '[[deny]]\nprojects = ["demo"]\nversions = "==6.6"\nreason = "known bad"\n'
    with running_door(home=tmp_path / "home", upstream=upstream, now=NOW, policy=policy) as running:
        yield running


def pinned(upstream: FakeUpstream, version: str) -> Pin:
    """A pin with the true hash of the wheel; there is no sdist."""
    [filename] = [n for n in upstream.projects["demo"].files if f"-{version}-" in n]
    content = upstream.projects["demo"].files[filename].content
    return Pin(name="demo", version=version, digests={filename: sha256_of(content)})


def poetry_wheel(pin: Pin) -> str:
    """A poetry.lock without the sdist that nobody published."""
    text = poetry_lock([pin])
    return "\n".join(line for line in text.split("\n") if ".tar.gz" not in line)


def test_a_door_is_asked(door: Door, upstream: FakeUpstream) -> None:
    address = f"{door.url}/pypi"
    expected = {"1.0": (0, []), "2.0": (1, ["held"]), "6.6": (1, ["not-offered"])}
    for version, (code, rules) in expected.items():
        put("poetry.lock", poetry_wheel(pinned(upstream, version)))
        got, told = answer("check", "--door", address)
        assert (got, [rule for _p, _l, rule in found(told)]) == (code, rules), told
        assert told["complete"]
        assert told["door"] == {"asked": True, "address": address}
        assert told["not_checked"] == []
    put("poetry.lock", poetry_wheel(pinned(upstream, "2.0")))
    result = run("check", PRATIQUE_DOOR=address)
    assert "held by rule cool-down until 2026-06-18" in result.output
    assert "cool-down" in result.output


def test_time_opens_what_was_held(door: Door, upstream: FakeUpstream) -> None:
    put("poetry.lock", poetry_wheel(pinned(upstream, "2.0")))
    assert answer("check", "--door", door.index_url())[0] == 1
    door.clock.advance(days=10)
    assert answer("check", "--door", door.index_url())[0] == 0


def test_another_content_than_the_door_offers(door: Door) -> None:
    put("poetry.lock", poetry_wheel(Pin(name="demo", version="1.0")))
    code, told = answer("check", "--door", door.index_url())
    assert code == 1
    assert [rule for _p, _l, rule in found(told)] == ["hash-mismatch"]


def test_an_unknown_project_is_not_offered(door: Door) -> None:
    put("requirements.txt", requirements([Pin(name="nobody", version="1.0")]))
    code, told = answer("check", "--door", door.index_url())
    assert (code, [rule for _p, _l, rule in found(told)]) == (1, ["not-offered"])


def test_a_plain_index_finds_no_all_clear(upstream: FakeUpstream) -> None:
    filename, content = make_wheel("demo", "1.0")
    upstream.add_file("demo", filename, content, upload_time=NOW)
    put("poetry.lock", poetry_wheel(pinned(upstream, "1.0")))
    code, told = answer("check", "--door", upstream.url)
    assert (code, told["complete"]) == (3, False)
    assert "no Pratique door" in told["not_checked"][0]


def test_a_closed_door_is_unknown() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    put("poetry.lock", poetry_lock())
    code, told = answer("check", "--door", f"http://127.0.0.1:{port}/pypi")
    assert code == 3
    assert "cannot be reached" in told["not_checked"][0]


def test_the_token_reaches_the_door_and_nothing_else(
    upstream: FakeUpstream, tmp_path: Path
) -> None:
    filename, content = make_wheel("demo", "1.0")
    upstream.add_file("demo", filename, content, upload_time=NOW - timedelta(days=60))
    put("poetry.lock", poetry_wheel(pinned(upstream, "1.0")))
    settings = '[door]\nanonymous = "nobody"\n'
    with running_door(
        home=tmp_path / "home", upstream=upstream, now=NOW, settings=settings
    ) as closed:
        token = closed.add_token("ci")
        address = f"{closed.url}/pypi"
        code, told = answer("check", "--door", address)
        assert code == 3
        assert "PRATIQUE_TOKEN" in told["not_checked"][0]
        assert answer("check", "--door", address, PRATIQUE_TOKEN=token)[0] == 0
        inside = address.replace("http://", f"http://__token__:{token}@")
        for words in (["--door", inside], ["--door", inside, "--format", "json"]):
            result = run("check", *words)
            assert result.exit_code == 0
            assert token not in result.output
        put("requirements.txt", f"-i {inside}/simple\n--extra-index-url {inside}x/simple\n")
        for form in ("text", "json", "sarif"):
            result = run("check", "--door", inside, "--format", form)
            assert result.exit_code == 1
            assert token not in result.output
        result = run("rewrite", "requirements.txt", "--to-door", f"http://o.example/{token[:0]}x")
        assert token not in result.output


# ── rewrite ──────────────────────────────────────────────────────────────────────────────────


def test_a_preview_changes_nothing() -> None:
    path = put("uv.lock", uv_lock())
    result = run("rewrite", "uv.lock", "--to-door", DOOR)
    assert result.exit_code == 0
    assert "uv.lock: would rewrite 6 URLs" in result.output
    assert f'+ source = {{ registry = "{DOOR}/simple" }}' in result.output
    assert path.read_text("utf-8") == uv_lock()


def test_check_tells_whether_it_would_change() -> None:
    put("uv.lock", uv_lock())
    assert run("rewrite", "uv.lock", "--to-door", DOOR, "--check").exit_code == 1
    assert run("rewrite", "uv.lock", "--to-door", DOOR, "--write").exit_code == 0
    result = run("rewrite", "uv.lock", "--to-door", DOOR, "--check")
    assert (result.exit_code, result.output) == (0, "uv.lock: nothing to rewrite\n")


def test_there_and_back_by_the_command_it_prints() -> None:
    files = {"uv.lock": uv_lock(), "pylock.toml": pylock(), "poetry.lock": poetry_lock(index=INDEX)}
    for name, text in files.items():
        path = put(name, text.replace("\n", "\r\n"))
        before = path.read_bytes()
        result = run("rewrite", name, "--to-door", DOOR, "--write")
        assert result.exit_code == 0
        assert b"index.example" not in path.read_bytes()
        [line] = [x for x in result.output.splitlines() if "the way back: " in x]
        words = line.partition("pratique lock ")[2].split()
        assert run(*words, "--write").exit_code == 0
        assert path.read_bytes() == before


def test_rewritten_locks_pass_the_check() -> None:
    put("uv.lock", uv_lock())
    code, told = answer("check", "--door", "http://127.0.0.1:9/pypi")
    assert (code, {r for _p, _l, r in found(told)}) == (1, {"foreign-url"})
    run("rewrite", "uv.lock", "--to-door", "http://127.0.0.1:9/pypi", "--write")
    assert answer("check", "--door", "http://127.0.0.1:9/pypi")[0] == 3


def test_the_upstream_is_asked_where_its_files_are(upstream: FakeUpstream) -> None:
    filename, content = make_wheel("demo", "1.0")
    file = upstream.add_file("demo", filename, content, upload_time=NOW)
    index = upstream.url.rstrip("/")
    original = (
        f'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\n'
        f'source = {{ registry = "{index}" }}\n'
        f'wheels = [\n    {{ url = "{upstream.file_url("demo", filename)}",'
        f' hash = "sha256:{sha256_of(content)}" }},\n]\n'
    )
    path = put("uv.lock", original)
    assert run("rewrite", "uv.lock", "--to-door", DOOR, "--write").exit_code == 0
    rewritten = path.read_text("utf-8")
    assert f"{DOOR}/packages/{file.path.removeprefix('/packages/')}" in rewritten
    result = run("rewrite", "uv.lock", "--door", DOOR, "--to-upstream", index, "--write")
    assert result.exit_code == 0, result.output
    assert path.read_text("utf-8") == original
    path.write_text(rewritten.replace("/packages/", "/packages/0"), "utf-8")
    lying = run("rewrite", "uv.lock", "--door", DOOR, "--to-upstream", index, "--write")
    assert isinstance(lying.exception, PratiqueError)
    assert "--map" in str(lying.exception)


def test_one_bad_file_leaves_all_untouched() -> None:
    good = put("a/uv.lock", uv_lock())
    put("b/uv.lock", "broken = = \n")
    result = run("rewrite", "a/uv.lock", "b/uv.lock", "--to-door", DOOR, "--write")
    assert isinstance(result.exception, PratiqueError)
    assert good.read_text("utf-8") == uv_lock()


def test_what_stays_besides_the_door_is_told() -> None:
    text = uv_lock().replace(FILES, "\\u0068ttps://files.example/packages/", 1)
    put("uv.lock", text)
    result = run("rewrite", "uv.lock", "--to-door", DOOR)
    assert result.exit_code == 1
    assert "still besides the door" in result.output


def test_json_of_a_rewrite() -> None:
    put("uv.lock", uv_lock(index="https://me:hunter2@index.example/simple"))
    result = run("rewrite", "uv.lock", "--to-door", DOOR, "--format", "json")
    told = json.loads(result.stdout)
    assert not told["written"]
    assert told["files"][0]["urls"] == 6
    assert told["files"][0]["reversible"]
    assert "hunter2" not in result.output
    assert "hunter2" not in run("rewrite", "uv.lock", "--to-door", DOOR).output


def test_a_file_is_replaced_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("real.lock", "old")
    path.chmod(0o640)
    link = Path("uv.lock")
    link.symlink_to("real.lock")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        replace_file(path, b"newer")
    assert path.read_bytes() == b"new"
    assert sorted(p.name for p in Path().iterdir()) == ["real.lock", "uv.lock"]


def test_every_demo_pin_has_two_files() -> None:
    # The fixtures above rely on it.
    assert all(len(pin.filenames) == 2 for pin in DEMO)
