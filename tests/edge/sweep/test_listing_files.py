"""Lock files in a tree: what a look at one says."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.graphs import GRAPHS, Graph
from pratique.edge.sweep.context import SweepContext, SweepLimits
from pratique.edge.sweep.evidence import EvidenceStore
from pratique.edge.sweep.locks import READERS, ListingFiles
from pratique.inventory.observed.entries import content_of
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Look,
    LookMode,
    PlaceKind,
    Stage,
)

NOW = datetime(2026, 4, 1, tzinfo=UTC)
GRAPH = Graph(versions={"litellm": "1.82.8"}, requires={"litellm": ()}, asked=("litellm",))


def context(
    *, evidence: EvidenceStore | None = None, limits: SweepLimits | None = None
) -> SweepContext:
    return SweepContext(
        asset="repo/acme/api", asset_kind=AssetKind.REPOSITORY, machine="m", now=lambda: NOW,
        evidence=evidence, limits=limits or SweepLimits(),
    )  # fmt: skip


def look(path: Path, ctx: SweepContext | None = None) -> Look:
    reader = next(one for one in READERS if one.claims(path, is_dir=path.is_dir()))
    (found,) = reader.read(path, ctx or context())
    return found


@pytest.mark.parametrize("name", GRAPHS)
def test_a_look_at_each_kind(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(GRAPHS[name](GRAPH))
    found = look(path)
    assert [(one.item.name, one.item.version) for one in found.sightings] == [("litellm", "1.82.8")]
    assert (found.whole, found.gaps, found.mode) == (True, (), LookMode.SAMPLED)
    assert (found.asset, found.asset_kind) == ("repo/acme/api", AssetKind.REPOSITORY)
    assert found.locator == path.as_posix()
    assert found.lineage == f"repo/acme/api:{path.as_posix()}"
    assert found.evidence_class is EvidenceClass.DECLARED
    assert found.collector.startswith("sweep/")
    assert found.evidence[0].size == path.stat().st_size


def test_lines_that_move_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("a==1\nb==2\n")
    before = content_of(look(path)).id
    path.write_text("# a comment\n\n\na==1\n# more\nb==2\n")
    assert content_of(look(path)).id == before


def test_what_a_requirements_file_includes_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "deps").mkdir()
    (tmp_path / "requirements.txt").write_text("-r deps/base.in\na==1\n-r requirements-dev.txt\n")
    (tmp_path / "deps/base.in").write_text("-r more.in\nb==2\n-r ../requirements.txt\n")
    (tmp_path / "deps/more.in").write_text("c==3\n")
    (tmp_path / "requirements-dev.txt").write_text("d==4\n")
    found = look(tmp_path / "requirements.txt")
    assert {one.item.name for one in found.sightings} == {"a", "b", "c"}  # d has its own place
    assert found.whole
    assert len(found.evidence) == 3


@pytest.mark.parametrize("line", [
    "-r /etc/passwd", "-r ../../../../etc/passwd", "-r https://x.example/r.txt", "-r ${HOME}/x.in",
    "-r link.in", "-r absent.in", "-r .",
])  # fmt: skip
def test_includes_do_not_leave_the_project(line: str, tmp_path: Path) -> None:
    project = tmp_path / "a/b/project"
    project.mkdir(parents=True)
    (project / "link.in").symlink_to("/etc/passwd")
    (project / "requirements.txt").write_text(f"{line}\na==1\n")
    found = look(project / "requirements.txt")
    assert [one.item.name for one in found.sightings] == ["a"]
    assert not found.whole
    assert len(found.gaps) == 1


@pytest.mark.parametrize("content", [b"\xff", b"[[package]\n", b"", b"x" * 2_000])
def test_what_cannot_be_read_is_a_gap(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    path.write_bytes(content)
    found = look(path, context(limits=SweepLimits(file_bytes=1_000)))
    assert not found.whole
    assert bool(found.gaps) is not found.whole


def test_pipes_links_and_absence_are_gaps(tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    assert look(path).gaps
    os.mkfifo(path)
    assert "regular" in look(path).gaps[0].why
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert not look(path).whole


def test_bytes_are_kept_unless_they_hold_a_password(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    path = tmp_path / "requirements.txt"
    path.write_text("a==1\n")
    kept = look(path, context(evidence=store)).evidence[0]
    assert store.get(kept.sha256) == b"a==1\n"
    path.write_text(
        "--index-url https://me:canary@i.example/simple\na==1\nb @ https://t0ken@x.example/b.zip\n"
    )
    found = look(path, context(evidence=store))
    assert store.get(found.evidence[0].sha256) is None
    assert "canary" not in repr(found)
    assert "t0ken" not in repr(found)


def test_conda_records_say_when(tmp_path: Path) -> None:
    folder = tmp_path / "env/conda-meta"
    folder.mkdir(parents=True)
    record = folder / "numpy-1.26.4-py311_0.json"
    record.write_text(json.dumps({
        "name": "numpy", "version": "1.26.4", "build": "py311_0", "fn": "numpy-1.26.4-py311_0.conda",
        "sha256": "a" * 64,
    }))  # fmt: skip
    os.utime(record, (1_774_000_000, 1_774_000_000))
    (folder / "broken.json").write_text("{")
    (folder / "history").write_text("==> 2026 <==\n")
    found = look(folder)
    (one,) = found.sightings
    assert (one.stage, one.item.type, one.item.version) == (Stage.INSTALLED, "conda", "1.26.4")
    assert one.since_lo == one.since_hi == "2026-03-20T09:46:40Z"
    assert found.place_kind is PlaceKind.ENVIRONMENT
    assert [gap.what for gap in found.gaps] == [str(folder / "broken.json")]


@pytest.mark.parametrize("name", ["mydockerfile", "a.py", "uv.lock.txt", "notes.toml", "x.yml"])
def test_other_files_are_not_claimed(name: str, tmp_path: Path) -> None:
    assert not any(one.claims(tmp_path / name, is_dir=False) for one in READERS)
    assert not ListingFiles().claims(tmp_path / "uv.lock", is_dir=True)


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("uv.lock", ""),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n'),
        ("pdm.lock", "[x]\n"),
        ("pylock.toml", "[x]\n"),
        ("Pipfile.lock", "{}"),
        ("package-lock.json", "{}"),
        ("pnpm-lock.yaml", "a: 1\n"),
        ("yarn.lock", "\n"),
    ],
)
def test_a_lock_that_is_cut_off_in_good_form_is_a_gap(name: str, cut: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(cut)
    found = look(path, context())
    assert not found.whole
    assert len(found.gaps) == 1


@pytest.mark.parametrize(
    "name",
    ["requirements.in", "requirements/base.in", "requirements3.txt", "Requirements.txt",
     "requirements (copy).txt", "my-\udcffrequirements.txt"],
)  # fmt: skip
def test_requirements_by_other_names(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("litellm==1.82.8\n")
    found = look(path, context())
    assert [s.item.version for s in found.sightings] == ["1.82.8"]
