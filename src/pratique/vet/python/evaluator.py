"""The bridge between the walk and the evaluator: what may be tried, what names mean, what comes back."""

from __future__ import annotations

import ast
import copy
from typing import Any

from pratique.vet.python import machine_library, machine_nodes, operations, pure
from pratique.vet.python.labels import DECODED
from pratique.vet.python.limits import Spent
from pratique.vet.python.machine import Closure, Dotted, Machine
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.values import UNSET, Bound, ClassValue, Instance, Made, Routine, V
from pratique.vet.python.walk import BUILTINS, Walk

# The machine knows nothing until these have filled its tables.
_FILLED = (machine_library, machine_nodes)
_TRIES = 3
"""How often a loop that could not be evaluated is tried again (it is walked again with other constants)."""
_TRIED = 3000
"""Evaluations tried in one file; each failing early costs about 20 µs."""
_NESTED = 6
"""Containers inside containers of a result."""
_ARITHMETIC = 4
"""So many `chr`, `ord` and xor make a value decoded rather than written."""
_FAILURES = (
    Spent,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    MemoryError,
    StopIteration,
)


class _Attempt:
    """One evaluation, and what it learned of the walk's values."""

    def __init__(self, walk: Walk, closure: list[dict[str, V]] | None = None) -> None:
        self.walk = walk
        self.closure = closure
        self.bits = 0
        self.layer = 0
        self.machine = Machine(walk.budget, self.outside, walk.catalogue.canonical)
        self.depth = 0

    def outside(self, name: str) -> Folded:
        """A name of the walk, as the evaluator takes it."""
        value = self._find(name)
        if value is None:
            raise Spent
        return self.plain(value)

    def _find(self, name: str) -> V | None:
        if self.closure is not None:
            for scope in reversed(self.closure):
                if name in scope:
                    return scope[name]
            return BUILTINS.get(name)
        return self.walk.get(name) or BUILTINS.get(name)

    def plain(self, value: V) -> Folded:
        """A value of the walk, as the evaluator takes it.

        Raises: Spent when it is not known.
        """
        self.bits |= value.bits
        self.layer = max(self.layer, value.layer)
        const = value.const
        if const is not UNSET:
            return _copied(const)
        inner = value.inner
        if type(inner) is Routine:
            return self.closure_of(inner)
        if type(inner) is Bound:
            return self.closure_of(inner.routine, inner.owner)
        if type(inner) in {Instance, ClassValue}:
            return _Object(self, inner)
        if type(inner) is list and len(inner) < 10_000:  # noqa: PLR2004 - longer ones are not folded piece by piece
            return [self.plain(item) for item in inner]
        if value.names and type(inner) is not Made:
            return Dotted(value.names[0])
        raise Spent

    def closure_of(self, routine: Routine, owner: Folded = None) -> Closure:
        """A function of the source."""
        if type(routine.node) is ast.AsyncFunctionDef:
            raise Spent
        defaults = [self.machine.expr(item) for item in routine.node.args.defaults]
        closure = Closure(routine.node, [_Scopes(self, routine.closure)], defaults)
        if owner is None and routine.owner is None:
            return closure
        return _method(closure, routine, _Object(self, owner or routine.owner))

    def value(self, result: Folded) -> V:
        """What came out, as a value of the walk.

        Raises: Spent when it is not plain.
        """
        _only_plain(result, 0)
        machine = self.machine
        turned = machine.characters >= _ARITHMETIC
        bits = self.bits | (DECODED if machine.decoded or turned else 0)
        layer = self.layer + machine.decoded + (1 if turned and not machine.decoded else 0)
        return V(result, "", bits, (), min(layer, 9), None, built=True)


def _only_plain(value: Folded, depth: int) -> None:
    """Refuse functions and objects inside a result."""
    kind = type(value)
    if kind not in operations.PLAIN or depth > _NESTED:
        raise Spent
    if kind in {list, tuple, set}:
        for item in value:
            if type(item) is not int and type(item) is not str:
                _only_plain(item, depth + 1)
    elif kind is dict:
        for item in value.values():
            _only_plain(item, depth + 1)


class _Scopes(dict[str, Any]):
    """The names around a function of the source, read when asked for."""

    def __init__(self, attempt: _Attempt, scopes: list[dict[str, V]]) -> None:
        super().__init__()
        self.attempt = attempt
        self.around = scopes

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or any(name in scope for scope in self.around)

    def __missing__(self, name: str) -> Folded:
        for scope in reversed(self.around):
            if name in scope:
                value = self.attempt.plain(scope[name])
                self[name] = value
                return value
        raise Spent


class _Object:
    """An object or class of the source."""

    __slots__ = ("attempt", "inner")

    def __init__(self, attempt: _Attempt, inner: Folded) -> None:
        self.attempt = attempt
        self.inner = inner

    def member(self, name: str) -> Folded:
        """One of its attributes."""
        of = self.inner.of if type(self.inner) is Instance else self.inner
        value = of.attributes.get(name)
        if value is None:
            raise Spent
        if type(value.inner) is Routine:
            return self.attempt.closure_of(value.inner, self.inner)
        return self.attempt.plain(value)


def _method(closure: Closure, routine: Routine, owner: _Object) -> Closure:
    """A method with its first parameter bound, unless it has none."""
    node = routine.node
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
    static = any(
        type(item) is ast.Name and item.id == "staticmethod"
        for item in getattr(node, "decorator_list", ())
    )
    if static or not names:
        return closure
    trimmed = copy.copy(node)
    trimmed.args = copy.copy(node.args)
    trimmed.args.args = node.args.args[1:]
    return Closure(trimmed, [*closure.around, {names[0]: owner}], closure.defaults)


def _copied(const: Folded) -> Folded:
    """A constant that the evaluator may change."""
    kind = type(const)
    if kind is list:
        return [_copied(item) if type(item) is list else item for item in const]
    if kind in {dict, set, bytearray}:
        return kind(const)
    return const


def _may_try(walk: Walk, node: Node) -> bool:
    tries = walk.evaluated
    if tries.get(id(node), 0) >= _TRIES or len(tries) >= _TRIED or walk.budget.steps <= 0:
        return False
    tries[id(node)] = tries.get(id(node), 0) + 1
    return True


def evaluate_call(
    walk: Walk, routine: Routine, arguments: list[V], keywords: dict[str, V]
) -> V | None:
    """The result of a pure function of the source for constants; None when it is not that."""
    if type(routine.node) is ast.AsyncFunctionDef:
        return None
    if any(
        item.const is UNSET and item.inner is None and not item.names
        for item in (*arguments, *keywords.values())
    ):
        return None
    if not _may_try(walk, routine.node):
        return None
    attempt = _Attempt(walk, routine.closure)
    try:
        closure = attempt.closure_of(routine)
        given = [attempt.plain(item) for item in arguments]
        options = {name: attempt.plain(item) for name, item in keywords.items()}
        result = attempt.value(attempt.machine.call(closure, given, options))
    except _FAILURES:
        return None
    walk.evaluated.pop(id(routine.node), None)
    return result if result.const is not None else None


def evaluate_loop(walk: Walk, node: ast.For | ast.While) -> bool:
    """Run a loop over constants, and leave what it bound; False when it is not that."""
    head: ast.expr = node.test if isinstance(node, ast.While) else node.iter
    if not _known(walk, head) or not _may_try(walk, node):
        return False
    attempt = _Attempt(walk)
    try:
        ended = attempt.machine.body([node])
        if type(ended) is not str:
            return False
        left = {
            name: attempt.value(value)
            for name, value in attempt.machine.scopes[0].items()
            if type(value) in operations.PLAIN
        }
    except _FAILURES:
        return False
    for name, value in left.items():
        old = walk.get(name)
        if (
            old is None
            or old.const is UNSET
            or type(old.const) is not type(value.const)
            or old.const != value.const
        ):
            walk.set(name, walk.made(node, value))
    walk.evaluated.pop(id(node), None)
    return True


def evaluate_expression(walk: Walk, node: Node) -> V | None:
    """The value of a comprehension over constants; None when it is not that."""
    if not _known(walk, node.generators[0].iter) or not _may_try(walk, node):
        return None
    attempt = _Attempt(walk)
    try:
        result = attempt.value(attempt.machine.expr(node))
    except _FAILURES:
        return None
    walk.evaluated.pop(id(node), None)
    return result


def evaluate_map(walk: Walk, name: str, arguments: list[V]) -> V | None:
    """The value of `map`, `filter` or `reduce` over constants; None when it is not that."""
    if any(item.const is UNSET and type(item.inner) is not list for item in arguments[1:]):
        return None
    attempt = _Attempt(walk)
    try:
        given = [attempt.plain(item) for item in arguments]
        return attempt.value(attempt.machine.call(Dotted(name), given, {}))
    except _FAILURES:
        return None


_OPAQUE = frozenset({ast.Constant, ast.Lambda, ast.ListComp, ast.GeneratorExp})
"""Nodes that have no names of the walk, or names of their own."""
_KNOWN_NODES = 40
"""Nodes of a loop's head that are looked at before it is tried."""


def _known(walk: Walk, node: ast.expr) -> bool:
    """Whether all names of an expression are constants, library names or functions of the source."""
    stack: list[Any] = [node]
    seen = 0
    while stack:
        item = stack.pop()
        seen += 1
        kind = type(item)
        if kind is ast.Name:
            if not _known_name(walk, item.id):
                return False
        elif kind in _OPAQUE:
            continue
        elif seen > _KNOWN_NODES:
            return True
        else:
            stack.extend(ast.iter_child_nodes(item))
    return True


def _known_name(walk: Walk, name: str) -> bool:
    value = walk.get(name)
    if value is None:
        return name in BUILTINS
    return value.const is not UNSET or value.inner is not None or _pure_names(value)


def _pure_names(value: V) -> bool:
    return bool(value.names) and (
        value.names[0] in pure.PURE
        or value.names[0].partition(".")[0]
        in {
            "builtins",
            "base64",
            "binascii",
            "zlib",
            "itertools",
            "functools",
            "operator",
            "codecs",
            "string",
        }
    )
