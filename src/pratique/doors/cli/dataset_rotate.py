"""`pratique dataset rotate`: a new key for a dataset, while it is read and written."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pratique.custody.key_entries import key_entry
from pratique.custody.wrapping import WrappedKey
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.ledger.export import Selection, export_bundle
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.edge.custody.broker_admin import BrokerAdmin

_GRACE_SECONDS: Final = 1.0
"""Doors remember an object for a quarter of a second: what they ask with is no older when a key goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation did."""

    generation: int
    keys: int
    """Keys of objects, uploads and marks that were wrapped anew."""
    entry: int


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the ledger.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the ledger's entries about the key with their proof here, for `pratique verify`.",
)
@home_option
@format_option
def rotate(name: str, reason: str, certificate: Path | None, home: Path | None, form: str) -> None:
    """Give a dataset a new key and destroy the old one; it stays readable all the time.

    The keys of its objects are wrapped anew, some hundred at a time; their bytes are not touched. When
    it was interrupted, run it again: it goes on.
    """
    if certificate is not None and certificate.exists():
        raise InputError(f"{certificate} exists already", remedy="choose another name")
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - help needs none of it

    with open_desk(home) as desk:
        readable_dataset(desk.custody, name)
        with broker_running(desk.settings) as admin:
            done = rotate_dataset(desk, admin, name, reason=reason, form=form)
        log = desk.stores.log
        key = log.verifier_key()
        if certificate is not None:
            subjects = frozenset({f"dataset:{name}"})
            selection = Selection(kinds=frozenset({"key"}), subjects=subjects)
            write_new(certificate, export_bundle(log, selection).data)
    told = {"dataset": name, "generation": done.generation, "keys": done.keys, "entry": done.entry}
    if form == "json":
        more = {"certificate": str(certificate), "verifier_key": key} if certificate else {}
        echo_json(told | more)
        return
    click.echo(
        f"dataset {name} has key {done.generation}; {done.keys:,} keys wrapped anew, the old one is "
        f"destroyed; ledger entry {done.entry}"
    )
    if certificate is not None:
        click.echo(
            f"certificate: {certificate}; check: pratique verify {certificate} --key '{key}'"
        )


def rotate_dataset(
    desk: CustodyDesk, admin: BrokerAdmin, name: str, *, reason: str, form: str
) -> Rotated:
    """Rotate a dataset's key. A crash anywhere is healed by doing it again.

    1. The broker has both keys; what is new is wrapped under the new one.
    2. What is stored comes under it, in transactions of some hundred keys.
    3. Nothing under the old one is stored any more; what was stored since 2 began follows.
    4. Doors have forgotten what they looked up before; the old key is destroyed.
    5. The ledger says so.
    Raises: InputError, BrokerRefusedError, UnavailableError.
    """
    dataset = readable_dataset(desk.custody, name)
    generation = admin.rotate_dataset(name).generation

    def rewrapper(keys: Sequence[WrappedKey]) -> Sequence[bytes]:
        return _rewrapped(admin, keys)

    total = desk.custody.totals(name)[0]
    with _shown(total, form) as seen:
        changed = desk.custody.rewrap(dataset, generation, rewrapper, seen)
    desk.custody.raise_floor(name, generation)
    changed += desk.custody.rewrap(dataset, generation, rewrapper, lambda _count: None)
    time.sleep(_GRACE_SECONDS)
    admin.end_rotation(name)
    draft = key_entry(
        f"dataset:{name}", "rotated", generation=generation, actor=operator(), reason=reason
    )
    entry = desk.stores.record(draft, now=now_utc())
    return Rotated(generation=generation, keys=changed, entry=entry)


@contextmanager
def _shown(total: int, form: str) -> Iterator[Callable[[int], None]]:
    """A bar for a person at a terminal; nothing for everybody else."""
    if form != "text" or not sys.stderr.isatty():
        yield lambda _count: None
        return
    with click.progressbar(length=total, label="keys", file=sys.stderr) as bar:
        yield bar.update


def _rewrapped(admin: BrokerAdmin, keys: Sequence[WrappedKey]) -> Sequence[bytes]:
    from pratique.edge.custody.broker.frames import RewrapBody  # noqa: PLC0415 - help needs none of it

    return admin.rewrap(
        [
            RewrapBody(wrapped=one.wrapped, object=one.object, upload=one.upload, lease=one.lease)
            for one in keys
        ]
    )
