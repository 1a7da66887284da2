"""Migrations add up to the schema that is written down; statements fit the schema."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from pratique.store.connect_postgres import PostgresDatabase
from pratique.store.connect_sqlite import SqliteDatabase, split_script
from pratique.store.errors import StoreDamagedError
from pratique.store.migrations import Group, load_migrations, load_schema
from pratique.store.statements import Dialect, load_statements, parse_statements

GROUPS: tuple[Group, ...] = ("control", "seen", "facts", "vetting", "custody")
DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgres")


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _sqlite_shape(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
    own = ("schema_migrations", "sqlite_sequence")
    return {(kind, name, _squeeze(sql)) for kind, name, sql in rows if name not in own}


@pytest.mark.parametrize("group", GROUPS)
def test_sqlite_migrations_add_up_to_the_schema(group: Group, tmp_path: Path) -> None:
    migrated = SqliteDatabase(tmp_path / "migrated.db", group)
    described = sqlite3.connect(tmp_path / "described.db", isolation_level=None)
    for statement in split_script(load_schema("sqlite", group)):
        described.execute(statement)
    assert _sqlite_shape(migrated._reader) == _sqlite_shape(described)
    assert len(_sqlite_shape(described)) >= 4
    described.close()
    migrated.close()


_POSTGRES_SHAPE = """
SELECT 'column', table_name || '.' || column_name,
  concat_ws(' ', ordinal_position, data_type, is_nullable, column_default, is_identity)
FROM information_schema.columns WHERE table_schema = %(schema)s
UNION ALL SELECT 'index', indexname, replace(indexdef, %(schema)s || '.', '') FROM pg_indexes
  WHERE schemaname = %(schema)s
UNION ALL SELECT 'constraint', conname, replace(pg_get_constraintdef(oid), %(schema)s || '.', '')
  FROM pg_constraint WHERE connamespace = CAST(%(schema)s AS regnamespace)
UNION ALL SELECT 'trigger', tgname, replace(pg_get_triggerdef(oid), %(schema)s || '.', '')
  FROM pg_trigger WHERE NOT tgisinternal
  AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = CAST(%(schema)s AS regnamespace))
UNION ALL SELECT 'function', proname, prosrc FROM pg_proc
  WHERE pronamespace = CAST(%(schema)s AS regnamespace)
"""


def _postgres_shape(url: str, schema: str) -> set[tuple[str, str, str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(_POSTGRES_SHAPE.encode(), {"schema": schema}).fetchall()
    return {tuple(row) for row in rows if "schema_migrations" not in row[1] + row[2]}


@pytest.mark.parametrize("group", GROUPS)
def test_postgres_migrations_add_up_to_the_schema(group: Group, postgres_url: str) -> None:
    PostgresDatabase(postgres_url, (group,), schema="migrated", deadline_seconds=10).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SCHEMA described")
        connection.execute("SET search_path TO described")
        connection.execute(load_schema("postgres", group).encode())
    shape = _postgres_shape(postgres_url, "described")
    assert _postgres_shape(postgres_url, "migrated") == shape
    assert len(shape) >= 10


@pytest.mark.parametrize("group", GROUPS)
def test_both_dialects_have_the_same_tables_and_columns(group: Group, postgres_url: str) -> None:
    embedded = SqliteDatabase(Path(":memory:"), group)
    columns = {
        f"{table}.{column}"
        for kind, table, _ in _sqlite_shape(embedded._reader)
        if kind == "table"
        for (_, column, *_) in embedded._reader.execute(f"PRAGMA table_info({table})")
    }
    embedded.close()
    PostgresDatabase(postgres_url, (group,), schema="s", deadline_seconds=10).close()
    shape = _postgres_shape(postgres_url, "s")
    found = {name for kind, name, _ in shape if kind == "column"}
    # Only PostgreSQL keeps the epoch in a table (SQLite counts commits by itself), and only it
    # cuts `presence` into partitions.
    own = ("control_epoch.", "presence_")
    assert {name for name in found if not name.startswith(own)} == columns


def test_migrations_are_numbered_alike_in_both_dialects() -> None:
    for group in GROUPS:
        names = [
            [(m.number, m.name) for m in load_migrations(dialect, group)] for dialect in DIALECTS
        ]
        assert names[0] == names[1]
        assert names[0]


def test_sqlite_migrations_run_once(tmp_path: Path) -> None:
    for _ in range(2):
        SqliteDatabase(tmp_path / "x.db", "control").close()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        rows = connection.execute("SELECT number FROM schema_migrations").fetchall()
    connection.close()
    assert rows == [(m.number,) for m in load_migrations("sqlite", "control")]


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path, postgres_url: str) -> None:
    path = tmp_path / "x.db"
    SqliteDatabase(path, "control").close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'future', 0)")
    connection.close()
    with pytest.raises(StoreDamagedError, match="newer Pratique"):
        SqliteDatabase(path, "control")
    PostgresDatabase(postgres_url, ("control",), schema="s", deadline_seconds=10).close()
    with psycopg.connect(postgres_url) as link:
        link.execute("INSERT INTO s.schema_migrations VALUES ('control', 99, 'future', 0)")
    with pytest.raises(StoreDamagedError, match="newer Pratique"):
        PostgresDatabase(postgres_url, ("control",), schema="s", deadline_seconds=10)


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations" / "sqlite" / "control"
    folder.mkdir(parents=True)
    (folder / "0001_bad.sql").write_text("CREATE TABLE a (x INT);\nCREATE TABLE a (x INT);\n")
    monkeypatch.setattr("pratique.store.migrations.MIGRATIONS_FOLDER", tmp_path / "migrations")
    load_migrations.cache_clear()
    try:
        with pytest.raises(Exception, match="already exists"):
            SqliteDatabase(tmp_path / "x.db", "control")
    finally:
        load_migrations.cache_clear()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


def test_every_sqlite_statement_compiles_against_the_schema() -> None:
    connection = sqlite3.connect(":memory:")
    for group in GROUPS:
        connection.executescript(load_schema("sqlite", group))
    for statement in load_statements("sqlite").values():
        plan = connection.execute(f"EXPLAIN {statement.sql}", _AnyParameter())
        assert plan.fetchone() is not None, statement.name
    connection.close()


class _AnyParameter(dict[str, None]):
    def __missing__(self, key: str) -> None:
        return None


def test_both_dialects_know_the_same_statements() -> None:
    only_postgres = {"read_control_epoch"}
    assert set(load_statements("postgres")) - only_postgres == set(load_statements("sqlite"))


def test_statements_are_split_and_their_parameters_rewritten() -> None:
    text = (
        "-- name: one\n-- Finds it.\nSELECT '50%' WHERE a = :a_1;\n\n-- name: two\n-- Second.\nX;\n"
    )
    one, two = parse_statements(text, dialect="postgres")
    assert (one.name, one.purpose) == ("one", "Finds it.")
    assert one.sql == "SELECT '50%%' WHERE a = %(a_1)s"
    assert two.sql == "X"
    assert parse_statements(text, dialect="sqlite")[0].sql == "SELECT '50%' WHERE a = :a_1"


@pytest.mark.parametrize(
    "text", ["", "SELECT 1;", "-- name: a\nSELECT 1;", "x\n-- name: a\n-- b\nc"]
)
def test_a_statement_without_name_or_purpose_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="purpose"):
        parse_statements(text, dialect="sqlite")
