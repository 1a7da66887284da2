"""Control state in two SQLite files: `control.db` (decisions) and `seen.db` (what the door met).

The epoch is SQLite's own: `PRAGMA data_version` on a connection that never writes differs after
every commit to `control.db`, by whichever connection or process, from the very next call on.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from pratique.store.connect_sqlite import SqliteDatabase, connect_file, translated
from pratique.store.control_tables import ControlTables


class SqliteControl(ControlTables):
    """`ControlState` below a home folder, for one host."""

    def __init__(self, home: Path) -> None:
        path = home / "control.db"
        control = SqliteDatabase(path, "control")
        super().__init__(control=control, seen=SqliteDatabase(home / "seen.db", "seen"))
        self._path = path
        with translated(path):
            self._observer = connect_file(path, read_only=True)
        self._lock = threading.Lock()

    def epoch(self) -> int:
        """A number that differs from every earlier one once a decision has changed.

        Raises: StoreUnavailableError when the file cannot be read.
        """
        # Asked for every answer, so the translator is only entered when there is something to say.
        with self._lock:
            try:
                (version,) = self._observer.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                with translated(self._path):
                    raise
        return int(version)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._observer.close()
        super().close()
