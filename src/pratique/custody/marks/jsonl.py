"""Second forms of JSON Lines: some records, each as long as before, that still say the same.

Chosen are records at random places, one change (and at most one more of type) in each. Only string values
of prose change, and the last digit of decimals with ten or more digits behind the point; never a key,
an identifier, a link, code, a short text, an integer or any other number. A form that is shorter is
filled up with blanks behind the value, outside of strings; one that is longer takes blanks away that
stand outside of strings, and is not made where there are too few.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from pratique.custody.marks.text import other_texts

SHORTEST_VALUE: Final = 34
"""Of a string with its quotes."""
LONGEST_RECORD: Final = 1 << 20
"""Longer records are left alone."""
_TRIES: Final = 6
"""Records that are looked at from one place on until one can be marked."""
_VALUES: Final = 3
"""Texts of one record that are tried."""

_STRING: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?')
KEYS_LEFT_ALONE: Final = re.compile(
    rb"(?:^|[_-])(?:id|ids|uuid|guid|key|hash|sha\d*|md5|url|uri|link|href|path|file|filename|email|mail|phone|user"
    rb"|name|label|category|type|kind|role|status|code|lang|language|locale|date|time|token|signature|license)s?$"
    rb"|Id$|ID$|Url$|Path$|Name$|Code$",
    re.IGNORECASE,
)
_DECIMAL: Final = re.compile(rb"(?<=[\s:,\[])-?\d{1,5}\.\d{9,15}(?=[\s,\]}])")
_MOST_DIGITS: Final = 16


class Form(NamedTuple):
    """One record's second form."""

    start: int
    """Where in the record the forms begin to differ."""
    other: bytes
    """What stands there in the second form; as long as what it replaces."""
    first_text: str
    """The unit as registered (a number: its shortest spelling)."""
    second_text: str
    is_number: bool


def records(data: bytes | memoryview, start: int = 0) -> Iterator[tuple[int, int]]:
    """Lines of a buffer as spans, without their ends."""
    whole = bytes(data) if isinstance(data, memoryview) else data
    while start < len(whole):
        end = whole.find(b"\n", start)
        if end < 0:
            end = len(whole)
        yield start, end
        start = end + 1


def choose(
    data: bytes, *, share: float, most: int, draw: Callable[[], float]
) -> Iterator[tuple[int, Form]]:
    """Marked records of whole lines: (where the record begins, its second form), in order.

    `draw` gives numbers in [0, 1); who does not know them cannot tell which records were chosen.
    """
    wanted = min(most, round((data.count(b"\n") + (not data.endswith(b"\n"))) * share))
    if not wanted or not data:
        return
    stride, free = len(data) / wanted, 0
    for number in range(wanted):
        place = int((number + draw()) * stride)
        start = data.rfind(b"\n", 0, place) + 1
        for begin, end in islice(records(data, max(start, free)), _TRIES):
            form = second_form(data[begin:end])
            if form is not None:
                yield begin, form
                free = end + 1
                break


def second_form(record: bytes) -> Form | None:
    """Another form of one record; None where there is none."""
    if not SHORTEST_VALUE < len(record) <= LONGEST_RECORD or not record.lstrip().startswith(
        (b"{", b"[")
    ):
        return None
    tried, key = 0, b""
    for found in _STRING.finditer(record):
        if found[2] is not None:
            key = found[1]
        elif len(found[0]) >= SHORTEST_VALUE and not KEYS_LEFT_ALONE.search(key):
            form = _in_text(record, found)
            if form is not None:
                return form
            tried += 1
            if tried == _VALUES:
                break
    return _in_number(record)


def _in_text(record: bytes, found: re.Match[bytes]) -> Form | None:
    """Another form of a text, where one fits into the record."""
    try:
        text = _decoded(found[0])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    may_grow = b'": ' in record or b", " in record
    for other, unit, second in other_texts(text, may_grow=may_grow):
        form = _spliced(record, found, text, other)
        if form is not None:
            return Form(form[0], form[1], unit, second, is_number=False)
    return None


def _spliced(
    record: bytes, found: re.Match[bytes], text: str, other: str
) -> tuple[int, bytes] | None:
    """Where the record changes, and into what; None where it cannot be made as long as it was."""
    token = found[0]
    for ascii_only in (False, True):
        if json.dumps(text, ensure_ascii=ascii_only).encode() == token:
            written = json.dumps(other, ensure_ascii=ascii_only).encode()
            break
    else:
        return None  # escapes of its own: writing it anew would change more than the mark
    grows = len(written) - len(token)
    tail = record[found.end() :]
    if grows < 0:
        rest = written + b" " * -grows
    elif grows == 0:
        rest = written
    else:
        taken = _without_blanks(tail, grows)
        if taken is None:
            return None
        rest = written + taken
    old = record[found.start() : found.start() + len(rest)]
    # The bytes that differ, from the first to the last, told by their difference as one number.
    differ = int.from_bytes(old, "little") ^ int.from_bytes(rest, "little")
    first = ((differ & -differ).bit_length() - 1) // 8
    last = (differ.bit_length() + 7) // 8
    return found.start() + first, rest[first:last]


def _without_blanks(tail: bytes, count: int) -> bytes | None:
    """The beginning of what follows a value, without `count` blanks that stand outside of strings.

    Shape: as long as the bytes it stands for, less `count`.
    """
    kept, at = bytearray(), 0
    for found in _OUTSIDE.finditer(tail):
        if not found[0].startswith(b" "):
            continue
        kept += tail[at : found.start()]
        at = found.end()
        take = min(count, len(found[0]))
        kept += found[0][take:]
        count -= take
        if not count:
            return bytes(kept)
    return None


_OUTSIDE: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"| +')


def _in_number(record: bytes) -> Form | None:
    """Another last digit of a long decimal, where both spellings survive being read and written."""
    text_free = _STRING.sub(lambda found: b"_" * len(found[0]), record)
    for found in _DECIMAL.finditer(text_free):
        written = found[0].decode()
        if len(written.lstrip("-0.")) > _MOST_DIGITS or written[-1] == "0":
            continue
        digit = int(written[-1])
        other = written[:-1] + str(digit + 1 if digit < 9 else 8)  # noqa: PLR2004 - the last digit
        if repr(float(written)) == written and repr(float(other)) == other:
            place = found.end() - 1
            return Form(place, other[-1].encode(), written, other, is_number=True)
    return None


def _decoded(token: bytes) -> str:
    if b"\\" in token:
        return msgspec.json.decode(token, type=str)
    return token[1:-1].decode()
