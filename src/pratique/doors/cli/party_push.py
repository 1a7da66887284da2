"""`pratique party push`: the vendor's side, giving evidence to a customer's door."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.options import format_option
from pratique.doors.cli.party_register import read_file
from pratique.doors.cli.plain import safe_line
from pratique.edge.parties.push import fetch_own_view, push_evidence
from pratique.edge.sweep.push import parse_target
from pratique.errors import InputError
from pratique.parties.evidence import MAX_EVIDENCE_BYTES
from pratique.parties.model import NAMED_KINDS


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--to", "server", required=True, metavar="URL", help="The customer's door.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token of the role party that the customer gave.",
)
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Certificates that the server's is checked with; else the system's.",
)
@click.option("--kind", type=click.Choice([kind.value for kind in NAMED_KINDS]), help="What it is.")
@click.option("--product", default="", help="Of which product it is.")
@click.option("--made", default="", metavar="INSTANT", help="When it was made.")
@click.option("--expires", default="", metavar="INSTANT", help="Until when it holds.")
@click.option("--issuer", default="", help="Of a certifier's paper: whose it is.")
@click.option("--status", is_flag=True, help="Send nothing; show what the customer knows of us.")
@format_option
def push(
    files: tuple[Path, ...],
    *,
    server: str,
    token_file: Path,
    ca_file: Path | None,
    kind: str | None,
    status: bool,
    form: str,
    **told: str,
) -> None:
    """Give evidence to a customer, or ask what it knows of us (--status).

    FILES are as for `party evidence add`. Exit code 1 when something is wrong with one of them.
    """
    if bool(files) is status:
        raise InputError("nothing to send", expected="one or more FILES, or --status without any")
    target = parse_target(server, token_file, ca_file=ca_file)
    if status:
        _show(fetch_own_view(target), form)
        return
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise InputError("two files have one name", expected="a name of its own for each")
    pieces = {file.name: _read(file) for file in files}
    answers = push_evidence(target, pieces, {"kind": kind or "", **told})
    if form == "json":
        _echo_json({"evidence": list(answers.values())})
    else:
        for name, answer in answers.items():
            _tell(name, answer)
    if any(answer.get("faults") for answer in answers.values()):
        sys.exit(EXIT_FOUND)


def _read(file: Path) -> bytes:
    data = read_file(file, most=MAX_EVIDENCE_BYTES)
    if len(data) > MAX_EVIDENCE_BYTES:
        raise InputError(f"{file} is too large", expected=f"at most {MAX_EVIDENCE_BYTES >> 20} MiB")
    if not data:
        raise InputError(f"{file} is empty")
    return data


def _tell(name: str, answer: dict[str, Any]) -> None:
    known = "" if answer.get("new") else " (known already)"
    click.echo(safe_line(f"{name}: {answer.get('kind')}, {answer.get('standing')}{known}"))
    for fault in answer.get("faults") or []:
        click.echo(safe_line(f"  wrong: {fault}"), err=True)


def _show(view: dict[str, Any], form: str) -> None:
    if form == "json":
        _echo_json(view)
        return
    suspended = (view.get("status") or {}).get("suspended")
    click.echo("suspended" if suspended else "not suspended")
    for kept in view.get("promises") or []:
        word = "kept" if kept.get("kept") else "NOT KEPT"
        click.echo(safe_line(f"promise {word}: {kept.get('text')}"))
    for one in view.get("findings") or []:
        click.echo(safe_line(f"{one.get('state')}: {one.get('sentence')}"))
    for one in view.get("clocks") or []:
        if one.get("met_at") is None:
            click.echo(safe_line(f"due {one.get('due_at')}: {one.get('duty')}"))


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
