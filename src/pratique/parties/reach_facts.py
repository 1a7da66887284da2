"""The register as facts of reach: who operates an asset, whose a dataset is, by when they are told.

Answers about exposure know parties by such facts only. Those that the register makes carry a note
that begins with `register`, by which they are found again: what it no longer says has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from pratique.exposure.ports import Edge
from pratique.inventory.observed.model import EvidenceClass, Fact, Relation
from pratique.parties.assets import Operators
from pratique.parties.model import Contract, Party, PartyKind
from pratique.parties.register_file import RegisterFile
from pratique.values.instants import Instant, render_instant
from pratique.values.spans import OPEN, from_micros

SOURCE: Final = "register"
_MAX_BASIS: Final = 60
_MAX_CLOCKS: Final = 2
"""So that a note is not longer than what facts may carry."""
_OPERATORS: Final = (PartyKind.VENDOR, PartyKind.CLIENT)


def wanted_facts(file: RegisterFile, assets: Iterable[str], *, today: date) -> tuple[Fact, ...]:
    """Facts that follow from the register now; `assets` are those that are known."""
    notes = _notes(file, today)
    found: dict[tuple[str, str, str], Fact] = {}
    operators = [one for one in file.parties.values() if one.kind in _OPERATORS]
    who = Operators(operators)
    for asset in assets:
        for party in who.of(asset):
            _put(found, Relation.OPERATED_BY, f"asset:{asset}", party, notes)
    for party in operators:
        for asset in _exact(party):
            _put(found, Relation.OPERATED_BY, f"asset:{asset}", party, notes)
    _belonging(found, file, notes)
    return tuple(found.values())


def _belonging(
    found: dict[tuple[str, str, str], Fact], file: RegisterFile, notes: dict[str, str]
) -> None:
    """Whose data is in the datasets of groups of people and of projects."""
    for party in file.parties.values():
        if party.kind is PartyKind.PEOPLE:
            for dataset in party.datasets:
                _put(found, Relation.BELONGS_TO, f"dataset:{dataset}", party, notes)
    for project in file.projects.values():
        client = file.parties.get(project.client)
        if client is not None and client.kind is PartyKind.CLIENT:
            for dataset in project.datasets:
                _put(found, Relation.BELONGS_TO, f"dataset:{dataset}", client, notes)


def operator_fact(file: RegisterFile, asset: str, *, today: date) -> tuple[Fact, ...]:
    """What the register says of who operates one asset."""
    subject = f"asset:{asset}"
    return tuple(one for one in wanted_facts(file, [asset], today=today) if one.subject == subject)


def owned_edges(edges: Iterable[Edge]) -> list[Edge]:
    """Facts that the register made and that have not ended."""
    return [
        edge for edge in edges if edge.note.partition(";")[0] == SOURCE and edge.span.to_hi == OPEN
    ]


def steps(
    wanted: Sequence[Fact], standing: Sequence[Edge], *, now: Instant
) -> tuple[tuple[Fact, ...], tuple[Edge, ...]]:
    """Facts to state, and standing facts to take back, so that what is wanted stands.

    One whose note changed is stated anew with its old beginning. One that is no longer so is stated
    with its end. Both take the place of the old one, which is retracted.
    """
    want = {(one.relation.value, one.subject, one.object): one for one in wanted}
    kept: set[tuple[str, str, str]] = set()
    follows: dict[tuple[str, str, str], Fact] = {}
    gone: list[Edge] = []
    for edge in standing:
        key = (edge.relation, edge.subject, edge.object)
        fact = want.get(key)
        if fact is not None and fact.note == edge.note:
            # Two processes may have stated it at once; twice says no more than once.
            kept.add(key)
        else:
            gone.append(edge)
            follows[key] = _follow(edge, fact, now)
    stated = [fact for key, fact in want.items() if key not in kept and key not in follows]
    stated += [fact for key, fact in follows.items() if key not in kept]
    return tuple(stated), tuple(gone)


def _follow(edge: Edge, fact: Fact | None, now: Instant) -> Fact:
    ended = "" if fact is not None else render_instant(now)
    return Fact(
        relation=Relation(edge.relation),
        subject=edge.subject,
        object=edge.object,
        from_hi=render_instant(from_micros(edge.span.from_hi)),
        to_lo=ended,
        to_hi=ended,
        evidence_class=EvidenceClass.ASSERTED,
        source=SOURCE,
        note=fact.note if fact is not None else f"{SOURCE}; ended",
    )


def _exact(party: Party) -> list[str]:
    """Assets that are named in full: they are the party's whether or not anything was seen of them."""
    return [one for one in party.assets if "*" not in one]


def _put(
    found: dict[tuple[str, str, str], Fact],
    relation: Relation,
    subject: str,
    party: Party,
    notes: dict[str, str],
) -> None:
    key = (relation.value, subject, party.entity)
    found[key] = Fact(
        relation=relation,
        subject=subject,
        object=party.entity,
        evidence_class=EvidenceClass.ASSERTED,
        source=SOURCE,
        note=notes[party.name],
    )


def _notes(file: RegisterFile, today: date) -> dict[str, str]:
    """Of each party `register`, with the clock of each contract that has not ended."""
    running: dict[str, list[Contract]] = {name: [] for name in file.parties}
    for one in file.contracts.values():
        if _runs(one, today):
            running.setdefault(one.party, []).append(one)
    return {name: _note(contracts) for name, contracts in running.items()}


def _note(contracts: list[Contract]) -> str:
    tightest = sorted(contracts, key=lambda one: (one.notice_hours or 0, one.id))[:_MAX_CLOCKS]
    return "".join([SOURCE, *(f"; clock={one.notice_hours}h({_basis(one)})" for one in tightest)])


def _runs(contract: Contract, today: date) -> bool:
    return contract.notice_hours is not None and (contract.ends is None or contract.ends > today)


def _basis(contract: Contract) -> str:
    told = f"{contract.id} {contract.basis}".replace("(", "").replace(")", "").strip()
    return told[:_MAX_BASIS]
