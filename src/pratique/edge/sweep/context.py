"""What a sweep and its readers say to each other.

The walk offers each path to every reader; a reader that claims it yields looks. Bad content is no
exception: it is a gap in a look that is not whole. Readers start nothing that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pratique.inventory.observed.model import AssetKind, Evidence, Look
from pratique.values.instants import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLimits:
    """Where reading stops; what is cut becomes a gap."""

    file_bytes: int = 256 << 20
    """Of a file that is read as one piece (lock files, SBOMs)."""
    stream_bytes: int = 64 << 30
    """Of a file that is read as a stream (logs, image layers), after unpacking."""
    members: int = 1_000_000
    """Members of an archive, records of a document."""
    depth: int = 64
    """Of folders below a root."""
    entries: int = 50_000_000
    """Folders and files visited below all roots."""
    history_commits: int = 20_000
    """Commits read of one lock file's history."""


class Notes(Protocol):
    """What a reader wants to find again at the next sweep of this home: where a history ended.

    Notes become durable only after the looks that were yielded before them, so that an interrupted
    sweep resumes without losing any. Losing all notes costs time, never looks.
    """

    def recall(self, key: str) -> str:
        """The text kept under `key`, "" if none."""
        ...

    def keep(self, key: str, text: str) -> None:
        """Keep a text of at most 4,000 characters. Keys start with the reader's name."""
        ...


class EvidencePort(Protocol):
    """Where raw bytes go that an answer may have to show."""

    def keep(self, content: bytes, *, media_type: str, locator: str) -> Evidence:
        """Store the bytes (within the store's bounds) and say how a look names them.

        Bytes that do not fit are not stored, but named by their hash all the same. Never hand over
        bytes that hold secrets.
        """
        ...


class ForgetfulNotes:
    """Notes that last as long as this object: for one sweep, and for tests."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._texts: dict[str, str] = {}

    def recall(self, key: str) -> str:
        """The text kept under `key`, "" if none."""
        return self._texts.get(key, "")

    def keep(self, key: str, text: str) -> None:
        """Keep a text."""
        self._texts[key] = text


def _silent(_phase: str, _done: int, _total: int) -> None:
    """Show nothing."""


def _never() -> bool:
    """Go on."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepContext:
    """What a reader may know and use."""

    asset: str
    """What the swept machine or tree is called. A reader that finds an asset of its own (a
    repository, an image, a CI run) names that one in its looks instead."""
    asset_kind: AssetKind
    asset_given: bool = False
    """Whether a person named the asset, rather than the machine's name standing for it."""
    machine: str
    """For `Look.machine` of looks at this machine; "" when the roots are no machine."""
    now: Clock
    fingerprint_key: bytes = field(default=b"", repr=False)
    """32 bytes of this home, for keyed hashes of secret values; empty: fingerprints are left out."""
    history: bool = True
    """Whether git histories are read."""
    progress: Callable[[str, int, int], None] = _silent
    """Called with (what is being read, done, total or 0) as often as one likes."""
    stop: Callable[[], bool] = _never
    """Whether the person wants it to end: ask between items, then yield what was read as a look that
    is not whole, with a gap that says so, and return."""
    limits: SweepLimits = SweepLimits()
    notes: Notes = field(default_factory=ForgetfulNotes)
    evidence: EvidencePort | None = None
    """None: raw bytes are not kept."""


class Reader(Protocol):
    """One reader of one sort of thing."""

    @property
    def name(self) -> str:
        """As in `Look.collector` after `sweep/`: `uv-lock`, `environments`. A class attribute does."""
        ...

    @property
    def takes_folder(self) -> bool:
        """Whether a folder that it claims is its own matter (a cache, an unpacked image).

        The walk then does not go into it, and no other reader is offered what is inside.
        """
        ...

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether `read` wants this. Cheap: by name, then perhaps by a few bytes; never raises.

        `path` is no symbolic link; a file is a regular file.
        """
        ...

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """Read it. Never raises for what is in it or for its absence."""
        ...


STOPPED: Final = "the sweep was stopped before this was read"
"""The sentence of gaps that `SweepContext.stop` causes."""
