import io
import subprocess
import zipfile
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest

from evals import metadata, trees
from evals.choose import tags_of

PYPROJECT = b"""[project]
name = "Some.Thing"
description = "A thing"
authors = [{name = "Ann", email = "ann@mail.example"}]
dependencies = ["idna>=3"]
[project.urls]
Home = "https://thing.example"
[project.scripts]
thing = "thing:main"
"""
SETUP = b"""
from setuptools import setup
open("ran", "w").write("this must never run")
VERSION = "1.0"
setup(name="thing", version=VERSION, author="Ann", url="https://thing.example",
      install_requires=["idna", "six"], classifiers=["A :: B"], description=make())
"""


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@mail.example", *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    files = {
        "pyproject.toml": PYPROJECT,
        "README.md": b"Long words\n",
        "src/thing/__init__.py": b"x = 1\n",
        "src/thing/data.bin": bytes(range(256)),
        "tests/__init__.py": b"",
        ".github/workflows/ci.yml": b"on: push\n",
    }
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    for tag in ("v1.0", "thing-0.9", "v1.1rc1", "release_1.2", "nightly", "1.0"):
        git(tmp_path, "tag", tag)
    git(tmp_path, "tag", "-a", "v2.0", "-m", "two")
    return tmp_path


def test_tags_are_final_releases_in_order_of_version(repo: Path) -> None:
    found = tags_of(repo)
    assert [str(tag.version) for tag in found] == ["0.9", "1.0", "1.2", "2.0"]
    assert {tag.commit for tag in found} == {git(repo, "rev-parse", "HEAD")}


def test_an_sdist_holds_the_tree_and_its_metadata(repo: Path) -> None:
    identity, data = trees.build(repo, "v1.0", "some_thing-1.0.tar.gz")
    files = trees.unpack(data, "some_thing-1.0.tar.gz")
    assert files["some_thing-1.0/src/thing/data.bin"] == bytes(range(256))
    assert "some_thing-1.0/tests/__init__.py" in files
    assert not any(".github" in path for path in files)
    assert b"Summary: A thing" in files["some_thing-1.0/PKG-INFO"]
    assert trees.identity(files) == identity
    assert trees.build(repo, "v1.0", "some_thing-1.0.tar.gz") == (identity, data)


def test_a_wheel_holds_packages_scripts_and_a_true_record(repo: Path) -> None:
    _, data = trees.build(repo, "v1.0", "some_thing-1.0-py3-none-any.whl")
    files = trees.unpack(data, "some_thing-1.0-py3-none-any.whl")
    info = "some_thing-1.0.dist-info"
    assert set(files) == {
        "thing/__init__.py", "thing/data.bin", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD",
        f"{info}/entry_points.txt",
    }  # fmt: skip
    # The hash is from coreutils: printf 'x = 1\n' | sha256sum | xxd -r -p | base64 | tr +/ -_
    line = b"thing/__init__.py,sha256=nia_NpkRxFwkPGhBR7I_yeHc_PJX0pmhxjIBam_NM_Q,6"
    assert line in files[f"{info}/RECORD"].splitlines()
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None


def test_a_commit_that_is_not_there_gives_nothing(repo: Path) -> None:
    assert trees.export(repo, "0" * 40) == {}
    assert trees.build(repo, "0" * 40, "some_thing-1.0-py3-none-any.whl") == ("", b"")


def test_identity_tells_contents_and_names_apart() -> None:
    kinds = [{"a": b"bc"}, {"ab": b"c"}, {"a": b"b", "c": b""}, {"a": b"b"}, {}]
    assert len({trees.identity(kind) for kind in kinds}) == len(kinds)


def test_metadata_is_read_from_literals_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = metadata.core_metadata(
        {"setup.py": SETUP, "README": b"Hi"}, project="thing", version="1.0"
    )
    head = BytesHeaderParser().parsebytes(made)
    assert (head["Author"], head["Home-page"]) == ("Ann", "https://thing.example")
    assert head.get_all("Requires-Dist") == ["idna", "six"]
    assert head["Summary"] is None
    assert made.endswith(b"\n\nHi")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": PYPROJECT}, "Some.Thing"),
        ({"pyproject.toml": b'[tool.poetry]\nname = "p"\n'}, "p"),
        ({"setup.cfg": b"[metadata]\nname = c\n"}, "c"),
        ({"setup.py": SETUP}, "thing"),
        ({"setup.py": b"setup(name=f())"}, None),
        ({"setup.py": b"def ("}, None),
        ({"pyproject.toml": b"= ="}, None),
    ],
)
def test_the_name_of_a_tree(files: dict[str, bytes], name: str | None) -> None:
    assert metadata.project_name(files) == name
