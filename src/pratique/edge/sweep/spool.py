"""Batches that wait: for the server, or for a ledger that cannot write.

    <folder>/0000000012-<sha256>.json   a batch, whole and durable, in the order of its number
    <folder>/refused/                   batches that the server will never take, with the reason
    <folder>/lock                       held while batches are sent or taken

A batch is removed only after whoever takes it has said that it is durable there; taking it twice is
harmless, because its name says what it is.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pratique.edge.errors import StorageError
from pratique.edge.sweep.careful import UnreadableError, read_whole
from pratique.edge.sweep.memory import make_private, write_whole
from pratique.inventory.observed.batches import BATCH_BYTES, batch_id, render_batch
from pratique.ledger.entries import Draft

SPOOL_BYTES: Final = 1 << 30
_NAME: Final = re.compile(r"(\d{10})-([0-9a-f]{64})\.json")
_REFUSED_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A batch in the spool."""

    path: Path
    number: int
    id: str
    size: int


class Spool:
    """A folder of batches."""

    def __init__(self, folder: Path, *, cap_bytes: int = SPOOL_BYTES) -> None:
        """Name the folder; it is made when the first batch comes."""
        self._folder = folder
        self._cap = cap_bytes
        self._ends: tuple[int, int] | None = None
        """Last number and bytes held, as far as this object knows."""

    def put(self, drafts: Sequence[Draft]) -> Waiting:
        """Keep a batch; when this returns it is durable.

        Raises: StorageError when the spool is full or cannot be written.
        """
        content = render_batch(drafts)
        if self._ends is None:
            waiting = self.waiting()
            self._ends = (
                max((one.number for one in waiting), default=0),
                sum(one.size for one in waiting),
            )
        last, held = self._ends
        if held + len(content) > self._cap:
            raise StorageError(
                f"the spool {self._folder} is full: {held:,} bytes wait",
                remedy="let it reach its server; what it holds is kept",
            )
        number = last + 1
        path = self._folder / f"{number:010d}-{batch_id(content)}.json"
        try:
            make_private(self._folder)
            write_whole(path, content)
        except OSError as error:
            raise StorageError(
                f"cannot spool to {self._folder}: {error.strerror}",
                remedy="free some disk space; nothing half-written is left",
            ) from error
        self._ends = (number, held + len(content))
        return Waiting(path=path, number=number, id=batch_id(content), size=len(content))

    def waiting(self) -> list[Waiting]:
        """What waits, oldest first."""
        found: list[Waiting] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    name = _NAME.fullmatch(entry.name)
                    if name is not None and entry.is_file(follow_symlinks=False):
                        found.append(
                            Waiting(
                                path=Path(entry.path),
                                number=int(name[1]),
                                id=name[2],
                                size=entry.stat(follow_symlinks=False).st_size,
                            )
                        )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"cannot look into {self._folder}: {error.strerror}") from error
        return sorted(found, key=lambda one: (one.number, one.id))

    def read(self, one: Waiting) -> bytes | None:
        """The bytes of a batch; None when they are not those of its name (it is set aside then)."""
        try:
            content = read_whole(str(one.path), 2 * BATCH_BYTES)
        except UnreadableError as error:
            if error.absent:
                return None
            raise StorageError(f"cannot read {one.path}: {error.message}") from error
        if batch_id(content) != one.id:
            self.refuse(one, "its bytes were changed on disk")
            return None
        return content

    def done(self, one: Waiting) -> None:
        """A batch is durable where it belongs."""
        self._ends = None
        one.path.unlink(missing_ok=True)

    def refuse(self, one: Waiting, why: str) -> None:
        """Set a batch aside that nobody will take."""
        refused = self._folder / "refused"
        try:
            make_private(refused)
            if len(list(refused.glob("*.json"))) >= _REFUSED_KEPT:
                one.path.unlink(missing_ok=True)
                return
            write_whole(refused / f"{one.path.name}.why.txt", f"{why}\n".encode())
            one.path.replace(refused / one.path.name)
        except OSError as error:
            raise StorageError(f"cannot set {one.path} aside: {error.strerror}") from error

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Only one process sends at a time; gives False while another does."""
        make_private(self._folder)
        with (self._folder / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
