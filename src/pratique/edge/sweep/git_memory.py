"""What a sweep told of a repository, kept for the next one in notes of bounded length."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pratique.edge.sweep.context import Notes

_FORMAT: Final = 1
"""Goes up when histories would be read differently, so that they are read anew."""
_PAGE: Final = 3_900
_MAX_PAGES: Final = 250


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was told."""

    tips: tuple[str, ...] = ()
    """Commits that branches pointed to: what ended before them was told."""
    open: tuple[tuple[str, str], ...] = ()
    """(line, path) of what was in force."""
    max_commits: int = 0
    max_changes: int = 0
    format: int = _FORMAT


def recall_told(notes: Notes, key: str) -> Told:
    """What was told under this key; nothing when it cannot be read."""
    pages, _, digest = notes.recall(key).partition(" ")
    if not pages.isdigit() or int(pages) > _MAX_PAGES:
        return Told()
    text = "".join(notes.recall(f"{key}/{number}") for number in range(int(pages)))
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        return Told()
    try:
        told = msgspec.json.decode(text, type=Told)
    except msgspec.MsgspecError:
        return Told()
    return told if told.format == _FORMAT else Told()


def keep_told(notes: Notes, key: str, told: Told) -> None:
    """Keep what was told. What is too long for notes is read anew the next time."""
    text = msgspec.json.encode(told).decode()
    pages = [text[at : at + _PAGE] for at in range(0, len(text), _PAGE)]
    if len(pages) > _MAX_PAGES:
        notes.keep(key, "")
        return
    for number, page in enumerate(pages):
        notes.keep(f"{key}/{number}", page)
    notes.keep(key, f"{len(pages)} {hashlib.sha256(text.encode()).hexdigest()}")
