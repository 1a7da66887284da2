"""Drafts of what each party is told: what is known, what is not, when more follows.

A party learns what concerns it and nothing of anybody else. Whatever would name another party is
left out or said without the name; nothing leaves that names one all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pratique.custody.sizes import human_bytes
from pratique.errors import InputError
from pratique.exposure.clocks import Clock
from pratique.exposure.disclosure import LEASE, Disclosed
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import Incident, IncidentAnswer, Reached
from pratique.exposure.plan.items import AUTHORITY
from pratique.exposure.plan.model import Plan, State, Step
from pratique.values.instants import Instant, render_second
from pratique.values.plain_text import printable
from pratique.values.spans import is_dawn

ENTRIES_CITED: Final = 20
"""Of one sentence; the case has all."""
PARTY_KINDS: Final = ("client", "people", "vendor", "authority")


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is said, and the ledger entries that it rests on."""

    text: str
    entries: tuple[int, ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A draft for one party. A person reads it before it is sent."""

    party: str
    """Entity key."""
    kind: str
    """`client`, `people`, `vendor` or `authority`."""
    subject: str
    made_at: Instant
    known: tuple[str, ...]
    not_known: tuple[str, ...]
    done: tuple[str, ...]
    asked: tuple[str, ...]
    """What the party is asked to do."""
    next_update: Instant
    due_at: Instant | None
    """When it must have been told; None: without undue delay."""
    answer: str
    """Digest of the answer that it is drawn from."""
    sources: dict[str, tuple[int, ...]] = {}
    """Of each sentence the ledger entries that it rests on."""

    def cited(self, texts: Iterable[str]) -> tuple[Sentence, ...]:
        """Sentences of the notice with their entries."""
        return tuple(Sentence(text=one, entries=self.sources.get(one, ())) for one in texts)


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """What concerns one party."""

    party: str
    reached: Reached | None
    datasets: tuple[Reached, ...] = ()
    """Of a client or of people: their data within reach."""
    assets: tuple[str, ...] = ()
    """Of a vendor: what it operates and was exposed (entity keys)."""
    disclosed: tuple[Disclosed, ...] = ()
    """Of a client: what was read of its data under leases within reach."""


def concerns(
    answer: IncidentAnswer, *, owners: Mapping[str, frozenset[str]]
) -> tuple[Concern, ...]:
    """Every party of an answer with what concerns it.

    `owners` gives of each dataset whose it is, and of each asset who operates it (entity keys).
    """
    reach = answer.reach
    found = [
        Concern(
            party=one.entity,
            reached=one,
            datasets=tuple(d for d in reach.datasets if one.entity in owners.get(d.entity, ())),
            disclosed=tuple(
                lease for lease in reach.disclosed or () if one.entity == f"client:{lease.client}"
            ),
            assets=tuple(
                line.asset
                for line in answer.lines
                if line.certainty.exposed and one.entity in owners.get(line.asset, ())
            ),
        )
        for one in (*reach.clients, *reach.people, *reach.vendors)
    ]
    if answer.reach.people:
        found.append(
            Concern(party=AUTHORITY, reached=reach.people[0], datasets=_of_people(answer, owners))
        )
    return tuple(found)


def _of_people(answer: IncidentAnswer, owners: Mapping[str, frozenset[str]]) -> tuple[Reached, ...]:
    people = {one.entity for one in answer.reach.people}
    return tuple(d for d in answer.reach.datasets if people & owners.get(d.entity, frozenset()))


def guard_for(
    concern: Concern, answer: IncidentAnswer, *, owners: Mapping[str, frozenset[str]]
) -> NameGuard:
    """Knows every name in the answer that is not this party's to read."""
    known = {line.asset for line in answer.lines}
    known.update(asset for group in answer.groups for asset in group.assets)
    reach = answer.reach
    for one in (*reach.identities, *reach.datasets, *reach.clients, *reach.people, *reach.vendors):
        known.add(one.entity)
        known.update(end for step in one.proof for end in (step.subject, step.object))
    known.update(owners, *owners.values())
    mine = {concern.party, *concern.assets, *(one.entity for one in concern.datasets)}
    public = {one.name for one in answer.asked.releases}
    public.update(one.id for one in answer.advisories)
    return NameGuard(known - mine, allowed=mine | public)


def draft_notice(
    concern: Concern,
    answer: IncidentAnswer,
    *,
    incident: Incident,
    plan: Plan,
    clocks: Sequence[Clock],
    guard: NameGuard,
    next_update: Instant,
    now: Instant,
) -> Notice:
    """Draft what one party is told.

    `guard` knows the names of everybody and everything that is not the party's.
    Raises: InputError when even the bare draft would name somebody else.
    """
    kind = concern.party.partition(":")[0]
    asked_for = (*(mark.entry for mark in incident.answers[-1:]), incident.entry)
    known = _clean(_known(concern, answer, kind), guard)
    not_known = _clean(_not_known(concern, answer, kind), guard)
    done = _done(plan)
    due = [one.due_at for one in clocks if one.party == concern.party and one.due_at is not None]
    notice = Notice(
        party=concern.party,
        kind=kind,
        subject="A security incident" if guard.find(incident.title) else incident.title,
        made_at=now,
        known=tuple(one.text for one in known),
        not_known=tuple(one.text for one in not_known),
        done=tuple(one.text for one in done),
        asked=_ASKED[kind],
        next_update=next_update,
        due_at=min(due, default=None),
        answer=answer.digest,
        # What no single fact says follows from the answer as a whole.
        sources={
            one.text: one.entries or asked_for
            for one in (*known, *not_known, *done, *(Sentence(text=text) for text in _ASKED[kind]))
        },
    )
    found = guard.find_in_bytes(msgspec.json.encode(notice))
    if found is not None:
        raise InputError(f"the notice for {concern.party} would name {found!r}")
    return notice


_WITHHELD: Final = "A detail is withheld here because it names somebody else."


def _clean(sentences: Iterable[Sentence], guard: NameGuard) -> list[Sentence]:
    """Sentences, each replaced where it would name somebody else; none twice."""
    found: dict[str, list[int]] = {}
    for one in sentences:
        text = _WITHHELD if guard.find(one.text) is not None else one.text
        found.setdefault(text, []).extend(one.entries)
    return [
        Sentence(text=text, entries=tuple(sorted(set(entries)))) for text, entries in found.items()
    ]


def _known(concern: Concern, answer: IncidentAnswer, kind: str) -> list[Sentence]:
    said_by = tuple(one.entry for one in answer.advisories if one.entry >= 0)
    found = [
        Sentence(text=f"What happened: {one.name} {one.version}.", entries=said_by)
        for one in answer.asked.releases
    ]
    found += [
        Sentence(
            text=f"What happened: {one.id}: {one.summary}."
            if one.summary
            else f"What happened: {one.id}.",
            entries=(one.entry,) if one.entry >= 0 else (),
        )
        for one in answer.advisories
    ]
    if answer.widest is not None:
        text = (
            f"By the widest claim it could be had from {_moment(answer.widest.start)} to "
            f"{_moment(answer.widest.end)}, says {answer.widest.source}."
        )
        found.append(Sentence(text=text, entries=said_by))
    reached = concern.reached
    if reached is None:
        return found
    if kind == "vendor":
        return found + _of_vendor(concern, answer, reached)
    whose = {"client": "your data", "people": "data about you"}.get(kind, "personal data")
    text = (
        f"Credentials that open {whose} may have been stolen. It lay open from "
        f"{_moment(reached.start)}{_until(reached.end)}. How sure we are that the malicious code "
        f"was there: {reached.certainty}."
    )
    found.append(Sentence(text=text, entries=reached.entries))
    found += [
        Sentence(
            text=f"Data concerned: {_bare(one.entity)}, open from {_moment(one.start)}{_until(one.end)}.",
            entries=one.entries,
        )
        for one in concern.datasets
    ]
    found += [
        Sentence(text=_read(one), entries=one.entries[:ENTRIES_CITED]) for one in concern.disclosed
    ]
    return found


def _of_vendor(concern: Concern, answer: IncidentAnswer, reached: Reached) -> list[Sentence]:
    lines = {line.asset: line for line in answer.lines}
    found = [
        Sentence(
            text=f"A system that you operate for us is concerned: {_bare(asset)}.",
            entries=lines[asset].entries if asset in lines else reached.entries,
        )
        for asset in concern.assets
    ]
    if concern.assets:
        text = f"Its code may have run there from {_moment(reached.start)}."
    else:
        text = (
            f"Credentials of ours that your people hold may have been stolen from "
            f"{_moment(reached.start)} on."
        )
    return [*found, Sentence(text=text, entries=reached.entries)]


def _read(one: Disclosed) -> str:
    """What the access log says, in a sentence that names nobody else."""
    until = "until now" if one.end is None else f"until {_moment(one.end)}"
    if not one.objects:
        return (
            f"Under lease {one.lease} nothing of your data was read from {_moment(one.start)} {until}: our "
            "access log has every read."
        )
    return (
        f"Under lease {one.lease} {human_bytes(one.bytes)} of {one.objects:,} objects of your data were read "
        f"from {_moment(one.start)} {until}, says our access log, which has every read. At most "
        f"{human_bytes(one.budget_bytes)} could have been. Which segments of which objects: ask for your log."
    )


def _not_known(concern: Concern, answer: IncidentAnswer, kind: str) -> list[Sentence]:
    return [Sentence(text=one) for one in _open_questions(concern, answer, kind)]


def _open_questions(concern: Concern, answer: IncidentAnswer, kind: str) -> list[str]:
    found = []
    if kind == "vendor":
        found.append("What else of yours held the release, and which credentials lay there.")
    else:
        if not concern.disclosed:
            found.append(
                "Whether anybody used the credentials to read the data: this answer does not look at "
                "accesses."
            )
        else:
            found.append(
                "Who read what is counted above: the log knows the lease, not the hand that used it."
            )
            if any(not one.entity.startswith(LEASE) for one in answer.reach.identities):
                found.append("Whether other credentials were used to read the data in other ways.")
        if concern.reached is not None and concern.reached.end is None:
            found.append("The end of the exposure: not every credential is replaced yet.")
    if answer.counts.unknown:
        found.append("Of some of our systems we cannot tell yet whether they had it.")
    found += list(answer.not_seen)
    return found


_DONE: Final = {
    Step.SNAPSHOT: "Evidence kept",
    Step.ISOLATE: "Systems isolated",
    Step.DISARM: "Systems cleared of what was left behind",
    Step.REVOKE: "Credentials revoked",
    Step.REISSUE: "Credentials issued anew",
    Step.VERIFY: "Old credentials seen to fail",
}


def _done(plan: Plan) -> list[Sentence]:
    """How far the response is, for all parties together; how many there are would tell of others.

    What was found not to be needed was not done, and nobody is told that it was.
    """
    found = []
    for step, words in _DONE.items():
        items = [one for one in plan.of_step(step) if one.state is not State.NOT_NEEDED]
        done = sum(one.state is State.DONE for one in items)
        if items:
            entries = tuple(sorted({one.entry for one in items if one.entry >= 0}))[:ENTRIES_CITED]
            found.append(Sentence(text=f"{words}: {_far(done, len(items))}.", entries=entries))
    return found


def _far(done: int, every: int) -> str:
    if not done:
        return "not yet"
    return "all that we know of" if done == every else "in part"


_ASKED: Final = {
    "client": (
        "Tell us whether keys of yours lay in the data, so that they are replaced too.",
        "Look for access to your own systems with such keys since the first time named above.",
        "Name one person whom we may reach at any hour.",
    ),
    "people": ("Be wary of messages that know details about you.",),
    "vendor": (
        "Keep evidence and isolate what is named above before anything is deleted.",
        "Tell us which identities it held, what they could read, and since when they are replaced.",
        "Answer also for what is not named here, with the records that your answer rests on.",
    ),
    "authority": (),
}


def render_notice(notice: Notice) -> str:
    """The draft as a plain letter; no name in it begins a line of its own or moves a cursor."""
    parts = [
        f"DRAFT for {printable(_bare(notice.party))}\nSubject: {printable(notice.subject)}",
        f"As of {_moment(notice.made_at)}.",
        _list("What we know", notice.known),
        _list("What we do not know", notice.not_known),
        _list("What was done so far", notice.done),
        _list("What we ask of you", notice.asked),
        f"Next update: {_moment(notice.next_update)}, also if nothing has changed.",
    ]
    if notice.due_at is not None:
        parts.append(f"(To be sent by {_moment(notice.due_at)}. Remove this line.)")
    return "\n\n".join(part for part in parts if part)


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"- {printable(line)}" for line in lines)]) if lines else ""


def _bare(key: str) -> str:
    return key.partition(":")[2] or key


def _until(end: Instant | None) -> str:
    return " and may still be open" if end is None else f" to {_moment(end)}"


def _moment(moment: Instant | None) -> str:
    if moment is None or is_dawn(moment):
        return "a time not known"
    return render_second(moment)
