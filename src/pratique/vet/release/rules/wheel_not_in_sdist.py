"""Rule `wheel-not-in-sdist`: a wheel carries code that the sdist of the same release lacks.

Takes two views, so the engine calls `compare_with_sdist` where both files are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, FileEntry, Language, PlacedSign, Reach, Severity
from pratique.vet.release.diff import new_signs
from pratique.vet.release.kit import mark
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="wheel-not-in-sdist",
    title="Code that the source does not have",
    techniques=("T1195.002", "T1554"),
    what="The wheel has modules that the sdist of the same release lacks or has with other content, or code "
    "that does what nothing in the sdist does.",
    danger="Whoever replaced a built wheel, or the machine that builds it, leaves the source as it was.",
    benign="Builds generate version files, parsers and bindings.",
    traits={
        "start-hook": trait(
            "runs at interpreter start and is not in the sdist", Severity.HIGH, Confidence.HIGH
        ),
        "absent": trait("is not in the sdist", Severity.LOW, Confidence.MEDIUM),
        "differs": trait("differs from the sdist", Severity.MEDIUM, Confidence.MEDIUM),
        "reaches-further": trait(
            "uses what nothing in the sdist uses there", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "deed": trait("does what nothing in the sdist does", Severity.HIGH, Confidence.HIGH),
    },
)

GENERATED = ("_version.py", "version.py", "_pb2.py", "_pb2_grpc.py", "__about__.py", "_build.py")
"""Endings of files that builds commonly write; told only when they have signs."""
CODE = frozenset((Language.PYTHON, Language.PTH, Language.SHELL, Language.POWERSHELL, Language.PYC))
PLAIN_USE = "sinks"
"""The rule whose signs are uses, not deeds: generated and patched code has some for honest reasons."""
SHOWN = 50
"""Files shown, and deeds."""


def compare_with_sdist(
    wheel: ReleaseView,
    sdist: ReleaseView,
    base: ReleaseView | None = None,
    unknown: frozenset[str] = frozenset(),
) -> Iterator[PlacedSign]:
    """Signs for code files of the wheel that its sdist does not have as they are, and for their deeds.

    Shape: with a base, only what the base did not have either: a project that has always built its
    wheels so is no news. `unknown` holds paths of the sdist of which there are no facts: whether the
    wheel's modules of that name do more cannot be told.
    """
    yield from _files(wheel, sdist, base)
    modules = sdist.placement.layout.modules
    untold = frozenset(modules[path] for path in unknown if path in modules)
    for placed in _deeds(wheel, sdist, base):
        if wheel.placement.layout.modules.get(placed.path) not in untold:
            yield placed


def _deeds(
    wheel: ReleaseView, sdist: ReleaseView, base: ReleaseView | None
) -> Iterator[PlacedSign]:
    found = [
        placed
        for placed in new_signs(wheel, sdist)
        if placed.reach is not Reach.NEVER and wheel.entries[placed.path].language in CODE
    ]
    if found and base is not None:
        fresh = set(new_signs(wheel, base))
        found = [placed for placed in found if placed in fresh]
    for placed in found[:SHOWN]:
        sign = placed.sign
        yield mark(
            RULE,
            "reaches-further" if sign.rule == PLAIN_USE else "deed",
            path=placed.path,
            line=sign.line,
            excerpt=sign.excerpt,
            shown=f"{sign.rule}, {sign.trait}: {sign.shown}" if sign.shown else sign.rule,
            reach=placed.reach,
            how=placed.how,
        )


def _files(
    wheel: ReleaseView, sdist: ReleaseView, base: ReleaseView | None
) -> Iterator[PlacedSign]:
    hashes = {entry.sha256 for entry in sdist.release.files}
    if base is not None:
        hashes |= {entry.sha256 for entry in base.release.files}
    told = 0
    for entry, facts in wheel.walk():
        if entry.language not in CODE or entry.sha256 in hashes or told >= SHOWN or not entry.size:
            continue
        if base_name(entry.path).endswith(GENERATED) and not facts.signs:
            continue
        told += 1
        yield mark(
            RULE,
            _trait(wheel, sdist, entry),
            path=entry.path,
            line=1,
            shown=f"{entry.path}, {entry.size:,} bytes",
            reach=wheel.placement.reach(entry.path),
            how=wheel.placement.how(entry.path),
        )


def _trait(wheel: ReleaseView, sdist: ReleaseView, entry: FileEntry) -> str:
    if entry.path in wheel.placement.layout.starts:
        return "start-hook"
    dotted = wheel.placement.layout.modules.get(entry.path)
    return "differs" if dotted and dotted in sdist.placement.layout.paths else "absent"
