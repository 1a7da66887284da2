"""Indicators of one's own: hashes, hosts and texts that an installation adds to those that are shipped.

They are no part of facts, which are the same everywhere: every content is compared with them as it goes
by, known or not. So a table may change without anything having to be analysed again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomli

from pratique.vet.archives.model import Member
from pratique.vet.content.known_bad import KnownBad, find_known, parse_table
from pratique.vet.matching import Matcher, best_matcher
from pratique.vet.model import Language, PlacedSign, Sign
from pratique.vet.release.rules.known_bad import by_hash
from pratique.vet.release.view import ReleaseView

MOST_ENTRIES = 100_000
MOST_BYTES = 16 << 20
MOST_FOUND = 1_000
"""Signs of one release file; a person stops reading long before."""
SHORTEST = 6
"""Characters of a host or text: shorter ones occur in every large content."""
_TABLES = frozenset({"contents", "hosts", "texts"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A table, ready to be compared with."""

    table: KnownBad
    _matcher: Matcher | None

    @classmethod
    def of(cls, table: KnownBad) -> Listed:
        """Prepare a table."""
        words = tuple(re.escape(word.encode()) for word in (*table.hosts, *table.texts))
        return cls(table=table, _matcher=best_matcher({1: words}) if words else None)

    def in_content(self, data: bytes, language: Language) -> tuple[Sign, ...]:
        """Signs for hosts and texts; whole contents are compared by their hashes, over the release."""
        if self._matcher is None or not self._matcher.search(data):
            return ()
        named = KnownBad(hosts=self.table.hosts, texts=self.table.texts)
        return tuple(find_known(data, language, named))


class Met:
    """What of a table occurs in one release file."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._found: list[tuple[str, Sign]] = []

    def take(self, member: Member, language: Language) -> None:
        """Compare one member; of a content too large to hold its beginning."""
        if len(self._found) < MOST_FOUND:
            data = member.data if member.data is not None else member.head
            self._found += ((member.path, s) for s in self._listed.in_content(data, language))

    def signs(self, view: ReleaseView) -> Iterator[PlacedSign]:
        """Everything that was met, where it runs; whatever the base held."""
        yield from by_hash(view, self._listed.table.contents)
        for path, sign in self._found:
            reach, how = view.placement.reach(path), view.placement.how(path)
            yield PlacedSign(sign=sign, path=path, region="", reach=reach, how=how)


def parse_listed(text: bytes) -> KnownBad:
    """Read a table of one's own, in the form of the shipped one.

    Raises: ValueError with a sentence when it is not one.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        tables: Mapping[str, Any] = tomli.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no TOML: {error}") from error
    if strange := sorted(set(tables) - _TABLES):
        raise ValueError(f"it has a table {strange[0]!r}; there are contents, hosts and texts")
    for name, table in tables.items():
        _check(name, table)
    if sum(map(len, tables.values())) > MOST_ENTRIES:
        raise ValueError(f"it has more than {MOST_ENTRIES:,} entries")
    return parse_table(tables)


def _check(name: str, table: object) -> None:
    if not isinstance(table, dict) or not all(isinstance(what, str) for what in table.values()):
        raise ValueError(f'[{name}] does not hold lines like indicator = "incident"')
    for indicator in table:
        if name == "contents" and not _SHA256.fullmatch(indicator.lower()):
            raise ValueError(
                f"[contents] has {indicator[:80]!r}, which is no SHA-256 in hexadecimal"
            )
        if name != "contents" and len(indicator) < SHORTEST:
            raise ValueError(
                f"[{name}] has {indicator!r}: fewer than {SHORTEST} characters are found everywhere"
            )
