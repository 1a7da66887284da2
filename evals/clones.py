"""`python -m evals.clones`: write the shipped index of popular projects' sources from the cache.

Method: the hashes of the Python sources of all releases in `archives.txt` go into the index, which names the
newest release of each project, a wheel before an sdist (`vet/release/clones.py` says which sources and how
many). So a copy of an older release is found too. A source that more than three projects have is a borrowed
one and left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version
from rich.progress import track

from evals import cache, places, trees
from evals.choose import malicious_projects
from evals.lists import Archive, load_archives
from pratique.vet.model import Language
from pratique.vet.release.clones import is_comparable, prefix_of, write_index

TARGET = places.ROOT / "src" / "pratique" / "vet" / "data" / "clones.bin"
MOST = 1_000
"""Sources kept of one project: more would only sharpen the share."""
BORROWED = 3
"""Projects that may share a source before it is left out."""


def version_of(archive: Archive) -> Version | None:
    """The version that the file name tells; None when it tells none."""
    try:
        if archive.kind == "wheel":
            return parse_wheel_filename(archive.filename)[1]
        return parse_sdist_filename(archive.filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def newest(archives: Iterable[Archive]) -> dict[str, Archive]:
    """Of each project the archive with the highest version, a wheel before an sdist."""
    best: dict[str, tuple[tuple[Version, bool, str], Archive]] = {}
    for archive in archives:
        version = version_of(archive)
        if version is None:
            continue
        rank = (version, archive.kind == "wheel", archive.filename)
        if archive.project not in best or rank > best[archive.project][0]:
            best[archive.project] = (rank, archive)
    return {project: archive for project, (_, archive) in best.items()}


def sources(archive: Archive) -> list[int]:
    """Prefixes of the hashes of an archive's comparable sources."""
    files = trees.unpack(cache.get(archive), archive.filename)
    return [
        prefix_of(hashlib.sha256(data).hexdigest())
        for path, data in files.items()
        if path.endswith(".py") and is_comparable(f"/{path}", len(data), Language.PYTHON)
    ]


def command() -> int:
    """Write the index."""
    known_bad = malicious_projects()
    archives = [archive for archive in load_archives().values() if archive.project not in known_bad]
    best = newest(archives)
    found: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for archive in track(archives, "hashing sources"):
        if archive.project in best:
            last = best[archive.project]
            found[archive.project, str(version_of(last)), last.kind].update(sources(archive))
    counted = Counter(prefix for prefixes in found.values() for prefix in prefixes)
    kept = {
        project: own
        for project, prefixes in found.items()
        if (own := [prefix for prefix in prefixes if counted[prefix] <= BORROWED])
    }
    source = f"releases of {len(kept)} projects, November 2026"
    data = write_index(kept, most=MOST, source=source)
    TARGET.write_bytes(data)
    print(f"{TARGET.relative_to(places.ROOT)}: {source}, {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    places.main(command)
