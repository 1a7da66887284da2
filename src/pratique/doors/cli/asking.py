"""What a person is asked to type in the middle of a command."""

from __future__ import annotations

import getpass
import warnings

import click

from pratique.errors import InputError


def typed(question: str, *, hidden: bool = False, instead: str) -> str:
    """What somebody types; empty when it is nothing. `instead` says what programs give.

    Raises: InputError when nobody can be asked, or they would not answer (Ctrl-C).
    """
    with warnings.catch_warnings():
        # Without a terminal there is no echo to be turned off.
        warnings.simplefilter("ignore", getpass.GetPassWarning)
        try:
            answer = click.prompt(
                question, default="", show_default=False, hide_input=hidden, err=True
            )
        except click.Abort:
            click.echo(err=True)
            raise InputError("nothing was typed, and nothing was done", remedy=instead) from None
    return str(answer)
