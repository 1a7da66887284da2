"""Facts about the tree: no foreign hosts, no machine paths, locked requirements, modest sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MODULE_LINES = 450
# Goes into every case as one file, so that a reader can read all of it.
STANDS_ALONE = "src/pratique/doors/cli/case_verifier.py"
FUNCTION_LINES = 70

# Written in two halves, so that this file does not contain what it looks for.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "deb." + "debian.org",
    "security." + "debian.org",
    "archive." + "ubuntu.com",
]
MACHINE_PATHS = [
    "/ro" + "ot/",
    "/ho" + "me/[a-z]",
    "/wo" + "rk/",
    "/Us" + "ers/[a-z]",
    "/fa" + "rm/",
]


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [(path, path.read_bytes().decode("utf-8", "replace")) for path in tracked_files()]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [re.escape(host) for host in REGISTRY_HOSTS] + MACHINE_PATHS)
def test_no_registry_host_and_no_machine_path_is_written_down(pattern: str) -> None:
    wanted = re.compile(pattern, re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{text[: match.start()].count(chr(10)) + 1}"
        for path, text in texts()
        if (match := wanted.search(text))
    ]
    assert found == [], "registry hosts come from pypi_simple or from configuration"


def requirement_files() -> list[Path]:
    return sorted((ROOT / "requirements").rglob("*.txt"))


@pytest.mark.parametrize("path", requirement_files(), ids=lambda p: p.name)
def test_every_requirement_is_locked_with_hashes(path: Path) -> None:
    logical = re.sub(r"\\\n\s*", " ", path.read_text("utf-8"))
    lines = [line for line in logical.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==\S+ ", line), line[:100]
        assert "--hash=sha256:" in line, line[:100]
        assert not re.search(r"--(extra-)?index-url|--find-links|://", line), line[:100]


def test_every_requirement_list_has_its_lock() -> None:
    for source in (ROOT / "requirements").rglob("*.in"):
        assert source.with_suffix(".txt").exists(), f"{source.name}: make lock"


def names_in(path: Path) -> set[str]:
    """What a list or a lock names, whatever version or marker stands behind it."""
    lines = path.read_text("utf-8").splitlines()
    named = (Requirement(line.rstrip(" \\")).name for line in lines if line and line[0].isalpha())
    return {canonicalize_name(one) for one in named}


def test_locks_hold_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    listed = names_in(ROOT / "requirements" / "main.in") - {"flit-core"}
    assert declared == listed
    assert listed <= names_in(ROOT / "requirements" / "main.txt")


def test_a_project_declares_the_same_markers_as_its_list() -> None:
    """Which of two gates is installed where must not depend on how Pratique was installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "requirements" / "main.in").read_text("utf-8").splitlines()
    ours = {r.name: r.marker for r in map(Requirement, project["dependencies"])}
    listed = {r.name: r.marker for r in map(Requirement, filter(_names_one, lines))}
    for machine in ("x86_64", "AMD64", "aarch64", "arm64", "ppc64le", "riscv64", "i686"):
        here = {"platform_machine": machine}
        for name, marker in ours.items():
            theirs = listed[name]
            assert (marker is None) == (theirs is None), name
            if marker is not None and theirs is not None:
                assert marker.evaluate(here) == theirs.evaluate(here), (name, machine)


def _names_one(line: str) -> bool:
    return bool(line) and line[0].isalpha()


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    section = text.split("\n## Unreleased\n")[1].split("\n## ")[0]
    entries = [line for line in section.splitlines() if line.startswith("- ")]
    assert entries
    assert all(re.match(r"- [a-z][a-z ,]*: \S", line) for line in entries), entries


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def test_no_module_has_outgrown_its_room() -> None:
    large = {
        str(path.relative_to(ROOT)): count
        for path in python_files()
        if "src" in path.parts
        and str(path.relative_to(ROOT)) != STANDS_ALONE
        and (count := len(path.read_text("utf-8").splitlines())) > MODULE_LINES
    }
    assert large == {}


@pytest.mark.slow
def test_no_function_needs_a_table_of_contents() -> None:
    large = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files()
        if "src" in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert large == []


def test_no_exception_from_a_rule_goes_without_a_reason() -> None:
    bare = re.compile(
        r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[a-z-]+\])?)\s*$"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if bare.search(line)
    ]
    assert found == []


def test_every_room_says_what_it_owns() -> None:
    for folder in (ROOT / "src" / "pratique").iterdir():
        if folder.is_dir() and (folder / "__init__.py").exists():
            plaque = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
            assert plaque, folder.name
            assert "Owns:" in plaque, folder.name


@pytest.mark.parametrize("name", ["Makefile", ".ci/run"])
def test_scripts_stop_at_the_first_error(name: str) -> None:
    assert "-euo pipefail" in (ROOT / name).read_text("utf-8")


def test_every_make_target_is_listed_by_make_help() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    listed = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
    assert phony == listed
