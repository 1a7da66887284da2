"""`pratique dataset mark`: copies of a dataset's leases begin to differ."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pratique.custody.marks.records import NOTICED_SECONDS
from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import readable_dataset, standing
from pratique.doors.cli.dataset_progress import shown_bytes
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.values.counting import counted
from pratique.values.instants import now_utc
from pratique.values.plain_text import printable

if TYPE_CHECKING:
    from pratique.edge.custody.marking import Marked, Marker

_SHOWN: Final = 20
_SMALLEST, _LARGEST = 0.0001, 0.2
_LOCK: Final = "marking.lock"


@click.command()
@click.argument("name")
@click.option(
    "--share",
    default="3%",
    show_default=True,
    metavar="PERCENT",
    help="How many of the records get a second form; 2 to 5 % is usual.",
)
@click.option(
    "--most",
    type=click.IntRange(1, 1_000_000),
    default=50_000,
    show_default=True,
    help="Marks of the dataset at most.",
)
@click.option(
    "--variants",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Second forms of pictures and fragmented MP4, under the same keys.",
)
@home_option
@format_option
def mark(
    name: str, *, share: str, most: int, variants: Path | None, home: Path | None, form: str
) -> None:
    """Make second forms of some records, so that each lease's copy is its own.

    What is marked already stays as it is; the same command marks what came since. When it ends, every
    read that begins gets its lease's own copy. Exit code 3 when something got no marks: it is named, and
    the rest is done.
    """
    part = _parse_share(share)
    with open_desk(home) as desk:
        dataset = readable_dataset(desk.custody, name)
        if dataset.sealed:
            raise InputError(
                f"dataset {name} is sealed: nothing of it can be read here, so nothing marked"
            )
        with _alone(desk):
            done = _marked(desk, name, share=part, most=most, variants=variants, form=form)
            if done.run is not None:
                time.sleep(NOTICED_SECONDS)
    _tell(form, name, done)
    if done.unmarkable:
        sys.exit(EXIT_UNKNOWN)


def _parse_share(text: str) -> float:
    """`3%` or `0.03`. Raises: InputError."""
    expected = f"{_SMALLEST:.2%} to {_LARGEST:.0%}, such as 3%"
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise InputError(f"not a share: {text[:40]!r}", expected=expected) from None
    if not _SMALLEST <= value <= _LARGEST:
        raise InputError(f"not a share to mark: {text[:40]}", expected=expected)
    return value


@contextmanager
def _alone(desk: CustodyDesk) -> Iterator[None]:
    """One marking at a time: two would write second forms over each other's."""
    import fcntl  # noqa: PLC0415 - help needs none of it

    path = desk.settings.home / _LOCK
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                "something is being marked already", remedy="wait until it is done"
            ) from None
        yield


def _marked(
    desk: CustodyDesk, name: str, *, share: float, most: int, variants: Path | None, form: str
) -> Marked:
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above
    from pratique.edge.custody.marking import (  # noqa: PLC0415 - as above
        JsonlMarker,
        MarkingGround,
        mark_dataset,
    )
    from pratique.edge.custody.media_marking import MediaMarker  # noqa: PLC0415 - as above
    from pratique.edge.custody.operator_parts import OperatorParts  # noqa: PLC0415 - as above
    from pratique.edge.custody.parquet_marking import ParquetMarker  # noqa: PLC0415 - as above
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - as above

    markers: list[Marker] = [JsonlMarker(share), ParquetMarker(share)]
    if variants is not None:
        markers.insert(0, MediaMarker(variants))
    with (
        open_parts(desk.settings) as parts,
        broker_running(desk.settings) as admin,
        shown_bytes(
            form, lambda _ended: sum(one.size for one in standing(desk.custody, name))
        ) as show,
    ):
        ground = MarkingGround(
            datasets=desk.custody,
            marks=desk.custody,
            admin=admin,
            parts=OperatorParts(parts, admin),
            record=lambda draft: desk.stores.record(draft, now=now_utc()),
            clock=now_utc,
            actor=operator(),
        )
        return asyncio.run(mark_dataset(ground, name, markers=markers, most=most, show=show))


def _tell(form: str, name: str, done: Marked) -> None:
    run = done.run
    if form == "json":
        echo_json(
            {
                "dataset": name,
                "run": run.number if run else None,
                "marks": run.count if run else 0,
                "first_mark": run.first if run else None,
                "objects": done.objects,
                "already": done.already,
                "read_bytes": done.read_bytes,
                "second_bytes": done.second_bytes,
                "index_sha256": run.index_sha256 if run else None,
                "key_commitment": run.key_commitment if run else None,
                "entry": run.entry if run else None,
                "unmarkable": [{"key": one.key, "why": one.why} for one in done.unmarkable],
            }
        )
        return
    for one in done.unmarkable[:_SHOWN]:
        click.echo(f"no marks: {printable(one.key)}: {one.why}", err=True)
    if len(done.unmarkable) > _SHOWN:
        click.echo(
            f"no marks: {len(done.unmarkable) - _SHOWN:,} more; --format json names them", err=True
        )
    if run is None:
        click.echo(f"nothing new to mark in {name}; {done.already:,} objects have marks")
        return
    click.echo(
        f"dataset {name}: {counted(run.count, 'mark')} in {counted(done.objects, 'object')} "
        f"({human_bytes(done.second_bytes)} of second forms, {human_bytes(done.read_bytes)} read); "
        f"{done.already:,} had marks before; ledger entry {run.entry}"
    )
