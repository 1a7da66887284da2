"""Where questions about the past are answered: engine, projection and log put together.

`AnswerDesk` answers a question as of any ledger size, keeps standing incidents, and answers them anew
when something new is known. Nothing here decides anything: `exposure.answering` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from pratique.errors import InputError
from pratique.exposure.answering import (
    FirstFigures,
    Outcome,
    Sources,
    answer_asked,
    count_asked,
)
from pratique.exposure.asking import asset_key
from pratique.exposure.difference import Difference, compare_answers
from pratique.exposure.incident import NAMES_IN_GROUP, Asked, AssetLine, Incident, IncidentAnswer
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
from pratique.values.instants import Instant, parse_instant

if TYPE_CHECKING:
    from pratique.exposure.advisories.model import Advisory
    from pratique.exposure.answer import Answer
    from pratique.exposure.ports import FactQueries
    from pratique.exposure.question import Question
    from pratique.exposure.watch_book import WatchBook
    from pratique.ledger.store import LogStore
    from pratique.store.presence import PresenceStore
    from pratique.values.intervals import Interval
    from pratique.values.names import ProjectName

EVENT_KINDS_OF_INCIDENTS: Final = (OPENED, ANSWERED, CLOSED)
_DOOR_KINDS: Final = frozenset(
    {"view", "page", "delivery", "delivered", "refusal", "watch", "token"}
)


class Known(NamedTuple):
    """A state of knowledge: a ledger size, and the present of an answer that rests on it."""

    tx: int
    now: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Reanswered:
    """An open incident answered anew."""

    incident: Incident
    answer: IncidentAnswer
    difference: Difference | None
    """From the answer recorded last; None when there was none."""
    entry: int
    """Sequence of the new `incident-answer`; -1 when nothing new is said."""


class AnswerDesk:
    """Answers questions from one installation's log and projection."""

    def __init__(
        self, log: LogStore, presence: PresenceStore, evidence: Callable[[str], bytes | None]
    ) -> None:
        """`evidence` gives raw bytes by SHA-256, None when they are not kept."""
        self._log = log
        self._presence = presence
        self._evidence = evidence

    @property
    def queries(self) -> FactQueries:
        """The named questions about facts."""
        return self._presence.inventory

    # ── what is known when ───────────────────────────────────────────────────────────────────

    def known(self, text: str | None, *, now: Instant) -> Known:
        """Everything known now, or as of a sequence or an instant.

        Order: brings the projection up to date. Raises: InputError when the log has no such entry.
        """
        self._presence.catch_up()
        if text is None:
            return Known(self._presence.applied(), now)
        size = self._log.size()
        if text.isdecimal():
            sequence = int(text)
            if sequence >= size:
                raise InputError(
                    f"the ledger has no entry {text[:20]}",
                    expected=f"a sequence from 0 to {size - 1}, or an instant",
                )
            return Known(sequence + 1, min(now, self._entry(sequence).recorded_at))
        moment = parse_instant(text)
        return Known(self._size_at(moment, size), min(now, moment))

    def _size_at(self, moment: Instant, size: int) -> int:
        """How many entries had been recorded by an instant: entries are in order of time."""
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle).recorded_at <= moment:
                low = middle + 1
            else:
                high = middle
        return low

    def _entry(self, sequence: int) -> Entry:
        return next(iter(self._log.entries(sequence, sequence + 1)))

    def newest(self, id_: str, *, tx: int) -> Advisory | None:
        """The newest revision of a recorded advisory below `tx`."""
        return self._presence.advisories(self._evidence).newest(id_, tx=tx)

    def mentioning(self, what: str, *, tx: int) -> Sequence[str]:
        """Ids of recorded advisories that name `package:TYPE/NAME`."""
        return self._presence.advisories_mentioning(what, tx=tx)

    def _book(self, tx: int) -> WatchBook | None:
        """How all assets were watched, where that is kept: of everything applied."""
        applied = self._presence.applied()
        return self._presence.watch_book(applied) if tx == applied else None

    # ── answers ──────────────────────────────────────────────────────────────────────────────

    def answer(
        self,
        asked: Asked,
        known: Known,
        *,
        incident: str = "",
        title: str = "",
        names: int | None = NAMES_IN_GROUP,
    ) -> Outcome:
        """Answer a question as of a state of knowledge."""
        door = _Door(self._presence, self._log, known.tx)
        sources = Sources(self._presence.inventory, self, door, self._book(known.tx))
        try:
            return answer_asked(
                asked,
                sources,
                now=known.now,
                tx=known.tx,
                incident=incident,
                title=title,
                names=names,
            )
        finally:
            door.close()

    def count(self, asked: Asked, known: Known) -> FirstFigures:
        """Who had it, counted, as of a state of knowledge."""
        sources = Sources(self._presence.inventory, self)
        return count_asked(asked, sources, now=known.now, tx=known.tx)

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
        import msgspec  # noqa: PLC0415 - only this needs it

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


class _DoorLog:
    """A log of which only what doors wrote is seen: the rest of the projection is not needed."""

    def __init__(self, log: LogStore) -> None:
        self._log = log
        self.origin = log.origin

    def size(self) -> int:
        """Entries of the whole log."""
        return self._log.size()

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries in order; those of other kinds without what they say."""
        for entry in self._log.entries(start, end):
            if entry.kind in _DOOR_KINDS:
                yield entry
            else:
                yield Entry(
                    sequence=entry.sequence,
                    recorded_at=entry.recorded_at,
                    kind="",
                    subject="",
                    actor=entry.actor,
                    body={},
                )


class _Door:
    """Our index door's record as of a ledger size: the projection's, or a replay in memory."""

    def __init__(self, presence: PresenceStore, log: LogStore, tx: int) -> None:
        self._presence = presence
        self._log = log
        self._tx = tx
        self._replayed: PresenceStore | None = None

    def knows_anything(self) -> bool:
        """Whether a door ever watched or answered here."""
        return self._presence.knows_doors()

    def versions(self, project: ProjectName) -> frozenset[str]:
        """Versions of a project that the door ever listed, delivered or refused."""
        return self._then().versions(project)

    def answer(self, question: Question, *, clearing: Interval, now: Instant) -> Answer:
        """What the door knows of a question."""
        from pratique.exposure.answer import answer  # noqa: PLC0415 - loads packaging

        facts = self._then().facts(question)
        return answer(question, facts, now=now, clearing=clearing)

    def _then(self) -> PresenceStore:
        """What the door had recorded below the ledger size in question."""
        if self._tx >= self._presence.applied():
            return self._presence
        if self._replayed is None:
            log = cast("LogStore", _DoorLog(self._log))
            self._replayed = self._presence.replayed(log, self._tx)
        return self._replayed

    def close(self) -> None:
        """Forget a replay."""
        if self._replayed is not None:
            self._replayed.close()
