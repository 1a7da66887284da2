"""`POST /_pratique/intake`: one batch in, durable before the answer, recorded once.

1. Who: an asset's token speaks for that asset (and what is named below it), a collector's for any,
   that of a party for what the register says that it operates.
2. The bytes are those of the batch's name; a damaged or half-sent batch changes nothing.
3. Every draft is checked; a batch is taken whole or not at all, and rests on nothing outside it.
   Contents are shared by all assets, so each must be what its name says.
4. Entries are appended together with one that names the batch. The same batch again is answered
   with what was recorded the first time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from pratique.doors.index.answers import problem
from pratique.doors.index.deliveries import agent_of
from pratique.index.ports import Identity
from pratique.inventory.observed.batches import (
    BATCH_BYTES,
    BatchError,
    assets_in,
    batch_id,
    check_contents,
    contents_needed,
    newest_look,
    parse_batch,
    states_facts,
)
from pratique.ledger.entries import Draft
from pratique.parties.assets import operates
from pratique.parties.model import Party
from pratique.parties.pushed import inventory_draft
from pratique.values.instants import Clock, render_instant

BATCH_HEADER: Final = "X-Pratique-Batch"
_AT_ONCE: Final = 4
"""Batches in memory at the same time."""
_BODY_SECONDS: Final = 60.0
_AHEAD: Final = timedelta(minutes=10)
"""How far a collector's clock may be ahead of ours."""
_NAMED: Final = 5
"""Foreign assets named in a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeParts:
    """What the intake works with; all of it is called from threads."""

    append: Callable[[Sequence[Draft]], range]
    """Make drafts durable, all or none. Raises: UnavailableError, IntegrityError."""
    is_recorded: Callable[[str], bool]
    """Whether a content is in the ledger."""
    find_batch: Callable[[str], int | None]
    """The entry that names a batch; None when it was never recorded."""
    recorded: Callable[[], object]
    """Called after a batch, so that projections catch up."""
    find_party: Callable[[str], Party | None]
    """A party of the register."""
    now: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receipt:
    batch: str
    entry: int
    drafts: int
    new: bool


class Intake:
    """Takes batches. One per event loop."""

    def __init__(self, parts: IntakeParts) -> None:
        self._parts = parts
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._pushing: set[str] = set()
        # Held by the thread that looks for a batch and appends it, so that no two do at once.
        self._turn = threading.Lock()

    async def answer(self, request: web.BaseRequest, who: Identity) -> web.Response:
        """Answer one push."""
        if request.method != "POST":
            return problem(405, "Only POST", headers={"Allow": "POST"})
        if who.role not in {"asset", "collector", "party"}:
            return problem(
                403, "Only the token of an asset, a collector or a party may push observations"
            )
        if (request.content_length or 0) > BATCH_BYTES:
            return _too_large()
        if not who.party:
            return await self._pushed(request, who)
        if who.party in self._pushing:
            # A party that sends slowly takes no place that collectors of others need.
            return problem(
                429,
                "A batch of yours is on its way; send one at a time",
                headers={"Retry-After": "5"},
            )
        self._pushing.add(who.party)
        try:
            return await self._pushed(request, who)
        finally:
            self._pushing.discard(who.party)

    async def _pushed(self, request: web.BaseRequest, who: Identity) -> web.Response:
        async with self._room:
            try:
                content = await _body(request)
            except TimeoutError:
                return problem(408, "The batch came too slowly")
            if content is None:
                return _too_large()
            name = request.headers.get(BATCH_HEADER, "")
            if batch_id(content) != name:
                return problem(400, f"The batch was damaged on its way, or {BATCH_HEADER} is wrong")
            try:
                return await asyncio.to_thread(self._take, content, name, who, agent_of(request))
            except BatchError as error:
                reason = f"{error.message}; expected: {error.expected}".removesuffix("; expected: ")
                return problem(422, reason, title="Not a batch that can be taken")

    def _take(self, content: bytes, name: str, who: Identity, agent: str) -> web.Response:
        drafts = parse_batch(content, actor=who.actor)
        party = self._parts.find_party(who.party) if who.party else None
        if refusal := _overreach(drafts, who, party):
            return problem(403, refusal)
        if missing := contents_needed(drafts):
            shown = ", ".join(sorted(missing)[:_NAMED])
            raise BatchError(f"the batch rests on contents that it does not bring: {shown}")
        check_contents(drafts)
        self._check_times(drafts)
        with self._turn:
            known = self._parts.find_batch(name)
            if known is not None:
                return _receipt(_Receipt(batch=name, entry=known, drafts=len(drafts), new=False))
            fresh = [draft for draft in drafts if not self._is_known(draft)]
            note = Draft(
                kind="intake",
                subject=f"batch:{name}",
                actor=who.actor,
                body={"drafts": len(drafts), "known": len(drafts) - len(fresh), "agent": agent},
            )
            told = [inventory_draft(party, drafts, content, name=name)] if party else []
            entries = self._parts.append([*fresh, *told, note])
            self._parts.recorded()
        return _receipt(_Receipt(batch=name, entry=entries[-1], drafts=len(drafts), new=True))

    def _check_times(self, drafts: Sequence[Draft]) -> None:
        """Refuse looks from the future: they would clear time that nobody has watched yet."""
        newest, now = newest_look(drafts), self._parts.now()
        if newest is not None and newest > now + _AHEAD:
            raise BatchError(
                f"a look ends at {render_instant(newest)}, and it is {render_instant(now)} here",
                expected="the collector's clock to be right within ten minutes",
            )

    def _is_known(self, draft: Draft) -> bool:
        return draft.kind == "content" and self._parts.is_recorded(
            draft.subject.removeprefix("content:")
        )


def _overreach(drafts: Sequence[Draft], who: Identity, party: Party | None) -> str:
    """Why this token may not say this; "" when it may."""
    if who.role == "collector" and not who.party:
        return ""
    own = who.party or who.actor.partition(":")[2]
    if states_facts(drafts):
        return "Facts concern others too: a collector's token is needed for them"
    foreign = sorted(one for one in assets_in(drafts) if not _speaks_for(who, party, one))
    if foreign:
        shown = ", ".join(one[:80] for one in foreign[:_NAMED])
        return f"The token of {own} speaks for {own} only, not for: {shown}"
    return ""


def _speaks_for(who: Identity, party: Party | None, asset: str) -> bool:
    if who.role == "asset":
        own = who.actor.partition(":")[2]
        return asset == own or asset.startswith(f"{own}/")
    return party is not None and operates(party, asset)


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body; None when it is too large."""
    body = bytearray()
    async with asyncio.timeout(_BODY_SECONDS):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > BATCH_BYTES:
                return None
    return bytes(body)


def _too_large() -> web.Response:
    return problem(413, f"A batch has at most {BATCH_BYTES:,} bytes")


def _receipt(receipt: _Receipt) -> web.Response:
    return web.json_response(
        {
            "batch": receipt.batch,
            "entry": receipt.entry,
            "drafts": receipt.drafts,
            "new": receipt.new,
        },
        status=HTTPStatus.CREATED if receipt.new else HTTPStatus.OK,
    )
