"""A PostgreSQL whose replicas could forget is told so, as far as it can be seen."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from kit.postgres import _missing, find_server_programs
from pratique.settings import Settings, StorageSettings
from pratique.store.errors import StoreUnavailableError
from pratique.store.replication import replication_warning, warning_of


@pytest.mark.parametrize(
    ("names", "followers", "standby", "said"),
    [
        ("", 0, False, ""),
        ("ANY 1 (*)", 3, False, ""),
        ("", 2, False, "2 asynchronous followers"),
        (" ", 1, False, "synchronous_standby_names"),
        ("*", 0, True, "takes no writes"),
    ],
)
def test_what_is_said(names: str, followers: int, standby: bool, said: str) -> None:
    warning = warning_of(names=names, followers=followers, standby=standby)
    assert said in warning
    assert bool(warning) is bool(said)


def test_without_postgresql_nothing_is_asked(tmp_path: Path) -> None:
    assert replication_warning(Settings(home=tmp_path)) == ""
    nowhere = StorageSettings(database_url=f"postgresql://postgres@/x?host={tmp_path}")
    with pytest.raises(StoreUnavailableError):
        replication_warning(Settings(home=tmp_path, storage=nowhere))


def test_a_follower_is_seen(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, storage=StorageSettings(database_url=postgres_url))
    assert replication_warning(settings) == ""
    programs = find_server_programs()
    if programs is None or not (programs / "pg_receivewal").exists():
        _missing("no pg_receivewal was found")
        return
    with ExitStack() as stack:
        following = stack.enter_context(
            subprocess.Popen(
                [str(programs / "pg_receivewal"), "-D", str(tmp_path), "-d", postgres_url]
            )
        )
        stack.callback(following.terminate)
        deadline = time.monotonic() + 20
        while not replication_warning(settings):
            assert following.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "1 asynchronous followers" in replication_warning(settings)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (other)'")
            try:
                connection.execute("SET synchronous_commit = local")
                connection.execute("SELECT pg_reload_conf()")
                while replication_warning(settings):
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            finally:
                connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
                connection.execute("SELECT pg_reload_conf()")
