"""Many patterns in one linear pass over hostile bytes: hyperscan, or RE2 where it has no wheel.

Owns: one small protocol and both engines behind it. A pattern belongs to a class, a class is a bit, and a
search answers with the bits of the classes that occur. Both engines read the common part of their
languages byte by byte, never backtrack, and give equal answers (a test compares them).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Patterns = Mapping[int, Sequence[bytes]]
"""Regular expressions by class; a class is one bit."""

BLOCK_BYTES = 1 << 20
"""A content too large to hold is searched in blocks of this size, wherever the network cut it."""
OVERLAP_BYTES = 512
"""Of the block before, seen again: longer than any pattern needs."""


class Matcher(Protocol):
    """Searches one text for all patterns at once."""

    def search(self, data: bytes, /) -> int:
        """Bits of the classes that occur in `data`."""


class _Hyperscan:
    def __init__(self, patterns: Patterns) -> None:
        import hyperscan as hs  # noqa: PLC0415 - only where its wheel exists

        rows = [(row, bit) for bit, found in patterns.items() for row in found]
        # Expressions that share an id are reported once together: one callback for each class.
        self._database = hs.Database(mode=hs.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[row for row, _ in rows],
            ids=[bit.bit_length() - 1 for _, bit in rows],
            elements=len(rows),
            flags=hs.HS_FLAG_SINGLEMATCH,
        )

    def search(self, data: bytes, /) -> int:
        found = 0

        def note(number: int, _from: int, _to: int, _flags: int, _context: object) -> None:
            nonlocal found
            found |= 1 << number

        if data:
            self._database.scan(data, match_event_handler=note)
        return found


class _Re2:
    def __init__(self, patterns: Patterns) -> None:
        import re2  # noqa: PLC0415 - only where hyperscan has no wheel

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # a byte is a character
        options.log_errors = False
        options.max_mem = 64 << 20  # its automaton is built while it searches
        self._sets: list[tuple[Any, list[int]]] = []
        rows = [(row, bit) for bit, found in patterns.items() for row in found]
        # Counted runs in one automaton with words multiply its states until it is rebuilt all the
        # time (1 MB/s instead of 300), so each has its own.
        groups = [[row for row in rows if b"{" not in row[0]]]
        groups += [[row] for row in rows if b"{" in row[0]]
        for group in groups:
            found = re2.Set.SearchSet(options)
            for row, _ in group:
                found.Add(row)
            found.Compile()
            self._sets.append((found, [bit for _, bit in group]))

    def search(self, data: bytes, /) -> int:
        found = 0
        for patterns, bits in self._sets:
            for number in patterns.Match(data) or ():
                found |= bits[number]
        return found


def hyperscan_matcher(patterns: Patterns) -> Matcher:
    """The quick engine. Raises: ImportError where it is not installed."""
    return _Hyperscan(patterns)


def re2_matcher(patterns: Patterns) -> Matcher:
    """The engine for every other machine. Raises: ImportError where it is not installed."""
    return _Re2(patterns)


def best_matcher(patterns: Patterns) -> Matcher:
    """The quickest engine that is installed."""
    if importlib.util.find_spec("hyperscan") is not None:
        return hyperscan_matcher(patterns)
    return re2_matcher(patterns)


class BlockSearch:
    """Searches a content that arrives in pieces; the answer does not depend on where it was cut."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._held = bytearray()
        self._found = 0

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes."""
        self._held += chunk
        while len(self._held) >= BLOCK_BYTES + OVERLAP_BYTES:
            self._found |= self._matcher.search(bytes(self._held[: BLOCK_BYTES + OVERLAP_BYTES]))
            del self._held[:BLOCK_BYTES]

    def found(self) -> int:
        """Bits of all classes that occurred; call it after the last `feed`."""
        return self._found | self._matcher.search(bytes(self._held))
