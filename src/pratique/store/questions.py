"""Where a question about the past is answered: engine, projection and log put together.

`QuestionDesk` answers as of any ledger size. Nothing here decides anything: `exposure.answering` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from pratique.errors import InputError
from pratique.exposure.answering import FirstFigures, Outcome, Sources, answer_asked, count_asked
from pratique.exposure.incident import NAMES_IN_GROUP, Asked
from pratique.ledger.canonical import encode_entry, parse_entry, prepare, render_time
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import EntryFormatError
from pratique.values.instants import Instant, parse_instant

if TYPE_CHECKING:
    from pratique.exposure.advisories.model import Advisory
    from pratique.exposure.answer import Answer
    from pratique.exposure.disclosure import Disclosed
    from pratique.exposure.ports import FactQueries
    from pratique.exposure.question import Question
    from pratique.exposure.watch_book import WatchBook
    from pratique.ledger.store import LogStore
    from pratique.store.presence import PresenceStore
    from pratique.values.intervals import Interval
    from pratique.values.names import ProjectName

_DOOR_KINDS: Final = frozenset(
    {"view", "page", "delivery", "delivered", "refusal", "watch", "token"}
)


class Known(NamedTuple):
    """A state of knowledge: a ledger size, and the present of an answer that rests on it."""

    tx: int
    now: Instant


class QuestionDesk:
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
        sources = Sources(
            self._presence.inventory, self, door, self._book(known.tx), _Reads(self._presence)
        )
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


class _Reads:
    """What was read under leases; loaded when one is within reach, which is rare."""

    def __init__(self, presence: PresenceStore) -> None:
        self._presence = presence

    def disclosed(
        self, lease: str, *, start: Instant, end: Instant | None, tx: int
    ) -> Disclosed | None:
        """What was disclosed under a lease in a span; None when no entry below `tx` grants it."""
        return self._presence.custody.disclosed(lease, start=start, end=end, tx=tx)


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
            yield entry if entry.kind in _DOOR_KINDS else parse_entry(_untold(entry))

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same as bytes."""
        for leaf in self._log.leaves(start, end):
            try:
                entry = parse_entry(leaf)
            except EntryFormatError:
                yield leaf  # whoever reads it finds out where it stands
            else:
                yield leaf if entry.kind in _DOOR_KINDS else _untold(entry)


def _untold(entry: Entry) -> bytes:
    """An entry in the same place that says nothing."""
    nothing = prepare(Draft(kind="untold", subject="untold", actor="untold", body={}))
    return encode_entry(
        nothing, sequence=entry.sequence, recorded_at=render_time(entry.recorded_at)
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
