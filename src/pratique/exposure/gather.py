"""Collecting, through a small protocol, the facts that bear on a question."""

from __future__ import annotations

from collections.abc import Collection

from pratique.exposure.facts import Delivery, DoorFacts, PresenceFacts, Refusal
from pratique.exposure.question import Question
from pratique.exposure.views import fold_views, matching_offers
from pratique.values.digests import Sha256


def gather_facts(presence: PresenceFacts, question: Question) -> DoorFacts:
    """Collect what bears on a question.

    A file's identity is its hash: what the named releases' files hash to is looked for everywhere,
    under whatever index, project or file name it was listed or delivered.
    """
    digests = frozenset(question.sha256s) | _digests_of_releases(presence, question)
    listing = presence.listing(question, digests)
    offers = matching_offers(fold_views(listing), question, digests)
    # A view that nobody can explain may have listed what no other view of the page ever did.
    pages = {recording.key.page for recording in listing.recordings}
    pages.update(presence.pages(question.projects))
    deliveries = presence.deliveries(question, digests)
    refusals = presence.refusals(question, digests)
    return DoorFacts(
        applied=presence.applied(),
        sessions=tuple(presence.sessions(offers.keys())),
        offers=offers,
        unexplained=tuple(presence.unexplained_sessions(pages)),
        deliveries=tuple(d for d in deliveries if _concerns(question, digests, d)),
        refusals=tuple(r for r in refusals if _concerns(question, digests, r)),
        watches=tuple(presence.watches()),
        assets=tuple(presence.assets()),
        unreadable=presence.unreadable(),
    )


def _digests_of_releases(presence: PresenceFacts, question: Question) -> frozenset[Sha256]:
    """Hashes that files of the named releases were ever listed or delivered with."""
    if not question.releases:
        return frozenset()
    listing = presence.listing(question, ())
    projects = {r.number: r.key.page.project for r in listing.recordings}
    listed = {
        Sha256(line.sha256)
        for line in listing.lines
        if line.sha256 and question.names(projects[line.recording], line.version)
    }
    delivered = {
        d.sha256
        for d in presence.deliveries(question, ())
        if d.sha256 and question.names(d.page.project, d.version)
    }
    return frozenset(listed | delivered)


def _concerns(question: Question, digests: Collection[str], fact: Delivery | Refusal) -> bool:
    return fact.sha256 in digests or question.names(fact.page.project, fact.version)
