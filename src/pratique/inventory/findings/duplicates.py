"""Lock files of one project that disagree: CI may be installing from the one nobody updates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pratique.inventory.findings.pins import subject_of
from pratique.inventory.findings.rules import STALE_DUPLICATE, Finding, found
from pratique.inventory.model import LockDocument, LockedPackage, LockKind, same_release
from pratique.values.names import ProjectName

_RANK = {kind: rank for rank, kind in enumerate(LockKind)}
_REQUIREMENT_FOLDERS = frozenset({"requirements", "requirement", "reqs", "constraints"})


def stale_duplicates(documents: Iterable[LockDocument]) -> Iterator[Finding]:
    """Pins that differ from those of the project's leading lock file.

    The leading file is the one that a tool maintains: uv.lock before poetry.lock before … before
    requirements. A version that it also has (for another platform, say) is no disagreement.
    """
    projects: dict[str, list[LockDocument]] = defaultdict(list)
    for document in documents:
        projects[_project_folder(document.path)].append(document)
    for found_together in projects.values():
        ordered = sorted(found_together, key=lambda doc: (_RANK[doc.kind], doc.path))
        leader, others = ordered[0], ordered[1:]
        pins = _pins(leader)
        for other in others:
            yield from _disagreements(leader, pins, other)


def _disagreements(
    leader: LockDocument, pins: dict[ProjectName, list[LockedPackage]], other: LockDocument
) -> Iterator[Finding]:
    for package in other.packages:
        theirs = pins.get(package.name, [])
        if not theirs or not _is_pin(package):
            continue
        if any(same_release(package, mine) for mine in theirs):
            continue
        versions = ", ".join(dict.fromkeys(mine.raw_version for mine in theirs))
        yield found(
            STALE_DUPLICATE,
            path=other.path,
            location=package.location,
            subject=subject_of(package),
            message=f"pins {subject_of(package)}, but {_name(leader)} beside it pins {versions}",
        )


def _pins(document: LockDocument) -> dict[ProjectName, list[LockedPackage]]:
    pins: dict[ProjectName, list[LockedPackage]] = defaultdict(list)
    for package in document.packages:
        if _is_pin(package):
            pins[package.name].append(package)
    return pins


def _is_pin(package: LockedPackage) -> bool:
    return package.from_index and package.pinned and bool(package.raw_version)


def _project_folder(path: str) -> str:
    folder = path.rpartition("/")[0]
    parent, _, last = folder.rpartition("/")
    return parent if last in _REQUIREMENT_FOLDERS else folder


def _name(document: LockDocument) -> str:
    return document.path.rpartition("/")[2]


def constrained_names(
    document: LockDocument, documents: Sequence[LockDocument]
) -> frozenset[ProjectName]:
    """Names that the constraints files read by a document pin to one version."""
    wanted = {resolve(document.path, inc.path) for inc in document.includes if inc.constraint}
    return frozenset(
        package.name
        for other in documents
        if other.path in wanted
        for package in other.packages
        if package.pinned
    )


def resolve(including: str, included: str) -> str:
    """Path of an included file, seen from where the including file's path is seen."""
    if included.startswith("/"):
        return included
    parts = including.split("/")[:-1]
    for part in included.replace("\\", "/").split("/"):
        if part == ".." and parts and parts[-1] not in {"", ".."}:
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
