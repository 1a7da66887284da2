"""What the console shows of incidents, put together from the stores. Called in worker threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pratique.doors.console.incident_values import (
    IncidentListView,
    IncidentView,
    WhyView,
    WorkList,
    WorkRow,
)
from pratique.exposure.advisories.model import Payload
from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.plan.fold import STEP_KIND, fold_steps, plan_anew
from pratique.exposure.plan.items import wanted_items
from pratique.exposure.plan.model import Item, Step
from pratique.exposure.standing import find_incident
from pratique.exposure.why import RULE_WORDS
from pratique.ledger.entries import Entry
from pratique.store.incidents import AnswerDesk
from pratique.store.presence import PresenceStore
from pratique.values.instants import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDesk:
    """Answers the console's questions about incidents."""

    desk: AnswerDesk
    presence: PresenceStore
    evidence: Callable[[str], bytes | None]
    clock: Clock

    def listed(self) -> IncidentListView:
        """All incidents, the newest first."""
        self.presence.catch_up()
        found = list(self.desk.incidents().values())
        return IncidentListView(incidents=tuple(reversed(found)))

    def show(self, name: str, known_at: str | None) -> IncidentView:
        """An incident, answered as of now or of then. Raises: InputError."""
        known = self.desk.known(known_at, now=self.clock())
        incident = find_incident(self.desk.incidents(tx=known.tx), name)
        answer = self.desk.answer_incident(incident, known)
        return IncidentView(
            incident=incident,
            answer=answer,
            known_at=known_at or "",
            rules={line.rule: RULE_WORDS[line.rule] for line in answer.lines}
            | {group.rule: RULE_WORDS[group.rule] for group in answer.groups},
            work=tuple(self._work(incident, answer)),
        )

    def why(self, name: str, asset: str, known_at: str | None) -> WhyView:
        """The chain of evidence of one asset. Raises: InputError."""
        known = self.desk.known(known_at, now=self.clock())
        incident = find_incident(self.desk.incidents(tx=known.tx), name)
        found = self.desk.explain(incident, asset, known)
        return WhyView(why=found, known_at=known_at or "")

    def _work(self, incident: Incident, answer: IncidentAnswer) -> Sequence[WorkList]:
        """The plan as people left it; looking at it plans nothing anew in the ledger."""
        said = fold_steps(
            Entry(
                sequence=event.sequence,
                recorded_at=event.at,
                kind=event.kind,
                subject=event.subject,
                actor=event.actor,
                body=event.body,
            )
            for event in self.presence.events(STEP_KIND)
            if event.subject == f"incident:{incident.id}" and event.sequence < answer.as_known_at
        )
        plan, _ = plan_anew(answer, wanted_items(answer, self._payloads(answer)), said)
        return [
            WorkList(
                step=step.value,
                left=sum(not one.state.settled for one in items),
                items=tuple(_row(one) for one in items),
            )
            for step in Step
            if (items := plan.of_step(step))
        ]

    def _payloads(self, answer: IncidentAnswer) -> tuple[Payload, ...]:
        library = self.presence.advisories(self.evidence)
        return tuple(
            payload
            for used in answer.advisories
            if used.entry >= 0
            for payload in library.load(used.entry).payload
        )


def _row(one: Item) -> WorkRow:
    return WorkRow(
        id=one.id,
        target=one.target,
        why=one.why,
        state=one.state.value,
        settled=one.state.settled,
        owner=one.owner,
    )
