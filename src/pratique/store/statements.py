"""The named SQL statements below `sql/`, read once per dialect.

A file holds statements, each headed by `-- name: find_something` and a line that says what for.
`sql/shared/` is what every dialect understands; a dialect's own folder adds the rest. Parameters
are written `:name` everywhere.

What dialects spell differently, and what many statements repeat, is a *word*: `{{each k :items bigint}}`
stands for the text of `-- word: each row list type` in `sql/words/`, with its `$row`, `$list`, `$type`
filled in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import msgspec

Dialect: TypeAlias = Literal["sqlite", "postgres"]

SQL_FOLDER = Path(__file__).parent / "sql"

_HEAD = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\n-- (\S.*)\n", re.MULTILINE)
_WORD_HEAD = re.compile(r"^-- word: ([a-z_]+(?: [a-z]+)*)\n-- \S.*\n", re.MULTILINE)
_USE = re.compile(r"\{\{([^{}]*)\}\}")
_BLANK = re.compile(r"\$([a-z]+)")
PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
"""A parameter as statements write it."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement, ready for its dialect's driver."""

    name: str
    purpose: str
    sql: str


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A text with blanks that statements use by name."""

    blanks: tuple[str, ...]
    text: str


@functools.cache
def load_statements(dialect: Dialect) -> Mapping[str, Statement]:
    """Read every statement of a dialect.

    Raises: ValueError when a file has text before its first head or a name is used twice.
    """
    words = load_words(dialect)
    found: dict[str, Statement] = {}
    for folder in ("shared", dialect):
        for path in sorted((SQL_FOLDER / folder).glob("*.sql")):
            text = fill_in(path.read_text("utf-8"), words)
            for statement in parse_statements(text, dialect=dialect):
                if statement.name in found:
                    raise ValueError(f"{path}: statement {statement.name} exists already")
                found[statement.name] = statement
    return MappingProxyType(found)


@functools.cache
def load_words(dialect: Dialect) -> Mapping[str, Word]:
    """Read every word of a dialect; words that all dialects share may use the dialect's own."""
    words: dict[str, Word] = {}
    for name in (dialect, "shared"):
        parse_words((SQL_FOLDER / "words" / f"{name}.sql").read_text("utf-8"), into=words)
    return MappingProxyType(words)


def parse_words(text: str, *, into: dict[str, Word]) -> None:
    """Read a file of words; each may use those before it.

    Raises: ValueError when there is text before the first head or a name is used twice.
    """
    heads = list(_WORD_HEAD.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ValueError("a file of words begins with '-- word: …' and a line of purpose")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        name, *blanks = head.group(1).split()
        if name in into:
            raise ValueError(f"word {name} exists already")
        body = fill_in(text[head.end() : end].strip(), into)
        unknown = set(_BLANK.findall(body)) - set(blanks)
        if unknown:
            raise ValueError(f"word {name} has no blank ${min(unknown)}")
        into[name] = Word(blanks=tuple(blanks), text=body)


def fill_in(text: str, words: Mapping[str, Word]) -> str:
    """Replace each `{{word value …}}` by the word's text.

    Raises: ValueError when a word is unknown or has another number of blanks.
    """
    if "{{" not in text:
        return text
    # A file says the same few uses over and over.
    parts = _USE.split(text)
    told = {use: _use(use, words) for use in set(parts[1::2])}
    parts[1::2] = [told[use] for use in parts[1::2]]
    return "".join(parts)


def _use(use: str, words: Mapping[str, Word]) -> str:
    name, *values = use.split() or [""]
    word = words.get(name)
    if word is None or len(word.blanks) != len(values):
        raise ValueError(f"no word {name!r} with {len(values)} blanks: {{{{{use}}}}}")
    if not values:
        return word.text
    filled = dict(zip(word.blanks, values, strict=True))
    return _BLANK.sub(lambda blank: filled[blank.group(1)], word.text)


def parse_statements(text: str, *, dialect: Dialect) -> tuple[Statement, ...]:
    """Split a file into its statements and write parameters as the dialect's driver wants them."""
    heads = list(_HEAD.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ValueError("a file of statements begins with '-- name: …' and a line of purpose")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return tuple(
        Statement(
            name=head.group(1),
            purpose=head.group(2),
            sql=_for_driver(text[head.end() : end].strip().rstrip(";"), dialect),
        )
        for head, end in zip(heads, ends, strict=True)
    )


def _for_driver(sql: str, dialect: Dialect) -> str:
    if dialect == "sqlite":
        return sql
    return PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
