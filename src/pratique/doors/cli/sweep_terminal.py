"""What a person at a terminal sees of a sweep, and how they end it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_EVERY_SECONDS: Final = 0.1
_WIDTH: Final = 60


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM ask to end; a second one ends at once."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shown_progress(form: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for a person at a terminal; nothing for everybody else."""
    if form != "text" or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a person at a terminal needs it
    from rich.markup import escape  # noqa: PLC0415 - as above
    from rich.progress import Progress, TextColumn  # noqa: PLC0415 - as above

    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[where]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sweeping", total=None, where="")
        shown = 0.0

        def show(what: str, done: int, total: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _EVERY_SECONDS:
                shown = time.monotonic()
                name = what if len(what) <= _WIDTH else f"…{what[-_WIDTH:]}"
                where = escape("".join(c if c.isprintable() else "?" for c in name))
                bar.update(task, completed=done, total=total or None, where=where)

        yield show
