"""TOML with limits and places, and careful access to what a hostile file may have put there.

`tomli` is the authority on what the file says; it gives no line numbers, and `tomlkit`, which
does, needs 1.9 s for a `uv.lock` of 11,500 lines (tomli: 0.1 s). So the places are found beside
it: the n-th `[[package]]` header belongs to the n-th table of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomli

from pratique.inventory.errors import LockError
from pratique.inventory.model import Location
from pratique.inventory.text import SourceText

MAX_PACKAGES = 50_000

# What can hide a line that only looks like a header: strings over several lines, other strings
# (they may contain three quotes) and comments.
_TOKENS = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*+"""|'
    r"'''(?:[^']|'(?!''))*+'''|"
    r'"(?:[^"\\\n]|\\.)*+"|'
    r"'[^'\n]*+'|"
    r"#[^\n]*+|"
    r"^[ \t]*+\[\[[ \t]*+(?P<name>[\w.-]++)[ \t]*+\]\]",
    re.DOTALL | re.MULTILINE,
)
_LINE = re.compile(r"\(at line (\d+)")


@dataclass(frozen=True, slots=True)
class TableSpan:
    """One `[[name]]` table: what it says and where it stands."""

    table: Mapping[str, Any]
    start: int
    end: int


def parse_tables(source: SourceText) -> dict[str, Any]:
    """Read a TOML file.

    Raises: LockError with the line at which it stops being TOML.
    """
    try:
        return tomli.loads(source.text)
    except tomli.TOMLDecodeError as error:
        place = _LINE.search(str(error))
        number = int(place.group(1)) if place else source.text.count("\n") + 1
        reason = str(error).partition(" (at ")[0][:160]
        raise LockError(
            f"is not TOML: {reason}",
            path=source.path,
            line=number,
            remedy="let the tool that owns the file write it again",
        ) from None
    except RecursionError:
        # Also raised for keys of more than 1,000 parts, which would take quadratic time.
        raise LockError("nests values or keys too deeply", path=source.path) from None
    except ValueError as error:
        # An integer or a date beyond what Python represents.
        raise LockError(f"has an impossible value: {str(error)[:120]}", path=source.path) from None


def table_spans(source: SourceText, tables: Mapping[str, Any], name: str) -> list[TableSpan]:
    """The `[[name]]` tables with their places.

    Raises: LockError when `name` is not a list of tables, or there are too many.
    """
    items = tables.get(name, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        line = source.location(max(source.text.find(name), 0)).line
        raise LockError(f"{name!r} is not a list of tables", path=source.path, line=line)
    if len(items) > MAX_PACKAGES:
        raise LockError(
            f"names {len(items):,} packages", path=source.path, expected=f"at most {MAX_PACKAGES:,}"
        )
    if not items:
        return []
    starts = list(_header_offsets(source.text, name))
    if len(starts) != len(items):
        # Written as an inline array, which no tool does; the whole file is then the place.
        return [TableSpan(item, 0, len(source.text)) for item in items]
    ends = [*starts[1:], len(source.text)]
    return [TableSpan(*span) for span in zip(items, starts, ends, strict=True)]


def _header_offsets(text: str, name: str) -> Iterator[int]:
    if '"""' not in text and "'''" not in text:
        header = re.compile(rf"^[ \t]*+\[\[[ \t]*+{re.escape(name)}[ \t]*+\]\]", re.MULTILINE)
        yield from (match.start() for match in header.finditer(text))
        return
    for token in _TOKENS.finditer(text):
        if token.group("name") == name:
            yield token.start()


def text_of(table: Mapping[str, Any], key: str) -> str:
    """A string value; empty when it is absent or something else."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def table_of(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table value; empty when it is absent or something else."""
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def tables_of(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of tables; whatever is no table is left out."""
    value = table.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts_of(table: Mapping[str, Any], key: str) -> list[str]:
    """A list of strings; whatever is no string is left out."""
    value = table.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def location_of(source: SourceText, span: TableSpan, needle: str) -> Location:
    """Where `needle` stands inside a table, or where the table begins."""
    return source.location(source.find(needle, span.start, span.end, default=span.start))
