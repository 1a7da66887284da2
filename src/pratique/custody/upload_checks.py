"""Checks of a completed upload: its parts are those that were named, its checksum is what was said.

A checksum of the whole object is of its bytes (`FULL_OBJECT`), or of its parts' checksums one behind
the other, with `-` and their number (`COMPOSITE`). Source: "Checking object integrity", Amazon S3 user guide.
"""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from pratique.custody.checksums import ALGORITHMS, Bytes, new_digest
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_xml_parse import NamedPart
from pratique.custody.write_ports import StagedPart

MOST_OBJECT: Final = 5 * (1 << 40)
"""Bytes of one object, as S3."""
_PREFIX: Final = "x-amz-checksum-"


def named_parts(
    named: Sequence[NamedPart], staged: Mapping[int, StagedPart]
) -> tuple[StagedPart, ...]:
    """The parts that make the object, in order. Raises: S3Error (InvalidPart, EntityTooLarge)."""
    found = []
    for one in named:
        part = staged.get(one.number)
        if part is None or part.etag.strip('"') != one.etag:
            raise S3Error(
                Code.INVALID_PART,
                f"part {one.number} has not arrived, or was sent again and has another ETag now",
            )
        found.append(part)
    if sum(part.size for part in found) > MOST_OBJECT:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"an object has at most {MOST_OBJECT} bytes")
    return tuple(found)


class WholeChecksum:
    """The `x-amz-checksum-` header of a completion. Order: `update` with all bytes, then `finish`."""

    def __init__(self, headers: Mapping[str, str], parts: Sequence[StagedPart]) -> None:
        """Raises: S3Error for a checksum that cannot be compared, or is wrong already."""
        self._name = ""
        names = [name for name in headers if name.removeprefix(_PREFIX) in ALGORITHMS]
        if len(names) > 1:
            raise S3Error(Code.INVALID_REQUEST, "expecting a single x-amz-checksum- header")
        if not names:
            return
        self._wanted = headers[names[0]]
        if "-" in self._wanted:
            _check_composite(names[0], self._wanted, parts)
            return
        self._name = names[0]
        self._digest = new_digest(names[0].removeprefix(_PREFIX))

    def update(self, data: Bytes) -> None:
        """Take more of the object in."""
        if self._name:
            self._digest.update(data)

    def finish(self) -> None:
        """Compare. Raises: S3Error (BadDigest)."""
        if self._name:
            _compare(self._name, self._digest.digest(), self._wanted)


def _check_composite(name: str, wanted: str, parts: Sequence[StagedPart]) -> None:
    text, _, count = wanted.rpartition("-")
    digest = new_digest(name.removeprefix(_PREFIX))
    for part in parts:
        sent, _, value = part.checksum.partition("=")
        if sent != name:
            raise S3Error(
                Code.INVALID_REQUEST,
                f"{name} of parts needs the same checksum on each part, and part {part.number} has none",
            )
        digest.update(binascii.a2b_base64(value))
    _compare(name, digest.digest(), text)
    if count != str(len(parts)):
        raise S3Error(Code.BAD_DIGEST, f"the {name} that was sent is of another number of parts")


def _compare(name: str, found: bytes, wanted: str) -> None:
    text = binascii.b2a_base64(found, newline=False).decode()
    if not hmac.compare_digest(text.encode(), wanted.encode("utf-8", "surrogateescape")):
        raise S3Error(
            Code.BAD_DIGEST,
            f"the {name} that was sent does not match the object that the parts make",
        )
