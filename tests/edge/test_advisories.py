"""Advisories from folders and archives: bounded, complete, and quick to notice a change."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit.policies import osv
from pratique.edge import advisories as edge
from pratique.edge.advisories import AdvisorySource, AdvisorySourceError
from pratique.policy.language import parse_policy
from pratique.values.names import ProjectName


def source(base: Path, *paths: str, builtin: tuple[bytes, ...] = ()) -> AdvisorySource:
    text = f"[advisory]\npaths = {json.dumps(list(paths))}"
    return AdvisorySource(parse_policy(text, source="p"), base=base, builtin=builtin)


def write(path: Path, *records: dict[str, Any]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for record in records:
        (path / f"{record['id']}.json").write_text(json.dumps(record))


def archive(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)


def test_a_folder_is_read_with_its_subfolders(tmp_path: Path) -> None:
    write(tmp_path / "osv" / "litellm", osv("MAL-1", "1.0"))
    write(tmp_path / "osv", osv("GHSA-1", "2.0"), osv("NPM-1", "1", ecosystem="npm"))
    (tmp_path / "osv" / "README.md").write_text("not a record")
    loaded = source(tmp_path, "osv").read()
    assert [a.id for a in loaded.index.for_project(ProjectName("litellm"))] == ["GHSA-1", "MAL-1"]
    assert (loaded.read, loaded.kept, loaded.left_out, loaded.warnings) == (3, 2, 0, ())


def test_archives_single_files_and_builtin_records_add_up(tmp_path: Path) -> None:
    archive(tmp_path / "all.zip", {"MAL-1.json": json.dumps(osv("MAL-1", "1.0")).encode(),
                                   "notes.txt": b"x"})  # fmt: skip
    (tmp_path / "own.json").write_text(json.dumps(osv("MAL-2", "2.0")))
    builtin = json.dumps(osv("MAL-3", "3.0", name="other")).encode()
    loaded = source(tmp_path, "all.zip", "own.json", builtin=(builtin,)).read()
    assert set(loaded.index.projects) == {"litellm", "other"}
    assert loaded.kept == 3


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "osv"
    write(folder, osv("MAL-1", "1.0"))
    (folder / "broken.json").write_text('{"id": "MAL-2", ')
    (folder / "other.json").write_text("[]")
    good = json.dumps(osv("MAL-4", "4.0")).encode()
    archive(folder / "more.zip", {"bad.json": b"{", "good.json": good})
    loaded = source(tmp_path, "osv").read()
    assert loaded.left_out == 3
    told = "\n".join(loaded.warnings)
    for name in ("broken.json", "other.json", "more.zip:'bad.json'"):
        assert name in told
    assert {a.id for a in loaded.index.for_project(ProjectName("litellm"))} == {"MAL-1", "MAL-4"}
    assert loaded.index.defects == loaded.warnings


def test_half_understood_records_are_named_too(tmp_path: Path) -> None:
    write(tmp_path / "osv", osv("MAL-1", "one"))
    loaded = source(tmp_path, "osv").read()
    assert loaded.left_out == 0
    assert "MAL-1" in loaded.warnings[0]


@pytest.mark.parametrize("name", ["missing", "missing/all.zip"])
def test_a_place_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AdvisorySourceError) as caught:
        source(tmp_path, name).read()
    assert name in caught.value.message
    assert caught.value.remedy


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"not a zip")
    with pytest.raises(AdvisorySourceError):
        source(tmp_path, "all.zip").read()


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "all.zip", {"MAL-1.json": json.dumps(osv("MAL-1", "1.0")).encode()})
    data = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "all.zip").write_bytes(data[:-30])
    with pytest.raises(AdvisorySourceError):
        source(tmp_path, "all.zip").read()


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    record = json.dumps(osv("MAL-1", "1.0", details="x" * 500)).encode()
    archive(tmp_path / "all.zip", {"MAL-1.json": record})
    data = bytearray((tmp_path / "all.zip").read_bytes())
    data[60] ^= 0xFF
    (tmp_path / "all.zip").write_bytes(data)
    loaded = source(tmp_path, "all.zip").read()
    assert loaded.left_out == 1
    assert "MAL-1.json" in loaded.warnings[0]


def test_a_bomb_is_left_out_and_named(tmp_path: Path) -> None:
    bomb = b'{"id": "MAL-1", "details": "' + b"a" * 5_000_000 + b'"}'
    archive(tmp_path / "all.zip", {"bomb.json": bomb})
    loaded = source(tmp_path, "all.zip").read()
    assert loaded.left_out == 1
    assert "expands more than" in loaded.warnings[0]


def test_a_member_that_lies_about_its_size_is_read_only_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "MAX_RECORD_BYTES", 1000)
    monkeypatch.setattr(edge, "MAX_RATIO", 10**9)
    archive(tmp_path / "all.zip", {"long.json": json.dumps({"id": "x", "y": "z" * 2000}).encode()})
    write(tmp_path / "osv", osv("MAL-1", "1.0", details="y" * 2000))
    loaded = source(tmp_path, "all.zip", "osv").read()
    assert loaded.left_out == 2
    assert all("longer than 1000 bytes" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(("limit", "value"), [("MAX_RECORDS", 1), ("MAX_TOTAL_BYTES", 300)])
def test_too_much_is_refused_rather_than_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(edge, limit, value)
    write(tmp_path / "osv", osv("MAL-1", "1.0"), osv("MAL-2", "2.0"))
    with pytest.raises(AdvisorySourceError):
        source(tmp_path, "osv").read()


def test_folders_are_not_followed_by_link(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", osv("MAL-1", "1.0"))
    write(tmp_path / "osv", osv("MAL-2", "2.0"))
    (tmp_path / "osv" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "osv" / "loop").symlink_to(tmp_path / "osv")
    assert source(tmp_path, "osv").read().read == 1


# ── noticing changes ─────────────────────────────────────────────────────────────────────────


def test_the_fingerprint_changes_with_every_change(tmp_path: Path) -> None:
    folder = tmp_path / "osv"
    write(folder, osv("MAL-1", "1.0"))
    watched = source(tmp_path, "osv")
    seen = [watched.fingerprint()]
    assert watched.fingerprint() == seen[0]
    assert watched.read().fingerprint == seen[0]

    write(folder, osv("MAL-2", "1.0"))
    seen.append(watched.fingerprint())
    (folder / "MAL-2.json").rename(folder / "MAL-3.json")
    seen.append(watched.fingerprint())
    (folder / "MAL-3.json").unlink()
    (folder / "MAL-1.json").write_text(json.dumps(osv("MAL-1", "1.00")))
    seen.append(watched.fingerprint())
    os.utime(folder / "MAL-1.json", ns=(1, 1))
    seen.append(watched.fingerprint())
    assert len(set(seen)) == len(seen)


def test_the_fingerprint_of_nothing_and_of_a_missing_place(tmp_path: Path) -> None:
    assert source(tmp_path).fingerprint() == source(tmp_path).fingerprint()
    with pytest.raises(AdvisorySourceError):
        source(tmp_path, "missing").fingerprint()


# ── size ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_twenty_thousand_records_take_seconds_and_little_memory(tmp_path: Path) -> None:
    details = "Malicious code. " * 40
    members = {
        f"MAL-{n}.json": json.dumps(osv(f"MAL-{n}", "1.0", "1.1", name=f"p{n}", details=details))
        for n in range(20_000)
    }
    archive(tmp_path / "all.zip", {name: text.encode() for name, text in members.items()})
    del members
    told: list[tuple[int, int]] = []
    started = time.process_time()
    loaded = source(tmp_path, "all.zip").read(progress=lambda *p: told.append(p))
    elapsed = time.process_time() - started
    assert loaded.kept == 20_000
    assert told[0] == (1000, 20_000)
    assert told[-1] == (20_000, 20_000)
    assert elapsed < 8, "this takes about a second on an idle machine"


def test_what_is_kept_of_a_record_is_small(tmp_path: Path) -> None:
    details = "Malicious code. " * 400
    write(tmp_path / "osv", *(osv(f"MAL-{n}", "1.0", name=f"p{n}", details=details)
                              for n in range(300)))  # fmt: skip
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        loaded = source(tmp_path, "osv").read()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert loaded.kept == 300
    assert kept / 300 < 1500
