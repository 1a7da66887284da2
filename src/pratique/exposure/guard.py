"""Finding the names of others in what one party is given.

A notice or a case for one client must not say who else is concerned. Names are looked for in any
case of letters, within longer words too; only names of fewer than `SHORT` letters must stand by
themselves, or nothing could be written at all. A name inside one that the party may see (its own
name contains the other's) does not count.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

SHORT: Final = 4
_PARTIES: Final = frozenset({"client", "people", "vendor"})
_BETWEEN: Final = re.compile(r"[\s._-]+")
_BLANKS: Final = re.compile(r"\s{2,}|[^\S ]")
"""Whatever a reader sees as one blank: the end of a line parts no name."""
_JOINTS: Final = (" ", "-", "_", ".", "", "+", "%20")


class NameGuard:
    """Knows which names may not appear."""

    def __init__(self, forbidden: Iterable[str], *, allowed: Iterable[str] = ()) -> None:
        """Names as people write them; entity keys count with and without their kind."""
        self._allowed = _Names(_spellings(allowed))
        self._forbidden = _Names(set(_spellings(forbidden)) - self._allowed.all)

    def find(self, text: str) -> str | None:
        """A forbidden name in the text; None when there is none."""
        lowered = _plain(text)
        if not list(islice(self._forbidden.within(lowered), 1)):
            return None
        own = self._allowed.within(lowered)
        waiting = next(own, None)
        covered = 0
        for start, name in self._forbidden.within(lowered):
            # How far the names that may be read, and that begin no later, reach.
            while waiting is not None and waiting[0] <= start:
                covered = max(covered, waiting[0] + len(waiting[1]))
                waiting = next(own, None)
            if start + len(name) > covered:
                return name
        return None

    def find_in_bytes(self, data: bytes) -> str | None:
        """As `find`, in whatever a reader of these bytes could see: JSON and HTML unfolded too."""
        text = data.decode("utf-8", "replace")
        found = self.find(text)
        if found is None and "&" in text:
            found = self.find(html.unescape(text))
        if found is None and "\\" in text:
            found = next((name for line in _strings(text) if (name := self.find(line))), None)
        return found


def _spellings(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        kind, _, rest = name.partition(":")
        bare = rest if ":" in name else name
        yield from (_plain(one) for one in (name, bare) if one)
        words = _BETWEEN.split(bare.lower())
        if kind in _PARTIES and len(words) > 1 and all(words):
            # `Hooli Inc` in paths, hosts and URLs.
            yield from (between.join(words) for between in _JOINTS)


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text.lower())


class _Names:
    """Names to look for, found by their first letters and length, whatever their number."""

    def __init__(self, names: Iterable[str]) -> None:
        self.all = frozenset(names)
        self._lengths: dict[str, set[int]] = {}
        for name in self.all:
            self._lengths.setdefault(name[:SHORT], set()).add(len(name))
        self._short = {len(head) for head in self._lengths if len(head) < SHORT}

    def within(self, text: str) -> Iterator[tuple[int, str]]:
        """(place, name) of every occurrence."""
        if not self.all:
            return
        for place in range(len(text)):
            for length in self._lengths.get(text[place : place + SHORT], ()):
                word = text[place : place + length]
                if length >= SHORT and word in self.all:
                    yield place, word
            for length in self._short:
                word = text[place : place + length]
                if word in self.all and _stands_alone(text, place, place + length):
                    yield place, word


def _stands_alone(text: str, start: int, end: int) -> bool:
    before = start == 0 or not text[start - 1].isalnum()
    return before and (end >= len(text) or not text[end].isalnum())


def _strings(text: str) -> Iterator[str]:
    """Every string in JSON or JSON lines, with its escapes resolved."""
    for line in [text] if text.lstrip().startswith("{\n") else text.splitlines():
        try:
            yield from _within(json.loads(line))
        except (ValueError, RecursionError):
            continue


def _within(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _within(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _within(one)
