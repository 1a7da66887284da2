"""`pratique sbom`: what an asset held at an instant, as far as anybody looked."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pratique.doors.cli import EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.asked_options import known_option
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.response_desk import open_response
from pratique.errors import InputError
from pratique.exposure.outputs.sbom import render_sbom, render_sbom_text, take_picture
from pratique.values.instants import now_utc, parse_instant
from pratique.values.spans import to_micros


@click.command()
@click.argument("asset")
@click.option("--at", "moment", metavar="INSTANT", help="As of when; now.")
@known_option
@home_option
@format_option
def sbom(
    asset: str, moment: str | None, known_at: str | None, home: Path | None, form: str
) -> None:
    """What an asset held at an instant, as an SBOM.

    With --format json it is CycloneDX 1.6. What was seen only before and after is `possibly` held.
    Exit code 3 when nobody watched at that instant and read everything, because more may have been
    there.
    """
    now = now_utc()
    at = now if moment is None else parse_instant(moment)
    if at > now:
        raise InputError("that instant has not come yet", expected="--at in the past")
    name = asset.removeprefix("asset:")
    with open_response(home) as response:
        known = response.desk.known(known_at, now=now)
        facts = response.facts
        found = facts.assets_by_name([name])
        if not found:
            raise InputError(
                f"nothing is known of an asset {name[:200]!r}",
                expected="a name as `pratique asset` or an answer shows it",
            )
        row = found[0]
        micros = to_micros(at)
        contents = list(facts.contents_at(row.id, micros, tx=known.tx))
        watched = facts.watched([row.id], micros, micros, tx=known.tx)
        seen_at = {hit.place for _, hit in contents} | {one.place for one in watched}
        picture = take_picture(
            row,
            at,
            tx=known.tx,
            contents=contents,
            places=facts.places(seen_at),
            watched=watched,
        )
    click.echo(render_sbom(picture) if form == "json" else render_sbom_text(picture))
    sys.exit(EXIT_NOTHING_FOUND if picture.whole else EXIT_UNKNOWN)
