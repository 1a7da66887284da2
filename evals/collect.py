"""`python -m evals.collect`: complete the cache from the lists; verify each archive; resumable.

Archives made from git are made again from the commit. Published ones are looked for, by file name, in the
folders of `PRATIQUE_EVALS_SOURCES` and taken only if the sha256 agrees. This command asks no registry:
`--missing` prints what is still missing as hash-locked requirements, for pip to fetch into such a folder.
`--published` also takes the archives of `benign-published.txt` that are at hand; none of them is required.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from rich.progress import track

from evals import cache, places, trees
from evals.lists import FILE_ORIGIN, Archive, load_archives, load_published


def source_paths() -> dict[str, Path]:
    """Files in the source folders, by name."""
    return {
        path.name: path
        for folder in places.sources()
        for path in folder.rglob("*")
        if path.name.endswith((".whl", ".tar.gz", ".zip"))
    }


def obtain(archive: Archive, here: dict[str, Path]) -> bytes | None:
    """Its bytes, verified; None when what it is made of is not at hand, or is something else."""
    if archive.origin == FILE_ORIGIN:
        path = here.get(archive.filename)
        data = path.read_bytes() if path else b""
        return data if hashlib.sha256(data).hexdigest() == archive.sha256 else None
    name, commit = archive.origin.split("@")
    repo = places.repository(name)
    if repo is None:
        return None
    identity, data = trees.build(repo, commit, archive.filename)
    return data if identity == archive.sha256 else None


def requirement(archive: Archive) -> str:
    """A hash-locked requirement line for pip."""
    parse = parse_wheel_filename if archive.kind == "wheel" else parse_sdist_filename
    name, version = parse(archive.filename)[:2]
    return f"{name}=={version} --hash=sha256:{archive.sha256}"


def command() -> int:
    """Complete the cache, or print what is missing."""
    parser = argparse.ArgumentParser(prog="python -m evals.collect", description=__doc__)
    parser.add_argument("--missing", action="store_true", help="print what is missing, for pip")
    parser.add_argument(
        "--published", action="store_true", help="also archives of benign-published.txt"
    )
    options = parser.parse_args()
    every = load_archives()
    if options.published:
        every |= {archive.sha256: archive for archive in load_published()}
    wanted = [archive for archive in every.values() if not cache.has(archive)]
    if options.missing:
        print("\n".join(sorted({requirement(a) for a in wanted if a.origin == FILE_ORIGIN})))
        return 1 if wanted else 0
    here = source_paths()
    missing = 0
    for archive in track(wanted, "completing the cache"):
        data = obtain(archive, here)
        if data is None:
            missing += 1
        else:
            cache.put(archive, data)
    print(f"{len(wanted) - missing} added, {missing} missing; the cache is {places.cache()}")
    return 1 if missing else 0


if __name__ == "__main__":
    places.main(command)
