"""Rule `size-jump`: the release is several times as large as its predecessor."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, Language, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="size-jump",
    title="Much larger than before",
    techniques=("T1195.002",),
    what="The release's code or data grew to several times the size of its predecessor's.",
    danger="Something large came in at once; droppers and bundled payloads do.",
    benign="A vendored library, new data, or a first real release after a placeholder.",
    traits={
        "code": trait("has three times the code of the base", Severity.LOW, Confidence.LOW),
        "data": trait("has three times the data of the base", Severity.LOW, Confidence.LOW),
        "long-file": trait("one source file grew tenfold", Severity.MEDIUM, Confidence.LOW),
    },
)

GROWTH = 3
LONG_GROWTH = 10
LEAST_CODE = 100_000
"""Bytes of code more than before: below, a doubled small project is ordinary growth."""
LEAST_DATA = 5_000_000
LEAST_FILE = 30_000


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for growth against the base."""
    if base is None:
        return
    for name, code, least in (("code", True, LEAST_CODE), ("data", False, LEAST_DATA)):
        now, then = _bytes(view, code=code), _bytes(base, code=code)
        if now > GROWTH * then and now - then > least:
            shown = f"{then:,} → {now:,} bytes"
            yield mark(RULE, name, path=view.release.filename, shown=shown)
    before = {base.plain(path): entry.size for path, entry in base.entries.items()}
    for path, entry in view.entries.items():
        then = before.get(view.plain(path), 0)
        grew = entry.size > LONG_GROWTH * then and entry.size - then > LEAST_FILE
        if then and grew and entry.language is Language.PYTHON:
            yield mark(
                RULE,
                "long-file",
                path=path,
                line=1,
                shown=f"{then:,} → {entry.size:,} bytes",
                reach=view.placement.reach(path),
                how=view.placement.how(path),
            )


def _bytes(view: ReleaseView, *, code: bool) -> int:
    return sum(e.size for e in view.release.files if (e.language is Language.PYTHON) is code)


SIZE_JUMP = ReleaseRule(rule=RULE, run=find)
