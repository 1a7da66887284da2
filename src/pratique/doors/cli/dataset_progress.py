"""The bar that a person at a terminal sees while data is read."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pratique.errors import PratiqueError
from pratique.values.plain_text import printable

if TYPE_CHECKING:
    from pratique.edge.custody.sources import Source

_EVERY_SECONDS: Final = 0.1
_WIDTH: Final = 40


@contextmanager
def shown_bytes(
    form: str, total_of: Callable[[threading.Event], int | None]
) -> Iterator[Callable[[str, int], None]]:
    """A bar of bytes for a person at a terminal; nothing for everybody else.

    `total_of`: how much there is in all. It is found out beside the work, so that the work does not
    wait for it, until nobody wants to know any more (the event).
    """
    if form != "text" or not sys.stderr.isatty():
        yield lambda _what, _done: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a person at a terminal needs it
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[where]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, where="")
        ended = threading.Event()

        def count() -> None:
            total = total_of(ended)
            if total is not None:
                bar.update(task, total=total)

        counting = threading.Thread(target=count, daemon=True, name="count")
        counting.start()
        shown = 0.0

        def show(what: str, done: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _EVERY_SECONDS:
                shown = time.monotonic()
                name = what if len(what) <= _WIDTH else f"…{what[-_WIDTH:]}"
                bar.update(task, completed=done, where=printable(name))

        try:
            yield show
        finally:
            ended.set()
            counting.join()


def bytes_of(source: Source) -> Callable[[threading.Event], int | None]:
    """For `shown_bytes`: everything in a source."""

    def total_of(ended: threading.Event) -> int | None:
        total = 0
        try:
            for found in source.walk():
                total += getattr(found, "size", 0)
                if ended.is_set():
                    return None
        except PratiqueError:
            return None  # the registering meets it too, and tells it
        return total

    return total_of
