"""Rule `disguised-content`: a file is something else than its name says."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.content.data_tables import load_table
from pratique.vet.model import Confidence, ContentFacts, Context, Language, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.native import native_kind
from pratique.vet.release.paths import extension
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="disguised-content",
    title="Not what its name says",
    techniques=("T1036.008", "T1027.003"),
    what="The bytes of a file are of another kind than its ending tells: a program named like a picture, an "
    "archive named like a certificate.",
    danger="Payloads are hidden where nobody looks, and loaded by a short line of code.",
    benign="Test data with wrong endings; document formats that are archives have endings of their own.",
    traits={
        "program": trait("is a program named like data", Severity.HIGH, Confidence.HIGH),
        "archive": trait(
            "is an archive named like something else", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "python": trait("is Python code named like data", Severity.MEDIUM, Confidence.MEDIUM),
        "media": trait(
            "is named like a picture or sound and is none", Severity.MEDIUM, Confidence.LOW
        ),
    },
)

_ARCHIVES = frozenset(["zip", "gzip", "gz", "tar", "xz", "bzip2", "bz2", "7z", "rar", "zstd"])
_PYTHON = frozenset((Language.PYTHON, Language.PYC))
LARGE = 64
"""Bytes below which a media file is a placeholder, not a disguise."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each disguised file that the base did not have with these bytes."""
    known = {entry.sha256 for entry in base.release.files} if base else frozenset[str]()
    table = load_table("release-names")["endings"]
    data = frozenset(table["data"].split())
    media = frozenset(table["media"].split())
    for entry, facts in view.walk():
        if entry.sha256 in known or "!" in entry.path:
            continue
        name = _trait(entry.path, facts, data, media)
        if name:
            yield mark(
                RULE,
                name,
                path=entry.path,
                line=1,
                shown=f"{facts.form or facts.language} in {extension(entry.path)}, {entry.size:,} bytes",
                reach=view.placement.reach(entry.path),
                how=view.placement.how(entry.path),
            )


def _trait(path: str, facts: ContentFacts, data: frozenset[str], media: frozenset[str]) -> str:
    ending = extension(path)
    if ending not in data and ending not in media:
        return ""
    if native_kind(path, facts) not in {"", "native"}:
        return "program"
    if facts.form in _ARCHIVES:
        return "archive"
    if facts.form == "python" or facts.language in _PYTHON:
        return "python"
    wrong = facts.form == "" and facts.language is not Language.METADATA
    return "media" if ending in media and wrong and facts.size >= LARGE else ""


DISGUISED_CONTENT = ReleaseRule(rule=RULE, run=find)
