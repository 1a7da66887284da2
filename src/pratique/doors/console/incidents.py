"""Pages of incidents: `/incidents`, `/incidents/ID` and `/incidents/ID/why?asset=NAME`.

They name assets, credentials and clients, so they are for approvers only; an asset's token, which
lies on build machines, opens none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from pratique.doors.console.approvers import denial
from pratique.doors.console.incident_values import IncidentListView, IncidentView, WhyView
from pratique.doors.index.answers import problem
from pratique.index.ports import Identity

_MAX_NAME = 300


class IncidentAnswers(Protocol):
    """What the pages ask; each reads the projection and is called in a worker thread."""

    def listed(self) -> IncidentListView:
        """All incidents."""
        ...

    def show(self, name: str, known_at: str | None) -> IncidentView:
        """One incident. Raises: InputError."""
        ...

    def why(self, name: str, asset: str, known_at: str | None) -> WhyView:
        """One asset's chain of evidence. Raises: InputError."""
        ...


View = IncidentListView | IncidentView | WhyView
Render = Callable[[web.BaseRequest, str, View], web.StreamResponse]


class IncidentPages:
    """Answers below `/incidents`."""

    def __init__(self, answers: IncidentAnswers, render: Render) -> None:
        self._answers = answers
        self._render = render
        # An answer about the past may replay the log: one at a time, whoever asks.
        self._one = asyncio.Semaphore(1)

    async def answer(
        self, request: web.BaseRequest, path: Sequence[str], who: Identity
    ) -> web.StreamResponse:
        """Answer a path below `/incidents`, already split. Raises: InputError (400)."""
        if denied := denial(who, "Incidents are"):
            return denied
        if request.method not in {"GET", "HEAD"}:
            return problem(405, "Only GET and HEAD here")
        known_at = request.query.get("known", "").strip()[:40] or None
        async with self._one:
            match list(path):
                case [] | [""]:
                    listed = await asyncio.to_thread(self._answers.listed)
                    return self._render(request, "incidents.html", listed)
                case [name] if name and len(name) <= _MAX_NAME:
                    shown = await asyncio.to_thread(self._answers.show, name, known_at)
                    return self._render(request, "incident.html", shown)
                case [name, "why"] if name and len(name) <= _MAX_NAME:
                    asset = request.query.get("asset", "")[:_MAX_NAME]
                    if not asset:
                        return problem(400, "which asset? /incidents/ID/why?asset=NAME")
                    why = await asyncio.to_thread(self._answers.why, name, asset, known_at)
                    return self._render(request, "why.html", why)
        return problem(404, "No such page")
