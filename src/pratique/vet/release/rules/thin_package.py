"""Rule `thin-package`: next to nothing is in the release.

Only a hint for the score of first releases: adding files takes it away, so nothing decisive may need it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, FileEntry, Language, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, is_same_project, mark
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="thin-package",
    title="Hardly any code",
    techniques=("T1195.001",),
    what="The release consists of a setup.py, an __init__ or a few lines.",
    danger="Most throw-away uploads are thin: a payload and what an index demands.",
    benign="Placeholders, first versions and small helpers. Says nothing alone.",
    traits={
        "only-setup": trait("has no code but its setup.py", Severity.INFO, Confidence.LOW),
        "one-module": trait("has one module with code", Severity.INFO, Confidence.LOW),
        "tiny": trait("has less than 2 kB of code", Severity.INFO, Confidence.LOW),
        "small": trait("has less than 6 kB of code", Severity.INFO, Confidence.LOW),
        "no-code": trait("has no code", Severity.INFO, Confidence.LOW),
    },
)

TINY, SMALL = 2_000, 6_000
EMPTY = 40
"""Bytes below which a module holds no code to speak of."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for the first release that is seen of a project."""
    if is_same_project(view, base):
        return
    layout = view.placement.layout
    code = [
        e
        for e in view.release.files
        if e.language in {Language.PYTHON, Language.PTH, Language.JAVASCRIPT}
    ]
    library = [
        e for e in code if e.path != layout.setup and e.size > EMPTY and e.path not in layout.aside
    ]
    total = sum(entry.size for entry in code)
    shown = f"{len(code)} file{'s' * (len(code) != 1)} of code, {total:,} bytes"
    for name in _traits(code, library, total):
        yield mark(RULE, name, path=view.release.filename, shown=shown)


def _traits(code: list[FileEntry], library: list[FileEntry], total: int) -> Iterator[str]:
    if not code:
        yield "no-code"
        return
    if not library and any(base_name(entry.path) == "setup.py" for entry in code):
        yield "only-setup"
    if len(library) == 1:
        yield "one-module"
    if total < SMALL:
        yield "tiny" if total < TINY else "small"


THIN_PACKAGE = ReleaseRule(rule=RULE, run=find)
