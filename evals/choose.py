"""`python -m evals.choose`: make the benign lists from folders of archives and git folders at hand.

Published archives come from `PRATIQUE_EVALS_SOURCES`, histories from `PRATIQUE_EVALS_REPOS` (those that
`lists/repositories.txt` names). Choices are seeded by project, so one project's never move another's.
Only who changes the lists needs this; everybody else completes the cache from them (`evals.collect`).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from rich.progress import track

from evals import cache, metadata, places, trees
from evals.lists import (
    FILE_ORIGIN,
    THIN_BYTES,
    Archive,
    Pair,
    Thin,
    load_published,
    project_of,
    rows,
    write,
)

SEED = 20261122
PAIR_BYTES = 1_500_000
LARGE_BYTES = 15_000_000
TOP_BYTES = 30_000_000
EARLY_PER_PROJECT = 12
PAIRS_PER_PROJECT = 26
LARGE_PER_PROJECT = 2
_TAG = re.compile(r"^(?:[A-Za-z][A-Za-z._]{0,40}[-_/])?[vV]?\.?(\d[0-9A-Za-z.]{0,30})$")


@dataclass(slots=True, kw_only=True)
class Chosen:
    """What one project contributes."""

    thin: list[Thin] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    top: list[tuple[Archive, Archive | None]] = field(default_factory=list)

    def archives(self) -> Iterator[Archive]:
        for thin in self.thin:
            yield thin.archive
        for pair in self.pairs:
            yield from (pair.old, pair.new)
        for new, old in self.top:
            yield new
            if old:
                yield old


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A final release in a history."""

    version: Version
    commit: str
    seconds: int


def tags_of(repo: Path) -> list[Tag]:
    """Final releases by version; of several tags of one version the first by name."""
    fields = (
        "refname:strip=2",
        "objectname",
        "*objectname",
        "creatordate:unix",
        "*committerdate:unix",
    )
    shape = "%09".join(f"%({name})" for name in fields)
    listed = subprocess.run(
        ["git", "-C", str(repo), "for-each-ref", "refs/tags", "--sort=refname", f"--format={shape}"],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    found: dict[Version, Tag] = {}
    for line in listed.splitlines():
        name, own, peeled, made, committed = line.split("\t")
        matched = _TAG.match(name)
        try:
            version = Version(matched[1]) if matched else None
        except InvalidVersion:
            continue
        if version is None or version.is_prerelease or version in found:
            continue
        seconds = int(committed or made or 0)
        found[version] = Tag(version=version, commit=peeled or own, seconds=seconds)
    return [found[version] for version in sorted(found)]


class History:
    """One repository: makes and keeps archives of its tags."""

    def __init__(self, name: str, repo: Path) -> None:
        self.name, self.repo = name, repo
        self.tags = tags_of(repo)
        self.project = self._project()
        self._made: dict[str, Archive | None] = {}

    def _project(self) -> str:
        for tag in reversed(self.tags):
            said = metadata.project_name(trees.export(self.repo, tag.commit))
            if said and re.fullmatch(r"[A-Za-z0-9._-]{1,60}", said):
                return canonicalize_name(said)
        return canonicalize_name(self.name.split("/")[1])

    def archive(self, tag: Tag, kind: str) -> Archive | None:
        """The tag as sdist or wheel, kept in the cache; None when it is too large or holds no code."""
        stem = f"{self.project.replace('-', '_')}-{tag.version}"
        filename = stem + ("-py3-none-any.whl" if kind == "wheel" else ".tar.gz")
        if filename not in self._made:
            self._made[filename] = self._make(tag, filename)
        return self._made[filename]

    def _make(self, tag: Tag, filename: str) -> Archive | None:
        files = trees.export(self.repo, tag.commit)
        if not {"setup.py", "pyproject.toml"} & files.keys():
            return None
        identity, data = trees.build(self.repo, tag.commit, filename)
        if not identity or len(data) > LARGE_BYTES:
            return None
        made = Archive(
            sha256=identity, size=len(data), filename=filename,
            date=datetime.fromtimestamp(tag.seconds, tz=UTC).date().isoformat(),
            origin=f"{self.name}@{tag.commit}",
        )  # fmt: skip
        if not cache.has(made):
            cache.put(made, data)
        return made


def from_history(name: str) -> Chosen:
    """Thin releases and pairs of one repository."""
    repo = places.repository(name)
    if repo is None:
        raise places.EvalsError(f"expected the git folder of {name} below PRATIQUE_EVALS_REPOS")
    history = History(name, repo)
    chooser = random.Random(f"{SEED}:{history.project}")
    chosen = Chosen()
    chosen.thin = list(_thin(history, chooser))
    chosen.pairs = list(_pairs(history, chooser))
    return chosen


def _thin(history: History, chooser: random.Random) -> Iterator[Thin]:
    in_time = sorted(history.tags, key=lambda tag: (tag.seconds, tag.version))
    kinds = ["sdist", "wheel"]
    chooser.shuffle(kinds)
    found = 0
    step = max(1, len(in_time) // (EARLY_PER_PROJECT * 2))
    for position, tag in enumerate(in_time[::step] if step > 1 else in_time):
        archive = history.archive(tag, kinds[position % 2])
        if archive and archive.size <= THIN_BYTES:
            yield Thin(archive=archive, role="early" if found else "first")
            found += 1
        if found > EARLY_PER_PROJECT:
            return


def _pairs(history: History, chooser: random.Random) -> Iterator[Pair]:
    candidates = [
        (old, new, kind) for old, new in pairwise(history.tags) for kind in ("sdist", "wheel")
    ]
    chooser.shuffle(candidates)
    small = large = 0
    taken = set()
    for old_tag, new_tag, kind in candidates:
        if small >= PAIRS_PER_PROJECT:
            return
        if new_tag in taken:
            continue  # one kind of a pair: the other would be judged by the same code
        old, new = history.archive(old_tag, kind), history.archive(new_tag, kind)
        if not old or not new or old.sha256 == new.sha256:
            continue
        if max(old.size, new.size) <= PAIR_BYTES:
            small += 1
        elif large < LARGE_PER_PROJECT:
            large += 1
        else:
            continue
        taken.add(new_tag)
        yield Pair(old=old, new=new)


# ── published archives ───────────────────────────────────────────────────────────────────────


def published() -> dict[str, list[Archive]]:
    """Archives in the source folders by project, oldest version first."""
    found: dict[str, list[Archive]] = {}
    paths = sorted(
        (path for folder in places.sources() for path in folder.rglob("*.whl")),
        key=lambda p: p.name,
    )
    for path in track(paths, "reading published archives"):
        if path.stat().st_size > TOP_BYTES:
            continue
        try:
            parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        data = path.read_bytes()
        archive = Archive(
            sha256=hashlib.sha256(data).hexdigest(), size=len(data), filename=path.name, date="",
            origin=FILE_ORIGIN,
        )  # fmt: skip
        found.setdefault(archive.project, []).append(archive)
        if not cache.has(archive):
            cache.put(archive, data)
    for archives in found.values():
        archives.sort(key=lambda archive: parse_wheel_filename(archive.filename)[1])
    return found


def from_published(archives: list[Archive], top: dict[str, int]) -> Chosen:
    """The latest archive of a project if thin, its pairs of equal tags, and its place in the top list."""
    chosen = Chosen()
    latest = archives[-1]
    if latest.size <= THIN_BYTES:
        chosen.thin.append(Thin(archive=latest, role="latest"))
    pairs = [
        Pair(old=old, new=new)
        for old, new in pairwise(archives)
        if _tags(old) == _tags(new) and max(old.size, new.size) <= LARGE_BYTES
    ]
    chosen.pairs = pairs[-2:]
    if latest.project in top:
        old = next((pair.old for pair in chosen.pairs if pair.new == latest), None)
        chosen.top.append((latest, old))
    return chosen


def _tags(archive: Archive) -> object:
    return parse_wheel_filename(archive.filename)[3]


# ── writing ──────────────────────────────────────────────────────────────────────────────────


def save(chosen: list[Chosen], folder: Path) -> None:
    """Write the lists."""
    catalogue = {archive.sha256: archive for part in chosen for archive in part.archives()}
    archives = sorted(catalogue.values(), key=lambda a: (a.project, a.date, a.filename, a.sha256))
    write(
        folder / "archives.txt",
        ["benign archives; made by python -m evals.choose, seed " + str(SEED),
         "identity, bytes, file name, day, origin",
         "origin file: as published, identity is its sha256",
         "origin owner/name@commit: made from git, identity as in evals/trees.py"],
        ([a.sha256, a.size, a.filename, a.date, a.origin] for a in archives),
    )  # fmt: skip
    thin = sorted(
        (thin for part in chosen for thin in part.thin), key=lambda t: (t.role, t.archive.filename)
    )
    write(
        folder / "benign-first.txt",
        [f"benign archives of at most {THIN_BYTES} bytes, judged without a predecessor",
         "identity, role (first = earliest tag, early = another tag, latest = as published), file name"],
        ([t.archive.sha256, t.role, t.archive.filename] for t in thin),
    )  # fmt: skip
    pairs = sorted((p for part in chosen for p in part.pairs), key=lambda p: p.new.filename)
    write(
        folder / "benign-pairs.txt",
        [f"consecutive releases, both at most {PAIR_BYTES} bytes, a few to {LARGE_BYTES}",
         "identity of the old, of the new, file name of the new"],
        ([p.old.sha256, p.new.sha256, p.new.filename] for p in pairs),
    )  # fmt: skip
    top = sorted((t for part in chosen for t in part.top), key=lambda t: t[0].filename)
    write(
        folder / "top.txt",
        ["latest releases at hand of much-downloaded projects (names: top-names.txt)",
         "identity, identity of the predecessor or -, file name"],
        ([new.sha256, old.sha256 if old else "-", new.filename] for new, old in top),
    )  # fmt: skip


def malicious_projects() -> set[str]:
    """Names in the malicious list: none of them may count as benign."""
    return {
        canonicalize_name(path.split("/")[0])
        for *_, path in rows(places.LISTS / "malicious-dev.txt")
    }


def command() -> int:
    """Choose and write."""
    top = {line[0]: rank for rank, line in enumerate(rows(places.LISTS / "top-names.txt"))}
    names = [line[0] for line in rows(places.LISTS / "repositories.txt")]
    here = [name for name in names if places.repository(name)]
    if len(here) < len(names):
        missing = ", ".join(sorted(set(names) - set(here))[:5])
        raise places.EvalsError(
            f"expected {len(names)} git folders below PRATIQUE_EVALS_REPOS, {len(here)} are there"
            f" (missing: {missing} …); to do: clone them as owner+name"
        )
    chosen = [from_published(archives, top) for archives in published().values()]
    with multiprocessing.Pool(2) as pool:
        running = pool.imap(from_history, names)
        chosen += list(track(running, "reading histories", total=len(names)))
    taboo = malicious_projects()
    kept = [
        part for part in chosen if not {project_of(a.filename) for a in part.archives()} & taboo
    ]
    save(_once(kept), places.LISTS)
    listed = {archive.sha256 for archive in load_published()}
    cache.prune(listed.union(archive.sha256 for part in kept for archive in part.archives()))
    print(f"{sum(len(p.thin) for p in kept)} thin, {sum(len(p.pairs) for p in kept)} pairs")
    return 0


def _once(chosen: list[Chosen]) -> list[Chosen]:
    """Leave out what an earlier part already lists: one project may be both published and a history."""
    seen: set[str] = set()
    seen_pairs: set[tuple[str, str]] = set()
    for part in chosen:
        part.thin = [t for t in part.thin if t.archive.sha256 not in seen]
        seen |= {thin.archive.sha256 for thin in part.thin}
        part.pairs = [p for p in part.pairs if (p.old.sha256, p.new.sha256) not in seen_pairs]
        seen_pairs |= {(pair.old.sha256, pair.new.sha256) for pair in part.pairs}
    return chosen


if __name__ == "__main__":
    places.main(command)
