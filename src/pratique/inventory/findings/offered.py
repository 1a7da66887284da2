"""What a door says of the pins: held, hidden, denied, not offered, other content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pratique.inventory.findings.pins import subject_of
from pratique.inventory.findings.rules import (
    DENIED,
    HASH_MISMATCH,
    HELD,
    HIDDEN,
    NOT_OFFERED,
    Finding,
    found,
)
from pratique.inventory.model import Location, LockDocument, LockedFile, LockedPackage
from pratique.inventory.offers import Answers, NoSuchProject, Offer, OfferedFile, Unanswered
from pratique.policy.model import Outcome
from pratique.values.names import ProjectName, parse_distribution_filename

_RULE_OF = {Outcome.HOLD: HELD, Outcome.HIDE: HIDDEN, Outcome.DENY: DENIED}


@dataclass(frozen=True, slots=True)
class _Match:
    """A locked file and what the door offers under its name or its hash."""

    locked: LockedFile | None
    offered: OfferedFile


def door_findings(document: LockDocument, answers: Answers) -> Iterator[Finding]:
    """Compare every pin from an index with the door's page of its project."""
    for package in document.packages:
        answer = answers.get(package.name)
        if not (package.from_index and package.pinned) or document.constraints:
            continue
        match answer:
            case None | Unanswered():
                continue
            case NoSuchProject():
                yield _absent(document, package, "the door has no such project", package.location)
            case Offer():
                yield from _compare(document, package, answer)


def unanswered(answers: Answers) -> dict[ProjectName, str]:
    """Projects that the door gave no usable answer for, with the reason."""
    return {n: a.reason for n, a in answers.items() if isinstance(a, Unanswered)}


def _compare(document: LockDocument, package: LockedPackage, offer: Offer) -> Iterator[Finding]:
    release = _files_of_release(package, offer)
    if not release:
        yield _absent(document, package, "none of its files is on the door's page", None)
        return
    if not package.files:
        yield from _blocked(document, package, [_Match(None, file) for file in release])
    elif all(file.filename for file in package.files):
        yield from _compare_names(document, package, offer)
    else:
        yield from _compare_hashes(document, package, release)


def _compare_names(
    document: LockDocument, package: LockedPackage, offer: Offer
) -> Iterator[Finding]:
    by_name = {file.filename: file for file in offer.files}
    matches: list[_Match] = []
    missing: list[LockedFile] = []
    for locked in package.files:
        offered = by_name.get(locked.filename)
        if offered is None:
            missing.append(locked)
        elif locked.sha256 and offered.sha256 and locked.sha256 != offered.sha256:
            yield _other_content(document, package, locked, offered)
        else:
            matches.append(_Match(locked, offered))
    if missing:
        names = ", ".join(file.filename for file in missing[:3])
        tail = f" and {len(missing) - 3} more" if len(missing) > 3 else ""  # noqa: PLR2004 - three names fit a line
        yield _absent(
            document, package, f"not on the door's page: {names}{tail}", missing[0].location
        )
    yield from _blocked(document, package, matches)


def _compare_hashes(
    document: LockDocument, package: LockedPackage, release: tuple[OfferedFile, ...]
) -> Iterator[Finding]:
    by_hash = {file.sha256: file for file in release if file.sha256}
    wanted = [file for file in package.files if file.sha256]
    matches = [_Match(file, by_hash[file.sha256]) for file in wanted if file.sha256 in by_hash]
    missing = [file for file in wanted if file.sha256 not in by_hash]
    if missing and not matches and by_hash:
        yield found(
            HASH_MISMATCH,
            path=document.path,
            location=missing[0].location,
            subject=subject_of(package),
            message=f"none of the hashes of {subject_of(package)} belongs to a file that the door offers",
        )
    elif missing:
        hashes = f"{len(missing)} of {len(wanted)} hashes belong to no file on the door's page"
        yield _absent(document, package, hashes, missing[0].location)
    yield from _blocked(document, package, matches)


def _files_of_release(package: LockedPackage, offer: Offer) -> tuple[OfferedFile, ...]:
    """The door's files of the pinned version; files of an unreadable version never match."""
    wanted = {file.filename for file in package.files if file.filename}
    release: list[OfferedFile] = []
    for file in offer.files:
        if file.filename in wanted:
            release.append(file)
        elif package.version is not None and package.raw_version:
            told = parse_distribution_filename(file.filename, project=package.name)
            if told is not None and told.version == package.version:
                release.append(file)
    return tuple(release)


def _blocked(
    document: LockDocument, package: LockedPackage, matches: Iterable[_Match]
) -> Iterator[Finding]:
    """One finding per outcome and rule, however many wheels a release has."""
    groups: dict[tuple[Outcome, str, str, str], list[_Match]] = defaultdict(list)
    for match in matches:
        offered = match.offered
        if offered.outcome is not Outcome.ALLOW:
            key = (offered.outcome, offered.rule, offered.until, offered.reason)
            groups[key].append(match)
    for (outcome, rule, until, reason), members in groups.items():
        first = members[0]
        when = f" until {until}" if until else ""
        why = f": {reason}" if reason else ""
        count = f"{len(members)} file{'' if len(members) == 1 else 's'} of {subject_of(package)}"
        block = f" [block {first.offered.block}]" if first.offered.block else ""
        yield found(
            _RULE_OF[outcome],
            path=document.path,
            location=first.locked.location if first.locked else package.location,
            subject=subject_of(package),
            count=len(members),
            message=f"{count}: {_WORD[outcome]} by rule {rule or '?'}{when}{why}{block}",
        )


_WORD = {Outcome.HOLD: "held", Outcome.HIDE: "hidden", Outcome.DENY: "denied"}


def _absent(
    document: LockDocument, package: LockedPackage, why: str, location: Location | None
) -> Finding:
    return found(
        NOT_OFFERED,
        path=document.path,
        location=location or package.location,
        subject=subject_of(package),
        message=f"{subject_of(package)}: {why}",
    )


def _other_content(
    document: LockDocument, package: LockedPackage, locked: LockedFile, offered: OfferedFile
) -> Finding:
    return found(
        HASH_MISMATCH,
        path=document.path,
        location=locked.location,
        subject=subject_of(package),
        message=f"{locked.filename} is sha256:{locked.sha256} in the lock,"
        f" sha256:{offered.sha256} at the door",
    )
