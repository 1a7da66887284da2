"""Processes of the S3 door hold clients' keys and data."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, resource
from pratique.doors.cli.up_processes import _close_memory
_close_memory()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_their_memory_is_not_dumped_and_not_traced() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert said.stdout == "(0, 0) 0\n"


_FILES = """
import resource
from pratique.doors.cli.up_processes import _more_files
for soft, hard in ((64, 4096), (4096, 4096), (64, 128)):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    _more_files()
    print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.slow
def test_they_take_more_connections_than_one_address_may_open() -> None:
    """The usual soft limit is what one address has: whoever took it kept everybody else out."""
    said = subprocess.run(
        [sys.executable, "-c", _FILES], capture_output=True, text=True, check=True
    )
    assert said.stdout == "(4096, 4096)\n(4096, 4096)\n(128, 128)\n"
