"""A real PostgreSQL server for tests: one per test process, an empty database per test.

Ask for the fixture `postgres_url`; the test gets the marker `postgres` by that alone. Without server
programs the test is skipped, unless PRATIQUE_TEST_REQUIRE_ALL=1 demands them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SYSTEM_USER = "postgres"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgres_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


def find_server_programs() -> Path | None:
    """The folder that holds `initdb` and `postgres`, the newest when there are several."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("postgres") is not None:
        return Path(on_path).resolve().parent
    folders = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    usable = [folder for folder in folders if (folder / "postgres").exists()]
    return max(usable, key=lambda folder: _major(folder.parent.name), default=None)


def _major(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _missing(reason: str) -> None:
    if os.environ.get("PRATIQUE_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"PRATIQUE_TEST_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


def _launcher() -> list[str]:
    """What to put before a server program: drop root, and let it end when this process ends."""
    words = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
    if os.geteuid() != 0:
        return words
    if words:
        return [*words, "--reuid", _SYSTEM_USER, "--regid", _SYSTEM_USER, "--init-groups"]
    return ["runuser", "-u", _SYSTEM_USER, "--"]


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"postgres ended at once:\n{log.read_text()[-4000:]}")
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    server.kill()
    pytest.fail(f"postgres was not ready after {_START_SECONDS} s:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start a server in a temporary folder; yields a URL with `{database}` left to fill in."""
    programs = find_server_programs()
    if programs is None:
        _missing("no PostgreSQL server programs (initdb, postgres) were found")
        return
    # A short path of its own: a UNIX socket path has at most 107 bytes, and pytest's folders
    # cannot be entered by the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="pratique-pg-"))
    try:
        yield from _run_server(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_server() -> Iterator[str]:
    """As the fixture `postgres_server`, for what is no test; ask `find_server_programs` first."""
    programs = find_server_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pratique-pg-"))
    try:
        yield from _run_server(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_server(programs: Path, folder: Path) -> Iterator[str]:
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam(_SYSTEM_USER)
        except KeyError:
            _missing(f"running as root and there is no user {_SYSTEM_USER!r}")
            return
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, log = folder / "data", folder / "server.log"
    words = [
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    initdb = [*_launcher(), str(programs / "initdb"), *words]
    subprocess.run(initdb, check=True, cwd=folder, capture_output=True, timeout=120)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",  # tests kill processes, never the machine
        "full_page_writes": "off",
        "shared_buffers": "16MB",
        "max_connections": "60",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    command = [*_launcher(), str(programs / "postgres"), "-D", str(data), *settings]
    url = f"postgresql://postgres@/{{database}}?host={folder}"
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
        try:
            _wait_until_ready(server, url.format(database="postgres"), log)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # "fast": does not wait for forgotten connections
            try:
                server.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(timeout=_STOP_SECONDS)


_SPARE: list[str] = []
"""Databases of this process's server that were emptied: making one costs ten times as much."""
_EMPTY = """
DO $$ DECLARE one name; BEGIN
  FOR one IN SELECT nspname FROM pg_namespace
             WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  LOOP EXECUTE format('DROP SCHEMA %I CASCADE', one); END LOOP;
  CREATE SCHEMA public AUTHORIZATION pg_database_owner;
  GRANT USAGE ON SCHEMA public TO public;
END $$
"""
_TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_LEFT = """
SELECT (SELECT count(*) FROM pg_largeobject_metadata) + (SELECT count(*) FROM pg_event_trigger)
     + (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_prepared_xacts)
     + (SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql')
     + (SELECT count(*) FROM pg_db_role_setting) + (SELECT count(*) FROM pg_default_acl)
     + (SELECT count(*) FROM pg_database WHERE datname = current_database()
        AND (datacl IS NOT NULL OR datconnlimit <> -1))
     + (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public')
"""


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database that nobody else is connected to; nothing of it outlives the test."""
    admin = postgres_server.format(database="postgres")
    if _SPARE:
        name = _SPARE.pop()
    else:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
    yield postgres_server.format(database=name)
    if _emptied(postgres_server.format(database=name)):
        _SPARE.append(name)
        return
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _emptied(url: str) -> bool:
    """Whether everything a test may leave in a database could be taken out of it."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '5s'")
            deadline = time.monotonic() + 5
            while connection.execute(_TERMINATE).fetchone() != (0,):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.005)
            connection.execute(_EMPTY)
            return connection.execute(_LEFT).fetchone() == (0,)
    except psycopg.Error:
        return False
