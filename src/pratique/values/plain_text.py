"""Foreign text as one printable line: names of assets, paths and titles are whatever others chose."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with every character that is not seen, or moves something, by its number."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "replace").decode("ascii")
        for one in text
    )
