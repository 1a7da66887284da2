"""What the index tells around a file that is vetted: how long the project is known, what came before.

Pure: a page as it was decided goes in, a `Context` comes out. Earlier releases and the project's
age are as of the file's own upload, so that an old look-alike that nobody removed does not become
established by lying there.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace
from packaging.version import Version

from pratique.doors.index.gather import Gathered
from pratique.policy.model import FileFacts
from pratique.policy.rules.provenance import regression
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import DistributionKind
from pratique.vet.model import Context, NewDependency, ProvenanceChange

_SDIST_SUFFIXES = (".tar.gz", ".zip")
"""Asked before names are parsed: pages have thousands of wheels."""


def context_of_file(facts: FileFacts, *, base: str = "") -> Context:
    """What the door knows around a file whose page is not at hand."""
    own = facts.distribution
    return Context(
        project=facts.project,
        version=str(own.version) if own else "",
        first_release=False if base else None,
        base=base,
    )


def context_around(page: Gathered, position: int, *, now: Instant, base: str = "") -> Context:
    """What the page tells around one of its files, and what was learned of it."""
    facts = page.facts[position]
    own = facts.distribution
    context = context_of_file(facts, base=base)
    before = _releases_before(page, position, own.version) if own else None
    return replace(
        context,
        first_release=context.first_release if before is None else before == 0,
        releases_before=before,
        dependencies=_dependencies(facts, now),
        provenance=_provenance(facts),
        project_age_days=_project_age_days(page, position),
    )


def _dependencies(facts: FileFacts, now: Instant) -> tuple[NewDependency, ...]:
    """As the rule `new-dependency` knows them."""
    return tuple(
        new_dependency(one.project, one.first_upload, now) for one in facts.fresh_dependencies or ()
    )


def new_dependency(project: str, first_upload: Instant | None, now: Instant) -> NewDependency:
    """A dependency with its age as of now: time in which others could have looked at it."""
    age = None if first_upload is None else max(0, (now - first_upload).days)
    return NewDependency(project=project, age_days=age)


def _provenance(facts: FileFacts) -> ProvenanceChange | None:
    """What got worse, in the words of the rule `provenance`."""
    worse = regression(facts.provenance)
    if not worse or facts.provenance is None:
        return None
    return ProvenanceChange(lost=not facts.provenance.attested, sentence=worse)


def sdists_beside(page: Gathered, position: int) -> Iterator[Sha256]:
    """For a wheel, the sdists of its release."""
    own = page.facts[position].distribution
    if own is None or own.kind is not DistributionKind.WHEEL:
        return
    for file, facts in zip(page.files, page.facts, strict=True):
        if file.sha256 is None or not file.filename.endswith(_SDIST_SUFFIXES):
            continue
        theirs = facts.distribution
        if theirs is not None and theirs.version == own.version:
            yield file.sha256


def _releases_before(page: Gathered, position: int, own: Version) -> int:
    """Other versions on the page that were there when the file came.

    Where the index tells no upload times, the order of versions is all there is.
    """
    first: dict[Version, Instant | None] = {}
    for file, facts in zip(page.files, page.facts, strict=True):
        theirs = facts.distribution
        if theirs is None or theirs.version == own:
            continue
        known, uploaded = first.get(theirs.version), file.uploaded_at
        first[theirs.version] = min(known, uploaded) if known and uploaded else known or uploaded
    came = page.files[position].uploaded_at
    if came is None or None in first.values():
        return sum(version < own for version in first)
    return sum(time is not None and time < came for time in first.values())


def _project_age_days(page: Gathered, position: int) -> int | None:
    """Days from the project's first upload to the file's; None where the index tells no times."""
    came = page.files[position].uploaded_at
    if came is None:
        return None
    times = (file.uploaded_at for file in page.files)
    return (came - min(time for time in times if time is not None)).days
