"""Files for `pratique lock`: finding them, reading them within limits, replacing them whole."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pratique.inventory.check import Material
from pratique.inventory.errors import LockError
from pratique.inventory.findings.duplicates import resolve
from pratique.inventory.launches import read_launches, reads_launches
from pratique.inventory.launches.model import Launch
from pratique.inventory.launches.shell import MAX_CONFIG_BYTES
from pratique.inventory.locks import lock_kind, read_lock, sniff_kind
from pratique.inventory.model import LockDocument, LockKind
from pratique.inventory.text import MAX_LOCK_BYTES

MAX_FILES = 20_000
"""Lock and configuration files in one check."""
MAX_ENTRIES = 2_000_000
"""Folder entries looked at in one walk."""
MAX_DEPTH = 40
MAX_INCLUDE_DEPTH = 16
_SKIPPED_FOLDERS = frozenset({
    ".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox", "__pycache__",
    "site-packages", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis",
})  # fmt: skip


@dataclass(slots=True)
class Gathering:
    """What has been read so far; one place for the limits."""

    documents: dict[str, LockDocument] = field(default_factory=dict)
    launches: dict[str, tuple[Launch, ...]] = field(default_factory=dict)
    failures: list[LockError] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    entries: int = 0

    def material(self) -> Material:
        """What was read, for the check."""
        return Material(
            documents=tuple(self.documents.values()),
            launches=self.launches,
            failures=tuple(self.failures),
            skipped=tuple(self.skipped),
        )


def gather(paths: Iterable[Path], *, on_file: Callable[[], None] = lambda: None) -> Gathering:
    """Read every lock and configuration file below the paths.

    A file that is named is read whatever it is called; a folder is walked for names we know.
    Raises: LockError when a named path does not exist.
    """
    gathering = Gathering()
    for path in paths:
        if path.is_dir():
            for found in _walk(path, gathering):
                _take(gathering, found, named=False)
                on_file()
        elif path.exists():
            _take(gathering, path, named=True)
            on_file()
        else:
            raise LockError(
                "does not exist", path=path.as_posix(), expected="a lock file or a folder"
            )
    return gathering


def read_bounded(path: Path, *, max_bytes: int = MAX_LOCK_BYTES) -> bytes:
    """The bytes of a regular file. Raises: LockError, also for pipes and devices."""
    try:
        # Without waiting: a named pipe would block until somebody writes to it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise LockError("is not a regular file", path=path.as_posix())
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise LockError(
            f"cannot be read: {error.strerror or type(error).__name__}", path=path.as_posix()
        ) from None
    if len(data) > max_bytes:
        raise LockError(
            f"is longer than {max_bytes:,} bytes", path=path.as_posix(), expected="a smaller file"
        )
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old bytes or the new, never a part.

    A symbolic link stays one; its target is replaced. The mode is kept.
    """
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _walk(root: Path, gathering: Gathering) -> Iterator[Path]:
    folders = [(root, 0)]
    taken = 0
    while folders:
        folder, depth = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            gathering.skipped.append(f"folder {folder.as_posix()}: {error.strerror}")
            continue
        below: list[tuple[Path, int]] = []
        for entry in entries:
            gathering.entries += 1
            if gathering.entries > MAX_ENTRIES or taken > MAX_FILES:
                gathering.skipped.append(f"the rest of {root.as_posix()}: too many files")
                return
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED_FOLDERS:
                    below.append((Path(entry.path), depth + 1))
            elif lock_kind(entry.path) or reads_launches(Path(entry.path).as_posix()):
                taken += 1
                yield Path(entry.path)
        if depth >= MAX_DEPTH and below:
            gathering.skipped.append(f"folders below {folder.as_posix()}: too deep")
            continue
        folders.extend(reversed(below))


def _take(gathering: Gathering, path: Path, *, named: bool) -> None:
    shown = path.as_posix()
    try:
        if lock_kind(shown) is None and reads_launches(shown):
            data = read_bounded(path, max_bytes=MAX_CONFIG_BYTES)
            gathering.launches[shown] = read_launches(shown, data)
        else:
            _take_lock(gathering, path, kind=None, constraints=_is_constraints(shown), depth=0)
    except LockError as error:
        if named and lock_kind(shown) is None and not reads_launches(shown):
            raise  # the person asked for a file that we have no reader for
        gathering.failures.append(error)


def _take_lock(
    gathering: Gathering, path: Path, *, kind: LockKind | None, constraints: bool, depth: int
) -> None:
    shown = path.as_posix()
    if shown in gathering.documents:
        return
    data = read_bounded(path)
    document = read_lock(shown, data, kind=kind or lock_kind(shown) or sniff_kind(data))
    document = replace(document, constraints=constraints)
    gathering.documents[shown] = document
    for include in document.includes:
        target = resolve(shown, include.path)
        if "://" in include.path or "$" in include.path:
            gathering.skipped.append(f"{shown}:{include.location.line}: what it includes")
        elif depth >= MAX_INCLUDE_DEPTH or len(gathering.documents) >= MAX_FILES:
            gathering.skipped.append(f"{target}: too many files include each other")
        else:
            _take_include(gathering, Path(target), include.constraint or constraints, depth + 1)


def _take_include(gathering: Gathering, path: Path, constraints: bool, depth: int) -> None:
    try:
        _take_lock(
            gathering, path, kind=LockKind.REQUIREMENTS, constraints=constraints, depth=depth
        )
    except LockError as error:
        gathering.failures.append(error)


def _is_constraints(path: str) -> bool:
    return "constraints" in path.rpartition("/")[2]
