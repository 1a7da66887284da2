"""Finding the names of others in what one party is given.

A notice or a case for one client must not say who else is concerned. Names are looked for in any
case of letters, within longer words too; only names of fewer than `SHORT` letters must stand by
themselves, or nothing could be written at all. A name inside one that the party may see (its own
name contains the other's) does not count.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

SHORT: Final = 4


class NameGuard:
    """Knows which names may not appear."""

    def __init__(self, forbidden: Iterable[str], *, allowed: Iterable[str] = ()) -> None:
        """Names as people write them; entity keys count with and without their kind."""
        self._allowed = _by_head(_spellings(allowed))
        own = {name for names in self._allowed.values() for name in names}
        self._forbidden = _by_head(name for name in _spellings(forbidden) if name not in own)

    def find(self, text: str) -> str | None:
        """A forbidden name in the text; None when there is none."""
        lowered = text.lower()
        first = next(_matches(lowered, self._forbidden), None)
        if first is None:
            return None
        own = [(start, start + len(name)) for start, name in _matches(lowered, self._allowed)]
        for start, name in _matches(lowered, self._forbidden):
            if not any(low <= start and start + len(name) <= high for low, high in own):
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
        bare = name.partition(":")[2] if ":" in name else name
        yield from (one.lower() for one in (name, bare) if one)


def _by_head(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by their first letters, so that a text is walked once whatever their number."""
    heads: dict[str, list[str]] = {}
    for name in set(names):
        heads.setdefault(name[:SHORT], []).append(name)
    return heads


def _matches(text: str, heads: dict[str, list[str]]) -> Iterator[tuple[int, str]]:
    if not heads:
        return
    short = {len(head) for head in heads if len(head) < SHORT}
    for place in range(len(text)):
        for name in heads.get(text[place : place + SHORT], ()):
            if len(name) >= SHORT and text.startswith(name, place):
                yield place, name
        for length in short:
            word = text[place : place + length]
            if word in heads and _stands_alone(text, place, place + length):
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
