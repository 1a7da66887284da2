"""`pratique dataset describe`: a version for catalogues, BOMs and lineage tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from pratique.custody.croissant import render_croissant, render_ml_bom
from pratique.custody.lineage import lineage_of, openlineage_events
from pratique.doors.cli.custody_desk import echo_json, open_desk
from pratique.doors.cli.dataset_delivery import find_version
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.lease_credentials import endpoint_of
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError, UnavailableError
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.custody.lineage import Lineage
    from pratique.custody.model import StoredObject
    from pratique.doors.cli.custody_desk import CustodyDesk

FORMS: Final = ("croissant", "cyclonedx", "openlineage")
_POST_SECONDS: Final = 10.0


@click.command()
@click.argument("name", metavar="DATASET")
@click.option("--version", "number", type=int, help="Which version; the newest one.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(FORMS),
    default="croissant",
    show_default=True,
    help="Croissant 1.1 (JSON-LD), a CycloneDX ML-BOM, or OpenLineage events.",
)
@click.option("--endpoint", help="Address of the S3 door, as readers reach it.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it here instead of printing it; must not exist.",
)
@click.option(
    "--post", is_flag=True, help="Send OpenLineage events to `openlineage_url` of the settings."
)
@home_option
@format_option
def describe(
    name: str,
    *,
    number: int | None,
    kind: str,
    endpoint: str | None,
    output: Path | None,
    post: bool,
    home: Path | None,
    form: str,
) -> None:
    """Describe a version: its files with hashes, where it came from, what it may be used for."""
    if post and kind != "openlineage":
        raise InputError("only events are posted", expected="--as openlineage with --post")
    with open_desk(home) as desk:
        url = desk.settings.custody.openlineage_url
        if post and not url:
            raise InputError(
                "nobody is named to post to", remedy="set openlineage_url below [custody]"
            )
        lineage, objects = _gather(desk, name, number)
        place = endpoint or endpoint_of(desk.settings)
        custodian = desk.settings.custody.organisation or desk.stores.log.origin
    told: Any
    if kind == "croissant":
        told = render_croissant(lineage, objects, endpoint=place)
    elif kind == "cyclonedx":
        told = render_ml_bom(lineage, objects, custodian=custodian, now=now_utc())
    else:
        told = openlineage_events(lineage)
    if post:
        _post(url, told)
    data = msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
    if output is None:
        click.echo(data.decode(), nl=False)
    else:
        write_new(output, data)
        version = lineage.version.number
        if form == "json":
            echo_json({"path": str(output), "dataset": name, "version": version, "as": kind})
        else:
            click.echo(f"{output}: {name} version {version} as {kind}")


def _gather(desk: CustodyDesk, name: str, number: int | None) -> tuple[Lineage, list[StoredObject]]:
    dataset = readable_dataset(desk.custody, name)
    version = find_version(desk, name, number)
    objects = list(desk.custody.version_objects(name, version.number))
    presence = desk.stores.presence
    log = presence.custody.access_log(client=dataset.client, dataset=name, tx=presence.applied())
    lineage = lineage_of(
        dataset,
        version,
        origin=desk.stores.log.origin,
        events={kind: presence.events(kind) for kind in ("dataset", "dataset-version", "lease")},
        writers={one.by_lease for one in objects if one.by_lease},
        readers=log.leases,
    )
    return lineage, objects


def _post(url: str, events: list[dict[str, Any]]) -> None:
    """Send events, one a request, as OpenLineage's HTTP transport does. Raises: UnavailableError."""
    import urllib.request  # noqa: PLC0415 - few commands send anything

    for event in events:
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            url,
            data=msgspec.json.encode(event),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=_POST_SECONDS):  # noqa: S310 - as above
                pass
        except OSError as error:
            raise UnavailableError(
                f"{url} did not take an event: {getattr(error, 'reason', error)}",
                remedy="post again: each event has the same run id every time",
            ) from error
