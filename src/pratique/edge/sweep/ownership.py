"""What RECORD says against what lies there: changed, missing and unlisted files, and start hooks.

1. Each RECORD is read; what it lists belongs to its distribution.
2. Listed files are hashed. Paths that leave the environment are counted and not opened.
3. Start hooks (`.pth`, `.start`, `sitecustomize`, `usercustomize`) are always told, with their digest.
4. Code that no RECORD lists is told, unless nothing here has a RECORD (system packages).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

import msgspec

from pratique.edge.sweep.births import arrival_of
from pratique.edge.sweep.careful import (
    UnreadableError,
    hash_file,
    read_head,
    read_whole,
    why_unreadable,
)
from pratique.edge.sweep.context import STOPPED, SweepContext
from pratique.edge.sweep.nameless import nameless_modules
from pratique.inventory.environments.distributions import Distribution
from pratique.inventory.environments.hooks import (
    MAX_HOOK_BYTES,
    hook_sighting,
    is_hook,
    runs_code,
    stray_sighting,
)
from pratique.inventory.environments.items import join_notes, plain
from pratique.inventory.environments.record import MAX_RECORD_BYTES, Record, parse_record
from pratique.inventory.observed.model import Gap, Sighting
from pratique.values.instants import Instant

MAX_STRAYS: Final = 1000
"""Unlisted files told of one site folder; more is an environment that nobody installed by RECORDs."""
_NAMED: Final = 3
"""Files named in a note; more are counted."""
_CODE: Final = (
    ".py",
    ".pyc",
    ".so",
    ".pyd",
    ".dll",
    ".dylib",
    ".pth",
    ".start",
    ".sh",
    ".js",
    ".exe",
)
_OWN_MATTER: Final = (".dist-info", ".egg-info", ".egg")
_LEFT: Final = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
_LISTING_BYTES: Final = 1 << 20


@dataclass(slots=True, kw_only=True)
class Checked:
    """Sightings of a site folder with what the check found, and what could not be checked."""

    sightings: tuple[Sighting, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Site:
    """One check of one site folder."""

    site: str
    root: str
    """Real path that RECORD may not leave: the environment's prefix."""
    ctx: SweepContext
    now: Instant
    owners: dict[str, str] = field(default_factory=dict)
    """Listed path → distribution."""
    roots: set[str] = field(default_factory=set)
    """Top-level names that distributions without RECORD call theirs."""
    records: int = 0
    gaps: list[Gap] = field(default_factory=list)
    bytes_left: int = 0
    inside: dict[str, bool] = field(default_factory=dict)
    """Folder → whether it really lies within `root`."""

    def gap(self, path: str, why: str) -> None:
        """Tell what could not be read."""
        self.gaps.append(Gap(what=plain(path), why=why))


def check_site(
    site: str,
    sightings: list[Sighting],
    distributions: list[Distribution],
    ctx: SweepContext,
    *,
    now: Instant,
    hashes: bool,
) -> Checked:
    """Compare a site folder with its RECORDs. `hashes` false: only hooks and who owns them."""
    here = _Site(site=site, root=_prefix(site), ctx=ctx, now=now)
    here.bytes_left = ctx.limits.stream_bytes
    told: list[Sighting] = []
    for sighting, distribution in zip(sightings, distributions, strict=True):
        if ctx.stop():
            here.gap(site, STOPPED)
            told += sightings[len(told) :]
            return Checked(sightings=tuple(told), gaps=tuple(here.gaps))
        notes = _check_one(here, distribution, hashes=hashes)
        told.append(_noted(sighting, notes) if notes else sighting)
    _tell_nameless(here, distributions)
    hooks = list(_hooks(here))
    strays = _strays(here, {hook.at for hook in hooks}) if hashes and here.records else []
    return Checked(sightings=(*told, *hooks, *strays), gaps=tuple(here.gaps))


def _prefix(site: str) -> str:
    """The folder that an environment's files stay below: three up in `lib/python3.11/site-packages`."""
    path = PurePath(os.path.realpath(site))
    parents = path.parents
    if len(parents) > 2 and parents[0].name.startswith("python"):  # noqa: PLR2004 - lib/pythonX.Y
        return str(parents[2])
    if len(parents) > 1 and parents[0].name == "Lib":
        return str(parents[1])
    return str(path)


def _tell_nameless(here: _Site, distributions: list[Distribution]) -> None:
    """In other folders than `site-packages` code of one's own may lie among what was installed."""
    if PurePath(here.site).name != "site-packages":
        return
    owned = {path.partition("/")[0].partition(".")[0] for path in here.owners}
    owned |= {root.partition(".")[0] for root in here.roots}
    owned |= {one.name.replace("-", "_") for one in distributions}
    if why := nameless_modules(here.site, owned):
        here.gap(here.site, why)


def _noted(sighting: Sighting, notes: list[str]) -> Sighting:
    return msgspec.structs.replace(sighting, note=join_notes([sighting.note, *notes]))


# RECORDs.


def _check_one(here: _Site, distribution: Distribution, *, hashes: bool) -> list[str]:
    folder = f"{here.site}/{distribution.folder}"
    if not distribution.folder.endswith(".dist-info"):
        here.roots.update(_top_level(folder))
        return []
    try:
        record = parse_record(read_whole(f"{folder}/RECORD", MAX_RECORD_BYTES))
    except UnreadableError as refused:
        if refused.absent:
            here.roots.update(_top_level(folder))
            return ["has no RECORD"] if "has no RECORD" not in distribution.notes else []
        here.gap(f"{folder}/RECORD", refused.message)
        return []
    here.records += 1
    here.owners.update((line.path, distribution.name) for line in record.lines)
    notes = [f"{record.malformed} malformed rows in RECORD"] if record.malformed else []
    if record.cut:
        here.gap(f"{folder}/RECORD", "has more rows than are read")
    return [*notes, *_compare(here, record)] if hashes else notes


def _top_level(folder: str) -> Iterator[str]:
    """Names that a distribution without RECORD calls its own."""
    try:
        listed = read_head(f"{folder}/top_level.txt", _LISTING_BYTES)
    except UnreadableError:
        return
    for line in listed.decode("utf-8", "replace").splitlines():
        yield line.strip().partition("/")[0]


def _compare(here: _Site, record: Record) -> list[str]:
    """Hash what a RECORD lists; gives what differs, as parts of a note."""
    differing: list[str] = []
    missing: list[str] = []
    outside = 0
    for line in record.lines:
        if not line.sha256:
            continue  # RECORD itself, and bytecode that was compiled later
        path = os.path.join(here.site, line.path)  # noqa: PTH118 - a million times
        if not _is_inside(here, path):
            outside += 1
            continue
        try:
            digest, length = hash_file(path, here.bytes_left)
        except UnreadableError as refused:
            if refused.absent:
                missing.append(line.path)
            else:
                here.gap(path, refused.message)
            continue
        here.bytes_left -= length
        if digest != line.sha256:
            differing.append(line.path)
    notes = [_listed("RECORD hash differs", differing), _listed("missing", missing)]
    if outside:
        notes.append(f"RECORD lists {outside} files outside of the environment")
    return [note for note in notes if note]


def _listed(what: str, paths: list[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{what}: {', '.join(plain(path, 100) for path in paths[:_NAMED])}{more}"


def _is_inside(here: _Site, path: str) -> bool:
    """Whether the folder of a path, links followed, lies within the environment."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a million times
    known = here.inside.get(folder)
    if known is None:
        try:
            real = os.path.realpath(folder)
        except (OSError, ValueError):
            real = ""
        known = real == here.root or real.startswith(here.root.rstrip(os.sep) + os.sep)
        here.inside[folder] = known
    return known


# Start hooks.


def _hooks(here: _Site) -> Iterator[Sighting]:
    try:
        names = sorted(name for name in os.listdir(here.site) if is_hook(name))  # noqa: PTH208 - names
    except OSError:
        return  # told when the folder was listed for its distributions
    for name in names:
        yield _hook(here, f"{here.site}/{name}", name)
    if PurePath(here.site).parent.name.startswith("python"):
        for name in ("sitecustomize.py", "usercustomize.py"):
            path = f"{here.site}/../{name}"
            if os.path.isfile(path):  # noqa: PTH113 - a text, as all here
                yield _hook(here, path, f"../{name}")


def _hook(here: _Site, path: str, at: str) -> Sighting:
    came = arrival_of(path, here.now)
    sha256, runs, note = "", True, came.note
    try:
        sha256, _length = hash_file(path, MAX_HOOK_BYTES)
        runs = runs_code(at, read_head(path, MAX_HOOK_BYTES))
    except UnreadableError as refused:
        here.gap(path, refused.message)
        note = refused.message
    owner = here.owners.get(at, "")
    return hook_sighting(at, sha256=sha256, owner=owner, runs=runs, since=came.since, note=note)


# What nobody lists.


def _strays(here: _Site, told: set[str]) -> list[Sighting]:
    found: list[Sighting] = []
    for at, path in _unlisted(here):
        if at in told:
            continue
        if len(found) >= MAX_STRAYS:
            here.gap(here.site, f"more than {MAX_STRAYS:,} files of code that no RECORD lists")
            break
        came = arrival_of(path, here.now)
        try:
            sha256, _length = hash_file(path, here.bytes_left)
        except UnreadableError as refused:
            here.gap(path, refused.message)
            continue
        found.append(stray_sighting(at, sha256=sha256, since=came.since, note=came.note))
    return found


def _unlisted(here: _Site) -> Iterator[tuple[str, str]]:
    """Files of code below the site folder that no RECORD lists: relative and full paths."""
    pending = [("", here.site, 0)]
    seen = 0
    while pending:
        relative, folder, depth = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda one: one.name)
        except OSError as refused:
            here.gap(folder, why_unreadable(refused))
            continue
        for entry in entries:
            seen += 1
            at = relative + entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < here.ctx.limits.depth and not _is_left(here, entry.name, depth):
                    pending.append((f"{at}/", entry.path, depth + 1))
            elif (
                entry.name.endswith(_CODE)
                and at not in here.owners
                and not (depth == 0 and entry.name.partition(".")[0] in here.roots)
                and entry.is_file(follow_symlinks=False)
            ):
                yield at, entry.path
        if seen > here.ctx.limits.members or here.ctx.stop():
            here.gap(
                here.site, STOPPED if here.ctx.stop() else "holds more files than are looked at"
            )
            return


def _is_left(here: _Site, name: str, depth: int) -> bool:
    """Folders whose files are somebody else's matter, or belong to a distribution by name."""
    return name in _LEFT or name.endswith(_OWN_MATTER) or (depth == 0 and name in here.roots)
