"""The answer: one line per asset with certainty, stage, times and ledger sequences.

What the door alone can say:

- `fetched`   bytes of the file left for the asset: `confirmed` when all did, `probable` when their
              end was not recorded or when the client said that it had the file already, `possible`
              when only parts left.
- `listed`    a page answered to the asset offered the file (`possible`: its cache may have had it),
              or listed it while it could not be installed.
- nothing     `cleared` when the door watched during the whole interval, which says only that the
              file did not come through this door; `unknown` otherwise, and for an asset that asked
              for the file and was refused: it may have got it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from pratique.exposure.certainty import Certainty
from pratique.exposure.coverage import Coverage, measure_coverage
from pratique.exposure.facts import Delivery, DoorFacts, PageSession, Refusal
from pratique.exposure.question import Question
from pratique.values.instants import Instant
from pratique.values.intervals import Interval


class Stage(StrEnum):
    """How far a file got, as far as a door can see."""

    LISTED = "listed"
    FETCHED = "fetched"


BLIND_SPOTS = (
    "Installs that do not ask this door are not seen: another index, a URL, a cache filled elsewhere.",
    "A client's own cache can install a file again without asking; only its first download is seen.",
    "Copies already inside images, environments, frozen lock files or other machines are not seen.",
    "Whether a fetched file was installed or ran is not seen.",
)
"""What no answer of this kind can see, said with every answer."""


class AssetLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one asset."""

    asset: str
    certainty: Certainty
    stage: Stage | None
    offered: bool | None
    """Of a listing: whether the file could be installed; None when it was never listed."""
    first_at: Instant | None
    last_at: Instant | None
    times: int
    """Downloads, or page answers when there was no download."""
    evidence: tuple[int, ...]
    """Ledger sequences, in order."""
    files: tuple[str, ...]
    refused: int
    """How often it asked for the file and was refused: something there wants it."""
    note: str
    """A sentence where the words above are not enough."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one question."""

    question: Question
    asked_at: Instant
    applied: int
    """Ledger entries it rests on: sequences below this number."""
    lines: tuple[AssetLine, ...]
    coverage: Coverage
    unreadable: int
    """Entries nobody could read; while there are any, nothing is cleared."""
    unexplained: int
    """Page answers whose content the log does not explain; likewise."""

    def count(self, certainty: Certainty) -> int:
        """Number of assets with this certainty."""
        return sum(line.certainty is certainty for line in self.lines)

    @property
    def fetched(self) -> bool:
        """Whether any asset got bytes of a file."""
        return any(line.stage is Stage.FETCHED for line in self.lines)

    @property
    def clear(self) -> bool:
        """Whether the door can say that nothing came through it."""
        nothing = all(line.certainty is Certainty.CLEARED for line in self.lines)
        return nothing and self.coverage.whole and not (self.unreadable or self.unexplained)


class _Found(msgspec.Struct):
    """What concerns one asset within the interval."""

    deliveries: list[Delivery] = []
    sessions: list[PageSession] = []
    refusals: list[Refusal] = []


def answer(
    question: Question, facts: DoorFacts, *, now: Instant, clearing: Interval | None = None
) -> Answer:
    """Answer a question from gathered facts.

    `clearing`: over what the door must have watched to clear anybody; else the question's interval.
    Shape: a line for every asset known, the surest presence first.
    """
    coverage = measure_coverage(facts.watches, clearing or question.interval, now=now)
    # Without an end everything logged counts, even what a faster clock stamped later than now.
    asked = question.interval
    found: dict[str, _Found] = {asset: _Found() for asset in facts.assets}
    for delivery in facts.deliveries:
        if asked.contains(delivery.at):
            found.setdefault(delivery.actor, _Found()).deliveries.append(delivery)
    for session in facts.sessions:
        if _touches(session, asked):
            found.setdefault(session.actor, _Found()).sessions.append(session)
    for refusal in facts.refusals:
        if asked.contains(refusal.at):
            found.setdefault(refusal.actor, _Found()).refusals.append(refusal)
    unexplained = [session for session in facts.unexplained if _touches(session, asked)]
    can_clear = coverage.whole and not (facts.unreadable or unexplained)
    lines = [
        _line(asset, what, facts, can_clear=can_clear)
        for asset, what in found.items()
        if _is_asked_for(asset, question)
    ]
    return Answer(
        question=question,
        asked_at=now,
        applied=facts.applied,
        lines=tuple(sorted(lines, key=_order)),
        coverage=coverage,
        unreadable=facts.unreadable,
        unexplained=sum(session.answers for session in unexplained),
    )


def _touches(session: PageSession, asked: Interval) -> bool:
    return session.last_at >= asked.start and (asked.end is None or session.first_at < asked.end)


def _is_asked_for(asset: str, question: Question) -> bool:
    return question.asset in {"", asset, asset.partition(":")[2]}


def _order(line: AssetLine) -> tuple[int, int, str, str]:
    surest = list(Certainty).index(line.certainty)
    first = line.first_at.isoformat() if line.first_at is not None else "~"
    return surest, 0 if line.stage is Stage.FETCHED else 1, first, line.asset


def _line(asset: str, found: _Found, facts: DoorFacts, *, can_clear: bool) -> AssetLine:
    fetches = [d for d in found.deliveries if _left_bytes(d)]
    if fetches:
        return _fetched_line(asset, fetches, found)
    return _listed_line(asset, found, facts, can_clear=can_clear)


def _left_bytes(delivery: Delivery) -> bool:
    """Whether bytes of the file itself may be with the client."""
    if delivery.door != "file" or delivery.method != "GET":
        return False
    return delivery.complete is not False or delivery.bytes_sent > 0


def _certainty_of(delivery: Delivery) -> Certainty:
    if delivery.complete is None:
        return Certainty.PROBABLE
    if not delivery.complete:
        return Certainty.POSSIBLE
    return Certainty.CONFIRMED if delivery.bytes_sent else Certainty.PROBABLE


_FETCH_NOTES = {
    Certainty.CONFIRMED: "",
    Certainty.PROBABLE: "the end of the download is not recorded, or the client had the file already",
    Certainty.POSSIBLE: "only parts of the file left",
}


def _fetched_line(asset: str, fetches: list[Delivery], found: _Found) -> AssetLine:
    certainties = [_certainty_of(delivery) for delivery in fetches]
    best = min(certainties, key=list(Certainty).index)
    return AssetLine(
        asset=asset,
        certainty=best,
        stage=Stage.FETCHED,
        offered=True,
        first_at=min(delivery.at for delivery in fetches),
        last_at=max(delivery.at for delivery in fetches),
        times=len(fetches),
        evidence=tuple(sorted(delivery.sequence for delivery in fetches)),
        files=_names(fetches),
        refused=len(found.refusals),
        note=_FETCH_NOTES[best],
    )


def _names(facts: Iterable[Delivery | Refusal]) -> tuple[str, ...]:
    return tuple(sorted({fact.filename for fact in facts}))


def _listed_line(asset: str, found: _Found, facts: DoorFacts, *, can_clear: bool) -> AssetLine:
    """No bytes left: what pages, metadata and refusals say of the asset."""
    open_sessions = [s for s in found.sessions if facts.offers[s.key]]
    offered = bool(open_sessions or found.deliveries)
    listed = offered or bool(found.sessions)
    shown = open_sessions or ([] if offered else found.sessions)
    # Who asked and was refused wants the file, and may have got it elsewhere.
    nothing = Certainty.CLEARED if can_clear and not found.refusals else Certainty.UNKNOWN
    direct: list[Delivery | Refusal] = [*found.deliveries, *found.refusals]
    times = [m for s in shown for m in (s.first_at, s.last_at)] + [fact.at for fact in direct]
    sequences = {n for s in shown for n in (s.first_sequence, s.last_sequence)}
    sequences |= {fact.sequence for fact in direct}
    return AssetLine(
        asset=asset,
        certainty=Certainty.POSSIBLE if offered else nothing,
        stage=Stage.LISTED if listed else None,
        offered=offered if listed else None,
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        times=sum(session.answers for session in shown) + len(found.deliveries),
        evidence=tuple(sorted(sequences)),
        files=_names(direct),
        refused=len(found.refusals),
        note=_listed_note(listed=listed, offered=offered, found=found),
    )


def _listed_note(*, listed: bool, offered: bool, found: _Found) -> str:
    if found.refusals:
        return "asked for the file and was refused: look for what wants it there"
    if offered:
        return "was offered the file; no download came through this door"
    return "saw it listed as held or denied; it could not be installed from here" if listed else ""
