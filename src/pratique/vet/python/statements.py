"""Statements, in order; branches are joined, loops are walked twice or unrolled."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from pratique.vet.python.calls import call_value
from pratique.vet.python.evaluator import evaluate_expression, evaluate_loop
from pratique.vet.python.expressions import attribute_of, spread
from pratique.vet.python.labels import NOTABLE, PARAMETER
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.summaries import returned
from pratique.vet.python.values import (
    NONE,
    PYTHON_NONE,
    UNSET,
    ClassValue,
    Instance,
    Routine,
    V,
    join,
    joined_bits,
)
from pratique.vet.python.walk import EXPRESSIONS, STATEMENTS, Walk

_UNROLLED = 16
"""Elements for which a loop over constants is walked one by one."""
_JOINED = 64
"""Elements that are looked at to say what an element may be."""
_UNROLLED_IN_ALL = 32
"""Times that one statement is walked in loops inside each other."""
_UNROLLED_LINES = 40
"""Longest loop that is walked one by one."""
_LEAVES = (ast.Return, ast.Raise)


def _expression(walk: Walk, node: ast.Expr) -> None:
    if type(node.value) is not ast.Constant:
        walk.expr(node.value)


def _assign(walk: Walk, node: ast.Assign) -> None:
    value = walk.expr(node.value)
    for target in node.targets:
        _bind(walk, target, value)


def _annotated(walk: Walk, node: ast.AnnAssign) -> None:
    if node.value is not None:
        _bind(walk, node.target, walk.expr(node.value))


def _bind(walk: Walk, target: ast.expr, value: V) -> None:
    """Store a value in whatever stands left of `=`."""
    kind = type(target)
    if kind is ast.Name:
        walk.set(target.id, value)  # type: ignore[attr-defined] # kind says so
    elif kind is ast.Tuple or kind is ast.List:
        _unpack(walk, target.elts, value)  # type: ignore[attr-defined] # kind says so
    elif kind is ast.Attribute:
        _bind_attribute(walk, target, value)
    elif kind is ast.Subscript:
        _bind_item(walk, target, value)
    elif kind is ast.Starred:
        _bind(walk, target.value, value)  # type: ignore[attr-defined] # kind says so


def _unpack(walk: Walk, targets: Sequence[ast.expr], value: V) -> None:
    items = spread(value) if type(value.inner) is list or value.const is not UNSET else []
    star = next((index for index, item in enumerate(targets) if type(item) is ast.Starred), None)
    if star is not None and items:
        after = len(targets) - star - 1
        middle = items[star : len(items) - after]
        whole = (
            V([item.const for item in middle])
            if all(item.const is not UNSET for item in middle)
            else V(bits=joined_bits(middle), inner=middle)
        )
        items = [*items[:star], whole, *items[len(items) - after :]]
    fallback = V(
        bits=value.bits, names=tuple(f"{name}[]" for name in value.names if "[]" not in name)
    )
    for index, target in enumerate(targets):
        _bind(
            walk,
            target,
            items[index] if index < len(items) and len(items) >= len(targets) else fallback,
        )


def _bind_attribute(walk: Walk, target: Node, value: V) -> None:
    base = walk.expr(target.value)
    inner = base.inner
    of = inner.of if type(inner) is Instance else inner
    if type(of) is ClassValue:
        of.attributes[target.attr] = _attribute_joined(of.attributes.get(target.attr), value)
        if value.bits & PARAMETER:
            walk.dependents += 1
        if _hot(walk, value):
            walk.hot_attributes.add(target.attr)
        return
    if base.names and value is not NONE:
        _patched(walk, target, base, target.attr, value)
    elif (
        type(target.value) is ast.Name
        and value.bits & NOTABLE
        and base.inner is None
        and base.const is UNSET
    ):
        walk.set(target.value.id, V(bits=base.bits | value.bits, names=base.names))


def _attribute_joined(old: V | None, value: V) -> V:
    """What an attribute holds; what a constructor was given says more than that it is a parameter."""
    if old is None or _only_parameter(old):
        return value
    return old if _only_parameter(value) else join(old, value)


def _only_parameter(value: V) -> bool:
    return (
        value.bits == PARAMETER and value.const is UNSET and not value.text and value.inner is None
    )


def _hot(walk: Walk, value: V) -> bool:
    return bool(
        value.bits & NOTABLE
        or value.inner is not None
        or any(walk.catalogue.hot(name) for name in value.names)
    )


def _patched(walk: Walk, target: Node, base: V, attr: str, value: V) -> None:
    """`builtins.print = …`, `sys.excepthook = …`: something well known is replaced."""
    for name in base.names:
        head = name.partition(".")[0].partition("(")[0]
        if "(" not in name and head in walk.catalogue.modules:
            entry = walk.catalogue.look_up("builtins.setattr")
            walk.report(target, "builtins.setattr", entry, [base, V(attr), value], {})
    if type(target.value) is ast.Name and value.bits & NOTABLE:
        walk.set(
            target.value.id,
            V(base.const, base.text, base.bits | value.bits, base.names, base.layer, base.inner),
        )


def _bind_item(walk: Walk, target: Node, value: V) -> None:
    base = walk.expr(target.value)
    index = walk.expr(target.slice)
    for name in base.names:
        dotted = f"{name}.__setitem__"
        entry = walk.catalogue.look_up(dotted)
        if entry.roles:
            walk.report(target, dotted, entry, [index, value], {})
    const = base.const
    if type(const) is dict or type(const) is list:
        if walk.trail is None and value.const is not UNSET and index.const is not UNSET:
            try:
                const[index.const] = value.const
            except (TypeError, LookupError, ValueError):
                base.const = UNSET
            base.bits |= value.bits
            return
        items = list(const.items()) if type(const) is dict else list(enumerate(const))
        base.inner = (
            {key: V(item) for key, item in items}
            if type(const) is dict
            else [V(item) for _, item in items]
        )
        base.const = UNSET
    if type(base.inner) is dict and type(index.const) in {str, int, bytes}:
        base.inner[index.const] = value
    elif type(base.inner) is dict:
        base.inner[f"…{len(base.inner)}"] = value
    elif (
        type(base.inner) is list and type(index.const) is int and abs(index.const) < len(base.inner)
    ):
        base.inner[index.const] = value
    if value.bits & NOTABLE:
        if base is not NONE and (base.inner is not None or base.names or base.bits):
            base.bits |= value.bits
        elif type(target.value) is ast.Name:
            walk.set(target.value.id, V(bits=value.bits))


def _augmented(walk: Walk, node: ast.AugAssign) -> None:
    target = node.target
    load = ast.copy_location(ast.BinOp(left=_loaded(target), op=node.op, right=node.value), node)
    _bind(walk, target, walk.expr(load))


def _loaded(target: Node) -> Folded:
    if type(target) is ast.Name:
        return ast.copy_location(ast.Name(id=target.id, ctx=ast.Load()), target)
    return target


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
    walk.branches([_body(walk, body) for body in bodies], may_skip=not current.orelse)


def _body(walk: Walk, body: Sequence[ast.stmt]) -> Callable[[], bool]:
    def run() -> bool:
        walk.body(body)
        return not (body and isinstance(body[-1], _LEAVES))

    return run


def _loop(walk: Walk, node: ast.For | ast.AsyncFor) -> None:
    if type(node) is ast.For and evaluate_loop(walk, node):
        return
    value = walk.expr(node.iter)
    items = _elements(value)
    if items is not None and _may_unroll(walk, node, len(items)):
        saved = walk.unrolling
        walk.unrolling = max(1, saved) * len(items)
        try:
            for item in items:
                _bind(walk, node.target, item)
                walk.body(node.body)
        finally:
            walk.unrolling = saved
        walk.body(node.orelse)
        return
    element = _element(value, items)
    _twice(walk, node.body, lambda: _bind(walk, node.target, element))
    walk.body(node.orelse)


def _elements(value: V) -> list[V] | None:
    if type(value.const) in {list, tuple, set, dict, range, str, bytes}:
        return [
            V(item, "", value.bits, (), value.layer) for item in list(value.const)[: _UNROLLED + 1]
        ]
    # A copy: the body may append to what it walks over.
    return value.inner[:_JOINED] if type(value.inner) is list else None


def _may_unroll(walk: Walk, node: Node, count: int) -> bool:
    """Whether a loop is short enough, in elements and in lines, to be walked element by element."""
    if not 0 < count <= _UNROLLED or max(1, walk.unrolling) * count > _UNROLLED_IN_ALL:
        return False
    lines = node.end_lineno - node.lineno
    if lines > _UNROLLED_LINES or walk.budget.statements < lines * count:
        return False
    walk.budget.statements -= lines * count
    return True


def _element(value: V, items: list[V] | None) -> V:
    if value.names and value.names[0] in {"os.environ"}:
        return V(bits=value.bits)
    if not items:
        return V(
            bits=value.bits, names=tuple(f"{name}[]" for name in value.names if "[]" not in name)
        )
    element = items[0]
    for item in items[1:]:
        element = join(element, item)
    return V(
        element.const,
        element.text,
        element.bits | value.bits,
        element.names,
        element.layer,
        element.inner,
    )


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
    _twice(walk, node.body, lambda: None if walk.expr(node.test) else None)
    walk.body(node.orelse)


def _with(walk: Walk, node: ast.With | ast.AsyncWith) -> None:
    quiet = 0
    for item in node.items:
        value = walk.expr(item.context_expr)
        if "contextlib.suppress()" in value.names:
            quiet = 1
        if item.optional_vars is not None:
            _bind(walk, item.optional_vars, value)
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
            if not node.level and len(walk.stars) < _UNROLLED:
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
    walk.branches([_body(walk, case.body) for case in node.cases], may_skip=True)


def _comprehension(walk: Walk, node: Node) -> V:
    folded = evaluate_expression(walk, node)
    if folded is not None:
        return folded
    saved = walk.scopes
    walk.scopes = [*saved, {}]
    try:
        for part in node.generators:
            value = walk.expr(part.iter)
            _bind(walk, part.target, _element(value, _elements(value)))
            for test in part.ifs:
                walk.expr(test)
        if type(node) is ast.DictComp:
            key, value = walk.expr(node.key), walk.expr(node.value)
            return V(bits=key.bits | value.bits, inner={"…": value})
        element = walk.expr(node.elt)
        return V(bits=element.bits, text=element.text, inner=[element])
    finally:
        walk.scopes = saved


STATEMENTS.update(
    {
        ast.Expr: _expression,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.If: _branch,
        ast.For: _loop,
        ast.AsyncFor: _loop,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.TryStar: _try,
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
