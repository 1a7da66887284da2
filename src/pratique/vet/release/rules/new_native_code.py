"""Rule `new-native-code`: machine code where the predecessor, or the wheel's own tag, has none."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.native import is_module, native_kind
from pratique.vet.release.paths import extension
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="new-native-code",
    title="New machine code",
    techniques=("T1027.009", "T1129"),
    what="The release has executables or libraries of a kind that its predecessor did not have, or that its "
    "file name excludes.",
    danger="Machine code says little of what it does, and a wheel for any platform promises to have none.",
    benign="Projects add extension modules or bundle a helper; then wheels are named after their platform.",
    traits={
        "pure-wheel": trait(
            "has machine code in a wheel for any platform", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "first": trait("has machine code for the first time", Severity.HIGH, Confidence.MEDIUM),
        "new-kind": trait(
            "has machine code for another system than before", Severity.HIGH, Confidence.MEDIUM
        ),
        "foreign-kind": trait(
            "has machine code for a system that the wheel is not for",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
        "no-source": trait(
            "has compiled modules in a source archive without anything to compile",
            Severity.HIGH,
            Confidence.MEDIUM,
        ),
    },
)

_TAGGED = {"elf": ("linux", "bsd", "android"), "pe": ("win",), "macho": ("macosx", "ios")}
EXAMPLES = 3
"""Files shown of one kind; they are alike."""
SOURCES = frozenset(
    [".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hpp", ".pyx", ".pxd", ".rs", ".go", ".f", ".f90", ".for",
     ".asm", ".s", ".zig", ".nim", ".d"]
)  # fmt: skip
"""Endings of what machine code is made from."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for each kind of machine code, with up to three files."""
    yield from _without_source(view, base)
    kinds = _kinds(view)
    before = _kinds(base) if base else {}
    pure = view.release.filename.endswith("-any.whl")
    was_pure = base is not None and base.release.filename.endswith("-any.whl")
    for kind, paths in kinds.items():
        name = _trait(kind, before if base else None, view.release.filename, pure=pure)
        if pure and was_pure and kind in before:
            continue
        for path in paths[:EXAMPLES] if name else ():
            yield mark(
                RULE,
                name,
                path=path,
                shown=f"{kind}, {view.entries[path].size:,} bytes",
                reach=view.placement.reach(path),
                how=view.placement.how(path),
            )


def _without_source(view: ReleaseView, base: ReleaseView | None) -> Iterator[PlacedSign]:
    """Modules that Python imports and nobody can have built from this archive, where none were before."""
    if view.release.kind != "sdist" or (base is not None and _kinds(base)):
        return
    if any(extension(path) in SOURCES for path in view.entries):
        return
    aside = view.placement.layout.aside
    modules = [path for paths in _kinds(view).values() for path in paths if is_module(path)]
    for path in [path for path in modules if path not in aside][:EXAMPLES]:
        yield mark(
            RULE,
            "no-source",
            path=path,
            shown=f"{view.entries[path].size:,} bytes",
            reach=view.placement.reach(path),
            how=view.placement.how(path),
        )


def _kinds(view: ReleaseView) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for entry, facts in view.walk():
        kind = native_kind(entry.path, facts)
        if kind:
            kinds.setdefault(kind, []).append(entry.path)
    return kinds


def _trait(kind: str, before: dict[str, list[str]] | None, filename: str, *, pure: bool) -> str:
    if before is not None and not before and pure:
        return "first"
    if before and kind not in before and pure:
        return "new-kind"
    if pure:
        return "pure-wheel"
    platform = filename.removesuffix(".whl").rpartition("-")[2] if filename.endswith(".whl") else ""
    meant = _TAGGED.get(kind, ())
    if platform and meant and not any(word in platform for word in meant):
        return "foreign-kind" if before is None or kind not in before else ""
    return "first" if before is not None and not before and not platform else ""


NEW_NATIVE_CODE = ReleaseRule(rule=RULE, run=find)
