import ast
import base64
import random
from pathlib import Path

import pytest

from evals import cache, grafts, trees
from evals.grafts import BLOB, CALL, DEEP, INIT, NEW_MODULE, POSITIONS, PTH
from evals.lists import Archive, Pair, Sample

TEXT = "import os\nMARK = 'inert words, with \\x41 and\\n'\nos.getcwd()\n"
FILES = {
    "pkg/__init__.py": b'"""Doc."""\n',
    "pkg/a.py": b"A = 1\n",
    "pkg/sub/__init__.py": b"",
    "pkg/sub/deep/__init__.py": b"",
    "pkg/sub/deep/b.py": b"B = 1",
    "pkg/tests/test_x.py": b"",
    "small/__init__.py": b"",
    "pkg-1.dist-info/METADATA": b"Name: pkg\n",
    "pkg-1.dist-info/RECORD": b"stale\n",
}
SAMPLE = Sample(
    sha256="0" * 64, blob="0" * 40, campaign="c1", super_campaign="s1", path="x/1/x.tar.gz"
)


def placed(position: str) -> dict[str, bytes]:
    found = grafts.place(FILES, position, TEXT, random.Random(1))
    assert found is not None
    return found


@pytest.mark.parametrize("position", POSITIONS)
def test_only_the_place_changes_and_it_stays_python(position: str) -> None:
    for path, data in placed(position).items():
        assert not path.startswith(("pkg/tests", "small"))
        if path in FILES:
            assert data.startswith(FILES[path].rstrip())
        if path.endswith(".py"):
            ast.parse(data)


def test_where_each_position_lies() -> None:
    assert set(placed(INIT)) == {"pkg/__init__.py"}
    assert set(placed(DEEP)) == {"pkg/sub/deep/b.py"}
    assert set(placed(CALL)) == set(placed(BLOB)) == {"pkg/a.py"}
    assert set(placed(PTH)) == {"pkg_init.pth"}
    added = set(placed(NEW_MODULE)) - {"pkg/__init__.py"}
    assert len(added) == 1
    module = added.pop()
    assert f"from . import {Path(module).stem}".encode() in placed(NEW_MODULE)["pkg/__init__.py"]


def test_the_payload_is_there_in_the_form_of_the_position() -> None:
    assert TEXT.encode() in placed(INIT)["pkg/__init__.py"]
    call = ast.parse(placed(CALL)["pkg/a.py"]).body
    function, started = call[-2], call[-1]
    assert isinstance(function, ast.FunctionDef)
    assert isinstance(started, ast.Expr)
    assert ast.unparse(started) == f"{function.name}()"
    line = placed(PTH)["pkg_init.pth"].decode()
    assert base64.b64decode(line.split("'")[1]).decode() == TEXT
    assert line.startswith("import ")
    assert line.count("\n") == 1


def test_what_python_allows_only_in_a_module_is_not_wrapped() -> None:
    found = grafts.place(FILES, CALL, "from os import *\n", random.Random(1))
    assert found is not None
    ast.parse(found["pkg/a.py"])


@pytest.mark.parametrize(
    ("paths", "package"),
    [
        (
            ["top-1/src/pkg/__init__.py", "top-1/tests/__init__.py", "top-1/src/pkg/x.py"],
            "top-1/src/pkg",
        ),
        (["pkg/__init__.py", "pkg/_vendor/v/__init__.py", "pkg/_vendor/v/x.py"], "pkg"),
        (["module.py"], None),
    ],
)
def test_the_main_package(paths: list[str], package: str | None) -> None:
    assert grafts.main_package(dict.fromkeys(paths, b"")) == package


def keep(filename: str, files: dict[str, bytes]) -> Archive:
    data = trees.pack(files, filename)
    archive = Archive(
        sha256=trees.identity(files), size=len(data), filename=filename, date="", origin="a/b@c"
    )
    cache.put(archive, data)
    return archive


def test_a_graft_is_the_next_release_and_something_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    name = "pkg-{}-py3-none-any.whl"
    pair = Pair(
        old=keep(name.format(1), {**FILES, "pkg/a.py": b"A = 0\n"}), new=keep(name.format(2), FILES)
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    made = grafts.make(SAMPLE, "heaviest", INIT, TEXT, [pair])
    assert made is not None
    assert made.old == cache.get(pair.old)
    files = trees.unpack(made.new, made.filename)
    assert files.keys() == FILES.keys()
    changed = {path for path in FILES if files[path] != FILES[path]}
    assert changed == {"pkg/__init__.py", "pkg-1.dist-info/RECORD"}
    assert b"stale" not in files["pkg-1.dist-info/RECORD"]
    assert grafts.make(SAMPLE, "heaviest", INIT, TEXT, [pair]) == made
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before, "a graft stays in memory"


def test_no_place_no_graft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRATIQUE_EVALS_CACHE", str(tmp_path))
    sdist = [keep(f"m-{n}.tar.gz", {f"m-{n}/m.py": bytes([48 + n])}) for n in (1, 2)]
    pair = Pair(old=sdist[0], new=sdist[1])
    assert grafts.make(SAMPLE, "heaviest", INIT, TEXT, [pair]) is None
    assert grafts.make(SAMPLE, "heaviest", PTH, TEXT, [pair]) is None
    assert grafts.make(SAMPLE, "heaviest", INIT, TEXT, []) is None
