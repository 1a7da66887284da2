"""Every way a file can stand with policy, one project each, for tests that walk all of them.

Each case is a project `case-NAME` with an old, good 1.0 and the file in question, 2.0. What must
become of 2.0 is written here by hand, never asked of the code under test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit.distributions import make_wheel
from kit.upstream import FakeFile, FakeUpstream

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=60)
FRESH = NOW - timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to stand with policy."""

    name: str
    outcome: str
    """`allow`, `hide`, `hold` or `deny`."""
    rule: str = ""
    """The rule that must have decided; empty when the outcome alone counts."""
    says: str = ""
    """Words that the reason must contain."""
    uploaded: datetime | None = OLD
    upstream: dict[str, Any] = field(default_factory=dict)
    """Arguments of `FakeUpstream.add_file` for 2.0."""
    status: str = ""
    """Status marker of the project."""
    deny: str = ""
    """Lines of a `[[deny]]` table beyond its project."""
    advisory: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""
    waiver: str = ""
    """`plain`, `deny` (opens a deny too), `expired`, `revoked` or `other-index`."""

    @property
    def project(self) -> str:
        """Its project."""
        return f"case-{self.name}"

    @property
    def passes(self) -> bool:
        """Whether its bytes may flow."""
        return self.outcome in {"allow", "hide"}

    @property
    def listed(self) -> bool:
        """Whether pages list it."""
        return self.outcome != "deny"


def _osv(identifier: str, **affected: Any) -> dict[str, Any]:
    return {"id": identifier, "modified": "2026-06-15T00:00:00Z", "affected": [affected]}


def _fix(identifier: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]
    return {**_osv(identifier, ranges=ranges), "database_specific": {"github_reviewed": True}}


def _provenance(mark: str) -> dict[str, Any]:
    """An attestation that nobody verifies here (PEP 740 "provenance object")."""
    publisher = {"kind": "GitHub", "repository": "example/case", "workflow": "release.yml"}
    return {
        "version": 1,
        "attestation_bundles": [{"publisher": publisher, "attestations": [{"note": mark}]}],
    }


CASES: tuple[Case, ...] = (
    Case(name="allowed", outcome="allow"),
    Case(name="yanked", outcome="allow", upstream={"yanked": "broken on Tuesdays"}),
    Case(
        name="hidden",
        outcome="hide",
        rule="deny-list",
        says="use 1.0 instead",
        deny='versions = "==2.0"\noutcome = "hide"\nreason = "use 1.0 instead"',
    ),
    Case(name="fresh", outcome="hold", rule="cool-down", says="cool-down until", uploaded=FRESH),
    Case(
        name="held",
        outcome="hold",
        rule="deny-list",
        says="under review",
        deny='versions = "==2.0"\noutcome = "hold"\nreason = "under review"',
    ),
    Case(
        name="denied",
        outcome="deny",
        rule="deny-list",
        says="known to be bad",
        deny='versions = "==2.0"\nreason = "known to be bad"',
    ),
    Case(name="timeless", outcome="hold", rule="cool-down", says="no upload time", uploaded=None),
    Case(name="hashless", outcome="hold", rule="missing-hash", upstream={"hashes": {}}),
    Case(
        name="pulled",
        outcome="deny",
        rule="yanked",
        upstream={"yanked": "compromised by malware"},
    ),
    Case(name="quarantined", outcome="hold", rule="quarantined", status="quarantined"),
    Case(
        name="malware",
        outcome="deny",
        rule="advisory",
        says="MAL-2026-1",
        advisory=_osv("MAL-2026-1", versions=["2.0"]),
    ),
    Case(name="malicious", outcome="deny", rule="verdict", verdict="malicious"),
    Case(name="suspicious", outcome="hold", rule="verdict", verdict="suspicious"),
    Case(name="unread", outcome="hold", rule="verdict", verdict="unknown"),
    Case(name="unvetted", outcome="allow"),
    Case(
        name="fix-unvetted",
        outcome="hold",
        rule="cool-down",
        uploaded=NOW - timedelta(hours=8),
        advisory=_fix("GHSA-aaaa-bbbb-cccc"),
    ),
    Case(
        name="fix-clean",
        outcome="allow",
        uploaded=NOW - timedelta(hours=8),
        advisory=_fix("GHSA-dddd-eeee-ffff"),
        verdict="clean",
    ),
    Case(name="waived", outcome="allow", uploaded=FRESH, waiver="plain"),
    Case(name="waived-late", outcome="hold", uploaded=FRESH, waiver="expired"),
    Case(name="waived-back", outcome="hold", uploaded=FRESH, waiver="revoked"),
    Case(name="waived-away", outcome="hold", uploaded=FRESH, waiver="other-index"),
    Case(
        name="waived-denied",
        outcome="deny",
        rule="deny-list",
        waiver="plain",
        deny='versions = "==2.0"\nreason = "known to be bad"',
    ),
    Case(
        name="waived-expressly",
        outcome="allow",
        waiver="deny",
        deny='versions = "==2.0"\nreason = "bad, but needed for the analysis"',
    ),
)

CASES_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A case's file 2.0 as published."""

    case: Case
    file: FakeFile
    sha256: str
    marker: bytes
    """Bytes that stand uncompressed in the file and nowhere else."""
    metadata_marker: bytes
    provenance_marker: bytes

    @property
    def filename(self) -> str:
        """Its name."""
        return self.file.filename

    @property
    def door_path(self) -> str:
        """Its path below `/{index}/`."""
        return self.file.path.lstrip("/")


def publish(upstream: FakeUpstream, case: Case) -> Published:
    """Put a case's project on the upstream."""
    import zipfile  # noqa: PLC0415 - for one constant

    seed = hashlib.sha256(case.name.encode()).hexdigest()
    marker, metadata_marker = f"payload-{seed}".encode(), f"summary-{seed}".encode()
    provenance_marker = f"attested-{seed}".encode()
    upstream.add_file(
        case.project, *make_wheel(case.project, "1.0"), upload_time=OLD, core_metadata=True
    )
    package = case.project.replace("-", "_")
    filename, content = make_wheel(
        case.project,
        "2.0",
        files={f"{package}/__init__.py": marker},
        metadata_extra=f"Summary: {metadata_marker.decode()}",
        compression=zipfile.ZIP_STORED,
    )
    file = upstream.add_file(
        case.project,
        filename,
        content,
        upload_time=case.uploaded,
        core_metadata=True,
        **{"provenance": _provenance(provenance_marker.decode()), **case.upstream},
    )
    if case.status:
        upstream.set_status(case.project, case.status)
    return Published(
        case=case,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        marker=marker,
        metadata_marker=metadata_marker,
        provenance_marker=provenance_marker,
    )


def policy_of(cases: tuple[Case, ...], *, head: str = "") -> str:
    """The policy file that makes the cases what they are."""
    denies = "".join(
        f'\n[[deny]]\nprojects = ["{case.project}"]\n{case.deny}\n' for case in cases if case.deny
    )
    return f'{head}\n[advisory]\npaths = ["advisories"]\n{denies}'


def write_advisories(home: Path, cases: tuple[Case, ...]) -> None:
    """Write the cases' OSV records below home."""
    folder = home / "advisories"
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        if not case.advisory:
            continue
        record = json.loads(json.dumps(case.advisory))
        for affected in record["affected"]:
            affected["package"] = {"ecosystem": "PyPI", "name": case.project}
        (folder / f"{record['id']}.json").write_text(json.dumps(record), "utf-8")


Prepare = Callable[[Published], None]
