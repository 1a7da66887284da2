"""Which entries of the log an answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from pratique.exposure.incident import IncidentAnswer
from pratique.inventory.observed.entries import EMPTY
from pratique.ledger.entries import Entry

MAX_ENTRIES: Final = 60_000
"""Each has a proof of its own in the container, which holds 65,535 files."""


def cited_entries(answer: IncidentAnswer) -> frozenset[int]:
    """Every sequence that the answer names."""
    found = {used.entry for used in answer.advisories}
    for line in answer.lines:
        found.update(line.entries)
        found.update(sighting.entry for sighting in line.sightings)
    reach = answer.reach
    for one in (*reach.identities, *reach.datasets, *reach.clients, *reach.people, *reach.vendors):
        found.update((*one.entries, one.ended_by))
    for lease in reach.disclosed or ():
        found.update(lease.entries)
    return frozenset(number for number in found if number >= 0)


def with_contents(
    numbers: Iterable[int],
    *,
    entry: Callable[[int], Entry],
    contents: Callable[[str], tuple[int, ...]],
) -> dict[int, Entry]:
    """These entries, and those that say what their looks saw, down to a content told from nothing.

    `contents` gives the sequences of the `content` entries of an id.
    """
    found: dict[int, Entry] = {}
    waiting = sorted(set(numbers))
    asked: set[str] = {EMPTY, ""}
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        one = found[number] = entry(number)
        wanted = one.body.get({"look": "content", "content": "base"}.get(one.kind, ""), "")
        if wanted not in asked:
            asked.add(wanted)
            waiting += contents(wanted)
    return dict(sorted(found.items()))


def evidence_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """sha256 of the raw bytes that looks among these rest on."""
    found = {
        str(one.get("sha256", ""))
        for entry in entries
        if entry.kind == "look"
        for one in entry.body.get("evidence", ())
    }
    return tuple(sorted(found - {""}))
