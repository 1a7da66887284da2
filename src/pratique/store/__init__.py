"""SQL: shared state and projections of the ledger, on SQLite and PostgreSQL.

Owns: every SQL statement (named, under `sql/`), the schema and its migrations, one class per
protocol that a room declares. Never does: decide anything.
"""
