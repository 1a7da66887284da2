"""The whole check: documents, launches and a door's answers in, a report out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pratique.inventory.addresses import DoorAddress
from pratique.inventory.errors import LockError
from pratique.inventory.findings.duplicates import constrained_names, stale_duplicates
from pratique.inventory.findings.foreign import foreign_addresses
from pratique.inventory.findings.launched import launch_findings
from pratique.inventory.findings.offered import door_findings, unanswered
from pratique.inventory.findings.pins import unreadable_entries, weak_pins
from pratique.inventory.findings.rules import UNREADABLE, Finding, Severity, found, in_order
from pratique.inventory.findings.sources import unindexed_packages
from pratique.inventory.launches.model import Launch
from pratique.inventory.model import Location, LockDocument
from pratique.inventory.offers import Answers
from pratique.values.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What has been read."""

    documents: tuple[LockDocument, ...] = ()
    launches: Mapping[str, tuple[Launch, ...]]
    """By path of the configuration file; files without a launch are there too, with none."""
    failures: tuple[LockError, ...] = ()
    """Files that could not be read at all."""
    skipped: tuple[str, ...] = ()
    """What was left out on the way, as sentences: folders too deep, includes not found …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the check found, and what it could not say."""

    findings: tuple[Finding, ...]
    not_checked: tuple[str, ...]
    """Sentences; an empty tuple means that everything asked for was checked."""
    asked_door: bool
    door: str
    """Address that URLs were compared with; empty when there was none."""
    incomplete: bool
    """Whether something that was asked for could not be had: an include, a folder, a door's page."""
    locks: int
    configurations: int
    packages: int

    @property
    def bad(self) -> bool:
        """Whether a finding other than a note was made about something that could be read."""
        return any(
            finding.severity is not Severity.NOTE and finding.rule is not UNREADABLE
            for finding in self.findings
        )

    @property
    def unknown(self) -> bool:
        """Whether something that was asked for could not be examined."""
        return self.incomplete or any(finding.rule is UNREADABLE for finding in self.findings)


def names_to_ask(documents: Iterable[LockDocument]) -> tuple[ProjectName, ...]:
    """The projects that a door has to be asked about, each once."""
    return tuple(
        sorted(
            {
                package.name
                for document in documents
                if not document.constraints
                for package in document.packages
                if package.from_index and package.pinned
            }
        )
    )


def check(material: Material, *, door: DoorAddress | None, answers: Answers | None) -> Report:
    """Apply every rule.

    `door` is the address that URLs are compared with; `answers` is None when it was not asked.
    """
    findings = list(_of_files(material, door))
    for document in material.documents:
        findings.extend(_of_document(document, material.documents, door))
        if answers is not None:
            findings.extend(door_findings(document, answers))
    findings.extend(stale_duplicates(material.documents))
    return Report(
        findings=in_order(findings),
        not_checked=tuple(_not_checked(material, door, answers)),
        asked_door=answers is not None,
        door=door.base if door else "",
        incomplete=bool(material.skipped or (answers and unanswered(answers))),
        locks=len(material.documents),
        configurations=len(material.launches),
        packages=sum(len(document.packages) for document in material.documents),
    )


def _of_files(material: Material, door: DoorAddress | None) -> Iterator[Finding]:
    for failure in material.failures:
        yield found(
            UNREADABLE,
            path=failure.path,
            location=Location(line=max(failure.line, 1)),
            message=failure.reason,
            remedy=failure.remedy,
        )
    for path, launches in material.launches.items():
        yield from launch_findings(path, launches, door)


def _of_document(
    document: LockDocument, documents: Sequence[LockDocument], door: DoorAddress | None
) -> Iterator[Finding]:
    yield from unreadable_entries(document)
    yield from weak_pins(document, constrained=constrained_names(document, documents))
    yield from unindexed_packages(document, door)
    if door is not None:
        yield from foreign_addresses(document, door)


def _not_checked(
    material: Material, door: DoorAddress | None, answers: Answers | None
) -> Iterator[str]:
    if door is None:
        yield "which addresses bypass the door (no door was named)"
    if answers is None:
        yield "what is held, hidden, denied or changed (no door was asked)"
    else:
        reasons: dict[str, list[ProjectName]] = {}
        for name, reason in unanswered(answers).items():
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            some = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004 - three names fit a line
            yield f"{len(names)} project(s) at the door, {some}: {reason}"
    yield from material.skipped
