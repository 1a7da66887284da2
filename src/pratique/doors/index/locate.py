"""From a path below `/{index}/packages/` to the file on its project's page.

The path is the upstream's own, so it does not name the project; the file name does, and a few
readings are tried where old names are ambiguous.
"""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from packaging.utils import canonicalize_name

from pratique.doors.index.pages import Described, PageService
from pratique.errors import ValueFormatError
from pratique.index.model import PageFile
from pratique.policy.model import Decision, FileFacts
from pratique.values.names import ProjectName, is_safe_filename, parse_project_name

_MAX_READINGS = 4
_FOUND_KEPT = 4_000
"""Files kept with their decision (about 2 kB each): a resolver asks for the metadata of every
release it looks at, and reading a page of thousands of files for each would cost more than all
else together."""
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


class Finder:
    """Finds files by path, and keeps those found while their decision holds. On one event loop."""

    def __init__(self, pages: PageService) -> None:
        self._pages = pages
        self._found: OrderedDict[tuple[str, str, str], Located] = OrderedDict()

    async def locate(self, index: str, path: str, *, asset: str) -> Located | None:
        """Find the file at a path; None when no page of this index lists or keeps it there.

        `path` is unquoted. Raises: as `PageService.describe`.
        """
        key = (index, path, self._pages.audience(asset))
        kept = self._found.get(key)
        if kept is not None and self._pages.is_current(kept.described.currency):
            self._found.move_to_end(key)
            return kept
        self._found.pop(key, None)
        filename = path.rpartition("/")[2]
        for project in candidate_projects(filename):
            described = await self._pages.describe(index, project, asset=asset)
            if described is None:
                continue
            position = described.by_path.get(path)
            if position is not None:
                return self._keep(key, described, position)
        return None

    def _keep(self, key: tuple[str, str, str], described: Described, position: int) -> Located:
        located = Located(described=_narrowed(described, position), position=0)
        if located.file.sha256 is None:
            return located  # its hash becomes known with its first download
        self._found[key] = located
        while len(self._found) > _FOUND_KEPT:
            self._found.popitem(last=False)
        return located


def _narrowed(described: Described, position: int) -> Described:
    """The same decision without the page's other files, which would stay in memory with it."""
    gathered = described.gathered
    return dataclasses.replace(
        described,
        gathered=dataclasses.replace(
            gathered,
            page=msgspec.structs.replace(gathered.page, files=(), versions=(), extra={}),
            files=(gathered.files[position],),
            facts=(gathered.facts[position],),
        ),
        decisions=(described.decisions[position],),
    )
