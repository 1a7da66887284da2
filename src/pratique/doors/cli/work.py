"""`pratique work`: who did what to which record. Its commands are loaded when they are called."""

from __future__ import annotations

from typing import Final

import click

from pratique.doors.cli.lazy_group import LazyGroup

_COMMANDS: Final[dict[str, str]] = {
    "dedupe": "pratique.doors.cli.work_tools:dedupe",
    "deliver": "pratique.doors.cli.work_deliver:deliver",
    "list": "pratique.doors.cli.work_show:list_work",
    "review": "pratique.doors.cli.work_record:review",
    "scan": "pratique.doors.cli.work_tools:scan",
    "submit": "pratique.doors.cli.work_record:submit",
    "task": "pratique.doors.cli.work_record:task",
    "trace": "pratique.doors.cli.work_show:trace",
    "transform": "pratique.doors.cli.work_record:transform",
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def work() -> None:
    """Tasks, submissions, transforms, reviews, deliveries: who did what to which record."""
