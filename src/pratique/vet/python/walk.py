"""The state of one walk over a source: scopes, what was reported, and the work that waits.

The functions in `expressions`, `statements`, `calls`, `special` and `summaries` do the walking; they take
this as their first argument and reach each other through the tables here, by node type.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pratique.vet.catalogue import Catalogue, Entry
from pratique.vet.python.labels import NOTABLE, PARAMETER
from pratique.vet.python.limits import Budget
from pratique.vet.python.plain import Folded, Node
from pratique.vet.python.scan import Outline, Scan
from pratique.vet.python.values import NONE, UNSET, Routine, V, join

Scope = dict[str, V]
Expression = Callable[["Walk", Any], V]
Statement = Callable[["Walk", Any], None]

EXPRESSIONS: dict[type, Expression] = {}
STATEMENTS: dict[type, Statement] = {}

BUILTINS: dict[str, V] = {
    name: V(names=(f"builtins.{name}",))
    for name in (
        *dir(builtins),
        "execfile",
        "unichr",
        "xrange",
        "raw_input",
        "unicode",
        "long",
        "file",
        "reduce",
        "basestring",
        "reload",
        "__builtins__",
        "get_ipython",
        "__pyarmor__",
        "__armor__",
        "__armor_enter__",
    )
    if name
    not in {
        "None",
        "True",
        "False",
        "Ellipsis",
        "NotImplemented",
        "__doc__",
        "__name__",
        "__spec__",
        "__loader__",
        "__package__",
    }
}
BUILTINS["__builtins__"] = V(names=("builtins",))
BUILTINS["file"] = V(names=("builtins.open",))
BUILTINS["reduce"] = V(names=("functools.reduce",))
BUILTINS["get_ipython"] = V(names=("IPython.get_ipython",))

_NESTED_AT_MOST = 200
"""Frames of our own recursion over one statement; the nesting check lets through far less."""
_ALTERNATIVES = 4


class Site(msgspec.Struct, frozen=True):
    """Where to report what is seen while a helper or an inner source is walked."""

    region: int
    line: int
    column: int


class SeenCall(msgspec.Struct):
    """A call that is to be reported."""

    name: str
    entry: Entry
    arguments: list[V]
    keywords: dict[str, V]
    site: Site
    layer: int
    quiet: bool
    hidden: bool


class SeenText(msgspec.Struct):
    """A text that folding made."""

    text: str
    site: Site
    layer: int


class Walk:
    """One walk. Owned by one reading; nothing of it outlives that."""

    __slots__ = (
        "also_called",
        "budget",
        "by_key",
        "catalogue",
        "classes",
        "decoded_seen",
        "dependent",
        "dependents",
        "depth",
        "evaluated",
        "following",
        "globals_here",
        "guesses",
        "hot_attributes",
        "inner",
        "inner_left",
        "layer",
        "made_imports",
        "made_texts",
        "module",
        "outlines",
        "pending",
        "quiet",
        "read_inner",
        "recording",
        "region",
        "remember",
        "returns",
        "routines",
        "scan",
        "scopes",
        "self_name",
        "site",
        "stars",
        "text_left",
        "this_class",
        "trail",
        "unfinished",
        "unrolling",
    )

    def __init__(self, scan: Scan, budget: Budget, catalogue: Catalogue) -> None:
        self.scan = scan
        self.outlines: dict[int, Outline] = scan.of_node
        self.budget = budget
        self.catalogue = catalogue
        self.module: Scope = {}
        self.scopes: list[Scope] = [self.module]
        self.globals_here: frozenset[str] | set[str] = frozenset()
        """Names that the function declared `global`."""
        self.trail: list[tuple[Scope, str, V | None]] | None = None
        """Undo log while a branch is walked."""
        self.region = 0
        self.layer = 0
        self.site: Site | None = None
        """Where calls are placed instead of where they stand."""
        self.quiet = 0
        self.depth = 0
        self.returns: V | None = None
        self.this_class: Folded = None
        self.self_name = ""
        self.stars: list[str] = []
        self.pending: list[Routine] = []
        self.dependents = 0
        """How often such a call was seen."""
        self.dependent: set[int] = set()
        """Ids of call nodes whose report depends on a parameter of the function around."""
        self.recording = True
        self.unrolling = 0
        self.by_key: dict[Any, SeenCall] = {}
        self.made_texts: dict[tuple[str, int], SeenText] = {}
        self.made_imports: list[Any] = []
        self.inner: list[str] = []
        self.inner_left = budget.limits.inner_bytes
        self.decoded_seen: dict[Any, Any] = {}
        self.hot_attributes: set[str] = set()
        self.unfinished: list[str] = []
        self.classes: list[Any] = []
        self.evaluated: dict[int, int] = {}
        """How often the evaluator tried a node in vain."""
        self.read_inner: Callable[[Walk, str, str], V] | None = None
        self.routines: list[Routine] = []
        self.text_left = budget.limits.made_bytes
        self.guesses: list[tuple[str, Site, int]] = []
        """Decoded texts that look like Python; read in the end, if nothing executed them before."""
        self.also_called: set[tuple[int, str]] = set()
        """Region and name of calls that no name in the region shows."""
        self.following = False
        """Whether a helper is walked again for one call of it."""
        self.remember: list[Any] = []
        """Trees of inner sources: kept, so that ids of their nodes stay unique."""

    def let_go(self) -> None:
        """Break every cycle, so that the tree is freed at once instead of by a search for garbage."""
        for routine in self.routines:
            routine.closure = []
            routine.results = {}
            routine.generic = None
            routine.owner = None
        for item in self.classes:
            item.attributes = {}
        self.module.clear()
        self.by_key = {}
        self.scopes = [self.module]

    # --- expressions and statements

    def expr(self, node: ast.expr) -> V:
        """What is known of an expression."""
        step = EXPRESSIONS.get(type(node))
        return step(self, node) if step is not None else NONE

    def exprs(self, nodes: Sequence[ast.expr]) -> list[V]:
        """What is known of each."""
        return [self.expr(node) for node in nodes]

    def body(self, nodes: Sequence[ast.stmt]) -> None:
        """Walk statements in order."""
        for node in nodes:
            step = STATEMENTS.get(type(node))
            if step is not None:
                step(self, node)

    # --- names

    def get(self, name: str) -> V | None:
        """The value a name has here, or None."""
        for scope in reversed(self.scopes):
            value = scope.get(name)
            if value is not None:
                return value
        return None

    def set(self, name: str, value: V) -> None:
        """Bind a name here."""
        scope = self.module if name in self.globals_here else self.scopes[-1]
        self.put(scope, name, value)

    def put(self, scope: Scope, name: str, value: V) -> None:
        """Bind a name in a scope, so that a branch can be undone."""
        if self.trail is not None:
            self.trail.append((scope, name, scope.get(name)))
        scope[name] = value

    def branches(self, walks: Sequence[Callable[[], bool]], *, may_skip: bool) -> None:
        """Walk alternatives from the same state and join what they leave.

        Each walk answers whether control goes on after it.
        """
        outer = self.trail
        changed: dict[tuple[int, str], tuple[Scope, V | None]] = {}
        left: list[dict[tuple[int, str], V]] = []
        skipped = may_skip
        for walk in walks:
            trail: list[tuple[Scope, str, V | None]] = []
            self.trail = trail
            goes_on = False
            try:
                goes_on = walk()
            finally:
                self.trail = outer
                now: dict[tuple[int, str], V] = {}
                for scope, name, old in reversed(trail):
                    key = (id(scope), name)
                    if key not in now:
                        now[key] = scope[name]
                    if old is None:
                        scope.pop(name, None)
                    else:
                        scope[name] = old
                    changed[key] = (scope, old)
            left.append(now if goes_on else {})
            skipped = skipped or not goes_on
        for key, (scope, old) in changed.items():
            values = [now[key] for now in left if key in now]
            if old is not None and (skipped or len(values) < len(left)):
                values.append(old)
            if values:
                value = values[0]
                for other in values[1:]:
                    value = join(value, other)
                self.put(scope, key[1], value)

    # --- reports

    def here(self, node: Node) -> Site:
        """Where to place what this node does."""
        return self.site or Site(self.region, node.lineno, node.col_offset)

    def report(
        self,
        node: Node,
        name: str,
        entry: Entry,
        arguments: list[V],
        keywords: dict[str, V],
        *,
        hidden: bool = False,
    ) -> None:
        """Keep a call. A later look at the same call with the same constants replaces the earlier one."""
        if not self.recording or len(self.by_key) >= self.budget.limits.calls:
            return
        if self.site is None or self.layer:
            if _from_parameter(arguments, keywords):
                self.dependent.add(id(node))
                self.dependents += 1
        elif self.following and id(node) not in self.dependent:
            return  # said already, where it stands
        site = self.here(node)
        constants = tuple(
            [_print(value) for value in arguments] + [_print(v) for v in keywords.values()]
        )
        key = (id(node), name, site, constants if self.site or self.unrolling else None)
        self.by_key[key] = SeenCall(
            name, entry, arguments, keywords, site, self.layer, self.quiet > 0, hidden
        )

    def made(self, node: Node, value: V) -> V:
        """Keep a text that folding made."""
        const = value.const
        kind = type(const)
        if kind is str:
            text = const
        elif kind is bytes or kind is bytearray:
            text = bytes(const).decode("latin-1")
        else:
            return value
        limits = self.budget.limits
        if (
            len(text) >= limits.text_characters
            and len(self.made_texts) < limits.texts
            and self.recording
        ):
            self._keep_text(node, text, value.layer)
        value.built = True
        return value

    def _keep_text(self, node: Node, text: str, decoded: int) -> None:
        key = (text, self.layer)
        if key in self.made_texts or len(text) > self.text_left:
            return
        self.text_left -= len(text)
        self.made_texts[key] = SeenText(text, self.here(node), self.layer + decoded)
        if decoded:
            self._guess(node, text)

    def guess(self, node: Node, value: V) -> None:
        """Keep a text that may be code, to be read in the end."""
        const = value.const
        if type(const) is bytes:
            const = const.decode("latin-1")
        if type(const) is str:
            self._guess(node, const)

    def _guess(self, node: Node, text: str) -> None:
        if len(self.guesses) < self.budget.limits.inner_sources and _looks_like_python(text):
            self.guesses.append((text, self.here(node), self.layer))

    def interesting(
        self, entry: Entry, arguments: list[V], keywords: dict[str, V], *, hidden: bool
    ) -> bool:
        """Whether a call is worth reporting."""
        if entry.roles or hidden:
            return True
        bits = 0
        for value in arguments:
            bits |= value.bits
        for value in keywords.values():
            bits |= value.bits
        return bool(bits & NOTABLE)


_MARKS = ("import ", "exec(", "eval(", "__import__", "open(", "lambda ")


def _looks_like_python(text: str) -> bool:
    return "(" in text and any(mark in text for mark in _MARKS)


def _from_parameter(arguments: list[V], keywords: dict[str, V]) -> bool:
    return any(value.bits & PARAMETER for value in arguments) or any(
        value.bits & PARAMETER for value in keywords.values()
    )


def _print(value: V) -> Folded:
    """A fingerprint of what is known, for telling reports apart."""
    const = value.const
    if const is UNSET:
        return (value.text[:200], value.names)
    kind = type(const)
    if kind is str or kind is bytes:
        return const if len(const) <= 200 else (len(const), const[:100], const[-100:])  # noqa: PLR2004 - either end tells
    if kind is int or kind is bool or const is None or kind is float:
        return const
    return kind
