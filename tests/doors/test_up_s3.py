"""`pratique up` opens the S3 door and the key broker beside the index door."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.asking import ask
from kit.door import free_port, run_pratique, running_up, write_home
from kit.upstream import FakeUpstream

pytestmark = pytest.mark.slow


def _children(pid: int) -> dict[int, str]:
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    pairs = (line.strip().partition(" ") for line in found.stdout.splitlines())
    return {int(number): words for number, _, words in pairs}


def _eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to pass")


def test_s3_door_and_broker_live_and_end_with_it(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with FakeUpstream() as upstream:
        write_home(home, upstream, settings="", policy="")
        with running_up(home, "--s3-listen", f"127.0.0.1:{port}") as door:
            url = f"http://127.0.0.1:{port}"
            _eventually(lambda: ask(url, "/_pratique/health").status == 200)
            refused = ask(url, "/dialogs/x")
            assert refused.status == 403
            assert b"pratique lease grant" in refused.body
            children = _children(door.process.pid)
            [broker] = [n for n, words in children.items() if "custody.broker" in words]
            os.kill(broker, signal.SIGKILL)
            _eventually(
                lambda: any(
                    "custody.broker" in words and number != broker
                    for number, words in _children(door.process.pid).items()
                )
            )
            assert door.end() == 0
        _eventually(lambda: not any(Path(f"/proc/{number}").exists() for number in children))
    assert "Traceback" not in (tmp_path / "home.log").read_text("utf-8")


def test_an_s3_process_that_dies_ends_everything(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with FakeUpstream() as upstream:
        write_home(home, upstream, settings="", policy="")
        with running_up(home, "--s3-listen", f"127.0.0.1:{port}") as door:
            _eventually(lambda: ask(f"http://127.0.0.1:{port}", "/_pratique/health").status == 200)
            [worker] = [
                number
                for number, words in _children(door.process.pid).items()
                if "spawn_main" in words and "resource_tracker" not in words
            ]
            os.kill(worker, signal.SIGKILL)
            assert door.process.wait(20) == 1


def test_a_process_says_what_it_lacks(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with FakeUpstream() as upstream:
        write_home(home, upstream, settings="", policy="")
        (home / "custody.db").write_bytes(b"no database" * 1000)
        anywhere = "127.0.0.1:0"
        said = run_pratique("up", "--listen", anywhere, "--s3-listen", anywhere, home=home)
    assert said.returncode == 1
    assert "custody.db" in said.stderr
    assert "to do:" in said.stderr
    assert "Traceback" not in said.stderr


def test_nothing_goes_on_when_up_is_killed(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with FakeUpstream() as upstream:
        write_home(home, upstream, settings="", policy="")
        with running_up(home, "--s3-listen", f"127.0.0.1:{port}") as door:
            _eventually(lambda: ask(f"http://127.0.0.1:{port}", "/_pratique/health").status == 200)
            children = _children(door.process.pid)
            assert any("custody.broker" in words for words in children.values())
            os.kill(door.process.pid, signal.SIGKILL)
            door.process.wait(20)
            _eventually(lambda: not any(Path(f"/proc/{number}").exists() for number in children))
    with socket.create_server(("127.0.0.1", port)):
        pass  # the address is free for the next one


def test_a_taken_address_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("up", "--listen", "127.0.0.1:0", "--s3-listen", listen)
        said = run_pratique(*words, home=tmp_path / "home")
    assert said.returncode == 2
    assert f"cannot listen on {listen}" in said.stderr
    assert "Traceback" not in said.stderr
