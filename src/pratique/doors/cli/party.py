"""`pratique party`: vendors, clients and people. Its commands are loaded when they are called."""

from __future__ import annotations

from typing import Final

import click

from pratique.doors.cli.lazy_group import LazyGroup

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


@click.group(cls=LazyGroup, table=_COMMANDS)
def party() -> None:
    """Vendors, clients and people: who they are, what they promised, what stops when."""
