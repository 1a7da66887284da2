"""The breach, replayed at a real door and a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.door import run_pratique

MIB = 1 << 20


@pytest.mark.slow
def test_nobody_gets_more_than_the_bound_and_the_bearer_gets_everything(tmp_path: Path) -> None:
    words = ("drill", "breach", "--objects", "6", "--budget", "640KiB", "--format", "json")
    done = run_pratique(*words, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["all_bytes"] == report["plain"]["got"] == 6 * 6 * 2 * MIB
    assert report["worst_case"] == 36 * 640 * 1024
    lease, account, door = report["attackers"]
    assert lease["got"] == lease["bound"] == 640 * 1024, "all of its budget, and no byte more"
    first, *others = lease["attempts"]
    assert first["got"] == lease["got"]
    assert [one["got"] for one in others] == [0] * len(others)
    assert "budget used up" in first["told"]
    assert account["got"] == lease["got"], "parts and socket gave nothing"
    assert 0 < door["got"] <= door["bound"] < report["all_bytes"]
    assert "the broker's cap is reached" in door["attempts"][0]["told"]


def test_budgets_that_make_no_scene(tmp_path: Path) -> None:
    refused = run_pratique("drill", "breach", "--budget", "1TiB", home=tmp_path)
    assert refused.returncode == 2
    assert "up to 64 MiB" in refused.stderr
