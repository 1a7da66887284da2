"""`pratique up` as people run it: a process of its own, the wall clock, the command line beside it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.asking import SIMPLE_JSON, ask
from kit.distributions import make_wheel
from kit.door import DoorProcess, free_port, run_pratique, running_up, write_home
from kit.upstream import FakeUpstream


def _stock(upstream: FakeUpstream) -> None:
    now = datetime.now(tz=UTC)
    for version, age in (("1.0", timedelta(days=30)), ("2.0", timedelta(hours=1))):
        filename, content = make_wheel("demo", version)
        upstream.add_file("demo", filename, content, upload_time=now - age, core_metadata=True)


def _path(upstream: FakeUpstream, version: str) -> str:
    return f"/pypi{upstream.projects['demo'].files[f'demo-{version}-py3-none-any.whl'].path}"


@pytest.mark.slow
def test_a_day_in_the_life(tmp_path: Path) -> None:
    """Refused, explained, waived, delivered, taken back, and all of it in a ledger that holds."""
    home = tmp_path / "home"
    with FakeUpstream() as upstream:
        _stock(upstream)
        write_home(home, upstream, settings='[door]\nanonymous = "nobody"\n', policy="")
        with running_up(home) as door:
            assert door.ask("/pypi/simple/demo/").status == 401
            made = door.command("token", "create", "ci-runner", "--format", "json")
            assert made.returncode == 0, made.stderr
            secret = json.loads(made.stdout)["token"]
            login = ("__token__", secret)
            assert door.ask("/pypi/simple/demo/", login=login).status == 200
            assert door.ask(_path(upstream, "1.0"), login=login).status == 200
            refused = door.ask(_path(upstream, "2.0"), login=login)
            assert refused.status == 403
            waived = door.command(
                *("waiver", "add", "demo==2.0", "--reason", "fixes our outage"),
                *("--approver", "alice", "--expires", "2d", "--format", "json"),
            )
            assert waived.returncode == 0, waived.stderr + waived.stdout
            assert door.ask(_path(upstream, "2.0"), login=login).status == 200
            [granted] = json.loads(waived.stdout)
            assert door.command("waiver", "revoke", granted["id"]).returncode == 0
            assert door.ask(_path(upstream, "2.0"), login=login).status == 403
            exposed = door.command("exposed", "demo==2.0", "--format", "json")
            assert exposed.returncode == 1, exposed.stdout
            assert "ci-runner" in exposed.stdout
        verified = run_pratique("ledger", "verify", home=home)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        evidence = tmp_path / "evidence"
        exported = run_pratique("ledger", "export", "--all", str(evidence), home=home)
        assert exported.returncode == 0, exported.stderr
        elsewhere = run_pratique("verify", str(evidence), home=tmp_path / "nothing-here")
        assert elsewhere.returncode in {0, 3}, elsewhere.stdout + elsewhere.stderr
        assert secret not in (tmp_path / "home.log").read_text("utf-8")
        for path in home.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


@pytest.mark.slow
def test_a_killed_door_loses_nothing_that_it_answered(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with FakeUpstream() as upstream:
        _stock(upstream)
        write_home(home, upstream, settings="", policy="")
        got = 0
        for _ in range(3):
            with running_up(home) as door, ThreadPoolExecutor(4) as pool:
                path = _path(upstream, "1.0")
                assert door.ask(path).status == 200
                got += 1
                asked = [pool.submit(_try, door, path) for _ in range(40)]
                time.sleep(0.05)
                door.end(kill=True)
                got += sum(future.result() for future in asked)
        verified = run_pratique("ledger", "verify", home=home)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        with running_up(home) as door:
            # Under `strict` whoever got the whole file has an entry that says so.
            assert len(door.entries("delivery")) >= got
            assert door.ask(_path(upstream, "2.0")).status == 403


def _try(door: DoorProcess, path: str) -> bool:
    try:
        answer = door.ask(path)
    except OSError:
        return False
    except Exception as error:  # noqa: BLE001 - http.client names a cut connection in many ways
        return bool(type(error).__name__ == "never")
    return answer.status == 200 and not answer.broken


@pytest.mark.slow
def test_workers_share_one_address_and_one_ledger(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with FakeUpstream() as upstream:
        _stock(upstream)
        write_home(home, upstream, settings="", policy="")
        with running_up(home, "--workers", "3") as door:
            time.sleep(2)  # the others open a moment after the first
            held, good = _path(upstream, "2.0"), _path(upstream, "1.0")
            with ThreadPoolExecutor(12) as pool:
                answers = Counter(
                    (path, answer.status)
                    for path, answer in zip(
                        [held, good] * 60,
                        pool.map(door.ask, [held, good] * 60),
                        strict=True,
                    )
                )
            assert answers == {(held, 403): 60, (good, 200): 60}
            blocks = {door.ask(held).json["block"] for _ in range(6)}
            assert len(blocks) == 1
            [block] = blocks
            for _ in range(6):
                assert door.ask(block.removeprefix(door.url)).status == 200
            (home / "policy.toml").write_text('[[deny]]\nprojects = ["demo"]\nreason = "x"\n')
            assert {door.ask(good).status for _ in range(12)} == {403}
            entries = door.entries()
            assert Counter(e.kind for e in entries)["delivery"] == 60
            assert [e.sequence for e in entries] == list(range(len(entries)))
        assert run_pratique("ledger", "verify", home=home).returncode == 0


@pytest.mark.slow
def test_the_first_start_needs_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with running_up(home) as door:
        assert (home / "pratique.toml").exists()
        assert (home / "policy.toml").exists()
        assert door.told["mode"] == "enforce"
        assert door.told["indexes"] == [f"{door.url}/pypi/simple/"]
        page = door.ask("/pypi/simple/pratique-test-held/", headers={"Accept": SIMPLE_JSON})
        assert page.status == 200
        assert door.ask("/").status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "policy", "said"),
    [
        ("[door]\nlisten = 5\n", "", "listen"),
        ("[door\n", "", "pratique.toml"),
        ("nonsense = 1\n", "", "nonsense"),
        ("", "[cool-down]\nhours = -1\n", "hours"),
        ("", "[[deny]]\nprojects = ['x']\n", "reason"),
        ('[door]\ntls_certificate = "/nowhere.pem"\n', "", "/nowhere.pem"),
        ('[storage]\ndatabase_url = "postgresql://127.0.0.1:1/x"\n', "", "database"),
    ],
)
def test_a_door_that_cannot_open_says_why(
    tmp_path: Path, settings: str, policy: str, said: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "pratique.toml").write_text(settings, "utf-8")
    (home / "policy.toml").write_text(policy, "utf-8")
    places = ("--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0")
    done = run_pratique("up", "--home", str(home), *places, home=home)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "to do:" in done.stderr or "expected:" in done.stderr


@pytest.mark.slow
def test_an_address_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = ("--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--s3-listen", "127.0.0.1:0")
        done = run_pratique("up", "--home", str(tmp_path / "home"), *places, home=tmp_path)
    assert done.returncode == 2
    assert "cannot listen" in done.stderr


@pytest.mark.slow
def test_what_is_told_on_a_terminal_works_as_it_stands(tmp_path: Path) -> None:
    """The lines that `up` prints are copied by people; each URL in them must answer."""
    program = Path(sys.executable).parent / "pratique"
    words = ["--listen", f"127.0.0.1:{free_port()}", "--s3-listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [str(program), "up", "--home", str(tmp_path / "home"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    try:
        for line in process.stdout:
            told += line
            if line.startswith("Ctrl-C"):
                break
        urls = set(re.findall(r"https?://\S+/", told))
        assert urls, told
        for url in urls:
            base, _, path = url.partition("/pypi/")
            assert ask(base, f"/pypi/{path}").status == 200
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
