"""`read_python`: from source to what analyses see."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from pratique.vet.catalogue import catalogue
from pratique.vet.model import Region, RegionKind
from pratique.vet.python import statements  # noqa: F401 - fills the tables of the walk
from pratique.vet.python.inner import read_inner
from pratique.vet.python.limits import DEFAULT_LIMITS, Budget, ReadLimits, Spent
from pratique.vet.python.model import Call, PythonFile, Text
from pratique.vet.python.parse import parsed, too_large
from pratique.vet.python.plain import Folded
from pratique.vet.python.scan import FoundText, Outline, Scan, scan
from pratique.vet.python.source import decoded_source, normalised
from pratique.vet.python.summaries import generic
from pratique.vet.python.tokens import token_calls
from pratique.vet.python.values import ClassValue, Routine, V, reported
from pratique.vet.python.walk import SeenCall, Walk

_EXCERPT = 240
_BEFORE = 60
"""Characters of the excerpt before the place, when the line is longer than the excerpt."""
_STORED = 2000
"""Module-level names that are handed on."""


def read_python(source: bytes | str, *, limits: ReadLimits = DEFAULT_LIMITS) -> PythonFile:
    """Read a Python source. Never executes, never raises on what the source holds.

    Whatever was cut short is a sentence in `unfinished`.
    """
    if isinstance(source, bytes):
        text, remark = decoded_source(source[: limits.read_bytes])
    else:
        text, remark = normalised(source[: limits.read_bytes]), ""
    unfinished = [remark] if remark else []
    if len(source) > limits.read_bytes:
        unfinished.append(f"only the first {limits.read_bytes} bytes were read")
    with _collector_at_rest():
        try:
            return _read(text, limits, unfinished)
        except (RecursionError, MemoryError):
            unfinished.append("the source nests too deeply to be walked")
        except Exception as error:  # noqa: BLE001 - a mistake of ours must cost one file's certainty, not the worker
            unfinished.append(f"reading failed: {type(error).__name__}")
        return token_calls(text, limits, unfinished)


def _with_left_out(
    file: PythonFile, left_out: tuple[tuple[int, int], ...], limits: ReadLimits
) -> PythonFile:
    """Add what the token reader sees in lines that no parser reads."""
    wanted = {line for first, last in left_out for line in range(first, last + 1)}
    lines = [line if number in wanted else "" for number, line in enumerate(file.lines, 1)]
    rest = token_calls("\n".join(lines), limits, [])
    return msgspec.structs.replace(
        file,
        calls=tuple(
            sorted(
                (*file.calls, *rest.calls),
                key=lambda item: (item.line, item.column, item.layer, item.name),
            )
        ),
        texts=tuple(
            sorted(
                (*file.texts, *rest.texts), key=lambda item: (item.line, item.column, item.layer)
            )
        ),
        imports=tuple(
            sorted(
                {*file.imports, *rest.imports}, key=lambda item: (item.line, item.module, item.name)
            )
        ),
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A syntax tree is many new objects and no garbage: the collector would only look at it over and over."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(text: str, limits: ReadLimits, unfinished: list[str]) -> PythonFile:
    if too_large(text, limits):
        unfinished.append(
            "the source is too large to be parsed: only names, calls and strings were read"
        )
        return token_calls(text, limits, unfinished)
    read = parsed(text)
    if read is None:
        return token_calls(text, limits, unfinished)
    tree = read.tree
    found = scan(tree, shortest_text=limits.text_characters)
    walk = Walk(found, Budget(limits), catalogue())
    walk.read_inner = read_inner
    walk_tree(walk, tree)
    unfinished.extend(walk.unfinished)
    file = _assembled(text, found, walk, unfinished)
    walk.let_go()
    return _with_left_out(file, read.left_out, limits) if read.left_out else file


def walk_tree(walk: Walk, tree: ast.Module) -> None:
    """Walk a module, then the functions that are worth it."""
    try:
        walk.body(tree.body)
    except Spent:
        walk.unfinished.append("following values took more steps than allowed")
    walk_pending(walk)
    walk.scopes = [walk.module]
    for text, site, layer in walk.guesses:
        if text not in walk.inner:
            walk.site, walk.layer = site, layer
            read_inner(walk, text, "guess")
    walk.site, walk.layer = None, 0


def walk_pending(walk: Walk) -> None:
    """Walk waiting functions, hot ones first, until none becomes hot any more."""
    waiting = walk.pending
    walk.pending = []
    changed = True
    while waiting and changed:
        changed = False
        cold: list[Routine] = []
        hot_names = _hot_names(walk)
        for routine in waiting:
            if routine.generic is None and _is_hot(walk, routine, hot_names):
                _walk_routine(walk, routine)
                changed = True
            elif routine.generic is None:
                cold.append(routine)
        waiting = [*cold, *walk.pending]
        changed = changed or bool(walk.pending)
        walk.pending = []


def _walk_routine(walk: Walk, routine: Routine) -> None:
    if routine.outline is not None:
        walk.region = routine.outline.index
    walk.depth = 0
    walk.quiet = 0
    walk.trail = None
    generic(walk, routine)


def _hot_names(walk: Walk) -> set[str]:
    return {
        name for name, value in walk.module.items() if _is_hot_value(walk, value)
    } | walk.catalogue.hot_builtins


def _is_hot_value(walk: Walk, value: V) -> bool:
    if value.names:
        return any(walk.catalogue.hot(name) for name in value.names)
    inner = value.inner
    if type(inner) is Routine:
        return inner.sinks or (
            inner.generic is not None and bool(inner.generic.bits or inner.generic.names)
        )
    if type(inner) is ClassValue:
        return any(
            type(item.inner) is Routine and _is_hot_value(walk, item)
            for item in inner.attributes.values()
        )
    return bool(value.bits) or inner is not None or value.built


def _is_hot(walk: Walk, routine: Routine, hot_names: set[str]) -> bool:
    outline = routine.outline
    if outline is None:
        return True  # nested functions and lambdas, whose surroundings were walked
    if not outline.names.isdisjoint(hot_names) or not outline.imported.keys().isdisjoint(hot_names):
        return True
    if not outline.attributes.isdisjoint(
        walk.catalogue.methods
    ) or not outline.attributes.isdisjoint(walk.hot_attributes):
        return True
    for name, attr in outline.pairs:
        if attr in walk.hot_attributes or attr in walk.catalogue.methods:
            return True
        value = walk.module.get(name)
        if value is None:
            bound = name in outline.names or name in outline.imported
            if bound and name in walk.catalogue.modules:
                return True
        elif _is_hot_pair(walk, value, attr):
            return True
    return False


def _is_hot_pair(walk: Walk, value: V, attr: str) -> bool:
    if type(value.inner) in {Routine, ClassValue}:
        return _is_hot_value(walk, value)
    for name in value.names:
        dotted = walk.catalogue.canonical(f"{name}.{attr}")
        if dotted != "os.path" and walk.catalogue.hot(dotted):
            return True
    return bool(value.bits)


# --- what analyses see


def _assembled(text: str, found: Scan, walk: Walk, unfinished: list[str]) -> PythonFile:
    lines = tuple(text.split("\n"))
    place = _Places(lines)
    calls = [_call(seen, place) for seen in walk.by_key.values()]
    calls.sort(key=lambda item: (item.line, item.column, item.layer, item.name))
    texts = [_text(item, place) for item in found.texts[: walk.budget.limits.texts]]
    texts.extend(
        Text(
            text=item.text,
            region=item.site.region,
            line=item.site.line,
            column=place.column(item.site.line, item.site.column),
            layer=item.layer,
            built=True,
        )
        for item in walk.made_texts.values()
    )
    texts.sort(key=lambda item: (item.line, item.column, item.layer))
    imports = sorted(
        {*found.imports, *walk.made_imports}, key=lambda item: (item.line, item.module, item.name)
    )
    return PythonFile(
        source=text,
        lines=lines,
        regions=_regions(found, walk),
        imports=tuple(imports),
        calls=tuple(calls),
        texts=tuple(texts),
        inner=tuple(walk.inner),
        stored={
            name: reported(value)
            for name, value in list(walk.module.items())[:_STORED]
            if value.inner is None
        },
        unfinished=tuple(unfinished),
    )


class _Places:
    """Columns in characters, from the parser's columns in UTF-8 bytes."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self._plain: dict[int, bool] = {}

    def column(self, line: int, column: int) -> int:
        if not 0 < line <= len(self.lines):
            return 0
        text = self.lines[line - 1]
        plain = self._plain.get(line)
        if plain is None:
            # A very long line is taken as it is: counting it for each of its calls would be quadratic.
            plain = self._plain[line] = text.isascii() or len(text) > 10_000  # noqa: PLR2004 - no written line
        if plain:
            return column
        return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def excerpt(self, line: int, column: int) -> str:
        if not 0 < line <= len(self.lines):
            return ""
        text = self.lines[line - 1]
        if len(text) > _EXCERPT:
            begin = max(0, min(column - _BEFORE, len(text) - _EXCERPT))
            text = text[begin : begin + _EXCERPT]
        return text.strip()


def _call(seen: SeenCall, place: _Places) -> Call:
    site = seen.site
    column = place.column(site.line, site.column)
    return Call(
        name=seen.name,
        roles=seen.entry.roles,
        arguments=tuple(map(reported, seen.arguments)),
        keywords={name: reported(value) for name, value in seen.keywords.items()},
        region=site.region,
        line=site.line,
        column=column,
        layer=seen.layer,
        quiet=seen.quiet,
        hidden=seen.hidden,
        excerpt=place.excerpt(site.line, column),
    )


def _text(item: FoundText, place: _Places) -> Text:
    node = item.node
    value: Folded = node.value
    return Text(
        text=value if isinstance(value, str) else value.decode("latin-1"),
        region=item.region,
        line=node.lineno,
        column=place.column(node.lineno, node.col_offset),
        docstring=item.docstring,
    )


def _regions(found: Scan, walk: Walk) -> tuple[Region, ...]:
    known = {outline.name for outline in found.outlines if outline.kind is RegionKind.FUNCTION}
    known.update(item.name for item in walk.classes)
    return tuple(
        Region(
            name=outline.name,
            kind=outline.kind,
            line=outline.line,
            end_line=outline.end_line,
            digest=outline.digest,
            calls=tuple(sorted(_calls(outline, walk.module, known, walk))),
        )
        for outline in found.outlines
    )


def _calls(outline: Outline, module: dict[str, V], known: set[str], walk: Walk) -> set[str]:
    """What a region calls or hands on: every name it uses that is a function, a class or imported."""
    found: set[str] = set()
    local = outline.imported if outline.kind is RegionKind.FUNCTION else {}
    for name in outline.names:
        if name in local:
            found.add(local[name])
        else:
            _add_name(found, name, module.get(name), known)
    for name, attr in outline.pairs:
        if name in local:
            found.add(walk.catalogue.canonical(f"{local[name]}.{attr}"))
            continue
        if outline.owner and name in {"self", "cls"}:
            member = f"{outline.owner}.{attr}"
            if member in known:
                found.add(f".{member}")
            continue
        value = module.get(name)
        if value is not None and value.names:
            found.update(walk.catalogue.canonical(f"{item}.{attr}") for item in value.names)
        elif f"{name}.{attr}" in known:
            found.add(f".{name}.{attr}")
    found.update(
        name for region, name in walk.also_called if region == outline.index and name[1:] in known
    )
    _add_methods(found, outline, module, known)
    return found


def _add_name(found: set[str], name: str, value: V | None, known: set[str]) -> None:
    if value is None:
        return
    if type(value.inner) is Routine:
        found.add(f".{value.inner.name}")
    elif type(value.inner) is ClassValue:
        found.add(f".{value.inner.name}")
        if f"{value.inner.name}.__init__" in known:
            found.add(f".{value.inner.name}.__init__")
    elif value.names:
        found.update(value.names)
    elif name in known:
        found.add(f".{name}")


_FOREIGN: Final = frozenset(sys.stdlib_module_names) | {"builtins"}
"""Their methods are not of the release, and share their names with some that are."""
MAX_IMPORTED_CLASSES: Final = 8
MAX_ATTRIBUTES: Final = 16
"""Of a region: a line that wakes what sleeps elsewhere names one class and a method or two."""


def _add_methods(found: set[str], outline: Outline, module: dict[str, V], known: set[str]) -> None:
    """`Class().run()`: an attribute that is the name of a method of a class that the region names."""
    classes = [
        module[name].inner
        for name in outline.names
        if name in module and type(module[name].inner) is ClassValue
    ]
    attributes = outline.attributes | {attr for _, attr in outline.pairs}
    for item in classes:
        assert isinstance(item, ClassValue)
        found.update(
            f".{item.name}.{attr}" for attr in attributes if f"{item.name}.{attr}" in known
        )
    local = outline.imported if outline.kind is RegionKind.FUNCTION else {}
    imported = [
        dotted
        for name in sorted(outline.names)
        if name[:1].isupper() and (name in local or name in module)
        for dotted in ((local[name],) if name in local else module[name].names)
        if dotted.partition(".")[0] not in _FOREIGN
    ]
    for dotted in imported[:MAX_IMPORTED_CLASSES]:
        found.update(f"{dotted}.{attr}" for attr in sorted(outline.attributes)[:MAX_ATTRIBUTES])
