"""A ClickHouse session in a process of its own (`kit/chdb_child.py`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("chdb_child.py")
PYTHON = "PRATIQUE_TEST_CLICKHOUSE"
"""Names the Python that has chdb; `make test-clickhouse` sets it."""


class ChdbSession:
    """Fulfils `ClickHouseSession`; end it with `close`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [os.environ[PYTHON], CHILD],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def run(self, sql: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._ask({"run": sql, "params": dict(params)})]

    def add(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        self._ask({"add": table, "rows": [list(row) for row in rows]})

    def _ask(self, asked: dict[str, object]) -> list[list[Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the engine ended"}
        if "error" in answer:
            raise AssertionError(f"{answer['error']}\n{str(asked)[:500]}")
        rows: list[list[Any]] = answer["rows"]
        return rows

    def close(self) -> None:
        """End the process; it leaves no files."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
