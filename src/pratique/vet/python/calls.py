"""Calls: which function it is, whether it folds, what its result carries, whether it is reported."""

from __future__ import annotations

import ast
from typing import Any

from pratique.vet.catalogue import Entry
from pratique.vet.python import operations
from pratique.vet.python.decoders import DECODERS
from pratique.vet.python.expressions import attribute_of, list_text, spread
from pratique.vet.python.labels import DECODED, NOTABLE, PARAMETER, bits_of
from pratique.vet.python.limits import Spent
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.pure import PURE, STATIC_METHODS
from pratique.vet.python.pure import call as call_pure
from pratique.vet.python.special import AFTER, SPECIAL, Arguments, opened_file_call
from pratique.vet.python.summaries import apply, construct
from pratique.vet.python.values import (
    HOLE,
    NONE,
    PYTHON_NONE,
    UNSET,
    Bound,
    ClassValue,
    FileValue,
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
_MUTABLE = frozenset({list, dict, set, bytearray})
_GROWS = frozenset(
    {"append", "extend", "insert", "add", "update", "appendleft", "setdefault", "attach"}
)
_SAME_TEXT = frozenset({"encode", "decode", "strip", "lstrip", "rstrip", "lower", "upper", "replace", "as_posix", "__str__", "resolve", "absolute", "title", "splitlines", "split"})  # fmt: skip
_APPENDED_AT_MOST = 2_000
"""Elements that a list may grow to by `append` before it is only known by its labels."""


def _call(walk: Walk, node: ast.Call) -> V:
    func = node.func
    if type(func) is ast.Attribute:
        base = walk.expr(func.value)
        arguments, keywords = _arguments(walk, node)
        done = _method(walk, node, base, func.attr, arguments, keywords)
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


# --- methods of values


def _method(
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
            return _mutate(walk, base, attr, arguments)
        return _folded_method(walk, node, base, attr, arguments, keywords)
    inner = base.inner
    if type(inner) is list or type(inner) is dict:
        return _container_method(walk, base, inner, attr, arguments)
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


def _folded_method(
    walk: Walk, node: ast.Call, base: V, attr: str, arguments: list[V], keywords: dict[str, V]
) -> V | None:
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
                operations.method(base.const, attr, constants, options, walk.budget),
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


def _container_method(walk: Walk, base: V, inner: Folded, attr: str, arguments: list[V]) -> V:
    bits = joined_bits(arguments)
    if type(inner) is list:
        if attr in _GROWS and len(inner) < _APPENDED_AT_MOST:
            inner.extend(spread(arguments[0]) if attr == "extend" and arguments else arguments[-1:])
            base.bits |= bits
            return PYTHON_NONE
        if attr == "pop" and inner:
            return inner[-1]
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
        done = _inner_call(walk, node, callee, inner, arguments, keywords)
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
    walk: Walk, node: Node, callee: V, inner: object, arguments: list[V], keywords: dict[str, V]
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
    elif callee.bits & PARAMETER or bits & PARAMETER:
        _run_callbacks(walk, node, arguments)
    return V(bits=bits) if bits else NONE


def _run_callbacks(_walk: Walk, _node: Node, _arguments: list[V]) -> None:
    """Functions handed to something unknown are walked anyway, as regions of their own."""


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
        return _pure(walk, node, name, entry, arguments, keywords, callee)
    head, _, method = name.rpartition(".")
    if head in STATIC_METHODS:
        return _static(walk, node, head, method, arguments, keywords)
    return ordinary(walk, node, name, entry, arguments, keywords, callee=callee, receiver=receiver)


def ordinary(
    walk: Walk, node: Node, name: str, entry: Entry, arguments: list[V], keywords: dict[str, V], *, callee: V, receiver: V,
    extra: int = 0,
) -> V:  # fmt: skip
    """A call without rules of its own: report it, and let labels flow."""
    if walk.interesting(entry, arguments, keywords, hidden=callee.hidden and HOLE in name):
        walk.report(node, name, entry, arguments, keywords, hidden=callee.hidden)
    bits = bits_of(entry.labels) | extra
    if entry.carries:
        bits |= (
            callee.bits | receiver.bits | joined_bits(arguments) | joined_bits(keywords.values())
        )
    names = (f"{name}()",) if len(name) < _NAME_CHARACTERS else ()
    return V(bits=bits, names=names, hidden=callee.hidden)


def _pure(
    walk: Walk,
    node: Node,
    name: str,
    entry: Entry,
    arguments: list[V],
    keywords: dict[str, V],
    callee: V,
) -> V:
    bits = joined_bits(arguments) | joined_bits(keywords.values()) | bits_of(entry.labels)
    if entry.roles:
        walk.report(node, name, entry, arguments, keywords, hidden=callee.hidden)
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
        return _folded_method(walk, node, receiver, method, rest, keywords) or NONE
    return V(bits=joined_bits(arguments), text=receiver.text)


EXPRESSIONS[ast.Call] = _call
