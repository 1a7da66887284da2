"""A small evaluator of pure Python over constants: decoder loops, lambdas, comprehensions, generators.

It knows only the operations in `operations`, the functions in `pure` and functions of the source itself.
Anything else ends it: nothing with an effect can be spelled in it. Steps and bytes are limited by the file's
budget, so endless loops and growing values end it too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pratique.vet.python import plain_methods, pure
from pratique.vet.python.decoders import DECODERS
from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.plain import Folded, Node

Env = dict[str, Any]
_CALLS = 60
"""Calls inside calls; a recursive decoder goes once for each layer."""
BREAK, CONTINUE, NEXT = "break", "continue", "next"


EXPRESSIONS: dict[type, Callable[[Machine, Any], Any]] = {}
STATEMENTS: dict[type, Callable[[Machine, Any], Any]] = {}
LIBRARY: dict[str, Callable[[Machine, list[Any], dict[str, Any]], Any]] = {}
CHANGES: dict[tuple[type, str], Callable[..., Any]] = {}
"""What the machine can do; `machine_nodes` and `machine_library` fill these."""


class Dotted:
    """A library function or module by its dotted name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Closure:
    """A function of the source with the names around it."""

    __slots__ = ("around", "defaults", "node")

    def __init__(self, node: Node, around: list[Env], defaults: list[Any]) -> None:
        self.node = node
        self.around = around
        self.defaults = defaults


class Method:
    """A method taken from a plain value, to be called later."""

    __slots__ = ("name", "value")

    def __init__(self, value: Folded, name: str) -> None:
        self.value = value
        self.name = name


class Returned:
    """Carries what a function returns through its blocks."""

    __slots__ = ("value",)

    def __init__(self, value: Folded) -> None:
        self.value = value


class Machine:
    """One evaluation."""

    def __init__(
        self, budget: Budget, outside: Callable[[str], Any], canonical: Callable[[str], str]
    ) -> None:
        self.budget = budget
        self.outside = outside
        """The value of a name that the evaluated code does not bind itself; raises Spent when unknown."""
        self.canonical = canonical
        self.scopes: list[Env] = [{}]
        self.depth = 0
        self.decoded = 0
        """Decoders that were called, and character arithmetic that was done."""
        self.characters = 0
        self.yields: list[Any] | None = None

    # --- expressions

    def expr(self, node: Node) -> Folded:
        """The value of an expression.

        Raises: Spent when it is not pure, not known or too much.
        """
        step = EXPRESSIONS.get(type(node))
        if step is None:
            raise Spent
        return step(self, node)

    def load(self, name: str) -> Folded:
        """The value of a name."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        value = self.outside(name)
        # Kept, so that what changes a list changes the same list later.
        self.scopes[0][name] = value
        return value

    def call(self, function: Folded, arguments: list[Any], keywords: dict[str, Any]) -> Folded:
        """Call something.

        Raises: Spent when it is not pure.
        """
        self.budget.step()
        kind = type(function)
        if kind is Dotted:
            return self._library(function.name, arguments, keywords)
        if kind is Closure:
            return self._closure(function, arguments, keywords)
        if kind is Method:
            return self.method(function.value, function.name, arguments, keywords)
        raise Spent

    def _library(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Folded:
        if name in pure.PURE:
            if name in DECODERS:
                self.decoded += 1
            elif name in {"builtins.chr", "builtins.ord"}:
                self.characters += 1
            return pure.call(name, arguments, keywords, self.budget)
        special = LIBRARY.get(name)
        if special is not None:
            return special(self, arguments, keywords)
        head, _, method = name.rpartition(".")
        if head in pure.STATIC_METHODS:
            if method == "maketrans":
                return plain_methods.method(
                    pure.STATIC_METHODS[head](), method, arguments, keywords, self.budget
                )
            return self.method(arguments[0], method, arguments[1:], keywords)
        if name.startswith("builtins.int.from_bytes"):
            if len(arguments[0]) > 2000:  # noqa: PLR2004 - larger integers are refused everywhere
                raise Spent
            return int.from_bytes(*arguments, **keywords)
        raise Spent

    def _closure(self, function: Closure, arguments: list[Any], keywords: dict[str, Any]) -> Folded:
        self.depth += 1
        if self.depth > _CALLS:
            raise Spent
        saved = self.scopes, self.yields
        env = _bound(function, arguments, keywords)
        self.scopes = [*function.around, env]
        self.yields = None
        try:
            if type(function.node) is ast.Lambda:
                return self.expr(function.node.body)
            ended = self.body(function.node.body)
            # `body` may have set it: a generator answers all it yields.
            made: list[Any] | None = self.yields
            if made is not None:
                return made
            return ended.value if type(ended) is Returned else None
        finally:
            self.scopes, self.yields = saved
            self.depth -= 1

    def method(
        self, value: Folded, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> Folded:
        """Call a method of a plain value."""
        kind = type(value)
        if kind in {list, bytearray, dict, set}:
            change = CHANGES.get((kind, name))
            if change is not None:
                self.budget.make(16)
                return change(self, value, arguments, keywords)
        if kind is str and name == "decode":
            return pure.call("codecs.decode", [value, *arguments], keywords, self.budget)
        return plain_methods.method(value, name, arguments, keywords, self.budget)

    # --- statements

    def body(self, nodes: list[ast.stmt]) -> Folded:
        """Run statements; answers how they ended."""
        for node in nodes:
            step = STATEMENTS.get(type(node))
            if step is None:
                raise Spent
            self.budget.step()
            ended = step(self, node)
            if ended is not NEXT:
                return ended
        return NEXT

    def bind(self, target: Node, value: Folded) -> None:
        """Store a value."""
        kind = type(target)
        if kind is ast.Name:
            self.scopes[-1][target.id] = value
        elif kind is ast.Tuple or kind is ast.List:
            items = pure.listed(value, self.budget)
            if len(items) != len(target.elts) or any(
                type(item) is ast.Starred for item in target.elts
            ):
                raise Spent
            for item, part in zip(target.elts, items, strict=True):
                self.bind(item, part)
        elif kind is ast.Subscript:
            holder, index = self.expr(target.value), self.expr(target.slice)
            if type(holder) not in {list, dict, bytearray} or type(index) is slice:
                raise Spent
            try:
                holder[index] = value
            except (TypeError, LookupError, ValueError) as error:
                raise Spent from error
        else:
            raise Spent


def _bound(function: Closure, arguments: list[Any], keywords: dict[str, Any]) -> Env:
    args = function.node.args
    names = [item.arg for item in (*args.posonlyargs, *args.args)]
    env: Env = dict(
        zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True)
    )
    env.update(zip(names, arguments, strict=False))
    if args.vararg is not None:
        env[args.vararg.arg] = tuple(arguments[len(names) :])
    elif len(arguments) > len(names):
        raise Spent
    env.update(keywords)
    if any(name not in env for name in names) or args.kwonlyargs or args.kwarg:
        raise Spent
    return env
