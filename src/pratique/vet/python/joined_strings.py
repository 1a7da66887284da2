"""f-strings: their parts fold one by one, with the format that each is given."""

from __future__ import annotations

import ast

from pratique.vet.python import plain_methods
from pratique.vet.python.limits import Spent
from pratique.vet.python.partial import shortened
from pratique.vet.python.values import HOLE, UNSET, V, known
from pratique.vet.python.walk import Walk


def joined_string(walk: Walk, node: ast.JoinedStr) -> V:
    """The text, or what is known of it with holes for the rest."""
    parts: list[str] = []
    bits = layer = 0
    whole = True
    for part in node.values:
        if type(part) is ast.Constant:
            parts.append(str(part.value))
            continue
        if type(part) is not ast.FormattedValue:
            whole = False
            continue
        value = walk.expr(part.value)
        bits |= value.bits
        layer = max(layer, value.layer)
        text = _formatted(walk, part, value)
        if text is None:
            whole = False
            text = known(value) if value.const is UNSET else HOLE
        parts.append(text)
    text = "".join(parts)
    if whole:
        return walk.made(node, V(text, "", bits, (), layer))
    return V(UNSET, shortened(text), bits, (), layer)


def _formatted(walk: Walk, part: ast.FormattedValue, value: V) -> str | None:
    specification = ""
    if part.format_spec is not None:
        inside = walk.expr(part.format_spec)
        if type(inside.const) is not str:
            return None
        specification = inside.const
    if value.const is UNSET:
        return None
    try:
        return plain_methods.format_value(value.const, part.conversion, specification, walk.budget)
    except Spent:
        return None
