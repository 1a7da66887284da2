"""When each place of a release runs: from what starts by itself, through imports and calls.

Levels are walked from the earliest down; a place keeps the first level that comes to it. So its reach
is the highest of all ways to it, whatever the order of files, and a file that nothing runs changes
nothing for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pratique.vet.model import ContentFacts, FileEntry, Reach, RegionKind, ReleaseFacts
from pratique.vet.release.layout import Layout, lay_out
from pratique.vet.release.loaders import BY_CAPABILITY, Load, load_of, opens
from pratique.vet.release.program import Program, Unit, open_program
from pratique.vet.release.starts import Start, starts_of

MAX_EDGES = 3_000_000
"""Imports and calls followed in one release. The largest honest one has about half a million; past this
every module counts as imported with the package."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a place runs: what comes before it, or a reason of its own."""

    words: str
    path: str = ""
    line: int = 0


@dataclass(slots=True, eq=False)
class Placement:
    """The reach of every place of one release."""

    layout: Layout
    placed: dict[tuple[str, int], tuple[Reach, Cause]] = field(default_factory=dict)
    files: dict[str, tuple[Reach, Cause]] = field(default_factory=dict)
    """For regions that nothing came to, and for contents without regions."""
    units: Mapping[str, Unit] = field(default_factory=dict)
    """Tables of its files, by path."""
    again: dict[tuple[str, int], Reach] = field(default_factory=dict)
    """Of what builds run, the level at which it runs once more."""

    def reach(self, path: str, region: int = 0) -> Reach:
        """When that region of the file runs."""
        found = self.placed.get((path, region)) or self.files.get(path)
        return found[0] if found else Reach.NEVER

    def besides(self, path: str, region: int = 0) -> Reach:
        """When a region that builds run is run in what was installed; `NEVER` for all others."""
        return self.again.get((path, region), Reach.NEVER)

    def how(self, path: str, region: int = 0) -> str:
        """Why it runs then, one sentence."""
        found = self.placed.get((path, region)) or self.files.get(path)
        if found is None:
            return "nothing in the release runs it"
        cause = found[1]
        where = f" {cause.path}" if cause.path else ""
        return cause.words + where + (f":{cause.line}" if cause.path and cause.line else "")

    def highest(self, path: str, regions: int) -> Reach:
        """The highest reach of any region of a file."""
        return max(
            (self.reach(path, index) for index in range(max(regions, 1))), default=Reach.NEVER
        )


def place(
    release: ReleaseFacts,
    contents: Callable[[FileEntry], ContentFacts],
    *,
    like: Placement | None = None,
) -> Placement:
    """Place every file and region of a release; tables of equal files are those of `like`."""
    layout = lay_out(release.kind, release.filename, (entry.path for entry in release.files))
    facts = {entry.path: contents(entry) for entry in sorted(release.files, key=lambda e: e.path)}
    program = open_program(layout, facts, known=like.units if like is not None else {})
    walk = _Walk(program=program, placement=Placement(layout=layout, units=program.units))
    for level, starts in starts_of(walk.program, release.metadata):
        walk.run(level, starts)
        if level is Reach.BUILD:
            walk.followed.clear()  # what builds import runs at import, too
    _place_rest(walk, facts)
    return walk.placement


@dataclass(slots=True, eq=False)
class _Walk:
    """The state of one placing: what was come to, what is still to be followed."""

    program: Program
    placement: Placement
    edges: int = 0
    followed: dict[int, tuple[Unit, ...]] = field(default_factory=dict)
    """Imports whose targets were come to, by identity (and kept, so that no other takes it)."""
    loads: dict[tuple[str, Load], tuple[Reach, Cause]] = field(default_factory=dict)
    """(scope, kind of load) → the earliest call that loads such files."""

    def run(self, level: Reach, starts: Iterable[Start]) -> None:
        """Come to everything that runs at this level."""
        queue: list[tuple[Unit, int]] = []
        for start in starts:
            self.come(queue, start.unit, start.region, level, Cause(start.reason))
        while queue:
            unit, region = queue.pop()
            self.follow(queue, unit, region, level)
            if self.edges > MAX_EDGES:
                self._give_up(level)
                return

    def come(
        self, queue: list[tuple[Unit, int]], unit: Unit, region: int, level: Reach, cause: Cause
    ) -> None:
        key = (unit.path, region)
        if self.is_open(key, level):
            if key in self.placement.placed:
                self.placement.again[key] = level
            else:
                self.placement.placed[key] = (level, cause)
            queue.append((unit, region))

    def is_open(self, key: tuple[str, int], level: Reach) -> bool:
        """Whether coming to a place at this level says something new of it."""
        known = self.placement.placed.get(key)
        return known is None or (
            known[0] is Reach.BUILD and level < Reach.BUILD and key not in self.placement.again
        )

    def follow(self, queue: list[tuple[Unit, int]], unit: Unit, region: int, level: Reach) -> None:
        program = self.program
        for item in unit.imports_of(region):
            self.edges += 1
            targets = program.imported(unit, item)
            if not targets or id(targets) in self.followed:
                continue
            self.followed[id(targets)] = targets
            for target in targets:
                self.come(queue, target, 0, level, Cause("imported by", unit.path, item.line))
        for capability in unit.capabilities_of(region):
            self.note_load(unit, BY_CAPABILITY.get(capability), level, 0)
        if region >= len(unit.facts.regions):
            return
        here = unit.facts.regions[region]
        self.edges += len(here.calls)
        for name in here.calls:
            self.note_load(unit, load_of(name), level, here.line)
            for target, index in program.called(unit, region, name):
                if self.is_open((target.path, index), level):
                    caller = (
                        "called when this runs:" if region == 0 else f"called by {here.name} in"
                    )
                    self.come(queue, target, index, level, Cause(caller, unit.path, here.line))

    def note_load(self, unit: Unit, kind: Load | None, level: Reach, line: int) -> None:
        """Remember the earliest place that loads files of a kind."""
        if kind is not None:
            cause = Cause("a call that may load it stands in", unit.path, line)
            self.loads.setdefault(
                (scope_of(self.placement.layout, unit.path), kind), (level, cause)
            )

    def _give_up(self, level: Reach) -> None:
        cause = Cause("too many imports and calls to follow, so it may run with everything else")
        for path, unit in self.program.units.items():
            for region in range(max(1, len(unit.facts.regions))):
                self.placement.placed.setdefault((path, region), (level, cause))


def scope_of(layout: Layout, path: str) -> str:
    """The top package of a file: code loads the data of its own package; "" loads from anywhere."""
    dotted = layout.modules.get(path, "")
    if (
        path == layout.setup
        or path in layout.starts
        or ("." not in dotted and not layout.is_package(path))
    ):
        return ""
    return dotted.partition(".")[0]


def _place_rest(walk: _Walk, facts: dict[str, ContentFacts]) -> None:
    """Functions that nothing calls, and files that are no code."""
    layout, program = walk.placement.layout, walk.program
    _reach_aside(walk)
    idle = (Reach.CALLED, Cause("runs when code outside the release calls it"))
    for path in layout.modules:
        unit = program.units.get(path)
        if unit is not None and (not unit.aside or (path, 0) in walk.placement.placed):
            walk.placement.files[path] = idle
    # Code runs by import or by its path, which imports tell; the rest may be loaded.
    data = {
        path: [(scope, kind) for scope in _scopes(layout, path) for kind in kinds]
        for path, content in facts.items()
        if path not in layout.modules
        and (path, 0) not in walk.placement.placed
        and (kinds := opens(path, content.language))
    }
    _note_idle_loads(walk, {way for ways in data.values() for way in ways})
    for path, ways in data.items():
        found = [load for way in ways if (load := walk.loads.get(way)) is not None]
        if found:
            walk.placement.files[path] = max(found, key=lambda load: load[0])


def _scopes(layout: Layout, path: str) -> tuple[str, ...]:
    """Code of which packages is near a data file: its own folder's package, and what lies outside."""
    plain = layout.plain.get(path, path)
    parts = plain.split("/")
    near = [part for part in parts[:3] if part in layout.names]  # src/pkg/data, pkg/data
    return ("", *near)


def _reach_aside(walk: _Walk) -> None:
    """Tests and examples that a function of the library imports are as reachable as that function."""
    if not walk.placement.layout.aside:
        return
    queue: list[tuple[Unit, int]] = []
    for unit in walk.program.units.values():
        if unit.aside:
            continue
        for item in unit.facts.imports:
            for target in walk.program.imported(unit, item):
                if target.aside:
                    walk.come(
                        queue, target, 0, Reach.CALLED, Cause("imported by", unit.path, item.line)
                    )
    while queue:
        walk.follow(queue, *queue.pop(), Reach.CALLED)


def _note_idle_loads(walk: _Walk, wanted: set[tuple[str, Load]]) -> None:
    """Functions that are only called from outside load files too; one example of each kind is enough."""
    layout = walk.placement.layout
    missing = wanted - walk.loads.keys()
    scopes = {scope for scope, _ in missing}
    for path, unit in walk.program.units.items():
        if unit.aside or scope_of(layout, path) not in scopes:
            continue
        for use in unit.facts.uses:
            walk.note_load(unit, BY_CAPABILITY.get(use.capability), Reach.CALLED, use.line)
        for region in unit.facts.regions:
            if region.kind is not RegionKind.MODULE:
                for name in region.calls:
                    walk.note_load(unit, load_of(name), Reach.CALLED, region.line)
