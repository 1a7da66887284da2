"""What the S3 door says of reads, read back from the ledger (docs/reference/ledger-entries.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from pratique.custody.model import SEGMENT_BYTES
from pratique.errors import ValueFormatError
from pratique.ledger.entries import Entry

MOST_SEGMENTS: Final = (5 << 40) // SEGMENT_BYTES
"""Of an object: S3 knows none beyond 5 TiB."""


class ReadsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `reads` or `reads-ahead` entry (docs/reference/ledger-entries.md)."""

    client: str
    dataset: str
    vendor: str
    project: str
    holder: str
    process: str
    number: int
    """How many of these entries of this client the process wrote before."""
    reads: tuple[tuple[str, int, int, int, int, int, int, int], ...] = ()
    names: tuple[str, ...] = ()
    ahead: tuple[tuple[str, int, int, int], ...] = ()
    seconds: int = 0


class EndedBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `reads-ended` entry."""

    process: str
    client: str
    entries: int


class ReadLine(NamedTuple):
    """One stretch of one object that was disclosed."""

    object: str
    variant: int
    """0: canonical bytes; 1: the lease's own copy."""
    first: int
    last: int
    """-1: nothing of the content."""
    bytes: int
    status: int
    address: str
    agent: str


def reads_body(entry: Entry) -> ReadsBody:
    """The body of a `reads` or `reads-ahead` entry, checked. Raises: ValueFormatError."""
    try:
        body = msgspec.convert(entry.body, ReadsBody)
    except msgspec.ValidationError as error:
        raise ValueFormatError(f"entry {entry.sequence}: {error}", expected="reads") from error
    for _, _, first, last, _, _, address, agent in body.reads:
        _check_span(first, last)
        if not (0 <= address < len(body.names) and 0 <= agent < len(body.names)):
            raise ValueFormatError(
                "a read names who it does not list", expected="an index of names"
            )
    for _, _, first, last in body.ahead:
        _check_span(first, last)
    if body.number < 0 or not body.process:
        raise ValueFormatError("an entry without its number", expected="process and number")
    return body


def _check_span(first: int, last: int) -> None:
    if not first == last == -1 and not 0 <= first <= last < MOST_SEGMENTS:
        raise ValueFormatError(f"segments {first} to {last}", expected="0 <= first <= last")


def read_lines(body: ReadsBody) -> Iterator[ReadLine]:
    """The reads of an entry."""
    for object_id, variant, first, last, size, status, address, agent in body.reads:
        names = body.names[address], body.names[agent]
        yield ReadLine(object_id, variant, first, last, size, status, *names)


def lease_of(entry: Entry) -> str:
    """The lease that an entry is about; empty when it is about none."""
    kind, _, name = entry.subject.partition(":")
    return name if kind == "lease" else ""
