"""The command line: `pratique …` (docs/reference/cli.md).

Owns: the table of commands, exit codes, how errors look. Commands live in one module each and are
imported only when they are called, so that a question answered from SQLite starts at once.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from pratique.errors import PratiqueError
from pratique.values.plain_text import printable

EXIT_NOTHING_FOUND = 0
EXIT_FOUND = 1
EXIT_CANNOT = 2
EXIT_UNKNOWN = 3

_COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, one-line help shown without importing the module)
    "advisory": (
        "pratique.doors.cli.advisory:advisory",
        "Record which releases are bad, and keep every revision.",
    ),
    "asset": (
        "pratique.doors.cli.asset:asset",
        "What is known of whatever installs or runs releases.",
    ),
    "attribute": (
        "pratique.doors.cli.attribute:attribute",
        "Name the lease whose copy was leaked, or say that it cannot be told.",
    ),
    "audits": (
        "pratique.doors.cli.audits:audits",
        "Overrule verdicts, and share what reviewers found.",
    ),
    "broker": (
        "pratique.doors.cli.broker:broker",
        "Hold custody's keys in a process of its own, and count what leaves.",
    ),
    "custody-key": (
        "pratique.doors.cli.custody_keys:custody_key",
        "Make, rotate and destroy the keys of clients and datasets.",
    ),
    "dataset": (
        "pratique.doors.cli.dataset:dataset",
        "Put data in custody, seal its versions, check it, shred it.",
    ),
    "diff": (
        "pratique.doors.cli.diff:diff",
        "Show what a release does that another did not.",
    ),
    "drill": (
        "pratique.doors.cli.drill:drill",
        "Replay an incident, inert, through every part; or measure what custody promises.",
    ),
    "exposed": ("pratique.doors.cli.exposed:exposed", "Did any of ours ever get this release?"),
    "incident": (
        "pratique.doors.cli.incident:incident",
        "Standing questions: who had it, what could it reach, what can we not see?",
    ),
    "lease": ("pratique.doors.cli.lease:lease", "Let somebody read data, under terms that hold."),
    "ledger": ("pratique.doors.cli.ledger:ledger", "Verify, export, publish or rebuild the log."),
    "lock": (
        "pratique.doors.cli.lock:lock",
        "Find what bypasses the firewall in lock files, and rewrite it both ways.",
    ),
    "party": (
        "pratique.doors.cli.party:party",
        "Vendors, clients and people: who they are, what they promised, what stops when.",
    ),
    "people": (
        "pratique.doors.cli.people:people",
        "Whom pseudonyms stand for: kept apart, sealed, and erased on request.",
    ),
    "policy": ("pratique.doors.cli.policy:policy", "Check, show and explain the policy."),
    "scope": (
        "pratique.doors.cli.scope:scope",
        "Stop, resume or cap everything below a vendor, project, holder, client or dataset.",
    ),
    "sbom": ("pratique.doors.cli.sbom:sbom", "What an asset held at an instant, as an SBOM."),
    "reach": (
        "pratique.doors.cli.reach:reach",
        "Record what credentials reach: systems, datasets, clients, vendors.",
    ),
    "role": (
        "pratique.doors.cli.role:role",
        "Let people and jobs log in with an identity of their own, and get leases.",
    ),
    "submission": (
        "pratique.doors.cli.submission:submission",
        "Make a key to seal to, and open what was sealed to it.",
    ),
    "sweep": (
        "pratique.doors.cli.sweep:sweep",
        "Read what lies on a machine or in a tree, and write down what was seen.",
    ),
    "token": ("pratique.doors.cli.token:token", "Give assets and approvers their tokens."),
    "up": ("pratique.doors.cli.up:up", "Open all doors."),
    "verify": ("pratique.doors.cli.verify:verify", "Verify an evidence file or a case, offline."),
    "vet": ("pratique.doors.cli.vet:vet", "Examine releases, files, folders and lock files."),
    "waiver": ("pratique.doors.cli.waiver:waiver", "Record an exception for one file."),
    "work": (
        "pratique.doors.cli.work:work",
        "Tasks, submissions, transforms, reviews, deliveries: who did what to which record.",
    ),
}


_ENDS_AT_ONCE = frozenset({"asset", "exposed", "sbom"})
"""Commands that have neither threads nor anything else to clean up once they have answered."""


class _LazyGroup(click.Group):
    """A group whose commands are imported when called, not when listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click decides the signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click decides the signature
        if cmd_name not in _COMMANDS:
            return None
        module_name, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(_loaded(module_name), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click decides what it returns
        try:
            return super().invoke(ctx)
        except (click.Abort, KeyboardInterrupt, EOFError):
            # By itself click ends with 1, which here says that something bad was found.
            click.echo("\npratique: stopped before it was done", err=True)
            sys.exit(EXIT_CANNOT)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _loaded(module_name: str) -> Any:  # noqa: ANN401 - a module has any attribute
    """Import a command's module.

    What it loads stays until the end: it is not searched for garbage meanwhile, and never again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(module_name)
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pratique", prog_name="pratique")
def cli() -> None:
    """Let data work use other people's code without betting the company on it.

    Exit codes: 0 nothing bad found, 1 something held, denied, exposed or broken was found,
    2 the command could not be carried out as given, 3 finished but part of the answer is unknown.
    """


def main(argv: list[str] | None = None) -> Any:  # noqa: ANN401 - click decides what it returns
    """Entry point: run a command, show errors raised on purpose without a traceback.

    Without `argv` it is the whole program.
    """
    if argv is not None:
        return _run(argv)
    try:
        return _run(None)
    except SystemExit as end:
        if _ENDS_AT_ONCE.intersection(sys.argv[1:2]):
            _end(end.code)
        raise


def _end(code: object) -> None:
    """End the process as it is: the system takes memory back faster than Python tidies it up."""
    if code is not None and type(code) is not int:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return  # Python's own way to the end tells of it
    os._exit(code or 0)


def _run(argv: list[str] | None) -> Any:  # noqa: ANN401 - as above
    try:
        return cli.main(args=argv, prog_name="pratique")
    except PratiqueError as error:
        echo_error(error)
        sys.exit(EXIT_CANNOT)


def echo_error(error: PratiqueError) -> None:
    """Tell a person what was wrong. Names in it are whatever others chose; none moves a cursor."""
    lines = (printable(line) for line in f"pratique: {error}".split("\n"))
    click.echo("\n".join(lines), err=True)
