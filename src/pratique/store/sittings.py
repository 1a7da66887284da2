"""Page answers folded into sessions: one row for all answers that follow each other.

Without this, storage would grow with every `pip install` of every CI run; with it, an asset that
asks for the same unchanged page all day is one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from pratique.store.connect import Row

_GAP_MICROS = timedelta(hours=1) // timedelta(microseconds=1)
"""Answers of one view to one actor further apart than this are two sessions."""
_AGENTS_KEPT = 10


class SittingKey(NamedTuple):
    """Who was answered what."""

    page: int
    view: str
    actor: str


@dataclass(slots=True, kw_only=True)
class Sitting:
    """A session of page answers that is being counted."""

    first_seq: int
    last_seq: int
    first_at: int
    last_at: int
    answers: int
    stale_answers: int
    agents: list[str] = field(default_factory=list)

    def extend(self, answer: Sitting) -> None:
        """Count one more answer."""
        self.last_seq = answer.last_seq
        self.last_at = max(self.last_at, answer.last_at)
        self.answers += answer.answers
        self.stale_answers += answer.stale_answers
        for agent in answer.agents:
            if agent not in self.agents and len(self.agents) < _AGENTS_KEPT:
                self.agents.append(agent)


def read_sittings(rows: Iterable[Row]) -> dict[SittingKey, Sitting]:
    """The newest session of each key, from `find_last_sessions`."""
    found = {}
    for page, view, actor, first_seq, last_seq, first_at, last_at, count, stale, agents in rows:
        found[SittingKey(page, view, actor)] = Sitting(
            first_seq=first_seq,
            last_seq=last_seq,
            first_at=first_at,
            last_at=last_at,
            answers=count,
            stale_answers=stale,
            agents=json.loads(agents),
        )
    return found


def fold_answers(
    known: dict[SittingKey, Sitting], answers: Iterable[tuple[SittingKey, Sitting]]
) -> list[dict[str, object]]:
    """Add single answers, in order, to the sessions known; gives the rows that changed."""
    newest = dict(known)
    changed: dict[tuple[SittingKey, int], Sitting] = {}
    for key, answer in answers:
        before = newest.get(key)
        if before is None or answer.first_at - before.last_at > _GAP_MICROS:
            newest[key] = answer
        else:
            before.extend(answer)
        changed[key, newest[key].first_seq] = newest[key]
    return [_row(key, sitting) for (key, _), sitting in changed.items()]


def _row(key: SittingKey, sitting: Sitting) -> dict[str, object]:
    return {
        **key._asdict(),
        "first_seq": sitting.first_seq,
        "last_seq": sitting.last_seq,
        "first_at": sitting.first_at,
        "last_at": sitting.last_at,
        "answers": sitting.answers,
        "stale_answers": sitting.stale_answers,
        "agents": json.dumps(sitting.agents),
    }
