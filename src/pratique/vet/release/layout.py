"""What each path of a release file is: a module and its name, a start hook, a script, metadata, aside.

Told from the paths alone. Where two readings are possible (which folder of an sdist is the root of
its packages), a path gets the names of both: a module that is found too often is placed too early,
never too late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pratique.vet.release.paths import base_name, folder, module_stem, parents
from pratique.vet.release.words import word_set

SOURCE_ROOTS = ("", "src", "lib", "python", "Lib")
"""Folders of an sdist that usually hold its packages; every other root is found by its packages."""

ASIDE = word_set("layout", "aside")
"""Folders that an installed release does not use by itself, at any depth."""

ASIDE_AT_ROOT = ASIDE | word_set("layout", "aside_at_root")
"""The same, for the first folder of an sdist."""

ROOT_CHORES = word_set("layout", "chores")
"""Single modules at the root of an sdist that a project's own work uses, not its users."""

NEVER_INSTALLED = frozenset(("test", "tests", "doc", "docs"))
"""Of these, those that are left out of an installation even where they are packages."""

NESTED = "!"
"""Between a packed archive and a path inside it: what lies there is data until something unpacks it."""

START_NAMES = frozenset(("sitecustomize", "usercustomize"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The parts of one release file, by path as in the archive."""

    kind: str
    prefix: str = ""
    """The folder that holds everything (`name-1.0/` in an sdist, `package/` in an npm tarball), or ""."""
    plain: Mapping[str, str] = field(default_factory=dict)
    """Path → the same without what names the version, so that two releases can be laid side by side."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Path → dotted name by which it is imported; `pkg` for `pkg/__init__.py`."""
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Dotted name → the paths that may be it."""
    packages: frozenset[str] = frozenset()
    """Paths that are a package's `__init__`."""
    tops: tuple[str, ...] = ()
    """Paths that run when the release's own packages are imported: the `__init__` of each top package, and
    single modules at the top."""
    names: frozenset[str] = frozenset()
    """First parts of all dotted names: what the release puts into everybody's namespace."""
    starts: tuple[str, ...] = ()
    """Paths that the interpreter reads at every start once they are installed."""
    scripts: tuple[str, ...] = ()
    """Paths that an installer puts on PATH."""
    setup: str = ""
    """The setup.py that a build runs, or ""."""
    aside: frozenset[str] = frozenset()
    """Tests, documentation, examples, tools: what an installed release does not run by itself."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Base name (`METADATA`, `PKG-INFO`, `pyproject.toml` …) → path of the one that counts."""

    def is_package(self, path: str) -> bool:
        """Whether the path is the `__init__` of a package."""
        return path in self.packages


def lay_out(kind: str, filename: str, paths: Iterable[str]) -> Layout:
    """Say what each path of a release file is.

    Shape: `kind` as in `ReleaseFacts.kind`; any order of paths gives the same layout.
    """
    ordered = sorted(set(paths))
    if kind == "npm":
        return _npm(ordered)
    if kind == "sdist":
        return _source(ordered, filename)
    return _installed(kind, ordered)


# ── wheels and eggs: what lies at the root goes into site-packages ──────────────────────────────


def _installed(kind: str, paths: list[str]) -> Layout:
    plain: dict[str, str] = {}
    site: dict[str, str] = {}  # path → path below site-packages
    scripts: list[str] = []
    metadata: dict[str, str] = {}
    for path in paths:
        first, _, rest = path.partition("/")
        if first.endswith(".dist-info") or first == "EGG-INFO":
            plain[path] = f"*.dist-info/{rest}"
            if "/" not in rest:
                metadata.setdefault(rest, path)
        elif first.endswith(".data") and rest:
            scheme, _, inside = rest.partition("/")
            plain[path] = f"*.data/{rest}"
            if scheme in {"purelib", "platlib"}:
                plain[path] = site[path] = inside
            elif scheme == "scripts":
                scripts.append(path)
            elif "site-packages/" in inside or "dist-packages/" in inside:
                site[path] = inside.rpartition("-packages/")[2]
        else:
            plain[path] = site[path] = path
    return _with_modules(
        kind=kind,
        plain=plain,
        roots={path: (inside, _known_name(inside)) for path, inside in site.items()},
        scripts=tuple(scripts),
        metadata=metadata,
        aside=frozenset(
            path for path, inside in site.items() if _lies_aside(inside.split("/")[1:-1])
        ),
    )


def _known_name(inside: str) -> tuple[str, ...]:
    return (inside,) if module_stem(inside) is not None and NESTED not in inside else ()


def _lies_aside(folders: Iterable[str]) -> bool:
    return any(part in ASIDE for part in folders)


# ── sdists: the roots of the packages must be found ─────────────────────────────────────────────


def _source(paths: list[str], filename: str) -> Layout:
    prefix = _prefix(paths, filename)
    inside = {path: path.removeprefix(prefix) for path in paths}
    held = {folder(where) for where in inside.values() if base_name(where) == "__init__.py"}
    packages = frozenset(held - {""})
    own = filename.lower().replace("-", "_")
    aside = frozenset(
        path for path, where in inside.items() if _is_aside_in_source(where, own, packages)
    )
    roots = {path: (where, _source_names(where, packages)) for path, where in inside.items()}
    metadata = {where: path for path, where in inside.items() if "/" not in where}
    for path, where in inside.items():  # entry_points.txt lies in the egg-info
        head, _, tail = where.rpartition("/")
        if head.endswith(".egg-info"):
            metadata.setdefault(tail, path)
    return _with_modules(
        kind="sdist",
        prefix=prefix,
        plain={path: _without_egg_info(where) for path, where in inside.items()},
        roots=roots,
        setup=metadata.get("setup.py", ""),
        aside=aside,
        metadata=metadata,
    )


def _prefix(paths: list[str], filename: str) -> str:
    """The one folder around everything; by the shortest PKG-INFO or setup file, else by majority."""
    marks = [
        path
        for path in paths
        if path.count("/") == 1 and base_name(path) in {"PKG-INFO", "setup.py", "pyproject.toml"}
    ]
    firsts = {folder(path) for path in marks} or {
        path.partition("/")[0] for path in paths if "/" in path
    }
    stem = filename.lower().replace("_", "-")
    best = sorted(
        firsts, key=lambda name: (not stem.startswith(name.lower().replace("_", "-")), name)
    )
    if not best or any(path in {"setup.py", "PKG-INFO"} for path in paths):
        return ""
    return best[0] + "/"


def _is_aside_in_source(where: str, own: str, packages: frozenset[str]) -> bool:
    root, folders = "", where.split("/")[:-1]
    if len(folders) > 1 and folders[0] in SOURCE_ROOTS:
        root, folders = folders[0] + "/", folders[1:]
    if not folders:
        return False
    if _lies_aside(folders[1:]):
        return True
    first = folders[0].lower()
    if own.startswith(first + "_") or first not in ASIDE_AT_ROOT:
        return False  # The library of the project `tools` lies in `tools/`.
    # Build tools install every package they find at the root, but for tests by habit.
    return root + folders[0] not in packages or first in NEVER_INSTALLED


def _source_names(where: str, packages: frozenset[str]) -> tuple[str, ...]:
    """Module paths under each root that may be on the path: the one its packages show, and the usual."""
    if module_stem(where) is None or NESTED in where:
        return ()
    found = folder(where)
    if base_name(found) == "__pycache__":
        found = folder(found)
    while found in packages:
        found = folder(found)
    names = [where[len(found) + 1 :] if found else where]
    for root in SOURCE_ROOTS:
        if root != found and (not root or found.startswith(root + "/") or found == root):
            name = where[len(root) + 1 :] if root else where
            if name not in names:
                names.append(name)
    return tuple(names)


def _without_egg_info(where: str) -> str:
    first, slash, rest = where.partition("/")
    if first.endswith(".egg-info"):
        return f"*.egg-info/{rest}"
    middle, _, last = rest.partition("/")
    return f"{first}/*.egg-info/{last}" if slash and middle.endswith(".egg-info") else where


# ── npm ─────────────────────────────────────────────────────────────────────────────────────────


def _npm(paths: list[str]) -> Layout:
    firsts = {path.partition("/")[0] for path in paths if base_name(path) == "package.json"}
    prefix = "package/" if "package" in firsts else (min(firsts) + "/" if firsts else "")
    inside = {path: path.removeprefix(prefix) for path in paths}
    metadata = {where: path for path, where in inside.items() if "/" not in where}
    main = [
        path for path, where in inside.items() if where in {"index.js", "index.cjs", "index.mjs"}
    ]
    return Layout(
        kind="npm",
        prefix=prefix,
        plain=inside,
        tops=tuple(main),
        scripts=tuple(path for path, where in inside.items() if where.startswith("bin/")),
        aside=frozenset(
            path for path, where in inside.items() if _lies_aside(where.split("/")[:-1])
        ),
        metadata=metadata,
    )


# ── modules, for all that Python imports ────────────────────────────────────────────────────────


def _with_modules(
    *,
    kind: str,
    plain: Mapping[str, str],
    roots: Mapping[str, tuple[str, tuple[str, ...]]],
    metadata: Mapping[str, str],
    aside: frozenset[str],
    prefix: str = "",
    scripts: tuple[str, ...] = (),
    setup: str = "",
) -> Layout:
    modules: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    packages: set[str] = set()
    starts: list[str] = []
    for path, (where, names) in roots.items():
        if _starts(where, names, kind):
            starts.append(path)
        for name in names:
            dotted = dotted_name(name)
            modules.setdefault(path, dotted)
            found.setdefault(dotted, []).append(path)
        if names and module_stem(where) == "__init__":
            packages.add(path)
    tops = _tops(kind, modules, roots, packages, aside, frozenset(starts) | {setup})
    return Layout(
        kind=kind,
        prefix=prefix,
        plain=plain,
        modules=modules,
        paths={name: tuple(where) for name, where in found.items()},
        packages=frozenset(packages),
        tops=tops,
        names=_names(kind, modules, roots, aside),
        starts=tuple(starts),
        scripts=scripts,
        setup=setup,
        aside=aside,
        metadata=metadata,
    )


def dotted_name(name: str) -> str:
    """`pkg/sub/mod.cpython-311-x86_64-linux-gnu.so` → `pkg.sub.mod`; a package for its `__init__`."""
    stem = module_stem(name) or ""
    parts = name.split("/")[:-1]
    if parts and parts[-1] == "__pycache__":
        parts.pop()
    if stem != "__init__" or not parts:
        parts.append(stem)
    return ".".join(parts)


def _starts(where: str, names: tuple[str, ...], kind: str) -> bool:
    base = base_name(where)
    if NESTED in where:
        return False
    if base.endswith((".pth", ".start")):
        inner = folder(where)
        # A build step of an sdist can put a .pth from anywhere; at the usual roots it is meant to.
        return not inner or (kind == "sdist" and inner in SOURCE_ROOTS)
    return any(dotted_name(name) in START_NAMES for name in names if name.count("/") <= 1)


def _tops(
    kind: str,
    modules: Mapping[str, str],
    roots: Mapping[str, tuple[str, tuple[str, ...]]],
    packages: set[str],
    aside: frozenset[str],
    others: frozenset[str],
) -> tuple[str, ...]:
    """Packages that lie in no other, and single modules; in an sdist only those where packages may lie."""
    named = {modules[path] for path in packages}
    found = tuple(
        path
        for path in sorted(modules)
        if path not in aside
        and path not in others
        and (path in packages or _is_single(kind, roots[path][0], modules[path]))
        and not any(parent in named for parent in parents(modules[path]))
    )
    # `tests` beside a package is not what is imported; a release that is nothing else is.
    return tuple(path for path in found if modules[path] not in ASIDE) or found


def _is_single(kind: str, where: str, dotted: str) -> bool:
    if dotted in ROOT_CHORES:
        return False
    return kind != "sdist" or folder(where) in SOURCE_ROOTS


def _names(
    kind: str,
    modules: Mapping[str, str],
    roots: Mapping[str, tuple[str, tuple[str, ...]]],
    aside: frozenset[str],
) -> frozenset[str]:
    if kind == "sdist":
        return frozenset(
            dotted.partition(".")[0]
            for path, dotted in modules.items()
            if path not in aside and dotted not in ROOT_CHORES
        )
    return frozenset(
        where.partition("/")[0] for where, _ in roots.values() if "/" in where
    ) | frozenset(dotted for dotted in modules.values() if "." not in dotted)
