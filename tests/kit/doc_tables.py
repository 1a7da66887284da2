"""Tables in pages that say what tests observed: compared always, written anew with PRATIQUE_WRITE_DOCS=1."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

END = "<!-- end of table -->\n"


@dataclass(frozen=True, kw_only=True)
class DocTable:
    """A table behind `<!-- table: NAME -->`; the first column names its rows."""

    page: Path
    name: str
    head: tuple[str, ...]
    rows: tuple[str, ...]
    """Their names, in their order."""

    def read(self) -> dict[str, list[str]]:
        """What the page says."""
        lines = self._parts()[1].splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
        return {row[0]: row[1:] for row in rows}

    def check(self, row: str, observed: Sequence[str]) -> None:
        """Compare a row; write it first where that was asked for."""
        if os.environ.get("PRATIQUE_WRITE_DOCS") == "1":
            self._write(row, list(observed))
        assert self.read().get(row) == list(observed), f"{self.page.name}: {row}"

    def _parts(self) -> tuple[str, str, str]:
        begin = f"<!-- table: {self.name} -->\n"
        before, _, rest = self.page.read_text("utf-8").partition(begin)
        table, _, after = rest.partition(END)
        return before + begin, table, END + after

    def _write(self, row: str, cells: list[str]) -> None:
        table = self.read() | {row: cells}
        before, _, after = self._parts()
        head = f"| {' | '.join(self.head)} |\n{'| --- ' * len(self.head)}|\n"
        body = "".join(
            f"| {one} | {' | '.join(table[one])} |\n" for one in self.rows if one in table
        )
        self.page.write_text(before + head + body + after, "utf-8")
