"""Bytes of a log, in chunks of any size, into lines: bounded, whatever the bytes are.

Colours go, carriage returns (progress bars) separate texts within a line, zero bytes and other junk
are noted. Most lines of a log name nothing; those that cannot are passed over (`filtering`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pratique.inventory.ci_logs.filtering import line_filter

MAX_LINE: Final = 1 << 20
"""Bytes. `Successfully installed` of a thousand packages has 20 thousand."""
_HEAD_LINES: Final = 200
"""Lines at the start that are always looked at: what runs, when it began."""
_TAIL_BYTES: Final = 8192

_COLOUR: Final = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[@-Z\\^`-~]|\([A-Z0-9])"
)
_BUILDKITE: Final = re.compile(rb"\x1b_bk;t=(\d{9,16})\x07")


class RawLine(NamedTuple):
    """A line worth reading, as text, with its number (from 1)."""

    number: int
    text: str


class LineCutter:
    """Cuts a stream. Feed it chunks, then `close` it; both give the lines that may matter.

    `follow` makes it give every line while it says yes (tables whose rows look like anything).
    """

    def __init__(self, *, follow: Callable[[], bool] = lambda: False) -> None:
        self.lines = 0
        self.total = 0
        self.junk = 0
        """Zero bytes: holes of a sparse file, or no text at all."""
        self.overlong = 0
        """Lines of which only the beginning was read."""
        self.tail: tuple[str, ...] = ()
        """The last lines, for the time of the end."""
        self.blank = True
        """Whether nothing but spaces has come so far."""
        self._follow = follow
        self._ends = line_filter()
        self._rest = b""
        self._dropping = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        """Take in bytes."""
        self.total += len(chunk)
        chunk = self._as_utf8(chunk)
        if b"\0" in chunk:
            text = chunk.replace(b"\0", b"")
            self.junk += len(chunk) - len(text)
            chunk = text
        if self.blank and chunk.strip():
            self.blank = False
        data = self._rest + chunk
        cut = data.rfind(b"\n") + 1
        block, self._rest = data[:cut], data[cut:]
        if block:
            yield from self._block(block)
        if len(self._rest) > MAX_LINE:
            yield from self._overlong()

    def close(self) -> Iterator[RawLine]:
        """The stream has ended; the last line may have no line break."""
        if self._rest:
            block, self._rest = self._rest + b"\n", b""
            yield from self._block(block)

    def _as_utf8(self, chunk: bytes) -> bytes:
        """Windows shells write UTF-16."""
        if not self._started and chunk:
            self._started = True
            if chunk[:2] in {b"\xff\xfe", b"\xfe\xff"}:
                self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        if self._decoder is None:
            return chunk
        return self._decoder.decode(chunk).encode("utf-8", "replace")

    def _overlong(self) -> Iterator[RawLine]:
        """Read the beginning of a line that does not end; drop the rest of it."""
        if not self._dropping:
            self.overlong += 1
            line, self._rest = self._rest[:MAX_LINE], b""
            yield from self._lines(line, first=self.lines + 1)
        self._dropping, self._rest = True, b""

    def _block(self, block: bytes) -> Iterator[RawLine]:
        """Whole lines."""
        if self._dropping:
            self._dropping = False
            end = block.find(b"\n") + 1
            block = block[end:]
            self.lines += 1
        first = self.lines + 1
        count = block.count(b"\n")
        yield from self._lines(block, first=first)
        self.lines += count
        tail = _plain(block[-_TAIL_BYTES:]).decode("utf-8", "replace").split("\n")
        self.tail = tuple(line for line in (*self.tail[-40:], *tail) if line)[-80:]

    def _lines(self, block: bytes, *, first: int) -> Iterator[RawLine]:
        block = _plain(block)
        # With a line break before it, a pattern may ask for the start of a line.
        ends = iter(self._ends(b"\n" + block))
        end = next(ends, None)
        at, number, counted = 0, first, 0
        while at < len(block):
            if number <= _HEAD_LINES or self._follow():
                start = at
            else:
                while end is not None and end - 2 < at:
                    end = next(ends, None)
                if end is None:
                    return
                start = max(block.rfind(b"\n", at, end - 2) + 1, at)
            number += block.count(b"\n", counted, start)
            counted = start
            stop = block.find(b"\n", start)
            stop = len(block) if stop < 0 else stop
            line = block[start : min(stop, start + MAX_LINE)]
            yield RawLine(number, line.decode("utf-8", "replace").rstrip("\r"))
            at = stop + 1


def _plain(block: bytes) -> bytes:
    """Without colours; the times that Buildkite hides in escapes are made visible."""
    if b"\x1b" not in block:
        return block
    return _COLOUR.sub(b"", _BUILDKITE.sub(rb"[bk:\1] ", block))
