"""`pratique party show`: a party's profile, each line observed, attested or claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_check import check_desk
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.plain import safe_line
from pratique.parties.checks import CHECKS
from pratique.parties.checks.rule import Need
from pratique.parties.model import Register
from pratique.parties.profile import Line, Profile, observed_lines, profile_of
from pratique.parties.receiving import evidence_plain
from pratique.values.instants import Instant, now_utc, render_minute

_SHOWN = 80
"""Lines told to a person; JSON has all."""
_NEEDED = frozenset({Need.CUSTODY, Need.READS, Need.DRILLS})


@click.command()
@click.argument("name")
@home_option
@format_option
def show(name: str, home: Path | None, form: str) -> None:
    """Show what is known of a party, each line observed, attested or claimed.

    NAME is as `party list` shows it. Observed is what our own doors, sweeps and drills recorded;
    attested what the party signed; claimed what somebody says. Each line names its ledger entries.
    """
    now = now_utc()
    with open_party_desk(home) as desk:
        desk.party(name)
        register = desk.register
        profile = profile_of(register, name, now=now, observed=_observed(desk, name, now))
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(_plain(register, profile)), indent=2))
    else:
        for text in _lines(profile):
            click.echo(safe_line(text))


def _observed(desk: PartyDesk, name: str, now: Instant) -> list[Line]:
    """What checks gather, without comparing it with anything."""
    checks = tuple(one for one in CHECKS if one.needs & _NEEDED)
    facts = check_desk(desk).gather(desk.register, checks, frozenset({name}), now=now)
    return list(observed_lines(facts, desk.register.parties[name], now=now))


def _lines(profile: Profile) -> list[str]:
    party = profile.party
    title = f", {party.title}" if party.title else ""
    lines = [f"{party.kind.value} {party.name}{title}"]
    lines += [f"  SUSPENDED: {one}" for one in profile.suspended]
    lines += [f"  {one.role}: {one.address}" for one in party.contacts]
    for one in profile.lines[:_SHOWN]:
        entries = f"  [{', '.join(map(str, one.entries))}]" if one.entries else ""
        at = f", {render_minute(one.at)}" if one.at is not None else ""
        lines.append(f"  {one.standing.value:8}  {one.topic}: {one.text}{at}{entries}")
    if len(profile.lines) > _SHOWN:
        lines.append(f"  and {len(profile.lines) - _SHOWN} lines more, with --format json")
    for kept in profile.promises:
        lines.append(f"  promise {'kept' if kept.kept else 'NOT KEPT'}: {kept.text}")
    for piece in profile.faulty[:10]:
        lines.append(f"  faulty: entry {piece.entry}: {_why(piece.evidence.faults)}")
    if profile.clocks:
        lines.append(f"  clocks that run: {', '.join(profile.clocks)}")
    if profile.findings:
        lines.append(f"  open findings: {', '.join(profile.findings)}")
    return lines


def _why(faults: tuple[str, ...]) -> str:
    return faults[0] if faults else "its signature is a wrong one"


def _plain(register: Register, profile: Profile) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(profile)
    name = profile.party.name
    return {
        **plain,
        "faulty": [evidence_plain(one) for one in profile.faulty],
        "evidence": [one.entry for one in register.evidence.get(name, ())],
    }
