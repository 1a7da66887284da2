"""Collected by `make test-clickhouse` only: the engine is too large for every other run."""

import os

from kit.clickhouse import PYTHON

collect_ignore_glob = [] if os.environ.get(PYTHON) else ["test_*.py"]
