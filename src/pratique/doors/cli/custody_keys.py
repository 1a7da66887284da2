"""`pratique custody-key`: keys of clients and datasets, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pratique.custody.key_entries import key_entry
from pratique.doors.cli.asking import typed
from pratique.doors.cli.custody_desk import open_desk
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.dataset_rotate import rotate_dataset
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.key_destruction import destroy_key
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.errors import InputError
from pratique.ledger.export import Selection, export_bundle
from pratique.store.custody import CustodyStore, open_custody
from pratique.values.instants import now_utc, render_second

if TYPE_CHECKING:
    from pratique.edge.custody.broker.frames import Changed
    from pratique.edge.custody.broker_admin import BrokerAdmin


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What these commands work with."""

    stores: Stores
    custody: CustodyStore
    admin: BrokerAdmin


@contextmanager
def _desk(home: Path | None) -> Iterator[_Desk]:
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - help needs none of it

    with (
        open_stores(home) as stores,
        closing(open_custody(stores.settings)) as custody,
        broker_running(stores.settings) as admin,
    ):
        yield _Desk(stores=stores, custody=custody, admin=admin)


@click.group("custody-key")
def custody_key() -> None:
    """Make, rotate and destroy the keys of clients and datasets."""


@custody_key.command()
@click.argument("subject", metavar="KIND:NAME")
@click.option("--client", default="", help="Whose data the dataset is; its key goes under theirs.")
@home_option
@format_option
def make(subject: str, client: str, home: Path | None, form: str) -> None:
    """Make the key of a client, or of a dataset under its client's.

    KIND:NAME is client:NAME or dataset:NAME. Registering a dataset does both by itself.
    """
    kind, name = _parsed(subject)
    if (kind == "dataset") != bool(client):
        raise InputError("--client goes with a dataset, and only with one")
    with _desk(home) as desk:
        made = (
            desk.admin.make_client(name)
            if kind == "client"
            else desk.admin.make_dataset(name, client)
        )
        draft = key_entry(subject, "made", generation=made.generation, actor=operator())
        entry = desk.stores.record(draft, now=now_utc())
    _tell(form, f"made the key of {kind} {name}", subject=subject, changed=made, entry=entry)


@custody_key.command()
@click.argument("subject", metavar="SUBJECT")
@click.option("--reason", default="", help="Why, for the ledger.")
@home_option
@format_option
def rotate(subject: str, reason: str, home: Path | None, form: str) -> None:
    """Give a client or a dataset a new key and destroy the old one; its data stays readable.

    Of a client, the keys of its datasets are wrapped anew; no object is touched. Of a dataset, those of
    its objects, as `pratique dataset rotate` does. SUBJECT is client:NAME, dataset:NAME, or a client's name.
    """
    kind, name = _parsed(subject if ":" in subject else f"client:{subject}")
    if kind == "dataset":
        _rotate_dataset(name, reason, home, form)
        return
    with _desk(home) as desk:
        done = desk.admin.rotate_client(name)
        draft = key_entry(
            f"client:{name}", "rotated", generation=done.generation, actor=operator(), reason=reason
        )
        entry = desk.stores.record(draft, now=now_utc())
    said = f"client {name} has key {done.generation}; {len(done.datasets)} datasets wrapped anew"
    _tell(form, said, subject=f"client:{name}", changed=done, entry=entry)


def _rotate_dataset(name: str, reason: str, home: Path | None, form: str) -> None:
    from pratique.edge.custody.broker.frames import Changed  # noqa: PLC0415 - help needs none of it
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above

    with open_desk(home) as desk:
        client = readable_dataset(desk.custody, name).client
        with broker_running(desk.settings) as admin:
            done = rotate_dataset(desk, admin, name, reason=reason, form=form)
    changed = Changed(client, done.generation, (name,))
    said = f"dataset {name} has key {done.generation}; {done.keys:,} keys wrapped anew"
    _tell(form, said, subject=f"dataset:{name}", changed=changed, entry=done.entry, keys=done.keys)


@custody_key.command()
@click.argument("subject", metavar="KIND:NAME")
@click.option("--reason", required=True, help="Why, for the ledger.")
@click.option("--confirm", default="", metavar="NAME", help="The name once more, to be sure.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the ledger's entry with its proof here, for `pratique verify`.",
)
@home_option
@format_option
def destroy(
    subject: str,
    reason: str,
    confirm: str,
    certificate: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Destroy a key. What it opens is lost, for everybody, for good.

    KIND:NAME is client:NAME, with all its datasets, or dataset:NAME. Asks for the name once more.
    """
    kind, name = _parsed(subject)
    if certificate is not None and certificate.exists():
        raise InputError(f"{certificate} exists already", remedy="choose another name")
    _confirm(kind, name, confirm)
    with _desk(home) as desk:
        done = destroy_key(
            desk.admin, desk.custody, desk.stores.log, kind=kind, name=name, reason=reason
        )
        key = desk.stores.log.verifier_key()
        if certificate is not None:
            selection = Selection(sequences=frozenset(done.entries))
            write_new(certificate, export_bundle(desk.stores.log, selection).data)
    lost = done.objects
    said = f"destroyed the key of {kind} {name}: {lost} objects can no longer be read by anybody"
    more: dict[str, Any] = {"objects": lost, "entries": list(done.entries)}
    if certificate is not None:
        said += (
            f"\ncertificate: {certificate}; check with: pratique verify {certificate} --key '{key}'"
        )
        more |= {"certificate": str(certificate), "verifier_key": key}
    _tell(form, said, subject=subject, changed=done.changed, entry=done.entries[-1], **more)


@custody_key.command("list")
@home_option
@format_option
def list_keys(home: Path | None, form: str) -> None:
    """List the keys of clients and datasets, destroyed ones included; never the keys themselves."""
    with _desk(home) as desk:
        found = desk.admin.all_keys()
    if form == "json":
        rows = [msgspec.structs.asdict(info) for info in found]
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2))
        return
    if not found:
        click.echo("no keys; make one with: pratique custody-key make client:NAME")
    for info in found:
        click.echo(
            f"{info.state:9}  {info.kind + ':' + info.name:40}  client {info.client}  "
            f"generation {info.generation}  since {render_second(info.since)}"
        )


def _parsed(subject: str) -> tuple[str, str]:
    kind, _, name = subject.partition(":")
    if kind not in {"client", "dataset"} or not name:
        raise InputError(f"not a key: {subject[:80]!r}", expected="client:NAME or dataset:NAME")
    return kind, name


def _confirm(kind: str, name: str, given: str) -> None:
    question = f"Everything under the key of {kind} {name} will be lost. Type {name} to go on"
    if (given or typed(question, instead=f"a program says --confirm {name}")) != name:
        raise InputError("nothing was destroyed: the name was not repeated", expected=name)


def _tell(
    form: str, said: str, *, subject: str, changed: Changed, entry: int, **more: object
) -> None:
    if form == "json":
        answer = {
            "subject": subject,
            "client": changed.client,
            "generation": changed.generation,
            "datasets": changed.datasets,
            "entry": entry,
            **more,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
    else:
        click.echo(f"{said}; ledger entry {entry}" if "\n" not in said else said)
