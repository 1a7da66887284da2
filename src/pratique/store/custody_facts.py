"""What leases, scopes and datasets say of reach, as rows of `edges`; and whose each entry is.

A lease is an identity, `identity:lease/ID`: whoever has its access key (with the secret beside it)
could read its datasets from `not_before` until it expired, ended or was suspended. A suspension
supersedes the fact that was to hold until expiry by one that ends there; a resumption adds another.
docs/explain/access-log.md, "What a lease could read".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import msgspec

from pratique.custody.read_entries import EndedBody, lease_of, reads_body
from pratique.custody.scopes import parse_lease_id, parse_scope
from pratique.errors import InputError, ValueFormatError
from pratique.inventory.observed.model import EvidenceClass, Relation
from pratique.ledger.entries import Entry
from pratique.store.connect import Session
from pratique.store.inventory_edges import Edges
from pratique.store.inventory_numbers import MAX_TEXT, micros_of
from pratique.values.spans import DAWN, OPEN, Span, to_micros

KINDS: Final = frozenset(
    {
        "codeword",
        "dataset",
        "dataset-version",
        "key",
        "lease",
        "lease-budget",
        "marks",
        "object",
        "object-removed",
        "read-refused",
        "reads",
        "reads-ahead",
        "reads-ended",
        "scope",
    }
)

STOP_MICROS: Final = 1_000_000
"""Within this long of its entry a suspension is in force on every node (issue 5, point 5)."""
_SQL_MOST: Final = 2**63 - 1


class _LeaseBody(msgspec.Struct, frozen=True, kw_only=True):
    holder: str
    vendor: str
    project: str
    client: str
    selectors: tuple[str, ...]
    verbs: tuple[str, ...]
    not_before: str
    not_after: str


class _ScopeBody(msgspec.Struct, frozen=True, kw_only=True):
    changed: str
    state: str
    by_rule: str = ""


class _DatasetBody(msgspec.Struct, frozen=True, kw_only=True):
    client: str


class _KeyBody(msgspec.Struct, frozen=True, kw_only=True):
    action: str


class _ObjectBody(msgspec.Struct, frozen=True, kw_only=True):
    object: str
    size: int


_BODIES: Final[dict[str, type[msgspec.Struct]]] = {
    "dataset": _DatasetBody,
    "key": _KeyBody,
    "lease": _LeaseBody,
    "object": _ObjectBody,
    "scope": _ScopeBody,
}


class CustodyOrder(msgspec.Struct, frozen=True, gc=False):
    """An entry that was read and checked."""

    entry: Entry
    body: msgspec.Struct | None
    lease: str
    dataset: str
    client: str
    """Empty: to be found out from lease or dataset."""


def read_order(entry: Entry) -> CustodyOrder:
    """Check an entry of one of `KINDS`. Raises: ValueFormatError, msgspec.ValidationError."""
    kind, _, name = entry.subject.partition(":")
    if len(entry.subject.encode()) > MAX_TEXT or "\x00" in entry.subject:
        raise ValueFormatError("not a subject", expected=f"at most {MAX_TEXT} bytes")
    if entry.kind == "reads-ended":
        ended = msgspec.convert(entry.body, EndedBody)
        return CustodyOrder(entry, ended, "", "", _word(ended.client))
    if entry.kind in {"reads", "reads-ahead"}:
        reads = reads_body(entry)
        _check_lease(lease_of(entry))
        return CustodyOrder(entry, reads, name, _word(reads.dataset), _word(reads.client))
    type_ = _BODIES.get(entry.kind)
    body = None if type_ is None else msgspec.convert(entry.body, type_)
    if isinstance(body, _ScopeBody):
        try:
            kind, _, name = parse_scope(name).partition(":")
        except InputError as error:
            raise ValueFormatError(error.message, expected=error.expected) from error
    lease = name if kind == "lease" else ""
    dataset = name if kind == "dataset" else ""
    client = name if kind == "client" else ""
    if isinstance(body, _LeaseBody):
        _check_terms(lease, body)
        client = body.client
    elif isinstance(body, _DatasetBody):
        client = _word(body.client)
    return CustodyOrder(entry, body, lease, dataset, client)


def _check_lease(name: str) -> None:
    try:
        parse_lease_id(name)
    except InputError as error:
        raise ValueFormatError(error.message, expected=error.expected) from error


def _check_terms(lease: str, body: _LeaseBody) -> None:
    _check_lease(lease)
    for text in (body.holder, body.vendor, body.project, body.client, *body.selectors):
        _word(text)
    micros_of(body.not_before)
    if (micros_of(body.not_after) or 0) <= (micros_of(body.not_before) or 0):
        raise ValueFormatError("a lease that ends before it begins", expected="not_before first")


def _word(text: str) -> str:
    if not text or "\x00" in text or len(text.encode()) > MAX_TEXT // 2:
        raise ValueFormatError(f"not a name: {text[:40]!r}", expected="1 to 300 bytes")
    return text


class CustodyFacts:
    """Applies custody's entries within one transaction."""

    def __init__(self, session: Session, edges: Edges) -> None:
        self._session = session
        self._edges = edges
        self._owners: dict[str, str] = {}
        self._clients: dict[str, str] = {}
        self._objects: list[dict[str, object]] = []
        self._entries: list[dict[str, object]] = []
        self._numbered = 0

    def apply(self, order: CustodyOrder) -> int:
        """Apply one; gives how many facts there are more (or less)."""
        gained = 0
        match order.body:
            case _LeaseBody() as body:
                gained = self._grant(order, body)
            case _DatasetBody() as body:
                gained = self._register(order, body)
            case _ScopeBody() as body if body.changed == "state":
                scope = order.entry.subject.partition(":")[2]
                gained = self._change(order, scope, body.state, by_rule=bool(body.by_rule))
            case _KeyBody(action="destroyed"):
                # What is shredded opens no more, whatever becomes of scopes.
                scope = f"key:{order.entry.subject}"
                gained = self._change(order, scope, "ended", by_rule=False)
            case _ObjectBody() as body:
                self._object(order, body)
            case _:
                pass
        self._note(order)
        return gained

    def flush(self) -> None:
        """Write what was collected."""
        self._session.run_many("add_custody_object", self._objects)
        self._session.run_many("add_custody_entry", self._entries)
        self._objects, self._entries = [], []

    # ── whose an entry is ────────────────────────────────────────────────────────────────────

    def _note(self, order: CustodyOrder) -> None:
        client = order.client or self._client(order)
        if client:
            self._entries.append(
                {
                    "seq": order.entry.sequence,
                    "kind": order.entry.kind,
                    "client": client,
                    "lease": order.lease,
                    "dataset": order.dataset,
                    "at": to_micros(order.entry.recorded_at),
                }
            )

    def _client(self, order: CustodyOrder) -> str:
        if order.dataset:
            return self._owner(order.dataset)
        if order.lease and order.lease not in self._clients:
            rows = self._session.run("find_custody_lease", lease=order.lease)
            self._clients[order.lease] = rows[0][0] if rows else ""
        return self._clients.get(order.lease, "")

    def _owner(self, dataset: str) -> str:
        if dataset not in self._owners:
            rows = self._session.run("find_custody_owner", dataset=dataset)
            self._owners[dataset] = rows[0][0] if rows else ""
        return self._owners[dataset]

    def _object(self, order: CustodyOrder, body: _ObjectBody) -> None:
        if not 0 <= body.size < _SQL_MOST:
            raise ValueFormatError("an object of no size", expected="0 bytes or more")
        self._objects.append(
            {
                "object": _word(body.object),
                "seq": order.entry.sequence,
                "dataset": order.dataset,
                "size": body.size,
            }
        )

    # ── datasets and leases ──────────────────────────────────────────────────────────────────

    def _register(self, order: CustodyOrder, body: _DatasetBody) -> int:
        if self._owner(order.dataset):
            return 0  # the first who said so counts
        self._session.run("add_custody_owner", dataset=order.dataset, client=body.client)
        self._owners[order.dataset] = body.client
        at = to_micros(order.entry.recorded_at)
        self._add(
            order,
            0,
            Relation.BELONGS_TO,
            (f"dataset:{order.dataset}", f"client:{body.client}"),
            Span(DAWN, at, at, OPEN),
        )
        return 1

    def _grant(self, order: CustodyOrder, body: _LeaseBody) -> int:
        since, until = micros_of(body.not_before), micros_of(body.not_after)
        assert since is not None
        assert until is not None
        if self._session.run("find_custody_lease", lease=order.lease):
            return 0  # terms never change; a second entry says nothing
        entry = order.entry.sequence
        prefixes = _prefixes(body.selectors)
        opens = {name: _note_of(some, entry) for name, some in sorted(prefixes.items())}
        if "read" not in body.verbs:
            opens = {}
        row: dict[str, object] = {"lease": order.lease, "until": until}
        told = {"client": body.client, "since": since, "opens": json.dumps(opens)}
        self._session.run("add_custody_lease", **row, **told, entry=entry)
        self._clients[order.lease] = body.client
        for scope, dataset in _hangs(order.lease, body, prefixes):
            self._session.run("add_custody_hang", **row, scope=scope, dataset=dataset)
        at = to_micros(order.entry.recorded_at)
        known = max(since, at)
        subject = f"identity:lease/{order.lease}"
        operated = Span(since, known, known, OPEN)
        self._add(order, 0, Relation.OPERATED_BY, (subject, f"vendor:{body.vendor}"), operated)
        stops = self._stops(order.lease)
        gained = 1
        for name, note in opens.items():
            if "" not in stops and name not in stops:
                span = Span(since, min(known, until), until, until)
                pair = subject, f"dataset:{name}"
                self._add(order, gained, Relation.OPENS, pair, span, note=note)
                gained += 1
        return gained

    # ── suspensions and ends ─────────────────────────────────────────────────────────────────

    def _change(self, order: CustodyOrder, scope: str, state: str, *, by_rule: bool) -> int:
        if state == "live":
            self._session.run("clear_custody_stop", scope=scope)
        else:
            self._session.run("set_custody_stop", scope=scope, ended=int(state == "ended"))
        at = to_micros(order.entry.recorded_at)
        hanging = self._session.run("list_custody_hanging", scope=scope, at=at)
        if not hanging:
            return 0
        self._edges.flush()
        self._numbered = 0
        gained = sum(
            self._adjust(order, lease, at=at, by_rule=by_rule)
            for lease in dict.fromkeys(row[0] for row in hanging)
        )
        self._edges.flush()
        return gained

    def _adjust(self, order: CustodyOrder, lease: str, *, at: int, by_rule: bool) -> int:
        """Let a lease's facts say what its scopes say now."""
        _, since, until, opens = self._session.run("find_custody_lease", lease=lease)[0]
        subject = f"identity:lease/{lease}"
        stops = self._stops(lease)
        standing = self._session.run("list_custody_opens", name=subject, until=until)
        gained = 0
        for entry, number, name, from_lo, from_hi, note in standing:
            if "" not in stops and name.removeprefix("dataset:") not in stops:
                continue
            row = {"entry": entry, "number": number, "seq": order.entry.sequence}
            self._session.run("supersede_edge", **row)
            gained -= 1
            end = min(at + STOP_MICROS, until)
            if from_lo < end:
                # A rule stops before its entry is written; until when it was open is not known then.
                sure = from_lo if by_rule else max(from_lo, min(at, end))
                span = Span(from_lo, min(from_hi, end), sure, end)
                gained += self._open(order, (subject, name), span, note)
        open_now = {name for _, _, name, *_ in standing}
        for dataset, note in json.loads(opens).items():
            name, stopped = f"dataset:{dataset}", "" in stops or dataset in stops
            if name not in open_now and not stopped:
                start = max(at, since)
                span = Span(start, min(start + STOP_MICROS, until), until, until)
                gained += self._open(order, (subject, name), span, note)
        return gained

    def _open(self, order: CustodyOrder, pair: tuple[str, str], span: Span, note: str) -> int:
        self._numbered += 1
        self._add(order, self._numbered, Relation.OPENS, pair, span, note=note)
        return 1

    def _stops(self, lease: str) -> set[str]:
        """Datasets that a lease cannot read now; with the empty name, all."""
        return {row[0] for row in self._session.run("list_custody_stops_of_lease", lease=lease)}

    def _add(
        self,
        order: CustodyOrder,
        number: int,
        relation: Relation,
        pair: tuple[str, str],
        span: Span,
        *,
        note: str = "",
    ) -> None:
        self._edges.add(
            relation.value,
            pair,
            span,
            entry=order.entry.sequence,
            number=number,
            evidence_class=EvidenceClass.RECORDED,
            note=note,
        )


def _prefixes(selectors: tuple[str, ...]) -> dict[str, list[str]]:
    """Prefixes by dataset; an empty one stands for all of it."""
    found: dict[str, list[str]] = {}
    for selector in selectors:
        dataset, _, prefix = selector.partition("/")
        found.setdefault(dataset, []).append(prefix)
    return found


def _note_of(prefixes: list[str], entry: int) -> str:
    """What a person should know beside the fact; keys of objects stay out of it."""
    part = "" if "" in prefixes else f", {len(prefixes)} prefixes of it only"
    return f"lease granted in entry {entry}{part}"


def _hangs(
    lease: str, body: _LeaseBody, prefixes: dict[str, list[str]]
) -> Iterator[tuple[str, str]]:
    """(scope, dataset that it stops) of a lease; an empty dataset for all."""
    yield f"lease:{lease}", ""
    yield f"holder:{body.vendor}/{body.project}/{body.holder}", ""
    yield f"project:{body.vendor}/{body.project}", ""
    yield f"vendor:{body.vendor}", ""
    yield f"client:{body.client}", ""
    yield f"key:client:{body.client}", ""
    for dataset in prefixes:
        yield f"dataset:{dataset}", dataset
        yield f"key:dataset:{dataset}", dataset
