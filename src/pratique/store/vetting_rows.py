"""Values that the vetting store keeps beside facts: reports, approved files, audits."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.policy.model import Verdict
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName
from pratique.vet.model import Report


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
