"""`pratique incident plan`, `step`, `clocks` and `notices`: what must be done, and who must be told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.response_desk import ResponseDesk, open_response
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.exposure.clocks import (
    Clock,
    ClockRule,
    parse_clocks,
    rules_of_facts,
    rules_of_law,
    start_clocks,
)
from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.notices import concerns, draft_notice, guard_for, render_notice
from pratique.exposure.plan.fold import move_item, open_ends
from pratique.exposure.plan.model import Item, Plan, State, Step
from pratique.inventory.observed.model import Relation
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant, render_second
from pratique.values.plain_text import printable

_LISTED = 50
"""Items of a step in the text; `--list` and JSON have all."""

_clocks_option = click.option(
    "--clocks",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV of further clocks: PARTY,HOURS,BASIS.",
)


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--list", "step", type=click.Choice([one.value for one in Step]), help="One step, whole."
)
@_clocks_option
@home_option
@format_option
def plan(name: str, step: str | None, table: Path | None, home: Path | None, form: str) -> None:
    """What must be done, in the order that protects.

    Plans anew from the answer as of now: new items appear, none vanishes. Exit code 1 while anything
    is left to do.
    """
    now = now_utc()
    with open_response(home) as response:
        incident, answer = response.find(name, now=now)
        found = response.plan(answer, actor=operator(), now=now)
        clocks = running_clocks(response, incident, answer, found, table)
    left = open_ends(found, answer)
    if form == "json":
        _echo(_plan_json(found, left, clocks, now, step))
    else:
        click.echo(_plan_text(incident, found, left, clocks, now, step))
    sys.exit(EXIT_FOUND if left else EXIT_NOTHING_FOUND)


@click.command()
@click.argument("name", metavar="ID")
@click.argument("items", metavar="ITEM…", nargs=-1, required=True)
@click.option("--state", type=click.Choice([one.value for one in State]), help="What became of it.")
@click.option("--owner", help="Who does it.")
@click.option("--reason", default="", help="Why: needed for not-needed and for --force.")
@click.option("--force", is_flag=True, help="Done before what must come first; recorded as such.")
@home_option
@format_option
def step(
    name: str,
    items: tuple[str, ...],
    state: str | None,
    owner: str | None,
    reason: str,
    *,
    force: bool,
    home: Path | None,
    form: str,
) -> None:
    """Say what became of items of the plan.

    ITEM is an id from `pratique incident plan`, or the only beginning of one. What would be done out
    of order is refused, all items together, unless --force is given with a --reason.
    """
    if state is None and owner is None:
        raise InputError("nothing to say", expected="--state, --owner or both")
    now = now_utc()
    with open_response(home) as response:
        _, answer = response.find(name, now=now)
        found = response.plan(answer, actor=operator(), now=now)
        wanted = State(state) if state is not None else State.ASSIGNED
        changes = [
            move_item(found, found.item(one), state=wanted, owner=owner, reason=reason, force=force)
            for one in items
        ]
        response.record(answer, changes, actor=operator(), now=now)
        after = response.plan(answer, actor=operator(), now=now)
    moved = [after.item(change.item) for change in changes]
    if form == "json":
        _echo({"items": [_item_json(one) for one in moved], "left": list(open_ends(after, answer))})
    else:
        click.echo("\n".join(_item_row(one) for one in moved))


@click.command()
@click.argument("name", metavar="ID")
@_clocks_option
@home_option
@format_option
def clocks(name: str, table: Path | None, home: Path | None, form: str) -> None:
    """Who must be told by when. Exit code 1 when a clock has run out."""
    now = now_utc()
    with open_response(home) as response:
        incident, answer = response.find(name, now=now)
        found = response.plan(answer, actor=operator(), now=now)
        running = running_clocks(response, incident, answer, found, table)
    if form == "json":
        _echo({"aware_at": render_instant(incident.aware_at), "clocks": _clocks_json(running, now)})
    else:
        click.echo(_clocks_text(incident, running, now) or "no clock runs")
    zero = timedelta(0)
    late = any((left := one.left(now)) is not None and left < zero for one in running)
    sys.exit(EXIT_FOUND if late else EXIT_NOTHING_FOUND)


@click.command()
@click.argument("name", metavar="ID")
@click.option("--for", "party", help="One party: KIND:NAME, such as client:Globex.")
@click.option("--next-update", metavar="INSTANT", help="When more follows; in 24 hours.")
@_clocks_option
@home_option
@format_option
def notices(
    name: str,
    party: str | None,
    next_update: str | None,
    table: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Draft what each client, vendor, group of people and authority is told.

    A draft says what is known, what is not, and when more follows; and nothing of anybody else.
    """
    now = now_utc()
    update = now + timedelta(hours=24) if next_update is None else parse_instant(next_update)
    with open_response(home) as response:
        incident, answer = response.find(name, now=now)
        found = response.plan(answer, actor=operator(), now=now)
        running = running_clocks(response, incident, answer, found, table)
        owners = response.owners(answer)
    wanted = [one for one in concerns(answer, owners=owners) if party in {None, one.party}]
    if party is not None and not wanted:
        raise InputError(f"the answer does not concern {party[:80]!r}", expected="KIND:NAME")
    drafts = [
        draft_notice(
            one,
            answer,
            incident=incident,
            plan=found,
            clocks=running,
            guard=guard_for(one, answer, owners=owners),
            next_update=update,
            now=now,
        )
        for one in wanted
    ]
    if form == "json":
        _echo({"notices": [msgspec.to_builtins(one) for one in drafts]})
    else:
        rule = "\n\n" + "─" * 78 + "\n\n"
        click.echo(rule.join(render_notice(one) for one in drafts) or "nobody need be told")


def running_clocks(
    response: ResponseDesk,
    incident: Incident,
    answer: IncidentAnswer,
    found: Plan,
    table: Path | None,
) -> tuple[Clock, ...]:
    """Clocks of everybody within reach."""
    parties = [one.target for one in found.of_step(Step.NOTIFY)]
    rules: list[ClockRule] = rules_of_law(answer)
    for relation in (Relation.BELONGS_TO, Relation.OPERATED_BY):
        rules += rules_of_facts(response.facts.edges_to(relation, parties, tx=answer.as_known_at))
    if table is not None:
        try:
            rules += parse_clocks(table.read_text("utf-8"))
        except (OSError, UnicodeError) as error:
            raise InputError(f"cannot read {table}: {error}") from error
    return start_clocks(rules, aware_at=incident.aware_at, parties=parties, plan=found)


def _plan_json(
    found: Plan, left: Sequence[str], running: Sequence[Clock], now: Instant, step: str | None
) -> dict[str, Any]:
    items = [one for one in found.items if step in {None, one.step}]
    return {
        "incident": found.incident,
        "answer": found.answer,
        "complete": not left,
        "left": list(left),
        "items": [_item_json(one) for one in items],
        "clocks": _clocks_json(running, now),
    }


def _item_json(one: Item) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(one)
    return plain


def _clocks_json(running: Sequence[Clock], now: Instant) -> list[dict[str, Any]]:
    return [{**msgspec.to_builtins(one), "state": one.word(now)} for one in running]


def _plan_text(
    incident: Incident,
    found: Plan,
    left: Sequence[str],
    running: Sequence[Clock],
    now: Instant,
    step: str | None,
) -> str:
    parts = [_head(incident)]
    for one in Step:
        items = found.of_step(one)
        if not items or step not in {None, one.value}:
            continue
        settled = sum(item.state.settled for item in items)
        shown = items if step is not None else items[:_LISTED]
        rows = [f"{one.value.upper()}  {settled} of {len(items)} settled"]
        rows += [_item_row(item) for item in shown]
        rows += [f"  … and {len(items) - len(shown)} more: --list {one.value}"] * (
            len(items) > len(shown)
        )
        parts.append("\n".join(rows))
    if step is None:
        parts.append(_clocks_text(incident, running, now))
        parts.append(
            "NOT COMPLETE\n" + "\n".join(f"  {printable(one)}" for one in left)
            if left
            else "complete"
        )
    return "\n\n".join(part for part in parts if part)


def _head(incident: Incident) -> str:
    head = f"{incident.id}  {incident.title}".rstrip()
    if incident.closed_at is not None:
        head += f"  (closed {render_second(incident.closed_at)}: {incident.closed_because})"
    return printable(head)


def _item_row(one: Item) -> str:
    mark = {State.OPEN: "[ ]", State.ASSIGNED: "[~]", State.DONE: "[x]", State.NOT_NEEDED: "[-]"}
    row = f"  {mark[one.state]} {one.id}  {one.target}"
    row += f"  ({one.owner})" if one.owner else ""
    said = [one.why] if one.wanted and not one.state.settled else []
    said += [f"{one.state}: {one.reason}"] if one.reason else []
    said += ["done out of order"] if one.forced else []
    return "\n".join([printable(row), *(f"        {printable(text)}" for text in said)])


def _clocks_text(incident: Incident, running: Sequence[Clock], now: Instant) -> str:
    if not running:
        return ""
    rows = [f"CLOCKS  since {render_second(incident.aware_at)}"]
    for one in running:
        due = f"  by {render_second(one.due_at)}" if one.due_at is not None else ""
        rows.append(printable(f"  {one.party}  {one.word(now)}{due}  ({one.basis})"))
    return "\n".join(rows)


def _echo(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
