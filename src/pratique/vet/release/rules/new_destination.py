"""Rule `new-destination`: network hosts that the predecessor never named."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, ContentFacts, Context, PlacedSign, Severity, Sign
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="new-destination",
    title="Names a new network host",
    techniques=("T1071.001", "T1567"),
    what="Code that runs names a host that nothing in the predecessor named.",
    danger="Stolen data needs somewhere to go, and a second stage somewhere to come from.",
    benign="Services move and new ones are added; then documentation and changelog name them too.",
    traits={
        "host": trait("names a host that the base did not", Severity.LOW, Confidence.MEDIUM),
        "address": trait(
            "names an IP address that the base did not", Severity.MEDIUM, Confidence.MEDIUM
        ),
    },
)

SHOWN = 20
"""Hosts shown."""
_MARK = "://"
_ENDS = frozenset("/?#\\'\"`<>{}()[],; \t…")


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each new host, at the first place that names it."""
    if base is None:
        return
    known = {host for _, facts in base.walk() for host, _ in hosts_of(facts)}
    told: set[str] = set()
    for entry, facts in view.walk():
        for host, sign in hosts_of(facts):
            reach = view.placement.reach(entry.path, sign.region)
            if host in known or host in told or not reach or len(told) >= SHOWN:
                continue
            told.add(host)
            yield mark(
                RULE,
                "address" if host.replace(".", "").isdigit() else "host",
                path=entry.path,
                line=sign.line,
                excerpt=sign.excerpt,
                shown=host,
                reach=reach,
                how=view.placement.how(entry.path, sign.region),
                besides=view.placement.besides(entry.path, sign.region),
            )


def hosts_of(facts: ContentFacts) -> Iterator[tuple[str, Sign]]:
    """Hosts in what signs show, with the sign."""
    for sign in facts.signs:
        for text in (sign.shown, sign.excerpt):
            at = text.find(_MARK)
            while at >= 0:
                host = _host(text[at + len(_MARK) : at + len(_MARK) + 200])
                if host:
                    yield host, sign
                at = text.find(_MARK, at + 1)


def _host(rest: str) -> str:
    end = next((index for index, char in enumerate(rest) if char in _ENDS), len(rest))
    host = rest[:end].rpartition("@")[2].partition(":")[0].lower().strip(".")
    return host if "." in host and host.isascii() else ""


NEW_DESTINATION = ReleaseRule(rule=RULE, run=find)
