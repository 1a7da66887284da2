"""The named SQL statements below `sql/`, read once per dialect.

A file holds statements, each headed by `-- name: find_something` and a line that says what for.
`sql/shared/` is what every dialect understands; a dialect's own folder adds the rest. Parameters
are written `:name` everywhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

Dialect: TypeAlias = Literal["sqlite", "postgres"]

SQL_FOLDER = Path(__file__).parent / "sql"

_HEAD = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\n-- (\S.*)\n", re.MULTILINE)
PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
"""A parameter as statements write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, ready for its dialect's driver."""

    name: str
    purpose: str
    sql: str


@functools.cache
def load_statements(dialect: Dialect) -> Mapping[str, Statement]:
    """Read every statement of a dialect.

    Raises: ValueError when a file has text before its first head or a name is used twice.
    """
    found: dict[str, Statement] = {}
    for folder in ("shared", dialect):
        for path in sorted((SQL_FOLDER / folder).glob("*.sql")):
            for statement in parse_statements(path.read_text("utf-8"), dialect=dialect):
                if statement.name in found:
                    raise ValueError(f"{path}: statement {statement.name} exists already")
                found[statement.name] = statement
    return MappingProxyType(found)


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
