"""A group of commands that are imported when they are called: `pratique party …`, `pratique work …`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

_MAX_HELP_CHARS = 300


class LazyGroup(click.Group):
    """A group whose commands are named as `module:attribute` and imported when called.

    Unlike at the top level the help of each stands in the command itself, so that only a list of
    them (`--help`) imports them all.
    """

    def __init__(self, *args: object, table: Mapping[str, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own arguments, handed on as they come
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click decides the signature
        """The names of all commands, none of them imported."""
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click decides the signature
        """Import one command, or say that there is none of this name."""
        place = self._table.get(cmd_name)
        if place is None:
            return None
        module_name, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands with the whole first sentence of each: what is cut off helps nobody."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(_MAX_HELP_CHARS)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)
