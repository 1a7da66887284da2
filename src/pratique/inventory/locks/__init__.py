"""One reader per kind of lock file, chosen by name and, where names are free, by content.

A new kind is a new module here and one line in `_BY_NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pratique.inventory.errors import LockError
from pratique.inventory.locks.pdm import read_pdm_lock
from pratique.inventory.locks.pipfile import read_pipfile_lock
from pratique.inventory.locks.poetry import read_poetry_lock
from pratique.inventory.locks.pylock import read_pylock
from pratique.inventory.locks.requirements import read_requirements
from pratique.inventory.locks.uv import read_uv_lock
from pratique.inventory.model import LockDocument, LockKind
from pratique.inventory.text import SourceText

_BY_NAME: tuple[tuple[re.Pattern[str], LockKind], ...] = (
    (re.compile(r"uv\.lock"), LockKind.UV),
    (re.compile(r"poetry\.lock"), LockKind.POETRY),
    (re.compile(r"pdm(?:\.[\w-]+)?\.lock"), LockKind.PDM),
    (re.compile(r"Pipfile\.lock"), LockKind.PIPENV),
    (re.compile(r"pylock(?:\.[^.]+)?\.toml"), LockKind.PYLOCK),
    (
        re.compile(r"(?:[\w.-]*[-_.])?(?:requirements|constraints)(?:[-_.][\w.-]*)?\.(?:txt|lock)"),
        LockKind.REQUIREMENTS,
    ),
)
_REQUIREMENT_FOLDERS = frozenset({"requirements", "requirement", "constraints", "reqs"})
_READERS: dict[LockKind, Callable[[SourceText], LockDocument]] = {
    LockKind.UV: read_uv_lock,
    LockKind.POETRY: read_poetry_lock,
    LockKind.PDM: read_pdm_lock,
    LockKind.PIPENV: read_pipfile_lock,
    LockKind.PYLOCK: read_pylock,
    LockKind.REQUIREMENTS: read_requirements,
}


def lock_kind(path: str) -> LockKind | None:
    """What kind of lock a path names; None when it names none."""
    folder, _, name = path.replace("\\", "/").rpartition("/")
    for pattern, kind in _BY_NAME:
        if pattern.fullmatch(name):
            return kind
    if name.endswith((".txt", ".lock")) and folder.rpartition("/")[2] in _REQUIREMENT_FOLDERS:
        return LockKind.REQUIREMENTS
    return None


def sniff_kind(data: bytes) -> LockKind | None:
    """What kind of lock some bytes are, for a file that was named expressly but oddly."""
    head = data[:65_536]
    if head.lstrip().startswith(b"{"):
        return LockKind.PIPENV if b'"pipfile-spec"' in head else None
    if b"[[package]]" in data:
        if b"lock_version" in data:
            return LockKind.PDM
        return LockKind.POETRY if b"content-hash" in data else LockKind.UV
    if b"[[packages]]" in data or re.search(rb"^lock-version\s*=", head, re.MULTILINE):
        return LockKind.PYLOCK
    requirement = re.compile(rb"^\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*==\s*\S+", re.MULTILINE)
    return LockKind.REQUIREMENTS if requirement.search(head) else None


def read_lock(
    path: str, data: bytes, *, kind: LockKind | None = None, max_bytes: int | None = None
) -> LockDocument:
    """Read a lock file of any kind.

    `kind` overrules what the name says, for files that another file includes.
    Raises: LockError naming the file and the line, never anything else, however hostile the bytes.
    """
    chosen = kind or lock_kind(path) or sniff_kind(data)
    if chosen is None:
        raise LockError(
            "is no lock file that Pratique reads",
            path=path,
            expected=", ".join(kind.value for kind in LockKind),
        )
    source = (
        SourceText(path, data) if max_bytes is None else SourceText(path, data, max_bytes=max_bytes)
    )
    return _READERS[chosen](source)
