"""Records of files, and what a transform makes of them: pure, and known by hashes.

A `.jsonl` or `.ndjson` file has one record a line; any other text file is one record, of which `.json` is
looked through by its values. What is no text cannot be looked through, and is told as such. Of what is
found the list keeps place, sort and length, never the words.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from pratique.errors import InputError

MAX_RECORD: Final = 4 << 20
"""Bytes of one record."""
MAX_DEPTH: Final = 60
_LEAST_NUMBER: Final = 1_000_000
_LINES: Final = frozenset({".jsonl", ".ndjson"})
_TEXT: Final = frozenset({".txt", ".md", ".json", ".csv", ".tsv", ".html", ".xml", ".srt", ".vtt"})


_HIDDEN: Final = re.compile(
    r"&#(?:0*(?:4[356]|4[89]|5[0-7]|6[4-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-2])"
    r"|x0*(?:2[bde]|3[0-9]|4[0-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]));|&(?:commat|period|lowbar|plus);",
    re.IGNORECASE,
)
"""References to letters, digits and what addresses are made of."""


class Span(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where in a text something was found."""

    start: int
    end: int
    sort: str
    """Such as `EMAIL_ADDRESS`."""
    score: float


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a transform's list of records."""

    file: str
    """SHA-256 of the file it stood in."""
    number: int
    """From 0."""
    record: str
    """SHA-256 of its bytes."""
    became: str = ""
    """SHA-256 of what came out; empty: it was dropped."""
    like: str = ""
    """Of a near-duplicate: the record that stays in its place."""
    found: tuple[tuple[str, str, int], ...] = ()
    """(where in the record, sort, length in characters)."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a file."""

    number: int
    data: bytes
    texts: tuple[tuple[str, str], ...]
    """(JSON pointer, text) of everything in it that people could have written."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.data).hexdigest()


def is_text(name: str) -> bool:
    """Whether a file of this name can be looked through."""
    return _ending(name) in _LINES | _TEXT


def has_lines(name: str) -> bool:
    """Whether each line of a file of this name is a record."""
    return _ending(name) in _LINES


def is_json(name: str) -> bool:
    """Whether a file of this name is JSON, as a whole or line by line."""
    return has_lines(name) or _ending(name) == ".json"


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def read_records(name: str, data: bytes) -> Iterator[Record]:
    """The records of a file. Raises: InputError naming file and line when it is not what its name says."""
    if not is_json(name):
        text = _decoded(name, 0, data)
        if found := _HIDDEN.search(text):
            # A browser shows what no scan would see: `ann&#64;example.org`.
            raise InputError(
                f"{name} writes plain characters as references, such as {found[0]}",
                expected="plain text; convert it first",
            )
        yield Record(number=0, data=data, texts=(("", text),))
        return
    if not has_lines(name):
        yield Record(number=0, data=data, texts=tuple(_texts(_value(name, 0, data), "", 0)))
        return
    for number, line in enumerate(data.split(b"\n")):
        if not line.strip():
            continue
        yield Record(
            number=number, data=line, texts=tuple(_texts(_value(name, number, line), "", 0))
        )


def _value(name: str, number: int, data: bytes) -> object:
    """What the JSON of a record says, all of it. Raises: InputError."""
    _check_size(name, number, data)
    try:
        value: object = msgspec.json.decode(data)
        json.loads(data, object_pairs_hook=_once)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{name}: line {number + 1} is not JSON: {error}",
            expected="one JSON value a line" if has_lines(name) else "one JSON value",
        ) from None
    return value


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse members of one name: all but the last would be passed on unseen. Raises: ValueError."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("two members of an object have one name")


def _decoded(name: str, number: int, data: bytes) -> str:
    _check_size(name, number, data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 at byte {error.start}", remedy="convert it first"
        ) from None


def _check_size(name: str, number: int, data: bytes) -> None:
    if len(data) > MAX_RECORD:
        raise InputError(
            f"{name}: record {number + 1} has {len(data):,} bytes",
            expected=f"at most {MAX_RECORD:,} in one record",
        )


def _texts(value: object, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    """Texts, names of keys (their pointer ends in `#`), and numbers that are long enough to name somebody."""
    if depth > MAX_DEPTH:
        raise InputError(
            f"a record is nested deeper than {MAX_DEPTH} levels", remedy="flatten it first"
        )
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, int | float) and abs(value) >= _LEAST_NUMBER:
        yield pointer, _number(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            place = _place(pointer, key)
            yield f"{place}#", key
            yield from _texts(inner, place, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{pointer}/{number}", depth + 1)


def merge_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, those of one sort that overlap as one with the higher score."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.sort, one.start, one.end)):
        last = found[-1] if found else None
        if last is not None and last.sort == span.sort and span.start < last.end:
            found[-1] = Span(
                start=last.start,
                end=max(last.end, span.end),
                sort=span.sort,
                score=max(last.score, span.score),
            )
        else:
            found.append(span)
    return tuple(sorted(found))


def redact(record: Record, found: Sequence[Sequence[Span]], *, structured: bool) -> bytes:
    """The record with every span replaced by `<SORT>`; its own bytes where nothing was found.

    Shape: `found` has one sequence for each of `record.texts`.
    """
    if not any(found):
        return record.data
    clean = {
        pointer: redact_text(text, spans)
        for (pointer, text), spans in zip(record.texts, found, strict=True)
    }
    if not structured:
        return clean[""].encode()
    value = msgspec.json.decode(record.data)
    return msgspec.json.encode(_replaced(value, "", clean))


def redact_text(text: str, spans: Sequence[Span]) -> str:
    """A text with its spans replaced; of spans that overlap the earliest gives the word."""
    parts: list[str] = []
    at = 0
    for span in sorted(spans):
        if span.end <= at:
            continue
        if span.start >= at:
            parts += [text[at : span.start], f"<{span.sort}>"]
        at = span.end
    return "".join([*parts, text[at:]])


def _replaced(value: object, pointer: str, clean: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return clean[pointer]
    if isinstance(value, int | float) and pointer in clean:
        return value if clean[pointer] == _number(value) else clean[pointer]
    if isinstance(value, dict):
        replaced: dict[str, object] = {}
        for key, inner in value.items():
            place = _place(pointer, key)
            name = clean[f"{place}#"]
            while name in replaced:  # two names that became the same word
                name += "'"
            replaced[name] = _replaced(inner, place, clean)
        return replaced
    if isinstance(value, list):
        return [_replaced(inner, f"{pointer}/{at}", clean) for at, inner in enumerate(value)]
    return value


def _number(value: float) -> str:
    """A number as people read it: `4111111111111111`, whether or not it was written with `.0`."""
    return str(int(value)) if value == int(value) else repr(value)


def _place(pointer: str, key: str) -> str:
    """Where a member stands (RFC 6901); `#` is escaped too, because it marks names here."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1').replace('#', '~2')}"
