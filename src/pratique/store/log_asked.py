"""The log in a folder, for a command that asks one question of it.

Opening a log checks its key, signs the head anew and looks for what a crash left behind it. That loads
the cryptography library, which takes longer than most questions. A log that was opened once and not
touched since need not be opened again to know how long it is, so what opening found is written down
under a seal: an HMAC, keyed with the private key, over everything that opening looked at. While all
of that is the same to the byte, opening would find the same; whoever can make such a seal can sign
heads as well. At the slightest difference, and for everything but its length, the log is opened.
"""

from __future__ import annotations

import hmac
import os
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pratique.store.log_names import HEAD_FILE, KEY_FILE, VERIFIER_FILE, segment_place

if TYPE_CHECKING:
    from datetime import datetime

    from pratique.ledger.canonical import PreparedDraft
    from pratique.ledger.entries import Draft, Entry
    from pratique.store.segment_log import SegmentLog

SEAL_FILE: Final = "derived/opened"

_FORMAT: Final = b"pratique: a log that was opened, 1"
_NUMBERS: Final = struct.Struct(">QQQ")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Opened(NamedTuple):
    """What opening a log found good."""

    origin: str
    key: bytes
    """The private key's file."""
    verifier: bytes
    """The file of its public half."""
    head: bytes
    """The head's file."""
    size: int
    segment: int
    """Names the newest segment."""
    end: int
    """How many bytes of it are durable, and all that it has."""

    def seal(self) -> bytes:
        """The numbers, and what only somebody with the key can have made of all the rest."""
        numbers = _NUMBERS.pack(self.size, self.segment, self.end)
        parts = (_FORMAT, self.origin.encode(), self.verifier, self.head, numbers)
        told = b"".join(len(part).to_bytes(_WORD, "big") + part for part in parts)
        return numbers + hmac.digest(self.key, told, "sha256")


_WORD: Final = 8


class AskedLog:
    """A log that is opened when more than its length is asked for. Fulfils `LogStore`."""

    def __init__(self, folder: Path, *, origin: str, opening: Callable[[], SegmentLog]) -> None:
        """`opening` opens the log in the folder, with all checks.

        Raises: what that raises.
        """
        self._base = str(folder)
        self._origin = origin
        self._opening = opening
        self._opened: SegmentLog | None = None
        self.size()

    @property
    def origin(self) -> str:
        """Name of the log on its checkpoints."""
        return self._origin

    def size(self) -> int:
        """Number of durable entries, those of other processes included."""
        if self._opened is None:
            size = _sealed_size(self._base, self._origin)
            if size is not None:
                return size
        return self._log().size()

    def _log(self) -> SegmentLog:
        if self._opened is None:
            self._opened = self._opening()
            _write(f"{self._base}/{SEAL_FILE}", self._opened.opened().seal())
        return self._opened

    # ── everything else is the opened log's ──────────────────────────────────────────────────

    def append(self, drafts: Sequence[Draft | PreparedDraft], *, now: datetime) -> range:
        """Give the drafts the next sequence numbers, in order, all or none."""
        return self._log().append(drafts, now=now)

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries `[start, end)` in order."""
        return self._log().entries(start, end)

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same entries as canonical bytes."""
        return self._log().leaves(start, end)

    def tile(self, level: int, index: int) -> bytes:
        """Concatenated hashes of one tile."""
        return self._log().tile(level, index)

    def prove_inclusion(self, index: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Audit path of an entry."""
        return self._log().prove_inclusion(index, size=size)

    def prove_consistency(self, old_size: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Proof that the log extends its first `old_size` entries."""
        return self._log().prove_consistency(old_size, size=size)

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries."""
        return self._log().root(size)

    def rebuild_hashes(self) -> None:
        """Make everything that is derived from the entries again."""
        self._log().rebuild_hashes()

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._log().checkpoint()

    def verifier_key(self) -> str:
        """The log's public key as a note verifier key."""
        return self._log().verifier_key()

    def reopen(self) -> None:
        """Find out anew what is durable."""
        self._log().reopen()

    def close(self) -> None:
        """Release files."""
        if self._opened is not None:
            self._opened.close()


def _sealed_size(base: str, origin: str) -> int | None:
    """Entries of a log that is just as somebody with its key found it on opening it, else None."""
    try:
        if os.stat(f"{base}/{KEY_FILE}").st_mode & _OTHERS:  # noqa: PTH116 - paths as objects take longer than the asking
            return None
        seal = _read(f"{base}/{SEAL_FILE}")
        size, segment, end = _NUMBERS.unpack_from(seal)
        found = Opened(
            origin=origin,
            key=_read(f"{base}/{KEY_FILE}"),
            verifier=_read(f"{base}/{VERIFIER_FILE}"),
            head=_read(f"{base}/{HEAD_FILE}"),
            size=size,
            segment=segment,
            end=end,
        )
        untouched = hmac.compare_digest(seal, found.seal()) and _ends_there(base, found)
    except (OSError, struct.error):
        return None
    return size if untouched else None


def _ends_there(base: str, found: Opened) -> bool:
    """Whether nothing lies behind the head: no bytes in its segment, and no further segment."""
    if found.end and _length(f"{base}/{segment_place(found.segment)}") != found.end:
        return False
    is_newest = found.size == found.segment and found.end > 0
    return is_newest or _length(f"{base}/{segment_place(found.size)}") < 0


def _length(path: str) -> int:
    """Bytes of a file; -1 when there is none."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as above
    except FileNotFoundError:
        return -1


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return file.read()


def _write(path: str, seal: bytes) -> None:
    """Put the seal in place; a disk that refuses costs time at the next question, nothing else."""
    aside = f"{path}.{os.getpid()}"
    with suppress(OSError):
        fd = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, seal)
        finally:
            os.close(fd)
        os.replace(aside, path)  # noqa: PTH105 - as above
