"""Reading a file that lists releases, and the next version of it, and the one after that.

Consecutive versions of a lock differ in a few packages. So a file is cut into pieces that mean the same
by themselves (`ListingKind.split`), each distinct piece is read once, and what was made of it is kept,
bounded. Whenever a piece cannot be read the file is read whole, which then says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pratique.inventory.errors import LockError
from pratique.inventory.listings.graph import Linker, Resolver, by_name
from pratique.inventory.listings.kinds import ListingKind
from pratique.inventory.listings.model import Included, Listed, Piece, Pieces
from pratique.inventory.observed.model import PlaceKind, Sighting
from pratique.inventory.text import MAX_LOCK_BYTES, SourceText

CACHE_BYTES: Final = 48 << 20
"""Of pieces kept; what was made of them takes about as much again."""
_MAX_DEFECTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a file lists."""

    sightings: tuple[Sighting, ...]
    defects: tuple[str, ...]
    """Sentences about entries that could not be read; the rest could."""
    includes: tuple[Included, ...] = ()


class ListingReader:
    """Reads files of any kind; remembers pieces from one to the next."""

    def __init__(self, *, cache_bytes: int = CACHE_BYTES, max_bytes: int = MAX_LOCK_BYTES) -> None:
        """Start with nothing remembered."""
        self._cache: dict[tuple[str, str, bytes], dict[bytes, Piece]] = {}
        self._cached = 0
        self._cache_bytes = cache_bytes
        self._max_bytes = max_bytes
        self._linker = Linker()

    def read(self, kind: ListingKind, path: str, data: bytes) -> Listing:
        """Read a file.

        Raises: LockError naming the file, never anything else, however hostile the bytes.
        """
        if len(data) > self._max_bytes:
            raise LockError(
                f"is {len(data):,} bytes long",
                path=path,
                expected=f"at most {self._max_bytes:,} bytes",
            )
        if self._cached > self._cache_bytes:
            # Linked entries are known by their id: both forget together.
            self._cache.clear()
            self._linker.forget()
            self._cached = 0
        pieces = self._in_pieces(kind, path, data)
        if pieces is None:
            whole = SourceText(path, data, max_bytes=self._max_bytes, places=kind.places)
            pieces = [kind.read(whole)]
        listing = self.join(pieces, kind.resolver)
        # Cut off where another entry could have begun, it would be a shorter list of good form.
        if kind.mark and kind.mark not in data:
            lacks = f"is cut off, or no such file: it has no {kind.mark.decode()!r}"
            return replace(listing, defects=(*listing.defects, lacks))
        if kind.place is PlaceKind.LOCK and not data.strip():
            return replace(listing, defects=(*listing.defects, "is empty"))
        return listing

    def join(self, pieces: Iterable[Piece], resolver: Resolver = by_name) -> Listing:
        """Pieces that were read apart, as one listing."""
        entries: list[Listed] = []
        defects: dict[str, None] = {}
        includes: dict[Included, None] = {}
        for piece in pieces:
            entries += piece.listed
            if piece.defects or piece.includes:
                defects.update(dict.fromkeys(piece.defects))
                includes.update(dict.fromkeys(piece.includes))
        return Listing(
            sightings=self._linker.sightings(entries, resolver),
            defects=tuple(defects)[:_MAX_DEFECTS],
            includes=tuple(includes),
        )

    def _in_pieces(self, kind: ListingKind, path: str, data: bytes) -> list[Piece] | None:
        pieces = kind.split(data) if kind.split is not None else None
        if pieces is None:
            return None
        # What a requirements file is called says whether it installs anything.
        name = path.rpartition("/")[2] if kind.name == "requirements" else ""
        known = self._cache.setdefault((kind.name, name, pieces.before), {})
        found = [known.get(body) for body in pieces.bodies]
        try:
            for number, piece in enumerate(found):
                if piece is None:
                    body = pieces.bodies[number]
                    text = pieces.before + body + pieces.after
                    found[number] = known[body] = self._piece(kind, path, pieces, text)
            others = self._cache.setdefault((kind.name, name, b"rest"), {})
            for text in pieces.rest:
                if text not in others:
                    others[text] = self._piece(kind, path, pieces, text)
                found.append(others[text])
        except LockError:
            return None
        return [piece for piece in found if piece is not None]

    def _piece(self, kind: ListingKind, path: str, pieces: Pieces, text: bytes) -> Piece:
        if any(mark in text for mark in pieces.never):
            raise LockError("may say something else in pieces", path=path)
        self._cached += len(text) + 200
        if kind.shorten is not None:
            text = kind.shorten(text)
        return kind.read(SourceText(path, text, places=kind.places))


def sightings_of(kind: ListingKind, path: str, data: bytes) -> Listing:
    """What one file lists, for who reads only one. Raises: LockError."""
    return ListingReader(cache_bytes=0).read(kind, path, data)
