"""`pratique dataset`: training data in custody."""

from __future__ import annotations

import click

from pratique.doors.cli.dataset_add import add


@click.group()
def dataset() -> None:
    """Put data in custody, seal its versions, check it, shred it."""


dataset.add_command(add)
