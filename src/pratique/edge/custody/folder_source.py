"""A folder that somebody else arranged, as a source of objects.

Links to files within the folder are read as the files; links that leave it, links to folders and
everything that is no regular file are told and left. What was opened is looked at again: a name that
was exchanged for a link after the walk leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pratique.custody.manifest import media_type_of
from pratique.edge.custody.sources import STAMP_MTIME, Found, Gap, SourceGapError, key_or_gap
from pratique.edge.sweep.careful import why_unreadable
from pratique.errors import InputError

MAX_DEPTH: Final = 200
_FILE: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN_FILES: Final = Path("/proc/self/fd")
_NANO: Final = 1_000_000_000


class FolderSource:
    """Regular files below a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises: InputError when there is no such folder."""
        if not folder.is_dir():
            said = f"{folder} is no folder" if folder.exists() else f"no folder {folder}"
            raise InputError(said, expected="a folder, or s3://BUCKET/PREFIX")
        self._root = os.path.realpath(folder)
        self._inside = self._root.rstrip("/") + "/"

    @property
    def name(self) -> str:
        """Its place on this machine."""
        return f"folder {_shown(self._root)}"

    def holds(self, path: Path) -> bool:
        """Whether a path lies within the folder, or is it."""
        return (os.path.realpath(path) + "/").startswith(self._inside)

    def walk(self) -> Iterator[Found | Gap]:
        """Files, each folder's ordered by the bytes of their names; folders after files."""
        waiting = [""]
        while waiting:
            relative = waiting.pop()
            if relative.count("/") > MAX_DEPTH:
                yield Gap(what=_shown(relative), why=f"lies more than {MAX_DEPTH} folders deep")
                continue
            try:
                files, folders, odd = self._listed(relative)
            except OSError as error:
                yield Gap(what=_shown(relative or "."), why=why_unreadable(error))
                continue
            yield from odd
            yield from files
            waiting += reversed(folders)

    def _listed(self, relative: str) -> tuple[list[Found], list[str], list[Gap]]:
        files: list[Found] = []
        folders: list[str] = []
        gaps: list[Gap] = []
        descriptor = os.open(self._inside + relative, _FOLDER)
        try:
            if not self._contains(descriptor):
                raise PermissionError(errno.EXDEV, "leads out of the folder")
            with os.scandir(descriptor) as entries:
                found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
            for entry in found:
                path = relative + entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path + "/")
                    continue
                one = self._looked_at(path, entry)
                if isinstance(one, Gap):
                    gaps.append(one)
                else:
                    files.append(one)
        finally:
            os.close(descriptor)
        return files, folders, gaps

    def _looked_at(self, path: str, entry: os.DirEntry[str]) -> Found | Gap:
        shown = _shown(path)
        odd = key_or_gap(path, shown)
        if odd is not None:
            return odd
        try:
            if entry.is_symlink():
                if not self._target(path).startswith(self._inside):
                    return Gap(what=shown, why="is a link that leads out of the folder")
                status = Path(self._inside + path).stat()
                if stat.S_ISDIR(status.st_mode):
                    return Gap(what=shown, why="is a link to a folder, which is not followed")
            else:
                status = entry.stat(follow_symlinks=False)
        except OSError as error:
            return Gap(what=shown, why=_link_trouble(error))
        if not stat.S_ISREG(status.st_mode):
            return Gap(what=shown, why="is no regular file")
        return _found(path, status)

    def _target(self, path: str) -> str:
        """Where a link ends. Raises: OSError for a loop, or when nothing is there."""
        return os.path.realpath(self._inside + path, strict=True)

    @contextmanager
    def open(self, found: Found) -> Iterator[_FileReader]:
        """Open a file that the walk found. Raises: SourceGapError."""
        try:
            descriptor = os.open(self._inside + found.place, _FILE)
        except OSError as error:
            raise SourceGapError(why_unreadable(error)) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceGapError("is no regular file any more")
            if not self._contains(descriptor):
                raise SourceGapError("leads out of the folder")
            yield _FileReader(descriptor, found.place, status)
        finally:
            os.close(descriptor)

    def _contains(self, descriptor: int) -> bool:
        """Whether what was opened lies within; where the system cannot tell, names must do."""
        try:
            target = str((_OWN_FILES / str(descriptor)).readlink())
        except OSError:
            return True
        return (target + "/").startswith(self._inside)


class _FileReader:
    """A file from its first byte to its last."""

    def __init__(self, descriptor: int, place: str, status: os.stat_result) -> None:
        self._descriptor, self._place, self._status = descriptor, place, status
        self._at = 0

    def fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full or the file ends."""
        filled = 0
        try:
            while filled < len(buffer):
                got = os.preadv(self._descriptor, [buffer[filled:]], self._at)
                if not got:
                    break
                filled += got
                self._at += got
        except OSError as error:
            raise SourceGapError(why_unreadable(error)) from error
        return filled

    def finish(self) -> Found:
        """The file as it was all the time. Raises: SourceGapError when it was not."""
        before, after = self._status, os.fstat(self._descriptor)
        same = (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
            after.st_size,
            after.st_mtime_ns,
            after.st_ctime_ns,
        )
        if not same or self._at != after.st_size:
            raise SourceGapError("changed while it was read")
        return _found(self._place, after)


def _found(path: str, status: os.stat_result) -> Found:
    seconds, nanos = divmod(abs(status.st_mtime_ns), _NANO)
    sign = "-" if status.st_mtime_ns < 0 else ""
    return Found(
        key=path,
        size=status.st_size,
        metadata=((STAMP_MTIME, f"{sign}{seconds}.{nanos:09}"),),
        media_type=media_type_of(path),
        place=path,
    )


def _link_trouble(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "is a link to nothing"
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    return why_unreadable(error)


def _shown(path: str) -> str:
    """A name for people and the ledger: bytes that are no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
