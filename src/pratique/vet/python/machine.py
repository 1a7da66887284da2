"""A small evaluator of pure Python over constants: decoder loops, lambdas, comprehensions, generators.

It knows only the operations in `operations`, the functions in `pure` and functions of the source itself.
Anything else ends it: nothing with an effect can be spelled in it. Steps and bytes are limited by the file's
budget, so endless loops and growing values end it too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pratique.vet.python import operations, pure
from pratique.vet.python.decoders import DECODERS
from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.plain import Folded, Node

Env = dict[str, Any]
_CALLS = 60
"""Calls inside calls; a recursive decoder goes once for each layer."""
_BREAK, _CONTINUE, _NEXT = "break", "continue", "next"


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
        step = _EXPRESSIONS.get(type(node))
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
            elif name == "builtins.chr" or name == "builtins.ord":
                self.characters += 1
            return pure.call(name, arguments, keywords, self.budget)
        special = _LIBRARY.get(name)
        if special is not None:
            return special(self, arguments, keywords)
        head, _, method = name.rpartition(".")
        if head in pure.STATIC_METHODS:
            if method == "maketrans":
                return operations.method(
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
            change = _CHANGES.get((kind, name))
            if change is not None:
                self.budget.make(16)
                return change(self, value, arguments, keywords)
        if kind is str and name == "decode":
            return pure.call("codecs.decode", [value, *arguments], keywords, self.budget)
        return operations.method(value, name, arguments, keywords, self.budget)

    # --- statements

    def body(self, nodes: list[ast.stmt]) -> Folded:
        """Run statements; answers how they ended."""
        for node in nodes:
            step = _STATEMENTS.get(type(node))
            if step is None:
                raise Spent
            self.budget.step()
            ended = step(self, node)
            if ended is not _NEXT:
                return ended
        return _NEXT

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


# --- expressions


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
        if bool(value) is wanted:
            return value
    return value


def _conditional(machine: Machine, node: ast.IfExp) -> Folded:
    return machine.expr(node.body if machine.expr(node.test) else node.orelse)


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
    base = machine.expr(node.value)
    if type(base) is Dotted:
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
                operations.format_value(value, part.conversion, specification, machine.budget)
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
        if not all(machine.expr(test) for test in part.ifs):
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
    return _NEXT


def _annotated(machine: Machine, node: ast.AnnAssign) -> Folded:
    if node.value is not None:
        machine.bind(node.target, machine.expr(node.value))
    return _NEXT


def _augmented(machine: Machine, node: ast.AugAssign) -> Folded:
    target = node.target
    old = machine.load(target.id) if type(target) is ast.Name else machine.expr(target)
    value = machine.expr(node.value)
    if type(old) is list and type(node.op) is ast.Add:
        old.extend(pure.listed(value, machine.budget))
        return _NEXT
    if type(old) is bytearray and type(node.op) is ast.Add and type(value) in {bytes, bytearray}:
        machine.budget.make(len(value) + len(old) // 64)
        old.extend(value)
        return _NEXT
    left, right = ast.Constant(old), ast.Constant(value)
    machine.bind(target, _binary(machine, ast.BinOp(left, node.op, right)))
    return _NEXT


def _expression(machine: Machine, node: ast.Expr) -> Folded:
    if type(node.value) is not ast.Constant:
        machine.expr(node.value)
    return _NEXT


def _if(machine: Machine, node: ast.If) -> Folded:
    return machine.body(node.body if machine.expr(node.test) else node.orelse)


def _for(machine: Machine, node: ast.For) -> Folded:
    for item in pure.listed(machine.expr(node.iter), machine.budget):
        machine.budget.step()
        machine.bind(node.target, item)
        ended = machine.body(node.body)
        if ended is _BREAK:
            return _NEXT
        if type(ended) is Returned:
            return ended
    return machine.body(node.orelse)


def _while(machine: Machine, node: ast.While) -> Folded:
    while machine.expr(node.test):
        machine.budget.step()
        ended = machine.body(node.body)
        if ended is _BREAK:
            return _NEXT
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
    return _NEXT


def _import(machine: Machine, node: ast.Import) -> Folded:
    for alias in node.names:
        name = alias.name if alias.asname else alias.name.partition(".")[0]
        machine.scopes[-1][alias.asname or name] = Dotted(machine.canonical(name))
    return _NEXT


def _import_from(machine: Machine, node: ast.ImportFrom) -> Folded:
    if node.level or not node.module:
        raise Spent
    for alias in node.names:
        name = machine.canonical(f"{node.module}.{alias.name}")
        machine.scopes[-1][alias.asname or alias.name] = (
            pure.CONSTANTS[name] if name in pure.CONSTANTS else Dotted(name)
        )
    return _NEXT


def _try(machine: Machine, node: ast.Try) -> Folded:
    """Only the body: whatever would raise ends the evaluation."""
    ended = machine.body(node.body)
    if ended is _NEXT:
        ended = machine.body(node.orelse)
    after = machine.body(node.finalbody)
    return ended if after is _NEXT else after


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


_CHANGES: dict[tuple[type, str], Callable[..., Any]] = {
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


def _map(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    columns = [pure.listed(item, machine.budget) for item in arguments[1:]]
    rows = zip(*columns, strict=False)
    return [machine.call(arguments[0], list(row), {}) for row in rows]


def _starmap(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    rows = pure.listed(arguments[1], machine.budget)
    return [machine.call(arguments[0], pure.listed(row, machine.budget), {}) for row in rows]


def _filter(machine: Machine, arguments: list[Any], _keywords: dict[str, Any]) -> Folded:
    items = pure.listed(arguments[1], machine.budget)
    if arguments[0] is None:
        return [item for item in items if item]
    return [item for item in items if machine.call(arguments[0], [item], {})]


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


_LIBRARY: dict[str, Callable[[Machine, list[Any], dict[str, Any]], Any]] = {
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

_EXPRESSIONS: dict[type, Callable[[Machine, Any], Any]] = {
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
_STATEMENTS: dict[type, Callable[[Machine, Any], Any]] = {
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
    ast.Pass: lambda _machine, _node: _NEXT,
    ast.Break: lambda _machine, _node: _BREAK,
    ast.Continue: lambda _machine, _node: _CONTINUE,
    ast.Assert: lambda _machine, _node: _NEXT,
}
