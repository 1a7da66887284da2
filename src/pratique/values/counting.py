"""Numbers of things, as a person writes them: `1 lease`, `1,204 leases`."""

from __future__ import annotations


def counted(number: int, word: str, words: str = "") -> str:
    """A number with its noun, in the plural where it is one.

    Shape: `words` is the plural where it is not `word` with an s.
    """
    return f"{number:,} {word if number == 1 else words or word + 's'}"
