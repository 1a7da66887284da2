"""`pratique party status` and `clocks`: where a party stands, and what is due."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND
from pratique.doors.cli.evidence_file import EVIDENCE_MODE
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_desk import open_party_desk
from pratique.doors.cli.plain import safe_line
from pratique.errors import InputError
from pratique.exposure.clocks import Clock
from pratique.values.instants import Instant, now_utc, render_second

if TYPE_CHECKING:
    from pratique.parties.model import NoticeClock


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="The file, status.json or status.html; it is replaced whole.",
)  # fmt: skip
@home_option
@format_option
def status(name: str, *, output: Path, home: Path | None, form: str) -> None:
    """Write where a party stands: leases, suspensions, what was disclosed, clocks, next update.

    Signed with the key of the log, for the party to poll and to check with `pratique verify`. A name that
    ends in .html gives the page of it.
    """
    from pratique.parties.status import render_status_page  # noqa: PLC0415 - clocks need none
    from pratique.store.party_status import StatusDesk  # noqa: PLC0415 - as above

    now = now_utc()
    with open_party_desk(home) as desk:
        party = desk.party(name)
        stores = desk.stores
        signing = StatusDesk(stores.settings, stores.log, stores.presence)
        data = signing.signed(party, desk.register, now=now)
    _replace(output, render_status_page(data) if output.suffix == ".html" else data)
    if form == "json":
        _echo({"file": str(output), "party": name, "bytes": output.stat().st_size})
    else:
        click.echo(f"{output}: the status of {name} as of {render_second(now)}")


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all: whoever polls never sees half a file."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, EVIDENCE_MODE)
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror}") from error


# ── clocks ───────────────────────────────────────────────────────────────────────────────────


@click.command()
@click.option("--all", "every", is_flag=True, help="Those that were met as well.")
@home_option
@format_option
def clocks(*, every: bool, home: Path | None, form: str) -> None:
    """Who must be told, or must tell us, by when; of suspensions and open incidents.

    Exit code 1 when a clock has run out.
    """
    now = now_utc()
    with open_party_desk(home) as desk:
        found = [_of_register(one) for one in desk.register.clocks.values()]
        open_ids = [
            one.subject.partition(":")[2] for one in desk.stores.presence.events("incident")
        ]
        closed = {
            one.subject.partition(":")[2] for one in desk.stores.presence.events("incident-closed")
        }
    for incident in open_ids:
        if incident not in closed:
            found += _of_incident(incident, home, now=now)
    found = [one for one in found if every or one["clock"].met_at is None]
    found.sort(key=lambda one: (one["clock"].due_at is None, str(one["clock"].due_at), one["id"]))
    if form == "json":
        _echo({"clocks": [_plain(one, now) for one in found]})
    else:
        for one in found:
            click.echo(safe_line(_row(one, now)))
        if not found:
            click.echo("no clock runs")
    zero = timedelta(0)
    late = any((left := one["clock"].left(now)) is not None and left < zero for one in found)
    sys.exit(EXIT_FOUND if late else EXIT_NOTHING_FOUND)


def _of_register(one: NoticeClock) -> dict[str, Any]:
    clock = Clock(
        party=one.party,
        basis=one.basis,
        hours=one.hours,
        started_at=one.started_at,
        due_at=one.due_at,
        met_at=one.met_at,
    )
    return {"id": one.id, "duty": one.duty, "cause": one.cause, "clock": clock}


def _of_incident(name: str, home: Path | None, *, now: Instant) -> list[dict[str, Any]]:
    """Clocks of everybody within reach of an open incident."""
    from pratique.doors.cli.incident_plan import running_clocks  # noqa: PLC0415 - needs open incidents
    from pratique.doors.cli.response_desk import open_response  # noqa: PLC0415 - as above
    from pratique.doors.cli.stores import operator  # noqa: PLC0415 - as above

    with open_response(home) as response:
        incident, answer = response.find(name, now=now)
        plan = response.plan(answer, actor=operator(), now=now)
        running = running_clocks(response, incident, answer, plan, None)
    return [
        {"id": f"{name}/{one.party}/notify", "duty": "notify", "cause": name, "clock": one}
        for one in running
    ]


def _plain(one: dict[str, Any], now: Instant) -> dict[str, Any]:
    clock: Clock = one["clock"]
    left = clock.left(now)
    return {
        "id": one["id"],
        "duty": one["duty"],
        "cause": one["cause"],
        **msgspec.to_builtins(clock),
        "state": clock.word(now),
        "left_seconds": None if left is None else int(left.total_seconds()),
    }


def _row(one: dict[str, Any], now: Instant) -> str:
    clock: Clock = one["clock"]
    due = f"  by {render_second(clock.due_at)}" if clock.due_at is not None else ""
    return (
        f"{one['duty']:8}  {clock.party}  {clock.word(now)}{due}  {one['cause']}  ({clock.basis})"
    )


def _echo(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
