"""What the ledger itself says after a drill: the drill's result is read from there, not assumed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from packaging.version import Version

from pratique.assembly import OpenDoor
from pratique.exposure.answer import Answer
from pratique.exposure.question import Question
from pratique.settings import Settings
from pratique.store.logs import audit_log
from pratique.store.presence import answer_exposed
from pratique.values.instants import Instant
from pratique.values.intervals import Interval
from pratique.values.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Read from the drill's ledger after every byte of it was verified."""

    entries: int
    verified: bool
    refusals: int
    poisoned_bytes: int
    exposed: dict[str, str]
    """Per release: what `pratique exposed` answers, in one line."""


def read_evidence(
    opened: OpenDoor,
    settings: Settings,
    *,
    poisoned: Collection[str],
    releases: Collection[tuple[ProjectName, Version]],
    span: Interval,
    now: Instant,
) -> Evidence:
    """Verify the log from its first byte, count what it says of the poisoned files, and ask it."""
    report = audit_log(settings, progress=lambda _done, _all: None)
    served: dict[str, str] = {}
    refusals = poisoned_bytes = 0
    for entry in opened.log.entries():
        if entry.kind == "refusal":
            refusals += 1
        elif entry.kind == "delivery" and entry.body["door"] == "file":
            served[str(entry.body["delivery"])] = str(entry.body["sha256"])
        elif entry.kind == "delivered" and served.get(str(entry.body["delivery"])) in poisoned:
            poisoned_bytes += int(entry.body["bytes"])
    answers = {
        f"{name}=={version}": _in_words(
            answer_exposed(
                opened.presence,
                opened.log,
                Question(releases=((name, version),), interval=span),
                now=now,
            )
        )
        for name, version in releases
    }
    return Evidence(
        entries=report.size,
        verified=report.sound,
        refusals=refusals,
        poisoned_bytes=poisoned_bytes,
        exposed=answers,
    )


def _in_words(answer: Answer) -> str:
    fetched = "fetched" if answer.fetched else "never fetched through this door"
    refused = sum(line.refused for line in answer.lines)
    watched = "watched all the time" if answer.coverage.whole else "not watched all the time"
    counts = ", ".join(
        f"{line.asset} {line.certainty.value}" for line in answer.lines if line.refused
    )
    return f"{fetched}; {refused} attempts refused ({counts}); {watched}"
