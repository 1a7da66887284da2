"""Launches in JSON files: MCP servers of assistants and editors, development containers.

Comments and trailing commas are allowed, because editors allow them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pratique.inventory.errors import LockError
from pratique.inventory.launches.model import Launch
from pratique.inventory.launches.shell import launches_of_text, launches_of_words
from pratique.inventory.model import Location
from pratique.inventory.text import SourceText

_MAX_DEPTH = 40
# What is not closed runs to the end, so that a file full of openings is not searched again and again.
_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|//[^\n]*+|/\*.*?(?:\*/|\Z)', re.DOTALL)
_COMMAS = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|,(?=\s*+[}\]])', re.DOTALL)


@dataclass(slots=True)
class _Reading:
    source: SourceText
    cursor: int = 0

    def place(self, text: str) -> Location:
        """Where a string stands, searched onward from the last place."""
        spelled = json.dumps(text, ensure_ascii=False)
        self.cursor = self.source.find(
            spelled, self.cursor, len(self.source.text), default=self.cursor
        )
        return self.source.location(self.cursor)


def read_mcp(source: SourceText) -> list[Launch]:
    """Every object with a `command` and `args`: that is what an assistant will start."""
    reading = _Reading(source)
    launches: list[Launch] = []
    for table in _objects(_parse(source), 0):
        command, args = table.get("command"), table.get("args", [])
        if not isinstance(command, str):
            continue
        words = [word for word in args if isinstance(word, str)] if isinstance(args, list) else []
        location = reading.place(command)
        start = command.split() if not words else [command]
        launches.extend(launches_of_words([*start, *words], location))
    return launches


def read_devcontainer(source: SourceText) -> list[Launch]:
    """The `…Command` keys: a shell line, a list of words, or an object of either."""
    reading = _Reading(source)
    launches: list[Launch] = []
    for table in _objects(_parse(source), 0):
        for key, value in table.items():
            if key.endswith("Command"):
                named = value.values() if isinstance(value, dict) else [value]
                for command in named:
                    launches.extend(_command(reading, command))
    return launches


def _command(reading: _Reading, command: object) -> list[Launch]:
    if isinstance(command, str):
        return launches_of_text(command, reading.place(command))
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        return launches_of_words(command, reading.place(command[0]))
    return []


def _parse(source: SourceText) -> object:
    # Blanks instead of what is removed, so that line numbers stay true.
    text = _COMMAS.sub(_blank, _COMMENTS.sub(_blank, source.text))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise LockError(f"is not JSON: {error.msg}", path=source.path, line=error.lineno) from None
    except (RecursionError, ValueError):
        raise LockError("nests values too deeply", path=source.path) from None


def _blank(found: re.Match[str]) -> str:
    return found.group(1) or re.sub(r"[^\n]", " ", found.group())


def _objects(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    """Every object in the file, outermost first, in the order of the text."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _objects(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item, depth + 1)
