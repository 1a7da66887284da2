"""The page of custody: `/custody`, and its form that suspends or resumes a scope.

It names holders and clients, so it is for approvers only. The form asks for an approver's token of its own:
no other site can make a browser send it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from aiohttp import web

from pratique.doors.console.approvers import (
    ApproverOf,
    Denied,
    denial,
    form_approver,
    read_form,
)
from pratique.doors.console.custody_values import CustodyView
from pratique.doors.index.answers import problem
from pratique.errors import InputError
from pratique.index.ports import Identity


class CustodyAnswers(Protocol):
    """What the page asks; called in a worker thread."""

    def view(self) -> CustodyView:
        """Everything as of now. Raises: UnavailableError."""
        ...

    def change(self, scope: str, *, live: bool, reason: str, incident: str, actor: str) -> str:
        """Suspend or resume; a sentence on what was done. Raises: InputError, UnavailableError."""
        ...


Render = Callable[[web.BaseRequest, str, CustodyView, int], web.StreamResponse]


class CustodyPages:
    """Answers `/custody` and `/custody/scope`."""

    def __init__(self, answers: CustodyAnswers, render: Render, *, approver_of: ApproverOf) -> None:
        self._answers = answers
        self._render = render
        self._approver_of = approver_of

    async def answer(
        self, request: web.BaseRequest, path: Sequence[str], who: Identity, address: str
    ) -> web.StreamResponse:
        """Answer a path below `/custody`, already split."""
        if denied := denial(who, "Custody is"):
            return denied
        match (request.method, *path):
            case ("GET" | "HEAD",) | ("GET" | "HEAD", ""):
                return await self._page(request, note="", status=200)
            case ("POST", "scope"):
                return await self._change(request, address)
            case (_,) | (_, "") | (_, "scope"):
                return problem(405, "GET and HEAD here; POST at /custody/scope")
            case _:
                return problem(404, "No such page")

    async def _page(
        self, request: web.BaseRequest, *, note: str, status: int
    ) -> web.StreamResponse:
        view = await asyncio.to_thread(self._answers.view)
        view = msgspec.structs.replace(view, note=note)
        return self._render(request, "custody.html", view, status)

    async def _change(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        form = await read_form(request)
        if form is None:
            return problem(400, "Not a small form in UTF-8")
        approver = await form_approver(form, address, self._approver_of)
        if isinstance(approver, Denied):
            note = f"Nothing was changed: {approver.why}."
            return await self._page(request, note=note, status=approver.status)
        action = form.get("action", "")
        if action not in {"suspend", "resume"}:
            return await self._page(
                request, note="Nothing was changed: suspend or resume?", status=400
            )
        try:
            note = await asyncio.to_thread(
                self._answers.change,
                form.get("scope", "").strip(),
                live=action == "resume",
                reason=form.get("reason", ""),
                incident=form.get("incident", ""),
                actor=approver.actor,
            )
        except InputError as error:
            return await self._page(
                request, note=f"Nothing was changed: {error.message}.", status=400
            )
        return await self._page(request, note=note, status=200)
