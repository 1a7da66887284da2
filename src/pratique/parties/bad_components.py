"""What parties' systems have of what advisories and verdicts call bad.

Asked from the bad thing, never from the assets: who had it is one question, whoever they are; whose
they are is decided last. Each source of badness is evaluated by itself, so that checking one advisory
again says what checking all of them would say of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from packaging.version import InvalidVersion, Version

from pratique.exposure.advisories.model import Advisory, How
from pratique.exposure.incident import Asked
from pratique.exposure.ports import FactQueries, Hit, ItemRow
from pratique.exposure.wanted import find_items, resolve_question
from pratique.parties.assets import EVIDENCE_ASSETS, operates
from pratique.parties.checks.components_poisoned import REMEMBERED
from pratique.parties.checks.facts import BadComponent
from pratique.parties.model import Register
from pratique.values.instants import Instant
from pratique.values.spans import DAWN, OPEN, from_micros, to_micros

_CHUNK: Final = 400
"""Projects or files that are looked for in one question."""
_SAYS: Final = 200
_ENTRIES: Final = 20
_A_LITTLE: Final = timedelta(microseconds=1)


class Owners:
    """Which parties operate an asset: by the register's patterns, and by facts."""

    def __init__(self, register: Register, operated: Mapping[str, Iterable[str]]) -> None:
        """`operated`: parties by name of an asset, from `operated-by` facts."""
        self._parties = register.parties
        self._patterned = [one for one in register.parties.values() if one.assets]
        self._operated = {asset: frozenset(names) for asset, names in operated.items()}
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, asset: str) -> tuple[str, ...]:
        """Names of the parties, sorted."""
        known = self._known.get(asset)
        if known is None:
            known = self._known[asset] = tuple(sorted(self._found(asset)))
        return known

    def _found(self, asset: str) -> set[str]:
        facts = {name for name in self._operated.get(asset, ()) if name in self._parties}
        if asset.startswith(f"{EVIDENCE_ASSETS}/"):
            named = self._parties.get(asset.split("/")[1])
            return facts | ({named.name} if named and operates(named, asset) else set())
        return facts | {one.name for one in self._patterned if operates(one, asset)}


class Whereabouts:
    """Who has items: everybody, or only some assets where most are of nobody who is checked."""

    def __init__(
        self, queries: FactQueries, *, tx: int, assets: Collection[int] | None = None
    ) -> None:
        """`assets`: only these matter; None: all do. What is found at others may be left out."""
        self.queries = queries
        self.tx = tx
        self._assets = assets
        self._names: frozenset[tuple[str, str]] = frozenset()
        self._hits: dict[int, list[Hit]] = {}

    def expect(self, names: Iterable[tuple[str, str]]) -> None:
        """These projects are asked for next: one question for each asset instead of one for each item."""
        if self._assets is None:
            return
        self._names = frozenset(names)
        self._hits = {}
        for asset in self._assets if self._names else ():
            for hit in self.queries.hits_of_asset(asset, self._names, tx=self.tx):
                self._hits.setdefault(hit.item, []).append(hit)

    def hits(self, rows: Iterable[ItemRow], since: int, until: int) -> list[Hit]:
        """Where these items may have been in `[since, until)`."""
        found: list[Hit] = []
        others: list[int] = []
        for row in rows:
            if (row.type, row.name) in self._names:
                kept = self._hits.get(row.id, ())
                found += (hit for hit in kept if hit.span.may_overlap(since, until))
            else:
                others.append(row.id)
        return [*found, *(self.queries.hits(others, since, until, tx=self.tx) if others else ())]


class BadVerdict(NamedTuple):
    """A file that vetting calls malicious."""

    sha256: str
    project: str
    version: Version | None
    reason: str
    entry: int

    @property
    def source(self) -> str:
        """As findings name it."""
        return f"verdict:{self.sha256[:12]}"


class _Library:
    """The advisories at hand, for `resolve_question`."""

    def __init__(self, advisories: Iterable[Advisory]) -> None:
        self._known = {one.revision.id: one for one in advisories}

    def newest(self, id_: str, *, tx: int) -> Advisory | None:  # noqa: ARG002 - as the protocol
        return self._known.get(id_)

    def mentioning(self, what: str, *, tx: int) -> Sequence[str]:  # noqa: ARG002 - as the protocol
        return ()


def bad_by_advisories(
    advisories: Iterable[Advisory],
    where: Whereabouts,
    owners: Owners,
    *,
    now: Instant,
) -> Iterator[BadComponent]:
    """What advisories call bad; withdrawn ones call nothing so."""
    chunk: list[Advisory] = []
    for one in advisories:
        if one.revision.withdrawn is None:
            chunk.append(one)
        if len(chunk) >= _CHUNK:
            yield from _of_chunk(chunk, where, owners, now=now)
            chunk = []
    yield from _of_chunk(chunk, where, owners, now=now)


def _of_chunk(
    chunk: Sequence[Advisory], where: Whereabouts, owners: Owners, *, now: Instant
) -> Iterator[BadComponent]:
    """Most advisories name what nobody here has; those are put aside in two questions for all."""
    queries, tx = where.queries, where.tx
    names = {name for one in chunk for name in one.names if name[1]}
    digests = {digest for one in chunk for digest in one.digests}
    seen_names = {(row.type, row.name) for row in queries.items_named(names, tx=tx)}
    seen_digests = {row.digest for row in queries.items_with_digest(digests, tx=tx)}
    where.expect(names & seen_names)
    library = _Library(chunk)
    for one in chunk:
        if seen_names.isdisjoint(one.names) and seen_digests.isdisjoint(one.digests):
            continue
        wanted = resolve_question(Asked(advisories=(one.revision.id,)), library, tx=tx)
        found = find_items(wanted, queries, tx=tx)
        items = {
            number: (
                row,
                found.matches[number].sure,
                found.matches[number].start,
                found.matches[number].end,
            )
            for number, row in found.rows.items()
            if found.matches[number].how is not How.RANGE
        }
        yield from _where(items, _source_of(one), where, owners, now=now)


class _Source(NamedTuple):
    id: str
    poisoned: bool
    severity: str
    says: str
    entry: int


def _source_of(advisory: Advisory) -> _Source:
    revision = advisory.revision
    return _Source(
        id=revision.id,
        poisoned=revision.malware,
        severity=" ".join(revision.severity)[:_SAYS],
        says=" ".join(revision.summary.split())[:_SAYS],
        entry=revision.entry,
    )


def bad_by_verdicts(
    verdicts: Sequence[BadVerdict],
    where: Whereabouts,
    owners: Owners,
    *,
    now: Instant,
) -> Iterator[BadComponent]:
    """What vetting calls malicious: by its hash, and by name and version where no other hash is known."""
    queries, tx = where.queries, where.tx
    for start in range(0, len(verdicts), _CHUNK):
        chunk = verdicts[start : start + _CHUNK]
        by_digest: dict[str, list[ItemRow]] = {}
        digests = {f"sha256:{one.sha256}" for one in chunk}
        for row in queries.items_with_digest(digests, tx=tx):
            by_digest.setdefault(row.digest, []).append(row)
        by_name: dict[str, list[ItemRow]] = {}
        names = {("pypi", one.project) for one in chunk if one.project}
        for row in queries.items_named(names, tx=tx):
            by_name.setdefault(row.name, []).append(row)
        where.expect(("pypi", name) for name in by_name)
        for one in chunk:
            items = {
                row.id: (row, True, DAWN, OPEN) for row in by_digest.get(f"sha256:{one.sha256}", ())
            }
            for row in by_name.get(one.project, ()):
                if not row.digest and _is_version(row.version, one.version):
                    items.setdefault(row.id, (row, False, DAWN, OPEN))
            source = _Source(one.source, True, "", " ".join(one.reason.split())[:_SAYS], one.entry)  # noqa: FBT003 - a tuple's field
            yield from _where(items, source, where, owners, now=now)


def _is_version(text: str, version: Version | None) -> bool:
    try:
        return version is not None and Version(text) == version
    except InvalidVersion:
        return False


_Items = Mapping[int, tuple[ItemRow, bool, int, int]]
"""By item: its row, whether it is surely this, and from when to when it was bad."""


def _where(
    items: _Items,
    source: _Source,
    where: Whereabouts,
    owners: Owners,
    *,
    now: Instant,
) -> list[BadComponent]:
    """Where these items are, or (of malicious ones) were."""
    if not items:
        return []
    moment = to_micros(now)
    since = to_micros(now - REMEMBERED) if source.poisoned else moment
    until = to_micros(now + _A_LITTLE)
    rows = [row for row, _, _, _ in items.values()]
    hits = [
        hit
        for hit in where.hits(rows, since, until)
        if hit.span.may_overlap(items[hit.item][2], items[hit.item][3])
    ]
    names = {row.id: row.name for row in where.queries.assets_by_id({hit.asset for hit in hits})}
    grouped: dict[tuple[str, str, str], list[Hit]] = {}
    for hit in hits:
        asset = names[hit.asset]
        for party in owners.of(asset):
            key = (party, asset, _component(items[hit.item][0]))
            grouped.setdefault(key, []).append(hit)
    return [_joined(key, grouped[key], items, source, moment=moment) for key in sorted(grouped)]


def _joined(
    key: tuple[str, str, str], hits: Sequence[Hit], items: _Items, source: _Source, *, moment: int
) -> BadComponent:
    party, asset, component = key
    latest = max(hit.span.to_hi for hit in hits)
    entries = sorted({hit.entry for hit in hits})[-_ENTRIES:]
    return BadComponent(
        party=party,
        asset=asset,
        component=component,
        source=source.id,
        poisoned=source.poisoned,
        severity=source.severity,
        says=source.says,
        present=latest > moment,
        last_at=None if latest >= OPEN else from_micros(latest),
        sure=any(items[hit.item][1] for hit in hits),
        entries=tuple(sorted({*entries, *((source.entry,) if source.entry >= 0 else ())})),
    )


def _component(row: ItemRow) -> str:
    if not row.name:
        return row.digest
    version = f"@{row.version}" if row.version else f" {row.digest}" if row.digest else ""
    return f"pkg:{row.type}/{row.name}{version}"
