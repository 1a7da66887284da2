"""HTTP of the index door: from a request line to one of the services.

    /                                   status page (console)
    /b/{id}                             why a file is blocked (console)
    /custody                            leases, scopes, drills, for approvers (console)
    /healthz /readyz /metrics           for machines
    /_pratique/intake                   observations of collectors (doors/intake)
    /_pratique/party/…                  what parties give, and see of themselves (doors/parties)
    /_pratique/register                 the register of parties, for approvers (doors/parties)
    /{index}/simple/                    names known here
    /{index}/simple/{project}/          the project's page (PEP 503, 691)
    /{index}/packages/{path}            a file; {path}.metadata, {path}.provenance its sidecars

Written on aiohttp's low-level server: a dozen routes need no router, and a page answer must stay
close to what nginx spends on a static file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from pratique.doors.console.pages import Console
from pratique.doors.index.answers import problem
from pratique.doors.index.auth import Authenticator, Refused, peer_address
from pratique.doors.index.cooked import CookedPage, Kitchen
from pratique.doors.index.deliveries import agent_of
from pratique.doors.index.errors import UnknownIndexError
from pratique.doors.index.files import FileService, asset_of
from pratique.doors.index.metrics import Metrics
from pratique.doors.index.pages import PageService
from pratique.doors.intake.service import Intake
from pratique.doors.leaving import client_left
from pratique.doors.parties.register import RegisterDoor
from pratique.doors.parties.service import PartyDoor
from pratique.errors import IntegrityError, PratiqueError, UnavailableError, ValueFormatError
from pratique.index.etags import if_none_match
from pratique.index.negotiate import (
    Encoding,
    NotAcceptableError,
    Representation,
    negotiate,
    negotiate_encoding,
)
from pratique.index.ports import Identity, OriginState
from pratique.index.project_list import render_project_list
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder
from pratique.values.names import parse_project_name

log = logging.getLogger(__name__)

_MAX_SLOWED = 64
"""Refused logins that may wait at once; more are refused without waiting."""
_UNSURE: Final = 503
_NO_FAILURE: Final = frozenset({403, _UNSURE})
"""Statuses of who is known, but whose party is suspended, or may be."""
_READ_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorParts:
    """What the door is made of; `assembly` fills it."""

    pages: PageService
    kitchen: Kitchen
    files: FileService
    console: Console
    intake: Intake
    parties: PartyDoor
    register: RegisterDoor
    authenticator: Authenticator
    origins: OriginState
    recorder: Recorder
    metrics: Metrics
    problems: Callable[[], list[str]]
    """What is not ready, in sentences; empty when all is well."""
    trusted_proxies: frozenset[str]


class IndexDoor:
    """Answers requests. One per event loop."""

    def __init__(self, parts: DoorParts) -> None:
        self._parts = parts
        self._pages_answered = parts.metrics.pages.labels("200")
        self._pages_unchanged = parts.metrics.pages.labels("304")
        self._slowed = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever goes wrong becomes an answer that tells no secrets."""
        try:
            return await self._route(request)
        except ConnectionError:
            return client_left(request)
        except asyncio.CancelledError:
            raise
        except UnknownIndexError as error:
            return problem(404, error.message, title="Not found")
        except NotAcceptableError as error:
            return problem(406, error.message)
        except UnavailableError as error:
            self._parts.metrics.errors.labels("unavailable").inc()
            log.warning("cannot answer", extra={"path": request.path, "error": error.message})
            headers = {"Retry-After": "10"}
            return problem(503, f"{error.message}; {error.remedy}".rstrip("; "), headers=headers)
        except IntegrityError as error:
            self._parts.metrics.errors.labels("integrity").inc()
            return problem(502, error.message)
        except PratiqueError as error:
            return problem(400, error.message)
        except Exception:
            self._parts.metrics.errors.labels("internal").inc()
            log.exception("request failed", extra={"path": request.path})
            return problem(500, "Pratique failed to answer; nothing was let through")

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.split("/")  # decoded; the first part is empty
        if parts[2:3] in (["simple"], ["packages"]) and parts[3:]:
            return await self._identified(request, lambda who: self._index(request, parts, who))
        match parts[1:]:
            case ["healthz"]:
                return web.Response(text="ok\n")
            case ["readyz"]:
                return self._ready()
            case ["metrics"]:
                self._parts.metrics.ready.set(0 if self._parts.problems() else 1)
                body = self._parts.metrics.render()
                return web.Response(
                    body=body, headers={"Content-Type": "text/plain; version=0.0.4"}
                )
            case [""] | ["b" | "incidents" | "custody" | "parties", *_]:
                address = self._address(request)
                return await self._identified(
                    request,
                    lambda who: self._parts.console.answer(request, parts[1:], who, address),
                )
            case ["_pratique", "intake"]:
                return await self._identified(
                    request, lambda who: self._parts.intake.answer(request, who)
                )
            case ["_pratique", "register"]:
                return await self._identified(
                    request, lambda who: self._parts.register.answer(request, who)
                )
            case ["_pratique", "party", *path]:
                return await self._identified(
                    request, lambda who: self._parts.parties.answer(request, path, who)
                )
            case [index, "simple"] if index in self._parts.pages.views:
                return web.Response(status=301, headers={"Location": "simple/"})
            case _:
                return problem(404, "Nothing here; project pages are at /INDEX/simple/PROJECT/")

    def _ready(self) -> web.Response:
        problems = self._parts.problems()
        if problems:
            return problem(503, "Not ready: " + "; ".join(problems), problems=problems)
        return web.Response(text="ready\n")

    # ── who asks ─────────────────────────────────────────────────────────────────────────────

    async def _identified(
        self,
        request: web.BaseRequest,
        answer: Callable[[Identity], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        who = self._parts.authenticator.identify(
            request.headers.get(hdrs.AUTHORIZATION), self._address(request)
        )
        if isinstance(who, Identity):
            return await answer(who)
        return await self._refuse_login(who)

    def _address(self, request: web.BaseRequest) -> str:
        forwarded = request.headers.get(hdrs.X_FORWARDED_FOR)
        return peer_address(request.remote or "", forwarded, self._parts.trusted_proxies)

    async def _refuse_login(self, refused: Refused) -> web.StreamResponse:
        if refused.status in _NO_FAILURE:
            unsure = {"Retry-After": "1"} if refused.status == _UNSURE else {}
            return problem(refused.status, refused.reason, headers=unsure)
        self._parts.metrics.login_failures.inc()
        if refused.delay_seconds and self._slowed < _MAX_SLOWED:
            self._slowed += 1
            try:
                await asyncio.sleep(refused.delay_seconds)
            finally:
                self._slowed -= 1
        elif refused.delay_seconds:
            return problem(429, "Too many failed logins", headers={"Retry-After": "60"})
        headers = (
            {"WWW-Authenticate": 'Basic realm="pratique", charset="UTF-8"'}
            if refused.status == 401  # noqa: PLR2004 - the status is its own name
            else {"Retry-After": "60"}
        )
        return problem(refused.status, refused.reason, headers=headers)

    # ── the index ────────────────────────────────────────────────────────────────────────────

    async def _index(
        self, request: web.BaseRequest, parts: list[str], who: Identity
    ) -> web.StreamResponse:
        if request.method not in _READ_METHODS:
            return problem(405, "Only GET and HEAD", headers={"Allow": "GET, HEAD"})
        if who.role in {"collector", "party"}:
            return problem(403, f"A {who.role}'s token pushes what it saw; it installs nothing")
        index = parts[1]
        if index not in self._parts.pages.views:
            raise UnknownIndexError(index, sorted(self._parts.pages.views))
        match parts[2:]:
            case ["packages", *path]:
                response = await self._parts.files.answer(request, index, "/".join(path), who)
                self._parts.metrics.files.labels(str(response.status)).inc()
                return response
            case ["simple", ""]:
                return self._project_list(request, index)
            case ["simple", name] | ["simple", name, ""]:
                return await self._project(request, index, name, who, slash=len(parts) > 4)  # noqa: PLR2004 - "", index, "simple", name, ""
            case _:
                return problem(404, "Project pages are at /INDEX/simple/PROJECT/")

    def _project_list(self, request: web.BaseRequest, index: str) -> web.StreamResponse:
        representation, _ = _negotiated(request)
        body = render_project_list(self._parts.origins.projects(index), representation)
        return web.Response(
            body=body,
            headers={
                "Content-Type": representation.content_type,
                "Cache-Control": "no-cache",
                "Vary": "Accept",
            },
        )

    async def _project(
        self, request: web.BaseRequest, index: str, name: str, who: Identity, *, slash: bool
    ) -> web.StreamResponse:
        try:
            project = parse_project_name(name)
        except ValueFormatError as error:
            return problem(404, error.message, title="Not found")
        if project != name or not slash:
            # Still quoted: a decoded line break would begin a header.
            quoted = request.rel_url.raw_query_string
            query = f"?{quoted}" if quoted else ""
            up = "../" if slash else ""
            return web.Response(status=301, headers={"Location": f"{up}{project}/{query}"})
        representation, encoding = _negotiated(request)
        cooked = await self._parts.kitchen.page(
            index,
            project,
            asset=asset_of(who),
            representation=representation,
            encoding=encoding,
        )
        if cooked is None:
            return problem(404, f"No project {project} on this index", title="Not found")
        return self._page(request, f"{index}/{project}", cooked, representation, who)

    def _page(
        self,
        request: web.BaseRequest,
        subject: str,
        cooked: CookedPage,
        representation: Representation,
        who: Identity,
    ) -> web.StreamResponse:
        condition = request.headers.get(hdrs.IF_NONE_MATCH)
        unchanged = condition is not None and if_none_match(condition, cooked.etag)
        if request.method == "GET":
            self._parts.recorder.enqueue(
                Draft(
                    kind="page",
                    subject=subject,
                    actor=who.actor,
                    body={
                        "view": cooked.view,
                        "status": 304 if unchanged else 200,
                        "format": "json" if representation is Representation.JSON else "html",
                        "stale": cooked.stale,
                        "agent": agent_of(request),
                    },
                )
            )
        (self._pages_unchanged if unchanged else self._pages_answered).inc()
        if unchanged:
            return web.Response(status=304, headers=cooked.headers)
        return web.Response(body=cooked.body, headers=cooked.headers)


def _negotiated(request: web.BaseRequest) -> tuple[Representation, Encoding]:
    accept = ", ".join(request.headers.getall(hdrs.ACCEPT, ())) or None
    return (
        negotiate(accept, request.query.get("format") if request.query_string else None),
        negotiate_encoding(request.headers.get(hdrs.ACCEPT_ENCODING)),
    )
