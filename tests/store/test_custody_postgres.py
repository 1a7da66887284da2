"""Custody on a PostgreSQL server whose defaults are not what budgets need."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg

from kit.custody import NOON, a_dataset, a_lease
from pratique.custody.model import Slab
from pratique.settings import Settings, StorageSettings
from pratique.store.custody import open_custody


def test_slabs_are_durable_and_whole_whatever_the_server_s_defaults_are(
    postgres_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        [(name,)] = admin.execute("SELECT current_database()").fetchall()
        admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
        admin.execute(
            f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'".encode()
        )
    state = open_custody(
        Settings(home=tmp_path, storage=StorageSettings(database_url=postgres_url))
    )
    try:
        with state._database.write() as session:
            connection = session._connection  # type: ignore[attr-defined]  # the driver is asked
            assert connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]
        state.add_dataset(a_dataset())
        lease = a_lease(budget_bytes=64 * 65536)
        state.add_lease(lease)
        given: list[object] = []

        def take() -> None:
            given.append(
                state.reserve(lease, need_bytes=65536, need_objects=0, want_bytes=65536, now=NOON)
            )

        threads = [threading.Thread(target=take) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(one) for one in given] == [Slab] * 16, "nobody was told to try again"
    finally:
        state.close()
