"""`/_pratique/party/…`: a party gives evidence with a token of its own, and sees what is its own.

    POST /_pratique/party/evidence    one piece as the body; what it is, as the query says
    GET  /_pratique/party/self        its profile, evidence, findings, clocks and status
    GET  /_pratique/party/status      its status, signed, as `pratique party status` writes it

1. Who: only a token of the role `party`; the token says which party, nothing in the request does.
2. How much: bounded in bytes, in pieces at once (one of each party), and per party and day, so that
   nobody fills the place where the evidence of all is kept. Looks of one party are one after the other.
3. What is wrong with a piece is recorded with it and answered; it satisfies no promise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from pratique.doors.index.answers import problem
from pratique.errors import InputError, UnavailableError
from pratique.index.ports import Identity
from pratique.parties.evidence import MAX_EVIDENCE_BYTES, Given, Witness
from pratique.parties.model import NAMED_KINDS, EvidenceKind, Party, Received, Register
from pratique.parties.own_view import own_evidence, own_view
from pratique.parties.receiving import Receipt, ReceivingParts, receive
from pratique.values.instants import Clock, Instant, parse_instant

_AT_ONCE: Final = 4
"""Pieces in memory at the same time."""
_BODY_SECONDS: Final = 120.0
_DAY: Final = timedelta(days=1)
MAX_PIECES: Final = 1_000
"""Of one party in a day."""
MAX_DAY_BYTES: Final = 256 << 20
MAX_PARTY_BYTES: Final = 1 << 30
"""Of one party, ever: a quarter of the place where the evidence of all is kept."""
_QUERY: Final = frozenset({"filename", "kind", "product", "made", "expires", "issuer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyDoorParts:
    """What the door works with; all of it is called from threads."""

    receiving: ReceivingParts
    caught_up: Callable[[], object]
    """Lets the projection know what the ledger knows."""
    witness: Callable[[], tuple[Witness | None, str]]
    now: Clock
    status: Callable[[Party, Register], bytes]
    """The signed status of a party."""


class PartyDoor:
    """Answers parties. One per event loop."""

    def __init__(self, parts: PartyDoorParts) -> None:
        self._parts = parts
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._giving: set[str] = set()
        self._looking: dict[str, asyncio.Lock] = {}
        """Of each party: it sees itself once at a time, and has one thread of those that all share."""
        # Held while a piece is compared with what is recorded, and appended.
        self._turn = threading.Lock()

    async def answer(
        self, request: web.BaseRequest, path: Sequence[str], who: Identity
    ) -> web.Response:
        """Answer one request below `/_pratique/party/`."""
        if who.role != "party" or not who.party:
            return problem(403, "Only the token of a party may ask here")
        match path:
            case ["evidence"]:
                if request.method != "POST":
                    return problem(405, "Only POST", headers={"Allow": "POST"})
                return await self._evidence(request, who)
            case ["self"]:
                if request.method not in {"GET", "HEAD"}:
                    return problem(405, "Only GET", headers={"Allow": "GET, HEAD"})
                return await self._looked(self._self, who)
            case ["status"]:
                if request.method not in {"GET", "HEAD"}:
                    return problem(405, "Only GET", headers={"Allow": "GET, HEAD"})
                return await self._looked(self._status, who)
            case _:
                return problem(404, "Parties have /_pratique/party/evidence, …/self and …/status")

    # ── evidence ─────────────────────────────────────────────────────────────────────────────

    async def _evidence(self, request: web.BaseRequest, who: Identity) -> web.Response:
        if (request.content_length or 0) > MAX_EVIDENCE_BYTES:
            return _too_large()
        if who.party in self._giving:
            # One who sends slowly, again and again, takes nobody else's place.
            return problem(
                429,
                "A piece of yours is on its way; send one at a time",
                headers={"Retry-After": "5"},
            )
        self._giving.add(who.party)
        try:
            return await self._given(request, who)
        finally:
            self._giving.discard(who.party)

    async def _given(self, request: web.BaseRequest, who: Identity) -> web.Response:
        async with self._room:
            try:
                content = await _body(request)
            except TimeoutError:
                return problem(408, "The piece came too slowly")
            if content is None:
                return _too_large()
            if not content:
                return problem(400, "The piece is the body of the request, and that is empty")
            try:
                return await asyncio.to_thread(self._take, content, dict(request.query), who)
            except InputError as error:
                expected = f"; expected: {error.expected}" if error.expected else ""
                return problem(422, f"{error.message}{expected}")

    def _take(self, content: bytes, query: dict[str, str], who: Identity) -> web.Response:
        now = self._parts.now()
        told = _read_query(query)
        with self._turn:
            self._parts.caught_up()
            register = self._parts.receiving.register()
            party = _party(register, who.party)
            full = _full(register.evidence.get(party.name, ()), len(content), now)
            if full:
                return problem(429, full, headers={"Retry-After": "3600"})
            witness, without = self._parts.witness()
            given = Given(
                party=party,
                everybody=register.parties,
                now=now,
                witness=witness,
                without_witness=without,
                **told,
            )
            receipt = receive(self._parts.receiving, content, given, actor=f"party:{party.name}")
            self._parts.caught_up()
        return _answered(own_evidence(_receipt(receipt)), new=receipt.new)

    # ── itself ───────────────────────────────────────────────────────────────────────────────

    async def _looked(
        self, look: Callable[[Identity], web.Response], who: Identity
    ) -> web.Response:
        async with self._looking.setdefault(who.party, asyncio.Lock()):
            return await asyncio.to_thread(look, who)

    def _self(self, who: Identity) -> web.Response:
        self._parts.caught_up()
        register = self._parts.receiving.register()
        party = _party(register, who.party)
        view = own_view(register, party.name, now=self._parts.now())
        return _answered(view, new=False)

    def _status(self, who: Identity) -> web.Response:
        self._parts.caught_up()
        register = self._parts.receiving.register()
        signed = self._parts.status(_party(register, who.party), register)
        return web.Response(
            body=signed, content_type="application/json", headers={"Cache-Control": "no-store"}
        )


def _party(register: Register, name: str) -> Party:
    found = register.parties.get(name)
    if found is None:
        # The token outlived its party: nothing is known for it to see or to add to.
        raise UnavailableError(f"{name} is not in the register any more")
    return found


def _read_query(query: dict[str, str]) -> dict[str, Any]:
    """What the sender says of the piece. Raises: InputError."""
    unknown = sorted(query.keys() - _QUERY)
    if unknown:
        raise InputError(
            f"unknown parameter {unknown[0][:40]!r}",
            expected=f"some of {', '.join(sorted(_QUERY))}",
        )
    kind = query.get("kind", "")
    if kind and kind not in {one.value for one in NAMED_KINDS}:
        known = ", ".join(one.value for one in NAMED_KINDS)
        raise InputError(f"unknown kind {kind[:40]!r}", expected=f"one of {known}")
    return {
        "filename": query.get("filename", "") or "piece",
        "kind": EvidenceKind(kind) if kind else None,
        "product": query.get("product", "")[:500],
        "made_at": _instant(query.get("made")),
        "expires_at": _instant(query.get("expires")),
        "issuer": query.get("issuer", "")[:500],
    }


def _instant(text: str | None) -> Instant | None:
    return parse_instant(text) if text else None


def _full(known: Sequence[Received], size: int, now: Instant) -> str:
    """Why a party may not give more today; empty: it may."""
    today = [one for one in known if one.at > now - _DAY and one.by.startswith("party:")]
    if len(today) >= MAX_PIECES:
        return f"{MAX_PIECES:,} pieces came within a day; more is taken tomorrow"
    if sum(one.evidence.size for one in today) + size > MAX_DAY_BYTES:
        return f"{MAX_DAY_BYTES >> 20} MiB came within a day; more is taken tomorrow"
    kept = {one.evidence.sha256: one.evidence.size for one in known if one.by.startswith("party:")}
    if sum(kept.values()) + size > MAX_PARTY_BYTES:
        return (
            f"{MAX_PARTY_BYTES >> 20:,} MiB of yours are kept here, which is all that a party has; "
            "ask your customer to add this piece"
        )
    return ""


def _receipt(receipt: Receipt) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(receipt.evidence)
    standing = receipt.evidence.standing.value
    return {"entry": receipt.entry, "new": receipt.new, "standing": standing, **plain}


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body; None when it is too large."""
    body = bytearray()
    async with asyncio.timeout(_BODY_SECONDS):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_EVIDENCE_BYTES:
                return None
    return bytes(body)


def _too_large() -> web.Response:
    return problem(413, f"A piece of evidence has at most {MAX_EVIDENCE_BYTES >> 20} MiB")


def _answered(answer: object, *, new: bool) -> web.Response:
    return web.Response(
        status=HTTPStatus.CREATED if new else HTTPStatus.OK,
        body=msgspec.json.encode(answer),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
