"""`pratique party notice` and `proof`: what one party is told, and the proof that goes with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique.doors.cli.evidence_file import EVIDENCE_MODE, write_new
from pratique.doors.cli.incident_plan import running_clocks
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_changes import entries_text
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_register import read_file
from pratique.doors.cli.response_desk import ResponseDesk, open_response
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.exposure.notices import concerns, draft_notice, guard_for
from pratique.exposure.plan.fold import move_item
from pratique.exposure.plan.model import State, Step
from pratique.exposure.standing import find_incident
from pratique.parties.dossier import concerned, draft_of_suspension
from pratique.parties.model import Party, PartyKind
from pratique.parties.naming import names_guard
from pratique.parties.notices import (
    PartyNotice,
    check_names,
    due_of,
    notice_of_incident,
    render_party_notice,
    sent_drafts,
)
from pratique.store.party_facts import suspension_facts
from pratique.values.counting import counted
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant, render_second

_MAX_TEXT: Final = 1 << 20
_NAMED: Final = 5
_file = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    incident: str | None
    suspension: str | None
    next_update: Instant | None


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--incident", metavar="ID", help="About this incident.")
@click.option("--suspension", metavar="ID", help="About this suspension, such as S-….")
@click.option("--next-update", metavar="INSTANT", help="When more follows; as the contract says.")
@click.option("-o", "--output", type=_file, help="Write the draft there instead of printing it.")
@click.option("--sent", is_flag=True, help="Record that it was sent; meets its clocks.")
@click.option("--channel", metavar="TEXT", help="With --sent: how, such as e-mail.")
@click.option("--text", type=_file, help="With --sent: what was sent, when it is not the draft.")
@click.option(
    "--addresses", type=_file, help="Of people: write whom to send it to, as CSV for your eyes."
)
@home_option
@format_option
def notice(
    name: str,
    *,
    incident: str | None,
    suspension: str | None,
    next_update: str | None,
    output: Path | None,
    sent: bool,
    channel: str | None,
    text: Path | None,
    addresses: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Draft what one party is told: known, not known, done, asked, and when more follows.

    From facts only, each sentence with the ledger entries that it rests on, and nothing about anybody else.
    Read it before you send it; then record that with --sent.
    """
    _check_sent(channel or "", text, sent=sent)
    now = now_utc()
    update = _later(next_update, now)
    asked = _Asked(incident=incident, suspension=suspension, next_update=update)
    with open_party_desk(home) as desk:
        party = desk.party(name)
        drafted = _drafted(desk, party, asked, home=home, now=now)
        letter = render_party_notice(drafted)
        if addresses is not None:
            _write_addresses(desk, party, addresses)
        recorded = None
        if sent:
            recorded = _record(
                desk, drafted, _sent_text(desk, drafted, text), channel or "", now=now
            )
    if recorded is not None and drafted.cause not in desk.register.suspensions:
        _mark_told(drafted, party, home=home, now=now)
    if output is not None:
        write_new(output, letter.encode())
    _show(drafted, letter, output=output, recorded=recorded, form=form)


def _check_sent(channel: str, text: Path | None, *, sent: bool) -> None:
    if sent and not channel.strip():
        raise InputError("how was it sent?", expected="--channel, such as --channel e-mail")
    if not sent and (channel or text):
        raise InputError("--channel and --text are for what was sent", expected="--sent")


def _later(next_update: str | None, now: Instant) -> Instant | None:
    update = None if next_update is None else parse_instant(next_update)
    if update is not None and update <= now:
        raise InputError("the next update lies in the past", expected="a later --next-update")
    return update


def _show(
    drafted: PartyNotice,
    letter: str,
    *,
    output: Path | None,
    recorded: dict[str, Any] | None,
    form: str,
) -> None:
    if form == "json":
        plain = msgspec.to_builtins(drafted)
        _echo({**plain, "file": None if output is None else str(output), "sent": recorded})
    elif recorded is not None:
        click.echo(
            f"recorded as sent by {recorded['channel']}: {entries_text(recorded['entries'])}, "
            f"next update {render_second(drafted.next_update)}"
        )
    elif output is None:
        click.echo(letter, nl=False)
    else:
        click.echo(f"{output}: a draft of {counted(len(drafted.sentences), 'sentence')}")


def _drafted(
    desk: PartyDesk, party: Party, asked: _Asked, *, home: Path | None, now: Instant
) -> PartyNotice:
    if asked.incident is not None and asked.suspension is not None:
        raise InputError("one notice, one cause", expected="--incident or --suspension")
    incident, suspension = asked.incident, asked.suspension
    if incident is None and suspension is None:
        suspension = _only_cause(desk, party)
    if incident is not None:
        return _of_incident(desk, party, incident, asked.next_update, home=home, now=now)
    found = desk.register.suspensions.get(suspension or "")
    if found is None:
        known = ", ".join(sorted(desk.register.suspensions)) or "none was recorded"
        raise InputError(f"no suspension {suspension!r}", expected=known)
    facts = suspension_facts(desk.stores.presence, desk.register, found, party, now=now)
    return draft_of_suspension(
        party,
        facts,
        guard=names_guard(party, desk.register),
        next_update=asked.next_update,
        now=now,
    )


def _only_cause(desk: PartyDesk, party: Party) -> str:
    """The one suspension in force that concerns a party."""
    found = [
        one.id
        for one in desk.register.suspensions.values()
        if one.lifted_at is None and concerned(party, one, desk.register)
    ]
    if not found:
        raise InputError(
            f"about what? no suspension in force concerns {party.name}", expected="--incident ID"
        )
    if len(found) > 1:
        raise InputError(
            f"about what? {len(found)} suspensions in force concern {party.name}",
            expected=f"--suspension with one of {', '.join(found[:_NAMED])}, or --incident ID",
        )
    return found[0]


# ── incidents ────────────────────────────────────────────────────────────────────────────────


def _of_incident(
    desk: PartyDesk,
    party: Party,
    name: str,
    next_update: Instant | None,
    *,
    home: Path | None,
    now: Instant,
) -> PartyNotice:
    with open_response(home) as response:
        incident, answer = response.find(name, now=now)
        plan = response.plan(answer, actor=operator(), now=now)
        owners = response.owners(answer)
        clocks = running_clocks(response, incident, answer, plan, None)
    wanted = [one for one in concerns(answer, owners=owners) if _is(one.party, party)]
    if not wanted:
        raise InputError(
            f"as far as is known, incident {incident.id} does not concern {party.name}",
            remedy=f"give it the proof: pratique party proof {party.name} --incident {incident.id}",
        )
    drafted = draft_notice(
        wanted[0],
        answer,
        incident=incident,
        plan=plan,
        clocks=clocks,
        guard=guard_for(wanted[0], answer, owners=owners),
        next_update=next_update or now + timedelta(hours=24),
        now=now,
    )
    due = due_of(desk.register, party.name, incident.id)
    found = notice_of_incident(drafted, party, incident.id, due)
    check_names(found, names_guard(party, desk.register))
    return found


def _is(entity: str, party: Party) -> bool:
    """Collectors write names as they find them."""
    return entity.casefold() == party.entity.casefold()


def _mark_told(drafted: PartyNotice, party: Party, *, home: Path | None, now: Instant) -> None:
    """The incident's own plan and clocks know of it, too."""
    with open_response(home) as response:
        _, answer = response.find(drafted.cause, now=now)
        plan = response.plan(answer, actor=operator(), now=now)
        changes = [
            move_item(plan, item, state=State.DONE, reason="notice sent", force=True)
            for item in plan.of_step(Step.NOTIFY)
            if _is(item.target, party) and item.state is not State.DONE
        ]
        if changes:
            response.record(answer, changes, actor=operator(), now=now)


# ── sent ─────────────────────────────────────────────────────────────────────────────────────


def _sent_text(desk: PartyDesk, drafted: PartyNotice, file: Path | None) -> bytes:
    """What was sent; a text that somebody wrote is looked through for names of others as well."""
    if file is None:
        return render_party_notice(drafted, final=True).encode()
    data = read_file(file, most=_MAX_TEXT)
    found = names_guard(desk.party(drafted.party), desk.register).find_in_bytes(data)
    if found is not None:
        raise InputError(f"{file} names {found!r}, which is not for {drafted.party} to read")
    return data


def _record(
    desk: PartyDesk, drafted: PartyNotice, text: bytes, channel: str, *, now: Instant
) -> dict[str, Any]:
    sha256 = desk.keep_evidence(text)
    drafts = sent_drafts(
        drafted, desk.register, sha256=sha256, channel=channel.strip(), actor=operator(), now=now
    )
    entries = desk.record(drafts, now)
    return {
        "sha256": sha256,
        "channel": channel.strip(),
        "at": render_instant(now),
        "entries": list(entries),
    }


def _write_addresses(desk: PartyDesk, party: Party, file: Path) -> None:
    from pratique.store.people import open_people  # noqa: PLC0415 - few notices are for people

    if party.kind is not PartyKind.PEOPLE:
        raise InputError(f"{party.name} is no group of people", expected="its contacts: party show")
    with open_people(desk.stores.settings.home) as people:
        lines = [f"{one.pseudonym},{_cell(one.contact)}" for one in people.group(party.name)]
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, EVIDENCE_MODE)
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}") from error
    with os.fdopen(fd, "w", encoding="utf-8") as out:
        out.write("\n".join(["pseudonym,contact", *lines, ""]))


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    plain = text.replace('"', '""')
    return f'"\'{plain}"' if text[:1] in "=+-@\t\r" else f'"{plain}"'


# ── proof ────────────────────────────────────────────────────────────────────────────────────


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--incident", metavar="ID", required=True, help="The incident that was asked about.")
@click.option("-o", "--output", type=_file, required=True, help="The file: case.xpz.")
@home_option
@format_option
def proof(name: str, *, incident: str, output: Path, home: Path | None, form: str) -> None:
    """Write a client its own proof of an incident: that it is concerned, or that it is not.

    Holds what concerns this client and nothing of anybody else. Checked with `pratique verify`.
    """
    from pratique.doors.cli.incident_bundle import bundle  # noqa: PLC0415 - loads templates

    with open_party_desk(home) as desk:
        party = desk.party(name)
    if party.kind is not PartyKind.CLIENT:
        raise InputError(f"{name} is no client", expected="a client; for others: party notice")
    with open_response(home) as response:
        client = _entity_in_facts(response, incident, party)
    callback = bundle.callback
    assert callback is not None
    callback(
        name=incident, target=output, client=client, raw=False, replay=False, checkpoint=None,
        tokens=(), tsa=None, certificates=None, home=home, form=form,
    )  # fmt: skip


def _entity_in_facts(response: ResponseDesk, incident: str, party: Party) -> str:
    """The client as facts call it: collectors write names as they find them."""
    response.desk.known(None, now=now_utc())
    find_incident(response.desk.incidents(), incident)
    edges = response.facts.edges_of("belongs-to", tx=response.presence.applied())
    return next((one.object for one in edges if _is(one.object, party)), party.entity)


def _echo(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
