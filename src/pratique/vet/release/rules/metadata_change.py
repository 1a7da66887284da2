"""Rule `metadata-change`: the people or the addresses behind a project changed."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, Metadata, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark, metadata_path
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="metadata-change",
    title="Other people or addresses than before",
    techniques=("T1195.002",),
    what="Author, maintainer, home page or licence differ from the predecessor's.",
    danger="A project that was taken over, or whose build was replaced, often tells other names.",
    benign="Maintainers change, hosts move, licences are spelled anew.",
    traits={
        "author": trait("has another author", Severity.LOW, Confidence.LOW),
        "author-email": trait("has another author address", Severity.LOW, Confidence.LOW),
        "maintainer": trait("has another maintainer", Severity.LOW, Confidence.LOW),
        "home-page": trait("has none of its addresses any more", Severity.LOW, Confidence.LOW),
        "license": trait("has another licence", Severity.INFO, Confidence.LOW),
        "vanished": trait(
            "tells neither author nor address any more", Severity.MEDIUM, Confidence.LOW
        ),
    },
)


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for what both tell and tell differently, and for all having vanished."""
    if base is None:
        return
    now, then, where = view.release.metadata, base.release.metadata, metadata_path(view)
    for name, old, new in _pairs(then, now):
        if old and new and _plain(old) != _plain(new):
            yield mark(RULE, name, path=where, shown=f"{old} → {new}")
    if then.urls and now.urls and not _hosts(then) & _hosts(now):
        yield mark(RULE, "home-page", path=where, shown=f"{then.urls[0]} → {now.urls[0]}")
    told = then.author or then.author_email or then.maintainer
    if told and then.urls and not (now.author or now.author_email or now.maintainer or now.urls):
        yield mark(RULE, "vanished", path=where, shown=f"was: {told}, {then.urls[0]}")


def _pairs(then: Metadata, now: Metadata) -> tuple[tuple[str, str, str], ...]:
    return (
        ("author", then.author, now.author),
        ("author-email", then.author_email, now.author_email),
        ("maintainer", then.maintainer, now.maintainer),
        ("license", then.license[:60], now.license[:60]),
    )


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _hosts(metadata: Metadata) -> set[str]:
    """Owner or host of each address: `github.com/owner`, `docs.example`."""
    found = set()
    for url in metadata.urls:
        parts = url.lower().rpartition("://")[2].removeprefix("www.").split("/")
        found.add("/".join(parts[:2]) if parts[0] in {"github.com", "gitlab.com"} else parts[0])
    return found


METADATA_CHANGE = ReleaseRule(rule=RULE, run=find)
