"""Pure operations on plain values, each refused when its result would be large.

Nothing here runs code that was read: values are only ever of the types in `PLAIN`, so every operator and
method is the interpreter's own.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any

from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.plain import Folded

PLAIN = frozenset(
    {str, bytes, bytearray, int, float, bool, type(None), list, tuple, dict, set, range}
)
TEXT = frozenset({str, bytes, bytearray})
_BITS = 20_000
"""Largest integer in bits. A 2048-bit key needs a tenth; schoolbook multiplication stays in microseconds."""
_FORMAT = 20_000
"""Longest format; what it is applied to may be longer."""
WIDTH_DIGITS = 4
"""Digits of a width in a format: wider padding is an attack on the reader."""


class Cycle:
    """`itertools.cycle` of something plain: endless, so it only lives inside zip."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items


def size_of(value: Folded) -> int:
    """Bytes that a value roughly takes, without looking into it."""
    kind = type(value)
    if kind in TEXT:
        return len(value)
    if kind in {list, tuple, set, range}:
        return 8 * len(value)
    if kind is dict:
        return 16 * len(value)
    return 8


def binary(kind: type[ast.operator], left: Folded, right: Folded, budget: Budget) -> Folded:
    """`left <op> right`.

    Raises: Spent when too large or of types that do not do this.
    """
    one, other = type(left), type(right)
    if one not in PLAIN or other not in PLAIN:
        raise Spent
    number = one is int or one is bool
    if number and (other is int or other is bool):
        _small_integers(kind, left, right)
    elif kind is ast.Mult:
        _repeat(left, right, budget)
    elif kind is ast.Add:
        # `s += piece` thousands of times copies s each time; a copy costs a sixty-fourth of making it.
        if size_of(left) + size_of(right) > budget.limits.value_bytes:
            raise Spent
        budget.make(size_of(left) // 64 + size_of(right))
    elif kind is ast.Mod and one in TEXT:
        _percent(left, right, budget)
    elif kind is ast.Pow:
        raise Spent
    try:
        return _BINARY[kind](left, right)
    except (ArithmeticError, TypeError, ValueError, KeyError, MemoryError, LookupError) as error:
        raise Spent from error


def _small_integers(kind: type[ast.operator], left: int, right: int) -> None:
    bits = left.bit_length()
    if kind is ast.Pow:
        bits *= abs(right)
    elif kind is ast.LShift:
        bits += right
    elif kind is ast.Mult:
        bits += right.bit_length()
    if bits > _BITS or right.bit_length() > _BITS:
        raise Spent


def _repeat(left: Folded, right: Folded, budget: Budget) -> None:
    if type(left) is int or type(left) is bool:
        left, right = right, left
    if type(right) is int or type(right) is bool:
        budget.make(size_of(left) * max(0, right))


def _percent(template: Folded, value: Folded, budget: Budget) -> None:
    text = template if type(template) is str else bytes(template).decode("latin-1")
    if "*" in text:
        raise Spent
    plain_width(text)
    items = (
        value
        if type(value) in {tuple, list}
        else value.values()
        if type(value) is dict
        else [value]
    )
    most = max((shown_size(item) for item in items), default=0)
    budget.make(len(text) + 10**WIDTH_DIGITS + most * text.count("%"))


def shown_size(value: Folded) -> int:
    """Characters that a value roughly takes when it is written out."""
    kind = type(value)
    if kind in {str, bytes, bytearray}:
        return 4 * len(value)
    if kind in {list, tuple, set}:
        return sum(shown_size(item) if type(item) in TEXT else 300 for item in value)
    if kind is dict:
        return 600 * len(value)
    if kind is int:
        return int(value).bit_length() + 8
    return 40


def plain_width(text: str) -> None:
    """Refuse a format with a number of many digits in it."""
    run = 0
    for character in text[:_FORMAT]:
        if character.isdigit():
            run += 1
            if run > WIDTH_DIGITS and "%" in text:
                _refuse_wide(text)
                return
        else:
            run = 0
    if len(text) > _FORMAT:
        raise Spent


def _refuse_wide(text: str) -> None:
    """Long numbers are fine as text, only not directly after a percent sign and its flags."""
    for piece in text.split("%")[1:]:
        digits = 0
        for character in piece:
            if character.isdigit():
                digits += 1
            elif character not in "#0- +.":
                break
        if digits > WIDTH_DIGITS:
            raise Spent


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


def _is_in(one: Folded, other: Folded) -> bool:
    return bool(one in other)


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: _is_in,
    ast.NotIn: lambda one, other: one not in other,
}


def unary(kind: type[ast.unaryop], value: Folded) -> Folded:
    """`<op> value`.

    Raises: Spent when the type does not do this.
    """
    if type(value) not in PLAIN:
        raise Spent
    try:
        return _UNARY[kind](value)
    except TypeError as error:
        raise Spent from error


def compare(kind: type[ast.cmpop], left: Folded, right: Folded) -> Folded:
    """`left <op> right`.

    Raises: Spent when the types do not do this.
    """
    if type(left) not in PLAIN or type(right) not in PLAIN:
        raise Spent
    try:
        return _COMPARE[kind](left, right)
    except (TypeError, ValueError, RecursionError) as error:
        raise Spent from error


def subscript(value: Folded, index: Folded, budget: Budget) -> Folded:
    """`value[index]`.

    Raises: Spent when there is none.
    """
    if type(value) not in PLAIN:
        raise Spent
    try:
        if type(index) is slice:
            # A slice is at most as large as what it is cut from.
            budget.make(size_of(value))
        return value[index]
    except (TypeError, LookupError, ValueError) as error:
        raise Spent from error
