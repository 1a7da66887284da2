"""Calls: which function it is, whether it folds, what its result carries, whether it is reported."""

from __future__ import annotations

import ast

from pratique.vet.catalogue import Entry
from pratique.vet.python.arguments import Arguments
from pratique.vet.python.decoders import DECODERS
from pratique.vet.python.expressions import attribute_of, spread
from pratique.vet.python.labels import FILE, NOTABLE, PARAMETER, bits_of
from pratique.vet.python.limits import Spent
from pratique.vet.python.lookups import address_bits
from pratique.vet.python.methods import folded_method, method_of
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.pure import PURE, STATIC_METHODS
from pratique.vet.python.pure import call as call_pure
from pratique.vet.python.special import AFTER, SPECIAL
from pratique.vet.python.summaries import apply, construct
from pratique.vet.python.values import (
    HOLE,
    NONE,
    UNSET,
    Bound,
    ClassValue,
    Instance,
    Made,
    Partial,
    Routine,
    V,
    join,
    joined_bits,
    known,
)
from pratique.vet.python.walk import EXPRESSIONS, Walk

_NAME_CHARACTERS = 160
_READS = frozenset({"read_text", "read_bytes"})
"""Methods whose names tell that the result is a file's content, whatever they are called on."""


def _call(walk: Walk, node: ast.Call) -> V:
    func = node.func
    if type(func) is ast.Attribute:
        base = walk.expr(func.value)
        arguments, keywords = _arguments(walk, node)
        done = method_of(walk, node, base, func.attr, arguments, keywords)
        if done is not None:
            return done
        callee = attribute_of(walk, base, func.attr)
        result = call_value(
            walk, node, callee, arguments, keywords, receiver=base, written=func.attr
        )
        _taint_receiver(walk, func.value, base, callee, arguments, keywords)
        return result
    callee = walk.expr(func)
    arguments, keywords = _arguments(walk, node)
    written = func.id if type(func) is ast.Name else ""
    return call_value(walk, node, callee, arguments, keywords, receiver=NONE, written=written)


def _arguments(walk: Walk, node: ast.Call) -> tuple[list[V], dict[str, V]]:
    arguments: list[V] = []
    for item in node.args:
        if type(item) is ast.Starred:
            arguments.extend(spread(walk.expr(item.value)))
        else:
            arguments.append(walk.expr(item))
    keywords: dict[str, V] = {}
    for keyword in node.keywords:
        value = walk.expr(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif type(value.inner) is dict:
            keywords.update(
                (str(key), item) for key, item in value.inner.items() if type(key) is str
            )
        elif type(value.const) is dict:
            keywords.update((key, V(item)) for key, item in value.const.items() if type(key) is str)
        else:
            keywords["**"] = value
    return arguments, keywords


def _taint_receiver(
    walk: Walk, node: ast.expr, base: V, callee: V, arguments: list[V], keywords: dict[str, V]
) -> None:
    """Labels that go into a method of something unknown stay in that something."""
    bits = joined_bits(arguments) | joined_bits(keywords.values())
    if (
        not bits & NOTABLE
        or (base.bits | bits) == base.bits
        or type(callee.inner) in {Routine, Bound}
    ):
        return
    if (
        type(node) is ast.Name
        and type(base.inner) not in {ClassValue, Instance}
        and walk.get(node.id) is not None
    ):
        if any(walk.catalogue.look_up(item).roles for item in callee.names):
            return
        walk.set(
            node.id,
            V(
                base.const,
                base.text,
                base.bits | bits,
                base.names,
                base.layer,
                base.inner,
                base.built,
            ),
        )


# --- calls of functions


def call_value(
    walk: Walk,
    node: Node,
    callee: V,
    arguments: list[V],
    keywords: dict[str, V],
    *,
    receiver: V,
    written: str,
) -> V:
    """The result of calling a value."""
    inner = callee.inner
    if inner is not None:
        done = _inner_call(walk, node, inner, arguments, keywords)
        if done is not None:
            return done
    if not callee.names:
        return _unknown(walk, node, callee, arguments, keywords, receiver, written)
    result: V | None = None
    for name in callee.names:
        value = call_name(walk, node, name, callee, arguments, keywords, receiver)
        result = value if result is None else join(result, value)
    return result or NONE


def _inner_call(
    walk: Walk, node: Node, inner: object, arguments: list[V], keywords: dict[str, V]
) -> V | None:
    kind = type(inner)
    if kind is Routine:
        return apply(walk, node, inner, arguments, keywords)  # type: ignore[arg-type] # kind says so
    if kind is Bound:
        return apply(walk, node, inner.routine, arguments, keywords, bound=inner.owner)  # type: ignore[attr-defined] # kind says so
    if kind is ClassValue:
        return construct(walk, node, inner, arguments, keywords)  # type: ignore[arg-type] # kind says so
    if kind is Instance:
        routine = inner.of.attributes.get("__call__")  # type: ignore[attr-defined] # kind says so
        if routine is not None and type(routine.inner) is Routine:
            return apply(walk, node, routine.inner, arguments, keywords, bound=inner)  # type: ignore[arg-type] # kind says so
        return None
    if kind is Partial:
        part: Folded = inner
        return call_value(
            walk,
            node,
            part.target,
            [*part.arguments, *arguments],
            {**part.keywords, **keywords},
            receiver=NONE,
            written="",
        )
    if kind is Made:
        made: Folded = inner
        after = AFTER.get(made.name)
        return (
            after(walk, node, made, Arguments(arguments, keywords)) if after is not None else None
        )
    return None


def _unknown(
    walk: Walk,
    node: Node,
    callee: V,
    arguments: list[V],
    keywords: dict[str, V],
    receiver: V,
    written: str,
) -> V:
    bits = callee.bits | receiver.bits | joined_bits(arguments) | joined_bits(keywords.values())
    if callee.bits & ~PARAMETER & NOTABLE or bits & NOTABLE:
        name = f"?.{written}" if written else HOLE
        walk.report(
            node, name, walk.catalogue.look_up(name), arguments, keywords, hidden=callee.hidden
        )
    if written in _READS:
        bits |= FILE
    return V(bits=bits) if bits else NONE


def call_name(
    walk: Walk,
    node: Node,
    name: str,
    callee: V,
    arguments: list[V],
    keywords: dict[str, V],
    receiver: V,
) -> V:
    """The result of calling something known by its dotted name."""
    entry = walk.catalogue.look_up(name)
    special = SPECIAL.get(name)
    if special is not None:
        done = special(walk, node, name, Arguments(arguments, keywords), callee)
        if done is not None:
            return done
    function = PURE.get(name)
    if function is not None:
        return _pure(walk, node, name, entry, arguments, keywords, hidden=callee.hidden)
    head, _, method = name.rpartition(".")
    if head in STATIC_METHODS:
        return _static(walk, node, head, method, arguments, keywords)
    return ordinary(walk, node, name, entry, arguments, keywords, callee=callee, receiver=receiver)


def ordinary(
    walk: Walk,
    node: Node,
    name: str,
    entry: Entry,
    arguments: list[V],
    keywords: dict[str, V],
    *,
    callee: V,
    receiver: V,
) -> V:
    """A call without rules of its own: report it, and let labels flow."""
    if walk.interesting(entry, arguments, keywords, hidden=callee.hidden and HOLE in name):
        walk.report(node, name, entry, arguments, keywords, hidden=callee.hidden)
    bits = bits_of(entry.labels)
    if "network.receive" in entry.roles:
        # An answer holds what the other side says, not what it was sent.
        for value in (*arguments[:2], keywords.get("url", NONE)):
            bits |= address_bits(walk.catalogue, value)
    elif entry.carries:
        bits |= (
            callee.bits | receiver.bits | joined_bits(arguments) | joined_bits(keywords.values())
        )
    if name.rpartition(".")[2] in _READS:
        bits |= FILE
    names = (f"{name}()",) if len(name) < _NAME_CHARACTERS else ()
    return V(bits=bits, names=names, hidden=callee.hidden)


def _pure(
    walk: Walk,
    node: Node,
    name: str,
    entry: Entry,
    arguments: list[V],
    keywords: dict[str, V],
    *,
    hidden: bool,
) -> V:
    bits = joined_bits(arguments) | joined_bits(keywords.values()) | bits_of(entry.labels)
    if entry.roles:
        walk.report(node, name, entry, arguments, keywords, hidden=hidden)
    layer = max((item.layer for item in arguments), default=0)
    decoder = name in DECODERS
    if all(item.const is not UNSET for item in arguments) and all(
        v.const is not UNSET for v in keywords.values()
    ):
        constants = [item.const for item in arguments]
        options = {key: item.const for key, item in keywords.items()}
        try:
            value = call_pure(name, constants, options, walk.budget)
        except Spent:
            return V(bits=bits, layer=layer + decoder)
        return walk.made(node, V(value, "", bits, (), layer + decoder))
    if not entry.carries:
        return NONE
    text = (
        arguments[0].text
        if arguments and name in {"builtins.str", "urllib.parse.quote", "builtins.bytes"}
        else ""
    )
    if name == "os.path.join":
        text = "/".join(known(item)[:500] for item in arguments[:20])
    inner = (
        arguments[0].inner
        if arguments and name in {"builtins.list", "builtins.tuple", "builtins.iter"}
        else None
    )
    return V(UNSET, text, bits, (), layer + decoder, inner if type(inner) is list else None)


def _static(
    walk: Walk, node: Node, head: str, method: str, arguments: list[V], keywords: dict[str, V]
) -> V:
    """`str.join("", parts)`: the first argument is the receiver."""
    if method == "maketrans":
        receiver: V = V(STATIC_METHODS[head]())
        rest = arguments
    elif arguments:
        receiver, rest = arguments[0], arguments[1:]
    else:
        return NONE
    if receiver.const is not UNSET:
        return folded_method(walk, node, receiver, method, rest, keywords) or NONE
    return V(bits=joined_bits(arguments), text=receiver.text)


EXPRESSIONS[ast.Call] = _call
