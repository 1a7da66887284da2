"""Commands of `pratique dataset` that tell others: loaded when they are called."""

from __future__ import annotations

import importlib
from typing import Final

import click

EVIDENCE: Final = {
    "delivery": "pratique.doors.cli.dataset_delivery:delivery",
    "describe": "pratique.doors.cli.dataset_describe:describe",
    "log": "pratique.doors.cli.dataset_log:log",
}


class EvidenceGroup(click.Group):
    """A group with commands of its own, and those."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *EVIDENCE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported if it is one of evidence."""
        if cmd_name not in EVIDENCE:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = EVIDENCE[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command
