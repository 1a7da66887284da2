"""Packages that lie about as files, and what is counted when nobody can read it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.package_files import PackageFileReader
from pratique.edge.sweep.unread import Unread
from pratique.inventory.observed.model import AssetKind, Look, Stage

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READER = PackageFileReader()
METADATA = "litellm-1.82.8.dist-info/METADATA"


def look_at(path: Path) -> Look:
    assert READER.claims(path, is_dir=False)
    ctx = SweepContext(asset="box", asset_kind=AssetKind.SERVER, machine="", now=lambda: NOW)
    [look] = READER.read(path, ctx)
    return look


def zipped(path: Path, *names: str, before: bytes = b"") -> Path:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "Name: x\n")
    path.write_bytes(before + made.getvalue())
    return path


def tarball(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def told(look: Look) -> set[tuple[str, str, str, Stage]]:
    return {(s.item.type, s.item.name, s.item.version, s.stage) for s in look.sightings}


def test_a_wheel_in_a_folder_was_fetched_and_has_its_hash(tmp_path: Path) -> None:
    path = zipped(tmp_path / "LiteLLM-1.82.8-py3-none-any.whl", "litellm/x.py", METADATA)
    look = look_at(path)
    assert told(look) == {("pypi", "litellm", "1.82.8", Stage.FETCHED)}
    assert look.sightings[0].item.digest == f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    assert look.locator == str(path)


def test_a_wheel_is_what_its_metadata_says(tmp_path: Path) -> None:
    look = look_at(zipped(tmp_path / "ok-1-py3-none-any.whl", METADATA))
    assert told(look) == {("pypi", "litellm", "1.82.8", Stage.FETCHED)}


def test_a_wheel_that_is_cut_off_counts_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "litellm-1.82.8-py3-none-any.whl"
    path.write_bytes(b"")
    look = look_at(path)
    assert told(look) == {("pypi", "litellm", "1.82.8", Stage.FETCHED)}
    assert "not whole" in look.sightings[0].note


def test_an_npm_tarball_is_what_its_manifest_says(tmp_path: Path) -> None:
    manifest = json.dumps({"name": "@acme/axios", "version": "1.14.1"}).encode()
    look = look_at(tarball(tmp_path / "x.tgz", **{"package/package.json": manifest}))
    assert told(look) == {("npm", "@acme/axios", "1.14.1", Stage.FETCHED)}


def test_a_source_archive_is_what_its_folder_says(tmp_path: Path) -> None:
    path = tarball(tmp_path / "litellm-1.82.8.tar.gz", **{"litellm-1.82.8/PKG-INFO": b""})
    assert told(look_at(path)) == {("pypi", "litellm", "1.82.8", Stage.FETCHED)}


def test_a_tarball_of_something_else_is_none_of_ours(tmp_path: Path) -> None:
    assert not READER.claims(tarball(tmp_path / "etc.tar.gz", **{"etc/passwd": b""}), is_dir=False)
    assert not READER.claims(zipped(tmp_path / "photos.zip", "a.jpg"), is_dir=False)


@pytest.mark.parametrize("name", ["app.pex", "app.pyz", "function.zip", "app.shiv"])
def test_what_is_installed_in_an_application_is_told(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / name, f"site-packages/{METADATA}", before=b"#!/usr/bin/python3\n")
    assert told(look_at(path)) == {("pypi", "litellm", "1.82.8", Stage.INSTALLED)}


def test_wheels_in_a_pex_are_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.pex", ".deps/litellm-1.82.8-py3-none-any.whl/litellm/x.py")
    assert told(look_at(path)) == {("pypi", "litellm", "1.82.8", Stage.INSTALLED)}


def test_yarns_zips_and_zipped_functions_tell_their_packages(tmp_path: Path) -> None:
    path = tmp_path / "axios-npm-1.14.1-abc-10c0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("axios", "@acme/x"):
            manifest = json.dumps({"name": name, "version": "1.14.1"})
            archive.writestr(f"node_modules/{name}/package.json", manifest)
        archive.writestr("node_modules/axios/lib/package.json", "{}")
    assert told(look_at(path)) == {
        ("npm", "axios", "1.14.1", Stage.INSTALLED),
        ("npm", "@acme/x", "1.14.1", Stage.INSTALLED),
    }


@pytest.mark.parametrize("name", ["a.pex", "litellm-1.82.8.tar.gz", "x.whl"])
def test_what_is_called_like_a_package_and_cannot_be_read_is_a_gap(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 no")
    look = look_at(tmp_path / name)
    assert not look.whole
    assert look.gaps[0].what == str(tmp_path / name)


@given(st.binary(max_size=400), st.sampled_from(["a.pex", "a-1.tgz", "a-1-py3-none-any.whl"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_a_look(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data)
    assert look_at(path).locator == str(path)


def test_sorts_that_nobody_reads_are_counted() -> None:
    unread = Unread()
    for name in ("/a/x.log", "/a/y.LOG", "/a/z.jar", "/a/Cargo.lock", "/a/readme.md"):
        unread.note(Path(name))
    unread.note(Path("/a/node_modules/b/package.json"))
    assert unread.counts() == {".log": 2, ".jar": 1, "Cargo.lock": 1}
