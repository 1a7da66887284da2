"""Splits shell text into commands, line by line, and keeps their places.

This is no shell: a line that cannot be split by its quotes is split at blanks instead, so that
strange quoting hides nothing. Variables are left as they are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pratique.inventory.launches.commands import read_command, without_prefix
from pratique.inventory.launches.model import Command, Launch
from pratique.inventory.model import Location
from pratique.inventory.text import SourceText

MAX_CONFIG_BYTES = 4 * 1024 * 1024
_MAX_LINE = 100_000
_MAX_NESTING = 4
_TOOLS = re.compile(r"(?<![\w.-])(?:uvx|uv|pipx|pip[\d.]*|npx|pnpx|bunx|npm|dlx)(?![\w-])")
_SEPARATORS = frozenset(";&|()<>\n")
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ash"})


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: its text with continuations joined, where it starts and ends."""

    text: str
    offset: int
    end: int


def logical_lines(text: str, *, comments_continue: bool = False) -> Iterator[Line]:
    """Join lines that end in a backslash.

    `comments_continue`: a comment line inside a continuation is dropped, as in Dockerfiles.
    """
    pieces: list[str] = []
    start = offset = 0
    for raw in text.splitlines(keepends=True):
        begin, offset = offset, offset + len(raw)
        line = raw.rstrip("\r\n")
        if pieces and comments_continue and line.lstrip().startswith("#"):
            continue
        if not pieces:
            start = begin
        if line.endswith("\\") and not line.endswith("\\\\"):
            pieces.append(line[:-1])
            continue
        yield Line("".join([*pieces, line]), start, offset)
        pieces = []
    if pieces:
        yield Line("".join(pieces), start, offset)


def read_shell(source: SourceText) -> list[Launch]:
    """Launches in a shell script."""
    launches: list[Launch] = []
    for line in logical_lines(source.text):
        launches.extend(launches_in(line, source))
    return launches


def launches_in(line: Line, source: SourceText, *, text: str | None = None) -> list[Launch]:
    """Launches in one logical line; `text` is the shell in it when that is not all of it."""
    shell = line.text if text is None else text
    if len(shell) > _MAX_LINE or shell.lstrip().startswith("#"):
        return []
    tool = _TOOLS.search(shell)
    if tool is None:
        return []
    at = source.find(tool.group(), line.offset, line.end, default=line.offset)
    return launches_of_text(shell, source.location(at))


def launches_of_text(text: str, location: Location, *, nesting: int = 0) -> list[Launch]:
    """Launches in shell text whose place is known."""
    launches: list[Launch] = []
    for words in split_commands(text):
        launches.extend(launches_of_words(words, location, nesting=nesting))
    return launches


def launches_of_words(
    words: Sequence[str], location: Location, *, nesting: int = 0
) -> list[Launch]:
    """Launches of one command given as words; a shell's `-c` text is looked into."""
    bare = without_prefix(words)
    if not bare:
        return []
    if bare[0].rpartition("/")[2] in _SHELLS and nesting < _MAX_NESTING:
        for at, word in enumerate(bare[1:8], start=1):
            if re.fullmatch(r"-[a-z]*c", word) and at + 1 < len(bare):
                return launches_of_text(bare[at + 1], location, nesting=nesting + 1)
    launch = read_command(Command(words=tuple(bare), location=location))
    return [launch] if launch else []


def split_commands(text: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line, split at `;`, `&&`, `|`, parentheses and redirections."""
    words: list[str] = []
    for token in _tokens(text):
        if token.startswith("#") and not words:
            return
        if token.startswith("#"):
            break
        if token and set(token) <= _SEPARATORS:
            if words:
                yield tuple(words)
            # What follows a redirection is a file name, but `a > b; c` has its own separator.
            words = ["true"] if set(token) <= set("<>&") and set(token) & set("<>") else []
        else:
            words.append(token)
    if words:
        yield tuple(words)


def _tokens(text: str) -> Iterable[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return [word.strip("\"'") for word in re.split(r"([;&|()<>\n]+)|\s+", text) if word]
