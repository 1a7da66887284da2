"""What a party is told of a suspension: known, not known, done, asked; from facts only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from pratique.custody.model import HoldKind
from pratique.custody.sizes import human_bytes
from pratique.errors import InputError
from pratique.exposure.guard import NameGuard
from pratique.exposure.notices import ENTRIES_CITED, Sentence
from pratique.parties.model import Condition, Party, PartyKind, Project, Register, Suspension
from pratique.parties.notices import PartyNotice, check_names, due_of, update_hours
from pratique.values.instants import Instant, render_second

SHOWN_LEASES: Final = 20
_WITHHELD: Final = "A detail is withheld here because it names somebody else."
_UPDATE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseUse:
    """A lease that a suspension stopped, and what was read under it."""

    lease: str
    vendor: str
    project: str
    datasets: tuple[str, ...]
    bytes: int
    objects: int
    last_at: Instant | None
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a notice about a suspension is drafted from."""

    register: Register
    suspension: Suspension
    entries: Mapping[str, int]
    """Sequence by `suspension:ID`, `resumption:ID`, `clock:ID`, `drill:SCOPE`."""
    leases: Sequence[LeaseUse]
    """Those that it stopped, of data that concerns the party."""
    drills: Mapping[str, int] = field(default_factory=dict)
    """Last measured p99 in milliseconds, by scope."""

    def entry(self, name: str) -> tuple[int, ...]:
        """The entry of a name; empty when there is none."""
        found = self.entries.get(name)
        return () if found is None else (found,)


def concerned(party: Party, suspension: Suspension, register: Register) -> bool:
    """Whether a suspension is a party's business: it is stopped, or its work or data is."""
    if party.name in {suspension.scope.party, suspension.client, *suspension.vendors}:
        return True
    return bool(_work(party, suspension, register))


def _work(party: Party, suspension: Suspension, register: Register) -> list[Project]:
    """Projects on hold that a party has a share in."""
    scope = suspension.scope
    return [
        one
        for one in register.projects.values()
        if (one.vendor in suspension.vendors or one.client == suspension.client)
        and scope.project in {"", one.name}
        and (not scope.dataset or scope.dataset in one.datasets)
        and (party.name in {one.vendor, one.client} or set(party.datasets) & set(one.datasets))
    ]


def draft_of_suspension(
    party: Party,
    facts: Facts,
    *,
    guard: NameGuard,
    next_update: Instant | None,
    now: Instant,
) -> PartyNotice:
    """Draft what one party is told of a suspension.

    Raises: InputError when it does not concern the party, or would name somebody else all the same.
    """
    suspension = facts.suspension
    if not concerned(party, suspension, facts.register):
        raise InputError(
            f"suspension {suspension.id} does not concern {party.name}",
            expected="whoever is suspended, works for it, or whose work or data is on hold",
        )
    begun = facts.entry(f"suspension:{suspension.id}")
    stopped = party.name in {suspension.scope.party, suspension.client, *suspension.vendors}
    parts = _of_stopped(party, facts) if stopped else _of_touched(party, facts)
    subject = "Access to data is suspended" if stopped else "Work on your data is suspended"
    notice = PartyNotice(
        party=party.name,
        kind=party.kind.value,
        cause=suspension.id,
        subject=subject if suspension.lifted_at is None else "A suspension is lifted",
        made_at=now,
        **{name: _clean(said, guard, begun) for name, said in parts.items()},
        next_update=next_update or _next_update(party, facts.register, now),
        due_at=due_of(facts.register, party.name, suspension.id),
    )
    check_names(notice, guard)
    return notice


def _next_update(party: Party, register: Register, now: Instant) -> Instant:
    hours = update_hours(party.name, register)
    return now + (_UPDATE if hours is None else timedelta(hours=hours))


# ── what is said ─────────────────────────────────────────────────────────────────────────────

_Parts = dict[str, list[Sentence]]


def _of_stopped(party: Party, facts: Facts) -> _Parts:
    one = facts.suspension
    begun = facts.entry(f"suspension:{one.id}")
    since = render_second(one.at)
    own = party.name == one.scope.party
    known = [
        Sentence(
            text=f"Since {since} {_whose(party, one)} is suspended ({one.id}).", entries=begun
        ),
        Sentence(text=f"Reason: {one.reason}", entries=begun),
        Sentence(text=_scope_words(one), entries=begun),
    ]
    if own:
        known.append(
            Sentence(
                text=f"Leases that it stopped when it began: {one.leases:,}; tokens: {one.tokens:,}.",
                entries=begun,
            )
        )
    known += [
        Sentence(
            text=f"Work on hold: project {project.name}.", entries=_project_entry(facts, project)
        )
        for project in _work(party, one, facts.register)
    ]
    asked = [_condition(condition, begun) for condition in one.conditions if own]
    asked += [
        Sentence(text="Name one person whom we may reach at any hour.", entries=begun),
        Sentence(
            text="Keep evidence, and isolate what may be concerned before anything is deleted.",
            entries=begun,
        ),
    ]
    return {
        "known": [*known, *_lifted(facts)],
        "not_known": _length(facts),
        "done": _done(facts, own=own),
        "asked": asked,
    }


def _of_touched(party: Party, facts: Facts) -> _Parts:
    one = facts.suspension
    begun = facts.entry(f"suspension:{one.id}")
    data = "data about you" if party.kind is PartyKind.PEOPLE else "your data"
    work = _work(party, one, facts.register)
    known = [
        Sentence(
            text=f"Since {render_second(one.at)} a company that works with {data} for us may no longer"
            f" read it ({one.id}).",
            entries=begun,
        ),
        Sentence(text=f"Reason: {one.reason}", entries=begun),
    ]
    if party.kind is PartyKind.CLIENT:
        known += [
            Sentence(
                text=f"Work on hold: project {project.name}.",
                entries=_project_entry(facts, project),
            )
            for project in work
        ]
    held = sorted({name for project in work for name in project.datasets} & _datasets(party, work))
    known += [Sentence(text=f"Data concerned: {name}.", entries=begun) for name in held]
    known += _uses(facts, party, data)
    asked = (
        [
            "Tell us whether keys of yours lay in the data, so that they are replaced too.",
            "Name one person whom we may reach at any hour.",
        ]
        if party.kind is PartyKind.CLIENT
        else ["Be wary of messages that know details about you."]
    )
    return {
        "known": [*known, *_lifted(facts)],
        "not_known": [
            Sentence(
                text=f"Whether anybody misused {data}: the log knows what was read, not what became of it.",
                entries=begun,
            ),
            *_length(facts),
        ],
        "done": _done(facts, own=False),
        "asked": [Sentence(text=text, entries=begun) for text in asked],
    }


def _datasets(party: Party, work: Iterable[Project]) -> set[str]:
    if party.kind is PartyKind.PEOPLE:
        return set(party.datasets)
    return {name for one in work if one.client == party.name for name in one.datasets}


def _project_entry(facts: Facts, project: Project) -> tuple[int, ...]:
    entry = facts.register.entries.get(f"project:{project.id}")
    begun = facts.entry(f"suspension:{facts.suspension.id}")
    return begun if entry is None else tuple(sorted((*begun, entry)))


def _uses(facts: Facts, party: Party, data: str) -> list[Sentence]:
    """What was read under the leases that were stopped, from their beginning."""
    begun = facts.entry(f"suspension:{facts.suspension.id}")
    if not facts.leases:
        return [Sentence(text=f"No lease over {data} was in force then.", entries=begun)]
    read = [one for one in facts.leases if one.objects]
    cited = sorted({entry for one in facts.leases for entry in one.entries[:2]})[:ENTRIES_CITED]
    text = (
        f"Leases over {data} that were in force then: {len(facts.leases):,}. Read under them from their"
        f" beginning, counted lease by lease: {human_bytes(sum(one.bytes for one in read))}."
    )
    found = [Sentence(text=text, entries=tuple(cited))]
    if party.kind is PartyKind.PEOPLE:
        return found
    for one in sorted(read, key=lambda use: -use.bytes)[:SHOWN_LEASES]:
        last = "" if one.last_at is None else f", last on {render_second(one.last_at)}"
        found.append(
            Sentence(
                text=f"Under lease {one.lease} {human_bytes(one.bytes)} of {one.objects:,} objects were read"
                f"{last}, says our access log, which has every read.",
                entries=one.entries[:ENTRIES_CITED],
            )
        )
    if len(read) > SHOWN_LEASES:
        more = f"{len(read) - SHOWN_LEASES:,} leases more with fewer reads: ask for your log."
        found.append(Sentence(text=more, entries=tuple(cited)))
    return found


def _whose(party: Party, one: Suspension) -> str:
    if party.name == one.scope.party:
        return (
            "your access to our data" if party.kind is PartyKind.VENDOR else "all work on your data"
        )
    return "your access to our data, because of whom you work for,"


_KINDS: Final = {
    HoldKind.ANY: "all leases",
    HoldKind.READ: "leases that read",
    HoldKind.WRITE: "leases that write",
    HoldKind.CANONICAL: "leases to canonical bytes",
    HoldKind.MARKED: "leases to marked copies",
}


def _scope_words(one: Suspension) -> str:
    scope = one.scope
    words = [_KINDS[scope.kind]]
    words += [f"of the project {scope.project}"] if scope.project else []
    words += [f"of the dataset {scope.dataset}"] if scope.dataset else []
    tail = ", and tokens at our package index" if scope.whole else ""
    return f"It stops {' '.join(words)}{tail}; what would be granted meanwhile as well."


_ASKS: Final = {
    "rotation-verified": "Show that these credentials are replaced and the old ones fail",
    "evidence-received": "Send us new evidence",
    "findings-closed": "Put right what our checks found",
}


def _condition(one: Condition, entries: tuple[int, ...]) -> Sentence:
    words = _ASKS.get(one.topic, one.topic.replace("-", " ").capitalize())
    detail = f": {one.detail}" if one.detail else ""
    return Sentence(
        text=f"{words}{detail}. It is a condition of lifting the suspension.", entries=entries
    )


def _lifted(facts: Facts) -> list[Sentence]:
    one = facts.suspension
    if one.lifted_at is None:
        return []
    return [
        Sentence(
            text=f"It was lifted on {render_second(one.lifted_at)}.",
            entries=facts.entry(f"resumption:{one.id}"),
        ),
        Sentence(
            text=f"Why it was lifted: {one.lifted_reason}",
            entries=facts.entry(f"resumption:{one.id}"),
        ),
    ]


def _length(facts: Facts) -> list[Sentence]:
    if facts.suspension.lifted_at is not None:
        return []
    text = "How long it lasts: until its conditions are met, or somebody with a name decides."
    return [Sentence(text=text, entries=facts.entry(f"suspension:{facts.suspension.id}"))]


def _done(facts: Facts, *, own: bool) -> list[Sentence]:
    one = facts.suspension
    begun = facts.entry(f"suspension:{one.id}")
    found = [
        Sentence(
            text="Every door refuses what is suspended, and running downloads were cut.",
            entries=begun,
        )
    ]
    if own:
        text = f"Evidence that we have from you is kept as it was (SHA-256 {one.evidence_root})."
        found.append(Sentence(text=text, entries=begun))
    else:
        found.append(Sentence(text="Evidence is kept as it was.", entries=begun))
    scope = f"vendor:{one.scope.party}"
    if scope in facts.drills:
        text = (
            f"In the last drill the last byte left {facts.drills[scope]} ms after the order (p99)."
        )
        found.append(Sentence(text=text, entries=facts.entry(f"drill:{scope}")))
    return found


def _clean(
    sentences: Iterable[Sentence], guard: NameGuard, instead: tuple[int, ...]
) -> tuple[Sentence, ...]:
    """Each replaced where it would name somebody else; each with an entry to look at."""
    found: dict[str, Sentence] = {}
    for one in sentences:
        text = _WITHHELD if guard.find(one.text) is not None else one.text
        found.setdefault(text, Sentence(text=text, entries=one.entries or instead))
    return tuple(found.values())
