"""Several connections of one process to one SQLite file, while other processes come and go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.control_sqlite import SqliteControl

_COMES_AND_GOES = """
import sys
from pathlib import Path
from pratique.policy.model import Verdict, VettingFacts
from pratique.store.control_sqlite import SqliteControl
control = SqliteControl(Path(sys.argv[1]))
control.set_vetting("0" * 64, VettingFacts(verdict=Verdict.SUSPICIOUS, headline=sys.argv[2]))
control.close()
"""


def test_changes_of_others_are_seen_when_a_file_is_open_twice(tmp_path: Path) -> None:
    """Else a revocation would go unnoticed by a door that also keeps audits in that file."""
    control = SqliteControl(tmp_path)
    second = SqliteDatabase(tmp_path / "control.db", "control")
    try:
        for number in range(3):
            before = control.epoch()
            subprocess.run(
                [sys.executable, "-c", _COMES_AND_GOES, str(tmp_path), str(number)],
                check=True,
                timeout=60,
            )
            assert (tmp_path / "control.db-wal").exists(), "the other took itself for the last"
            assert control.epoch() != before
    finally:
        second.close()
        control.close()


@pytest.mark.parametrize("name", ["control.db", "seen.db"])
def test_a_new_file_is_for_its_owner_only(tmp_path: Path, name: str) -> None:
    control = SqliteControl(tmp_path)
    control.close()
    assert os.stat(tmp_path / name).st_mode & 0o077 == 0  # noqa: PTH116 - the mode is the point
