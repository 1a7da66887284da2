"""From what a person typed to the files that are vetted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from pratique.doors.cli.lock_files import gather
from pratique.doors.index.locate import Located
from pratique.doors.vet_desk import (
    ARCHIVE_SUFFIXES,
    Against,
    Desk,
    Examined,
    archives_in,
    usual_files,
)
from pratique.doors.vet_siblings import sdists_first
from pratique.errors import InputError, PratiqueError
from pratique.values.names import ProjectName, parse_project_name, parse_version

Job = tuple[str, "Located | Path", Against]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One release, and the hashes that a lock file admits."""

    target: str
    project: ProjectName
    version: Version
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was named, in order."""

    items: tuple[Wanted | tuple[str, Path], ...]
    unread: tuple[tuple[str, str], ...] = ()
    """Targets, or parts of them, with why they cannot be vetted."""

    @property
    def files(self) -> int:
        """How many files at least are going to be vetted, so how many workers are of use."""
        return max(1, len(self.items))

    async def resolve(
        self, desk: Desk, against: Against, *, every_file: bool
    ) -> tuple[Sequence[Job], Sequence[Examined]]:
        """The files, and what could not be found."""
        jobs: list[Job] = []
        failed = [Examined(target=t, filename=t, problem=why) for t, why in self.unread]
        for item in self.items:
            if isinstance(item, tuple):
                target, path = item
                jobs.append((target, path, against))
                continue
            try:
                found = await desk.find(item.project, item.version, digests=item.digests)
            except PratiqueError as error:
                failed.append(
                    Examined(target=item.target, filename=item.target, problem=str(error))
                )
                continue
            chosen = found if every_file else usual_files(found)
            jobs += [(item.target, one, against) for one in chosen]
        jobs = sdists_first(jobs, _name_of)
        return jobs, failed


def _name_of(job: Job) -> str:
    what = job[1]
    return what.name if isinstance(what, Path) else what.file.filename


def plan_targets(targets: Sequence[str]) -> Plan:
    """Read what was typed.

    Raises: InputError when a target is nothing that can be vetted.
    """
    items: list[Wanted | tuple[str, Path]] = []
    unread: list[tuple[str, str]] = []
    for target in targets:
        path = Path(target)
        if path.is_dir():
            inside = archives_in(path)
            items += [(str(one), one) for one in inside] or [(target, path)]
        elif path.exists() and path.name.endswith(ARCHIVE_SUFFIXES):
            items.append((target, path))
        elif path.exists():
            wanted, left = _pins(target, path)
            items += wanted
            unread += left
        elif "==" in target:
            items.append(_release(target))
        else:
            raise InputError(
                f"nothing to vet: {target[:120]!r}",
                expected="NAME==VERSION, a wheel or sdist, a folder, or a lock file",
                remedy="look whether the path exists, or add the version",
            )
    return Plan(items=tuple(items), unread=tuple(unread))


def _release(text: str) -> Wanted:
    name, _, version = text.partition("==")
    return Wanted(
        target=text,
        project=parse_project_name(name.strip()),
        version=parse_version(version.strip()),
    )


def _pins(target: str, path: Path) -> tuple[list[Wanted], list[tuple[str, str]]]:
    """Every pin of a lock file once, and what in it cannot be vetted.

    Raises: LockError when it is no lock file.
    """
    wanted: dict[tuple[ProjectName, Version], Wanted] = {}
    unread: list[tuple[str, str]] = []
    gathering = gather([path])
    for failure in gathering.failures:
        raise failure
    for document in gathering.documents.values():
        for package in document.packages:
            where = f"{document.path}:{package.location.line} {package.raw_name}"
            if not package.from_index or package.version is None:
                unread.append((where, "not a pinned release of an index"))
                continue
            release = f"{package.name}=={package.version}"
            wanted.setdefault(
                (package.name, package.version),
                Wanted(
                    target=release,
                    project=package.name,
                    version=package.version,
                    digests=frozenset(str(f.sha256) for f in package.files if f.sha256),
                ),
            )
    if not wanted and not unread:
        raise InputError(f"{target} pins nothing", expected="a lock file with pinned releases")
    return list(wanted.values()), unread
