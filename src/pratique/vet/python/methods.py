"""Methods of values: folded, of containers that are changed, of texts known in part, of files."""

from __future__ import annotations

import ast
from typing import Any

from pratique.vet.python import plain_methods
from pratique.vet.python.expressions import attribute_of, spread
from pratique.vet.python.labels import DECODED
from pratique.vet.python.limits import Spent
from pratique.vet.python.partial import list_text
from pratique.vet.python.plain import Folded
from pratique.vet.python.pure import call as call_pure
from pratique.vet.python.special_effects import opened_file_call
from pratique.vet.python.values import (
    HOLE,
    NONE,
    PYTHON_NONE,
    UNSET,
    FileValue,
    V,
    joined_bits,
    known,
)
from pratique.vet.python.walk import Walk

_MUTABLE = frozenset({list, dict, set, bytearray})
_GROWS = frozenset(
    {"append", "extend", "insert", "add", "update", "appendleft", "setdefault", "attach"}
)
_SAME_TEXT = frozenset(
    {
        "encode",
        "decode",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "replace",
        "as_posix",
        "__str__",
        "resolve",
        "absolute",
        "title",
        "splitlines",
        "split",
    }
)
_APPENDED_AT_MOST = 2_000
"""Elements that a list may grow to by `append` before it is only known by its labels."""


def method_of(
    walk: Walk, node: ast.Call, base: V, attr: str, arguments: list[V], keywords: dict[str, V]
) -> V | None:
    """A call of a method that folding or the file model knows; None when it is an ordinary call."""
    const = base.const
    if const is not UNSET:
        kind = type(const)
        if kind in _MUTABLE and attr not in {
            "copy",
            "get",
            "items",
            "keys",
            "values",
            "index",
            "count",
            "decode",
            "hex",
        }:
            return _mutate(walk, base, attr, [*arguments, *keywords.values()])
        return folded_method(walk, node, base, attr, arguments, keywords)
    inner = base.inner
    if type(inner) is list or type(inner) is dict:
        base.bits |= joined_bits(keywords.values())  # `update(name=value)`
        return _container_method(base, inner, attr, arguments)
    if type(inner) is FileValue:
        return opened_file_call(walk, node, base, inner, attr, arguments, keywords)
    if attr in {"__getattribute__", "__getattr__"} and arguments:
        return _by_attribute(walk, base, arguments[-1])
    if base.text and not base.names:
        return _text_method(base, attr, arguments, keywords)
    return None


def _by_attribute(walk: Walk, base: V, key: V) -> V:
    if type(key.const) is str:
        found = attribute_of(walk, base, key.const)
        return V(
            found.const,
            found.text,
            found.bits,
            found.names,
            found.layer,
            found.inner,
            found.built,
            hidden=True,
        )
    return V(bits=key.bits, names=tuple(f"{item}.{HOLE}" for item in base.names), hidden=True)


def folded_method(
    walk: Walk, node: ast.Call, base: V, attr: str, arguments: list[V], keywords: dict[str, V]
) -> V | None:
    """A method of a folded value."""
    bits = base.bits | joined_bits(arguments) | joined_bits(keywords.values())
    layer = max([base.layer, *(item.layer for item in arguments)])
    if attr == "join" and arguments and arguments[0].const is UNSET:
        return _partial_join(base, arguments[0], bits)
    if all(item.const is not UNSET for item in arguments) and all(
        v.const is not UNSET for v in keywords.values()
    ):
        constants = [item.const for item in arguments]
        options = {key: item.const for key, item in keywords.items()}
        if (
            attr in {"decode", "encode"}
            and type(base.const) is str
            and constants
            and attr == "decode"
        ):
            return _old_codec(walk, node, base, constants, bits, layer)
        try:
            result = V(
                plain_methods.method(base.const, attr, constants, options, walk.budget),
                "",
                bits,
                (),
                layer,
            )
        except Spent:
            if attr in {"decode", "encode"} and constants:
                return _old_codec(walk, node, base, constants, bits, layer)
            return V(bits=bits, layer=layer)
        return walk.made(node, result)
    if attr == "get" and type(base.const) is dict:
        return V(bits=bits)
    return _text_method(base, attr, arguments, keywords)


def _old_codec(
    walk: Walk, node: ast.Call, base: V, constants: list[Any], bits: int, layer: int
) -> V:
    """`"6f73".decode("hex")`: what Python 2 could do."""
    try:
        value = call_pure("codecs.decode", [base.const, *constants], {}, walk.budget)
    except Spent:
        return V(bits=bits | DECODED, layer=layer)
    return walk.made(node, V(value, "", bits | DECODED, (), layer + 1))


def _partial_join(base: V, items: V, bits: int) -> V:
    if type(items.inner) is list:
        separator = known(base)
        return V(
            UNSET, separator.join(known(item)[:2000] for item in items.inner[:64])[:4000], bits
        )
    return V(UNSET, items.text, bits | items.bits) if items.text else V(bits=bits | items.bits)


def _text_method(base: V, attr: str, arguments: list[V], keywords: dict[str, V]) -> V:
    """A method of a text that is known in part."""
    bits = base.bits | joined_bits(arguments) | joined_bits(keywords.values())
    text = known(base)[:4000]
    if attr == "format":
        return V(UNSET, _formatted(text, arguments, keywords), bits, (), base.layer)
    if (
        attr == "replace"
        and len(arguments) > 1
        and type(arguments[0].const) is str
        and arguments[0].const
    ):
        return V(
            UNSET,
            text.replace(arguments[0].const, known(arguments[1])[:200])[:4000],
            bits,
            (),
            base.layer,
        )
    return V(UNSET, text if attr in _SAME_TEXT else "", bits, (), base.layer)


def _formatted(template: str, arguments: list[V], keywords: dict[str, V]) -> str:
    pieces = template.split("{")
    out = [pieces[0]]
    position = 0
    for piece in pieces[1:]:
        field, closed, rest = piece.partition("}")
        if not closed:
            out.append(piece)
            continue
        word = field.partition(":")[0].partition("!")[0]
        value = keywords.get(word)
        if value is None:
            index = int(word) if word.isdecimal() and len(word) < 4 else position  # noqa: PLR2004 - a position
            position += 1
            value = arguments[index] if index < len(arguments) else NONE
        out.extend((known(value)[:1000], rest))
    return "".join(out)[:4000]


def _mutate(walk: Walk, base: V, attr: str, arguments: list[V]) -> V:
    """A method that changes a folded container, in place: whoever else holds it sees it too."""
    const = base.const
    base.bits |= joined_bits(arguments)
    if attr not in _GROWS:
        return _shrink(base, attr, arguments)
    certain = walk.trail is None and all(item.const is not UNSET for item in arguments)
    if type(const) is list and len(const) < _APPENDED_AT_MOST:
        items = spread(arguments[0]) if attr == "extend" and arguments else arguments[-1:]
        if certain and all(item.const is not UNSET for item in items):
            position = (
                arguments[0].const
                if attr == "insert" and type(arguments[0].const) is int
                else len(const)
            )
            const[position:position] = [item.const for item in items]
        else:
            base.inner = [V(item) for item in const] + items
            base.const, base.text = UNSET, list_text(base.inner)
        return PYTHON_NONE
    if (
        type(const) is dict
        and attr == "update"
        and arguments
        and type(arguments[0].const) is dict
        and certain
    ):
        const.update(arguments[0].const)
        return PYTHON_NONE
    if type(const) is set and attr == "add":
        return PYTHON_NONE
    base.const = UNSET
    return PYTHON_NONE


def _shrink(base: V, attr: str, arguments: list[V]) -> V:
    const = base.const
    if (
        attr == "pop"
        and type(const) is list
        and const
        and all(item.const is not UNSET for item in arguments)
    ):
        try:
            return V(const.pop(*(item.const for item in arguments)), "", base.bits)
        except (LookupError, TypeError):
            return NONE
    if attr in {"reverse", "sort", "clear"} and not arguments and type(const) in {list, bytearray}:
        try:
            getattr(const, attr)()
        except TypeError:
            base.const = UNSET
        return PYTHON_NONE
    if attr not in {"join", "isdisjoint", "difference", "union"}:
        base.const = UNSET
    return V(bits=base.bits)


def _container_method(base: V, inner: Folded, attr: str, arguments: list[V]) -> V:
    bits = joined_bits(arguments)
    if type(inner) is list:
        if attr in _GROWS and len(inner) < _APPENDED_AT_MOST:
            inner.extend(spread(arguments[0]) if attr == "extend" and arguments else arguments[-1:])
            base.bits |= bits
            return PYTHON_NONE
        if attr == "pop" and inner:
            last: V = inner[-1]
            return last
    elif attr in {"get", "pop", "setdefault"} and arguments:
        found = (
            inner.get(arguments[0].const) if type(arguments[0].const) in {str, int, bytes} else None
        )
        return found or (arguments[1] if len(arguments) > 1 else V(bits=base.bits))
    elif attr in {"values", "items", "keys"}:
        return V(bits=base.bits, inner=list(inner.values()) if attr == "values" else None)
    elif attr == "update":
        base.bits |= bits
        for item in arguments:
            if type(item.inner) is dict:
                inner.update(item.inner)
    return V(bits=base.bits | bits)
