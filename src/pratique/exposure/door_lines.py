"""What our own index door recorded, as sightings beside those of looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from packaging.version import InvalidVersion, Version

from pratique.exposure.answer import Answer
from pratique.exposure.answer import AssetLine as DoorLine
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import DoorPart, SightingLine
from pratique.exposure.lines import Judged, times_of
from pratique.exposure.ports import ItemRow
from pratique.exposure.question import BEGINNING, Question
from pratique.exposure.verdicts import Said
from pratique.exposure.wanted import is_of_door, match_rows
from pratique.inventory.observed.model import EvidenceClass, PlaceKind, Stage
from pratique.values.digests import Sha256
from pratique.values.intervals import Interval
from pratique.values.names import ProjectName
from pratique.values.spans import OPEN, Span, from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pratique.exposure.wanted import Found, Wanted
    from pratique.values.instants import Instant

OUR_DOOR: Final = "door:index"
"""Entity key of this installation's index door, for `fetches-through`."""


class DoorRecord(Protocol):
    """The record of our own index door, as of one ledger size."""

    def versions(self, project: ProjectName) -> Collection[str]:
        """Versions of a project that the door ever listed, delivered or refused, local labels left out.

        Shape: an empty one stands for files whose name tells none.
        """
        ...

    def answer(self, question: Question, *, clearing: Interval, now: Instant) -> Answer:
        """What the door knows of a question; coverage is measured over `clearing`."""
        ...

    def knows_anything(self) -> bool:
        """Whether a door ever watched or answered here."""
        ...


class DoorSaid(NamedTuple):
    """What the door says of a question."""

    answer: Answer
    whole: bool
    """Whether its record could be asked for all that is looked for."""


_FETCH_RULES: Final = {
    Certainty.CONFIRMED: "fetched",
    Certainty.PROBABLE: "fetch-unfinished",
    Certainty.POSSIBLE: "fetched-in-part",
}


def door_sighting(line: DoorLine) -> Judged | None:
    """A door's line as a sighting; None when nothing could be installed by way of it."""
    if line.stage is None or not line.certainty.exposed or line.first_at is None:
        return None
    fetched = line.stage.value == Stage.FETCHED.word
    rule = _FETCH_RULES[line.certainty] if fetched else "offered"
    stage = Stage.FETCHED if fetched else Stage.LISTED
    first, last = to_micros(line.first_at), to_micros(line.last_at or line.first_at)
    # Nobody at the door sees a file leave the asset that fetched it.
    span = Span(first, first, last, OPEN if fetched else last)
    return Judged(
        Said(line.certainty, rule, stage),
        span,
        line.evidence,
        None,
        SightingLine(
            type="pypi",
            name="",
            version="",
            digest="",
            filename=", ".join(line.files),
            how="door",
            place_kind=PlaceKind.DOOR.value,
            locator=OUR_DOOR,
            lineage="",
            times=times_of(span),
            stage=stage.word,
            evidence_class=EvidenceClass.RECORDED.word,
            certainty=line.certainty,
            rule=rule,
            entry=line.evidence[0],
            note=line.note,
        ),
    )


def door_part(line: DoorLine) -> DoorPart:
    """The door's own words for an asset."""
    return DoorPart(offered=line.offered, times=line.times, refused=line.refused, files=line.files)


def ask_door(
    wanted: Wanted, found: Found, record: DoorRecord, *, clearing: tuple[int, int], now: Instant
) -> DoorSaid | None:
    """Ask the door's record for everything of a question that a Python index can have served."""
    asked = wanted.asked
    ranged = _ranged_projects(wanted)
    texts, decided = _known_to(record, wanted, ranged)
    texts |= {(one.name, v) for one in wanted.affected if one.type == "pypi" for v in one.versions}
    texts |= {(row.name, row.version) for row in found.rows.values() if row.type == "pypi"}
    releases = [
        (ProjectName(name), version)
        for name, text in sorted(texts)
        if (version := _version_or_none(text)) is not None
    ]
    digests = sorted(d.removeprefix("sha256:") for d in wanted.digests if d.startswith("sha256:"))
    if not (releases or ranged or digests):
        return None
    start, end = (from_micros(moment) for moment in clearing)
    question = Question(
        releases=tuple(dict.fromkeys(releases)),
        ranged=ranged,
        sha256s=tuple(Sha256(digest) for digest in digests if len(digest) == _SHA256_DIGITS),
        interval=Interval(start=asked.start or BEGINNING, end=asked.end),
        asset=asked.assets[0] if len(asked.assets) == 1 else "",
    )
    answer = record.answer(question, clearing=Interval(start=start, end=end), now=now)
    return DoorSaid(answer, decided and is_of_door(wanted))


def _ranged_projects(wanted: Wanted) -> tuple[ProjectName, ...]:
    """Projects of which more is meant than releases that can be named."""
    names = (
        ProjectName(one.name)
        for one in wanted.affected
        if one.type == "pypi" and one.name
        if one.ranges or one.everything or any(_version_or_none(v) is None for v in one.versions)
    )
    return tuple(dict.fromkeys(names))


def _known_to(
    record: DoorRecord, wanted: Wanted, projects: Iterable[ProjectName]
) -> tuple[set[tuple[str, str]], bool]:
    """Releases known to the door that are meant, and whether that can be said of each it knows.

    They are matched as sightings are: nothing of a range is decided here.
    """
    known = [(name, version) for name in projects for version in sorted(record.versions(name))]
    if not known:
        return set(), True
    rows = [
        ItemRow(number, "pypi", name, version, "", "", "")
        for number, (name, version) in enumerate(known)
        if version
    ]
    matches, gaps = match_rows(wanted, rows)
    meant = {(row.name, row.version) for row in rows if row.id in matches}
    # A file whose name tells no version, or one that nobody can order, may be any release.
    decided = all(_version_or_none(version) is not None for _, version in known)
    return meant, decided and not gaps


_SHA256_DIGITS: Final = 64


def _version_or_none(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
