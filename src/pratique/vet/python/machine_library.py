"""Functions and methods of the evaluator that call functions or change their receiver."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pratique.vet.python import operations, pure
from pratique.vet.python.limits import Spent
from pratique.vet.python.machine import CHANGES, LIBRARY, Machine
from pratique.vet.python.plain import Folded


def _append(
    machine: Machine, value: Folded, arguments: list[Any], _keywords: dict[str, Any]
) -> None:
    if len(value) > machine.budget.limits.value_bytes:
        raise Spent
    try:
        value.append(*arguments)
    except (TypeError, ValueError) as error:
        raise Spent from error


def _extend(
    machine: Machine, value: Folded, arguments: list[Any], _keywords: dict[str, Any]
) -> None:
    items = pure.listed(arguments[0], machine.budget)
    if len(value) + len(items) > machine.budget.limits.value_bytes:
        raise Spent
    try:
        value.extend(items)
    except (TypeError, ValueError) as error:
        raise Spent from error


def _changed(name: str) -> Callable[..., Any]:
    def change(
        machine: Machine, value: Folded, arguments: list[Any], keywords: dict[str, Any]
    ) -> Folded:
        machine.budget.step(len(value) // 16)
        if any(type(item) not in operations.PLAIN for item in (*arguments, *keywords.values())):
            raise Spent
        try:
            return getattr(value, name)(*arguments, **keywords)
        except (TypeError, ValueError, LookupError) as error:
            raise Spent from error

    return change


CHANGES.update(
    {
        (list, "append"): _append,
        (bytearray, "append"): _append,
        (list, "extend"): _extend,
        (bytearray, "extend"): _extend,
        **{
            (list, name): _changed(name)
            for name in ("insert", "pop", "reverse", "remove", "sort", "clear")
        },
        **{(bytearray, name): _changed(name) for name in ("reverse", "pop", "insert")},
        **{(dict, name): _changed(name) for name in ("update", "pop", "setdefault")},
        **{(set, name): _changed(name) for name in ("add", "discard")},
    }
)


def _map(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    columns = [pure.listed(item, machine.budget) for item in arguments[1:]]
    rows = zip(*columns, strict=False)
    return [machine.call(arguments[0], list(row), {}) for row in rows]


def _starmap(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    rows = pure.listed(arguments[1], machine.budget)
    return [machine.call(arguments[0], pure.listed(row, machine.budget), {}) for row in rows]


def _true(value: Folded) -> bool:
    if type(value) not in operations.PLAIN:
        raise Spent
    return bool(value)


def _filter(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    items = pure.listed(arguments[1], machine.budget)
    if arguments[0] is None:
        return [item for item in items if item]
    return [item for item in items if _true(machine.call(arguments[0], [item], {}))]


def _reduce(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    items = pure.listed(arguments[1], machine.budget)
    if len(arguments) > 2:  # noqa: PLR2004 - the start
        items.insert(0, arguments[2])
    if not items:
        raise Spent
    value = items[0]
    for item in items[1:]:
        value = machine.call(arguments[0], [value, item], {})
    return value


def _sorted(machine: Machine, arguments: list[Any], keywords: dict[str, Any]) -> Folded:
    items = pure.listed(arguments[0], machine.budget)
    key = keywords.get("key")
    ranks = [machine.call(key, [item], {}) if key is not None else item for item in items]
    try:
        order = sorted(
            range(len(items)), key=ranks.__getitem__, reverse=bool(keywords.get("reverse"))
        )
    except TypeError as error:
        raise Spent from error
    return [items[index] for index in order]


def _operator(kind: type[ast.operator]) -> Callable[..., Any]:
    def operate(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
        one, other = arguments
        return operations.binary(kind, one, other, machine.budget)

    return operate


LIBRARY.update(
    {
        "builtins.map": _map,
        "builtins.filter": _filter,
        "builtins.sorted": _sorted,
        "functools.reduce": _reduce,
        "itertools.starmap": _starmap,
        "builtins.print": lambda _machine, _arguments, _keywords: None,
        "operator.add": _operator(ast.Add),
        "operator.xor": _operator(ast.BitXor),
        "operator.mod": _operator(ast.Mod),
        "operator.sub": _operator(ast.Sub),
        "operator.mul": _operator(ast.Mult),
        "operator.concat": _operator(ast.Add),
    }
)
