"""What must be recorded so that the facts of reach say what the register of parties says.

A command records it with its change; a running door follows with assets that came since, and with
contracts that ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from pratique.exposure.ports import NOW_TX, Edge
from pratique.index.ports import TokenState
from pratique.inventory.observed.entries import RetractionBody, facts_drafts
from pratique.inventory.observed.model import Fact, Relation
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore
from pratique.parties.reach_facts import SOURCE, owned_edges, steps, wanted_facts
from pratique.parties.register_file import RegisterFile, file_of
from pratique.store.parties import read_register
from pratique.store.presence import PresenceStore
from pratique.values.instants import Instant


class RegisterFacts:
    """Plans facts for one installation. Order: the projection is up to date."""

    def __init__(
        self, log: LogStore, presence: PresenceStore, tokens: TokenState | None = None
    ) -> None:
        """What is asked; without `tokens`, assets that only a token names are not taken up."""
        self._log = log
        self._presence = presence
        self._tokens = tokens

    def plan(
        self, before: RegisterFile, after: RegisterFile, *, now: Instant, actor: str
    ) -> list[Draft]:
        """Entries after which the facts say what `after` says."""
        known = self._presence.inventory
        assets = {row.name for row in known.assets(tx=NOW_TX)}
        tokens = self._tokens.tokens() if self._tokens is not None else ()
        assets |= {token.name for token in tokens if token.role == "asset"}
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


@dataclass(slots=True, kw_only=True)
class FollowingFacts:
    """States, for a process that goes on, what came to follow from the register."""

    log: LogStore
    presence: PresenceStore
    actor: str
    every: timedelta
    _next_at: Instant | None = None

    def tick(self, *, now: Instant) -> int:
        """Do what is due; gives how many entries that took."""
        if self._next_at is not None and now < self._next_at:
            return 0
        file = file_of(read_register(self.presence))
        if not file.parties:
            return 0
        planner = RegisterFacts(self.log, self.presence)
        drafts = planner.plan(file, file, now=now, actor=self.actor)
        if drafts:
            self.log.append(drafts, now=now)
            self.presence.catch_up(batches=2)
        self._next_at = now + self.every
        return len(drafts)
