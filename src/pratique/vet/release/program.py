"""Which code of a release may run which other: imports and calls, resolved within the release.

A may-analysis. A name that could be two things is both; a method called on something unknown is every
method of that name in the same file. Names that lead out of the release lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from pratique.vet.model import Capability, ContentFacts, Import, RegionKind
from pratique.vet.release.layout import Layout
from pratique.vet.release.paths import extension, folder
from pratique.vet.release.words import word_set, words

MAX_CHAIN = 6
"""Modules that a name is followed through when they only hand it on; real packages need three."""

MAX_ALIKE = 64
"""Functions of one name that a call of unknown origin may mean; more say nothing any more."""

MADE = words("methods", "made")
"""Methods that run, or soon will, when an instance is made."""

FRAMES = word_set("methods", "framed")
"""Methods that a base class of another package calls in a class that defines them (`Thread.run`)."""

SCRIPT_SUFFIXES = (".js", ".cjs", ".mjs")


@dataclass(slots=True, eq=False)
class Unit:
    """One file of code with its tables."""

    path: str
    facts: ContentFacts
    dotted: str
    package: str
    """Against which its relative imports are read."""
    aside: bool
    _names: dict[str, list[int]] | None = None
    _methods: dict[str, list[int]] = field(default_factory=dict)
    _classes: dict[str, dict[str, int]] = field(default_factory=dict)
    _bound: dict[str, list[Import]] | None = None
    _by_region: dict[int, list[Import]] | None = None
    _uses: dict[int, set[Capability]] | None = None

    @property
    def names(self) -> Mapping[str, list[int]]:
        """Qualified name → regions of it (a function can be written twice, under two conditions)."""
        if self._names is None:
            self._names = {}
            for index, region in enumerate(self.facts.regions):
                if region.kind is not RegionKind.FUNCTION:
                    continue
                self._names.setdefault(region.name, []).append(index)
                owner, dot, method = region.name.rpartition(".")
                if dot:
                    self._methods.setdefault(method, []).append(index)
                    self._classes.setdefault(owner, {})[method] = index
        return self._names

    def methods(self, name: str) -> list[int]:
        """Regions of all methods of that name."""
        return self._methods.get(name, []) if self.names else []

    def methods_of(self, owner: str) -> Mapping[str, int]:
        """Methods of a class of this file; empty when there is no such class."""
        return self._classes.get(owner, {}) if self.names else {}

    @property
    def bound(self) -> Mapping[str, list[Import]]:
        """Name → the imports that give it to this file; `*` for the imports of everything."""
        if self._bound is None:
            self._bound = {}
            for item in self.facts.imports:
                name = item.name or item.module.partition(".")[0]
                self._bound.setdefault(name, []).append(item)
        return self._bound

    def imports_of(self, region: int) -> list[Import]:
        """What that region imports."""
        if self._by_region is None:
            self._by_region = {}
            for item in self.facts.imports:
                self._by_region.setdefault(item.region, []).append(item)
        return self._by_region.get(region, [])

    def capabilities_of(self, region: int) -> AbstractSet[Capability]:
        """What that region can do by itself."""
        if self._uses is None:
            self._uses = {}
            for use in self.facts.uses:
                self._uses.setdefault(use.region, set()).add(use.capability)
        return self._uses.get(region, frozenset())


@dataclass(slots=True, eq=False)
class Program:
    """All code of a release, and how a name in it is found."""

    layout: Layout
    units: Mapping[str, Unit]
    _imports: dict[tuple[str, str, str], tuple[Unit, ...]] = field(default_factory=dict)
    _targets: dict[tuple[str, str], str] = field(default_factory=dict)
    _chains: dict[str, tuple[Unit, ...]] = field(default_factory=dict)
    _called: dict[str, list[tuple[Unit, int]]] = field(default_factory=dict)

    def imported(self, unit: Unit, item: Import) -> tuple[Unit, ...]:
        """The files of the release that run when `unit` makes that import; equal answers are one tuple."""
        module = item.module
        if not unit.package or "/" in module:
            key = (unit.path, module, item.name)
            found = self._imports.get(key)
            if found is None:
                found = self._imports[key] = tuple(self._find_import(unit, item))
            return found
        target = self._targets.get((unit.package, module))
        if target is None:
            target = self._targets[unit.package, module] = self._target(unit, module)
        if not target:
            return ()
        if item.name and (inner := f"{target}.{item.name}") in self.layout.paths:
            return self._module_and_parents(inner)
        return self._module_and_parents(target)

    def _target(self, unit: Unit, module: str) -> str:
        """The module's name from the top; "" when it is not of this release."""
        target = absolute(unit, module)
        head = target.partition(".")[0]
        return target if head in self.layout.names or head in self.layout.paths else ""

    def _find_import(self, unit: Unit, item: Import) -> Iterator[Unit]:
        if "/" in item.module or item.module.endswith(".py") or unit.path.endswith(SCRIPT_SUFFIXES):
            yield from self._by_path(unit, item.module)
            return
        target = absolute(unit, item.module)
        found = False
        for name in (target, f"{target}.{item.name}" if item.name not in {"", "*"} else ""):
            for inner in self._module_and_parents(name):
                found = True
                yield inner
        if not found and "." not in unit.dotted:
            # A script finds its neighbours first: setup.py, a backend, `python tool/run.py`.
            here = folder(unit.path)
            near = (f"{here}/" if here else "") + target.replace(".", "/")
            yield from self._existing(f"{near}.py", f"{near}/__init__.py")

    def _module_and_parents(self, dotted: str) -> tuple[Unit, ...]:
        known = self._chains.get(dotted)
        if known is None:
            above = self._module_and_parents(dotted.rpartition(".")[0]) if "." in dotted else ()
            own = tuple(self._existing(*self.layout.paths.get(dotted, ())))
            known = self._chains[dotted] = own + above
        return known

    def _by_path(self, unit: Unit, target: str) -> Iterator[Unit]:
        """A file named by its path: beside the one that names it, or from the top of the release."""
        clean = target.removeprefix("./").lstrip("/")
        for root in (folder(unit.path), self.layout.prefix.rstrip("/")):
            joined = normal(f"{root}/{clean}" if root else clean)
            yield from self._existing(
                joined, *(joined + suffix for suffix in (*SCRIPT_SUFFIXES, "/index.js", ".json"))
            )

    def _existing(self, *paths: str) -> Iterator[Unit]:
        for path in paths:
            unit = self.units.get(path)
            if unit is not None:
                yield unit

    def called(self, unit: Unit, region: int, name: str) -> list[tuple[Unit, int]]:
        """Where a call in that region may lead within the release."""
        clean = name.replace("()", "")
        if clean.startswith("."):
            return self._local(unit, clean)
        head, _, rest = clean.partition(".")
        if head in self.layout.names or head in self.layout.paths:
            return self._absolute(clean)
        if head in {"self", "cls", "super"}:
            return self._own_method(unit, region, rest)
        bound = unit.bound.get(head)
        if bound:
            return self._through(bound, unit, clean, MAX_CHAIN)
        last = clean.rpartition(".")[2] if rest else ""
        return [(unit, index) for index in unit.methods(last)[:MAX_ALIKE]] if last else []

    def _local(self, unit: Unit, clean: str) -> list[tuple[Unit, int]]:
        local = clean.lstrip(".")
        if not clean.startswith(".."):
            found = self.attribute(unit, local, MAX_CHAIN)
            if found:
                return found
        # A relative import keeps its own dots behind the one that says "of this file".
        steps = (clean[1:], clean) if clean.startswith("..") else (clean,)
        found = [hit for step in steps for hit in self._absolute(absolute(unit, step))]
        if found or "." not in local:
            return found
        last = local.rpartition(".")[2]
        return [(unit, index) for index in unit.methods(last)[:MAX_ALIKE]]

    def _own_method(self, unit: Unit, region: int, rest: str) -> list[tuple[Unit, int]]:
        regions = unit.facts.regions
        owner = regions[region].name.rpartition(".")[0] if region < len(regions) else ""
        method = rest.rpartition(".")[2]
        own = unit.methods_of(owner).get(method)
        found = [own] if own is not None else unit.methods(method)[:MAX_ALIKE]
        return [(unit, index) for index in found]

    def _absolute(self, dotted: str) -> list[tuple[Unit, int]]:
        """`pkg.mod.Class.method`: the longest part that is a module, then the name in it."""
        known = self._called.get(dotted)
        if known is None:
            known = self._called[dotted] = self._find_absolute(dotted)
        return known

    def _find_absolute(self, dotted: str) -> list[tuple[Unit, int]]:
        end = len(dotted)
        while (end := dotted.rfind(".", 0, end)) > 0:
            holders = list(self._existing(*self.layout.paths.get(dotted[:end], ())))
            if holders:
                rest = dotted[end + 1 :]
                return [hit for unit in holders for hit in self.attribute(unit, rest, MAX_CHAIN)]
        return []

    def attribute(self, unit: Unit, name: str, steps: int) -> list[tuple[Unit, int]]:
        """What a name of a module may be: a function, a class (its making), or handed on by an import."""
        direct = unit.names.get(name)
        if direct is not None:
            return [(unit, index) for index in direct]
        methods = unit.methods_of(name)
        if methods:
            return [(unit, methods[made]) for made in MADE if made in methods]
        owner, dot, _method = name.rpartition(".")
        if dot and (methods := unit.methods_of(owner)):
            # Not defined here, so a base class has it, which calls what this class defines for it.
            return [(unit, index) for method, index in methods.items() if method in FRAMES]
        if steps <= 0:
            return []
        bound = [*unit.bound.get(name.partition(".")[0], ()), *unit.bound.get("*", ())]
        return self._through(bound, unit, name, steps - 1)

    def _through(
        self, bound: list[Import], unit: Unit, name: str, steps: int
    ) -> list[tuple[Unit, int]]:
        if steps <= 0:
            return []
        rest = name.partition(".")[2]
        found: list[tuple[Unit, int]] = []
        for item in bound[:MAX_ALIKE]:
            target = absolute(unit, item.module)
            for path in self.layout.paths.get(f"{target}.{item.name}", ()) if item.name else ():
                if rest and path in self.units:
                    found += self.attribute(self.units[path], rest, steps)
            for path in self.layout.paths.get(target, ()):
                if path in self.units and self.units[path] is not unit:
                    inner = name if item.name else rest
                    found += self.attribute(self.units[path], inner, steps) if inner else []
        return found


def absolute(unit: Unit, module: str) -> str:
    """A module name as written in a file, from the top: `..a` in `pkg.sub.mod` is `pkg.a`."""
    if not module.startswith("."):
        return module
    rest = module.lstrip(".")
    package = unit.package
    for _ in range(min(len(module) - len(rest) - 1, 100)):  # no package lies a hundred folders deep
        package = package.rpartition(".")[0]
    return f"{package}.{rest}" if package and rest else package or rest


def normal(path: str) -> str:
    """A path without `.` and `..`; what would leave the release is cut off."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def open_program(
    layout: Layout, facts: Mapping[str, ContentFacts], *, known: Mapping[str, Unit]
) -> Program:
    """Make the tables; most of them only when first asked for, and those of equal files not again."""
    units: dict[str, Unit] = {}
    for path, content in facts.items():
        dotted = layout.modules.get(path, "")
        if not dotted and not content.regions and not content.imports and not is_script(path):
            continue
        package = dotted if path in layout.packages else dotted.rpartition(".")[0]
        aside = path in layout.aside
        same = known.get(path)
        if (
            same is not None
            and same.facts is content
            and (same.dotted, same.package, same.aside) == (dotted, package, aside)
        ):
            units[path] = same
            continue
        units[path] = Unit(path=path, facts=content, dotted=dotted, package=package, aside=aside)
    return Program(layout=layout, units=units)


def is_script(path: str) -> bool:
    """Whether something may start the file by its path."""
    return extension(path) in {
        ".sh",
        ".bash",
        ".ps1",
        ".bat",
        ".cmd",
        ".js",
        ".cjs",
        ".mjs",
        ".pth",
        ".start",
    }
