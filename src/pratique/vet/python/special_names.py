"""Well-known functions that look up, bind or combine: getattr, import, globals, partial, map, ciphers."""

from __future__ import annotations

import ast

from pratique.vet.model import Import
from pratique.vet.python import operations
from pratique.vet.python.arguments import Arguments, report_call
from pratique.vet.python.blobs import decrypted, digest_of
from pratique.vet.python.labels import CODE, DECODED
from pratique.vet.python.limits import Spent
from pratique.vet.python.lookups import (
    from_namespace,
    item_of_names,
    member_named,
    module_named,
    sensitive_environment,
)
from pratique.vet.python.plain import Node
from pratique.vet.python.values import (
    HOLE,
    NONE,
    PYTHON_NONE,
    UNSET,
    Bound,
    ClassValue,
    Instance,
    Made,
    Partial,
    Routine,
    V,
    joined_bits,
    known,
)
from pratique.vet.python.walk import Walk

_BEFORE_FROMLIST = 3
"""Arguments of `__import__` before the list of names."""


def get_attribute(walk: Walk, node: Node, _name: str, given: Arguments, callee: V) -> V | None:
    """`getattr(os, "sys" + "tem")`."""
    from pratique.vet.python.expressions import attribute_of  # noqa: PLC0415 - the two need each other

    base, key = given.get(0), given.get(1)
    if type(key.const) is str and len(key.const) < 200:  # noqa: PLR2004 - no name is longer
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
    if base.names:
        report_call(walk, node, "builtins.getattr", given, callee)
        return V(
            bits=key.bits, names=tuple(f"{item}.{HOLE}" for item in base.names[:2]), hidden=True
        )
    return V(bits=given.bits)


def set_attribute(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`setattr(builtins, "print", f)`."""
    base, key, value = given.get(0), given.get(1), given.get(2)
    if base.names:
        report_call(walk, node, name, given, callee)
    of = base.inner.of if type(base.inner) is Instance else base.inner
    if type(of) is ClassValue and type(key.const) is str:
        of.attributes[key.const] = value
    return PYTHON_NONE


def import_name(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`__import__("o" + "s")`, `importlib.import_module(…)`."""
    report_call(walk, node, name, given, callee)
    key = given.get(0, "name")
    if type(key.const) is str and not key.const.startswith("."):
        site = walk.here(node)
        walk.made_imports.append(Import(module=key.const[:200], region=site.region, line=site.line))
        if (
            name == "builtins.__import__"
            and "." in key.const
            and len(given.positional) <= _BEFORE_FROMLIST
            and "fromlist" not in given.keywords
        ):
            return V(names=(key.const.partition(".")[0],), hidden=True)
    return module_named(walk, key)


def namespace(_walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`globals()`, `vars(x)`."""
    if name == "builtins.vars" and given.positional:
        base = given.get(0)
        if base.names:
            return V(names=tuple(f"{item}.__dict__" for item in base.names), hidden=True)
        return V(bits=base.bits)
    return V(names=("builtins.globals()",))


def namespace_get(walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`globals().get("x")`, `os.__dict__.get("x")`, `sys.modules.get("x")`."""
    head = name.rpartition(".")[0]
    if head == "builtins.globals()":
        return from_namespace(walk, given.get(0))
    if head == "sys.modules":
        return module_named(walk, given.get(0))
    return member_named(walk, head.removesuffix(".__dict__"), given.get(0))


def environment_get(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`os.getenv("X", default)`."""
    report_call(walk, node, name, given, callee)
    default = given.get(1, "default")
    key = given.get(0, "key")
    return V(
        bits=sensitive_environment(walk.catalogue, key) | default.bits,
        text=known(default).replace(HOLE, ""),
    )


def type_of(_walk: Walk, _node: Node, _name: str, given: Arguments, _callee: V) -> V | None:
    """`type(x)`."""
    base = given.get(0)
    if len(given.positional) > 1:
        return V(bits=given.bits)
    if type(base.inner) in {Routine, Bound}:
        return V(names=("types.FunctionType",), hidden=True)
    if base.bits & CODE:
        return V(names=("types.CodeType",), hidden=True)
    if type(base.inner) is Instance:
        return V(inner=base.inner.of)
    if base.const is not UNSET and type(base.const) in operations.PLAIN:
        return V(names=(f"builtins.{type(base.const).__name__}",))
    return NONE


def partial(_walk: Walk, _node: Node, _name: str, given: Arguments, _callee: V) -> V | None:
    """`functools.partial(f, a)`."""
    return V(bits=given.bits, inner=Partial(given.get(0), given.positional[1:], given.keywords))


def mapped(walk: Walk, node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`map(f, xs)`: f is called with an element of xs."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.evaluator import evaluate_map  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import spread  # noqa: PLC0415 - the two need each other

    folded = evaluate_map(walk, name, given.positional)
    if folded is not None:
        return walk.made(node, folded)
    target, rest = given.get(0), given.positional[1:]
    if target.const is None or not rest:
        return V(bits=given.bits, inner=rest[0].inner if rest else None)
    columns = [spread(item)[:16] for item in rest]
    results = [
        call_value(walk, node, target, list(row), {}, receiver=NONE, written="")
        for row in zip(*columns, strict=False)
    ]
    if name in {"builtins.filter", "functools.reduce"}:
        return V(bits=given.bits, inner=columns[0])
    return V(bits=given.bits | joined_bits(results), inner=results)


def operate(walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`operator.add(a, b)`."""
    one, other = given.get(0), given.get(1)
    kind = OPERATORS[name.rpartition(".")[2]]
    if one.const is UNSET or other.const is UNSET:
        return V(
            bits=given.bits, text=f"{known(one)}{known(other)}"[:4000] if kind is ast.Add else ""
        )
    try:
        return V(operations.binary(kind, one.const, other.const, walk.budget), "", given.bits)
    except Spent:
        return V(bits=given.bits)


def kept(_walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """A call whose arguments a later call needs."""
    return V(
        bits=given.bits, names=(f"{name}()",), inner=Made(name, given.positional, given.keywords)
    )


def cipher(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`Fernet(key).decrypt(token)` and its like; the callee is an attribute of what `kept` made."""
    report_call(walk, node, name, given, callee)
    bits = given.bits | callee.bits | DECODED
    made = callee.inner
    if type(made) is Made:
        result = decrypted(made, given.positional, walk.budget)
        if result is not None:
            layer = max((item.layer for item in given.positional), default=0) + 1
            return walk.made(node, V(result, "", bits, (), layer))
    return V(bits=bits)


def hashed(walk: Walk, _node: Node, name: str, _given: Arguments, callee: V) -> V | None:
    """`hashlib.sha256(b"…").digest()`."""
    made = callee.inner
    if type(made) is Made:
        result = digest_of(made, name, walk.budget)
        if result is not None:
            return V(result)
    return V(bits=callee.bits)


OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add,
    "concat": ast.Add,
    "iadd": ast.Add,
    "mul": ast.Mult,
    "sub": ast.Sub,
    "xor": ast.BitXor,
    "mod": ast.Mod,
    "or_": ast.BitOr,
    "and_": ast.BitAnd,
}


def attribute_getter(walk: Walk, _node: Node, made: Made, given: Arguments) -> V:
    """`operator.attrgetter("system")(os)`, `methodcaller("system", cmd)(os)`."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import attribute_of  # noqa: PLC0415 - the two need each other

    value = given.get(0)
    key = made.arguments[0] if made.arguments else NONE
    if type(key.const) is not str:
        return V(bits=given.bits)
    for part in key.const[:200].split("."):
        value = attribute_of(walk, value, part)
    value = V(
        value.const,
        value.text,
        value.bits,
        value.names,
        value.layer,
        value.inner,
        value.built,
        hidden=True,
    )
    if made.name == "operator.methodcaller":
        return call_value(
            walk, _node, value, made.arguments[1:], made.keywords, receiver=given.get(0), written=""
        )
    return value


def item_getter(walk: Walk, node: Node, made: Made, given: Arguments) -> V:
    """`operator.itemgetter("x")(y)`."""
    base, key = given.get(0), made.arguments[0] if made.arguments else NONE
    if base.names:
        return item_of_names(walk, node, base, key)
    return V(bits=given.bits)


def codec_getter(walk: Walk, node: Node, made: Made, given: Arguments) -> V:
    """`codecs.getdecoder("rot13")(x)` answers a pair."""
    from pratique.vet.python.calls import call_name  # noqa: PLC0415 - the two need each other

    codec = made.arguments[:1]
    name = "codecs.decode" if made.name == "codecs.getdecoder" else "codecs.encode"
    value = call_name(walk, node, name, NONE, [given.get(0), *codec], {}, NONE)
    return V(bits=value.bits, inner=[value, NONE])
