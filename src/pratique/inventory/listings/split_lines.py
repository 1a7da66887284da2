"""Requirements and Pipfile.lock as pieces."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pratique.inventory.listings.model import Pieces
from pratique.inventory.tables import MAX_PACKAGES

_ODD_LINE_ENDS: Final = re.compile(rb"[\r\v\f\x1c-\x1e\x85\xe2]")
"""Bytes of line ends other than a line feed (U+0085 and U+2028 as parts of UTF-8): pip ends lines at
them, so where a requirement begins is then for the whole reading to say."""
_PIPFILE: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def split_requirements(data: bytes) -> Pieces | None:
    """Each requirement with its hashes and comments; None when lines are continued oddly."""
    data = data.replace(b"\r\n", b"\n")
    if _ODD_LINE_ENDS.search(data) or data.startswith(b"\xef\xbb\xbf"):
        return None
    pieces: list[bytes] = []
    for line in data.split(b"\n"):
        if line[:1] in {b" ", b"\t"} and pieces:
            pieces[-1] += b"\n" + line
        elif pieces and pieces[-1].endswith(b"\\"):
            return None
        elif line:
            pieces.append(line)
        if len(pieces) > MAX_PACKAGES:
            return None
    return Pieces(bodies=pieces)


def split_pipfile(data: bytes) -> Pieces | None:
    """Each package of each group; None when the file does not have the shape."""
    try:
        groups = _PIPFILE.decode(data)
        pieces = []
        for group, raw in groups.items():
            if group == "_meta" or bytes(raw)[:1] != b"{":
                continue
            head = b"{" + msgspec.json.encode(group) + b":{"
            for name, table in _PIPFILE.decode(raw).items():
                pieces.append(head + msgspec.json.encode(name) + b":" + bytes(table))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return Pieces(bodies=pieces, after=b"}}") if len(pieces) <= MAX_PACKAGES else None
