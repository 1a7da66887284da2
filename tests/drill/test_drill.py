"""The drill itself, with real clients and the real litellm 1.82.6."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.clients import client_named

pytestmark = [pytest.mark.clients, pytest.mark.network, pytest.mark.slow]

SECONDS = 600
PRATIQUE = str(Path(sys.executable).with_name("pratique"))


def run_drill(tmp_path: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PRATIQUE_HOME": str(tmp_path / "home"), "PATH": path}
    return subprocess.run(
        [PRATIQUE, "drill", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_no_poisoned_byte_comes_through_and_the_ledger_says_so(tmp_path: Path) -> None:
    folders = [str(client_named(name).python.parent) for name in ("uv", "poetry")]
    path = os.pathsep.join([os.environ["PATH"], *folders])
    keep = tmp_path / "kept"
    run = run_drill(tmp_path, "--every", "60", "--format", "json", "--keep", str(keep), path=path)
    assert run.returncode == 0, run.stderr[-2000:] + run.stdout[-2000:]
    report = json.loads(run.stdout)
    assert report["clients"] == ["pip", "uv", "poetry"]
    assert report["marker_fired"]
    assert report["unprotected"][0]["got"] == "1.82.8"
    assert report["poisoned_installs"] == report["poisoned_bytes_served"] == 0
    assert report["ledger_verified"]
    response = report["response"]
    assert [check for check in response if not check["holds"]] == []
    told = [check["told"] for check in response]
    assert "laptop-unprotected: confirmed, installed, digest-seen" in told  # by uv's cache
    assert "laptop-protected: unknown, sampled-only" in told
    asked = [line for line in report["timeline"] if line["client"]]
    newest = [line for line in asked if line["asked"] == "litellm"]
    pinned = [line for line in asked if line["asked"] != "litellm"]
    assert {line["got"] for line in newest} == {"1.82.6"}
    assert {line["got"] for line in pinned} == {""}
    early = [line for line in pinned if line["at"] < "2026-03-24T13:00Z"]
    assert len(early) == 6
    for line in early:
        assert "cool-down until 2026-03-27T10:" in line["told"]
        assert "/b/" in line["told"]
    verify = subprocess.run(
        [PRATIQUE, "ledger", "verify", "--home", str(keep / "home")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verify.returncode == 0, verify.stdout + verify.stderr


def test_a_folder_with_something_in_it_is_not_worked_in(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    run = run_drill(tmp_path, "--keep", str(tmp_path), path=os.environ["PATH"])
    assert run.returncode == 2
    assert "not empty" in run.stderr
    assert (tmp_path / "mine").read_text() == "precious"
