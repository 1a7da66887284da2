"""`pratique dataset add`: data comes into custody."""

from __future__ import annotations

import asyncio
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pratique.custody.model import Dataset, ObjectId
from pratique.custody.ports import Version
from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import (
    check_same,
    make_dataset,
    parse_name,
    parse_new,
    read_public_key,
    readable_dataset,
    seal_next,
)
from pratique.doors.cli.dataset_progress import bytes_of, shown_bytes
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.doors.cli.sweep_terminal import stopping
from pratique.errors import InputError
from pratique.values.counting import counted
from pratique.values.instants import now_utc
from pratique.values.plain_text import printable

if TYPE_CHECKING:
    from pratique.edge.custody.registering import ObjectKeys, Progress
    from pratique.edge.custody.sources import Source

_SHOWN_GAPS: Final = 20


@click.command()
@click.argument("name")
@click.argument("source", required=False, default="")
@click.option("--client", default="", help="Whose data it is; leases and keys go by it.")
@click.option(
    "--classification", default="", help="Such as internal, confidential, personal, biometric."
)
@click.option(
    "--purpose",
    "purposes",
    multiple=True,
    help="What leases may be granted for; may be repeated.",
)
@click.option("--residency", default="", help="Where it must stay, such as EU.")
@click.option(
    "--sealed-to",
    default="",
    metavar="PUBLIC.pem",
    help="Public key (X25519) of the client: only they can read what comes in.",
)
@click.option("--endpoint", default="", help="Of a bucket that is not at AWS: https://HOST.")
@click.option("--region", default="", help="Of a bucket; else AWS_REGION, else us-east-1.")
@click.option("--reread", is_flag=True, help="Take over also what has not changed.")
@home_option
@format_option
def add(
    name: str,
    source: str,
    *,
    client: str,
    classification: str,
    purposes: tuple[str, ...],
    residency: str,
    sealed_to: str,
    endpoint: str,
    region: str,
    reread: bool,
    home: Path | None,
    form: str,
) -> None:
    """Register a folder or bucket as a dataset, encrypted, and seal its version.

    SOURCE is a folder, read with all that is below it, or s3://BUCKET/PREFIX, read with your own AWS
    configuration (environment, AWS_PROFILE, role). Without SOURCE the dataset is empty, for what comes
    in later. The same command again goes on where it was ended, and takes over what has changed since.
    Exit code 3 when something could not be read: it is named, and the rest is done.
    """
    parse_name(name)
    seal_key = read_public_key(sealed_to) if sealed_to else b""
    terms = {"client": client, "classification": classification, "residency": residency}
    with open_desk(home) as desk:
        opened = _source(source, desk, endpoint=endpoint, region=region) if source else None
        if desk.custody.dataset(name) is None:
            dataset = parse_new(name, purposes=purposes, seal_key=seal_key, **terms)
        else:
            dataset = readable_dataset(desk.custody, name)
            check_same(dataset, purposes=purposes, seal_key=seal_key, **terms)
        progress, version, why = _added(desk, dataset, opened, form, reread=reread)
    _tell(form, dataset, progress, version, why)
    if progress is not None and (progress.stopped or progress.gaps_total or why):
        sys.exit(EXIT_UNKNOWN)


def _source(text: str, desk: CustodyDesk, *, endpoint: str, region: str) -> Source:
    if text.startswith("s3:"):
        from pratique.edge.custody.aws_access import parse_place  # noqa: PLC0415 - only with a bucket
        from pratique.edge.custody.bucket_source import BucketSource  # noqa: PLC0415 - as above

        return BucketSource(parse_place(text, endpoint=endpoint, region=region))
    from pratique.edge.custody.folder_source import FolderSource  # noqa: PLC0415 - help needs none of it

    if endpoint or region:
        raise InputError("--endpoint and --region go with a bucket", expected="s3://BUCKET/PREFIX")
    folder = FolderSource(Path(text))
    if folder.holds(desk.settings.home):
        raise InputError(
            f"the home folder {desk.settings.home} lies within {text}: its keys would become data",
            remedy="choose a folder without it",
        )
    return folder


def _added(
    desk: CustodyDesk, dataset: Dataset, source: Source | None, form: str, *, reread: bool
) -> tuple[Progress | None, Version | None, str]:
    """(how far it came, the version that was sealed, why none was)."""
    with _object_keys(desk, dataset) as keys:
        if source is None:
            return None, None, ""
        progress = _registered(desk, dataset, source, keys, form, reread=reread)
    if progress.stopped or not (progress.stored or progress.unchanged):
        return progress, None, ""
    try:
        return progress, seal_next(desk, dataset.name, source=source.name), ""
    except InputError as error:
        return progress, None, error.message


@contextmanager
def _object_keys(desk: CustodyDesk, dataset: Dataset) -> Iterator[ObjectKeys]:
    """Make the dataset if it is new; gives where keys of its objects come from."""
    from pratique.custody.sealing import seal_key  # noqa: PLC0415 - as above
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above

    new = desk.custody.dataset(dataset.name) is None

    def sealed(object_id: ObjectId) -> tuple[bytes, bytes]:
        key = secrets.token_bytes(32)
        wrapped = seal_key(
            key, public_key=dataset.seal_key, dataset=dataset.name, object_id=object_id
        )
        return key, wrapped

    with nullcontext() if dataset.sealed else broker_running(desk.settings) as admin:
        if new:
            make_dataset(desk, admin, dataset)
        if admin is None:
            yield sealed
            return
        turn = threading.Lock()

        def fresh(object_id: ObjectId) -> tuple[bytes, bytes]:
            with turn:  # one question after another on one socket
                return admin.new_object_key(dataset.name, object_id)

        yield fresh


def _registered(
    desk: CustodyDesk,
    dataset: Dataset,
    source: Source,
    keys: ObjectKeys,
    form: str,
    *,
    reread: bool,
) -> Progress:
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - as above
    from pratique.edge.custody.registering import Surroundings, register  # noqa: PLC0415 - as above

    with (
        open_parts(desk.settings) as parts,
        stopping() as stop,
        shown_bytes(form, bytes_of(source)) as show,
    ):
        around = Surroundings(
            state=desk.custody,
            parts=parts,
            keys=keys,
            record=lambda drafts: desk.stores.log.append(drafts, now=now_utc()),
            clock=now_utc,
            actor=operator(),
            reread=reread,
            stop=stop,
            show=show,
        )
        return asyncio.run(register(dataset, source, around))


def _tell(
    form: str, dataset: Dataset, progress: Progress | None, version: Version | None, why: str
) -> None:
    if form == "json":
        echo_json(_as_json(dataset, progress, version, why))
        return
    name = dataset.name
    if progress is None:
        click.echo(f"dataset {name} of {dataset.client} is there, and takes objects")
        return
    for gap in progress.gaps[:_SHOWN_GAPS]:
        click.echo(f"not registered: {printable(gap.what)} {printable(gap.why)}", err=True)
    if progress.gaps_total > _SHOWN_GAPS:
        left = progress.gaps_total - _SHOWN_GAPS
        click.echo(f"not registered: {left:,} more; --format json names them", err=True)
    click.echo(
        f"dataset {name} of {dataset.client}: {counted(progress.stored, 'object')} "
        f"({human_bytes(progress.stored_bytes)}) registered, {progress.unchanged:,} were there unchanged"
    )
    if progress.stopped:
        click.echo("ended before all was done; the same command goes on from here")
    elif version is not None:
        click.echo(
            f"version {version.number}: {version.objects:,} objects, {human_bytes(version.bytes)}, "
            f"root {version.root}"
        )
    elif why:
        click.echo(f"no version was sealed: {why}")
    elif not progress.stored and not progress.unchanged:
        click.echo("nothing was found to register, so no version was sealed")
    else:
        click.echo("nothing has changed since its newest version")


def _as_json(
    dataset: Dataset, progress: Progress | None, version: Version | None, why: str
) -> dict[str, object]:
    answer: dict[str, object] = {"dataset": dataset.name, "client": dataset.client}
    if progress is not None:
        answer |= {
            "stored": progress.stored,
            "stored_bytes": progress.stored_bytes,
            "unchanged": progress.unchanged,
            "unchanged_bytes": progress.unchanged_bytes,
            "stopped": progress.stopped,
            "gaps": [{"what": gap.what, "why": gap.why} for gap in progress.gaps],
            "gaps_total": progress.gaps_total,
            "not_sealed": why,
        }
    sealed = (
        None
        if version is None
        else {
            "number": version.number,
            "root": version.root,
            "objects": version.objects,
            "bytes": version.bytes,
        }
    )
    return answer | {"version": sealed}
