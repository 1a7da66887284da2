"""Projects of a repository that ask for packages and lock none of them.

Manifests are not read: most are locked, and then the lock says what came. One without a lock beside or
above it may have had any release that it admits, so the repository must not be cleared by its locks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pratique.edge.sweep.git_objects import read_blobs, read_sizes
from pratique.edge.sweep.git_process import Git
from pratique.inventory.listings.kinds import SKIPPED_FOLDERS, listing_kind
from pratique.inventory.listings.timeline import Tip
from pratique.inventory.observed.model import PlaceKind

_PYTHON: Final = re.compile(
    rb"^\s*[\w-]*dependencies\s*=\s*\[\s*[\"']|^\s*\[tool\.poetry\.(?:[\w.-]+\.)?dependencies\]|"
    rb"^\s*\[dependency-groups\]|install_requires\s*=|^\s*\[(?:dev-)?packages\]",
    re.MULTILINE,
)
_NODE: Final = re.compile(rb"\"(?:dev|optional)?[dD]ependencies\"\s*:\s*\{\s*\"")
_ASKS: Final = {
    "pyproject.toml": _PYTHON,
    "setup.cfg": _PYTHON,
    "setup.py": _PYTHON,
    "Pipfile": _PYTHON,
    "package.json": _NODE,
}
_NODE_LOCKS: Final = frozenset({"package-lock", "pnpm-lock", "yarn-lock"})
_MAX_TIPS: Final = 20
"""Branches looked at, the most telling first."""
_MAX_MANIFESTS: Final = 500
_MAX_BYTES: Final = 1 << 20
_SHOWN: Final = 3


def unlocked(git: Git, tips: Sequence[Tip], *, partial: bool) -> str:
    """A sentence on projects without a lock at the tips; "" when there are none. Raises: GitError."""
    wanted: dict[str, str] = {}
    for tip in tips[:_MAX_TIPS]:
        manifests, locked = _in_tree(git, tip.commit)
        for path, blob in manifests.items():
            if len(wanted) < _MAX_MANIFESTS and not _is_locked(path, locked):
                wanted.setdefault(path, blob)
    blobs = list(dict.fromkeys(wanted.values()))
    sizes = read_sizes(git, blobs, partial=partial) if blobs else {}
    there = [blob for blob in blobs if sizes.get(blob, _MAX_BYTES + 1) <= _MAX_BYTES]
    contents = dict(read_blobs(git, there)) if there else {}
    # One that is too large or was left out by the clone may ask for anything.
    asking = sorted(
        path
        for path, blob in wanted.items()
        if blob not in contents or _ASKS[path.rpartition("/")[2]].search(contents[blob])
    )
    if not asking:
        return ""
    more = f" and {len(asking) - _SHOWN} more" if len(asking) > _SHOWN else ""
    return f"asks for packages without a lock file: {', '.join(asking[:_SHOWN])}{more}"


def _in_tree(git: Git, commit: str) -> tuple[dict[str, str], set[tuple[bool, str]]]:
    """Manifests of a commit by path, and the folders that have a lock, of npm's kind or Python's."""
    manifests: dict[str, str] = {}
    locked: set[tuple[bool, str]] = set()
    with git.run("ls-tree", "-r", "-z", commit) as output:
        for token in output.lines(b"\0"):
            head, _, name = token.partition(b"\t")
            path = name.decode("utf-8", "backslashreplace")
            folder, _, last = path.rpartition("/")
            if last in _ASKS:
                if SKIPPED_FOLDERS.isdisjoint(folder.split("/")):
                    manifests[path] = head.split(b" ")[2].decode("ascii", "replace")
            elif (kind := listing_kind(path)) is not None and kind.place is PlaceKind.LOCK:
                locked.add((kind.name in _NODE_LOCKS, folder))
    return manifests, locked


def _is_locked(path: str, locked: set[tuple[bool, str]]) -> bool:
    """Whether a lock lies beside a manifest, or above it as in a workspace."""
    folder, _, name = path.rpartition("/")
    node = name == "package.json"
    while (node, folder) not in locked:
        if not folder:
            return False
        folder = folder.rpartition("/")[0]
    return True
