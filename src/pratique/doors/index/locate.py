"""From a path below `/{index}/packages/` to the file on its project's page.

The path is the upstream's own, so it does not name the project; the file name does, and a few
readings are tried where old names are ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from pratique.doors.index.pages import Described, PageService
from pratique.errors import ValueFormatError
from pratique.index.model import PageFile
from pratique.policy.model import Decision, FileFacts
from pratique.values.names import ProjectName, is_safe_filename, parse_project_name

_MAX_READINGS = 4
_SUFFIX = re.compile(
    r"\.(?:tar\.(?:gz|bz2|xz|z)|tgz|tar|zip|whl|egg|exe|msi|rpm|deb|dmg)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A file, found on the page that was just decided."""

    described: Described
    position: int

    @property
    def file(self) -> PageFile:
        """The file as the page has it."""
        return self.described.files[self.position]

    @property
    def facts(self) -> FileFacts:
        """What is known of it."""
        return self.described.facts[self.position]

    @property
    def decision(self) -> Decision:
        """What was decided of it."""
        return self.described.decisions[self.position]


def candidate_projects(filename: str) -> Iterator[ProjectName]:
    """Projects that a file of this name may belong to, likeliest first.

    Source: PEP 427 (a wheel's first component), PEP 625 (a source archive's all but last
    component); older archives may have dashes in their version, so shorter names are tried too.
    """
    if not is_safe_filename(filename) or _SUFFIX.search(filename) is None:
        return
    stem = _SUFFIX.sub("", filename)
    dashes = [m.start() for m in re.finditer("-", stem)]
    cuts = dashes[:1] if filename.endswith(".whl") else list(reversed(dashes))
    seen: set[str] = set()
    for cut in cuts[:_MAX_READINGS]:
        name = canonicalize_name(stem[:cut])
        if name in seen:
            continue
        seen.add(name)
        try:
            yield parse_project_name(name)
        except ValueFormatError:
            continue


async def locate(pages: PageService, index: str, path: str, *, asset: str) -> Located | None:
    """Find the file at a path; None when no page of this index lists or keeps it there.

    `path` is unquoted. Raises: as `PageService.describe`.
    """
    filename = path.rpartition("/")[2]
    for project in candidate_projects(filename):
        described = await pages.describe(index, project, asset=asset)
        if described is None:
            continue
        position = described.by_path.get(path)
        if position is not None:
            return Located(described=described, position=position)
    return None
