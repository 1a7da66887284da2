"""Whether the records of a register speak of each other, and of nobody who is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pratique.parties.model import Contract, Party, PartyKind, Project


def wrong_references(
    parties: Mapping[str, Party],
    projects: Mapping[str, Project],
    contracts: Mapping[str, Contract],
) -> list[str]:
    """Sentences: who is named and is not there, or is something else."""
    return [
        *_owns(parties),
        *_of_parties(parties),
        *_of_projects(parties, projects),
        *(
            f"contract {one.id!r}: no party {one.party!r} in the register"
            for one in contracts.values()
            if one.party not in parties
        ),
    ]


def _owns(parties: Mapping[str, Party]) -> Iterator[str]:
    own = [one.name for one in parties.values() if one.kind is PartyKind.OWN]
    if len(own) > 1:
        yield f"two organisations of our own: {', '.join(own)[:200]}; expected: one"


def _of_parties(parties: Mapping[str, Party]) -> Iterator[str]:
    for party in parties.values():
        for field in ("works_for", "sub_processors"):
            for name in getattr(party, field):
                if reason := _not(parties, name, PartyKind.VENDOR):
                    yield f"{party.kind.value} {party.name!r}: `{field}`: {reason}"
        if party.name in _above(parties, party.name):
            yield f"vendor {party.name!r}: works, by way of others, for itself"


def _of_projects(parties: Mapping[str, Party], projects: Mapping[str, Project]) -> Iterator[str]:
    for project in projects.values():
        wanted = ((project.vendor, PartyKind.VENDOR), (project.client, PartyKind.CLIENT))
        for name, kind in wanted:
            if reason := _not(parties, name, kind):
                yield f"project {project.id!r}: {reason}"


def _not(parties: Mapping[str, Party], name: str, kind: PartyKind) -> str:
    found = parties.get(name)
    if found is None:
        return f"no {kind.value} {name!r} in the register"
    own_work = kind is PartyKind.CLIENT and found.kind is PartyKind.OWN
    if found.kind is kind or own_work:
        return ""
    return f"{name!r} is {found.kind.value}, not {kind.value}"


def _above(parties: Mapping[str, Party], name: str) -> set[str]:
    """Everybody whom a vendor works for, directly or by way of others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        party = parties.get(waiting.pop())
        for one in party.works_for if party is not None else ():
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found
