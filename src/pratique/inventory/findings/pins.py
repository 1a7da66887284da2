"""Pins that are none: a range, a version without a hash, a hash that can be forged."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.inventory.findings.rules import (
    UNHASHED,
    UNPINNED,
    UNREADABLE,
    WEAK_HASH,
    Finding,
    found,
)
from pratique.inventory.model import LockDocument, LockedPackage
from pratique.values.names import ProjectName

_STRONG = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b"})


def weak_pins(document: LockDocument, *, constrained: frozenset[ProjectName]) -> Iterator[Finding]:
    """Entries that more than one content can satisfy.

    `constrained` are the names that a constraints file read by this document pins.
    A constraints file itself installs nothing, so its ranges are not reported.
    """
    if document.constraints:
        return
    for package in document.packages:
        if not package.from_index:
            continue
        if not package.pinned and package.name not in constrained:
            yield _unpinned(document, package)
        elif not package.hashed:
            yield _unhashed(document, package)
        else:
            yield from _weak(document, package)


def unreadable_entries(document: LockDocument) -> Iterator[Finding]:
    """Entries that the reader had to leave out."""
    for defect in document.defects:
        yield found(UNREADABLE, path=document.path, location=defect.location, message=defect.reason)


def _unpinned(document: LockDocument, package: LockedPackage) -> Finding:
    wanted = package.raw_version or "any version"
    return found(
        UNPINNED,
        path=document.path,
        location=package.location,
        subject=package.raw_name,
        message=f"{package.raw_name} may be {wanted}: whatever is newest will be installed",
    )


def _unhashed(document: LockDocument, package: LockedPackage) -> Finding:
    bare = sum(1 for file in package.files if not (file.sha256 or file.other_hashes))
    what = f"{bare} of its {len(package.files)} files have" if package.files else "it has"
    return found(
        UNHASHED,
        path=document.path,
        location=package.location,
        subject=subject_of(package),
        message=f"{subject_of(package)} is named, but {what} no hash: any file of that version fits",
    )


def _weak(document: LockDocument, package: LockedPackage) -> Iterator[Finding]:
    for file in package.files:
        if file.sha256 or any(name in _STRONG for name, _digest in file.other_hashes):
            continue
        names = ", ".join(sorted({name for name, _digest in file.other_hashes}))
        yield found(
            WEAK_HASH,
            path=document.path,
            location=file.location,
            subject=subject_of(package),
            message=f"{file.filename or subject_of(package)} is hashed with {names} only",
        )


def subject_of(package: LockedPackage) -> str:
    """Project and version as the file spells them."""
    return f"{package.raw_name} {package.raw_version}".strip()
