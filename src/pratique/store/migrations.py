"""Numbered schema changes, applied once and recorded.

`migrations/<dialect>/<group>/0001_what.sql` change the schema; `sql/schema/<dialect>/<group>.sql`
shows what they add up to, and a test holds the two equal. A change that old and new programs
cannot share ships in two halves, before and after the programs are exchanged.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from pratique.store.errors import StoreDamagedError
from pratique.store.statements import SQL_FOLDER, Dialect

Group: TypeAlias = Literal["control", "seen", "facts", "vetting", "ledger", "custody"]
"""`control`: what people decided; `seen`: what the door met; `facts`: projections of the ledger;
`vetting`: what was found in bytes; `ledger`: the log itself, which only PostgreSQL keeps in tables;
`custody`: training data, leases and budgets."""

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one group's schema."""

    number: int
    name: str
    sql: str


@functools.cache
def load_migrations(dialect: Dialect, group: Group) -> tuple[Migration, ...]:
    """All changes of a group in order, numbered from 1 without a gap."""
    found: list[Migration] = []
    for path in sorted((MIGRATIONS_FOLDER / dialect / group).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match.group(1)) != len(found) + 1:
            raise ValueError(f"{path}: expected number {len(found) + 1:04d} and a lower-case name")
        sql = path.read_text("utf-8")
        found.append(Migration(number=len(found) + 1, name=match.group(2), sql=sql))
    return tuple(found)


def load_schema(dialect: Dialect, group: Group) -> str:
    """The schema that the migrations add up to, for readers and for the test."""
    return (SQL_FOLDER / "schema" / dialect / f"{group}.sql").read_text("utf-8")


def pending_migrations(
    dialect: Dialect, group: Group, *, applied: frozenset[int]
) -> tuple[Migration, ...]:
    """The changes that a database still lacks.

    Raises: StoreDamagedError when it has some that this program does not know.
    """
    known = load_migrations(dialect, group)
    unknown = applied - {migration.number for migration in known}
    if unknown:
        raise StoreDamagedError(
            f"the {group} tables were changed by a newer Pratique (change {max(unknown)})",
            expected=f"at most change {len(known)}",
            remedy="run the newer version, or restore the backup made before its first start",
        )
    return tuple(migration for migration in known if migration.number not in applied)
