"""What a person sees whose download is held at its tail: the reason, never a broken or a strange file."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

from kit.clients import Client
from kit.shop import OpenShop
from pratique.doors.index.sending import takes_part_for_whole

pytestmark = pytest.mark.clients

VET = '[vet]\nmode = "inline"\nworkers = 1\n'
INERT = base64.b64encode(b"print('this is an inert look-alike')").decode()
PTH = (
    "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
    f"\"import base64; exec(base64.b64decode('{INERT}'))\"])\n"
)
PLAIN = {"demo/__init__.py": "VALUE = 1\n"}
BALLAST = {"demo/data.bin": random.Random(1).randbytes(9 * 1024 * 1024)}
"""Beyond what is vetted before the answer begins."""


def test_a_download_that_is_held_at_its_tail_tells_why(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop(settings=VET)
    shop.publish("demo", "1.0", files=PLAIN)
    shop.publish("demo", "1.1", files={**PLAIN, **BALLAST, "demo_init.pth": PTH})
    result = client.install("demo==1.1", index_url=shop.index_url, where=tmp_path / "work")
    assert result.exit_code != 0, result
    assert result.installed == {}
    assert result.says("demo_init.pth"), result
    assert result.says("malicious"), result
    assert client.kind == "pdm" or "Traceback" not in result.output, result  # it shows one always
    assert "tampered" not in result.output, result
    refusals = shop.door.entries("refusal", project="demo")
    assert {e.body["rule"] for e in refusals} == {"verdict"}


def test_a_large_file_that_nobody_vetted_arrives_whole(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop(settings=VET)
    shop.publish("demo", "1.0", files={**PLAIN, **BALLAST})
    result = client.install("demo", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"demo": "1.0"}, result


def test_who_takes_a_part_for_the_whole() -> None:
    told = ("pip/22.0.2 {}", "pip/23.2.1", "pip/25.0.1 {", "poetry/2.1.3 CPython/3.11.7 Linux/6")
    others = ("pip/25.1 {", "pip/26.3", "uv/0.9.1", "pdm/2.22", "", "notpip/1.0", "pip/x")
    assert all(map(takes_part_for_whole, told))
    assert not any(map(takes_part_for_whole, others))
