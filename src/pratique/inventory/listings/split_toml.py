"""TOML locks as pieces: one small file for each table of packages, and one for all the rest."""

from __future__ import annotations

import re
from collections.abc import Callable

from pratique.inventory.listings.model import Pieces
from pratique.inventory.tables import MAX_PACKAGES

_TABLE = rb"[ \t]+\{[^\n]*\},?\n"
_FILES = re.compile(
    rb"(\n(?:wheels|files) = \[\n)((?:" + _TABLE + rb"){2})(?:" + _TABLE + rb")+(?=\])"
)
_MAX_AFTER = 65_536


def splitter(table: str) -> Callable[[bytes], Pieces | None]:
    """What cuts a lock whose packages stand in `[[table]]`.

    A piece read by itself says what it says in the whole file, because a header of TOML begins anew
    whatever stood before it. Strings over several lines could hold what only looks like a header; a
    file with such strings is read whole. So is one of whose pieces is no TOML.
    """
    header = f"[[{table}]]\n".encode()
    mark = b"\n" + header
    below = f"[{table}.".encode(), f"[[{table}.".encode(), f"[[{table}]]".encode()

    def split(data: bytes) -> Pieces | None:
        if b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
        if data.startswith(header):
            data = b"\n" + data
        head, *packages = data.split(mark)
        if not packages or len(packages) > MAX_PACKAGES:
            return None
        packages[-1], after = _cut(packages[-1], below)
        # The rest is read only to see that it is TOML. Old Poetry has the hashes of all files there,
        # hundreds of kilobytes that change every time and say nothing of what is listed.
        if len(after) > _MAX_AFTER:
            after = b""
        return Pieces(
            before=header, bodies=packages, rest=[head + b"\n", after], never=(b'"""', b"'''")
        )

    return split


def shortened(text: bytes) -> bytes:
    """A piece without the third and later files of its package.

    That there are several is all that is asked of them, and they are most of the text. Leaving out a
    line that holds one inline table leaves the rest as it was: no string goes over a line's end here,
    and after a table only its list can go on.
    """
    return _FILES.sub(rb"\1\2", text)


def _cut(text: bytes, below: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The last package's own lines, and the tables that follow it."""
    at = text.find(b"\n[")
    while at >= 0 and text.startswith(below, at + 1):
        at = text.find(b"\n[", at + 1)
    return (text, b"") if at < 0 else (text[: at + 1], text[at + 1 :])
