"""Expressions: constants fold, labels flow."""

from __future__ import annotations

import ast
from typing import Any

from pratique.vet.python import operations
from pratique.vet.python.joined_strings import joined_string
from pratique.vet.python.labels import bits_of
from pratique.vet.python.limits import Spent
from pratique.vet.python.lookups import item_of_names
from pratique.vet.python.partial import (
    added_lists,
    dict_of,
    list_text,
    percent_known,
    shortened,
    textual,
)
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.pure import CONSTANTS
from pratique.vet.python.summaries import generic
from pratique.vet.python.values import (
    HOLE,
    NONE,
    PYTHON_NONE,
    UNSET,
    Bound,
    ClassValue,
    Instance,
    Made,
    Routine,
    V,
    join,
    joined_bits,
    known,
)
from pratique.vet.python.walk import BUILTINS, EXPRESSIONS, Walk

_NAME_CHARACTERS = 160
"""Longest dotted name that is followed; fluent interfaces make endless ones."""
_TEXT_CHARACTERS = 4000
"""Longest known text with holes that is kept."""
_JOINED = 64
"""Elements of a container that are joined for an unknown index."""
_STARTED = frozenset({"threading.Thread", "multiprocessing.Process", "threading.Timer"})
"""Classes whose `start` calls `run`."""
_PROPERTIES = frozenset({"property", "cached_property"})
_EMPTY = frozenset({ast.Constant})


def _constant(_walk: Walk, node: ast.Constant) -> V:
    value = node.value
    if value is None:
        return PYTHON_NONE
    if type(value) in operations.PLAIN:
        return V(value)
    return NONE


def _name(walk: Walk, node: ast.Name) -> V:
    word = node.id
    value = walk.get(word)
    if value is not None:
        return value
    value = BUILTINS.get(word)
    if value is not None:
        return value
    for module in walk.stars:
        dotted = walk.catalogue.canonical(f"{module}.{word}")
        if walk.catalogue.look_up(dotted).roles or dotted in walk.catalogue.sources:
            return V(names=(dotted,))
    return NONE


def _attribute(walk: Walk, node: ast.Attribute) -> V:
    return attribute_of(walk, walk.expr(node.value), node.attr)


def attribute_of(walk: Walk, base: V, attr: str) -> V:
    """`base.attr`."""
    inner = base.inner
    if inner is not None:
        found = _member(walk, inner, attr)
        if found is not None:
            return found
    if base.names:
        return _dotted(walk, base, attr)
    if attr in walk.catalogue.methods:
        return V(bits=base.bits, names=(f"?.{attr}",), hidden=base.hidden)
    return V(bits=base.bits) if base.bits else NONE


def _member(walk: Walk, inner: object, attr: str) -> V | None:
    of = inner.of if type(inner) is Instance else inner
    if type(of) is not ClassValue:
        return None
    for _ in range(4):  # bases of bases: deeper hierarchies inside one file are rare
        value = of.attributes.get(attr)
        if value is not None:
            if (
                type(value.inner) is Routine
                and type(inner) is Instance
                and _is_property(value.inner)
            ):
                return generic(walk, value.inner)
            if type(value.inner) is Routine and type(inner) is Instance:
                return V(names=value.names, inner=Bound(value.inner, inner))
            return value
        base = next((item.inner for item in of.bases if type(item.inner) is ClassValue), None)
        if base is None:
            break
        of = base
    for item in of.bases:
        if attr == "start" and item.names and item.names[0] in _STARTED and "run" in of.attributes:
            walk.also_called.add((walk.region, f".{of.name}.run"))
            return _member(walk, inner, "run")
        if item.names:
            return V(names=tuple(f"{word}().{attr}" for word in item.names))
    return None


def _is_property(routine: Routine) -> bool:
    decorators = getattr(routine.node, "decorator_list", ())
    return any(
        (type(item) is ast.Name and item.id in _PROPERTIES)
        or (type(item) is ast.Attribute and item.attr in _PROPERTIES)
        for item in decorators
    )


def _dotted(walk: Walk, base: V, attr: str) -> V:
    if attr in {"__dict__", "__class__"} and base.names[0].startswith("builtins") is False:
        return V(
            names=tuple(f"{item}.{attr}" for item in base.names), hidden=base.hidden, bits=base.bits
        )
    catalogue = walk.catalogue
    names = []
    bits = base.bits
    for item in base.names:
        dotted = catalogue.canonical(f"{item}.{attr}")
        if dotted in CONSTANTS:
            return V(CONSTANTS[dotted])
        label = catalogue.sources.get(dotted)
        if label is not None:
            bits |= bits_of((label,))
        if len(dotted) <= _NAME_CHARACTERS:
            names.append(dotted)
    result = V(bits=bits, names=tuple(names), hidden=base.hidden, layer=base.layer)
    if type(base.inner) is Made:
        result.inner = base.inner
    elif base.names[0].startswith("pathlib"):
        result.text = base.text
    return result


def _subscript(walk: Walk, node: ast.Subscript) -> V:
    base = walk.expr(node.value)
    index = walk.expr(node.slice)
    return item_of(walk, node, base, index)


def item_of(walk: Walk, node: Node, base: V, index: V) -> V:
    """`base[index]`."""
    if base.const is not UNSET:
        if index.const is not UNSET:
            return _folded_item(walk, node, base, index)
        if type(base.const) in {list, tuple, dict} and base.const:
            items = list(base.const.values() if type(base.const) is dict else base.const)
            return _any_of([V(item) for item in items[:_JOINED]], base.bits | index.bits)
        return V(bits=base.bits)
    inner = base.inner
    if type(inner) is list or type(inner) is dict:
        return _inner_item(base, inner, index)
    if base.names:
        return item_of_names(walk, node, base, index)
    return V(bits=base.bits, text="") if base.bits else NONE


def _folded_item(walk: Walk, node: Node, base: V, index: V) -> V:
    try:
        value = operations.subscript(base.const, index.const, walk.budget)
    except Spent:
        return V(bits=base.bits)
    result = V(value, "", base.bits, (), max(base.layer, index.layer), None, base.built)
    return walk.made(node, result) if type(index.const) is slice else result


def _inner_item(base: V, inner: Folded, index: V) -> V:
    if index.const is not UNSET:
        try:
            found = inner[index.const]
        except (LookupError, TypeError):
            found = None
        if type(found) is V:
            return found
        if type(found) is list:
            return V(bits=joined_bits(found), inner=found)
    items = list(inner.values()) if type(inner) is dict else inner
    return _any_of(items[:_JOINED], base.bits)


def _any_of(items: list[V], bits: int) -> V:
    value = NONE
    for item in items:
        value = item if value is NONE else join(value, item)
    return V(
        value.const,
        value.text,
        value.bits | bits,
        value.names,
        value.layer,
        value.inner,
        value.built,
    )


def _slice(walk: Walk, node: ast.Slice) -> V:
    parts = [
        walk.expr(part) if part is not None else PYTHON_NONE
        for part in (node.lower, node.upper, node.step)
    ]
    if all(part.const is None or type(part.const) is int for part in parts):
        return V(slice(*(part.const for part in parts)))
    return NONE


def _binary(walk: Walk, node: ast.BinOp) -> V:
    # "a" + "b" + … leans to the left: walked in a loop, so that its length is no depth.
    spine = [node]
    left_node = node.left
    while type(left_node) is ast.BinOp:
        spine.append(left_node)
        left_node = left_node.left
    value = walk.expr(left_node)
    for item in reversed(spine):
        value = operate(walk, item.op, value, walk.expr(item.right))
    return walk.made(node, value) if value.const is not UNSET else value


def operate(walk: Walk, op: ast.operator, left: V, right: V) -> V:
    """`left <op> right`."""
    bits = left.bits | right.bits
    layer = max(left.layer, right.layer)
    if left.const is not UNSET and right.const is not UNSET:
        try:
            return V(
                operations.binary(type(op), left.const, right.const, walk.budget),
                "",
                bits,
                (),
                layer,
            )
        except Spent:
            return V(bits=bits, layer=layer)
    kind = type(op)
    if kind is ast.Add:
        if type(left.inner) is list or type(right.inner) is list:
            return added_lists(left, right, bits)
        if textual(left) or textual(right):
            return V(UNSET, shortened(known(left) + known(right)), bits, (), layer)
    elif kind is ast.Mod and type(left.const) is str:
        return V(UNSET, percent_known(left.const, right), bits, (), layer)
    elif kind is ast.Div and left.names:  # pathlib
        text = shortened(f"{known(left)}/{known(right)}")
        return V(UNSET, text, bits, left.names if "pathlib" in left.names[0] else (), layer)
    elif kind is ast.Div and textual(right):
        return V(UNSET, shortened(f"{known(left)}/{known(right)}"), bits, left.names, layer)
    elif kind is ast.BitOr and (type(left.inner) is dict or type(right.inner) is dict):
        return V(bits=bits, inner={**dict_of(left), **dict_of(right)})
    return V(bits=bits, layer=layer) if bits or layer else NONE


def _formatted_value(walk: Walk, node: ast.FormattedValue) -> V:
    return walk.expr(node.value)


def _unary(walk: Walk, node: ast.UnaryOp) -> V:
    value = walk.expr(node.operand)
    if value.const is UNSET:
        return V(bits=value.bits) if type(node.op) is not ast.Not and value.bits else NONE
    try:
        return V(operations.unary(type(node.op), value.const), "", value.bits, (), value.layer)
    except Spent:
        return NONE


def _compare(walk: Walk, node: ast.Compare) -> V:
    left = walk.expr(node.left)
    rights = walk.exprs(node.comparators)
    if len(rights) == 1 and left.const is not UNSET and rights[0].const is not UNSET:
        try:
            return V(operations.compare(type(node.ops[0]), left.const, rights[0].const))
        except Spent:
            return NONE
    return NONE


def _boolean(walk: Walk, node: ast.BoolOp) -> V:
    value = NONE
    for item in walk.exprs(node.values):
        value = item if value is NONE else join(value, item)
    return value


def _conditional(walk: Walk, node: ast.IfExp) -> V:
    test = walk.expr(node.test)
    body, orelse = walk.expr(node.body), walk.expr(node.orelse)
    if test.const is not UNSET and type(test.const) in operations.PLAIN and not test.bits:
        return body if test.const else orelse
    return join(body, orelse)


def _sequence(walk: Walk, node: ast.List | ast.Tuple | ast.Set) -> V:
    elements = node.elts
    if {type(element) for element in elements} <= _EMPTY:
        values = [element.value for element in elements]  # type: ignore[attr-defined] # all are constants
        if Ellipsis not in values[:1]:
            return V(tuple(values) if type(node) is ast.Tuple else values)
    items: list[V] = []
    for element in elements:
        if type(element) is ast.Starred:
            items.extend(spread(walk.expr(element.value)))
        else:
            items.append(walk.expr(element))
    bits = joined_bits(items)
    if all(item.const is not UNSET for item in items):
        constants = [item.const for item in items]
        layer = max((item.layer for item in items), default=0)
        return V(tuple(constants) if type(node) is ast.Tuple else constants, "", bits, (), layer)
    return V(UNSET, list_text(items), bits, (), 0, items)


def spread(value: V) -> list[V]:
    """The elements of a value that is unpacked."""
    if type(value.inner) is list:
        return value.inner
    if (
        type(value.const) in {list, tuple, str, bytes, set, range}
        and len(value.const) <= _TEXT_CHARACTERS
    ):
        return [V(item, "", value.bits, (), value.layer) for item in value.const]
    return [V(bits=value.bits)]


def _dictionary(walk: Walk, node: ast.Dict) -> V:
    keys = [walk.expr(key) if key is not None else None for key in node.keys]
    values = walk.exprs(node.values)
    bits = joined_bits(values)
    inner: dict[Any, V] = {}
    whole = True
    for key, value in zip(keys, values, strict=True):
        if key is None:
            inner.update(dict_of(value))
            whole = whole and type(value.const) is dict
            continue
        bits |= key.bits
        whole = whole and value.const is not UNSET
        if type(key.const) in {str, bytes, int, float, bool, tuple, type(None)} and _hashable(
            key.const
        ):
            inner[key.const] = value
        else:
            whole = False
            inner[f"{HOLE}{len(inner)}"] = value
    if whole:
        return V({key: item.const for key, item in inner.items()}, "", bits)
    text = ", ".join(f"{key}: {known(value)[:200]}" for key, value in list(inner.items())[:_JOINED])
    return V(UNSET, shortened("{" + text + "}"), bits, (), 0, inner)


def _hashable(value: Folded) -> bool:
    try:
        hash(value)
    except (TypeError, RecursionError):
        return False
    return True


def _walrus(walk: Walk, node: ast.NamedExpr) -> V:
    value = walk.expr(node.value)
    walk.set(node.target.id, value)
    return value


def _passed_on(walk: Walk, node: Node) -> V:
    """`await x`, `*x`, `yield from x`: what x is."""
    return walk.expr(node.value)


def _yielded(walk: Walk, node: ast.Yield) -> V:
    if node.value is not None:
        value = walk.expr(node.value)
        walk.returns = value if walk.returns is None else join(walk.returns, value)
    return NONE


EXPRESSIONS.update(
    {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Subscript: _subscript,
        ast.Slice: _slice,
        ast.BinOp: _binary,
        ast.JoinedStr: joined_string,
        ast.FormattedValue: _formatted_value,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.BoolOp: _boolean,
        ast.IfExp: _conditional,
        ast.List: _sequence,
        ast.Tuple: _sequence,
        ast.Set: _sequence,
        ast.Dict: _dictionary,
        ast.NamedExpr: _walrus,
        ast.Await: _passed_on,
        ast.Starred: _passed_on,
        ast.YieldFrom: _passed_on,
        ast.Yield: _yielded,
    }
)
