"""Requirements files as pip reads them; pip itself is the oracle for what a line is."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings
from pip._internal.req.req_file import preprocess

from pratique.inventory.locks import read_lock
from pratique.inventory.locks.requirements import _logical_lines
from pratique.inventory.model import LockDocument, LockKind, SourceKind
from pratique.inventory.text import SourceText

PIECES = st.lists(
    st.sampled_from([
        "demo==1.0", "other>=2", " ", "\\", "\n", "\r\n", "\r", "#", " # why", "\t", "\f", "\v",
        "\u2028", "\x85", "\\\n", "\\\n#c\n", "--hash=sha256:ab", "-r x.txt", "\\\\", "'", '"',
    ])
)  # fmt: skip


@given(PIECES)
@example(["demo==1.0", " # why", "\u2028", "evil==6.6"])
@example(["a", "\\\n", "#c", "\\\n", "b"])
@settings(max_examples=200, deadline=None)
def test_lines_are_the_ones_pip_sees(pieces: list[str]) -> None:
    text = "".join(pieces)
    mine = [line.text for line in _logical_lines(SourceText("r.txt", text.encode()))]
    assert mine == [line for _number, line in preprocess(text)]


def read(text: str) -> LockDocument:
    return read_lock("requirements.txt", text.encode())


def test_a_requirement_behind_a_line_separator_is_seen() -> None:
    document = read("demo==1.0  # fine\u2028evil==6.6\n")
    assert [p.raw_name for p in document.packages] == ["demo", "evil"]


SHA = "a" * 64


@pytest.mark.parametrize(
    ("line", "name", "version", "pinned", "kind"),
    [
        ("Demo.Name==1.0", "demo-name", "1.0", True, SourceKind.DEFAULT),
        ("demo===1.0", "demo", "1.0", True, SourceKind.DEFAULT),
        ("demo[extra,other]==1.0 ; python_version < '4'", "demo", "1.0", True, SourceKind.DEFAULT),
        ("demo==1.0,!=2", "demo", "1.0", True, SourceKind.DEFAULT),
        ("demo", "demo", "", False, SourceKind.DEFAULT),
        ("demo>=1", "demo", ">=1", False, SourceKind.DEFAULT),
        ("demo~=1.4", "demo", "~=1.4", False, SourceKind.DEFAULT),
        ("demo==1.*", "demo", "==1.*", False, SourceKind.DEFAULT),
        ("demo @ https://files.example/demo-1.0.tar.gz", "demo", "", True, SourceKind.URL),
        ("https://files.example/demo-1.0.tar.gz", "demo", "", True, SourceKind.URL),
        ("demo @ git+https://code.example/demo@main", "demo", "", True, SourceKind.VCS),
        ("-e git+https://code.example/demo#egg=Demo", "demo", "", True, SourceKind.VCS),
        ("git+ssh://git@code.example/x@" + "c" * 40, "x", "", True, SourceKind.VCS),
        ("-e .", "unnamed", "", True, SourceKind.PATH),
        ("--editable=./sub", "sub", "", True, SourceKind.PATH),
        ("./wheels/demo-1.0-py3-none-any.whl", "demo", "", True, SourceKind.PATH),
        ("demo-1.0-py3-none-any.whl", "demo", "", True, SourceKind.PATH),
    ],
)
def test_one_line(line: str, name: str, version: str, pinned: bool, kind: SourceKind) -> None:
    document = read(line)
    assert document.defects == ()
    [package] = document.packages
    assert package.name == name
    assert (package.raw_version, package.pinned, package.source.kind) == (version, pinned, kind)


def test_commits() -> None:
    document = read(
        f"a @ git+https://code.example/a@{'C' * 40}#egg=a\nb @ git+https://code.example/b@v1.0\n"
        "c @ git+https://user@code.example/c\n"
    )
    assert [p.source.commit for p in document.packages] == ["c" * 40, "", ""]


def test_hashes_of_all_spellings() -> None:
    document = read(
        f"demo==1.0 --hash=sha256:{SHA} \\\n  --hash sha256:{'b' * 64} --hash='md5:{'0' * 32}'\n"
        f"https://files.example/d-1.whl#sha256={SHA}\n"
    )
    demo, direct = document.packages
    assert [f.sha256 for f in demo.files] == [SHA, "b" * 64, None]
    assert demo.files[2].other_hashes == (("md5", "0" * 32),)
    assert [f.location.line for f in demo.files] == [1, 2, 2]
    assert direct.files[0].sha256 == SHA
    assert direct.files[0].url == "https://files.example/d-1.whl"


def test_options() -> None:
    document = read(
        "-i https://one.example/simple --extra-index-url https://two.example/simple\n"
        "--index-url=https://three.example/simple\n-f ./links\n"
        "-r base.txt\n-cconstraints.txt\n--requirement=more.txt\n"
        "--pre --no-binary :all: --trusted-host one.example\n--require-hashes\n--nonsense x\n"
    )
    assert [(i.option, i.url) for i in document.indexes] == [
        ("--index-url", "https://one.example/simple"),
        ("--extra-index-url", "https://two.example/simple"),
        ("--index-url", "https://three.example/simple"),
        ("--find-links", "./links"),
    ]
    assert [(i.path, i.constraint) for i in document.includes] == [
        ("base.txt", False),
        ("constraints.txt", True),
        ("more.txt", False),
    ]
    assert document.require_hashes
    assert [d.reason for d in document.defects] == ["unknown option '--nonsense'"]
    assert document.packages == ()


def test_what_is_no_requirement_is_a_defect_with_its_line() -> None:
    document = read("demo==1.0\n\n  !!what\n")
    [defect] = document.defects
    assert (defect.location.line, defect.location.column) == (3, 3)


def test_a_byte_order_mark_hides_nothing() -> None:
    document = read_lock("requirements.txt", b"\xef\xbb\xbfdemo==1.0\n")
    assert [p.raw_name for p in document.packages] == ["demo"]
    assert document.kind is LockKind.REQUIREMENTS
