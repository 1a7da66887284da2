"""Entries of caches, as bytes."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.edge.sweep.cache_files import wheel_release
from pratique.inventory.caches.entries import (
    Release,
    dist_info_in,
    parse_http_entry,
    parse_npm_bucket,
    read_filename,
    read_uv_pointer,
)

SHA512 = "sha512-" + base64.b64encode(bytes(64)).decode()


def line(key: str, **more: object) -> bytes:
    return (
        b"\n0123456789\t"
        + json.dumps({"key": key, "integrity": SHA512, "time": 1000, **more}).encode()
    )


@pytest.mark.parametrize(
    ("url", "name", "version"),
    [
        ("https://r.example/left/-/left-1.2.3.tgz", "left", "1.2.3"),
        ("https://r.example/@acme/right/-/right-0.1.0-beta.1.tgz", "@acme/right", "0.1.0-beta.1"),
        ("https://r.example/%40acme%2fright/-/right-1.0.0.tgz", "@acme/right", "1.0.0"),
        (
            "https://h.example:8081/repository/npm/left-pad/-/left-pad-1.0.0.tgz",
            "left-pad",
            "1.0.0",
        ),
        ("https://h.example/repo/@a/b/-/b-2.tgz?cache=0,2", "@a/b", "2"),
        ("https://h.example/x/-/other-2.tgz", "x", ""),
    ],
)
def test_npm_tarballs_by_their_url(url: str, name: str, version: str) -> None:
    (one,), bad = parse_npm_bucket(line(f"make-fetch-happen:request-cache:{url}"))
    assert (one.item.type, one.item.name, one.item.version, bad) == ("npm", name, version, 0)
    assert one.item.digest == "sha512:" + "0" * 128


def test_npm_buckets_keep_the_first_time_and_what_was_taken_out() -> None:
    key = "make-fetch-happen:request-cache:https://r.example/axios/-/axios-1.14.1.tgz"
    (one,), bad = parse_npm_bucket(line(key, time=2000) + line(key, time=1500) + b"\nx\tbroken{")
    assert (one.at_millis, one.removed, bad) == (1500, False, 1)
    (one,), _bad = parse_npm_bucket(line(key) + line(key, integrity=None))
    assert one.removed
    assert (
        parse_npm_bucket(line("make-fetch-happen:request-cache:https://r.example/axios"))[0] == []
    )


@pytest.mark.parametrize(
    ("filename", "release"),
    [
        ("demo-1.1-py3-none-any.whl", Release("demo", "1.1")),
        ("demo-1.1-1-py3-none-any.whl", Release("demo", "1.1")),
        ("my-lib-2.0.1rc2.tar.gz", Release("my-lib", "2.0.1rc2")),
        ("demo-1.1.zip", Release("demo", "1.1")),
        ("demo.whl", None),
        ("demo-latest.tar.gz", None),
        ("notes.txt", None),
    ],
)
def test_file_names(filename: str, release: Release | None) -> None:
    assert read_filename(filename) == release


def test_a_pointer_of_uv() -> None:
    data = (
        b"\x95\xb0abc\x91\x81\xa6Sha256\xd9\x40"
        + b"a" * 64
        + b"\xb9demo-1.1-py3-none-any.whl\x00rest"
    )
    pointer = read_uv_pointer(data)
    assert (pointer.sha256, pointer.filename) == ("a" * 64, "demo-1.1-py3-none-any.whl")
    assert read_uv_pointer(b"\x95\xb0nothing").sha256 == ""


def wheel(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"Name: x\n")
    return buffer.getvalue()


def test_a_wheel_is_known_by_its_own_dist_info(tmp_path: Path) -> None:
    data = wheel("a/_vendor/inner-9.dist-info/METADATA", "a.py", "Outer.pkg-1.0.dist-info/METADATA")
    assert dist_info_in(data) == Release("Outer.pkg", "1.0")
    body = tmp_path / "x.body"
    body.write_bytes(data)
    for release, sha256, filename in (wheel_release(str(body), b""), wheel_release("", data)):
        assert release == Release("Outer.pkg", "1.0")
        assert (len(sha256), filename) == (64, "")


def test_a_source_archive_is_known_by_its_first_folder() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("demo-1.0/PKG-INFO"))
    release, sha256, filename = wheel_release("", buffer.getvalue())
    assert (release, filename) == (Release("demo", "1.0"), "demo-1.0.tar.gz")
    assert len(sha256) == 64


@pytest.mark.parametrize(
    "body", [b"", b"<html>", gzip.compress(b"{}"), wheel("a.py"), b"PK\x03\x04", b"\x1f\x8b"]
)
def test_other_bodies_are_no_files(body: bytes) -> None:
    assert wheel_release("", body)[0] is None


def test_http_entries() -> None:
    response = {
        "status": 200,
        "headers": {"Content-Type": "application/zip"},
        "body": b"x",
        "reason": "OK",
    }
    data = b"cc=4," + msgspec.msgpack.encode({"response": response, "vary": {}})
    entry = parse_http_entry(data)
    assert entry is not None
    assert (entry.status, entry.content_type, entry.body) == (200, "application/zip", b"x")
    assert parse_http_entry(b"cc=3,abc") is None
    assert parse_http_entry(data[:-9]) is None
    assert parse_http_entry(b"cc=4," + b"\x91" * 100_000) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    parse_http_entry(b"cc=4," + data)
    parse_npm_bucket(b"\nx\t" + data)
    read_uv_pointer(data)
    dist_info_in(data)
    wheel_release("", data)
    wheel_release("", b"PK\x03\x04" + data)
    wheel_release("", b"\x1f\x8b\x08" + data)
