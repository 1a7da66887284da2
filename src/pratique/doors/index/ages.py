"""How old projects are, as their pages tell."""

from __future__ import annotations

from pratique.doors.index.pages import PageService
from pratique.doors.index.surroundings import new_dependency
from pratique.errors import PratiqueError
from pratique.values.instants import Instant
from pratique.values.names import ProjectName, parse_project_name
from pratique.vet.exchange import BaseFacts, Vetted
from pratique.vet.facts import decode_release
from pratique.vet.model import NewDependency
from pratique.vet.release.rules.added_dependency import added_projects

_MOST = 30
"""Pages asked for one release; honest ones gain a handful of dependencies."""


async def first_upload(pages: PageService, index: str, project: ProjectName) -> Instant | None:
    """The earliest upload on a project's page; None when there is no page, or no time on it."""
    described = await pages.describe(index, project)
    if described is None:
        return None
    times = [f.uploaded_at for f in described.files if f.uploaded_at is not None]
    return min(times, default=None)


async def new_dependencies(
    pages: PageService, index: str, vetted: Vetted, base: BaseFacts | None, *, now: Instant
) -> tuple[NewDependency, ...]:
    """What a vetted release requires and its base did not, each with its age.

    A page that cannot be had leaves its project out: nothing is known of it.
    """
    after = decode_release(vetted.release)
    before = decode_release(base.release) if base is not None else None
    if after is None or before is None:
        return ()
    found = []
    for name in added_projects(after.metadata, before.metadata)[:_MOST]:
        try:
            uploaded = await first_upload(pages, index, parse_project_name(name))
        except PratiqueError:
            continue
        found.append(new_dependency(name, uploaded, now))
    return tuple(found)
