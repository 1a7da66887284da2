"""One quick pass over a syntax tree: regions with digests, imports, texts, and the names each region has.

The walk that follows is ten times slower for each node, so it looks only into functions whose names here
say that there may be something to see. The pass keeps an explicit stack: no source can make it recurse.
"""

from __future__ import annotations

import ast
from hashlib import blake2b
from typing import Any

import msgspec

from pratique.vet.model import Import, RegionKind
from pratique.vet.python.plain import Folded, Node

_QUIET = frozenset({ast.Load, ast.Store, ast.Del, ast.TypeIgnore})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DIGEST_BYTES = 8


class Outline(msgspec.Struct):
    """What the pass found of one region."""

    name: str
    kind: RegionKind
    line: int
    end_line: int
    index: int
    digest: str = ""
    names: set[str] = msgspec.field(default_factory=set)
    """Names that are used by themselves."""
    pairs: set[tuple[str, str]] = msgspec.field(default_factory=set)
    """`name.attribute` with a plain name before the dot."""
    attributes: set[str] = msgspec.field(default_factory=set)
    """Attributes of anything else."""
    imported: dict[str, str] = msgspec.field(default_factory=dict)
    """Names that its import statements bind, with what they stand for. Binding alone is no use."""
    owner: str = ""
    """Qualified name of the class it is a method of."""


class FoundText(msgspec.Struct):
    """A string or bytes constant of some length."""

    node: ast.Constant
    region: int
    docstring: bool


class Scan(msgspec.Struct):
    """All that the pass found."""

    outlines: list[Outline]
    imports: list[Import]
    texts: list[FoundText]
    of_node: dict[int, Outline]
    """Outline of a function definition or main guard, by the id of its node."""


def scan(tree: ast.Module, *, shortest_text: int) -> Scan:
    """Pass over a module once."""
    return _Pass(shortest_text).run(tree)


def is_main_guard(node: ast.AST) -> bool:
    """Whether this is `if __name__ == "__main__":`, either way round."""
    if type(node) is not ast.If or type(node.test) is not ast.Compare:
        return False
    sides = [node.test.left, *node.test.comparators]
    return (
        type(node.test.ops[0]) is ast.Eq
        and any(type(side) is ast.Name and side.id == "__name__" for side in sides)
        and any(type(side) is ast.Constant and side.value == "__main__" for side in sides)
    )


class _Pass:
    def __init__(self, shortest_text: int) -> None:
        self.shortest = shortest_text
        self.found = Scan(outlines=[], imports=[], texts=[], of_node={})
        self.waiting: list[tuple[Outline, list[Any], str]] = []
        """Regions that are still to be read: outline, roots, qualified name around them."""

    def run(self, tree: ast.Module) -> Scan:
        end = max((node.end_lineno or 1 for node in tree.body), default=1)
        module = self._region("", RegionKind.MODULE, 1, end)
        self.waiting.append((module, self._body(tree.body, 0), ""))
        # Breadth first, so that regions keep the order of the source as far as they are siblings.
        for outline, roots, inside in self.waiting:
            self._read(outline, roots, inside)
        return self.found

    def _region(self, name: str, kind: RegionKind, line: int, end: int) -> Outline:
        outline = Outline(name, kind, line, end, len(self.found.outlines))
        self.found.outlines.append(outline)
        return outline

    def _body(self, body: list[ast.stmt], region: int) -> list[ast.stmt]:
        """A body without its docstring, which is kept as a text."""
        if body and type(body[0]) is ast.Expr and type(body[0].value) is ast.Constant:
            first = body[0].value
            if isinstance(first.value, str):
                if len(first.value) >= self.shortest:
                    self.found.texts.append(FoundText(first, region, docstring=True))
                return body[1:]
        return body

    def _function(self, node: Node, inside: str, owner: str) -> None:
        name = f"{inside}.{node.name}" if inside else node.name
        outline = self._region(name, RegionKind.FUNCTION, node.lineno, node.end_lineno)
        outline.owner = owner
        self.found.of_node[id(node)] = outline
        roots = [node.args, *self._body(node.body, outline.index), *node.decorator_list]
        self.waiting.append((outline, roots, name))

    def _main(self, node: ast.If) -> None:
        outline = self._region(
            "__main__", RegionKind.MAIN, node.lineno, node.body[-1].end_lineno or node.lineno
        )
        self.found.of_node[id(node)] = outline
        self.waiting.append((outline, list(node.body), ""))

    def _defined(self, node: Node, inside: str, owner: str) -> list[Any]:
        """A function becomes a region of its own; its defaults and decorators run where it is defined."""
        self._function(node, owner or inside, owner)
        defaults = (default for default in node.args.kw_defaults if default is not None)
        return [*node.args.defaults, *defaults, *node.decorator_list]

    def _read(self, outline: Outline, roots: list[Any], inside: str) -> None:  # noqa: C901, PLR0912, PLR0915 - one hot loop: a call for each node would double its time
        tokens: list[str] = []
        emit = tokens.append
        stack: list[Any] = [*reversed(roots)]
        pop, push, extend = stack.pop, stack.append, stack.extend
        names, pairs, attributes = outline.names, outline.pairs, outline.attributes
        in_function = outline.kind is RegionKind.FUNCTION
        texts, shortest, index = self.found.texts, self.shortest, outline.index
        classes: dict[int, str] = {}
        """Qualified class names of functions in class bodies, by the function's id."""
        while stack:
            node = pop()
            kind = type(node)
            if kind is ast.Name:
                emit(node.id)
                names.add(node.id)
            elif kind is ast.Attribute:
                emit("." + node.attr)
                base = node.value
                if type(base) is ast.Name:
                    emit(base.id)
                    pairs.add((base.id, node.attr))
                else:
                    attributes.add(node.attr)
                    push(base)
            elif kind is ast.Constant:
                value = node.value
                if type(value) is str or type(value) is bytes:
                    emit("b" + value.decode("latin-1") if isinstance(value, bytes) else "'" + value)
                    if len(value) >= shortest:
                        texts.append(FoundText(node, index, docstring=False))
                else:
                    emit(_number(value))
            elif kind is str:
                emit(node)
            elif kind is list:
                emit(f"[{len(node)}")
                extend(node)
            elif kind is int or kind is bool or node is None:
                emit(str(node))
            elif kind in _QUIET:
                continue
            elif kind in _FUNCTIONS:
                emit("def " + node.name)
                if in_function:
                    push(node.args)
                    extend(self._body(node.body, index))
                    extend(node.decorator_list)
                else:
                    extend(self._defined(node, inside, classes.get(id(node), "")))
            elif kind is ast.ClassDef:
                emit("class " + node.name)
                body = self._body(node.body, index)
                extend([*node.bases, *node.keywords, *node.decorator_list, *body])
                if not in_function:
                    around = classes.get(id(node), "") or inside
                    _inside(body, f"{around}.{node.name}" if around else node.name, classes)
            elif kind is ast.Import or kind is ast.ImportFrom:
                self._import(node, outline, emit)
            elif kind is ast.If and index == 0 and is_main_guard(node):
                emit("main")
                self._main(node)
                extend(node.orelse)
            else:
                emit(_WORDS.get(kind) or _WORDS.setdefault(kind, kind.__name__))
                for field in kind._fields:
                    value = getattr(node, field, None)
                    if value is not None and value != []:
                        push(value)
        outline.digest = _digest(tokens)

    def _import(self, node: Node, outline: Outline, emit: Folded) -> None:
        imports, line, region = self.found.imports, node.lineno, outline.index
        if type(node) is ast.Import:
            for alias in node.names:
                imports.append(Import(module=alias.name, region=region, line=line))
                first = alias.name.partition(".")[0]
                outline.imported[alias.asname or first] = alias.name if alias.asname else first
                emit(f"import {alias.name} {alias.asname}")
            return
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            imports.append(Import(module=module, name=alias.name, region=region, line=line))
            # As the walk names them: a dot before what is not found from the top.
            holder = f".{module}" if node.level else module
            dot = "" if holder.endswith(".") else "."
            outline.imported[alias.asname or alias.name] = f"{holder}{dot}{alias.name}"
            emit(f"from {module} import {alias.name} {alias.asname}")


_WORDS: dict[Any, str] = {}
"""Names of node types; as many as there are types."""


def _digest(tokens: list[str]) -> str:
    joined = "\0".join(tokens).encode("utf-8", "surrogatepass")
    return blake2b(joined, digest_size=_DIGEST_BYTES).hexdigest()


def _number(value: object) -> str:
    if type(value) is int and abs(value) >= 10**18:
        return f"#{value:x}"  # hexadecimal is linear, and has no limit of digits
    return f"#{value}"


def _inside(body: list[ast.stmt], qualified: str, classes: dict[int, str]) -> None:
    """Note that these statements, and those in their blocks, belong to a class."""
    stack: list[Any] = [*body]
    while stack:
        node = stack.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            classes[id(node)] = qualified
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            stack.extend(node.body)
            stack.extend(getattr(node, "orelse", ()))
            stack.extend(getattr(node, "finalbody", ()))
            for handler in getattr(node, "handlers", ()):
                stack.extend(handler.body)
