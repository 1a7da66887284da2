"""What stands left of `=`: names, attributes, items; and the elements of what is walked over."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pratique.vet.python.expressions import spread
from pratique.vet.python.labels import FILE, KEPT, NOTABLE, PARAMETER
from pratique.vet.python.plain import Node
from pratique.vet.python.values import (
    HOLE,
    NONE,
    UNSET,
    ClassValue,
    FileValue,
    Instance,
    V,
    join,
    joined_bits,
)
from pratique.vet.python.walk import BUILTINS, Walk

_UNROLLED = 16
"""Elements for which a loop over constants is walked one by one."""
_JOINED = 64
"""Elements that are looked at to say what an element may be."""


def bind(walk: Walk, target: ast.expr, value: V) -> None:
    """Store a value in whatever stands left of `=`."""
    kind = type(target)
    if kind is ast.Name:
        walk.set(target.id, value)  # type: ignore[attr-defined] # kind says so
    elif kind is ast.Tuple or kind is ast.List:
        _unpack(walk, target.elts, value)  # type: ignore[attr-defined] # kind says so
    elif kind is ast.Attribute:
        _bind_attribute(walk, target, value)
    elif kind is ast.Subscript:
        _bind_item(walk, target, value)
    elif kind is ast.Starred:
        bind(walk, target.value, value)  # type: ignore[attr-defined] # kind says so


def _unpack(walk: Walk, targets: Sequence[ast.expr], value: V) -> None:
    items = spread(value) if type(value.inner) is list or value.const is not UNSET else []
    star = next((index for index, item in enumerate(targets) if type(item) is ast.Starred), None)
    if star is not None and items:
        after = len(targets) - star - 1
        middle = items[star : len(items) - after]
        whole = (
            V([item.const for item in middle])
            if all(item.const is not UNSET for item in middle)
            else V(bits=joined_bits(middle), inner=middle)
        )
        items = [*items[:star], whole, *items[len(items) - after :]]
    fallback = V(
        bits=value.bits, names=tuple(f"{name}[]" for name in value.names if "[]" not in name)
    )
    for index, target in enumerate(targets):
        bind(
            walk,
            target,
            items[index] if index < len(items) and len(items) >= len(targets) else fallback,
        )


def _bind_attribute(walk: Walk, target: Node, value: V) -> None:
    base = walk.expr(target.value)
    inner = base.inner
    of = inner.of if type(inner) is Instance else inner
    if type(of) is ClassValue:
        of.attributes[target.attr] = _attribute_joined(of.attributes.get(target.attr), value)
        if value.bits & PARAMETER:
            walk.dependents += 1
        if _hot(walk, value):
            walk.hot_attributes.add(target.attr)
        return
    if base.names and value is not NONE:
        _patched(walk, target, base, target.attr, value)
    elif (
        type(target.value) is ast.Name
        and value.bits & NOTABLE
        and base.inner is None
        and base.const is UNSET
    ):
        walk.set(target.value.id, V(bits=base.bits | value.bits, names=base.names))


def _attribute_joined(old: V | None, value: V) -> V:
    """What an attribute holds; what a constructor was given says more than that it is a parameter."""
    if old is None or _only_parameter(old):
        return value
    return old if _only_parameter(value) else join(old, value)


def _only_parameter(value: V) -> bool:
    return (
        value.bits == PARAMETER and value.const is UNSET and not value.text and value.inner is None
    )


def _hot(walk: Walk, value: V) -> bool:
    return bool(
        value.bits & NOTABLE
        or value.inner is not None
        or any(walk.catalogue.hot(name) for name in value.names)
    )


def _patched(walk: Walk, target: Node, base: V, attr: str, value: V) -> None:
    """`builtins.print = …`, `sys.excepthook = …`: something well known is replaced."""
    for name in base.names:
        head = name.partition(".")[0].partition("(")[0]
        if "(" not in name and head in walk.catalogue.modules:
            entry = walk.catalogue.look_up("builtins.setattr")
            walk.report(target, "builtins.setattr", entry, [base, V(attr), value], {})
    if type(target.value) is ast.Name and value.bits & NOTABLE:
        walk.set(
            target.value.id,
            V(base.const, base.text, base.bits | value.bits, base.names, base.layer, base.inner),
        )


def _bind_item(walk: Walk, target: Node, value: V) -> None:
    base = walk.expr(target.value)
    index = walk.expr(target.slice)
    for name in base.names:
        dotted = f"{name}.__setitem__"
        entry = walk.catalogue.look_up(dotted)
        if entry.roles:
            walk.report(target, dotted, entry, [index, value], {})
    if type(base.const) is dict or type(base.const) is list:
        if walk.trail is None and value.const is not UNSET and index.const is not UNSET:
            _set_folded(base, index, value)
            return
        _unfold(base)
    _set_known(base, index, value)
    if value.bits & KEPT:
        if not _shared(base) and (base.inner is not None or base.names or base.bits):
            base.bits |= value.bits
        elif type(target.value) is ast.Name:
            walk.set(target.value.id, V(bits=value.bits))


def _shared(base: V) -> bool:
    """Whether a value is one that all sources share, so that a label on it would leak into the next."""
    return base is NONE or any(base is item for item in BUILTINS.values())


def _set_folded(base: V, index: V, value: V) -> None:
    try:
        base.const[index.const] = value.const
    except (TypeError, LookupError, ValueError):
        base.const = UNSET
    base.bits |= value.bits


def _unfold(base: V) -> None:
    """From one constant to elements that are known one by one."""
    const = base.const
    if type(const) is dict:
        base.inner = {key: V(item) for key, item in const.items()}
    else:
        base.inner = [V(item) for item in const]
    base.const = UNSET


def _set_known(base: V, index: V, value: V) -> None:
    inner = base.inner
    if type(inner) is dict:
        key = index.const if type(index.const) in {str, int, bytes} else f"{HOLE}{len(inner)}"
        inner[key] = value
    elif type(inner) is list and type(index.const) is int and abs(index.const) < len(inner):
        inner[index.const] = value


def elements_of(value: V) -> list[V] | None:
    """The elements of a value, as far as they are known one by one; None when they are not."""
    if type(value.const) in {list, tuple, set, dict, range, str, bytes}:
        return [
            V(item, "", value.bits, (), value.layer) for item in list(value.const)[: _UNROLLED + 1]
        ]
    # A copy: the body may append to what it walks over.
    return value.inner[:_JOINED] if type(value.inner) is list else None


def element_of(value: V, items: list[V] | None) -> V:
    """What any element of a value may be."""
    if value.names and value.names[0] == "os.environ":
        return V(bits=value.bits)
    if type(value.inner) is FileValue:
        return V(bits=value.bits | FILE)  # a line of it
    if not items:
        return V(
            bits=value.bits, names=tuple(f"{name}[]" for name in value.names if "[]" not in name)
        )
    element = items[0]
    for item in items[1:]:
        element = join(element, item)
    return V(
        element.const,
        element.text,
        element.bits | value.bits,
        element.names,
        element.layer,
        element.inner,
    )
