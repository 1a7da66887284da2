"""Caches on disk that are broken, hostile, or of other tools."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from pratique.edge.sweep.caches import READERS
from pratique.edge.sweep.conda_cache import READERS as CONDA
from pratique.edge.sweep.context import SweepContext, SweepLimits
from pratique.inventory.observed.model import AssetKind, Look, Stage
from pratique.values.instants import now_utc


def look_at(path: Path, **more: object) -> Look:
    ctx = SweepContext(asset="h", asset_kind=AssetKind.HOST, machine="", now=now_utc, **more)  # type: ignore[arg-type] # options by name
    for reader in READERS:
        if reader.claims(path, is_dir=path.is_dir()):
            (look,) = reader.read(path, ctx)
            return look
    pytest.fail("no reader claims it")


def wheel(name: str, version: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", b"")
    return buffer.getvalue()


def test_what_pip_built_here_has_run(tmp_path: Path) -> None:
    folder = tmp_path / "wheels" / "ab" / "cd" / "ef" / "0123"
    folder.mkdir(parents=True)
    data = wheel("evil", "1.0")
    (folder / "evil-1.0-py3-none-any.whl").write_bytes(data)
    origin = {
        "url": "https://u:canary@h.example/evil-1.0.tar.gz",
        "archive_info": {"hashes": {"sha256": "b" * 64}},
    }
    (folder / "origin.json").write_text(json.dumps(origin))
    look = look_at(tmp_path / "wheels")
    assert {one.item.digest for one in look.sightings} == {
        f"sha256:{hashlib.sha256(data).hexdigest()}",
        "sha256:" + "b" * 64,
    }
    assert {one.stage for one in look.sightings} == {Stage.EXECUTED}
    assert "canary" not in repr(look)


def test_http_entries_with_pipes_links_and_garbage(tmp_path: Path) -> None:
    shard = tmp_path / "http-v2" / "a" / "b" / "c" / "d" / "e"
    shard.mkdir(parents=True)
    header = b"cc=4,\x81\xa8response\x83\xa6status\xcc\xc8\xa7headers\x80\xa4body\xc4\x00"
    for name in ("good", "piped", "linked", "page"):
        (shard / name).write_bytes(header)
    (shard / "good.body").write_bytes(wheel("demo", "1.0"))
    (shard / "page.body").write_bytes(b"<html>")
    os.mkfifo(shard / "piped.body")
    (shard / "linked.body").symlink_to(shard / "good.body")
    (shard / "old").write_bytes(b"cc=2,what")
    (shard / "loop").symlink_to(tmp_path)
    look = look_at(tmp_path / "http-v2")
    assert [(one.item.name, one.item.version) for one in look.sightings] == [("demo", "1.0")]
    assert {Path(gap.what).name: gap.why for gap in look.gaps} == {
        "piped.body": "is no regular file but a pipe",
        "linked.body": "is a symbolic link, which is not followed",
        "old": "is no entry of an HTTP cache that is known",
    }
    assert not look.whole


def test_a_cache_without_end_is_cut(tmp_path: Path) -> None:
    shard = tmp_path / "_cacache" / "index-v5" / "aa"
    shard.mkdir(parents=True)
    for number in range(30):
        (shard / f"{number}").write_bytes(b"\nx\tbroken")
    look = look_at(tmp_path / "_cacache", limits=SweepLimits(members=10))
    assert any("more than 10 entries" in gap.why for gap in look.gaps)
    assert "stopped" in look_at(tmp_path / "_cacache", stop=lambda: True).gaps[0].why


def test_hooks_in_unpacked_wheels_are_fetched_not_installed(tmp_path: Path) -> None:
    inner = tmp_path / "archive-v0" / "abc"
    (inner / "litellm-1.82.8.dist-info").mkdir(parents=True)
    (inner / "litellm-1.82.8.dist-info" / "METADATA").write_text("Name: litellm\nVersion: 1.82.8\n")
    (inner / "litellm_init.pth").write_text("import os\n")
    look = look_at(tmp_path / "archive-v0")
    assert {(one.item.name, one.stage) for one in look.sightings} == {
        ("litellm", Stage.FETCHED),
        ("litellm_init.pth", Stage.FETCHED),
    }


@pytest.mark.parametrize(
    "name", ["http", "wheels", "artifacts", "archive-v", "_cacache2", "archive-v0.bak"]
)
def test_folders_of_others_are_left(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "src").mkdir(parents=True)
    assert not any(reader.claims(tmp_path / name, is_dir=True) for reader in READERS)
    assert not any(reader.claims(tmp_path / name / "none", is_dir=True) for reader in READERS)


def test_condas_packages_were_fetched(tmp_path: Path) -> None:
    info = tmp_path / "pkgs" / "litellm-1.82.8-py_0" / "info"
    info.mkdir(parents=True)
    record = {"name": "litellm", "version": "1.82.8", "build": "py_0", "sha256": "a" * 64}
    (info / "index.json").write_text("{}")
    (info / "repodata_record.json").write_text(json.dumps(record))
    (tmp_path / "pkgs" / "cache").mkdir()
    broken = tmp_path / "pkgs" / "x-1-0" / "info"
    broken.mkdir(parents=True)
    (broken / "index.json").write_text("{")
    (reader,) = CONDA
    assert reader.claims(tmp_path / "pkgs", is_dir=True)
    ctx = SweepContext(asset="h", asset_kind=AssetKind.HOST, machine="", now=now_utc)
    (look,) = reader.read(tmp_path / "pkgs", ctx)
    (one,) = look.sightings
    assert (one.item.type, one.item.version, one.stage) == ("conda", "1.82.8", Stage.FETCHED)
    assert one.item.digest == "sha256:" + "a" * 64
    assert [gap.what for gap in look.gaps] == [str(broken / "index.json")]
    (tmp_path / "go" / "pkgs").mkdir(parents=True)
    assert not reader.claims(tmp_path / "go" / "pkgs", is_dir=True)
