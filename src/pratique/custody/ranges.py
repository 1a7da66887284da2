"""Which bytes of an object a request reads.

As S3 does it: one range is answered; several ranges, other units and broken syntax are ignored, so the
whole object is the answer (RFC 9110 allows both); a range that begins behind the end is refused.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pratique.custody.model import PART_BYTES
from pratique.custody.s3_errors import Code, S3Error

_DIGITS = 19
"""More are no position in anything that exists; Python refuses to read thousands of digits."""


_PLAIN: Final = re.compile(r"bytes=([0-9]{1,19})-([0-9]{1,19})")


# A Struct: one is built for every read.
class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes `[start, end)` of an object, and whether they were asked for by range."""

    start: int
    end: int
    partial: bool
    """The answer is 206 with a Content-Range."""

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """Value of the header Content-Range."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def whole(size: int) -> Span:
    """All of an object."""
    return Span(start=0, end=size, partial=False)


def parse_range(text: str | None, size: int) -> Span:
    """The bytes that a Range header asks for; what is no single byte range is ignored.

    Raises: S3Error (InvalidRange) when none of it exists.
    Source: RFC 9110 section 14.1.2.
    """
    if text is None:
        return whole(size)
    plain = _PLAIN.fullmatch(text)
    if plain is not None and (start := int(plain[1])) < size and start <= (end := int(plain[2])):
        return Span(start=start, end=min(size, end + 1), partial=True)
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip(" \t").partition("-")
    if unit.lower() != "bytes" or not dash or not _number_or_empty(first, last):
        return whole(size)
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise _unsatisfiable(size)
        return Span(start=max(0, size - length), end=size, partial=True)
    start = int(first)
    if last and int(last) < start:
        return whole(size)
    if start >= size:
        raise _unsatisfiable(size)
    return Span(start=start, end=min(size, int(last) + 1) if last else size, partial=True)


def parse_copy_range(text: str | None, size: int) -> Span:
    """`x-amz-copy-source-range` of UploadPartCopy, which is never ignored.

    Raises: S3Error (InvalidArgument, InvalidRange).
    """
    if text is None:
        return whole(size)
    unit, _, spec = text.partition("=")
    first, dash, last = spec.partition("-")
    if unit != "bytes" or not dash or not (first and last) or not _number_or_empty(first, last):
        raise S3Error(Code.INVALID_ARGUMENT, "x-amz-copy-source-range is bytes=FIRST-LAST")
    start, end = int(first), int(last) + 1
    if not start < end <= size:
        raise S3Error(
            Code.INVALID_RANGE, f"the range to copy is not within the {size} bytes of the source"
        )
    return Span(start=start, end=end, partial=True)


def part_span(number: int, size: int, *, part_bytes: int = PART_BYTES) -> Span:
    """The bytes of part `number` (`?partNumber=`), counted from 1.

    An object reads as parts of 64 MiB, however it was sent; `parts_count` says how many.
    Raises: S3Error (InvalidPartNumber).
    """
    if number > parts_count(size, part_bytes=part_bytes):
        raise S3Error(
            Code.INVALID_PART_NUMBER,
            f"the object has {parts_count(size, part_bytes=part_bytes)} parts",
        )
    start = (number - 1) * part_bytes
    # Of an empty object the only part is empty: no Content-Range can say that.
    return Span(start=start, end=min(size, start + part_bytes), partial=size > 0)


def parts_count(size: int, *, part_bytes: int = PART_BYTES) -> int:
    """`x-amz-mp-parts-count` of an object."""
    return max(1, -(-size // part_bytes))


def _number_or_empty(first: str, last: str) -> bool:
    both = first + last
    return (
        bool(both)
        and both.isascii()
        and both.isdigit()
        and len(first) <= _DIGITS
        and len(last) <= _DIGITS
    )


def _unsatisfiable(size: int) -> S3Error:
    return S3Error(
        Code.INVALID_RANGE,
        "the requested range is not satisfiable",
        fields=(("ActualObjectSize", str(size)),),
    )
