"""The word lists of `data/release-words.toml`."""

from __future__ import annotations

from functools import cache

from pratique.vet.content.data_tables import load_table


@cache
def words(section: str, name: str) -> tuple[str, ...]:
    """One list, in its order."""
    return tuple(load_table("release-words")[section][name].split())


@cache
def word_set(section: str, name: str) -> frozenset[str]:
    """One list, to ask whether a word is in it."""
    return frozenset(words(section, name))
