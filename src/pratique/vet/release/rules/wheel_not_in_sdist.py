"""Rule `wheel-not-in-sdist`: a wheel carries code that the sdist of the same release lacks.

Takes two views, so the engine calls `compare_with_sdist` where both files are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, FileEntry, Language, PlacedSign, Severity
from pratique.vet.release.kit import mark
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="wheel-not-in-sdist",
    title="Code that the source does not have",
    techniques=("T1195.002", "T1554"),
    what="The wheel has modules that the sdist of the same release lacks, or has with other content.",
    danger="Whoever replaced a built wheel, or the machine that builds it, leaves the source as it was.",
    benign="Builds generate version files, parsers and bindings.",
    traits={
        "start-hook": trait(
            "runs at interpreter start and is not in the sdist", Severity.HIGH, Confidence.HIGH
        ),
        "absent": trait("is not in the sdist", Severity.LOW, Confidence.MEDIUM),
        "differs": trait("differs from the sdist", Severity.MEDIUM, Confidence.MEDIUM),
    },
)

GENERATED = ("_version.py", "version.py", "_pb2.py", "_pb2_grpc.py", "__about__.py", "_build.py")
"""Endings of files that builds commonly write; told only when they have signs."""
CODE = frozenset((Language.PYTHON, Language.PTH, Language.SHELL, Language.POWERSHELL, Language.PYC))
SHOWN = 50
"""Files shown."""


def compare_with_sdist(wheel: ReleaseView, sdist: ReleaseView) -> Iterator[PlacedSign]:
    """One sign for each code file of the wheel that its sdist does not have as it is."""
    hashes = {entry.sha256 for entry in sdist.release.files}
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
