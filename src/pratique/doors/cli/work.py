"""`pratique work`: who did what to which record. Its commands are loaded when they are called."""

from __future__ import annotations

import importlib
from typing import Final

import click

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


class _WorkGroup(click.Group):
    """A group whose commands are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click decides the signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click decides the signature
        if cmd_name not in _COMMANDS:
            return None
        module_name, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command


@click.group(cls=_WorkGroup)
def work() -> None:
    """Tasks, submissions, transforms, reviews, deliveries: who did what to which record."""
