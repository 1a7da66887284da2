"""`pratique incident`: standing questions, answered anew whenever something new is known."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.asked_options import asked_options, known_option, read_asked
from pratique.doors.cli.desk import open_desk
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.exposure.incident import NAMES_IN_GROUP, Incident, IncidentAnswer
from pratique.exposure.incident_report import (
    render_difference,
    render_incident_answer,
    render_incident_history,
    render_incident_list,
    render_why,
)
from pratique.exposure.outputs import FORMS, render_output
from pratique.exposure.standing import (
    closed_draft,
    find_incident,
    opened_draft,
    parse_incident_id,
    suggest_id,
)
from pratique.store.incidents import AnswerDesk, Reanswered
from pratique.store.questions import Known
from pratique.values.instants import now_utc, parse_instant

_ELSEWHERE: Final = {
    "bundle": "pratique.doors.cli.incident_bundle",
    "clocks": "pratique.doors.cli.incident_plan",
    "notices": "pratique.doors.cli.incident_plan",
    "plan": "pratique.doors.cli.incident_plan",
    "step": "pratique.doors.cli.incident_plan",
}
"""Commands of the response, imported when they are called: an answer must not wait for them."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(importlib.import_module(_ELSEWHERE[cmd_name]), cmd_name)
        return command


@click.group(cls=_Group)
def incident() -> None:
    """Standing questions: who had it, what could it reach, what can we not see?"""


@incident.command(name="open")
@asked_options
@click.option("--id", "name", metavar="ID", help="What to call it; else made from the question.")
@click.option("--title", default="", help="What a person should read first.")
@click.option("--aware-at", metavar="INSTANT", help="When we first knew; now.")
@home_option
@format_option
def open_incident(
    name: str | None,
    title: str,
    aware_at: str | None,
    home: Path | None,
    form: str,
    **words: object,
) -> None:
    """Open an incident and answer it.

    Exit code 1 when anything of it was seen at an asset, 0 when coverage clears every asset known,
    3 otherwise.
    """
    asked = read_asked(words)
    now = now_utc()
    aware = now if aware_at is None else parse_instant(aware_at)
    if aware > now:
        raise InputError("nobody is aware of it before it is so", expected="--aware-at in the past")
    with open_desk(home) as (desk, log):
        known = desk.known(None, now=now)
        incidents = desk.incidents()
        chosen = parse_incident_id(name) if name else suggest_id(asked, incidents)
        if chosen in incidents:
            raise InputError(f"there is an incident {chosen} already", expected="another --id")
        draft = opened_draft(chosen, asked, title=title, aware_at=aware, actor=operator())
        log.append([draft], now=now)
        known = desk.known(None, now=now)
        opened = desk.incidents()[chosen]
        found = desk.answer_anew(opened, known, actor=operator(), now=now)
    _show(found.answer, opened, form)


@incident.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@home_option
@format_option
def list_incidents(*, everything: bool, home: Path | None, form: str) -> None:
    """List open incidents."""
    with open_desk(home) as (desk, _):
        desk.known(None, now=now_utc())
        listed = [one for one in desk.incidents().values() if one.open or everything]
    if form == "json":
        click.echo(_json({"incidents": [_plain(one) for one in listed]}))
    else:
        click.echo(render_incident_list(listed))


_forms_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", *FORMS]),
    default="text",
    show_default=True,
    help="How to answer.",
)


@incident.command()
@click.argument("name", metavar="ID")
@known_option
@click.option("--history", is_flag=True, help="How it was answered so far, instead of the answer.")
@home_option
@_forms_option
def show(name: str, known_at: str | None, *, history: bool, home: Path | None, form: str) -> None:
    """Show the answer to an incident as of now, or of then; records nothing."""
    with open_desk(home) as (desk, _):
        known = desk.known(known_at, now=now_utc())
        found = find_incident(desk.incidents(tx=known.tx), name)
        if history:
            click.echo(_json(_plain(found)) if form == "json" else render_incident_history(found))
            return
        answer = desk.answer_incident(found, known, names=_names(form))
    _show(answer, found, form)


@incident.command()
@click.argument("name", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Every open incident.")
@home_option
@_forms_option
def answer(name: str | None, *, everything: bool, home: Path | None, form: str) -> None:
    """Answer an incident anew and record the answer.

    With --all every open incident is answered, and recorded where the answer says something new.
    """
    if (name is None) is not everything:
        raise InputError("which incident?", expected="ID, or --all")
    now = now_utc()
    with open_desk(home) as (desk, _):
        if name is None:
            _answer_all(desk, form)
            return
        known = desk.known(None, now=now)
        one = find_incident(desk.incidents(), name)
        found = desk.answer_anew(one, known, actor=operator(), now=now, asked_for=True)
    if form == "text" and found.difference is not None:
        click.echo(render_difference(found.difference) + "\n")
    _show(found.answer, one, form)


def _answer_all(desk: AnswerDesk, form: str) -> None:
    if form not in {"text", "json"}:
        raise InputError(f"--all cannot be told as {form}", expected="--format text or json")
    found = list(desk.answer_all(actor=operator(), now=now_utc()))
    if form == "json":
        click.echo(_json({"answered": [_summary(one) for one in found]}))
    else:
        click.echo("\n\n".join(_told(one) for one in found) or "nothing new is known")
    codes = [_exit_code(one.answer) for one in found]
    worst = EXIT_FOUND if EXIT_FOUND in codes else max(codes, default=EXIT_NOTHING_FOUND)
    sys.exit(worst)


def _summary(one: Reanswered) -> dict[str, Any]:
    return {
        "incident": one.incident.id,
        "entry": one.entry,
        "counts": msgspec.to_builtins(one.answer.counts),
        "digest": one.answer.digest,
        "difference": None if one.difference is None else msgspec.to_builtins(one.difference),
    }


def _told(one: Reanswered) -> str:
    if one.difference is not None:
        return render_difference(one.difference)
    if one.entry >= 0:
        return f"{one.incident.id}: answered for the first time (entry {one.entry})"
    return f"{one.incident.id}: nothing new"


@incident.command()
@click.argument("name", metavar="ID")
@click.argument("asset")
@known_option
@home_option
@format_option
def why(name: str, asset: str, known_at: str | None, home: Path | None, form: str) -> None:
    """The chain of evidence of one asset: each step with its entry and how to check it."""
    with open_desk(home) as (desk, _):
        known = desk.known(known_at, now=now_utc())
        found = desk.explain(find_incident(desk.incidents(tx=known.tx), name), asset, known)
    click.echo(_json(msgspec.to_builtins(found)) if form == "json" else render_why(found))


@incident.command()
@click.argument("name", metavar="ID")
@click.option("--since", metavar="SEQUENCE|INSTANT", help="From what was known then until now.")
@click.option(
    "--between", nargs=2, metavar="EARLIER LATER", help="Between two sequences or instants."
)
@home_option
@format_option
def diff(
    name: str, since: str | None, between: tuple[str, str] | None, home: Path | None, form: str
) -> None:
    """What changed in the answer, and because of which entry or revision.

    Without a span: since the answer that was recorded last but one. Exit code 1 when it changed.
    """
    if since is not None and between:
        raise InputError("two spans", expected="either --since or --between")
    now = now_utc()
    with open_desk(home) as (desk, _):
        latest = desk.known(between[1] if between else None, now=now)
        one = find_incident(desk.incidents(tx=latest.tx), name)
        earlier = between[0] if between else since
        before = (
            desk.known(earlier, now=now) if earlier is not None else _recorded_before(one, latest)
        )
        if before.tx > latest.tx:
            raise InputError("the span ends before it starts", expected="--between EARLIER LATER")
        found = desk.compare(one, before, latest)
    if form == "json":
        click.echo(_json({**msgspec.to_builtins(found), "sentences": list(found.sentences)}))
    else:
        click.echo(render_difference(found))
    sys.exit(EXIT_NOTHING_FOUND if found.empty else EXIT_FOUND)


def _recorded_before(one: Incident, latest: Known) -> Known:
    """The newest recorded answer that another followed, or the first one."""
    if not one.answers:
        raise InputError("it was never answered", expected="--since or --between")
    marks = one.answers
    mark = marks[-2] if len(marks) > 1 and marks[-1].as_known_at >= latest.tx - 1 else marks[-1]
    return Known(mark.as_known_at, mark.asked_at)


@incident.command()
@click.argument("name", metavar="ID")
@click.option("--reason", required=True, help="Why nothing is left to do.")
@home_option
@format_option
def close(name: str, reason: str, home: Path | None, form: str) -> None:
    """Close an incident: it is no longer answered anew."""
    now = now_utc()
    with open_desk(home) as (desk, log):
        desk.known(None, now=now)
        one = find_incident(desk.incidents(), name)
        if not one.open:
            raise InputError(f"{one.id} is closed already", expected="an open incident")
        if not reason.strip():
            raise InputError("no reason", expected="--reason with a sentence")
        entry = log.append([closed_draft(one.id, reason=reason, actor=operator())], now=now)[0]
    if form == "json":
        click.echo(_json({"incident": one.id, "entry": entry}))
    else:
        click.echo(f"closed {one.id} (entry {entry})")


# ── how answers leave ────────────────────────────────────────────────────────────────────────


def _names(form: str) -> int | None:
    """JSON names every asset of a group."""
    return None if form == "json" else NAMES_IN_GROUP


def _show(found: IncidentAnswer, one: Incident, form: str) -> None:
    if form == "json":
        click.echo(_json(_plain(found)))
    elif form == "text":
        click.echo(render_incident_answer(found))
    else:
        click.echo(render_output(form, one, found))
    sys.exit(_exit_code(found))


def _exit_code(found: IncidentAnswer) -> int:
    if found.found:
        return EXIT_FOUND
    return EXIT_NOTHING_FOUND if found.clear else EXIT_UNKNOWN


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
