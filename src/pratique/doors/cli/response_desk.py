"""What the commands of a response work with: answers, the plan, facts about parties, evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pratique.exposure.advisories.model import Payload
from pratique.exposure.incident import Incident, IncidentAnswer
from pratique.exposure.plan.fold import STEP_KIND, Said, fold_steps, plan_anew, step_drafts
from pratique.exposure.plan.items import SeenDead, wanted_items
from pratique.exposure.plan.model import Change, Plan
from pratique.exposure.ports import FactQueries
from pratique.exposure.standing import find_incident
from pratique.inventory.observed.model import Relation
from pratique.ledger.entries import Entry
from pratique.ledger.store import LogStore
from pratique.settings import Settings, load_settings
from pratique.store.incidents import AnswerDesk
from pratique.store.logs import open_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.values.instants import Instant
from pratique.values.spans import from_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDesk:
    """An installation, open for one command."""

    settings: Settings
    log: LogStore
    presence: PresenceStore
    desk: AnswerDesk
    evidence: Callable[[str], bytes | None]

    @property
    def facts(self) -> FactQueries:
        """The named questions about facts."""
        return self.presence.inventory

    def find(self, name: str, *, now: Instant) -> tuple[Incident, IncidentAnswer]:
        """An incident and its answer as of now."""
        known = self.desk.known(None, now=now)
        incident = find_incident(self.desk.incidents(), name)
        return incident, self.desk.answer_incident(incident, known)

    def payloads(self, answer: IncidentAnswer) -> tuple[Payload, ...]:
        """What the overlays of its advisories say of behaviour."""
        library = self.presence.advisories(self.evidence)
        return tuple(
            payload
            for used in answer.advisories
            if used.entry >= 0
            for payload in library.load(used.entry).payload
        )

    def records(self, answer: IncidentAnswer) -> list[bytes]:
        """The advisories of an answer as they were published."""
        library = self.presence.advisories(self.evidence)
        return [library.record_bytes(used.entry) for used in answer.advisories if used.entry >= 0]

    def said(self, incident: str) -> dict[str, Said]:
        """What was said of the items of an incident's plan."""
        return fold_steps(
            Entry(
                sequence=event.sequence,
                recorded_at=event.at,
                kind=event.kind,
                subject=event.subject,
                actor=event.actor,
                body=event.body,
            )
            for event in self.presence.events(STEP_KIND)
            if event.subject == f"incident:{incident}"
        )

    def plan(self, answer: IncidentAnswer, *, actor: str, now: Instant) -> Plan:
        """The plan as it stands; what planning anew says is recorded first."""
        wanted = wanted_items(answer, self.payloads(answer), self._seen_dead(answer))
        plan, changes = plan_anew(answer, wanted, self.said(answer.incident))
        if changes:
            self.record(answer, changes, actor=actor, now=now)
            plan, _ = plan_anew(answer, wanted, self.said(answer.incident))
        return plan

    def _seen_dead(self, answer: IncidentAnswer) -> dict[str, SeenDead]:
        """When each identity within reach was last seen to fail."""
        identities = [one.entity for one in answer.reach.identities]
        edges = self.facts.edges_from(Relation.VERIFIED_DEAD, identities, tx=answer.as_known_at)
        ordered = sorted(edges, key=lambda edge: edge.span.from_hi)
        return {
            edge.subject: SeenDead(from_micros(edge.span.from_hi), edge.entry) for edge in ordered
        }

    def record(
        self, answer: IncidentAnswer, changes: Sequence[Change], *, actor: str, now: Instant
    ) -> None:
        """Make changes of the plan durable."""
        drafts = step_drafts(changes, incident=answer.incident, answer=answer.digest, actor=actor)
        self.log.append(drafts, now=now)
        self.presence.catch_up()

    def owners(self, answer: IncidentAnswer) -> dict[str, frozenset[str]]:
        """Of each dataset within reach whose it is, of each exposed asset who operates it."""
        datasets = [one.entity for one in answer.reach.datasets]
        assets = [line.asset for line in answer.lines if line.certainty.exposed]
        found: dict[str, set[str]] = {}
        for relation, subjects in (
            (Relation.BELONGS_TO, datasets),
            (Relation.OPERATED_BY, assets),
        ):
            for edge in self.facts.edges_from(relation, subjects, tx=answer.as_known_at):
                found.setdefault(edge.subject, set()).add(edge.object)
        return {subject: frozenset(objects) for subject, objects in found.items()}


@contextmanager
def open_response(home: Path | None) -> Iterator[ResponseDesk]:
    """Open an installation. Raises: SettingsError when nothing was ever logged there."""
    settings = load_settings(home)

    def evidence(digest: str) -> bytes | None:
        from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore  # noqa: PLC0415 - rare

        return EvidenceStore(settings.home / EVIDENCE_FOLDER).get(digest)

    with (
        closing(open_log(settings, must_exist=True)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        yield ResponseDesk(
            settings=settings,
            log=log,
            presence=presence,
            desk=AnswerDesk(log, presence, evidence),
            evidence=evidence,
        )
