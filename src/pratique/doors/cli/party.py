"""`pratique party`: vendors, clients and people. Its commands are loaded when they are called."""

from __future__ import annotations

import importlib
from typing import Final

import click

_COMMANDS: Final[dict[str, str]] = {
    # name: module:attribute, as in the table of the top level; help stands in the command itself
    "add": "pratique.doors.cli.party_edit:add_party",
    "audit": "pratique.doors.cli.party_audit:audit",
    "check": "pratique.doors.cli.party_check:check",
    "clocks": "pratique.doors.cli.party_status:clocks",
    "contract": "pratique.doors.cli.party_agreed:contract",
    "evidence": "pratique.doors.cli.party_evidence:evidence",
    "export": "pratique.doors.cli.party_register:export_register",
    "finding": "pratique.doors.cli.party_findings:finding",
    "findings": "pratique.doors.cli.party_findings:findings",
    "import": "pratique.doors.cli.party_register:import_register",
    "list": "pratique.doors.cli.party_register:list_parties",
    "notice": "pratique.doors.cli.party_notice:notice",
    "project": "pratique.doors.cli.party_agreed:project",
    "proof": "pratique.doors.cli.party_notice:proof",
    "push": "pratique.doors.cli.party_push:push",
    "remove": "pratique.doors.cli.party_edit:remove_party",
    "resume": "pratique.doors.cli.party_suspend:resume",
    "set": "pratique.doors.cli.party_edit:set_party",
    "show": "pratique.doors.cli.party_show:show",
    "status": "pratique.doors.cli.party_status:status",
    "suspend": "pratique.doors.cli.party_suspend:suspend",
}


class _PartyGroup(click.Group):
    """A group whose commands are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click decides the signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click decides the signature
        if cmd_name not in _COMMANDS:
            return None
        module_name, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command


@click.group(cls=_PartyGroup)
def party() -> None:
    """Vendors, clients and people: who they are, what they promised, what stops when."""
