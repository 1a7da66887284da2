"""Expressions and statements of the evaluator, by node type."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pratique.vet.python import operations, plain_methods, pure
from pratique.vet.python.limits import Spent
from pratique.vet.python.machine import (
    BREAK,
    CONTINUE,
    EXPRESSIONS,
    NEXT,
    STATEMENTS,
    Closure,
    Dotted,
    Machine,
    Method,
    Returned,
)
from pratique.vet.python.plain import Folded, Node

# --- expressions

_NAME_CHARACTERS = 160
"""Longest dotted name that is followed."""


def _constant(_machine: Machine, node: ast.Constant) -> Folded:
    if type(node.value) not in operations.PLAIN:
        raise Spent
    return node.value


def _name(machine: Machine, node: ast.Name) -> Folded:
    return machine.load(node.id)


def _binary(machine: Machine, node: ast.BinOp) -> Folded:
    budget = machine.budget
    budget.step()
    left, right = machine.expr(node.left), machine.expr(node.right)
    kind = type(node.op)
    if kind is ast.BitXor:
        machine.characters += 1
    if kind is ast.Add and type(left) in operations.TEXT and type(right) is type(left):
        # `s += c` over a payload copies it each time; that costs a sixty-fourth of making it anew.
        budget.make(len(right) + len(left) // 64)
        if len(left) + len(right) > budget.limits.value_bytes:
            raise Spent
        return left + right
    if type(left) is int and type(right) is int and kind in _QUICK:
        return _QUICK[kind](left, right) if right or kind is not ast.Mod else _fail()
    return operations.binary(kind, left, right, budget)


def _fail() -> Folded:
    raise Spent


_QUICK: dict[type, Callable[[int, int], int]] = {
    ast.BitXor: lambda one, other: one ^ other,
    ast.Mod: lambda one, other: one % other,
    ast.BitAnd: lambda one, other: one & other,
}


def _unary(machine: Machine, node: ast.UnaryOp) -> Folded:
    return operations.unary(type(node.op), machine.expr(node.operand))


def _compare(machine: Machine, node: ast.Compare) -> Folded:
    machine.budget.step()
    left = machine.expr(node.left)
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = machine.expr(right_node)
        if not operations.compare(type(op), left, right):
            return False
        left = right
    return True


def _boolean(machine: Machine, node: ast.BoolOp) -> Folded:
    wanted = type(node.op) is ast.Or
    value: Folded = None
    for item in node.values:
        value = machine.expr(item)
        if type(value) not in operations.PLAIN:
            raise Spent
        if bool(value) is wanted:
            return value
    return value


def _true(machine: Machine, node: ast.expr) -> bool:
    """A test; only what is known whole has a truth."""
    value = machine.expr(node)
    if type(value) not in operations.PLAIN:
        raise Spent
    return bool(value)


def _conditional(machine: Machine, node: ast.IfExp) -> Folded:
    return machine.expr(node.body if _true(machine, node.test) else node.orelse)


def _items(machine: Machine, nodes: list[Any]) -> list[Any]:
    made: list[Any] = []
    for node in nodes:
        if type(node) is ast.Starred:
            made.extend(pure.listed(machine.expr(node.value), machine.budget))
        else:
            made.append(machine.expr(node))
    machine.budget.make(8 * len(made))
    return made


def _list(machine: Machine, node: ast.List) -> Folded:
    return _items(machine, node.elts)


def _tuple(machine: Machine, node: ast.Tuple) -> Folded:
    return tuple(_items(machine, node.elts))


def _dict(machine: Machine, node: ast.Dict) -> Folded:
    made: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            raise Spent
        try:
            made[machine.expr(key)] = machine.expr(value)
        except TypeError as error:
            raise Spent from error
    return made


def _subscript(machine: Machine, node: ast.Subscript) -> Folded:
    machine.budget.step()
    value, index = machine.expr(node.value), machine.expr(node.slice)
    if type(index) is int and type(value) in {str, bytes, list, tuple, bytearray}:
        try:
            return value[index]
        except LookupError as error:
            raise Spent from error
    return operations.subscript(value, index, machine.budget)


def _slice(machine: Machine, node: ast.Slice) -> Folded:
    return slice(
        *(
            machine.expr(part) if part is not None else None
            for part in (node.lower, node.upper, node.step)
        )
    )


def _attribute(machine: Machine, node: ast.Attribute) -> Folded:
    machine.budget.step()
    base = machine.expr(node.value)
    if type(base) is Dotted:
        if len(base.name) > _NAME_CHARACTERS:
            raise Spent
        name = machine.canonical(f"{base.name}.{node.attr}")
        return pure.CONSTANTS[name] if name in pure.CONSTANTS else Dotted(name)
    if type(base) in operations.PLAIN:
        return Method(base, node.attr)
    member = getattr(base, "member", None)  # an object of the source, as the bridge hands it in
    if member is None:
        raise Spent
    return member(node.attr)


def _call(machine: Machine, node: ast.Call) -> Folded:
    function = node.func
    arguments = _items(machine, node.args)
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise Spent
        keywords[keyword.arg] = machine.expr(keyword.value)
    return machine.call(machine.expr(function), arguments, keywords)


def _lambda(machine: Machine, node: ast.Lambda) -> Folded:
    return Closure(node, list(machine.scopes), [machine.expr(item) for item in node.args.defaults])


def _joined(machine: Machine, node: ast.JoinedStr) -> Folded:
    parts: list[str] = []
    for part in node.values:
        if type(part) is ast.Constant:
            parts.append(str(part.value))
        elif type(part) is ast.FormattedValue:
            specification = machine.expr(part.format_spec) if part.format_spec is not None else ""
            value = machine.expr(part.value)
            parts.append(
                plain_methods.format_value(value, part.conversion, specification, machine.budget)
            )
        else:
            raise Spent
    return "".join(parts)


def _comprehension(machine: Machine, node: Node) -> Folded:
    made: list[Any] = []
    saved = machine.scopes
    machine.scopes = [*saved, {}]
    try:
        _generate(machine, node, 0, made)
    finally:
        machine.scopes = saved
    try:
        if type(node) is ast.SetComp:
            return set(made)
        return dict(made) if type(node) is ast.DictComp else made
    except TypeError as error:
        raise Spent from error


def _generate(machine: Machine, node: Node, level: int, made: list[Any]) -> None:
    part = node.generators[level]
    if part.is_async:
        raise Spent
    budget = machine.budget
    last = level + 1 == len(node.generators)
    for item in pure.listed(machine.expr(part.iter), budget):
        budget.step()
        machine.bind(part.target, item)
        if not all(_true(machine, test) for test in part.ifs):
            continue
        if not last:
            _generate(machine, node, level + 1, made)
        elif type(node) is ast.DictComp:
            made.append((machine.expr(node.key), machine.expr(node.value)))
        else:
            made.append(machine.expr(node.elt))
    budget.make(8 * len(made))


def _walrus(machine: Machine, node: ast.NamedExpr) -> Folded:
    value = machine.expr(node.value)
    machine.bind(node.target, value)
    return value


def _yield(machine: Machine, node: ast.Yield) -> Folded:
    if machine.yields is None:
        machine.yields = []
    machine.yields.append(machine.expr(node.value) if node.value is not None else None)


# --- statements


def _assign(machine: Machine, node: ast.Assign) -> Folded:
    value = machine.expr(node.value)
    for target in node.targets:
        machine.bind(target, value)
    return NEXT


def _annotated(machine: Machine, node: ast.AnnAssign) -> Folded:
    if node.value is not None:
        machine.bind(node.target, machine.expr(node.value))
    return NEXT


def _augmented(machine: Machine, node: ast.AugAssign) -> Folded:
    target = node.target
    old = machine.load(target.id) if type(target) is ast.Name else machine.expr(target)
    value = machine.expr(node.value)
    if type(old) is list and type(node.op) is ast.Add:
        old.extend(pure.listed(value, machine.budget))
        return NEXT
    if type(old) is bytearray and type(node.op) is ast.Add and type(value) in {bytes, bytearray}:
        machine.budget.make(len(value) + len(old) // 64)
        old.extend(value)
        return NEXT
    left, right = ast.Constant(old), ast.Constant(value)
    machine.bind(target, _binary(machine, ast.BinOp(left, node.op, right)))
    return NEXT


def _expression(machine: Machine, node: ast.Expr) -> Folded:
    if type(node.value) is not ast.Constant:
        machine.expr(node.value)
    return NEXT


def _if(machine: Machine, node: ast.If) -> Folded:
    return machine.body(node.body if _true(machine, node.test) else node.orelse)


def _for(machine: Machine, node: ast.For) -> Folded:
    for item in pure.listed(machine.expr(node.iter), machine.budget):
        machine.budget.step()
        machine.bind(node.target, item)
        ended = machine.body(node.body)
        if ended is BREAK:
            return NEXT
        if type(ended) is Returned:
            return ended
    return machine.body(node.orelse)


def _while(machine: Machine, node: ast.While) -> Folded:
    while _true(machine, node.test):
        machine.budget.step()
        ended = machine.body(node.body)
        if ended is BREAK:
            return NEXT
        if type(ended) is Returned:
            return ended
    return machine.body(node.orelse)


def _return(machine: Machine, node: ast.Return) -> Folded:
    return Returned(machine.expr(node.value) if node.value is not None else None)


def _function(machine: Machine, node: ast.FunctionDef) -> Folded:
    if node.decorator_list:
        raise Spent
    defaults = [machine.expr(item) for item in node.args.defaults]
    machine.scopes[-1][node.name] = Closure(node, list(machine.scopes), defaults)
    return NEXT


def _import(machine: Machine, node: ast.Import) -> Folded:
    for alias in node.names:
        name = alias.name if alias.asname else alias.name.partition(".")[0]
        machine.scopes[-1][alias.asname or name] = Dotted(machine.canonical(name))
    return NEXT


def _import_from(machine: Machine, node: ast.ImportFrom) -> Folded:
    if node.level or not node.module:
        raise Spent
    for alias in node.names:
        name = machine.canonical(f"{node.module}.{alias.name}")
        machine.scopes[-1][alias.asname or alias.name] = (
            pure.CONSTANTS[name] if name in pure.CONSTANTS else Dotted(name)
        )
    return NEXT


def _try(machine: Machine, node: ast.Try) -> Folded:
    """Only the body: whatever would raise ends the evaluation."""
    ended = machine.body(node.body)
    if ended is NEXT:
        ended = machine.body(node.orelse)
    after = machine.body(node.finalbody)
    return ended if after is NEXT else after


EXPRESSIONS.update(
    {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.BoolOp: _boolean,
        ast.IfExp: _conditional,
        ast.List: _list,
        ast.Tuple: _tuple,
        ast.Dict: _dict,
        ast.Subscript: _subscript,
        ast.Slice: _slice,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.Lambda: _lambda,
        ast.JoinedStr: _joined,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _comprehension,
        ast.NamedExpr: _walrus,
        ast.Yield: _yield,
    }
)
STATEMENTS.update(
    {
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.Expr: _expression,
        ast.If: _if,
        ast.For: _for,
        ast.While: _while,
        ast.Return: _return,
        ast.FunctionDef: _function,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Try: _try,
        ast.Pass: lambda _machine, _node: NEXT,
        ast.Break: lambda _machine, _node: BREAK,
        ast.Continue: lambda _machine, _node: CONTINUE,
        ast.Assert: lambda _machine, _node: NEXT,
    }
)
