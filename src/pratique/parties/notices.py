"""What a party is told of an incident or a suspension, each sentence with the entries it rests on.

Of incidents the exposure room drafts what is said, of suspensions `parties.dossier`. Nothing is said of any
other party: whoever drafts passes a guard, and what would name somebody else does not leave.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec

from pratique.errors import InputError
from pratique.exposure.guard import NameGuard
from pratique.exposure.notices import Notice as Drafted
from pratique.exposure.notices import Sentence
from pratique.ledger.entries import Draft
from pratique.parties.entries import clock_draft, clock_met_draft
from pratique.parties.model import (
    NoticeClock,
    Party,
    Register,
)
from pratique.values.instants import Instant, render_instant, render_second
from pratique.values.plain_text import printable

NOTICE: Final = "notice"
SECTIONS: Final = (
    ("known", "What we know"),
    ("not_known", "What we do not know"),
    ("done", "What was done so far"),
    ("asked", "What we ask of you"),
)


class PartyNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A draft for one party. A person reads it before it is sent."""

    party: str
    kind: str
    cause: str
    """Id of the incident or suspension."""
    subject: str
    made_at: Instant
    known: tuple[Sentence, ...]
    not_known: tuple[Sentence, ...]
    done: tuple[Sentence, ...]
    asked: tuple[Sentence, ...]
    next_update: Instant
    due_at: Instant | None
    """When it must have been told; None: no clock runs."""

    @property
    def sentences(self) -> tuple[tuple[str, Sentence], ...]:
        """All of them, each with its section."""
        return tuple((name, one) for name, _ in SECTIONS for one in getattr(self, name))


def notice_of_incident(
    drafted: Drafted, party: Party, incident: str, due: Instant | None
) -> PartyNotice:
    """The exposure room's draft, with the entries of its sentences."""
    dues = [one for one in (drafted.due_at, due) if one is not None]
    return PartyNotice(
        party=party.name,
        kind=party.kind.value,
        cause=incident,
        subject=drafted.subject,
        made_at=drafted.made_at,
        known=drafted.cited(drafted.known),
        not_known=drafted.cited(drafted.not_known),
        done=drafted.cited(drafted.done),
        asked=drafted.cited(drafted.asked),
        next_update=drafted.next_update,
        due_at=min(dues, default=None),
    )


def check_names(notice: PartyNotice, guard: NameGuard) -> None:
    """Fail closed: rather no notice than one that names somebody else. Raises: InputError."""
    found = guard.find_in_bytes(msgspec.json.encode(notice))
    if found is not None:
        raise InputError(f"the notice for {notice.party} would name {found!r}")


def due_of(register: Register, party: str, cause: str) -> Instant | None:
    """When the first clock of this party and cause that is not met runs out."""
    return min((one.due_at for one in open_clocks(register, party, cause)), default=None)


def open_clocks(register: Register, party: str, cause: str) -> list[NoticeClock]:
    """Clocks that a notice to this party meets: it is told, or told again."""
    return [
        one
        for one in register.clocks.values()
        if (one.party, one.cause) == (party, cause)
        and one.met_at is None
        and one.duty in {"notify", "update"}
    ]


def update_hours(party: str, register: Register) -> int | None:
    """How often a contract of the party asks for news; None: none does."""
    agreed = (one.update_hours for one in register.contracts.values() if one.party == party)
    return min((one for one in agreed if one is not None), default=None)


# ── as a letter ──────────────────────────────────────────────────────────────────────────────


def render_party_notice(notice: PartyNotice, *, final: bool = False) -> str:
    """A plain letter; numbers in brackets are entries of the ledger. Not final: a draft to be read."""
    draft = "" if final else "DRAFT "
    parts = [
        f"{draft}for {printable(notice.party)}\nSubject: {printable(notice.subject)}",
        f"Concerns: {printable(notice.cause)}. As of {render_second(notice.made_at)}.",
    ]
    for name, title in SECTIONS:
        lines = [f"- {printable(one.text)}{_numbers(one)}" for one in getattr(notice, name)]
        if lines:
            parts.append("\n".join([title, *lines]))
    parts.append(f"Next update: {render_second(notice.next_update)}, also if nothing has changed.")
    parts.append("Numbers in brackets are entries of our ledger; ask for a proof of any of them.")
    if notice.due_at is not None and not final:
        parts.append(f"(To be sent by {render_second(notice.due_at)}. Remove this line.)")
    return "\n\n".join(parts) + "\n"


def _numbers(one: Sentence) -> str:
    return f" [{', '.join(map(str, one.entries))}]" if one.entries else ""


# ── sent ─────────────────────────────────────────────────────────────────────────────────────


def sent_drafts(
    notice: PartyNotice,
    register: Register,
    *,
    sha256: str,
    channel: str,
    actor: str,
    now: Instant,
) -> list[Draft]:
    """Entries that a notice was sent, for one append: itself, the clocks it meets, the next one.

    The next clock starts where a contract asks for updates, unless this was the last: a suspension that is
    lifted needs no more.
    """
    body: dict[str, Any] = {
        "cause": notice.cause,
        "sha256": sha256,
        "sentences": [
            {"section": name, "entries": list(one.entries)} for name, one in notice.sentences
        ],
        "next_update": render_instant(notice.next_update),
        "channel": channel,
    }
    subject = f"party:{notice.party}"
    drafts = [Draft(kind=NOTICE, subject=subject, actor=actor, body=body)]
    how = f"notice {sha256[:16]} by {channel}"
    drafts += [
        clock_met_draft(one, how=how, actor=actor)
        for one in open_clocks(register, notice.party, notice.cause)
    ]
    hours = update_hours(notice.party, register)
    lifted = register.suspensions.get(notice.cause)
    if hours is not None and (lifted is None or lifted.lifted_at is None):
        clock = _next_clock(notice, register, hours=hours, now=now)
        drafts.append(clock_draft(clock, actor=actor))
    return drafts


def _next_clock(
    notice: PartyNotice, register: Register, *, hours: int, now: Instant
) -> NoticeClock:
    begun = f"{notice.cause}/{notice.party}/update"
    number = 1
    while f"{begun}/{number}" in register.clocks:
        number += 1
    contract = next(
        one
        for one in register.contracts.values()
        if one.party == notice.party and one.update_hours == hours
    )
    return NoticeClock(
        id=f"{begun}/{number}",
        party=notice.party,
        duty="update",
        basis=contract.basis or contract.id,
        hours=hours,
        started_at=now,
        due_at=now + timedelta(hours=hours),
        cause=notice.cause,
    )
