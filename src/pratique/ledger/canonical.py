"""Canonical bytes of entries: RFC 8785 for the values an entry may hold.

The value domain is smaller than JSON: strings, integers strictly within ±2⁵³, booleans, None,
lists and dicts with ASCII keys. Without floats and with ASCII keys, "sorted keys, shortest escapes,
no blanks" is all that RFC 8785 asks, and msgspec writes that. The property tests hold it against
the `rfc8785` library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import Any, Final

import msgspec

from pratique.ledger.entries import Draft, Entry, ReadEntry
from pratique.ledger.errors import EntryFormatError, EntryTooLargeError

MAX_ENTRY_BYTES = 60_000
"""C2SP entry bundles prefix each entry with 16 bits; the rest is room for a later envelope."""
MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 7493 section 2.2)."""
MAX_DEPTH = 32
"""Nesting of a body; deeper ones serve nobody and would let an entry exhaust a reader's stack."""

_DOMAIN = "strings, integers within ±(2⁵³-1), booleans, None, lists and dicts with ASCII keys"
_SORTED = msgspec.json.Encoder(order="sorted")
_PLAIN = msgspec.json.Encoder()
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")
_FIXED_BYTES = 320
"""More than everything in a wire entry beside body, subject and actor."""


class PreparedDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A checked draft with its canonical body: what is left to do is cheap and cannot fail."""

    kind: str
    subject: str
    actor: str
    body: msgspec.Raw
    body_hash: str


class _Wire(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    # Declared in the order RFC 8785 sorts them, so that the unsorted (faster) encoder is canonical.
    actor: str
    body: msgspec.Raw
    body_hash: str
    kind: str
    recorded_at: str
    sequence: int
    subject: str


_WIRE = msgspec.json.Decoder(_Wire)


def canonical_json(value: object) -> bytes:
    """Write a value of the entry domain as canonical JSON.

    Raises: EntryFormatError naming the place in the value that does not belong.
    Source: RFC 8785 section 3.2.
    """
    if not _fits(value, MAX_DEPTH):
        raise EntryFormatError(f"cannot be logged: {_misfit(value, '', 0)}", expected=_DOMAIN)
    try:
        return _SORTED.encode(value)
    except UnicodeEncodeError as error:
        raise EntryFormatError(
            f"cannot be logged: a string with a lone surrogate ({error.reason})",
            expected="text that can be written as UTF-8",
        ) from None


def prepare(draft: Draft | PreparedDraft) -> PreparedDraft:
    """Check a draft and encode its body once.

    Raises: EntryFormatError; EntryTooLargeError when it could exceed MAX_ENTRY_BYTES in any place
    of the log, so that what was prepared never fails later.
    """
    if isinstance(draft, PreparedDraft):
        return draft
    if _KIND.fullmatch(draft.kind) is None:
        raise EntryFormatError(
            f"not a kind of entry: {draft.kind[:80]!r}", expected="a kebab-case word"
        )
    if type(draft.body) is not dict:
        raise EntryFormatError("the body of an entry is not a dict", expected=_DOMAIN)
    body = canonical_json(draft.body)
    prepared = PreparedDraft(
        kind=draft.kind,
        subject=_text(draft.subject),
        actor=_text(draft.actor),
        body=msgspec.Raw(body),
        body_hash=sha256(body).hexdigest(),
    )
    # An escaped character takes at most six bytes; measure only what comes near the limit.
    if len(body) + 6 * (len(draft.subject) + len(draft.actor)) + _FIXED_BYTES > MAX_ENTRY_BYTES:
        widest = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
        size = len(encode_entry(prepared, sequence=MAX_INTEGER, recorded_at=render_time(widest)))
        if size > MAX_ENTRY_BYTES:
            raise EntryTooLargeError(
                f"an entry of kind {draft.kind!r} would take {size} bytes",
                expected=f"at most {MAX_ENTRY_BYTES}",
                remedy="split it into parts",
            )
    return prepared


def encode_entry(prepared: PreparedDraft, *, sequence: int, recorded_at: str) -> bytes:
    """The canonical bytes of an entry: the leaf whose hash enters the tree."""
    return _PLAIN.encode(
        _Wire(
            actor=prepared.actor,
            body=prepared.body,
            body_hash=prepared.body_hash,
            kind=prepared.kind,
            recorded_at=recorded_at,
            sequence=sequence,
            subject=prepared.subject,
        )
    )


def parse_entry(leaf: bytes) -> Entry:
    """Read the canonical bytes of an entry back; anything not canonical is refused.

    Raises: EntryFormatError saying what differs.
    """
    wire = _parse_wire(leaf)
    try:
        body: Any = msgspec.json.decode(wire.body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EntryFormatError(f"not an entry: {error}") from None
    if type(body) is not dict or not 0 <= wire.sequence <= MAX_INTEGER:
        raise EntryFormatError("not an entry: its body or its sequence is out of range")
    canonical_body = canonical_json(body)
    recorded_at = _check_wire(wire, canonical_body, leaf)
    return Entry(
        sequence=wire.sequence,
        recorded_at=recorded_at,
        kind=wire.kind,
        subject=wire.subject,
        actor=wire.actor,
        body=body,
    )


def parse_entry_with(
    leaf: bytes, readers: Mapping[str, Callable[[bytes], object | None]]
) -> Entry | ReadEntry:
    """As `parse_entry`; the body of a kind that has a reader is what the reader makes of it.

    A reader gives None for bytes that are not canonical, or not what it knows; those are read as
    any other kind. Raises: EntryFormatError.
    """
    wire = _parse_wire(leaf)
    reader = readers.get(wire.kind)
    raw = bytes(wire.body) if reader is not None else b""
    body = None if reader is None else reader(raw)
    if body is None or not 0 <= wire.sequence <= MAX_INTEGER:
        return parse_entry(leaf)
    return ReadEntry(
        sequence=wire.sequence,
        recorded_at=_check_wire(wire, raw, leaf),
        kind=wire.kind,
        subject=wire.subject,
        actor=wire.actor,
        body=body,
    )


def _parse_wire(leaf: bytes) -> _Wire:
    if len(leaf) > MAX_ENTRY_BYTES:
        raise EntryTooLargeError(f"an entry of {len(leaf)} bytes")
    try:
        return _WIRE.decode(leaf)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EntryFormatError(f"not an entry: {error}") from None


def _check_wire(wire: _Wire, canonical_body: bytes, leaf: bytes) -> datetime:
    """Check all of an entry but its body, whose canonical bytes are given; gives its time."""
    if sha256(canonical_body).hexdigest() != wire.body_hash:
        raise EntryFormatError("not an entry: the body does not have its body hash")
    recorded_at = _parse_time(wire.recorded_at)
    wire.body = msgspec.Raw(canonical_body)
    if _PLAIN.encode(wire) != leaf:
        raise EntryFormatError("not an entry: it is JSON but not canonical (RFC 8785)")
    return recorded_at


@lru_cache(maxsize=1_024)
def _parse_time(text: str) -> datetime:
    """Read what `render_time` wrote; entries recorded together have one time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise EntryFormatError(f"not an entry: {error}") from None
    if moment.tzinfo is None or render_time(moment) != text:
        raise EntryFormatError(f"not an entry: recorded_at is {text[:40]!r}")
    return moment


def render_time(moment: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC with a Z, microseconds only where there are any."""
    if moment.tzinfo is None:
        raise ValueError("recorded_at needs an aware datetime")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _text(value: str) -> str:
    if not value.isascii():
        canonical_json(value)  # raises for what UTF-8 cannot say
    return value


_TEXTS: Final[frozenset[type]] = frozenset({str, bool, type(None)})
_ROWS: Final[frozenset[type]] = frozenset({list, tuple})
_TEXTS_OR_INTEGERS: Final[frozenset[type]] = _TEXTS | {int}


def _fits(value: object, depth: int) -> bool:
    # Exact types: msgspec would also write floats, dates, bytes and dataclasses.
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator] # kind says it
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined] # kind says it
            if type(key) is not str or not key.isascii():
                return False
            if type(item) is not str and (depth <= 0 or not _fits(item, depth - 1)):
                return False
        return True
    if kind is list or kind is tuple:
        return depth > 0 and _fit_all(value, depth - 1)  # type: ignore[arg-type]  # kind says it
    return isinstance(value, StrEnum)


def _fit_all(values: Sequence[object], depth: int) -> bool:
    """`_fits` for each; rows of plain values, of which entries have hundreds, are looked at at once."""
    kinds = set(map(type, values))
    if kinds <= _TEXTS:
        return True
    if kinds <= _TEXTS_OR_INTEGERS:
        numbers = [value for value in values if type(value) is int]
        return min(numbers) >= -MAX_INTEGER and max(numbers) <= MAX_INTEGER
    if kinds <= _ROWS:
        return depth > 0 and _fit_all(list(chain.from_iterable(values)), depth - 1)  # type: ignore[arg-type]  # kinds say it
    return all(_fits(value, depth) for value in values)


def _misfit(value: object, path: str, depth: int) -> str:
    """Say where `_fits` said no; slow, since it is asked only for a message."""
    if depth >= MAX_DEPTH and isinstance(value, (dict, list, tuple)):
        return f"nesting deeper than {MAX_DEPTH} at {path[:80]}"
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return f"the key {key!r:.80} at {path or 'the top'}"
            children.append((f"{path}.{key}", item))
    elif isinstance(value, (list, tuple)):
        children = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    for place, item in children:
        if not _fits(item, MAX_DEPTH - depth - 1):
            return _misfit(item, place, depth + 1)
    if type(value) is int:
        return f"the integer {value} at {path or 'the top'}"
    return f"a {type(value).__name__} at {path or 'the top'}"
