"""Packages that no index is asked for: the door never sees them."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.inventory.addresses import DoorAddress
from pratique.inventory.findings.pins import subject_of
from pratique.inventory.findings.rules import (
    DIRECT_URL,
    LOCAL_PATH,
    VCS,
    Finding,
    Severity,
    found,
)
from pratique.inventory.model import LockDocument, LockedPackage, SourceKind

_PROJECT_ITSELF = {"", ".", "./"}


def unindexed_packages(document: LockDocument, door: DoorAddress | None) -> Iterator[Finding]:
    """Packages taken from an address, a repository or a path."""
    for package in document.packages:
        match package.source.kind:
            case SourceKind.URL if door is None or not door.serves(package.source.url):
                yield _direct(document, package)
            case SourceKind.VCS:
                yield _repository(document, package)
            case SourceKind.PATH if package.source.url not in _PROJECT_ITSELF:
                yield found(
                    LOCAL_PATH,
                    path=document.path,
                    location=package.source.location or package.location,
                    subject=subject_of(package),
                    message=f"{subject_of(package)} is installed from {package.source.url}",
                )
            case _:
                pass


def _direct(document: LockDocument, package: LockedPackage) -> Finding:
    hashed = bool(package.files) and all(file.sha256 for file in package.files)
    tail = "" if hashed else " and has no SHA-256"
    return found(
        DIRECT_URL,
        path=document.path,
        location=package.source.location or package.location,
        severity=Severity.WARNING if hashed else Severity.ERROR,
        subject=subject_of(package),
        message=f"{subject_of(package)} is fetched from {package.source.url}{tail}",
    )


def _repository(document: LockDocument, package: LockedPackage) -> Finding:
    commit = package.source.commit
    state = f"at commit {commit[:12]}" if commit else "at a branch or tag that can be moved"
    return found(
        VCS,
        path=document.path,
        location=package.source.location or package.location,
        severity=Severity.NOTE if commit else Severity.ERROR,
        subject=subject_of(package),
        message=f"{subject_of(package)} is built from {package.source.url} {state}",
        remedy="publish a release on an index behind the door" if commit else "",
    )
