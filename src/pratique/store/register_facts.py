"""What must be recorded so that the facts of reach say what the register of parties says."""

from __future__ import annotations

import msgspec

from pratique.exposure.ports import NOW_TX, Edge
from pratique.index.ports import TokenState
from pratique.inventory.observed.entries import RetractionBody, facts_drafts
from pratique.inventory.observed.model import Fact, Relation
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore
from pratique.parties.reach_facts import SOURCE, owned_edges, steps, wanted_facts
from pratique.parties.register_file import RegisterFile
from pratique.store.presence import PresenceStore
from pratique.values.instants import Instant


class RegisterFacts:
    """Plans facts for one installation. Order: the projection is up to date."""

    def __init__(self, log: LogStore, presence: PresenceStore, tokens: TokenState) -> None:
        """What is asked; nothing is written here."""
        self._log = log
        self._presence = presence
        self._tokens = tokens

    def plan(
        self, before: RegisterFile, after: RegisterFile, *, now: Instant, actor: str
    ) -> list[Draft]:
        """Entries after which the facts say what `after` says."""
        known = self._presence.inventory
        assets = {row.name for row in known.assets(tx=NOW_TX)}
        assets |= {token.name for token in self._tokens.tokens() if token.role == "asset"}
        wanted = wanted_facts(after, sorted(assets), today=now.date())
        parties = {**before.parties, **after.parties}.values()
        # A party may have been something else before: what it was is no longer so.
        entities = sorted({one.entity for one in (*parties, *before.parties.values())})
        edges = [
            edge
            for relation in (Relation.OPERATED_BY, Relation.BELONGS_TO)
            for edge in known.edges_to(relation.value, entities, tx=NOW_TX)
        ]
        stated, gone = steps(wanted, owned_edges(edges), now=now)
        retractions = [self._retraction(edge, actor) for edge in gone]
        return [*retractions, *facts_drafts(stated, source=SOURCE, actor=actor)]

    def _retraction(self, edge: Edge, actor: str) -> Draft:
        """Takes back one fact: the one of its entry that joins the same two."""
        (said,) = self._log.entries(edge.entry, edge.entry + 1)
        facts = msgspec.convert(said.body.get("facts", []), list[Fact])
        wanted = (edge.relation, edge.subject, edge.object)
        number = next(
            number
            for number, fact in enumerate(facts)
            if (fact.relation.value, fact.subject, fact.object) == wanted
        )
        body = RetractionBody(
            entry=edge.entry, fact=number, reason="the register of parties says something else"
        )
        return Draft(
            kind="retraction",
            subject=f"entry:{edge.entry}",
            actor=actor,
            body=msgspec.to_builtins(body),
        )
