"""What is kept of vetting and what reviewers said of it; which file a new one is compared with.

Values that doors and stores share, and pure choices between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from pratique.policy.model import Verdict, VettingFacts
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import DistributionKind, ProjectName, parse_distribution_filename
from pratique.vet.base import ContentKey
from pratique.vet.model import Report

_TAGS = 3
"""The last parts of a wheel's name: Python, ABI, platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """Everything that was kept of a release file: enough to judge its successor."""

    sha256: Sha256
    engine: str
    facts: bytes
    """As `vet.facts.encode_release` wrote them."""
    contents: Mapping[ContentKey, bytes]
    """As `vet.facts.encode_content` wrote them."""
    thorough: bool = False
    """Whether all that could be parsed was, whoever asked."""
    whole: bool = True
    """Whether there are facts of every content. Of a release that was itself judged by a diff some have
    none: only what was added to them was looked at. It is of use with its archive only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKey:
    """The question that a report answers; anything else would be another answer."""

    sha256: Sha256
    engine: str
    base_sha256: str = ""
    """Of the file that it was judged against; empty for none."""
    weights: str = ""
    """Digest of the weights that made the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReport:
    """A report with its question."""

    key: ReportKey
    vetted_at: Instant
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedFile:
    """A file that the project's next release may be compared with."""

    project: ProjectName
    sha256: Sha256
    filename: str
    approved_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What a reviewer found in one file, against or for what vetting said."""

    id: str
    sha256: Sha256
    filename: str
    verdict: Verdict
    """Never `unknown`: who does not know writes no audit."""
    reason: str
    reviewer: str
    origin: str = ""
    """Where it was imported from; empty for one of our own."""
    statement: bytes = b""
    """The signed statement as it came, for those that were imported."""
    created_at: Instant
    revoked_at: Instant | None = None


def choose_predecessor(
    filename: str, approved: Iterable[ApprovedFile], *, project: ProjectName, sha256: str = ""
) -> ApprovedFile | None:
    """The nearest approved release of the same kind, never the file itself; None when there is none.

    Wheel with wheel, sdist with sdist. The same or the next lower version first, then the next higher
    one (an old release that nobody asked for before). Of one release's wheels the one with the same
    tags, then a pure one, then whichever name comes first.
    """
    new = parse_distribution_filename(filename, project=project)
    if new is None:
        return None
    by_version: dict[Version, list[ApprovedFile]] = {}
    for file in approved:
        old = parse_distribution_filename(file.filename, project=project)
        if old is not None and old.kind is new.kind and file.sha256 != sha256:
            by_version.setdefault(old.version, []).append(file)
    if not by_version:
        return None
    lower = [version for version in by_version if version <= new.version]
    nearest = by_version[max(lower) if lower else min(by_version)]
    if new.kind is not DistributionKind.WHEEL:
        return min(nearest, key=lambda file: file.filename)
    wanted = _tags(filename)
    return min(
        nearest,
        key=lambda file: (
            _tags(file.filename) != wanted,
            _tags(file.filename)[1:] != ["none", "any"],
            file.filename,
        ),
    )


def _tags(filename: str) -> list[str]:
    return filename.removesuffix(".whl").rsplit("-", _TAGS)[1:]


def vetting_facts(report: Report | None, audits: Sequence[Audit] = ()) -> VettingFacts:
    """What policy needs of a report: a living audit of the file speaks last.

    `audits` are those of the file, oldest first. Of our own the newest counts; of those that were
    imported the strictest, since whoever is careless must not outvote whoever looked.
    """
    speaks = _who_speaks([audit for audit in audits if audit.revoked_at is None])
    if speaks is not None:
        said = f"reviewed by {speaks.reviewer}: {speaks.reason}"
        return VettingFacts(verdict=speaks.verdict, headline=said)
    if report is None:
        return VettingFacts(verdict=Verdict.UNKNOWN, headline="not examined")
    gained = sorted({change.capability.value for change in report.changes if change.gained})
    return VettingFacts(verdict=report.verdict, headline=headline(report), gained=tuple(gained))


def _who_speaks(living: Sequence[Audit]) -> Audit | None:
    ours = [audit for audit in living if not audit.origin]
    if ours:
        return ours[-1]
    order = (Verdict.CLEAN, Verdict.UNKNOWN, Verdict.SUSPICIOUS, Verdict.MALICIOUS)
    return max(living, key=lambda audit: order.index(audit.verdict), default=None)


def headline(report: Report) -> str:
    """The first thing a person should know of a report; empty when it is clean."""
    if report.verdict is Verdict.CLEAN:
        return ""
    if report.verdict is Verdict.UNKNOWN or not report.findings:
        return report.unread[0] if report.unread else "not examined"
    first = report.findings[0]
    place = f"{first.path}:{first.line}" if first.line else first.path
    return f"{place} {first.title}" if place else first.title
