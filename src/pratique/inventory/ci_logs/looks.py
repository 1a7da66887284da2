"""A job's log as a look: of which run, at which job, when, and what was there.

Runs of one job share a lineage, so that a thousand runs with the same packages store them once; their
sightings then carry neither lines nor times, which the look and its evidence have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.inventory.ci_logs.model import Mention
from pratique.inventory.ci_logs.reading import JobReading, Seen
from pratique.inventory.ci_logs.scene import Style
from pratique.inventory.observed.model import (
    AssetKind,
    Evidence,
    EvidenceClass,
    Gap,
    Identity,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Sighting,
    Stage,
)
from pratique.values.instants import Instant, parse_instant, render_instant
from pratique.values.spans import from_micros

NO_TIMES: Final = (
    "it has no times: what it says may have happened at any time before the file's own"
)
LOCAL_TIMES: Final = "its times have no zone: each may be up to 14 hours off"
EARLIEST: Final = parse_instant("2000-01-01T00:00:00Z")
_UNFIT_FILE: Final = re.compile(r"[\\/:*?\"<>|\x00-\x1f]")
_FILE_NAME: Final = 90
"""Characters of a job that the archive of a run keeps in the name of its log."""
_UNFIT: Final = re.compile(r"[^\w.@()+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What is known of the run besides its log: from the runner's records, or from file names."""

    repository: str = ""
    run: str = ""
    host: str = ""
    """`github`, `gitlab` …; empty: as the log says."""
    started: Instant | None = None
    ended: Instant | None = None
    jobs: tuple[str, ...] = ()
    """Names of the jobs that ran, where the records tell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """Where the log of one job was read."""

    name: str
    """A path, or `archive!member`."""
    job: str
    sha256: str
    modified: Instant
    evidence: tuple[Evidence, ...]


def run_asset(reading: JobReading, facts: RunFacts, log: LogFile) -> str:
    """`ci/github/OWNER/REPO/RUN`; a log that does not say which run it is gets a name of its own."""
    host = facts.host or (
        reading.scene.style.value if reading.scene.style is not Style.PLAIN else ""
    )
    repository = facts.repository or reading.scene.repository
    run = facts.run or reading.scene.run or f"log-{log.sha256[:16]}"
    if not (host and repository):
        return f"ci/{host or 'log'}/{run}"
    return f"ci/{host}/{repository.lower()}/{run}"


def look_at_log(
    reading: JobReading, log: LogFile, *, asset: str, asset_kind: AssetKind, facts: RunFacts
) -> Look:
    """The look. Its gaps say what the log does not tell; then it is not whole."""
    lineage = _lineage(reading, facts, log) if asset_kind is AssetKind.CI_RUN else ""
    at_lo, at_hi, gaps = _when(reading, facts, log)
    timed = reading.lo is not None and not reading.local_times
    return Look(
        asset=asset,
        asset_kind=asset_kind,
        place_kind=PlaceKind.CI_LOG,
        locator=log.job or log.name,
        at_lo=at_lo,
        at_hi=at_hi,
        # A job's log goes from its start to its end; one without trustworthy times is only dated.
        mode=LookMode.EVENT if timed else LookMode.SAMPLED,
        ended=asset_kind is AssetKind.CI_RUN,
        whole=reading.whole,
        lineage=lineage,
        sightings=_sightings(reading, dated=not lineage),
        identities=tuple(
            Identity(kind="env", name=name, locator=log.job, local=True)
            for name in sorted(reading.scene.secrets)
        ),
        gaps=(*reading.gaps, *(Gap(what=log.name, why=why) for why in gaps)),
        evidence=log.evidence,
        evidence_class=EvidenceClass.LOGGED,
        collector="sweep/ci-log",
    )


def unseen_job(like: Look, job: str, facts: RunFacts) -> Look:
    """A look that says that the log of a job is not here. `like`: a look at another job's log.

    Its place is the one that the log in the archive of the run would have.
    """
    name = _UNFIT_FILE.sub("_", job)[:_FILE_NAME]
    why = "the run's record names this job, and its log is not here"
    return msgspec.structs.replace(
        like,
        locator=name,
        whole=False,
        lineage=_lineage_of(facts.host, facts.repository, name) if like.lineage else "",
        sightings=(),
        identities=(),
        evidence=(),
        gaps=(Gap(what=f"{like.asset}: {name}", why=why),),
    )


def _lineage(reading: JobReading, facts: RunFacts, log: LogFile) -> str:
    host = facts.host or reading.scene.style.value
    repository = facts.repository or reading.scene.repository
    return _lineage_of(host, repository, log.job or reading.scene.job)


def _lineage_of(host: str, repository: str, job: str) -> str:
    job = _UNFIT.sub("-", job)
    return f"ci/{host}/{repository.lower()}/{job}" if repository and job else ""


def _when(reading: JobReading, facts: RunFacts, log: LogFile) -> tuple[Instant, Instant, list[str]]:
    """Bounds of the look, and what makes them wide."""
    gaps: list[str] = []
    if reading.lo is not None and reading.hi is not None:
        if reading.local_times:
            gaps.append(LOCAL_TIMES)
        return from_micros(reading.lo), from_micros(max(reading.lo, reading.hi)), gaps
    if facts.started is not None and facts.ended is not None and facts.started <= facts.ended:
        return facts.started, facts.ended, gaps
    gaps.append(NO_TIMES)
    return min(EARLIEST, log.modified), log.modified, gaps


def _sightings(reading: JobReading, *, dated: bool) -> tuple[Sighting, ...]:
    """One sighting per item, as far as it got."""
    settled = _settled(reading) if reading.whole else frozenset()
    grouped: dict[Item, list[Seen]] = {}
    asked: set[tuple[str, str]] = set()
    for seen in reading.seen:
        item = seen.mention.item
        name = (item.type, item.name)
        if item.version or item.digest or name not in settled:
            grouped.setdefault(item, []).append(seen)
        elif seen.mention.direct:
            asked.add(name)
    return tuple(
        _sighting(item, group, dated=dated, asked=(item.type, item.name) in asked)
        for item, group in grouped.items()
    )


def _settled(reading: JobReading) -> frozenset[tuple[str, str]]:
    """Projects of which the log says what came of the last requirement that named no version.

    `Collecting litellm`, and later which file was fetched: the requirement says nothing more then.
    Only for a whole log; in one that is not, what came of it may stand in what is missing.
    """
    last: dict[tuple[str, str], bool] = {}
    for seen in reading.seen:
        item = seen.mention.item
        if not (item.version or item.digest):
            last[item.type, item.name] = False
        elif seen.mention.stage >= Stage.FETCHED and (item.type, item.name) in last:
            last[item.type, item.name] = True
    return frozenset(name for name, is_told in last.items() if is_told)


def _sighting(item: Item, group: Sequence[Seen], *, dated: bool, asked: bool) -> Sighting:
    mentions = [seen.mention for seen in group]
    stage = max(mention.stage for mention in mentions)
    reached = next(seen for seen in group if seen.mention.stage is stage)
    since_lo, since_hi = _since(group[0], reached) if dated else ("", "")
    return Sighting(
        item=item,
        stage=stage,
        since_lo=since_lo,
        since_hi=since_hi,
        at=f"line {reached.line}" if dated else "",
        direct=True if asked or any(mention.direct for mention in mentions) else None,
        range=_first(mentions, "range") if not item.version else "",
        note=_note(mentions, stage),
    )


def _since(first: Seen, reached: Seen) -> tuple[str, str]:
    """It came between the first line that names it and the line that says how far it got."""
    if first.lo is None or reached.hi is None:
        return "", ""
    return (
        render_instant(from_micros(min(first.lo, reached.hi))),
        render_instant(from_micros(reached.hi)),
    )


def _first(mentions: Sequence[Mention], name: str) -> str:
    return next((text for mention in mentions if (text := getattr(mention, name))), "")


def _note(mentions: Sequence[Mention], stage: Stage) -> str:
    notes = dict.fromkeys(m.note for m in mentions if m.stage is stage and m.note)
    return "; ".join(list(notes)[:3])
