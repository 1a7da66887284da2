"""Block pages, the waiver form and the status page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import jinja2
import msgspec
from aiohttp import web
from packaging.version import Version

from pratique.custody.sizes import human_bytes
from pratique.doors.console.approvers import (
    MAX_FORM_BYTES,
    ApproverOf,
    Denied,
    form_approver,
    read_form,
)
from pratique.doors.console.custody import CustodyAnswers, CustodyPages
from pratique.doors.console.custody_values import CustodyView
from pratique.doors.console.incidents import IncidentAnswers, IncidentPages
from pratique.doors.console.incidents import View as IncidentPage
from pratique.doors.console.parties import PartyAnswers, PartyPages
from pratique.doors.console.party_values import PartiesView, PartyView
from pratique.doors.console.source_html import attack_url, source_html
from pratique.doors.console.values import BlockView, StatusView, Step
from pratique.doors.console.vetting_view import (
    FOUND_SHOWN,
    PLACES_SHOWN,
    AuditsOf,
    Reports,
    VettingView,
    vetting_view,
)
from pratique.doors.index.answers import problem
from pratique.doors.index.cooked import block_of
from pratique.doors.index.pages import Described, PageService
from pratique.errors import PratiqueError
from pratique.index.ports import Identity, Waiver
from pratique.policy.explain import explain_file
from pratique.policy.model import Outcome
from pratique.values.counting import counted
from pratique.values.digests import Sha256
from pratique.values.instants import Clock, render_instant, render_minute, render_second
from pratique.values.names import ProjectName

_MAX_WAIVER_DAYS = 90
_INSTALL_NOTHING = frozenset({"collector", "party"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedFile:
    """What a block id stands for, as the ledger's projection or this process remembers it."""

    index: str
    project: ProjectName
    filename: str
    sha256: str
    rule: str
    since: str
    """When it was first shown as blocked, RFC 3339; empty when only this process knows it."""
    sequence: int | None
    """Ledger entry of the view that first showed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRequest:
    """A waiver that an approver asks for."""

    sha256: Sha256
    filename: str
    index: str
    asset: str
    approver: str
    reason: str
    lasts: timedelta
    overrides_deny: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """What the console asks of the rest."""

    pages: PageService
    find_block: Callable[[str], BlockedFile | None]
    """Reads the projection; called in a worker thread."""
    status: Callable[[], StatusView]
    """Reads the projection; called in a worker thread."""
    approver_of: ApproverOf
    grant: Callable[[WaiverRequest], Awaitable[Waiver]]
    reports: Reports
    audits: AuditsOf
    incidents: IncidentAnswers
    custody: CustodyAnswers
    parties: PartyAnswers
    clock: Clock


class Console:
    """Answers `/`, `/b/…`, `/incidents…`, `/custody…` and `/parties…`."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("pratique.doors.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["source"] = source_html
        self._templates.filters["attack_url"] = attack_url
        self._templates.globals["places_shown"] = PLACES_SHOWN
        self._templates.globals["found_shown"] = FOUND_SHOWN
        self._templates.filters["instant"] = render_second
        self._templates.filters["human"] = human_bytes
        self._templates.filters["moment"] = _moment
        self._templates.filters["counted"] = counted
        self._incidents = IncidentPages(parts.incidents, self._render)
        self._custody = CustodyPages(parts.custody, self._render, approver_of=parts.approver_of)
        self._parties = PartyPages(parts.parties, self._render, approver_of=parts.approver_of)

    async def answer(
        self, request: web.BaseRequest, path: Sequence[str], who: Identity, address: str
    ) -> web.StreamResponse:
        """Answer a path of the console, already split; `who` has passed the door's own login."""
        if path[:1] == ["incidents"]:
            return await self._incidents.answer(request, path[1:], who)
        if path[:1] == ["custody"]:
            return await self._custody.answer(request, path[1:], who, address)
        if path[:1] == ["parties"]:
            return await self._parties.answer(request, path[1:], who, address)
        # Everybody who may install may read why something is blocked; others may be of another house.
        if who.party and who.role in _INSTALL_NOTHING:
            return problem(403, f"The token of {who.party} sees what is its own only")
        match (request.method, *path):
            case ("GET" | "HEAD", ""):
                status = await asyncio.to_thread(self._parts.status)
                return self._render(request, "status.html", status)
            case ("GET" | "HEAD", "b", block):
                return await self._block(request, block, note="")
            case ("POST", "b", block, "waiver"):
                return await self._waiver(request, block, address)
            case (_, "" | "b", *_):
                return problem(404, "No such page")
            case _:
                return problem(405, "Only GET and HEAD here")

    def _render(
        self,
        request: web.BaseRequest,
        template: str,
        view: BlockView | StatusView | IncidentPage | CustodyView | PartiesView | PartyView,
        status: int = 200,
    ) -> web.Response:
        if request.query.get("format") == "json" or _prefers_json(request):
            return web.Response(
                body=msgspec.json.format(msgspec.json.encode(view)),
                status=status,
                headers={**_HEADERS, "Content-Type": "application/json", "Vary": "Accept"},
            )
        text = self._templates.get_template(template).render(v=view)
        headers = {**_HEADERS, "Content-Type": "text/html; charset=utf-8", "Vary": "Accept"}
        return web.Response(body=text.encode(), status=status, headers=headers)

    # ── block pages ──────────────────────────────────────────────────────────────────────────

    async def _block(
        self, request: web.BaseRequest, block: str, *, note: str, status: int = 200
    ) -> web.Response:
        found = await self._find(block)
        if found is None:
            return problem(404, "No block with this id was ever shown by this door")
        blocked, described, position = found
        view = self._block_view(block, blocked, described, position, note)
        if view.sha256:
            vetting = await asyncio.to_thread(self._vetting, Sha256(view.sha256))
            view = msgspec.structs.replace(view, vetting=vetting)
        return self._render(request, "block.html", view, status)

    def _vetting(self, digest: Sha256) -> VettingView | None:
        """Reads stores: called in a worker thread."""
        audits = self._parts.audits.audits_of([digest]).get(digest, ())
        return vetting_view(digest, self._parts.reports.reports_of(digest), audits)

    async def _find(self, block: str) -> tuple[BlockedFile, Described | None, int | None] | None:
        if not (block.isalnum() and len(block) <= 16):  # noqa: PLR2004 - ids are 8 characters
            return None
        blocked = await asyncio.to_thread(self._parts.find_block, block.upper())
        if blocked is None:
            return None
        try:
            described = await self._parts.pages.describe(blocked.index, blocked.project)
        except PratiqueError:
            return blocked, None, None
        position = None
        if described is not None:
            position = next(
                (i for i, f in enumerate(described.files) if f.filename == blocked.filename), None
            )
        return blocked, described, position

    def _block_view(
        self,
        block: str,
        blocked: BlockedFile,
        described: Described | None,
        position: int | None,
        note: str,
    ) -> BlockView:
        base = BlockView(
            block=block,
            index=blocked.index,
            project=blocked.project,
            filename=blocked.filename,
            sha256=blocked.sha256,
            rule=blocked.rule,
            since=blocked.since,
            sequence=blocked.sequence,
            note=note,
        )
        if described is None or position is None:
            return base
        file, facts = described.files[position], described.facts[position]
        decision = described.decisions[position]
        explanation = explain_file(described.project, facts, described.policy, self._parts.clock())
        last_good = _newest_allowed(described)
        return msgspec.structs.replace(
            base,
            version=str(facts.distribution.version) if facts.distribution else "",
            sha256=file.sha256 or "",
            outcome=decision.outcome.value,
            audited=decision.audited.value if decision.audited else "",
            rule=decision.rule,
            still_this_block=block_of(described, position) == block.upper(),
            reason=decision.reason,
            until=render_minute(decision.until) if decision.until else "",
            evidence=list(decision.evidence),
            uploaded_at=render_instant(file.uploaded_at) if file.uploaded_at else "",
            origin=described.upstream,
            last_good=str(last_good) if last_good else "",
            steps=[Step(rule=s.rule, outcome=s.outcome, text=s.text) for s in explanation.steps],
            changes=list(explanation.would_change),
            can_waive=decision.outcome is not Outcome.ALLOW and bool(file.sha256),
        )

    # ── waivers ──────────────────────────────────────────────────────────────────────────────

    async def _waiver(
        self, request: web.BaseRequest, block: str, address: str
    ) -> web.StreamResponse:
        """Grant a waiver: the form carries an approver's token, its reason and its length."""
        form = await read_form(request)
        if form is None:
            return problem(400, f"Not a form of at most {MAX_FORM_BYTES} bytes in UTF-8")
        approver = await form_approver(form, address, self._parts.approver_of)
        if isinstance(approver, Denied):
            note = f"Not granted: {approver.why}."
            return await self._block(request, block, note=note, status=approver.status)
        found = await self._find(block)
        if found is None or found[1] is None or found[2] is None:
            return problem(404, "This file is not on the index any more")
        try:
            wanted = _wanted(form, found[0], found[1], found[2], approver)
        except PratiqueError as error:
            return await self._block(
                request, block, note=f"Not granted: {error.message}", status=400
            )
        granted = await self._parts.grant(wanted)
        note = f"Waiver {granted.id} granted until {render_minute(granted.expires_at)}."
        return await self._block(request, block, note=note)


def _wanted(
    form: Mapping[str, str],
    blocked: BlockedFile,
    described: Described,
    position: int,
    approver: Identity,
) -> WaiverRequest:
    digest = described.files[position].sha256
    reason = " ".join(form.get("reason", "").split())
    days = form.get("days", "")
    if digest is None:
        raise PratiqueError("a file without a SHA-256 cannot be waived")
    if not reason or len(reason) > 500:  # noqa: PLR2004 - room for a sentence or two
        raise PratiqueError("give a reason of one to 500 characters")
    if not days.isdecimal() or not 1 <= int(days) <= _MAX_WAIVER_DAYS:
        raise PratiqueError(f"give a number of days from 1 to {_MAX_WAIVER_DAYS}")
    return WaiverRequest(
        sha256=digest,
        filename=blocked.filename,
        index=blocked.index,
        asset="*",
        approver=approver.actor.partition(":")[2],
        reason=reason,
        lasts=timedelta(days=int(days)),
        overrides_deny=form.get("overrides_deny") == "yes",
    )


def _newest_allowed(described: Described) -> Version | None:
    versions = [
        facts.distribution.version
        for _, facts, decision in described.rows
        if decision.outcome is Outcome.ALLOW
        and not decision.audited
        and facts.distribution is not None
        and not facts.distribution.version.is_prerelease
    ]
    return max(versions, default=None)


def _prefers_json(request: web.BaseRequest) -> bool:
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def _moment(told: str) -> str:
    """An instant (RFC 3339, in UTC) as people read it: `2026-03-24 10:39:00`; its heading says UTC."""
    return told.removesuffix("Z").partition(".")[0].replace("T", " ")
