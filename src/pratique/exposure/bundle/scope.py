"""What concerns one client, and nothing else: for a case that may be given to that client.

An asset concerns a client when the client operates it or is served by it, or when it held a
credential from which the client's data can be reached. Everything else is somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from pratique.errors import InputError
from pratique.exposure.bundle.page import WORDS, render_page
from pratique.exposure.certainty import Certainty
from pratique.exposure.disclosure import Disclosed
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import (
    Asked,
    AssetLine,
    Counts,
    IncidentAnswer,
    Reach,
    Reached,
    StageCounts,
    encode_value,
    sealed,
)
from pratique.exposure.job_secrets import runs_given
from pratique.exposure.ports import NOW_TX, FactQueries
from pratique.exposure.why import RULE_WORDS
from pratique.inventory.observed.model import AssetKind, EvidenceClass, PlaceKind, Relation, Stage
from pratique.ledger.entries import Entry
from pratique.values.spans import DAWN, OPEN, from_micros

_ASSETS_AT_ONCE: Final = 5000
_OWNED: Final = frozenset({"client", "people", "vendor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientScope:
    """What concerns one client (entity keys)."""

    client: str
    datasets: frozenset[str]
    people: frozenset[str]
    """Whose data lies in these datasets."""
    identities: frozenset[str]
    """From which these datasets can be reached."""
    assets: frozenset[str]

    @property
    def mine(self) -> frozenset[str]:
        """Everything that the client may read of."""
        return self.datasets | self.people | self.identities | self.assets | {self.client}

    def lists_others(self, entry: Entry) -> bool:
        """Whether what a look saw holds a credential that does not lead to this client's data.

        Names of credentials that are good on one machine only are short there, and no guard knows
        them: `id_rsa`.
        """
        if entry.kind != "content":
            return False
        return not all(self._is_mine(one) for one in entry.body.get("identities", ()))

    def _is_mine(self, one: Mapping[str, Any]) -> bool:
        front, name = f"identity:{one.get('kind')}/", str(one.get("name"))
        if not one.get("local"):
            return front + name in self.identities
        return any(key.startswith(front) and key.endswith(f"/{name}") for key in self.identities)


def scope_of_client(client: str, queries: FactQueries, *, tx: int = NOW_TX) -> ClientScope:
    """Everything that concerns a client, whenever it did.

    Raises: InputError when nothing is known that does: an empty case would prove nothing.
    """
    owned = queries.edges_to(Relation.BELONGS_TO, [client], tx=tx)
    datasets = {edge.subject for edge in owned}
    people = {
        edge.object
        for edge in queries.edges_from(Relation.BELONGS_TO, datasets, tx=tx)
        if edge.object.startswith("people:")
    }
    identities = {edge.subject for edge in queries.edges_to(Relation.OPENS, datasets, tx=tx)}
    waiting = identities
    while waiting:
        found = {edge.subject for edge in queries.edges_to(Relation.ASSUMES, waiting, tx=tx)}
        waiting = found - identities
        identities |= waiting
    assets = {edge.subject for edge in queries.edges_to(Relation.OPERATED_BY, [client], tx=tx)}
    assets |= {holder for holder, held in _holdings(queries, tx) if held in identities}
    assets |= runs_given(queries, identities, tx=tx)
    if not datasets and not assets:
        raise InputError(
            f"nothing is known of {client}",
            expected="a client with data (`belongs-to`) or assets (`operated-by`) in the facts",
            remedy="record what belongs to it: pratique reach import",
        )
    return ClientScope(
        client=client,
        datasets=frozenset(datasets),
        people=frozenset(people),
        identities=frozenset(identities),
        assets=frozenset(assets),
    )


def _holdings(queries: FactQueries, tx: int) -> Iterator[tuple[str, str]]:
    """(asset, identity) of everything that any asset ever held."""
    rows = list(queries.assets(tx=tx))
    for start in range(0, len(rows), _ASSETS_AT_ONCE):
        ids = [row.id for row in rows[start : start + _ASSETS_AT_ONCE]]
        for edge in queries.holds(ids, DAWN, OPEN, tx=tx):
            yield edge.subject, edge.object


def names_of_others(scope: ClientScope, queries: FactQueries, *, tx: int = NOW_TX) -> set[str]:
    """Every name known that is not this client's to read."""
    names = {f"asset:{row.name}" for row in queries.assets(tx=tx)}
    for pair in _holdings(queries, tx):
        names.update(pair)
    for relation in Relation:
        for edge in queries.edges_of(relation, tx=tx):
            names.update((edge.subject, edge.object))
    kinds = ("asset", "identity", "dataset", *_OWNED)
    return {name for name in names - scope.mine if name.partition(":")[0] in kinds}


def guard_of_client(
    scope: ClientScope, others: Iterable[str], *, public: Iterable[str] = ()
) -> NameGuard:
    """Knows the names of others. `public`: what is known to everybody, such as bad releases.

    A name of our own that contains another party's counts as that party's. Words that stand in every
    case give nobody away.
    """
    forbidden = [name for name in others if _bare(name) not in _vocabulary()]
    parties = NameGuard([name for name in forbidden if name.partition(":")[0] in _OWNED])
    mine = {name for name in scope.mine if name == scope.client or parties.find(name) is None}
    return NameGuard(forbidden, allowed=mine | set(public))


def narrow(answer: IncidentAnswer, scope: ClientScope, guard: NameGuard) -> IncidentAnswer:
    """The answer without anybody else: other reach, names of others in sentences and lines.

    `answer` is of the scope's assets only (`Asked.assets`).
    """
    lines = tuple(_narrow_line(line, guard) for line in answer.lines)
    reach = answer.reach
    kept = {
        "identities": _kept(reach.identities, scope.identities, guard),
        "datasets": _kept(reach.datasets, scope.datasets, guard),
        "clients": _kept(reach.clients, frozenset({scope.client}), guard),
        "people": _kept(reach.people, scope.people, guard),
        "vendors": (),
    }
    blind = tuple(one for one in reach.assets_without_identities if guard.find(one) is None)
    asked = msgspec.structs.replace(
        answer.asked, assets=tuple(one for one in answer.asked.assets if guard.find(one) is None)
    )
    return sealed(
        msgspec.structs.replace(
            answer,
            title=_said(answer.title, guard, "An incident"),
            asked=asked,
            # Of the whole house; how much there is of others is not this reader's to know.
            facts=0,
            lines=lines,
            groups=(),
            reach=Reach(
                **kept,
                assets_without_identities=blind,
                taken=_said(reach.taken, guard),
                disclosed=_disclosed(reach, scope.client),
            ),
            not_seen=tuple(_said(one, guard) for one in answer.not_seen),
        )
    )


WITHHELD: Final = "withheld: it names somebody else"


def _said(text: str, guard: NameGuard, instead: str = WITHHELD) -> str:
    return instead if guard.find(text) is not None else text


def _narrow_line(line: AssetLine, guard: NameGuard) -> AssetLine:
    """A line that names somebody else keeps what is known, without saying where."""

    def clean(text: str) -> str:
        return _said(text, guard)

    sightings = tuple(
        msgspec.structs.replace(
            one,
            locator=clean(one.locator),
            lineage=clean(one.lineage),
            at=clean(one.at),
            note=clean(one.note),
            parents=tuple(clean(parent) for parent in one.parents),
        )
        for one in line.sightings
    )
    hidden = f"asset:withheld-{line.entries[0] if line.entries else 0}"
    return msgspec.structs.replace(
        line,
        asset=_said(line.asset, guard, hidden),
        sightings=sightings,
        missing=clean(line.missing),
        note=clean(line.note),
        door=None,
    )


def _kept(found: Sequence[Reached], mine: frozenset[str], guard: NameGuard) -> tuple[Reached, ...]:
    """Entities of the scope; a proof that leads through somebody else's is not told."""
    return tuple(
        one if guard.find_in_bytes(encode_value(one)) is None else _unproven(one)
        for one in found
        if one.entity in mine and guard.find(one.entity) is None
    )


def _disclosed(reach: Reach, client: str) -> tuple[Disclosed, ...] | msgspec.UnsetType:
    """What was read of the client's own data; who the vendor is stays out, as everywhere here."""
    if isinstance(reach.disclosed, msgspec.UnsetType):
        return msgspec.UNSET
    return tuple(
        msgspec.structs.replace(one, vendor="", project="", holder="")
        for one in reach.disclosed
        if f"client:{one.client}" == client
    )


def _unproven(one: Reached) -> Reached:
    return msgspec.structs.replace(one, proof=())


def _bare(name: str) -> str:
    return (name.partition(":")[2] or name).lower()


_NOTHING_READ: Final = Disclosed(
    lease="", client="", vendor="", project="", holder="", start=from_micros(0), end=None,
    not_after=from_micros(0), revoked_at=None, budget_bytes=0, bytes=0, segments=0, objects=0,
    reads=0, addresses=0, first_at=None, last_at=None, presumed=False, named=(), entries=(),
    entries_total=0,
)  # fmt: skip


@cache
def _vocabulary() -> frozenset[str]:
    """Words that stand in every case, whoever it is about."""
    empty = sealed(
        IncidentAnswer(
            incident="", title="", asked=Asked(), asked_at=from_micros(0), as_known_at=0, facts=0,
            advisories=(), windows=(), widest=None, counts=Counts(), stages=StageCounts(), lines=(),
            groups=(), reach=Reach(disclosed=(_NOTHING_READ,)), not_seen=(), unreadable=0,
        )
    )  # fmt: skip
    text = render_page(empty).decode() + encode_value(empty).decode()
    text += " ".join((*WORDS, *WORDS.values(), *RULE_WORDS, *RULE_WORDS.values()))
    words = set(re.findall(r"[a-z]+", text.lower()))
    for kinds in (AssetKind, PlaceKind, Certainty, Relation):
        words.update(
            word for one in kinds for word in (one.value, *re.findall("[a-z]+", one.value))
        )
    words.update(one.word for one in (*Stage, *EvidenceClass))
    return frozenset(words)
