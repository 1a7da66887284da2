"""The register's file, written as TOML for people and git, or as JSON.

Reading it back changes nothing: a law, tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from pratique.parties.model import Party, PartyKind, Project
from pratique.parties.register_file import RegisterFile

_TABLES: Final = (PartyKind.OWN, PartyKind.VENDOR, PartyKind.CLIENT, PartyKind.PEOPLE)
_UNITS: Final = (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10))
_HEAD: Final = "# The register of parties (docs/reference/parties-file.md); pratique party import\n"


def render_register_json(file: RegisterFile) -> str:
    """The file as JSON."""
    tables: dict[str, Any] = {}
    for table, rows in _tables(file):
        if table == PartyKind.OWN.value:
            tables[table] = rows[0]
        else:
            tables[table] = rows
    return msgspec.json.format(msgspec.json.encode(tables), indent=2).decode() + "\n"


def render_register_toml(file: RegisterFile) -> str:
    """The file as TOML."""
    out = [_HEAD]
    for table, rows in _tables(file):
        heading = f"[{table}]" if table == PartyKind.OWN.value else f"[[{table}]]"
        for row in rows:
            lines = (f"{key} = {_value(value, deep=False)}" for key, value in row.items())
            out.append(f"\n{heading}\n" + "".join(f"{line}\n" for line in lines))
    return "".join(out)


def _tables(file: RegisterFile) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Every table that has rows, in the file's order, each row without what is not given."""
    for kind in _TABLES:
        found = [one for one in file.parties.values() if one.kind is kind]
        if found:
            yield kind.value, [_party_row(one) for one in sorted(found, key=lambda one: one.name)]
    if file.projects:
        yield "project", [_project_row(one) for _, one in sorted(file.projects.items())]
    if file.contracts:
        yield "contract", [_given(one) for _, one in sorted(file.contracts.items())]


def _party_row(party: Party) -> dict[str, Any]:
    row = _given(party)
    del row["kind"]
    return row


def _project_row(project: Project) -> dict[str, Any]:
    row = _given(project)
    budget = row.pop("budget_bytes", None)
    return row if budget is None else row | {"budget": _size(budget)}


def _size(count: int) -> str | int:
    """The size in the largest unit that is exact."""
    for unit, power in _UNITS:
        if count % (1 << power) == 0:
            return f"{count >> power}{unit}"
    return count


def _given(record: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(date,))
    return {key: _bare(value) for key, value in plain.items() if value not in (None, "", (), [])}


def _bare(value: Any) -> Any:  # noqa: ANN401 - any value of a record
    if isinstance(value, Mapping):
        return {key: _bare(one) for key, one in value.items() if one not in (None, "")}
    if isinstance(value, list | tuple):
        return [_bare(one) for one in value]
    return value


def _value(value: Any, *, deep: bool) -> str:  # noqa: ANN401 - any value of a row
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, deep=deep)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_value(one, deep=True)}" for key, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return _list(value)
    return str(value)


def _list(values: list[Any]) -> str:
    told = [_value(one, deep=True) for one in values]
    line = f"[{', '.join(told)}]"
    if len(told) > 1 and len(line) > 100:  # noqa: PLR2004 - as wide as an editor's window
        return "[\n" + "".join(f"  {one},\n" for one in told) + "]"
    return line


def _text(text: str, *, deep: bool) -> str:
    """A basic string; its escapes are those of JSON, but for the one character that JSON leaves."""
    if text.startswith("-----BEGIN") and text.endswith("\n") and deep:
        return f'"""\n{text}"""'
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
