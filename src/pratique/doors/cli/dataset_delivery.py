"""`pratique dataset delivery`: what a lease took away of a version, as a signed statement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pratique.custody.delivery import delivered_of, render_delivery
from pratique.custody.ports import Version
from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.custody_desk import echo_json, open_desk
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError
from pratique.ledger.notes import open_checkpoint
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.values.counting import counted
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.custody.access_log import LeaseRead
    from pratique.doors.cli.custody_desk import CustodyDesk


@click.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--dataset", "name", metavar="NAME", help="Of which dataset, when it read several.")
@click.option("--version", "number", type=int, help="Of which version; the newest one.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where to write the statement; must not exist.",
)
@home_option
@format_option
def delivery(
    lease_id: str,
    *,
    name: str | None,
    number: int | None,
    output: Path,
    home: Path | None,
    form: str,
) -> None:
    """State under signature which objects of a version LEASE has read as a whole.

    The file is an in-toto statement in a DSSE envelope; `pratique verify` checks it. Exit code 1 when
    objects of the version are missing.
    """
    now = now_utc()
    with open_desk(home) as desk:
        lease = desk.existing_lease(lease_id)
        log = desk.stores.presence.custody.access_log(
            lease=lease.id, tx=desk.stores.presence.applied()
        )
        if not log.leases:
            raise InputError(f"nothing was read under lease {lease.id}")
        [read] = log.leases
        version = find_version(desk, _dataset(read, name), number)
        of_dataset = next((one for one in read.datasets if one.dataset == version.dataset), None)
        objects = desk.custody.version_objects(version.dataset, version.number)
        delivered = delivered_of(objects, of_dataset)
        settings = desk.settings
        signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
        checkpoint = open_checkpoint(desk.stores.log.checkpoint(), signer.verifier)
        data = render_delivery(
            lease, read, version, delivered, checkpoint=checkpoint, signer=signer, made_at=now
        )
    write_new(output, data)
    key = signer.verifier.render()
    if form == "json":
        echo_json(
            {
                "file": str(output),
                "lease": lease.id,
                "dataset": version.dataset,
                "version": version.number,
                "complete": delivered.complete,
                "objects": len(delivered.objects),
                "bytes": delivered.bytes,
                "missing": delivered.missing,
                "verifier_key": key,
            }
        )
    else:
        rest = "all of it" if delivered.complete else f"{delivered.missing:,} objects are missing"
        click.echo(
            f"{output}: {counted(len(delivered.objects), 'object')}, {human_bytes(delivered.bytes)}"
            f" of version {version.number} of {version.dataset}; {rest}"
        )
        click.echo(f"check with: pratique verify {output} --key '{key}'")
    if not delivered.complete:
        raise SystemExit(EXIT_FOUND)


def _dataset(read: LeaseRead, name: str | None) -> str:
    names = [one.dataset for one in read.datasets]
    if name is not None:
        return name
    if len(names) != 1:
        raise InputError(
            "the lease read several datasets", expected=f"--dataset {' or '.join(names)}"
        )
    return names[0]


def find_version(desk: CustodyDesk, dataset: str, number: int | None) -> Version:
    """A version of a dataset, the newest without a number. Raises: InputError."""
    versions = desk.custody.versions(dataset)
    found = [one for one in versions if number in {None, one.number}]
    if not found:
        raise InputError(
            f"no version {number if number is not None else ''} of {dataset}".replace("  ", " "),
            expected=f"1 to {len(versions)}" if versions else "",
            remedy=f"seal one: pratique dataset seal {dataset}",
        )
    return found[-1]
