"""Facts in, decision out: the two values between which every rule stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from packaging.version import Version

from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import (
    Distribution,
    ProjectName,
    ProjectStatus,
    parse_distribution_filename,
)


class Outcome(StrEnum):
    """What may happen to a file. Declared from most open to most closed."""

    ALLOW = "allow"
    HIDE = "hide"
    """Not offered to resolvers (listed as yanked with the reason); an exact pin may download it."""
    HOLD = "hold"
    """Listed as yanked with the reason; its download is refused until an instant or an approval."""
    DENY = "deny"
    """Not listed; its download is refused."""

    @property
    def strictness(self) -> int:
        """0 for allow up to 3 for deny; when rules disagree the strictest wins."""
        return _STRICTNESS[self]

    @property
    def lets_bytes_through(self) -> bool:
        """Whether the file itself, or anything made from its content, may be answered."""
        return self is Outcome.ALLOW or self is Outcome.HIDE


_STRICTNESS: Final = {
    Outcome.ALLOW: 0,
    Outcome.HIDE: 1,
    Outcome.HOLD: 2,
    Outcome.DENY: 3,
}


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What policy says of one file at one instant."""

    outcome: Outcome
    rule: str
    """Name of the deciding rule, as documented under docs/rules/."""
    reason: str = ""
    """One ASCII sentence for a terminal, without secrets; empty for a plain allow."""
    until: Instant | None = None
    """Instant from which, on today's facts, the file passes (hold) or its waiver ends (waiver)."""
    recheck_at: Instant | None = None
    """Earliest instant at which this decision can change by the passing of time alone."""
    evidence: tuple[str, ...] = ()
    """What the rule relied on: advisory ids, digests, lines of the policy file."""
    waived_by: str = ""
    """Id of the waiver that opened an otherwise closed door; empty when none did."""
    audited: Outcome | None = None
    """In audit mode: the outcome that enforcement would have had."""


class Verdict(StrEnum):
    """What vetting says of a file; `unknown` when not all of it could be examined."""

    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    MALICIOUS = "malicious"
    UNKNOWN = "unknown"


class VettingFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What vetting said of one file when it last examined it."""

    verdict: Verdict
    headline: str = ""
    """The first line of its evidence, or why it could not say: shown with the decision."""
    gained: tuple[str, ...] = ()
    """Capabilities that the file has and its predecessor had not (`vet.model.Capability`), sorted;
    empty when it had none to be compared with."""


class Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """Who an attestation says published a file (PEP 740 `publisher`)."""

    kind: str
    """`GitHub`, `GitLab`, `Google` …, as the attestation spells it."""
    repository: str
    workflow: str = ""
    environment: str = ""


class ProvenanceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file's attestation beside its predecessors in the same major line."""

    attested: bool
    publisher: Publisher | None = None
    """None while the attestation has not been read."""
    predecessor: str = ""
    """File name of the newest earlier attested file in the same major line; empty if there is none."""
    predecessor_publisher: Publisher | None = None


class FreshDependency(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency that a release has and its predecessor had not."""

    project: ProjectName
    first_upload: Instant | None
    """Earliest upload on the dependency's page; None when that could not be told."""


class WaiverFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded exception for one file, already matched by sha256 and scope."""

    id: str
    approver: str
    reason: str
    expires_at: Instant
    overrides_deny: bool = False
    """A waiver opens hold and hide; deny only when the approver said so expressly."""


class ProjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for every file of a project on one index view."""

    index: str
    """Name of the index view that is asked, such as `pypi`."""
    project: ProjectName
    origin: str = ""
    """Name of the upstream that the project's name is pinned to."""
    private: bool = False
    """Whether that upstream is a private one (cool-down does not apply unless configured)."""
    status: ProjectStatus = ProjectStatus.ACTIVE
    status_reason: str = ""
    newest_approved: Version | None = None
    """Highest version of which a file has been delivered under `allow`; the last good version."""
    hashless_pinned: bool = False
    """Whether the upstream's setting is `hashless = "pin"`: a file without a published SHA-256 may be
    fetched once, its hash is pinned then, and every later answer fills `FileFacts.sha256` with it."""
    best_allowed: Version | None = None
    """Highest version on the page that passes without early release. Filled by
    `decide.with_page_facts`, which the page service calls before any file is decided; None when
    early release cannot matter on this page or when nothing else passes."""


class FileFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything known of one file at the moment of asking.

    Thousands are made per page, so the version is parsed only by rules that need it, and the garbage
    collector does not track them (no fact refers back to its file).
    """

    filename: str
    project: ProjectName
    sha256: Sha256 | None = None
    """None when the upstream gave no SHA-256."""
    uploaded_at: Instant | None = None
    """The file's own upload time (PEP 700); None when the upstream gave none."""
    yanked: bool = False
    yanked_reason: str = ""
    listed_upstream: bool = True
    """False when upstream no longer lists the file and we serve our stored copy."""
    delivered_before: bool = False
    """Whether this very sha256 was delivered under `allow` before."""
    vetting: VettingFacts | None = None
    """None when the file has never been vetted, which is not the same as a verdict `unknown`."""
    provenance: ProvenanceFacts | None = None
    """None when the project's upstream says nothing about attestations at all."""
    fresh_dependencies: tuple[FreshDependency, ...] | None = None
    """None when the release's dependencies have not been compared with its predecessor's."""
    waiver: WaiverFacts | None = None

    @property
    def distribution(self) -> Distribution | None:
        """Project, version and kind told by the file name; None when it fits no standard.

        Parsed at each call: rules that ask for thousands of files use `spelling.VersionReader`.
        """
        return parse_distribution_filename(self.filename, project=self.project)
