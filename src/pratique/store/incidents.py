"""Standing incidents: questions that are answered anew when something new is known.

`AnswerDesk` keeps and answers them; `StandingAnswers` does so for a process that goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.exposure.asking import asset_key
from pratique.exposure.difference import Difference, compare_answers
from pratique.exposure.incident import NAMES_IN_GROUP, AssetLine, Incident, IncidentAnswer
from pratique.exposure.standing import (
    ANSWERED,
    CLOSED,
    OPENED,
    answered_draft,
    fold_incidents,
    substance_of,
)
from pratique.exposure.why import Why, entries_needed, explain_asset
from pratique.ledger.entries import Entry
from pratique.store.questions import Known, QuestionDesk
from pratique.values.instants import Instant

EVENT_KINDS_OF_INCIDENTS: Final = (OPENED, ANSWERED, CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reanswered:
    """An open incident answered anew."""

    incident: Incident
    answer: IncidentAnswer
    difference: Difference | None
    """From the answer recorded last; None when there was none."""
    entry: int
    """Sequence of the new `incident-answer`; -1 when nothing new is said."""


class AnswerDesk(QuestionDesk):
    """Answers questions and standing incidents from one installation's log and projection."""

    def answer_incident(
        self, incident: Incident, known: Known, *, names: int | None = NAMES_IN_GROUP
    ) -> IncidentAnswer:
        """Answer a standing incident."""
        outcome = self.answer(
            incident.asked, known, incident=incident.id, title=incident.title, names=names
        )
        return outcome.answer

    def explain(self, incident: Incident, asset: str, known: Known) -> Why:
        """The chain of evidence of one asset."""
        key = asset_key(asset)
        answer = self.answer_incident(incident, known)
        line = next((one for one in answer.lines if one.asset == key), None)
        if line is None:
            line = self._line_of(incident, key, known)
        entries = {one: self._entry(one) for one in sorted(entries_needed(answer, line))}
        return explain_asset(answer, line, entries)

    def _line_of(self, incident: Incident, asset: str, known: Known) -> AssetLine:
        """The line of an asset that is told in a group only."""
        asked = msgspec.structs.replace(incident.asked, assets=(asset,))
        return self.answer(asked, known, incident=incident.id).answer.lines[0]

    # ── standing ─────────────────────────────────────────────────────────────────────────────

    def incidents(self, *, tx: int | None = None) -> dict[str, Incident]:
        """Incidents by id, in the order in which they were opened."""
        found = [
            Entry(
                sequence=event.sequence,
                recorded_at=event.at,
                kind=event.kind,
                subject=event.subject,
                actor=event.actor,
                body=event.body,
            )
            for kind in EVENT_KINDS_OF_INCIDENTS
            for event in self._presence.events(kind)
            if tx is None or event.sequence < tx
        ]
        return fold_incidents(sorted(found, key=lambda entry: entry.sequence))

    def compare(self, incident: Incident, before: Known, after: Known) -> Difference:
        """What changed in the answer between two states of knowledge."""
        return compare_answers(
            self.answer_incident(incident, before), self.answer_incident(incident, after)
        )

    def answer_anew(
        self, incident: Incident, known: Known, *, actor: str, now: Instant, asked_for: bool = False
    ) -> Reanswered:
        """Answer an incident and record the answer if it says something new.

        `asked_for`: a person wants it recorded in any case.
        """
        answer = self.answer_incident(incident, known)
        last = incident.answers[-1] if incident.answers else None
        difference = None
        if last is not None and last.substance != substance_of(answer):
            then = self.answer_incident(incident, Known(last.as_known_at, last.asked_at))
            difference = compare_answers(then, answer)
        if last is not None and difference is None and not asked_for:
            return Reanswered(incident=incident, answer=answer, difference=None, entry=-1)
        because = ("opened",) if last is None else difference.because if difference else ("asked",)
        draft = answered_draft(
            answer,
            because=because,
            changes=difference.sentences if difference else (),
            actor=actor,
        )
        entry = self._log.append([draft], now=now)[0]
        return Reanswered(incident=incident, answer=answer, difference=difference, entry=entry)

    def answer_all(
        self, *, actor: str, now: Instant, asked_for: bool = False, most: int | None = None
    ) -> Iterator[Reanswered]:
        """Answer every open incident anew; `most` bounds how many, the longest unanswered first."""
        known = self.known(None, now=now)
        waiting = [one for one in self.incidents().values() if one.open]
        waiting.sort(key=lambda one: one.answers[-1].as_known_at if one.answers else -1)
        for one in waiting[:most]:
            if one.answers and one.answers[-1].as_known_at >= known.tx - 1 and not asked_for:
                continue  # nothing was recorded since but the answer itself
            yield self.answer_anew(one, known, actor=actor, now=now, asked_for=asked_for)


class StandingAnswers:
    """Answers open incidents anew for a process that goes on, a few at a time."""

    def __init__(self, desk: AnswerDesk, *, actor: str) -> None:
        self._desk = desk
        self._actor = actor
        self._asked: dict[str, int] = {}

    def tick(self, *, now: Instant, most: int = 2) -> Sequence[Reanswered]:
        """Answer those whose ledger has grown, the longest unanswered first, `most` at a time.

        Of an incident that is asked again nothing is recorded unless it says something new.
        """
        known = self._desk.known(None, now=now)
        waiting = [
            one
            for one in self._desk.incidents().values()
            if one.open and self._asked.get(one.id, -1) < known.tx
        ]
        waiting.sort(key=lambda one: self._asked.get(one.id, -1))
        found = []
        for one in waiting[:most]:
            self._asked[one.id] = known.tx  # also if it fails: others come first then
            answered = self._desk.answer_anew(one, known, actor=self._actor, now=now)
            # The answer's own entry is nothing new.
            self._asked[one.id] = known.tx + (answered.entry >= 0)
            found.append(answered)
        return found
