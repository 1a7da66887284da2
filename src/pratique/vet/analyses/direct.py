"""What a module runs by its own statements: functions that are called there in so many words.

Regions tell what a place calls or hands on, so that reach misses nothing. This is the narrower answer: a
function that is handed to a decorator, put into a table or named in a docstring does not run by that.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.reading import Reading
from pratique.vet.python.model import Call
from pratique.vet.python.scan import is_main_guard

MAX_SOURCE = 400_000
"""Characters of a file that is parsed once more for this; larger ones are tables."""
MAX_BACK = 600
"""Lines that are looked back through for the definition that a line stands in."""
_STARTERS = frozenset(
    {"Thread", "Timer", "Process", "register", "start_new_thread", "run", "submit"}
)
"""Calls that soon run a function that they are given."""


def direct_regions(reading: Reading) -> set[int]:
    """The module's own statements, and functions of the file that these call, step by step."""
    deeds = reading.calls(*roles.TALK, roles.RUN, roles.EXECUTE, roles.WRITE)
    if reading.reached_from({0}).isdisjoint({call.region for call in deeds} - {0}):
        return {0}
    called = _words_called(reading.file.source)
    regions = reading.file.regions
    reached, waiting = {0}, [0]
    while waiting:
        here = waiting.pop()
        words = called.get(regions[here].name, set())
        news = {i for i in reading.callees(here) - reached if called_word(regions[i].name) in words}
        reached |= news
        waiting.extend(news)
    return reached


def misplaced(reading: Reading, calls: Iterable[Call]) -> frozenset[int]:
    """Lines of calls that stand in functions, though the module has them: of sources that no parser reads.

    What only tokens were read of has no regions; other rules take that as may-run, this one must not.
    """
    lines = reading.file.lines
    doubtful = {c.line for c in calls if c.region == 0 and _looks_inside(lines, c.line - 1)}
    return frozenset(doubtful) if doubtful and _parsed(reading.file.source) is None else frozenset()


def _looks_inside(lines: tuple[str, ...], index: int) -> bool:
    """Whether the nearest line above that is not indented begins a definition."""
    if index >= len(lines) or not lines[index][:1].isspace():
        return False
    above = (
        line
        for line in reversed(lines[max(0, index - MAX_BACK) : index])
        if line[:1].strip(" \t#)]}")
    )
    return next(above, "").startswith(("def ", "async ", "class ", "@"))


def called_word(name: str) -> str:
    """The word by which a region is called: for `Class.__init__` the class."""
    owner, _, last = name.rpartition(".")
    return owner.rpartition(".")[2] if last == "__init__" else last


def _words_called(source: str) -> dict[str, set[str]]:
    """Qualified name of a function ("" for the module) → last words of what it calls."""
    tree = _parsed(source)
    if tree is None:
        return {}
    found: dict[str, set[str]] = {}
    waiting: list[tuple[ast.AST, str, str]] = [(tree, "", "")]
    while waiting:
        node, owner, scope = waiting.pop()
        if isinstance(node, ast.Call):
            found.setdefault(owner, set()).update(_words_of(node))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            scope = f"{scope}.{node.name}" if scope else node.name
            owner = owner if isinstance(node, ast.ClassDef) else scope
            waiting.extend((part, owner, scope) for part in node.body)
        elif not isinstance(node, ast.Lambda) and not is_main_guard(node):
            waiting.extend((child, owner, scope) for child in ast.iter_child_nodes(node))
    return found


def _parsed(source: str) -> ast.Module | None:
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _words_of(call: ast.Call) -> Iterator[str]:
    """The last word of what is called, and of a function that a thread is given."""
    word = _last_word(call.func)
    yield word
    if word in _STARTERS:
        for value in (*call.args, *(item.value for item in call.keywords)):
            yield _last_word(value)


def _last_word(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
