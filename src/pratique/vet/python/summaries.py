"""Functions of the source itself: walked once with nothing known, again at calls that say something.

A call inside a helper that depends on a parameter is reported anew for each call site with different
constants, placed at that call site. Answers are remembered, recursion is cut, and the number of statements
walked again is limited.
"""

from __future__ import annotations

import ast
from typing import Any

from pratique.vet.python import operations
from pratique.vet.python.evaluator import evaluate_call
from pratique.vet.python.labels import NOTABLE, PARAMETER
from pratique.vet.python.limits import Spent
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.values import (
    NONE,
    UNSET,
    ClassValue,
    Instance,
    Routine,
    V,
    join,
    joined_bits,
)
from pratique.vet.python.walk import Walk


def _unknown_parameter() -> V:
    """One of its own for each parameter: a store into one must show in no other, and in no other source."""
    return V(bits=PARAMETER)


_REMEMBERED = 200
"""Different sets of arguments of one function that are followed."""
_KEY_CHARACTERS = 400
_KEY_ITEMS = 40


def generic(walk: Walk, routine: Routine) -> V:
    """What a function returns when nothing is known of its arguments. Walks it the first time."""
    if routine.generic is not None:
        return routine.generic
    if routine.busy:
        return _unknown_parameter()
    bound = {name: _unknown_parameter() for name in _parameters(routine.node.args)}
    for name, default in _defaults(walk, routine).items():
        bound[name] = V(
            default.const,
            default.text,
            default.bits | PARAMETER,
            default.names,
            default.layer,
            default.inner,
        )
    saved = walk.site, walk.following
    if not walk.layer:
        walk.region = routine.outline.index if routine.outline is not None else routine.region
        walk.site = None
    walk.following = False
    before = walk.dependents
    routine.generic = _walk_body(walk, routine, bound, None)
    routine.sinks = walk.dependents > before or routine.sinks
    walk.site, walk.following = saved
    return routine.generic


def apply(
    walk: Walk,
    node: Node,
    routine: Routine,
    arguments: list[V],
    keywords: dict[str, V],
    *,
    bound: Instance | None = None,
) -> V:
    """The result of calling a function of this source."""
    informative = any(map(_informative, arguments)) or any(map(_informative, keywords.values()))
    bits = (joined_bits(arguments) | joined_bits(keywords.values())) & ~PARAMETER
    if walk.depth > walk.budget.limits.depth or routine.busy:
        return V(bits=bits) if bits else NONE
    saved = walk.region
    result = generic(walk, routine)
    walk.region = saved
    if result.const is UNSET and not arguments and not keywords:
        result = _evaluated(walk, routine, result)
    depends = result.bits & PARAMETER or routine.sinks or type(result.inner) is Routine
    if not informative or not depends:
        return _answer(result, bits)
    key = _key(arguments, keywords)
    known = routine.results.get((key, id(bound)))
    site = walk.here(node)
    if known is not None and (not routine.sinks or (key, site) in routine.results):
        return known
    if len(routine.results) >= _REMEMBERED:
        return _answer(result, bits)
    value = _follow(walk, node, routine, arguments, keywords, bound)
    routine.results[key, id(bound)] = routine.results[key, site] = value
    return value


def _evaluated(walk: Walk, routine: Routine, result: V) -> V:
    """What a function without arguments comes to, if it is pure; tried once."""
    if routine.pure_failed:
        return result
    routine.pure_failed = True
    folded = evaluate_call(walk, routine, [], {})
    if folded is not None:
        routine.generic = folded
        return folded
    return result


def _answer(result: V, bits: int) -> V:
    """What the generic answer means for arguments with these labels."""
    if not result.bits & PARAMETER:
        return result
    return V(
        result.const,
        result.text,
        (result.bits & ~PARAMETER) | bits,
        result.names,
        result.layer,
        result.inner,
        result.built,
    )


def _follow(
    walk: Walk,
    node: Node,
    routine: Routine,
    arguments: list[V],
    keywords: dict[str, V],
    bound: Instance | None,
) -> V:
    folded = evaluate_call(walk, routine, arguments, keywords)
    if folded is not None:
        return walk.made(node, folded)
    lines = (
        (getattr(routine.node, "end_lineno", None) or 1) - getattr(routine.node, "lineno", 1) + 1
    )
    walk.budget.statements -= lines
    if walk.budget.statements < 0:
        return _answer(
            routine.generic or NONE, joined_bits(arguments) | joined_bits(keywords.values())
        )
    saved_site = walk.site, walk.following
    walk.site, walk.following = walk.here(node), True
    try:
        values = _bind(walk, routine, arguments, keywords, bound)
        return _walk_body(walk, routine, values, bound)
    finally:
        walk.site, walk.following = saved_site


def construct(
    walk: Walk, node: Node, of: ClassValue, arguments: list[V], keywords: dict[str, V]
) -> V:
    """The result of calling a class of this source."""
    instance = Instance(of)
    init = of.attributes.get("__init__")
    if init is not None and type(init.inner) is Routine:
        apply(walk, node, init.inner, arguments, keywords, bound=instance)
    names = tuple(f"{word}()" for item in of.bases for word in item.names)[:2]
    return V(bits=joined_bits(arguments) & ~PARAMETER, names=names, inner=instance)


def _informative(value: V) -> bool:
    return bool(
        (value.const is not UNSET and value.const is not None)
        or value.bits & NOTABLE
        or value.names
        or value.text
        or value.inner is not None
    )


def _walk_body(walk: Walk, routine: Routine, values: dict[str, V], bound: Instance | None) -> V:
    """Walk a function's body with its parameters bound, and answer what it returns."""
    saved = (
        walk.scopes,
        walk.trail,
        walk.returns,
        walk.globals_here,
        walk.depth,
        walk.quiet,
        walk.this_class,
        walk.unrolling,
    )
    owner = routine.owner
    node = routine.node
    if owner is not None and node.args.args and type(node) is not ast.Lambda:
        first = (node.args.posonlyargs + node.args.args)[0].arg
        if _is_class_method(node):
            values[first] = V(inner=owner)
        elif not _is_static(node) and (bound is not None or _says_nothing(values.get(first))):
            # A function in a class that is called by the class has no `self`: a label keeps it followed.
            own = bound is not None or first in _SELF
            values[first] = V(bits=0 if own else PARAMETER, inner=bound or Instance(owner))
    walk.scopes = [*routine.closure, values]
    walk.trail = None
    walk.returns = None
    walk.globals_here = set()
    walk.depth += 1
    walk.this_class = owner
    routine.busy = True
    try:
        return _run_body(walk, node)
    except Spent:
        return V(bits=joined_bits(values.values()))
    finally:
        routine.busy = False
        (
            walk.scopes,
            walk.trail,
            walk.returns,
            walk.globals_here,
            walk.depth,
            walk.quiet,
            walk.this_class,
            walk.unrolling,
        ) = saved


_SELF = frozenset({"self", "cls", "this", "klass", "metacls", "mcs", "mcls"})
"""Usual names of the first parameter of a method."""


def _says_nothing(value: V | None) -> bool:
    if value is None:
        return True
    return value.const is UNSET and value.inner is None and not value.names and not value.text


def _run_body(walk: Walk, node: Node) -> V:
    if type(node) is ast.Lambda:
        return walk.expr(node.body)
    walk.body(node.body)
    return NONE if walk.returns is None else walk.returns


def _bind(
    walk: Walk, routine: Routine, arguments: list[V], keywords: dict[str, V], bound: Instance | None
) -> dict[str, V]:
    args = routine.node.args
    names = [item.arg for item in (*args.posonlyargs, *args.args)]
    if names and (
        bound is not None or (routine.owner is not None and _is_class_method(routine.node))
    ):
        names = names[1:] if not _is_static(routine.node) else names
    values = dict.fromkeys(_parameters(args), NONE)
    values.update(_defaults(walk, routine))
    values.update(zip(names, arguments, strict=False))
    rest = arguments[len(names) :]
    if args.vararg is not None:
        if all(item.const is not UNSET for item in rest):
            values[args.vararg.arg] = V(tuple(item.const for item in rest), "", joined_bits(rest))
        else:
            values[args.vararg.arg] = V(bits=joined_bits(rest), inner=list(rest))
    extra: dict[Any, V] = {}
    for name, value in keywords.items():
        if name in values:
            values[name] = value
        else:
            extra[name] = value
    if args.kwarg is not None:
        values[args.kwarg.arg] = V(bits=joined_bits(extra.values()), inner=extra)
    return values


def _parameters(args: ast.arguments) -> list[str]:
    names = [item.arg for item in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    names.extend(item.arg for item in (args.vararg, args.kwarg) if item is not None)
    return names


def _defaults(walk: Walk, routine: Routine) -> dict[str, V]:
    args = routine.node.args
    if not args.defaults and not args.kw_defaults:
        return {}
    saved = walk.scopes, walk.recording
    walk.scopes = routine.closure
    walk.recording = False
    try:
        names = [item.arg for item in (*args.posonlyargs, *args.args)]
        found = dict(
            zip(names[len(names) - len(args.defaults) :], walk.exprs(args.defaults), strict=False)
        )
        for item, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if default is not None:
                found[item.arg] = walk.expr(default)
    finally:
        walk.scopes, walk.recording = saved
    return found


def _is_static(node: Node) -> bool:
    return _decorated(node, "staticmethod")


def _is_class_method(node: Node) -> bool:
    return _decorated(node, "classmethod")


def _decorated(node: Node, word: str) -> bool:
    return any(
        type(item) is ast.Name and item.id == word for item in getattr(node, "decorator_list", ())
    )


def _key(arguments: list[V], keywords: dict[str, V]) -> Folded:
    return (
        tuple(_print(item) for item in arguments),
        tuple(
            (name, _print(item))
            for name, item in sorted(keywords.items(), key=lambda pair: pair[0])
        ),
    )


def _print(value: V) -> Folded:
    const = value.const
    if type(const) in {str, bytes}:
        return const, value.bits
    if type(const) in {int, float, bool, type(None)}:
        return type(const), const, value.bits
    if const is not UNSET:
        size = len(const) if type(const) in operations.PLAIN else _KEY_CHARACTERS
        return type(const), repr(const) if size < _KEY_ITEMS else id(const)
    return (
        value.text[:_KEY_CHARACTERS],
        value.bits,
        value.names,
        id(value.inner) if value.inner is not None else 0,
    )


def returned(walk: Walk, value: V) -> None:
    """Note what a function returns."""
    walk.returns = value if walk.returns is None else join(walk.returns, value)
