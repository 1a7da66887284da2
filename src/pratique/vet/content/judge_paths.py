"""What a path holds: keys, tokens, stores of browsers and wallets, places that start things.

The places are data (`vet/data/sensitive-places.toml`). They are looked for in groups (with "/", with
a leading dot, by a shared part), so that an ordinary string costs a few microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.vet.content.data_tables import load_table
from pratique.vet.safe_text import printable

MAX_TEXT: Final = 256 * 1024
"""Characters searched; a longer text is a table, and its first part shows its kind."""
_MAX_TRIES: Final = 8
"""Occurrences of one place that are checked for its boundaries."""
SHOWN: Final = 120

# Parts that several places share, for those without a leading dot: one test instead of many.
_KEYS: Final = (
    "id_", "cred", "token", "json", "key", "terraform", "cookie", "wallet", "chrom", "local", "config",
    "opera", "discord", ".pth", "pass", "hist", "profile", "minecraft", "environ", "etc/", "run",
    "data",
    "system", "library/", "firefox", "proc/", "/dev/", "startup", "microsoft", "steam", "storage",
    "secret", "host", "browser", "lib/", "/sputnik", "key", "site",
)  # fmt: skip

_STARTS: Final = frozenset("/ ~\"'=:;,(…{}<>|&@\t\n%$`")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    kind: str
    needle: str
    starts: bool
    ends: bool


def _load() -> tuple[_Place, ...]:
    return tuple(
        _Place(
            kind=kind,
            needle=spelled.removeprefix("^").removesuffix("$").lower(),
            starts=spelled[0] == "^",
            ends=spelled[-1] == "$",
        )
        for kind, table in load_table("sensitive-places").items()
        for spelled in table["places"]
    )


_Keyed: TypeAlias = "tuple[tuple[str, tuple[_Place, ...]], ...]"


def _by_key(places: Iterable[_Place]) -> _Keyed:
    keyed: dict[str, list[_Place]] = {}
    for place in places:
        key = next((key for key in _KEYS if key in place.needle), place.needle)
        keyed.setdefault(key, []).append(place)
    return tuple((key, tuple(group)) for key, group in keyed.items())


_ALL: Final = _load()
_DOTTED: Final = tuple(place for place in _ALL if place.needle[0] == ".")
_SLASHED: Final = _by_key(p for p in _ALL if p.needle[0] != "." and "/" in p.needle)
_NAMED: Final = _by_key(p for p in _ALL if p.needle[0] != "." and "/" not in p.needle)
_DOT_NAME = re.compile(r"(?:^|[^a-z0-9_.\-)\]])\.[a-z]|\.(?:pth|start)(?![a-z0-9])")


def judge_path(text: str) -> tuple[tuple[str, str], ...]:
    r"""What the paths named in a text hold: (trait, the path) pairs, each trait once.

    Shape: a path, a command, or any text; "/" and "\" are the same, case is ignored.
    """
    low = text[:MAX_TEXT].lower()
    if "\\" in low:
        low = low.replace("\\\\", "/").replace("\\", "/")
    found: dict[str, int] = {}
    for key, places in _NAMED:
        if key in low:
            _look(low, places, found)
    if "/" in low:
        for key, places in _SLASHED:
            if key in low:
                _look(low, places, found)
    if "." in low and _DOT_NAME.search(low):
        _look(low, _DOTTED, found)
    if not found:
        return ()
    return tuple((kind, _around(low, at)) for kind, at in found.items())


def _look(low: str, places: tuple[_Place, ...], found: dict[str, int]) -> None:
    for place in places:
        if place.needle in low and place.kind not in found:
            at = _stands(low, place)
            if at >= 0:
                found[place.kind] = at


def _stands(low: str, place: _Place) -> int:
    """Where the place stands with the boundaries it asks for, or -1."""
    at = -1
    for _ in range(_MAX_TRIES):
        at = low.find(place.needle, at + 1)
        if at < 0:
            return -1
        end = at + len(place.needle)
        if (not place.starts or at == 0 or low[at - 1] in _STARTS) and (
            not place.ends or end == len(low) or not (low[end].isalnum() or low[end] in "_-./")
        ):
            return at
    return -1


def _around(low: str, at: int) -> str:
    """The path that the place is in, as far as it goes without blanks or quotes."""
    first = max(0, at - SHOWN // 2)
    begin = at
    while begin > first and low[begin - 1] not in " \"'=;,()<>|&\n\t":
        begin -= 1
    end = at + 1
    last = min(len(low), at + SHOWN // 2)
    while end < last and low[end] not in "\"';,()<>|&\n\t":
        end += 1
    return printable(low[begin:end], SHOWN)
