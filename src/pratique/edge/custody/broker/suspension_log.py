"""What is suspended, on the disk: a file with everything, and one with what changed since.

A change costs one line and one sync, however much is suspended. When the changes have become as long as
the whole, the whole is written anew and they begin again: so each costs the same on the average.

`suspended`: JSON of scope → suspension. `suspended.log`: a line of JSON for each change; a last line
without its end is of an answer that nobody got.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pratique.custody.errors import KeyBrokenError
from pratique.edge.custody.broker.key_files import KEY_MODE, sync_folder, write_durably

_LEAST_BYTES: Final = 256 * 1024
"""Changes are gathered to this length at least."""


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """Why a scope gets nothing."""

    reason: str
    incident: str
    since: datetime
    by_gateway: bool = False


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    scope: str
    held: Suspension | None
    """None: resumed."""


_CHANGES: Final = msgspec.json.Decoder(_Change)
_WHOLE: Final = msgspec.json.Decoder(dict[str, Suspension])


class SuspensionLog:
    """Both files. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._whole, self._path = folder / "suspended", folder / "suspended.log"
        self._whole_bytes = 0
        self._bytes = 0

    def load(self) -> dict[str, Suspension]:
        """Everything that is suspended. Raises: KeyBrokenError: whoever damages it resumes nothing."""
        held: dict[str, Suspension] = {}
        with suppress(FileNotFoundError):
            data = self._whole.read_bytes()
            self._whole_bytes = len(data)
            held = self._decoded(data)
        with suppress(FileNotFoundError):
            self._replay(self._path.read_bytes(), held)
        return held

    def append(self, changes: Mapping[str, Suspension | None]) -> None:
        """Make changes durable, all or none. Raises: OSError."""
        lines = (
            msgspec.json.encode(_Change(scope=scope, held=held)) + b"\n"
            for scope, held in changes.items()
        )
        data = b"".join(lines)
        fresh = not self._path.exists()
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, KEY_MODE)
        try:
            _write_at(fd, data, self._bytes)
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, self._bytes)
            raise
        finally:
            os.close(fd)
        if fresh:
            sync_folder(self._path.parent)
        self._bytes += len(data)

    def fold(self, held: Mapping[str, Suspension]) -> None:
        """Write everything anew where the changes have become as long. Raises: OSError.

        A crash in between leaves changes that the whole has already: they say the same once more.
        """
        if self._bytes < max(_LEAST_BYTES, self._whole_bytes):
            return
        data = msgspec.json.encode(held, order="sorted")
        write_durably(self._whole, data)
        self._whole_bytes = len(data)
        os.truncate(self._path, 0)
        self._bytes = 0

    def _decoded(self, data: bytes) -> dict[str, Suspension]:
        try:
            return _WHOLE.decode(data)
        except msgspec.DecodeError:
            raise self._damaged(self._whole) from None

    def _replay(self, data: bytes, held: dict[str, Suspension]) -> None:
        whole = data[: data.rfind(b"\n") + 1]
        self._bytes = len(whole)
        for change in self._changes(whole):
            if change.held is None:
                held.pop(change.scope, None)
            else:
                held[change.scope] = change.held

    def _changes(self, data: bytes) -> Iterable[_Change]:
        try:
            return _CHANGES.decode_lines(data)
        except msgspec.DecodeError:
            raise self._damaged(self._path) from None

    @staticmethod
    def _damaged(path: Path) -> KeyBrokenError:
        return KeyBrokenError(f"{path} is damaged", remedy="put it back from its copy")


def _write_at(fd: int, data: bytes, start: int) -> None:
    """Half a line that a crash left behind `start` is written over, and cut off."""
    os.ftruncate(fd, start)
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], start + done)
    os.fdatasync(fd)
