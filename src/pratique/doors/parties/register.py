"""`/_pratique/register`: the register of parties as its file, for approvers and their pipelines.

    GET /_pratique/register              the file as JSON; ?form=toml
    PUT /_pratique/register              make the register be what the body says; ?dry_run=1, ?remove=1

As `pratique party import`: all of a file or nothing, and no removal that was not asked for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from aiohttp import web

from pratique.doors.index.answers import problem
from pratique.errors import InputError
from pratique.index.ports import Identity
from pratique.ledger.entries import Draft
from pratique.parties.differences import check_suspended, differences, drafts_of, plain_change
from pratique.parties.model import Register
from pratique.parties.register_file import (
    RegisterFile,
    file_of,
    parse_register_file,
    source_of,
)
from pratique.parties.register_text import render_register_json, render_register_toml
from pratique.values.instants import Clock, Instant

MAX_BODY: Final = 16 << 20
_BODY_SECONDS: Final = 60.0
_QUERY: Final = frozenset({"form", "dry_run", "remove"})
_TOLD: Final = 20


class PlanFacts(Protocol):
    """Entries after which the facts of reach say what a register says."""

    def __call__(
        self, before: RegisterFile, after: RegisterFile, *, now: Instant, actor: str
    ) -> list[Draft]:
        """Plan them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDoorParts:
    """What the door works with; all of it is called from threads."""

    register: Callable[[], Register]
    plan_facts: PlanFacts
    append: Callable[[Sequence[Draft]], range]
    caught_up: Callable[[], object]
    now: Clock


class RegisterDoor:
    """Answers approvers. One per event loop."""

    def __init__(self, parts: RegisterDoorParts) -> None:
        self._parts = parts
        # Held while a file is compared with what stands, and recorded.
        self._turn = threading.Lock()

    async def answer(self, request: web.BaseRequest, who: Identity) -> web.Response:
        """Answer one request."""
        if who.role != "approver":
            return problem(403, "Only the token of an approver may see or change the register")
        unknown = sorted(request.query.keys() - _QUERY)
        if unknown:
            return problem(422, f"Unknown parameter {unknown[0][:40]!r}")
        if request.method in {"GET", "HEAD"}:
            return await asyncio.to_thread(self._export, request.query.get("form", "json"))
        if request.method != "PUT":
            return problem(405, "Only GET and PUT", headers={"Allow": "GET, HEAD, PUT"})
        dry_run, remove = (_flag(request, name) for name in ("dry_run", "remove"))
        if dry_run is None or remove is None:
            # Taken for no, it would change what only a look was meant for.
            return problem(422, "dry_run and remove are 1 or 0")
        try:
            body = await _body(request)
        except TimeoutError:
            return problem(408, "The file came too slowly")
        if body is None:
            return problem(413, f"A register's file has at most {MAX_BODY >> 20} MiB here")
        try:
            return await asyncio.to_thread(
                self._import, body, who.actor, dry_run=dry_run, remove=remove
            )
        except InputError as error:
            return problem(422, "The file has mistakes", mistakes=error.message.split("\n    "))

    def _export(self, form: str) -> web.Response:
        self._parts.caught_up()
        file = file_of(self._parts.register())
        if form == "toml":
            return _file(render_register_toml(file), "application/toml")
        return _file(render_register_json(file), "application/json")

    def _import(self, body: bytes, actor: str, *, dry_run: bool, remove: bool) -> web.Response:
        after = parse_register_file(body, name="the file")
        now = self._parts.now()
        with self._turn:
            self._parts.caught_up()
            register = self._parts.register()
            before = file_of(register)
            changes = differences(before, after)
            check_suspended(register, changes)
            gone = [f"{one.what} {one.name}" for one in changes if one.removes]
            if gone and not (remove or dry_run):
                told = gone[:_TOLD]
                return problem(
                    409,
                    "This removes what stands there; say remove=1",
                    removes=told,
                    count=len(gone),
                )
            facts = self._parts.plan_facts(before, after, now=now, actor=actor)
            drafts = [*drafts_of(changes, source=source_of(body), actor=actor), *facts]
            entries: Sequence[int] = ()
            if drafts and not dry_run:
                entries = self._parts.append(drafts)
                self._parts.caught_up()
        answer = {
            "changes": [plain_change(change) for change in changes],
            "facts": sum(len(one.body["facts"]) for one in facts if one.kind == "facts"),
            "dry_run": dry_run,
            "entries": [entries[0], entries[-1]] if entries else [],
        }
        return _file(msgspec.json.encode(answer).decode(), "application/json")


def _flag(request: web.BaseRequest, name: str) -> bool | None:
    """What a parameter says; None for what could be read in two ways."""
    match request.query.getall(name, ["0"]):
        case ["0" | "1" as told]:
            return told == "1"
        case _:
            return None


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body; None when it is too large."""
    body = bytearray()
    async with asyncio.timeout(_BODY_SECONDS):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    return bytes(body)


def _file(text: str, content_type: str) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK,
        body=text.encode(),
        content_type=content_type,
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )
