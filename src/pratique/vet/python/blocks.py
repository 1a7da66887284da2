"""Statements with blocks: branches are joined, loops are evaluated, unrolled or walked twice."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from pratique.vet.python.bindings import bind, element_of, elements_of
from pratique.vet.python.evaluator import evaluate_loop
from pratique.vet.python.labels import NOTABLE
from pratique.vet.python.plain import Node
from pratique.vet.python.values import (
    NONE,
)
from pratique.vet.python.walk import STATEMENTS, Walk

_UNROLLED = 16
"""Elements for which a loop over constants is walked one by one."""
_UNROLLED_IN_ALL = 32
"""Times that one statement is walked in loops inside each other."""
_UNROLLED_LINES = 40
"""Longest loop that is walked one by one."""
_LEAVES = (ast.Return, ast.Raise)


def _branch(walk: Walk, node: ast.If) -> None:
    outline = walk.outlines.get(id(node))
    if outline is not None and walk.site is None and walk.region == 0:
        walk.expr(node.test)
        walk.region = outline.index
        walk.body(node.body)
        walk.region = 0
        walk.body(node.orelse)
        return
    bodies: list[Sequence[ast.stmt]] = []
    tests = True
    current: ast.If = node
    # `elif` nests in the tree; here it is a flat list, so that its length is no depth.
    while tests:
        walk.expr(current.test)
        bodies.append(current.body)
        tests = len(current.orelse) == 1 and type(current.orelse[0]) is ast.If
        if tests:
            current = current.orelse[0]  # type: ignore[assignment] # tested above
    if current.orelse:
        bodies.append(current.orelse)
    walk.branches([body_of(walk, body) for body in bodies], may_skip=not current.orelse)


def body_of(walk: Walk, body: Sequence[ast.stmt]) -> Callable[[], bool]:
    """A walk over statements that answers whether control goes on after them."""

    def run() -> bool:
        walk.body(body)
        return not (body and isinstance(body[-1], _LEAVES))

    return run


def _loop(walk: Walk, node: ast.For | ast.AsyncFor) -> None:
    if type(node) is ast.For and evaluate_loop(walk, node):
        return
    value = walk.expr(node.iter)
    items = elements_of(value)
    if items is not None and _may_unroll(walk, node, len(items)):
        saved = walk.unrolling
        walk.unrolling = max(1, saved) * len(items)
        try:
            for item in items:
                bind(walk, node.target, item)
                walk.body(node.body)
        finally:
            walk.unrolling = saved
        walk.body(node.orelse)
        return
    element = element_of(value, items)
    _twice(walk, node.body, lambda: bind(walk, node.target, element))
    walk.body(node.orelse)


def _may_unroll(walk: Walk, node: Node, count: int) -> bool:
    """Whether a loop is short enough, in elements and in lines, to be walked element by element."""
    if not 0 < count <= _UNROLLED or max(1, walk.unrolling) * count > _UNROLLED_IN_ALL:
        return False
    lines = node.end_lineno - node.lineno
    if lines > _UNROLLED_LINES or walk.budget.statements < lines * count:
        return False
    walk.budget.statements -= lines * count
    return True


def _twice(walk: Walk, body: Sequence[ast.stmt], before: Callable[[], None]) -> None:
    """A loop body once, and once more if labels came round to its start."""

    def once() -> bool:
        before()
        walk.body(body)
        return True

    if walk.unrolling:
        # Inside another loop once is enough: the outer one comes round again.
        walk.branches([once], may_skip=True)
        return
    scope = walk.scopes[-1]
    labels = {name: value.bits for name, value in scope.items()}
    walk.unrolling = 1
    try:
        walk.branches([once], may_skip=True)
        if any(value.bits & NOTABLE & ~labels.get(name, 0) for name, value in scope.items()):
            walk.branches([once], may_skip=True)
    finally:
        walk.unrolling = 0


def _while(walk: Walk, node: ast.While) -> None:
    if evaluate_loop(walk, node):
        return
    _twice(walk, node.body, lambda: _ignored(walk.expr(node.test)))
    walk.body(node.orelse)


def _ignored(_value: object) -> None:
    """The test of a loop is walked for what it does."""


def _with(walk: Walk, node: ast.With | ast.AsyncWith) -> None:
    quiet = 0
    for item in node.items:
        value = walk.expr(item.context_expr)
        if "contextlib.suppress()" in value.names:
            quiet = 1
        if item.optional_vars is not None:
            bind(walk, item.optional_vars, value)
    walk.quiet += quiet
    walk.body(node.body)
    walk.quiet -= quiet


def _try(walk: Walk, node: Node) -> None:
    quiet = 1 if node.handlers and all(_swallows(handler) for handler in node.handlers) else 0

    def attempt() -> bool:
        walk.quiet += quiet
        walk.body(node.body)
        walk.quiet -= quiet
        walk.body(node.orelse)
        return True

    def handle(handler: ast.ExceptHandler) -> Callable[[], bool]:
        def run() -> bool:
            if handler.type is not None:
                walk.expr(handler.type)
            if handler.name:
                walk.set(handler.name, NONE)
            walk.body(handler.body)
            return not isinstance(handler.body[-1], _LEAVES)

        return run

    walk.branches([attempt, *(handle(handler) for handler in node.handlers)], may_skip=False)
    walk.body(node.finalbody)


def _swallows(handler: ast.ExceptHandler) -> bool:
    for item in handler.body:
        if type(item) is ast.Expr and type(item.value) is ast.Constant:
            continue
        if type(item) is ast.Return and (item.value is None or type(item.value) is ast.Constant):
            continue
        if type(item) not in {ast.Pass, ast.Continue, ast.Break}:
            return False
    return True


STATEMENTS.update(
    {
        ast.If: _branch,
        ast.For: _loop,
        ast.AsyncFor: _loop,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.TryStar: _try,
    }
)
