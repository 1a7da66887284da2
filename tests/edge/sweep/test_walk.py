"""The walk: everything once, nothing through a link, a gap for whatever was not looked at."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pratique.edge.sweep.context import SweepLimits
from pratique.edge.sweep.mounts import MountTable
from pratique.edge.sweep.walk import Walk


def walk(*roots: Path, **more: object) -> Walk:
    options: dict[str, object] = {"limits": SweepLimits(), "stop": lambda: False, **more}
    return Walk(roots, **options)  # type: ignore[arg-type] # options by name


def names(found: Walk, below: Path) -> list[str]:
    return [str(one.path.relative_to(below)) for one in found]


def whys(found: Walk) -> dict[str, str]:
    return {Path(gap.what).name: gap.why for gap in found.gaps.listed}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "a").mkdir()
    for name in ("a/one", "b/two", "b/deep/three", "four"):
        (root / name).write_text(name)
    return root


def test_everything_comes_once_in_order(tree: Path) -> None:
    found = walk(tree)
    assert names(found, tree) == [".", "four", "a", "a/one", "b", "b/two", "b/deep", "b/deep/three"]
    assert (found.folders, found.files, found.gaps.total) == (4, 4, 0)


def test_a_root_in_another_root_is_walked_once(tree: Path) -> None:
    assert names(walk(tree / "b", tree, tree), tree) == names(walk(tree), tree)


def test_a_named_link_is_followed_and_a_found_one_is_not(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (tree / "a" / "out").symlink_to(outside)
    (tree / "a" / "in").symlink_to(tree / "b")
    found = walk(tree)
    assert not [one for one in found if "secret" in str(one.path)]
    assert list(whys(found)) == ["out"]
    assert "outside of what was swept" in whys(found)["out"]
    link = tmp_path / "link"
    link.symlink_to(outside)
    assert [one.path.name for one in walk(link)] == ["outside", "secret"]


def test_a_linked_file_matters_when_it_would_have_been_read(tree: Path, tmp_path: Path) -> None:
    for name in ("uv.lock", "photo.png"):
        (tmp_path / name).write_text("x")
        (tree / name).symlink_to(tmp_path / name)
    found = walk(tree, wanted=lambda path: path.name == "uv.lock")
    list(found)
    assert list(whys(found)) == ["uv.lock"]


def test_loops_and_broken_links_end(tree: Path) -> None:
    (tree / "loop").symlink_to("loop")
    (tree / "ping").symlink_to("pong")
    (tree / "pong").symlink_to("ping")
    (tree / "up").symlink_to("..")
    (tree / "nowhere").symlink_to("missing")
    found = walk(tree)
    assert len(list(found)) == 8
    assert set(whys(found)) == {"loop", "ping", "pong", "up"}


def test_pipes_sockets_and_devices_are_never_offered(tree: Path) -> None:
    os.mkfifo(tree / "uv.lock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree / "s"))
        assert len(list(walk(tree))) == 8
    named = walk(tree / "uv.lock")
    assert list(named) == []
    assert "neither a folder nor a regular file" in whys(named)["uv.lock"]


def test_an_unreadable_folder_is_a_gap_and_the_rest_is_walked(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(tree)
    assert "b/deep/three" in names(found, tree)
    assert whys(found) == {"a": "permission denied"}


def test_depth_and_count_are_bounded_and_said(tree: Path) -> None:
    shallow = walk(tree, limits=SweepLimits(depth=1))
    assert "b/deep" not in names(shallow, tree)
    assert {"a", "b"} == set(whys(shallow))
    few = walk(tree, limits=SweepLimits(entries=3))
    assert len(list(few)) < 8
    assert few.stopped
    assert "the rest was not looked at" in next(iter(whys(few).values()))


def test_a_stop_ends_the_walk_and_is_said(tree: Path) -> None:
    stopped: list[int] = []
    found = walk(tree, stop=lambda: bool(stopped))
    seen = []
    for one in found:
        seen.append(one)
        stopped.append(1)
    assert found.stopped
    assert len(seen) < 8
    assert "stopped" in next(iter(whys(found).values()))


def test_our_own_home_is_left_out(tree: Path) -> None:
    assert "b/two" not in names(walk(tree, leave_out=(tree / "b",)), tree)


def test_a_root_that_is_absent_is_a_gap(tmp_path: Path) -> None:
    found = walk(tmp_path / "missing")
    assert list(found) == []
    assert whys(found) == {"missing": "no such file or directory"}


def test_names_that_are_no_text_are_walked(tree: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tree) + b"/\xff\xfe"))).write_text("x")
    assert len(list(walk(tree))) == 9


def test_a_folder_that_was_taken_over_is_not_entered(tree: Path) -> None:
    found = walk(tree)
    seen = []
    for one in found:
        seen.append(one.path.name)
        if one.path.name == "b":
            found.skip(one.path)
    assert "deep" not in seen


def test_mount_points_are_judged_by_their_file_system() -> None:
    table = MountTable({"/net": "nfs4", "/proc": "proc", "/data": "xfs", "/a b": "fuse.sshfs"})
    verdicts = [table.verdict(p) for p in ("/net", "/proc", "/data", "/a b", "/data/x")]
    assert verdicts == ["remote", "kernel", "enter", "remote", "enter"]


def test_a_network_mount_is_a_gap_and_the_kernels_own_is_none(tree: Path) -> None:
    found = walk(tree)
    found._mounts = MountTable({str(tree / "a"): "cifs", str(tree / "b"): "sysfs"})
    assert names(found, tree) == [".", "four"]
    assert list(whys(found)) == ["a"]


def test_the_table_of_this_system_can_be_read() -> None:
    table = MountTable.of_this_system()
    assert table.verdict("/proc") in {"kernel", "enter"}


def test_a_link_called_like_what_is_read_is_a_gap_wherever_it_leads(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pins").write_text("x")
    (tmp_path / "shared").write_text("x")
    (tree / "uv.lock").symlink_to("pins")
    (tree / "other").symlink_to("pins")
    found = walk(tree, wanted=lambda path: path.name == "uv.lock")
    list(found)
    assert [gap.what for gap in found.gaps.listed] == [str(tree / "uv.lock")]
    assert "not read under that name" in found.gaps.listed[0].why
