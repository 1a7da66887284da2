"""Values that are known in part: text with holes, lists, dictionaries."""

from __future__ import annotations

from typing import Any

from pratique.vet.python import operations
from pratique.vet.python.values import (
    HOLE,
    V,
    known,
)

_TEXT_CHARACTERS = 4000
"""Longest known text with holes that is kept."""
_JOINED = 64
"""Elements that are shown of a list."""


def dict_of(value: V) -> dict[Any, V]:
    """What is known of the items of a dictionary."""
    if type(value.inner) is dict:
        return value.inner
    if type(value.const) is dict:
        return {key: V(item) for key, item in value.const.items()}
    return {}


def added_lists(left: V, right: V, bits: int) -> V:
    """Two sequences one after the other."""
    items: list[V] = []
    for side in (left, right):
        if type(side.inner) is list:
            items.extend(side.inner)
        elif type(side.const) in {list, tuple}:
            items.extend(V(item) for item in side.const[:_TEXT_CHARACTERS])
    return V(bits=bits, inner=items, text=list_text(items))


def textual(value: V) -> bool:
    """Whether something is known of it as text."""
    return type(value.const) in operations.TEXT or bool(value.text)


def shortened(text: str) -> str:
    """At most so much as is kept."""
    return text if len(text) <= _TEXT_CHARACTERS else text[:_TEXT_CHARACTERS] + HOLE


def percent_known(template: str, right: V) -> str:
    """`"https://…/%s" % x` as text with holes."""
    pieces = template[:_TEXT_CHARACTERS].split("%")
    items = right.inner if type(right.inner) is list else [right]
    out = [pieces[0]]
    position = 0
    for piece in pieces[1:]:
        if not piece:
            out.append("%")
            continue
        text = piece.lstrip("#0- +.123456789")
        if text.startswith("("):
            text = text.partition(")")[2]
        out.append(known(items[position]) if position < len(items) else HOLE)
        out.append(text[1:])
        position += 1
    return shortened("".join(out))


def list_text(items: list[V]) -> str:
    """Elements as words with blanks between them, holes where nothing is known."""
    return shortened(" ".join(known(item)[:_TEXT_CHARACTERS] for item in items[:_JOINED]))
