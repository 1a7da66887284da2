"""Reading Parquet with pyarrow, where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pratique.errors import InputError


def pyarrow_parquet() -> ModuleType:
    """`pyarrow.parquet`. Raises: InputError that says how to install it."""
    try:
        import pyarrow.parquet  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow, which is not installed",
            remedy="pip install 'pratique[parquet]'",
        ) from None
    module: ModuleType = pyarrow.parquet
    return module


def parquet_rows(path: Path) -> Iterator[list[Any]]:
    """Rows as lists of values. Raises: InputError."""
    parquet = pyarrow_parquet()
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                columns = [column.to_pylist() for column in batch.columns]
                yield from map(list, zip(*columns, strict=True))
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the disk's, not the file's
        raise InputError(f"{path} cannot be read as Parquet: {error}") from None
