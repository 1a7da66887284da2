"""The test server itself: every store test below relies on it."""

from __future__ import annotations

import psycopg


def test_each_test_gets_a_database_that_holds_nothing(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchone()
        assert found == (0,)
        connection.execute("CREATE TABLE litter (x int)")


def test_what_one_test_leaves_another_does_not_see(postgres_url: str) -> None:
    test_each_test_gets_a_database_that_holds_nothing(postgres_url)


def test_two_connections_reach_the_same_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as one, psycopg.connect(postgres_url) as two:
        one.execute("CREATE TABLE shared (x int)")
        one.commit()
        assert two.execute("SELECT count(*) FROM shared").fetchone() == (0,)
