"""The body of an `advisory-revision` entry; apart, because every start of a projection loads it."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.ledger.entries import Entry

KIND: Final = "advisory-revision"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def is_advisory_id(text: str) -> bool:
    """Whether it may name an advisory in a ledger entry."""
    return _ID.fullmatch(text) is not None


class AdvisoryBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an `advisory-revision` entry."""

    revision: str
    """SHA-256 of the record's bytes."""
    source: str
    modified: str
    withdrawn: bool
    summary: str
    aliases: tuple[str, ...]
    packages: tuple[str, ...]
    """`TYPE/NAME`, at most 400; the record has them all."""
    packages_total: int
    record: str
    """The record's JSON text; empty when it is longer than an entry should be."""
    overlay: str
    """The overlay's JSON text; empty when there is none, or when it is too long as well."""
    overlay_sha256: str
    """SHA-256 of that text; empty when there is none."""


def parse_advisory_body(entry: Entry) -> tuple[str, AdvisoryBody]:
    """Id and body of an `advisory-revision`. Raises: ValueFormatError, msgspec.ValidationError."""
    kind, _, id_ = entry.subject.partition(":")
    if kind != "advisory" or not is_advisory_id(id_):
        raise ValueFormatError(f"not an advisory: {entry.subject[:80]!r}", expected="advisory:ID")
    return id_, msgspec.convert(entry.body, AdvisoryBody)
