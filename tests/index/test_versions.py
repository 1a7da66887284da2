"""Versions told by file names agree with the careful reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.index_pages import DEMO
from pratique.index.versions import normal_version, version_text, versions_of
from pratique.values.names import ProjectName, parse_distribution_filename


@pytest.mark.parametrize(
    ("filename", "project", "version"),
    [
        ("demo-1.0.tar.gz", "demo", "1.0"),
        ("demo-1!2.0.tar.gz", "demo", "1!2.0"),
        ("demo-2.0+cu118-cp311-cp311-linux_x86_64.whl", "demo", "2.0+cu118"),
        ("demo-1.0-1-py3-none-any.whl", "demo", "1.0"),
        ("demo-1.0.0-beta2.tar.gz", "demo", "1.0.0b2"),
        ("demo-01.0.zip", "demo", "1.0"),
        ("Demo_Pkg-1.0.post1.tar.gz", "demo-pkg", "1.0.post1"),
        ("demo-pkg-1.0.tar.gz", "demo-pkg", "1.0"),
        ("demo-1.0-1.tar.gz", "demo", "1.0.post1"),
        ("demo-1.0-py3.8.egg", "demo", "1.0"),
        ("demo-1.0.win32-py2.7.exe", "demo", ""),
        ("demo-1.0.tar.bz2", "demo", "1.0"),
        ("other-1.0.tar.gz", "demo", ""),
        ("demo-x.tar.gz", "demo", ""),
        ("demo.tar.gz", "demo", ""),
        ("demo-1.0.rpm", "demo", "1.0"),
    ],
)
def test_file_names(filename: str, project: str, version: str) -> None:
    assert version_text(filename, project=ProjectName(project)) == version


_words = st.sampled_from(
    ["demo", "Demo", "d", "1.0", "1", "0", "1!2", "rc1", "py3", "none", "any", "+l.1", "x", "01"]
)
_names = st.tuples(
    st.lists(_words, min_size=1, max_size=6).map("-".join),
    st.sampled_from([".whl", ".tar.gz", ".zip", ".egg", ".tar.bz2", ".exe", ".deb", ""]),
).map("".join)


@settings(max_examples=400)
@given(_names)
def test_where_the_careful_reader_tells_a_version_this_is_it(filename: str) -> None:
    careful = parse_distribution_filename(filename, project=DEMO)
    if careful is not None:
        assert version_text(filename, project=DEMO) == str(careful.version)


@pytest.mark.parametrize(
    ("text", "normal"),
    [("1.0", "1.0"), ("1.00", "1.0"), ("v1", "1"), ("0", "0"), ("1.0-RC1", "1.0rc1"), ("", ""), ("x", ""),
     ("1" * 30, "1" * 30), ("1.", ""), ("\uff11", "")],
)  # fmt: skip
def test_normal_versions(text: str, normal: str) -> None:
    assert normal_version(text) == normal


def test_published_spelling_and_order_win() -> None:
    names = ["demo-1.0.tar.gz", "demo-2.0b1.zip", "demo-3.0.zip", "demo-3.0-py3-none-any.whl"]
    told = versions_of(names, project=DEMO, published=["9.9", "2.0-beta1", "1.0.0", "1.0", "junk"])
    assert told == ("2.0-beta1", "1.0", "3.0")
