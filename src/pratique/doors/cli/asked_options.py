"""Options that say what is looked for, shared by `exposed` and `incident open`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from pratique.exposure.asking import parse_asked
from pratique.exposure.incident import Asked

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("releases", nargs=-1, metavar="NAME==VERSION"),
    click.option("--sha256", "digests", multiple=True, metavar="HASH", help="Also this very file."),
    click.option(
        "--digest",
        "more_digests",
        multiple=True,
        metavar="ALGORITHM:HEX",
        help="Also this file, image or commit.",
    ),
    click.option(
        "--advisory", "advisories", multiple=True, metavar="ID", help="What this advisory names."
    ),
    click.option(
        "--window",
        "windows",
        multiple=True,
        metavar="CHANNEL,START,END[,SOURCE]",
        help="When it could be had, as somebody claims.",
    ),
    click.option("--from", "start", metavar="INSTANT", help="Start of the span asked about."),
    click.option("--to", "end", metavar="INSTANT", help="End of the span asked about; now."),
    click.option("--asset", "assets", multiple=True, help="Only this asset."),
)


def asked_options(command: _Command) -> _Command:
    """Give a command all options that say what is looked for."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_asked(words: Mapping[str, Any]) -> Asked:
    """The question of a command with `asked_options`."""
    named = ("advisories", "windows", "start", "end", "assets")
    digests = (*words["digests"], *words["more_digests"])
    return parse_asked(words["releases"], digests=digests, **{name: words[name] for name in named})


known_option = click.option(
    "--as-known-at",
    "known_at",
    metavar="SEQUENCE|INSTANT",
    help="Answer from the ledger as it was then.",
)
