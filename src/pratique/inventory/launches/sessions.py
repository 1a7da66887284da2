"""Launches in noxfile.py: `session.install("name")` and `session.run("pip", …)`, never executed."""

from __future__ import annotations

import ast

from pratique.inventory.errors import LockError
from pratique.inventory.launches.model import Launch
from pratique.inventory.launches.shell import launches_of_words
from pratique.inventory.model import Location
from pratique.inventory.text import SourceText


def read_noxfile(source: SourceText) -> list[Launch]:
    """Launches in the calls of a noxfile. Raises: LockError when it is not Python."""
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        raise LockError(
            f"is not Python: {error.msg}", path=source.path, line=error.lineno or 0
        ) from None
    except (RecursionError, ValueError, MemoryError):
        raise LockError("cannot be read as Python", path=source.path) from None
    launches: list[Launch] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = _words(node.func.attr, node)
            location = Location(line=node.lineno, column=node.col_offset + 1)
            launches.extend(launches_of_words(words, location) if words else [])
    return sorted(launches, key=lambda launch: launch.location)


def _words(method: str, call: ast.Call) -> list[str]:
    given = [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    if method == "install":
        return ["pip", "install", *given] if given else []
    return given if method in {"run", "run_always", "run_install"} else []
