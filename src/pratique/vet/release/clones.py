"""Which popular project a release copies: by the hashes of its source files, in a small shipped index.

The index holds, for each project, the sources with the lowest hashes (all of them when they are few) and
the highest hash held. So of a release, exactly its sources below that hash can be compared, and the share
that is found there estimates the share of all: a bottom-k sketch. `python -m evals.clones` makes it.
"""

from __future__ import annotations

import importlib.resources
import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from pratique.vet.model import FileEntry, Language

MARK = b"pratique-clones 1\n"
LEAST_BYTES = 200
"""Smaller sources (an empty `__init__`, a line of version) are equal by chance."""
LEAST_SHARED = 1_500
"""Bytes that a copy must share: less is a borrowed helper."""
SHARE = 0.3
"""Of the comparable files, or of their bytes: from there on a release is read as a changed copy."""


class Project(msgspec.Struct, frozen=True, array_like=True):
    """One project of the index."""

    name: str
    version: str
    kind: str
    limit: int
    """Highest prefix held; only hashes up to it can be compared."""


class Head(msgspec.Struct, frozen=True):
    """What precedes the tables."""

    what: str
    source: str
    projects: tuple[Project, ...]
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """The project that a release copies, as the caller needs it to fetch the base."""

    project: str
    version: str
    kind: str
    shared: int
    """Files found equal, of those that could be compared."""
    share: float
    """Of the comparable files or their bytes, whichever is more."""


class CloneIndex:
    """The tables, read once: sorted prefixes, and beside each the project that has it."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MARK):
            raise ValueError(f"expected an index that begins with {MARK!r}")
        end = data.index(b"\n", len(MARK))
        head = msgspec.json.decode(data[len(MARK) : end], type=Head)
        self.projects = head.projects
        self.names = frozenset(project.name for project in head.projects)
        self._prefixes = _numbers("Q", data[end + 1 : end + 1 + 8 * head.entries])
        self._owners = _numbers("H", data[end + 1 + 8 * head.entries :])
        if not len(self._prefixes) == len(self._owners) == head.entries:
            raise ValueError(f"expected {head.entries} entries, found {len(self._owners)}")

    def owners(self, prefix: int) -> list[int]:
        """Numbers of the projects that have a source with that hash."""
        at = bisect_left(self._prefixes, prefix)
        found = []
        while at < len(self._prefixes) and self._prefixes[at] == prefix:
            found.append(self._owners[at])
            at += 1
        return found


def _numbers(code: str, data: bytes) -> array[int]:
    numbers = array(code)
    numbers.frombytes(data)
    if sys.byteorder != "big":
        numbers.byteswap()
    return numbers


def write_index(
    projects: Mapping[tuple[str, str, str], Iterable[int]], *, most: int, source: str
) -> bytes:
    """Make an index of at most `most` sources a project.

    Shape: (name, version, kind) → prefixes of its sources; equal input gives equal bytes.
    """
    heads: list[Project] = []
    entries: list[tuple[int, int]] = []
    for number, (project, prefixes) in enumerate(sorted(projects.items())):
        ordered = sorted(set(prefixes))
        kept = ordered[:most]
        limit = kept[-1] if len(ordered) > most else (1 << 64) - 1
        heads.append(Project(*project, limit))
        entries += [(prefix, number) for prefix in kept]
    entries.sort()
    what = "prefixes of the SHA-256 of source files, big-endian, then the projects that have them"
    head = Head(what=what, source=source, projects=tuple(heads), entries=len(entries))
    tables = (
        array("Q", [prefix for prefix, _ in entries]),
        array("H", [owner for _, owner in entries]),
    )
    for table in tables:
        if sys.byteorder != "big":
            table.byteswap()
    return MARK + msgspec.json.encode(head) + b"\n" + b"".join(table.tobytes() for table in tables)


@cache
def shipped_index() -> CloneIndex:
    """The index that comes with the product."""
    file = importlib.resources.files("pratique.vet").joinpath("data", "clones.bin")
    return CloneIndex(file.read_bytes())


def prefix_of(sha256: str) -> int:
    """The first eight bytes of a hash in hex, as a number."""
    return int(sha256[:16], 16)


def is_comparable(path: str, size: int, language: Language) -> bool:
    """Whether a file takes part: Python sources of some size, but not what a build writes anew."""
    return language is Language.PYTHON and size >= LEAST_BYTES and not path.endswith("/setup.py")


def clone_of(files: Iterable[FileEntry], own: str, index: CloneIndex) -> Clone | None:
    """The project of which a release is a changed copy, if any; the largest share wins.

    `own` is the normalised name of the release's project. Projects of the index are nobody's copies: what
    they share, one has borrowed from the other.
    """
    if own in index.names:
        return None
    sources = {
        prefix_of(entry.sha256): entry.size
        for entry in files
        if is_comparable(entry.path, entry.size, entry.language)
    }
    hits: dict[int, list[int]] = defaultdict(list)
    for prefix in sources:
        for owner in index.owners(prefix):
            hits[owner].append(prefix)
    best: Clone | None = None
    for owner, shared in sorted(hits.items()):
        clone = _judge(index.projects[owner], shared, sources)
        if (
            clone is not None
            and clone.project != own
            and (best is None or clone.share > best.share)
        ):
            best = clone
    return best


def _judge(project: Project, shared: list[int], sources: Mapping[int, int]) -> Clone | None:
    comparable = [prefix for prefix in sources if prefix <= project.limit]
    equal = sum(sources[prefix] for prefix in shared)
    share = max(
        len(shared) / len(comparable), equal / max(1, sum(sources[prefix] for prefix in comparable))
    )
    if share < SHARE or equal < LEAST_SHARED:
        return None
    return Clone(
        project=project.name,
        version=project.version,
        kind=project.kind,
        shared=len(shared),
        share=share,
    )
