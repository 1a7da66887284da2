"""Statements, in order; branches are joined, loops are walked twice or unrolled."""

from __future__ import annotations

import ast

from pratique.vet.python.bindings import bind, element_of, elements_of
from pratique.vet.python.blocks import body_of
from pratique.vet.python.calls import call_value
from pratique.vet.python.evaluator import evaluate_expression
from pratique.vet.python.expressions import attribute_of, operate
from pratique.vet.python.labels import DECODED
from pratique.vet.python.operations import TEXT
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.summaries import returned
from pratique.vet.python.values import (
    NONE,
    PYTHON_NONE,
    UNSET,
    ClassValue,
    Routine,
    V,
)
from pratique.vet.python.walk import EXPRESSIONS, STATEMENTS, Walk

_GROWING = 4096
"""Longest text that is kept after each `+=`."""
_STARS = 16
"""Modules of `from m import *` that names are looked up in."""


def _expression(walk: Walk, node: ast.Expr) -> None:
    if type(node.value) is not ast.Constant:
        walk.expr(node.value)


def _assign(walk: Walk, node: ast.Assign) -> None:
    value = walk.expr(node.value)
    for target in node.targets:
        bind(walk, target, value)


def _annotated(walk: Walk, node: ast.AnnAssign) -> None:
    if node.value is not None:
        bind(walk, node.target, walk.expr(node.value))


def _augmented(walk: Walk, node: ast.AugAssign) -> None:
    target = node.target
    value = operate(walk, node.op, walk.expr(_loaded(target)), walk.expr(node.value))
    # A text that grows piece by piece is kept on its way only while it is short: all its beginnings
    # together would be quadratic.
    if type(value.const) in TEXT and len(value.const) <= _GROWING:
        walk.made(node, value)
    bind(walk, target, value)


def _loaded(target: Node) -> Folded:
    if type(target) is ast.Name:
        return ast.copy_location(ast.Name(id=target.id, ctx=ast.Load()), target)
    return target


def _function(walk: Walk, node: Node) -> None:
    owner = (
        walk.this_class
        if type(walk.this_class) is ClassValue and walk.scopes[-1] is walk.this_class.attributes
        else None
    )
    outline = walk.outlines.get(id(node))
    closure = [scope for scope in walk.scopes if owner is None or scope is not owner.attributes]
    prefix = f"{owner.name}." if owner is not None else ""
    routine = Routine(f"{prefix}{node.name}", node, owner=owner, outline=outline, closure=closure)
    value = V(names=(), inner=routine)
    routine.region = walk.region
    walk.pending.append(routine)
    walk.routines.append(routine)
    for decorator in reversed(node.decorator_list):
        given = walk.expr(decorator)
        result = _decorate(walk, decorator, given, value)
        if type(result.inner) is Routine and result.inner is not routine:
            value = result
    walk.set(node.name, value)


def _decorate(walk: Walk, decorator: ast.expr, given: V, value: V) -> V:
    if type(given.inner) is Routine or any(
        walk.catalogue.look_up(name).roles for name in given.names
    ):
        return call_value(walk, decorator, given, [value], {}, receiver=NONE, written="")
    if any(name.startswith("functools.") for name in given.names):
        return value
    return value


def _lambda(walk: Walk, node: ast.Lambda) -> V:
    routine = Routine("<lambda>", node, owner=None, outline=None, closure=list(walk.scopes))
    routine.region = walk.region
    walk.pending.append(routine)
    walk.routines.append(routine)
    return V(inner=routine)


def _class(walk: Walk, node: ast.ClassDef) -> None:
    bases = tuple(walk.exprs(node.bases))
    for keyword in node.keywords:
        walk.expr(keyword.value)
    around = f"{walk.this_class.name}." if type(walk.this_class) is ClassValue else ""
    value = ClassValue(f"{around}{node.name}", node, bases)
    walk.classes.append(value)
    saved = walk.this_class, walk.scopes
    walk.this_class = value
    walk.scopes = [*walk.scopes, value.attributes]
    try:
        walk.body(node.body)
    finally:
        walk.this_class, walk.scopes = saved
    for decorator in node.decorator_list:
        walk.expr(decorator)
    walk.set(node.name, V(inner=value))


def _return(walk: Walk, node: ast.Return) -> None:
    returned(walk, walk.expr(node.value) if node.value is not None else PYTHON_NONE)


def _import(walk: Walk, node: ast.Import) -> None:
    canonical = walk.catalogue.canonical
    for alias in node.names:
        if alias.asname:
            walk.set(alias.asname, V(names=(canonical(alias.name),)))
        else:
            top = alias.name.partition(".")[0]
            walk.set(top, V(names=(canonical(top) if "." not in alias.name else top,)))


def _import_from(walk: Walk, node: ast.ImportFrom) -> None:
    module = "." * node.level + (node.module or "")
    prefix = f".{module}" if node.level else module
    for alias in node.names:
        if alias.name == "*":
            if not node.level and len(walk.stars) < _STARS:
                walk.stars.append(module)
            continue
        dotted = f"{prefix}{alias.name}" if prefix.endswith(".") else f"{prefix}.{alias.name}"
        value = V(names=(dotted if node.level else walk.catalogue.canonical(dotted),))
        walk.set(alias.asname or alias.name, _imported(walk, value))


def _imported(walk: Walk, value: V) -> V:
    """A name imported from a module: what `module.name` is."""
    head, _, attr = value.names[0].rpartition(".")
    if not head or value.names[0].startswith("."):
        return value
    found = attribute_of(walk, V(names=(head,)), attr)
    return found if found.const is not UNSET or found.bits else value


def _delete(walk: Walk, node: ast.Delete) -> None:
    for target in node.targets:
        if type(target) is ast.Subscript:
            walk.expr(target.value)


def _global(walk: Walk, node: ast.Global) -> None:
    if type(walk.globals_here) is set:
        walk.globals_here.update(node.names)


def _tested(walk: Walk, node: ast.Assert) -> None:
    walk.expr(node.test)
    if node.msg is not None:
        walk.expr(node.msg)


def _raised(walk: Walk, node: ast.Raise) -> None:
    if node.exc is not None:
        walk.expr(node.exc)


def _matched(walk: Walk, node: ast.Match) -> None:
    walk.expr(node.subject)
    walk.branches([body_of(walk, case.body) for case in node.cases], may_skip=True)


def _comprehension(walk: Walk, node: Node) -> V:
    folded = evaluate_expression(walk, node)
    if folded is not None:
        return folded
    saved = walk.scopes
    walk.scopes = [*saved, {}]
    try:
        for part in node.generators:
            value = walk.expr(part.iter)
            bind(walk, part.target, element_of(value, elements_of(value)))
            for test in part.ifs:
                walk.expr(test)
        if type(node) is ast.DictComp:
            key, value = walk.expr(node.key), walk.expr(node.value)
            return V(bits=key.bits | value.bits, inner={"…": value})
        element = walk.expr(node.elt)
        bits = element.bits | (DECODED if _turns(node.elt) else 0)
        return V(bits=bits, text=element.text, inner=[element])
    finally:
        walk.scopes = saved


def _turns(node: ast.expr) -> bool:
    """`b ^ k`, `chr(ord(c) ^ 7)`: something unknown is decoded byte by byte."""
    while type(node) is ast.Call and len(node.args) == 1:
        node = node.args[0]
    return type(node) is ast.BinOp and type(node.op) is ast.BitXor


STATEMENTS.update(
    {
        ast.Expr: _expression,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Return: _return,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Delete: _delete,
        ast.Global: _global,
        ast.Assert: _tested,
        ast.Raise: _raised,
        ast.Match: _matched,
    }
)
EXPRESSIONS.update(
    {
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _comprehension,
        ast.Lambda: _lambda,
    }
)
