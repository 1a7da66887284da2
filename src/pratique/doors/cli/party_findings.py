"""`pratique party findings` and `pratique party finding`: what checks found, and what became of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from pratique.doors.cli.custody_desk import approver_actor, echo_json
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_check import exit_code, order, summary
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_finding_text import finding_line, finding_lines, finding_plain
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.parties.entries import FINDING, FindingBody, finding_draft
from pratique.parties.findings import accepted, assigned, due, find_finding
from pratique.parties.model import Finding, FindingState, Severity
from pratique.values.instants import Instant, now_utc, parse_instant

_STATES = [*(one.value for one in FindingState), "all"]
_DAY = len("2026-01-31")
_MAX_OWNER = 100


@click.command()
@click.argument("names", metavar="NAME", nargs=-1)
@click.option("--rule", metavar="RULE", help="Only of this rule.")
@click.option(
    "--state",
    type=click.Choice(_STATES),
    default="open",
    show_default=True,
    help="What became of them.",
)
@click.option(
    "--severity",
    type=click.Choice([one.value for one in Severity]),
    help="Only this bad, or worse.",
)
@click.option("--owner", metavar="OWNER", help="Only of this owner; '' for those of nobody.")
@click.option("--overdue", is_flag=True, help="Only those whose date has passed.")
@click.option("--known", is_flag=True, help="Without what nobody can say.")
@home_option
@format_option
def findings(
    names: tuple[str, ...],
    *,
    rule: str | None,
    state: str,
    severity: str | None,
    owner: str | None,
    overdue: bool,
    known: bool,
    home: Path | None,
    form: str,
) -> None:
    """List what checks found, worst first; checks nothing.

    NAME is a party; without any, those of all are listed. Exit codes are as of `check`.
    """
    now = now_utc()
    worst = list(Severity)
    with open_party_desk(home) as desk:
        parties = {desk.party(name).name for name in names}
        listed = [
            one
            for one in desk.register.findings.values()
            if (not parties or one.found.party in parties)
            and (rule is None or one.found.rule == rule)
            and (state in {"all", one.state.value})
            and (
                severity is None
                or worst.index(one.found.severity) >= worst.index(Severity(severity))
            )
            and (owner is None or one.owner == owner)
            and (not overdue or _is_overdue(one, now))
            and not (known and one.found.unknown)
        ]
    narrowed = bool(names or rule or severity or owner is not None or overdue or known)
    _show(sorted(listed, key=order), form, narrowed=narrowed or state != "open")


def _is_overdue(finding: Finding, now: Instant) -> bool:
    late = finding.due_at is not None and finding.due_at <= now
    return late and finding.state is FindingState.OPEN


def _show(listed: Iterable[Finding], form: str, *, narrowed: bool) -> None:
    found = list(listed)
    if form == "json":
        echo_json({"findings": [finding_plain(one) for one in found]})
    else:
        for one in found:
            mark = "" if one.state is FindingState.OPEN else f"{one.state.value}  "
            click.echo(f"{mark}{finding_line(one)}")
        click.echo(summary(found) if found or not narrowed else "none that was asked for")
    sys.exit(exit_code(found))


@click.group()
def finding() -> None:
    """One finding: show it, give it an owner or a date, accept it for a while."""


@finding.command()
@click.argument("name", metavar="ID")
@home_option
@format_option
def show(name: str, home: Path | None, form: str) -> None:
    """Show a finding with its history, and what it serves."""
    with open_party_desk(home) as desk:
        found = find_finding(desk.register.findings, name)
        events = desk.stores.presence.events(FINDING)
        history = [one for one in events if one.subject == f"finding:{found.id}"]
    if form == "json":
        steps = [
            {"entry": one.sequence, "at": one.at, "actor": one.actor, **one.body} for one in history
        ]
        echo_json({**finding_plain(found), "steps": steps})
    else:
        for line in finding_lines(found, history):
            click.echo(line)


@finding.command()
@click.argument("name", metavar="ID")
@click.argument("owner")
@home_option
@format_option
def assign(name: str, owner: str, home: Path | None, form: str) -> None:
    """Say who puts a finding right.

    OWNER is a name or an address of an office; '' takes it away.
    """
    words = " ".join(owner.split())
    if len(words) > _MAX_OWNER or not words.isprintable():
        raise InputError(
            "that is no owner", expected=f"a printable name of at most {_MAX_OWNER} characters"
        )
    with open_party_desk(home) as desk:
        found = find_finding(desk.register.findings, name)
        _record(desk, assigned(found, owner=words), found.id, operator(), form)


@finding.command("due")
@click.argument("name", metavar="ID")
@click.argument("when", metavar="INSTANT")
@home_option
@format_option
def set_due(name: str, when: str, home: Path | None, form: str) -> None:
    """Say by when a finding is to be put right.

    INSTANT is a day (its beginning, UTC) or an instant such as 2026-11-22T12:00:00Z.
    """
    moment = _moment(when)
    with open_party_desk(home) as desk:
        found = find_finding(desk.register.findings, name)
        _record(desk, due(found, due_at=moment), found.id, operator(), form)


@finding.command()
@click.argument("name", metavar="ID")
@click.option(
    "--until", required=True, metavar="INSTANT", help="Then it is open again: a day, or an instant."
)
@click.option("--reason", required=True, help="Why it may stay so; recorded.")
@home_option
@format_option
def accept(name: str, until: str, reason: str, home: Path | None, form: str) -> None:
    """Accept a finding until an instant, as an approver.

    Who you are is known by an approver's token, from PRATIQUE_APPROVER_TOKEN or typed without an
    echo. The check opens the finding again then, or when it becomes worse before.
    """
    now = now_utc()
    moment = _moment(until)
    words = " ".join(reason.split())
    with open_party_desk(home) as desk:
        found = find_finding(desk.register.findings, name)
        body = accepted(found, until=moment, reason=words, now=now)
        _record(desk, body, found.id, approver_actor(desk.stores, now=now), form)


def _moment(text: str) -> Instant:
    try:
        return parse_instant(f"{text}T00:00:00Z" if len(text) == _DAY else text)
    except InputError:
        raise InputError(
            f"not a day or instant: {text!r}",
            expected="such as 2026-12-15, or 2026-12-15T10:00:00Z",
        ) from None


def _record(desk: PartyDesk, body: FindingBody, id_: str, actor: str, form: str) -> None:
    entries = desk.record([finding_draft(body, actor=actor)], now_utc())
    after = desk.reread().register.findings[id_]
    if form == "json":
        echo_json({**finding_plain(after), "entry": entries[0]})
    else:
        mark = "" if after.state is FindingState.OPEN else f"{after.state.value}  "
        click.echo(f"{mark}{finding_line(after)}, ledger entry {entries[0]}")
