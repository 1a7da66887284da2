"""`pratique dataset check`: does everything that versions promise still lie there?"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pratique.custody.model import ObjectId
from pratique.custody.ports import PartAsk
from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.dataset_progress import shown_bytes
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.sweep_terminal import stopping
from pratique.values.instants import now_utc
from pratique.values.plain_text import printable

if TYPE_CHECKING:
    from pratique.custody.marks.records import MarkRun
    from pratique.edge.custody.checking import Checked

_SHOWN: Final = 20


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--repair", is_flag=True, help="Remove parts that belong to no object or upload.")
@click.option(
    "--young-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Parts of no object that are newer may be on their way, and are left alone. "
    "0 only while nobody writes.",
)
@home_option
@format_option
def check(
    names: tuple[str, ...], *, repair: bool, young_hours: float, home: Path | None, form: str
) -> None:
    """Decrypt every part, compare every object with its SHA-256, and name what belongs to nothing.

    Of marked objects also the index of marks, compared with the ledger, the layout and the second forms.

    NAME: only the objects of these datasets are read. Nobody's budget or cap pays for it. Exit code 1
    when something is damaged, missing or left over.
    """
    with open_desk(home) as desk:
        for name in names:
            readable_dataset(desk.custody, name)
        found = _swept(desk, names, repair=repair, young=timedelta(hours=young_hours), form=form)
    if form == "json":
        echo_json(_as_json(found))
    else:
        _tell(found)
    if found.damaged_total or found.orphans_total > found.removed:
        sys.exit(EXIT_FOUND)
    if found.stopped:
        sys.exit(EXIT_UNKNOWN)


def _swept(
    desk: CustodyDesk, names: Sequence[str], *, repair: bool, young: timedelta, form: str
) -> Checked:
    from pratique.edge.custody.checking import Sweep  # noqa: PLC0415 - as above
    from pratique.edge.custody.checking import check as sweep_parts  # noqa: PLC0415 - as above
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - help needs none of it

    total = sum(
        desk.custody.kept_bytes(one.name)
        for one in desk.custody.datasets()
        if (not names or one.name in names) and one.shredded_at is None and not one.sealed
    )
    with (
        open_parts(desk.settings) as parts,
        _keys(desk) as keys,
        stopping() as stop,
        shown_bytes(form, lambda _ended: total) as show,
    ):
        sweep = Sweep(
            state=desk.custody,
            parts=parts,
            keys=keys,
            stages=lambda: [*desk.custody.stages(), *_indexes(desk)],
            told_index=lambda run: _told_index(desk, run),
            now=now_utc(),
            only=names,
            repair=repair,
            young=young,
            stop=stop,
            show=show,
        )
        return asyncio.run(sweep_parts(sweep))


def _indexes(desk: CustodyDesk) -> Iterator[ObjectId]:
    """What holds the indexes of marks; they stand at no key."""
    for dataset in desk.custody.datasets():
        if dataset.shredded_at is None:
            yield from (run.index for run in desk.custody.mark_runs(dataset.name))


def _told_index(desk: CustodyDesk, run: MarkRun) -> str | None:
    """The SHA-256 of a run's index that the ledger has."""
    entry = next(desk.stores.log.entries(run.entry, run.entry + 1), None)
    if entry is None or (entry.kind, entry.subject) != ("marks", f"dataset:{run.dataset}"):
        return None
    digest = entry.body.get("index_sha256")
    return digest if isinstance(digest, str) else None


@contextmanager
def _keys(desk: CustodyDesk) -> Iterator[Callable[[Sequence[PartAsk]], Sequence[bytes]]]:
    """Keys of parts from the broker, one question after another."""
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above

    turn = threading.Lock()
    with broker_running(desk.settings) as admin:

        def ask(asks: Sequence[PartAsk]) -> Sequence[bytes]:
            with turn:
                return admin.check_keys(asks)

        yield ask


def _tell_damage(found: Checked) -> None:
    for one in found.damaged[:_SHOWN]:
        place = f"{one.dataset}/{printable(one.key)}" if one.key else one.dataset
        click.echo(f"damaged: {place}: {one.what}")
    if found.damaged_total > _SHOWN:
        click.echo(f"damaged: {found.damaged_total - _SHOWN:,} more; --format json names them")


def _tell(found: Checked) -> None:
    _tell_damage(found)
    for name in found.orphans[:_SHOWN]:
        click.echo(f"belongs to nothing: {printable(name)}")
    if found.orphans_total > _SHOWN:
        click.echo(f"belongs to nothing: {found.orphans_total - _SHOWN:,} more")
    read = f"{found.objects:,} objects looked at, {human_bytes(found.bytes)} decrypted"
    if found.sealed:
        read += f", {found.sealed:,} of them sealed to their client: only lengths were compared"
    if found.marked or found.indexes:
        read += f"; marks of {found.marked:,} objects in {found.indexes:,} indexes"
    click.echo(f"{read}; {found.damaged_total:,} damaged")
    if found.removed:
        click.echo(f"{found.removed:,} parts of nothing removed, {human_bytes(found.orphan_bytes)}")
    elif found.orphans_total:
        click.echo(
            f"{found.orphans_total:,} parts of nothing, {human_bytes(found.orphan_bytes)}; remove "
            "them with: pratique dataset check --repair"
        )
    if found.young:
        click.echo(f"{found.young:,} parts are of no object yet, and too new to say more")
    if found.stopped:
        click.echo("ended before all was looked at")


def _as_json(found: Checked) -> dict[str, object]:
    return {
        "objects": found.objects,
        "bytes": found.bytes,
        "sealed": found.sealed,
        "marked": found.marked,
        "mark_indexes": found.indexes,
        "damaged": [
            {"dataset": one.dataset, "key": one.key, "object": one.object, "what": one.what}
            for one in found.damaged
        ],
        "damaged_total": found.damaged_total,
        "orphans": found.orphans,
        "orphans_total": found.orphans_total,
        "orphan_bytes": found.orphan_bytes,
        "young": found.young,
        "removed": found.removed,
        "stopped": found.stopped,
    }
