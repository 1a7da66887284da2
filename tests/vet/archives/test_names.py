"""Names: shown safely, compared plainly, and told on when unpackers stumble over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.archive_oracle import read_whole
from kit.zips import zip_of
from pratique.vet.archives.model import Limits
from pratique.vet.archives.names import collision_key, leaves_folder, printable, read_name

LIMITS = Limits()


@pytest.mark.parametrize(
    ("text", "path", "codes"),
    [
        ("a/b.py", "a/b.py", []),
        ("a/b/", "a/b", []),
        ("./a//b/./c", "a/b/c", []),
        (".hidden/x", ".hidden/x", []),
        ("a..b/...", "a..b/...", []),
        ("", ".", ["name-empty"]),
        ("/etc/passwd", "etc/passwd", ["name-absolute"]),
        ("../evil", "../evil", ["name-parent"]),
        ("a/../../evil", "a/../../evil", ["name-parent"]),
        ("a\\..\\evil", "a\\..\\evil", ["name-backslash", "name-parent"]),
        ("C:evil", "C:evil", ["name-drive"]),
        ("C:\\evil", "C:\\evil", ["name-backslash", "name-drive"]),
        ("a.py::$DATA", "a.py::$DATA", ["name-drive"]),
        ("evil.pth\0.txt", "evil.pth", ["name-nul"]),
        ("a\x1b[2Jb", "a\\x1b[2Jb", ["name-control"]),
        ("a\u202egpj.py", "a\\u202egpj.py", ["name-invisible"]),
        ("a\u200b.py", "a\\u200b.py", ["name-invisible"]),
        ("a\u2028b", "a\\u2028b", ["name-invisible"]),
        ("a\udcffb", "a\\xffb", ["name-undecodable"]),
        ("é/ü.py", "é/ü.py", []),
        ("d/" * 101 + "x", "d/" * 101 + "x", ["name-too-deep"]),
    ],
)
def test_names_are_shown_and_judged(text: str, path: str, codes: list[str]) -> None:
    name = read_name(text, LIMITS)
    assert name.path == path
    assert [code for code, _ in name.codes] == codes


def test_an_endless_name_is_cut() -> None:
    name = read_name("x" * 60_000, LIMITS)
    assert len(name.path) == LIMITS.name_bytes
    assert [code for code, _ in name.codes] == ["name-too-long"]


@given(st.text())
def test_whatever_the_name_what_is_shown_is_printable(text: str) -> None:
    path = read_name(text, LIMITS).path
    assert path.isprintable()
    assert path
    assert printable(path) == path


@given(st.text())
def test_problems_say_nothing_that_a_terminal_would_act_on(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")[:200]
    members, reading = read_whole(zip_of([(raw, b"x")]), "x-1.zip")
    assert all(m.path.isprintable() for m in members)
    assert all(p.path.isprintable() and p.sentence.isprintable() for p in reading.problems)


def test_the_raw_name_is_kept_where_it_differs() -> None:
    members, _ = read_whole(zip_of([(b"./a.py", b""), (b"b.py", b"")]), "x-1.zip")
    assert [(m.path, m.raw_name) for m in members] == [("a.py", b"./a.py"), ("b.py", None)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("README", "readme"), ("Stra\u00dfe", "STRASSE"), ("\u00e9", "e\u0301"), ("\ufb01le", "file")],
)
def test_names_that_fall_together_have_one_key(one: str, other: str) -> None:
    assert collision_key(one) == collision_key(other)


@pytest.mark.parametrize(
    ("folder", "target", "leaves"),
    [
        ("x/y", "../z", False),
        ("x/y", "../../z", False),
        ("x/y", "../../../z", True),
        ("", "..", True),
        ("x", "a/../../b", False),
        ("x", "a/../../../b", True),
        ("x", "/etc", True),
        ("x", "C:/windows", True),
        ("x", "..\\..\\y", True),
        ("x", "y", False),
    ],
)
def test_where_a_link_leads(folder: str, target: str, leaves: bool) -> None:
    assert leaves_folder(folder, target) is leaves
