"""Rule `metadata-oddity`: what a release says of itself is missing or thrown together."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.content.data_tables import load_table
from pratique.vet.model import Confidence, Context, Metadata, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, file_project, is_same_project, mark, metadata_path
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="metadata-oddity",
    title="Odd or missing metadata",
    techniques=("T1195.001",),
    what="The release tells little of itself, or tells it in the way that throw-away uploads do.",
    danger="Attackers rarely write documentation; very high versions win over a company's own packages.",
    benign="Many small honest projects are just as terse. Says little alone.",
    traits={
        "high-version": trait("has a version made to win", Severity.MEDIUM, Confidence.MEDIUM),
        "no-summary": trait("has no summary", Severity.INFO, Confidence.LOW),
        "no-description": trait("has no description", Severity.INFO, Confidence.LOW),
        "no-addresses": trait("names no home page or repository", Severity.INFO, Confidence.LOW),
        "no-classifiers": trait("has no classifiers", Severity.INFO, Confidence.LOW),
        "no-license": trait("names no licence", Severity.INFO, Confidence.LOW),
        "no-author": trait("names no author", Severity.INFO, Confidence.LOW),
        "throw-away-author": trait("has a throw-away author name", Severity.LOW, Confidence.LOW),
        "throw-away-address": trait(
            "has a throw-away mail address", Severity.LOW, Confidence.MEDIUM
        ),
        "other-name": trait("is named otherwise than its file", Severity.MEDIUM, Confidence.MEDIUM),
        "no-metadata": trait("has no metadata at all", Severity.LOW, Confidence.MEDIUM),
    },
)

HIGH = 90
"""Major versions from here on are rare, except years."""
YEARS = range(1980, 2101)
SHORT_AUTHOR = 2


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for the first release that is seen of a project."""
    if is_same_project(view, base):
        return
    metadata, where = view.release.metadata, metadata_path(view)
    if not metadata.name:
        yield mark(RULE, "no-metadata", path=where, shown=view.release.filename)
        return
    for name, shown in (*_missing(metadata), *_thrown_together(metadata)):
        yield mark(RULE, name, path=where, shown=shown)
    own = file_project(view)
    if own and canonicalize_name(metadata.name) != own:
        shown = f"{metadata.name} in {view.release.filename}"
        yield mark(RULE, "other-name", path=where, shown=shown)


def _missing(metadata: Metadata) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("no-summary", metadata.summary),
        ("no-description", metadata.description_size),
        ("no-addresses", metadata.urls),
        ("no-classifiers", metadata.classifiers),
        ("no-license", metadata.license),
        ("no-author", metadata.author or metadata.author_email or metadata.maintainer),
    ):
        if not value:
            yield name, f"{metadata.name} {metadata.version}"


def _thrown_together(metadata: Metadata) -> Iterator[tuple[str, str]]:
    if is_high(metadata.version):
        yield "high-version", metadata.version
    table = load_table("release-names")["throw-away"]
    author = " ".join(metadata.author.lower().split())
    if author and (author in table["authors"] or len(author) <= SHORT_AUTHOR):
        yield "throw-away-author", metadata.author
    for address in metadata.author_email.lower().split(", "):
        domain = address.rpartition("@")[2]
        if domain in table["domains"]:
            yield "throw-away-address", domain


def is_high(version: str) -> bool:
    """Whether the version is one that no honest counting reaches."""
    try:
        release = Version(version).release
    except InvalidVersion:
        return False
    return release[0] >= HIGH and release[0] not in YEARS


METADATA_ODDITY = ReleaseRule(rule=RULE, run=find)
