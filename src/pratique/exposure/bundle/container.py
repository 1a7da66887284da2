"""A zip file in the one spelling that its members have.

Nothing in it depends on when or where it was made: members stand in the order of their names,
stored, with one fixed date. A verifier renders what it has read again and compares every byte, so
that nothing can hide between, before or behind the members, and nothing can unfold into more than
the file's own size.
"""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Mapping
from typing import Final

from pratique.errors import InputError

MAX_MEMBERS: Final = 65_535
"""The end record of a zip file counts in 16 bits; the 64-bit extension is not used."""
MAX_BYTES: Final = 2_000_000_000
"""Of the whole file: offsets have 32 bits, and a verifier reads it into memory."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_MAX_NAME: Final = 200
_LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_VERSION: Final = 20
_MADE_BY_UNIX: Final = (3 << 8) | _VERSION
_DATE: Final = (1 << 5) | 1
"""1980-01-01, the first day a zip file can name."""
_MODE: Final = 0o100644 << 16


def render_container(members: Mapping[str, bytes]) -> bytes:
    """Write the container.

    Raises: InputError when a name is not plain or there is too much.
    """
    if len(members) > MAX_MEMBERS:
        raise InputError(
            f"the case would have {len(members)} files", expected=f"at most {MAX_MEMBERS}"
        )
    total = sum(len(data) for data in members.values())
    if total > MAX_BYTES:
        raise InputError(
            f"the case would have {total:,} bytes",
            expected=f"at most {MAX_BYTES:,}",
            remedy="leave out --replay or --evidence, or make it for one client",
        )
    out = bytearray()
    directory = bytearray()
    for name in sorted(members):
        _check_name(name)
        data, raw = members[name], name.encode("ascii")
        check = binascii.crc32(data)
        head = (_VERSION, 0, 0, 0, _DATE, check, len(data), len(data), len(raw), 0)
        directory += _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY_UNIX, *head, 0, 0, 0, _MODE, len(out)
        )  # fmt: skip
        directory += raw
        out += _LOCAL.pack(b"PK\x03\x04", *head)
        out += raw
        out += data
    end = _END.pack(
        b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(out), 0
    )  # fmt: skip
    return bytes(out + directory + end)


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None or len(name) > _MAX_NAME:
        raise InputError(f"not a name for a file of a case: {name[:80]!r}")
