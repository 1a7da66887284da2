"""The contents of files in a history, each distinct one read once, with what it lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.edge.sweep.context import SweepLimits
from pratique.edge.sweep.git_objects import read_blobs, read_sizes
from pratique.edge.sweep.git_process import Git, GitError
from pratique.inventory.errors import LockError
from pratique.inventory.findings.duplicates import resolve
from pratique.inventory.listings.kinds import ListingKind, listing_kind
from pratique.inventory.listings.reading import Listing, ListingReader
from pratique.inventory.listings.timeline import Held
from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.reading import credential_file, read_credentials
from pratique.inventory.text import MAX_LOCK_BYTES

_MAX_BROKEN: Final = 50
"""Broken contents in one repository before the rest is given up."""
_WORKFLOWS: Final = ".github/workflows/"
_NOTHING: Final = Listing(sightings=(), defects=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One content of one file, and what it lists."""

    path: str
    blob: str
    listing: Listing = _NOTHING
    identities: tuple[Identity, ...] = ()
    """Of a workflow: the secrets that its jobs are given, by name."""
    sha256: str = ""
    """Empty when it could not be read."""
    size: int = 0
    gaps: tuple[str, ...] = ()
    """Sentences that say what could not be read."""


class Contents:
    """Reads the contents of one repository."""

    def __init__(
        self, git: Git, listings: ListingReader, *, partial: bool, limits: SweepLimits
    ) -> None:
        """`partial`: whether contents may have been left out when it was cloned."""
        self._git = git
        self._listings = listings
        self._partial = partial
        self._limits = limits
        self.trouble: list[str] = []
        """Sentences about more than one version."""
        self.unsure = False
        """Whether something failed that may work another time."""

    def read(self, held: Sequence[Held]) -> Iterator[tuple[Held, Version]]:
        """Each interval with its version, file by file, in the order of time."""
        ordered = sorted(held, key=_when)
        uses: dict[tuple[str, str], int] = {}
        for one in ordered:
            uses[one.path, one.blob] = uses.get((one.path, one.blob), 0) + 1
        stream = self._versions(list(uses))
        known: dict[tuple[str, str], Version] = {}
        for one in ordered:
            key = one.path, one.blob
            while key not in known:
                version = next(stream)
                known[version.path, version.blob] = version
            yield one, known[key]
            uses[key] -= 1
            if not uses[key]:
                del known[key]  # a long history must not gather in memory

    def _versions(self, keys: Sequence[tuple[str, str]]) -> Iterator[Version]:
        """The versions in this order; what cannot be read is told in its place."""
        sizes = self._sizes([blob for _path, blob in keys])
        refused: dict[tuple[str, str], str] = {}
        total = 0
        for key in keys:
            size = sizes.get(key[1])
            total += size or 0
            if refusal := self._why_not(size, total):
                refused[key] = refusal
        stream = self._stream([key for key in keys if key not in refused])
        for path, blob in keys:
            why = refused.get((path, blob))
            yield Version(path=path, blob=blob, gaps=(why,)) if why else next(stream)

    def _stream(self, waiting: Sequence[tuple[str, str]]) -> Iterator[Version]:
        """The same, of what should be readable."""
        broken = 0
        while waiting:
            done = 0
            try:
                for _blob, data in read_blobs(self._git, [blob for _path, blob in waiting]):
                    path, blob = waiting[done]
                    done += 1
                    yield self._version(path, blob, data)
                waiting = ()
            except GitError as error:
                # What is broken stops git; the rest is asked for again without it.
                self.unsure = True
                broken += 1
                path, blob = waiting[done]
                yield Version(path=path, blob=blob, gaps=(error.message,))
                waiting = waiting[done + 1 :]
            if broken > _MAX_BROKEN and waiting:
                self.trouble.append(
                    f"{len(waiting):,} versions were given up after {broken} broken ones"
                )
                why = "too many contents of this repository are broken"
                for path, blob in waiting:
                    yield Version(path=path, blob=blob, gaps=(why,))
                return

    def _version(self, path: str, blob: str, data: bytes) -> Version:
        kind = listing_kind(path)
        assert kind is not None
        digest = hashlib.sha256(data).hexdigest()
        try:
            listing = self._listings.read(kind, path, data)
            gaps = (*listing.defects, *_not_followed(path, kind, listing))
        except LockError as error:
            listing, gaps = _NOTHING, (error.reason,)
        return Version(
            path=path,
            blob=blob,
            listing=listing,
            identities=_job_secrets(path, data),
            sha256=digest,
            size=len(data),
            gaps=gaps,
        )

    def _sizes(self, blobs: Sequence[str]) -> Mapping[str, int]:
        if not blobs:
            return {}
        try:
            return read_sizes(self._git, list(dict.fromkeys(blobs)), partial=self._partial)
        except (GitError, ValueError) as error:
            self.unsure = True
            self.trouble.append(f"contents cannot be listed: {error}")
            return {}

    def _why_not(self, size: int | None, total: int) -> str:
        if size is None:
            self.unsure = True
            return "its content is not in this clone, or is broken"
        if size > min(MAX_LOCK_BYTES, self._limits.file_bytes):
            return f"has {size:,} bytes, more than are read"
        if total > self._limits.stream_bytes:
            return "too much was read of this repository before"
        return ""


def _job_secrets(path: str, data: bytes) -> tuple[Identity, ...]:
    """Of a workflow that runs: one at the top. What it cannot be read for, its listing says too."""
    sort = credential_file(path) if path.startswith(_WORKFLOWS) else None
    if sort is None:
        return ()
    return read_credentials(sort, path, data, Fingerprints(b"")).identities


def _when(held: Held) -> tuple[str, int]:
    return held.path, held.start


def _not_followed(path: str, kind: ListingKind, listing: Listing) -> Iterator[str]:
    """Includes that have no name of their own: at which version they were is not known here."""
    for one in listing.includes:
        if "://" in one.path or listing_kind(resolve(path, one.path)) is None:
            yield f"includes {one.path[:200]!r}, which {kind.name} histories do not follow"
