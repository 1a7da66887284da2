"""Does a package named on a command line have exactly one version?"""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pratique.inventory.addresses import is_remote
from pratique.inventory.launches.model import Unpinned
from pratique.inventory.locks.entries import full_commit

_BOOTSTRAP = frozenset({"pip", "setuptools", "wheel"})
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz")
_VCS = ("git+", "hg+", "svn+", "bzr+")
_VARIABLE = re.compile(r"[$`]|\{\{|%\w+%|<\w")
_PYTHON_TOOL = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,. -]*\])?@(?P<version>[^@/]+)")
_NPM = re.compile(r"(?P<name>(?:@[\w.~-]+/)?[A-Za-z0-9][\w.~-]*)(?:@(?P<version>[^@/]+))?")
_SEMVER = re.compile(r"\d+\.\d+\.\d+(?:[-+][\w.+-]+)?")
_HASH = re.compile(r"sha(?:256|384|512)=[0-9a-fA-F]{64,128}")


def judge_python(spec: str) -> Unpinned | None:
    """A requirement as pip and uv take it; None when it is exact, local or cannot be told.

    A spec made of variables is not judged: what it becomes is decided elsewhere.
    """
    text = spec.strip()
    if not text or _is_local(text):
        return None
    address = text.partition("@")[2].strip() if " @ " in text or "@git+" in text else text
    if address.lower().startswith(_VCS):
        commit = full_commit(address.partition("#")[0].rpartition("@")[2])
        return None if commit else Unpinned(spec=text, why="a repository without a full commit")
    if is_remote(address):
        parts = address.partition("#")[2].split("&")
        if any(_HASH.fullmatch(part) for part in parts) or _VARIABLE.search(address):
            return None
        return Unpinned(spec=text, why="an address without a SHA-256")
    if _VARIABLE.search(text):
        return None
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    for specifier in requirement.specifier:
        if specifier.operator in {"==", "==="} and not specifier.version.endswith(".*"):
            return None
    mild = canonicalize_name(requirement.name) in _BOOTSTRAP
    return Unpinned(spec=text, why="no '==' version", mild=mild)


def judge_tool(spec: str) -> Unpinned | None:
    """A tool as uvx and pipx take it: a requirement, or `name@version`."""
    named = _PYTHON_TOOL.fullmatch(spec.strip())
    if named is None:
        return judge_python(spec)
    version = named.group("version").strip()
    if version == "latest":
        return Unpinned(spec=spec, why="'@latest' is whatever is newest")
    if version[:1].isdigit() or _VARIABLE.search(version):
        return None
    return Unpinned(spec=spec, why="no exact version after '@'")


def judge_npm(spec: str) -> Unpinned | None:
    """A package as npx takes it; only a full version counts."""
    text = spec.strip()
    if not text or _is_local(text) or _VARIABLE.search(text):
        return None
    named = _NPM.fullmatch(text)
    if named is None:
        return None
    version = named.group("version")
    if version is None:
        return Unpinned(spec=text, why="no '@' version")
    if _SEMVER.fullmatch(version):
        return None
    return Unpinned(spec=text, why=f"'@{version}' can move")


def _is_local(text: str) -> bool:
    if text.startswith((".", "/", "~", "file:")):
        return True
    if is_remote(text) or text.lower().startswith(_VCS):
        return False
    bare = text.partition("[")[0]
    windows_path = "\\" in bare or re.match(r"[A-Za-z]:", bare) is not None
    python_path = "/" in bare and not bare.startswith("@") and "@" not in bare
    return windows_path or python_path or bare.lower().endswith(_ARCHIVES)
