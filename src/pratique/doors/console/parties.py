"""The pages of parties: `/parties`, `/parties/NAME`, and the form that suspends one.

They name holders and clients, so they are for approvers only. The form asks for an approver's token of its
own: no other site can make a browser send it. Looking first (dry run) is the form's first choice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
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
from pratique.doors.console.party_values import PartiesView, PartyView
from pratique.doors.index.answers import problem
from pratique.errors import InputError
from pratique.index.ports import Identity


class PartyAnswers(Protocol):
    """What the pages ask; called in a worker thread."""

    def listed(self) -> PartiesView:
        """All parties as of now. Raises: UnavailableError."""
        ...

    def show(self, name: str) -> PartyView | None:
        """One party; None: the register has none of this name. Raises: UnavailableError."""
        ...

    def suspend(self, name: str, form: Mapping[str, str], *, dry: bool, actor: str) -> PartyView:
        """Suspend, or say what that would stop. Raises: InputError, UnavailableError."""
        ...


Render = Callable[[web.BaseRequest, str, PartiesView | PartyView, int], web.StreamResponse]


class PartyPages:
    """Answers `/parties…`."""

    def __init__(self, answers: PartyAnswers, render: Render, *, approver_of: ApproverOf) -> None:
        self._answers = answers
        self._render = render
        self._approver_of = approver_of

    async def answer(
        self, request: web.BaseRequest, path: Sequence[str], who: Identity, address: str
    ) -> web.StreamResponse:
        """Answer a path below `/parties`, already split."""
        if denied := denial(who, "Parties are"):
            return denied
        match (request.method, *path):
            case ("GET" | "HEAD",) | ("GET" | "HEAD", ""):
                view = await asyncio.to_thread(self._answers.listed)
                return self._render(request, "parties.html", view, 200)
            case ("GET" | "HEAD", name):
                return await self._party(request, name, note="", status=200)
            case ("POST", name, "suspend"):
                return await self._suspend(request, name, address)
            case (_, _, "suspend") | (_,) | (_, _):
                return problem(405, "GET and HEAD here; POST at /parties/NAME/suspend")
            case _:
                return problem(404, "No such page")

    async def _party(
        self, request: web.BaseRequest, name: str, *, note: str, status: int
    ) -> web.StreamResponse:
        view = await asyncio.to_thread(self._answers.show, name)
        if view is None:
            return problem(404, "The register has no party of this name")
        view = msgspec.structs.replace(view, note=note)
        return self._render(request, "party.html", view, status)

    async def _suspend(
        self, request: web.BaseRequest, name: str, address: str
    ) -> web.StreamResponse:
        form = await read_form(request)
        if form is None:
            return problem(400, "Not a small form in UTF-8")
        approver = await form_approver(form, address, self._approver_of)
        if isinstance(approver, Denied):
            note = f"Nothing was changed: {approver.why}."
            return await self._party(request, name, note=note, status=approver.status)
        action = form.get("action", "")
        if action not in {"look", "suspend"}:
            note = "Nothing was changed: look or suspend?"
            return await self._party(request, name, note=note, status=400)
        try:
            view = await asyncio.to_thread(
                self._answers.suspend, name, form, dry=action == "look", actor=approver.actor
            )
        except InputError as error:
            told = f"{error.message}; expected: {error.expected}".removesuffix("; expected: ")
            note = f"Nothing was changed: {told}."
            return await self._party(request, name, note=note, status=400)
        return self._render(request, "party.html", view, 200)
