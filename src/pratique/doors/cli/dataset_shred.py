"""`pratique dataset shred`: the end of a dataset, with proof."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from pratique.custody.envelope import part_name
from pratique.custody.key_entries import key_entry
from pratique.custody.model import Dataset, ScopeState
from pratique.custody.scopes import dataset_scope
from pratique.doors.cli.asking import typed
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import existing_dataset
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.key_destruction import destroy_key
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.ledger.export import Selection, export_bundle
from pratique.values.instants import now_utc

_KINDS = frozenset({"dataset", "dataset-version", "key", "scope"})


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why, for the ledger and for whoever still asks.")
@click.option("--yes", is_flag=True, help="Do not ask; for programs.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the proof; without it NAME-shredded.json in this folder.",
)
@home_option
@format_option
def shred(
    name: str, *, reason: str, yes: bool, certificate: Path | None, home: Path | None, form: str
) -> None:
    """Destroy a dataset's key: nothing of it is ever decrypted again, here or in any copy.

    Asks for the name once more. Writes a certificate that `pratique verify` checks offline: what the
    dataset was, its versions, and the end of its key, as the ledger has them. Of a dataset sealed to
    its client, whose key is not here, the encrypted parts are deleted instead.
    """
    target = certificate or Path(f"{name}-shredded.json")
    with open_desk(home) as desk:
        dataset = existing_dataset(desk.custody, name)
        if target.exists():
            raise InputError(f"{target} exists already", remedy="choose another with --certificate")
        if not yes:
            _ask(name)
        _end_scope(desk, name, reason)
        objects = _shredded(desk, dataset, reason)
        selection = Selection(kinds=_KINDS, subjects=_subjects(name))
        log = desk.stores.log
        key, bundle = log.verifier_key(), export_bundle(log, selection)
        write_new(target, bundle.data)
    if form == "json":
        echo_json(
            {"dataset": name, "objects": objects, "certificate": str(target), "verifier_key": key}
        )
        return
    click.echo(f"dataset {name} is shredded: {objects:,} objects can no longer be read by anybody")
    click.echo(f"certificate: {target}")
    click.echo(f"check it, here or anywhere: pratique verify {target} --key '{key}'")
    click.echo("its encrypted bytes are rubbish now: pratique dataset check --repair")


def _subjects(name: str) -> frozenset[str]:
    return frozenset({f"dataset:{name}", f"scope:{dataset_scope(name)}"})


def _ask(name: str) -> None:
    question = f"Every object of {name} will be lost for good. Type {name} to go on"
    if typed(question, instead="a program says --yes") != name:
        raise InputError("nothing was shredded: the name was not repeated", expected=name)


def _end_scope(desk: CustodyDesk, name: str, reason: str) -> None:
    """Stop reads that are under way: doors may hold keys of parts. The entry, then the state."""
    scope = desk.custody.scope(dataset_scope(name))
    if scope is None or scope.state is ScopeState.ENDED:
        return
    desk.change(scope, ScopeState.ENDED, reason=f"shredded, {reason}")


def _shredded(desk: CustodyDesk, dataset: Dataset, reason: str) -> int:
    if dataset.sealed:
        return _unsealed(desk, dataset, reason)
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - help needs none of it

    with broker_running(desk.settings) as admin:
        done = destroy_key(
            admin,
            desk.custody,
            desk.stores.log,
            kind="dataset",
            name=dataset.name,
            reason=reason,
        )
    return done.objects


def _unsealed(desk: CustodyDesk, dataset: Dataset, reason: str) -> int:
    """The client holds the key, so it is the bytes that must go. Row, parts, entry."""
    objects, _ = desk.custody.totals(dataset.name)
    desk.custody.mark_shredded(dataset.name, at=now_utc())
    asyncio.run(_delete_parts(desk, dataset.name))
    subject = f"dataset:{dataset.name}"
    draft = key_entry(
        subject, "destroyed", generation=0, actor=operator(), objects=objects, reason=reason
    )
    desk.stores.record(draft, now=now_utc())
    return objects


async def _delete_parts(desk: CustodyDesk, name: str) -> None:
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - as above

    with open_parts(desk.settings) as parts:
        for stored in desk.custody.kept_objects(name):
            for part in range(stored.parts):
                await parts.delete(part_name(stored.id, part, 0))
