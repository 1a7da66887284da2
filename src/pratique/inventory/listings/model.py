"""One thing that a file lists, before it is known who required it."""

from __future__ import annotations

import msgspec

from pratique.inventory.observed.model import Item


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A release, file or ref that a file names; or, without an item, somebody's own project.

    Holds nothing that moves when other entries come and go, such as line numbers: the same entry in
    the next version of the file is then the same value, and is stored once.
    """

    item: Item | None
    """None: the project itself, a member of its workspace, a folder beside it. Such things have names
    like public releases but are none; what they require was asked for by name."""
    names: tuple[str, ...] = ()
    """What `requires` of other entries calls it, in the language of the file."""
    requires: tuple[str, ...] = ()
    adds_to: str = ""
    """What this requires is required by the entries of that name; it is no entry of its own."""
    via: tuple[str, ...] = ()
    """Names of what required it, where the file tells it this way round (`# via`)."""
    direct: bool | None = None
    """Whether it was asked for by name, where the entry itself says so."""
    range: str = ""
    note: str = ""


class Included(msgspec.Struct, frozen=True):
    """Another file whose lines count as this one's."""

    path: str
    """As written, relative to the including file."""
    constraint: bool


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece of a file lists, and what of it could not be read."""

    listed: tuple[Listed, ...] = ()
    defects: tuple[str, ...] = ()
    """Sentences."""
    includes: tuple[Included, ...] = ()


class Pieces(msgspec.Struct, frozen=True, kw_only=True):
    """A file cut into pieces, each of which is to be read as a small file of the same kind."""

    before: bytes = b""
    """Stands before each body; apart from it, so that nothing is copied to look a body up."""
    bodies: list[bytes]
    after: bytes = b""
    """Stands after each body."""
    rest: list[bytes] = []
    """Pieces that are complete as they are."""
    never: tuple[bytes, ...] = ()
    """What no piece may have in it, because cutting there could then be wrong."""
