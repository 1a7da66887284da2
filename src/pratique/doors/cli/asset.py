"""`pratique asset`: what is known of whatever installs or runs releases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from pratique.doors.cli import EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.asked_options import known_option
from pratique.doors.cli.desk import open_desk
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.plain import safe_line
from pratique.errors import InputError
from pratique.exposure.asset_view import AssetSummary, AssetView, list_assets, view_asset
from pratique.exposure.why import times_words
from pratique.inventory.observed.model import AssetKind
from pratique.values.instants import Instant, now_utc, render_instant
from pratique.values.spans import to_micros

_SHOWN = 200


@click.group()
def asset() -> None:
    """What is known of whatever installs or runs releases."""


@asset.command(name="list")
@click.option("--kind", type=click.Choice([one.value for one in AssetKind]), help="Only these.")
@known_option
@home_option
@format_option
def list_(kind: str | None, known_at: str | None, home: Path | None, form: str) -> None:
    """List assets, with the newest look at each.

    Exit code 3 when one name stands for several machines, or a newest look could not read all.
    """
    with open_desk(home) as (desk, _):
        known = desk.known(known_at, now=now_utc())
        found = list_assets(desk.queries, now=to_micros(known.now), tx=known.tx)
    listed = [one for one in found if kind in {None, one.kind}]
    if form == "json":
        click.echo(_json({"assets": msgspec.to_builtins(listed)}))
    else:
        rows = [_summary(one) for one in listed[:_SHOWN]]
        more = len(listed) - _SHOWN
        rows += [f"… and {more} more; --format json lists all"] if more > 0 else []
        click.echo("\n".join(safe_line(row) for row in rows or ["nothing was ever looked at"]))
    doubtful = any(one.unreadable or one.machines > 1 for one in listed)
    sys.exit(EXIT_UNKNOWN if doubtful else EXIT_NOTHING_FOUND)


@asset.command()
@click.argument("name")
@known_option
@home_option
@format_option
def show(name: str, known_at: str | None, home: Path | None, form: str) -> None:
    """Show an asset: places, newest looks, times nobody watched, credentials held.

    Exit code 3 when its name stands for several machines, or a newest look could not read all.
    """
    with open_desk(home) as (desk, _):
        known = desk.known(known_at, now=now_utc())
        rows = desk.queries.assets_by_name([name.removeprefix("asset:")])
        if not rows:
            raise InputError(
                f"no asset is called {name[:80]!r}", expected="a name from `pratique asset list`"
            )
        view = view_asset(rows[0], desk.queries, now=to_micros(known.now), tx=known.tx)
    if form == "json":
        click.echo(_json(msgspec.to_builtins(view)))
    else:
        click.echo("\n".join(safe_line(row) for row in _rows(view)))
    doubtful = len(view.machines) > 1 or any(not place.whole for place in view.places)
    sys.exit(EXIT_UNKNOWN if doubtful else EXIT_NOTHING_FOUND)


def _summary(one: AssetSummary) -> str:
    notes = []
    if one.unreadable:
        notes.append(f"{one.unreadable} places not wholly read")
    if one.machines > 1:
        notes.append(f"{one.machines} machines with this name")
    last = "never looked at" if one.last_look is None else f"last look {_moment(one.last_look)}"
    return "  ".join([one.asset, one.kind, last, f"{one.looks} places", *notes])


def _rows(view: AssetView) -> Iterator[str]:
    last = "never looked at" if view.last_look is None else f"last look {_moment(view.last_look)}"
    yield f"{view.asset}  {view.kind}  known since {_moment(view.since)}  {last}"
    if len(view.machines) > 1:
        yield f"CONFLICT: {len(view.machines)} machines use this name: {', '.join(view.machines)}"
        yield "  What is said of one may be about another: sweep each under a name of its own."
    yield "PLACES"
    for place in view.places:
        state = "" if place.whole else f", {place.gaps} things not read"
        gone = ", gone" if place.ended else ""
        yield f"  {place.kind} {place.locator}"
        yield f"    {place.mode} look {_moment(place.last_look)}{gone}{state} (entry {place.entry})"
    yield "NOT WATCHED"
    for gap in view.unwatched:
        end = "now" if gap.end is None else _moment(gap.end)
        yield f"  {'the beginning' if gap.start is None else _moment(gap.start)} to {end}"
    yield "CREDENTIALS"
    for one in view.identities:
        yield f"  {one.identity}  {one.locator}  {times_words(one.times)} (entry {one.entry})"
    if not view.identities:
        yield "  none known: sweep it for them, or import them"


def _moment(moment: Instant | None) -> str:
    return "unknown" if moment is None else render_instant(moment)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
