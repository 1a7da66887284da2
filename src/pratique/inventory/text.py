"""The text of a file and the places in it."""

from __future__ import annotations

import re
from bisect import bisect_right

from pratique.inventory.errors import LockError
from pratique.inventory.model import Location

MAX_LOCK_BYTES = 32 * 1024 * 1024
"""A lock of 300 packages with all their wheels has 2 MB; above this it is an attack or a mistake."""

MAX_SEARCHED = 500_000_000
"""Characters searched for places in one file, a fraction of a second; a hostile file, full of values that
are spelled with escapes and never found, gets coarser places after that."""
_PATTERN_COST = 10
_FIRST_LINE = Location(line=1)


class SourceText:
    """A decoded file that can say on which line and column an offset stands.

    Lines end at a line feed only, as editors, git and SARIF viewers count them.
    """

    __slots__ = ("_budget", "_starts", "path", "text")

    def __init__(
        self, path: str, data: bytes, *, max_bytes: int = MAX_LOCK_BYTES, places: bool = True
    ) -> None:
        """`places`: whether anybody will ask where something stands; without, all is on line 1."""
        if len(data) > max_bytes:
            raise LockError(
                f"is {len(data):,} bytes long", path=path, expected=f"at most {max_bytes:,} bytes"
            )
        try:
            self.text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise LockError(
                "is not UTF-8 text", path=path, line=line, expected="a text file in UTF-8"
            ) from None
        self.path = path
        self._budget = MAX_SEARCHED if places else 0
        self._starts: list[int] | None = None if places else [0]

    def location(self, offset: int) -> Location:
        """Line and column of an offset into the text."""
        if self._starts is None:
            starts = [0]
            at = self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        if len(self._starts) == 1:
            return _FIRST_LINE if self._budget <= 0 else Location(line=1, column=offset + 1)
        index = bisect_right(self._starts, offset) - 1
        return Location(line=index + 1, column=offset - self._starts[index] + 1)

    def find(self, needle: str, start: int, end: int, *, default: int) -> int:
        """Offset of `needle` between two offsets, or `default` when it is not spelled so there."""
        if not needle or self._budget <= 0:
            return default
        found = self.text.find(needle, start, end)
        self._budget -= (end if found < 0 else found) - start
        return found if found >= 0 else default

    def search(self, pattern: re.Pattern[str], start: int, *, default: int) -> int:
        """Like `find`, for a pattern."""
        if self._budget <= 0:
            return default
        found = pattern.search(self.text, start)
        self._budget -= _PATTERN_COST * ((found.start() if found else len(self.text)) - start)
        return found.start() if found else default
