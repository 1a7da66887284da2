"""What runs without another part of the release running it, level by level.

Start-up hooks, builds, imports, modules imported one by one, commands; docs/explain/when-it-runs.md has
the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pratique.vet.model import (
    Capability,
    ContentFacts,
    Import,
    Language,
    Metadata,
    Reach,
    RegionKind,
)
from pratique.vet.release.paths import base_name, extension
from pratique.vet.release.program import Program, Unit
from pratique.vet.release.words import word_set, words

COMMAND_METHODS = word_set("build", "command_methods")
"""What setuptools, distutils and hatchling call of a class that a build gives them."""

BACKEND_HOOKS = words("build", "backend_hooks")
"""PEP 517 and PEP 660, poetry's `build`, pdm's hooks."""

BUILD_FILES = words("build", "files")
"""Build hooks by convention: their backends run them unasked when the project's settings say so."""

VERSION_FILES = word_set("build", "version_files")
"""Modules that setup scripts execute by their path, to learn the version."""

_NOBODY = Unit(
    path="",
    facts=ContentFacts(language=Language.METADATA, size=0),
    dotted="",
    package="",
    aside=False,
)
"""Who imports what an entry point names."""


@dataclass(frozen=True, slots=True)
class Start:
    """A region that runs by itself at some level."""

    unit: Unit
    region: int
    reason: str


def starts_of(program: Program, metadata: Metadata) -> Iterator[tuple[Reach, Iterator[Start]]]:
    """Levels from the earliest down, each with what starts at it."""
    yield Reach.STARTUP, _startup(program)
    yield Reach.BUILD, _build(program, metadata)
    yield Reach.IMPORT, _imports(program)
    yield Reach.SUBMODULE, _submodules(program)
    yield Reach.ENTRY, _entries(program, metadata)


def _startup(program: Program) -> Iterator[Start]:
    for path in program.layout.starts:
        unit = program.units.get(path)
        if unit is None:
            continue
        hook = extension(path) in {".pth", ".start"}
        reason = (
            "the interpreter runs its import lines at every start"
            if hook
            else "the interpreter imports it at every start"
        )
        for region in range(max(1, len(unit.facts.regions)) if hook else 1):
            yield Start(unit, region, reason)


def _build(program: Program, metadata: Metadata) -> Iterator[Start]:
    layout = program.layout
    if layout.kind == "sdist":
        unit = program.units.get(layout.setup)
        if unit is not None:
            yield from _setup(program, unit)
        yield from _backend(program, metadata)
    if layout.kind in {"sdist", "npm"}:
        yield from _commands(program, metadata)


def _setup(program: Program, unit: Unit) -> Iterator[Start]:
    reason = "pip runs setup.py when it builds the release"
    yield Start(unit, 0, reason)
    yield from _guards(unit, reason)
    makers = [unit]
    for item in unit.facts.imports:
        makers += program.imported(unit, item)
    for maker in makers:
        for index in _command_methods(maker):
            yield Start(maker, index, "a build command class, which setup.py hands to setuptools")
    yield from _run_by_path(program, unit)


def _run_by_path(program: Program, unit: Unit) -> Iterator[Start]:
    """What `exec(open("pkg/version.py").read())` most likely names, since the path itself is not kept."""
    can = unit.capabilities_of(0)
    if Capability.DYNAMIC_CODE in can:
        for path in program.layout.modules:
            if base_name(path).removesuffix(".py") in VERSION_FILES and path in program.units:
                yield Start(
                    program.units[path], 0, "setup.py executes a file, most likely this one"
                )


def _command_methods(unit: Unit) -> Iterator[int]:
    for index, region in enumerate(unit.facts.regions):
        owner, _, method = region.name.rpartition(".")
        if owner and method in COMMAND_METHODS:
            yield index


def _guards(unit: Unit, reason: str) -> Iterator[Start]:
    for index, region in enumerate(unit.facts.regions):
        if region.kind is RegionKind.MAIN:
            yield Start(unit, index, reason)


def _backend(program: Program, metadata: Metadata) -> Iterator[Start]:
    name, _, holder = metadata.build_backend.partition(":")
    roots = [root.strip("/").removeprefix("./") for root in metadata.backend_path]
    inner = name.replace(".", "/")
    wanted = [
        "/".join(part for part in (root if root != "." else "", end) if part)
        for root in roots
        for end in (f"{inner}.py", f"{inner}/__init__.py")
        if name
    ]
    for path in (*wanted, *BUILD_FILES):
        unit = program.units.get(program.layout.prefix + path)
        if unit is not None:
            yield from _hooks(unit, "the build runs this backend of the release's own", holder)


def _hooks(unit: Unit, reason: str, holder: str = "") -> Iterator[Start]:
    yield Start(unit, 0, reason)
    prefix = f"{holder}." if holder else ""
    for hook in BACKEND_HOOKS:
        for index in unit.names.get(prefix + hook, ()):
            yield Start(unit, index, reason)
    for index in _command_methods(unit):
        yield Start(unit, index, reason)


def _commands(program: Program, metadata: Metadata) -> Iterator[Start]:
    """Files that install commands name: `node scripts/setup.js`, `build:hooks/custom.py`."""
    for command in metadata.scripts:
        hook = command.removeprefix("build:")
        for word in (
            hook.replace("'", " ").replace('"', " ").replace(";", " ").replace("&", " ").split()
        ):
            near = word.removeprefix("./")
            for end in ("", ".js", "/index.js"):
                unit = program.units.get(program.layout.prefix + near + end)
                if unit is not None:
                    yield from _hooks(unit, f"the install command `{hook[:80]}` runs it")
                    yield from _guards(unit, f"the install command `{hook[:80]}` runs it")


def _imports(program: Program) -> Iterator[Start]:
    for path in program.layout.tops:
        unit = program.units.get(path)
        if unit is not None:
            yield Start(unit, 0, "importing the package runs it")


def _submodules(program: Program) -> Iterator[Start]:
    for path in program.layout.modules:
        unit = program.units.get(path)
        if unit is None or unit.aside or base_name(path) == "__main__.py":
            continue
        if path == program.layout.setup and program.layout.kind == "sdist":
            continue
        yield Start(unit, 0, f"importing {unit.dotted} runs it")
        for index in unit.names.get("__getattr__", ()):
            yield Start(unit, index, f"runs when a name is fetched from {unit.dotted}")


def _entries(program: Program, metadata: Metadata) -> Iterator[Start]:
    for line in metadata.entry_points:
        yield from _entry_point(program, line)
    for path in program.layout.scripts:
        unit = program.units.get(path)
        if unit is not None:
            for region in (0, *(start.region for start in _guards(unit, ""))):
                yield Start(unit, region, "it is put on PATH as a command")
    for path, unit in program.units.items():
        if unit.aside:
            continue
        if base_name(path) == "__main__.py":
            yield Start(unit, 0, f"`python -m {unit.dotted.removesuffix('.__main__')}` runs it")
        yield from _guards(unit, f"`python -m {unit.dotted}` runs it")


def _entry_point(program: Program, line: str) -> Iterator[Start]:
    group, _, rest = line.partition(":")
    name, _, target = rest.partition("=")
    module, _, attribute = target.partition("[")[0].strip().partition(":")
    reason = (
        f"the command `{name.strip()}` runs it"
        if group.strip() in {"console_scripts", "gui_scripts"}
        else f"the entry point `{name.strip()}` of {group.strip()} runs it"
    )
    for unit in program.imported(_NOBODY, Import(module=module.strip())):
        yield Start(unit, 0, reason)
    dotted = f"{module.strip()}.{attribute.strip()}" if attribute.strip() else ""
    for unit, index in program.called(_NOBODY, 0, dotted) if dotted else ():
        yield Start(unit, index, reason)
