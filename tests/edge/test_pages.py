from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.edge.pages import DiskPageStore
from pratique.index.ports import StoredPage
from pratique.values.names import ProjectName

DEMO = ProjectName("demo")
MARCH = datetime(2026, 3, 24, 10, 39, 0, 123456, tzinfo=UTC)


def page(body: bytes = b'{"files": []}', **changes: object) -> StoredPage:
    given = {
        "url": "https://index.example/simple/demo/",
        "body": body,
        "etag": '"abc"',
        "fetched_at": MARCH,
        "last_serial": 7,
    }
    return StoredPage(**{**given, **changes})  # type: ignore[arg-type] # fields by name


def bodies(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.body"))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    store = DiskPageStore(tmp_path)
    assert store.load("public", DEMO) is None
    store.save("public", DEMO, page())
    assert store.load("public", DEMO) == page()
    store.save("public", DEMO, page(b"new", last_serial=None, etag=""))
    assert DiskPageStore(tmp_path).load("public", DEMO) == page(b"new", last_serial=None, etag="")
    assert store.load("other", DEMO) is None
    assert store.load("public", ProjectName("demo-2")) is None


def test_touch_changes_the_time_only(tmp_path: Path) -> None:
    store = DiskPageStore(tmp_path)
    store.touch("public", DEMO, fetched_at=MARCH)
    assert store.load("public", DEMO) is None
    store.save("public", DEMO, page())
    (body,) = bodies(tmp_path)
    before = body.stat()
    later = MARCH + timedelta(hours=1)
    store.touch("public", DEMO, fetched_at=later)
    assert store.load("public", DEMO) == page(fetched_at=later)
    assert body.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    "damage",
    [
        lambda body, sidecar: body.write_bytes(b""),
        lambda body, sidecar: body.write_bytes(body.read_bytes()[:-1] + b"!"),
        lambda body, sidecar: body.unlink(),
        lambda body, sidecar: sidecar.unlink(),
        lambda body, sidecar: sidecar.write_bytes(b""),
        lambda body, sidecar: sidecar.write_bytes(b"\xff"),
        lambda body, sidecar: sidecar.write_bytes(b"[]"),
        lambda body, sidecar: sidecar.write_bytes(sidecar.read_bytes().replace(b"sha256", b"sha")),
        lambda body, sidecar: sidecar.write_bytes(sidecar.read_bytes().replace(b"Z", b"")),
        lambda body, sidecar: sidecar.write_bytes(
            sidecar.read_bytes().replace(body.stem.encode(), b"../" + b"a" * 61)
        ),
    ],
)
def test_a_damaged_page_counts_as_none(tmp_path: Path, damage: object) -> None:
    store = DiskPageStore(tmp_path)
    store.save("public", DEMO, page())
    (body,) = bodies(tmp_path)
    damage(body, body.with_name("page.json"))  # type: ignore[operator] # parametrised
    assert store.load("public", DEMO) is None
    store.save("public", DEMO, page())
    assert store.load("public", DEMO) == page()


def test_older_bodies_are_removed_once_nobody_can_be_reading_them(tmp_path: Path) -> None:
    store = DiskPageStore(tmp_path)
    store.save("public", DEMO, page(b"one"))
    store.save("public", DEMO, page(b"two"))
    assert len(bodies(tmp_path)) == 2
    for body in bodies(tmp_path):
        os.utime(body, (time.time() - 120, time.time() - 120))
    store.save("public", DEMO, page(b"three"))
    assert len(bodies(tmp_path)) == 1
    assert store.load("public", DEMO) == page(b"three")


@settings(max_examples=50, deadline=None)
@given(
    upstream=st.text(min_size=1, max_size=300),
    name=st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
)
def test_names_never_leave_the_folder(
    tmp_path_factory: pytest.TempPathFactory, upstream: str, name: str
) -> None:
    try:
        upstream.encode()
    except UnicodeEncodeError:
        return
    root = tmp_path_factory.mktemp("names")
    store = DiskPageStore(root / "pages")
    project = ProjectName("a" + name + "z")
    store.save(upstream, project, page())
    assert store.load(upstream, project) == page()
    assert [p.name for p in root.iterdir()] == ["pages"]


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".", "A", "a" * 300])
def test_names_that_were_not_parsed_are_a_programmers_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="parsed"):
        DiskPageStore(tmp_path).load("public", ProjectName(name))


def test_the_longest_names_fit(tmp_path: Path) -> None:
    store = DiskPageStore(tmp_path)
    store.save("ü" * 200, ProjectName("a" * 255), page())
    assert store.load("ü" * 200, ProjectName("a" * 255)) == page()
    assert store.load("ü" * 200, ProjectName("a" * 254 + "b")) is None
    assert store.load("ü" * 201, ProjectName("a" * 255)) is None


def test_a_full_disk_loses_the_page_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = DiskPageStore(tmp_path)
    store.save("public", DEMO, page())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    store.save("public", DEMO, page(b"new"))
    store.touch("public", DEMO, fetched_at=MARCH + timedelta(hours=1))
    assert [record.message for record in caplog.records] == [
        "page was not kept",
        "page was not confirmed",
    ]
    assert store.load("public", DEMO) == page()
    assert not list(tmp_path.rglob(".*"))


def test_readers_never_see_half_a_pair_while_two_writers_write(tmp_path: Path) -> None:
    store = DiskPageStore(tmp_path)
    variants = [page(bytes([65 + n]) * 50_000, last_serial=n) for n in range(6)]
    store.save("public", DEMO, variants[0])

    def write(first: int) -> None:
        for turn in range(60):
            DiskPageStore(tmp_path).save("public", DEMO, variants[(first + turn) % 6])

    def read() -> int:
        seen = 0
        for _ in range(300):
            loaded = store.load("public", DEMO)
            assert loaded in variants
            seen += 1
        return seen

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(write, 0), pool.submit(write, 3)]
        assert sum(job.result() for job in [pool.submit(read), pool.submit(read)]) == 600
        for job in jobs:
            job.result()
