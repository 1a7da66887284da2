"""Reading a leaked sample leaves the process as it was."""

from __future__ import annotations

import csv
from pathlib import Path

from pratique.edge.custody.leaked import read_sample


def test_cells_of_any_length_are_read_and_the_limit_of_the_process_stays(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    table = tmp_path / "a.csv"
    table.write_text(f'id,text\n1,"{"word " * limit}"\n')
    assert read_sample([table], ()).records == 2
    assert csv.field_size_limit() == limit
