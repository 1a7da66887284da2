"""What a release says of itself, and hostile ways of saying it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.model import Metadata
from pratique.vet.release.metadata import is_metadata, read_metadata

CORE = b"""Metadata-Version: 2.4
Name: Some.Thing
Version: 1.2
Summary: Does things
Author-email: "A. Person" <a@person.example>
Maintainer: B. Person
License-Expression: MIT
Project-URL: Home, https://thing.example/
Home-page: https://github.com/person/thing
Classifier: One
Classifier: Two
Requires-Dist: requests>=2
Requires-Dist: evil @ https://x.example/evil.zip ; extra == "all"

A description.
"""


def test_core_metadata_entry_points_and_build_settings() -> None:
    metadata = read_metadata(
        {
            "some_thing-1.2.dist-info/METADATA": CORE,
            "some_thing-1.2.dist-info/entry_points.txt": b"[console_scripts]\nRun = some.cli:main\n",
        }
    )
    assert metadata == Metadata(
        name="Some.Thing",
        version="1.2",
        summary="Does things",
        description_size=15,
        author="A. Person",
        author_email="a@person.example",
        maintainer="B. Person",
        license="MIT",
        urls=("https://github.com/person/thing", "https://thing.example/"),
        classifiers=2,
        requires=("requests>=2", 'evil @ https://x.example/evil.zip ; extra == "all"'),
        entry_points=("console_scripts:Run = some.cli:main",),
    )


def test_the_metadata_at_the_top_counts_not_that_of_something_packed_inside() -> None:
    inner = CORE.replace(b"Some.Thing", b"Decoy")
    metadata = read_metadata(
        {"a/_vendor/x-1.dist-info/METADATA": inner, "some_thing-1.2.dist-info/METADATA": CORE}
    )
    assert metadata.name == "Some.Thing"


def test_a_wheel_that_an_sdist_holds_for_its_tests_does_not_speak_for_it() -> None:
    inside = b"Metadata-Version: 2.1\nName: somebody-else\nVersion: 9\n"
    for path in (
        "x-1.0/tests/y-9.dist-info/METADATA",
        "x-1.0/tests/y-9.whl!y-9.dist-info/METADATA",
    ):
        assert read_metadata({path: inside, "x-1.0/PKG-INFO": CORE}).name == "Some.Thing"


def test_sdists_with_build_settings() -> None:
    metadata = read_metadata(
        {
            "x-1/PKG-INFO": CORE,
            "x-1/pyproject.toml": b"""
[build-system]
requires = ["hatchling", "evil @ https://x.example/e.zip"]
build-backend = "backend"
backend-path = ["_build"]
[project.scripts]
run = "x.cli:main"
[project.entry-points.pytest11]
plugin = "x.plugin"
[tool.hatch.build.hooks.custom]
path = "hooks/custom.py"
""",
            "x-1/setup.cfg": b"[options.entry_points]\nconsole_scripts =\n    old = x.old:main\n",
        }
    )
    assert (metadata.build_backend, metadata.backend_path) == ("backend", ("_build",))
    assert metadata.build_requires == ("hatchling", "evil @ https://x.example/e.zip")
    assert set(metadata.entry_points) == {
        "console_scripts:run = x.cli:main",
        "pytest11:plugin = x.plugin",
        "console_scripts:old = x.old:main",
    }
    assert metadata.scripts == ("build:hooks/custom.py",)


def test_a_project_table_stands_in_for_missing_core_metadata() -> None:
    metadata = read_metadata(
        {
            "pyproject.toml": b'[project]\nname = "x"\nversion = "1"\ndependencies = ["y"]\n'
            b'authors = [{name = "A", email = "a@a.example"}]\n'
        }
    )
    assert (metadata.name, metadata.author, metadata.requires) == ("x", "A", ("y",))


def test_npm() -> None:
    metadata = read_metadata(
        {
            "package/package.json": b"""{
                "name": "x", "version": "1.0.0", "author": {"name": "A", "email": "a@a.example"},
                "scripts": {"test": "no", "postinstall": "node setup.js", "preinstall": "sh x.sh"},
                "dependencies": {"y": "^1"}, "bin": {"x": "cli.js"}, "homepage": "https://x.example/"
            }"""
        }
    )
    assert metadata.scripts == ("sh x.sh", "node setup.js")
    assert (metadata.name, metadata.requires, metadata.entry_points) == (
        "x",
        ("y ^1",),
        ("bin:x = cli.js",),
    )


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"METADATA": b""},
        {"METADATA": b"\xff\xfe\x00garbage"},
        {"METADATA": b"Name: x\nName: y\nRequires-Dist: " + b"a," * 100_000},
        {"pyproject.toml": b"[" * 100_000},
        {"pyproject.toml": b"x = " + b"[" * 5_000},
        {"pyproject.toml": b"project = 3\nbuild-system = []\ntool = 1"},
        {
            "pyproject.toml": b"[project]\nauthors = 5\nurls = 3\nscripts = 'a'\ndependencies = {a = 1}"
        },
        {"setup.cfg": b"[options.entry_points\nno"},
        {"setup.cfg": b"no section"},
        {"entry_points.txt": b"[a]\nb\n[a]\nb = c"},
        {"package.json": b"[" * 100_000},
        {"package.json": b'{"name": 5, "scripts": [], "author": [], "bin": 3, "repository": 1}'},
    ],
)
def test_what_cannot_be_read_is_empty_and_raises_nothing(members: dict[str, bytes]) -> None:
    assert isinstance(read_metadata(members), Metadata)


@given(
    st.dictionaries(
        st.sampled_from(
            ["METADATA", "pyproject.toml", "setup.cfg", "package.json", "entry_points.txt"]
        ),
        st.binary(max_size=300),
    )
)
def test_any_bytes_are_read(members: dict[str, bytes]) -> None:
    metadata = read_metadata(members)
    assert metadata.name.isprintable()


def test_fields_are_printable_and_bounded() -> None:
    metadata = read_metadata(
        {"METADATA": b"Name: x\nSummary: a\x1b[31mred\xe2\x80\xae" + b"y" * 5_000 + b"\n"}
    )
    assert metadata.summary.isprintable()
    assert len(metadata.summary) <= 500


def test_which_members_are_kept() -> None:
    assert is_metadata("x.dist-info/METADATA")
    assert not is_metadata("x/setup.py")
