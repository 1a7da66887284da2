"""Core metadata for an archive that is made from a git tree.

A tag holds the sources of metadata, not the metadata. Without it every tree would look like a release
whose author says nothing of himself, which is what careless malware looks like. So what stands in
`pyproject.toml`, `setup.cfg` and as literals in the `setup(...)` call is written out; nothing is run.
"""

from __future__ import annotations

import ast
import configparser
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

README = ("README.md", "README.rst", "README.txt", "README")
_TEXT_KEYS = {
    "description": "Summary",
    "author": "Author",
    "author_email": "Author-email",
    "author-email": "Author-email",
    "maintainer": "Maintainer",
    "url": "Home-page",
    "home-page": "Home-page",
    "license": "License",
}


def core_metadata(files: Mapping[str, bytes], *, project: str, version: str) -> bytes:
    """METADATA (or PKG-INFO) for the project at the top of `files`."""
    fields: dict[str, list[str]] = {}
    for key, value in _said(files):
        one_line = " ".join(value.split())
        if one_line and one_line != "UNKNOWN":
            fields.setdefault(key, []).append(one_line[:2000])
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    for key, values in fields.items():
        several = key in {"Classifier", "Requires-Dist", "Project-URL"}
        lines += [f"{key}: {value}" for value in (values if several else values[:1])]
    readme = next((files[name] for name in README if name in files), b"")
    return "\n".join(lines).encode() + b"\n\n" + readme


def entry_points(files: Mapping[str, bytes]) -> bytes:
    """entry_points.txt from `[project.scripts]`; empty when there are none."""
    scripts = _pyproject(files).get("scripts", {})
    if not isinstance(scripts, dict) or not scripts:
        return b""
    return b"[console_scripts]\n" + "".join(f"{k} = {v}\n" for k, v in scripts.items()).encode()


def project_name(files: Mapping[str, bytes]) -> str | None:
    """The name a tree gives itself, when it can be read without running anything."""
    named = _pyproject(files).get("name") or _poetry(files).get("name")
    if isinstance(named, str):
        return named
    config = _setup_cfg(files)
    if config.has_option("metadata", "name"):
        return config.get("metadata", "name")
    named = _setup_arguments(files).get("name")
    return named if isinstance(named, str) else None


def _said(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    yield from _from_pyproject(_pyproject(files))
    for key, value in (*_poetry(files).items(), *_setup_arguments(files).items()):
        yield from _plain(key, value)
    config = _setup_cfg(files)
    if config.has_section("metadata"):
        for key, value in config.items("metadata"):
            yield from _plain("classifiers" if key == "classifier" else key, value)


def _from_pyproject(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for person in _several(table, "authors"):
        if isinstance(person, dict):
            yield "Author", str(person.get("name", ""))
            yield "Author-email", str(person.get("email", ""))
    urls = table.get("urls", {})
    for name, url in urls.items() if isinstance(urls, dict) else ():
        yield "Project-URL", f"{name}, {url}"
    for line in _several(table, "dependencies"):
        yield "Requires-Dist", str(line)
    for line in _several(table, "classifiers"):
        yield "Classifier", str(line)
    if isinstance(table.get("description"), str):
        yield "Summary", table["description"]


def _several(table: Mapping[str, Any], key: str) -> list[Any]:
    value = table.get(key)
    return value if isinstance(value, list) else []


def _plain(key: str, value: object) -> Iterator[tuple[str, str]]:
    if key in _TEXT_KEYS and isinstance(value, str):
        yield _TEXT_KEYS[key], value
    elif key == "classifiers":
        lines = value.splitlines() if isinstance(value, str) else value
        if isinstance(lines, (list, tuple)):
            yield from (("Classifier", line) for line in lines if isinstance(line, str))
    elif key == "install_requires" and isinstance(value, (list, tuple)):
        yield from (("Requires-Dist", line) for line in value if isinstance(line, str))
    elif key == "authors" and isinstance(value, list):
        yield from (("Author", line) for line in value if isinstance(line, str))
    elif key in {"homepage", "repository"} and isinstance(value, str):
        yield "Home-page", value


def _toml(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        return tomllib.loads(files.get("pyproject.toml", b"").decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return {}


def _pyproject(files: Mapping[str, bytes]) -> dict[str, Any]:
    table = _toml(files).get("project", {})
    return table if isinstance(table, dict) else {}


def _poetry(files: Mapping[str, bytes]) -> dict[str, Any]:
    tool = _toml(files).get("tool", {})
    table = tool.get("poetry", tool.get("flit", {}).get("metadata", {}))
    return table if isinstance(table, dict) else {}


def _setup_cfg(files: Mapping[str, bytes]) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(strict=False)
    try:
        config.read_string(files.get("setup.cfg", b"").decode("utf-8", "replace"))
    except configparser.Error:
        return configparser.RawConfigParser()
    return config


def _setup_arguments(files: Mapping[str, bytes]) -> dict[str, object]:
    """Literal keyword arguments of `setup(...)`; names bound to literals before it are followed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old sources hold invalid escapes
            tree = ast.parse(files.get("setup.py", b""))
    except (SyntaxError, ValueError):
        return {}
    names: dict[str, object] = {}
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _literal(node.value, names)
        if isinstance(node, ast.Call) and _called(node) == "setup":
            found |= {word.arg: _literal(word.value, names) for word in node.keywords if word.arg}
    return found


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _literal(node: ast.expr, names: Mapping[str, object]) -> object:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
