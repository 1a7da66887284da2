"""Clocks: what must be said to whom, by when, from the moment somebody was aware.

Law gives some (GDPR Art. 33: 72 hours to the authority), contracts give others. A contract's clock is
a fact: the note of a `belongs-to` or `operated-by` fact says `clock=24h` or `clock=24h(DPA section 7)`.
Others come from a CSV. Whether a law applies is for a lawyer; a clock that need not run does no harm.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from pratique.errors import InputError
from pratique.exposure.incident import IncidentAnswer
from pratique.exposure.plan.items import AUTHORITY
from pratique.exposure.plan.model import Plan, State, Step
from pratique.exposure.ports import Edge
from pratique.values.instants import Instant

GDPR_HOURS: Final = 72
MAX_HOURS: Final = 24 * 366
_HOURS = re.compile("[1-9][0-9]{0,4}")
_IN_NOTE = re.compile(r"(?:^|[\s;,])clock=([0-9]{1,4})h(?:\(([^()]{1,120})\))?")


class ClockRule(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Whom to tell within how many hours, and where that is written."""

    party: str
    """Entity key."""
    hours: int | None
    """None: without undue delay, but no number is written."""
    basis: str


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its start, and whether it was kept."""

    party: str
    basis: str
    hours: int | None
    started_at: Instant
    due_at: Instant | None
    met_at: Instant | None
    """When the party was told, as the plan says; None: not yet."""

    def left(self, now: Instant) -> timedelta | None:
        """Time left, negative when overdue; None without a number or when it was met."""
        if self.due_at is None or self.met_at is not None:
            return None
        return self.due_at - now

    def word(self, now: Instant) -> str:
        """For a person: `61 h 20 min left`, `overdue by 3 h 0 min`, `told`."""
        if self.met_at is not None:
            late = self.due_at is not None and self.met_at > self.due_at
            return "told, too late" if late else "told"
        left = self.left(now)
        if left is None:
            return "without undue delay"
        minutes = int(abs(left).total_seconds()) // 60
        span = f"{minutes // 60} h {minutes % 60} min"
        return f"{span} left" if left >= timedelta(0) else f"overdue by {span}"


def rules_of_law(answer: IncidentAnswer) -> list[ClockRule]:
    """What the law asks where data of people, or of clients, lay open."""
    rules = []
    if answer.reach.people:
        rules.append(ClockRule(party=AUTHORITY, hours=GDPR_HOURS, basis="GDPR Art. 33(1)"))
    rules += [
        ClockRule(party=one.entity, hours=None, basis="GDPR Art. 33(2)")
        for one in answer.reach.clients
    ]
    rules += [
        ClockRule(party=one.entity, hours=None, basis="GDPR Art. 34") for one in answer.reach.people
    ]
    return rules


def rules_of_facts(edges: Iterable[Edge]) -> list[ClockRule]:
    """What the notes of facts about a party say; the party is what the fact leads to."""
    return [
        ClockRule(
            party=edge.object,
            hours=int(match[1]),
            basis=match[2] or f"contract (entry {edge.entry})",
        )
        for edge in edges
        for match in _IN_NOTE.finditer(edge.note)
    ]


def parse_clocks(text: str) -> list[ClockRule]:
    """Read `party,hours,basis` lines; a first line with these words is a heading.

    Raises: InputError naming the line.
    """
    rules = []
    for number, row in enumerate(_rows(text), start=1):
        cells = [cell.strip() for cell in row]
        heading = [cell.lower() for cell in cells[:2]] == ["party", "hours"]
        if not any(cells) or (number == 1 and heading):
            continue
        hours = cells[1] if len(cells) > 1 else ""
        good = _HOURS.fullmatch(hours) is not None and int(hours) <= MAX_HOURS
        if not good or ":" not in cells[0]:
            raise InputError(
                f"line {number} is not a clock: {','.join(row)[:80]!r}",
                expected="KIND:NAME,HOURS,BASIS, such as client:Globex,24,DPA section 7",
            )
        basis = cells[2] if len(cells) > 2 and cells[2] else "contract"  # noqa: PLR2004 - the third cell
        rules.append(ClockRule(party=cells[0], hours=int(hours), basis=basis))
    return rules


def _rows(text: str) -> list[list[str]]:
    try:
        # Spreadsheets write a mark before the first word.
        return list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    except csv.Error as error:
        raise InputError(f"not a table of clocks: {error}", expected="CSV") from error


def start_clocks(
    rules: Iterable[ClockRule], *, aware_at: Instant, parties: Sequence[str], plan: Plan | None
) -> tuple[Clock, ...]:
    """Clocks of these parties, the first to end first.

    A party with a number needs no `without undue delay` beside it. Whoever writes a table by hand
    writes names in any case of letters: a clock must not be lost over that.
    """
    told = _told(plan)
    names = {one.casefold(): one for one in parties} | {one: one for one in parties}
    found = {
        msgspec.structs.replace(rule, party=party)
        for rule in rules
        if (party := names.get(rule.party) or names.get(rule.party.casefold())) is not None
    }
    wanted = sorted(found, key=_rule_order)
    numbered = {rule.party for rule in wanted if rule.hours is not None}
    clocks = [
        Clock(
            party=rule.party,
            basis=rule.basis,
            hours=rule.hours,
            started_at=aware_at,
            due_at=None if rule.hours is None else aware_at + timedelta(hours=rule.hours),
            met_at=told.get(rule.party),
        )
        for rule in wanted
        if rule.hours is not None or rule.party not in numbered
    ]
    return tuple(clocks)


def _rule_order(rule: ClockRule) -> tuple[int, str, str]:
    return rule.hours if rule.hours is not None else MAX_HOURS + 1, rule.party, rule.basis


def _told(plan: Plan | None) -> Mapping[str, Instant]:
    if plan is None:
        return {}
    return {
        one.target: one.changed_at
        for one in plan.of_step(Step.NOTIFY)
        if one.state is State.DONE and one.changed_at is not None
    }
