"""Two Parquet files with several row groups, in the environment that has pyarrow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

told = json.loads(sys.argv[1])
rows = told["rows"]
for part in range(2):
    numbers = range(part * rows, (part + 1) * rows)
    table = pa.table({"n": numbers, "text": [f"this is the text of row {n}" for n in numbers]})
    place = Path(told["scratch"]) / f"part-{part}.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, place, row_group_size=10_000, compression="none")
print(json.dumps({}))
