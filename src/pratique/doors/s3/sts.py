"""The token service: a login with an OpenID Connect token becomes a short lease.

Checklist of a login, in this order:

1. the role exists, and the token is its issuer's own (`edge.custody.oidc`);
2. the token's claims fulfil the role's conditions;
3. nothing that the lease would hang in is suspended, and no hold on a party stops such leases;
4. the holder's cap is in force: logging in again gives no new budget;
5. the broker makes the lease within the role's certificate;
6. the `lease` entry is durable, then the row, then the secret is told, once.

Whoever fails at 1 or 2 is told the same: which roles exist is nobody's business.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final, Protocol

from aiohttp import web

from pratique.custody.certificate import micros, read_certificate
from pratique.custody.entries import caps_entry, lease_entry
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.holds import idle_refusal
from pratique.custody.model import Lease, Scope, ScopeId, ScopeState
from pratique.custody.operations import Operation, StsCall
from pratique.custody.ports import LeaseState
from pratique.custody.roles import BY_ROLE, Identity, Role, fulfils, lease_under, session_token
from pratique.custody.s3_errors import Code, S3Error, of_refusal, render_sts_error
from pratique.custody.scopes import state_refusal
from pratique.custody.sts import (
    MAX_FORM_BYTES,
    WebIdentity,
    parse_sts,
    render_caller,
    render_web_identity,
)
from pratique.custody.write_ports import RoleState
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bodies import Patience, read_form
from pratique.errors import UnavailableError
from pratique.ledger.store import Recorder
from pratique.values.instants import Instant

_FORBIDDEN: Final = "no role of this name may be taken with this token"
_XML: Final = "text/xml"
_MOST_LOGINS: Final = 30
"""Of one holder in a minute, in one process."""
_MINUTE: Final = 60.0
_MOST_HOLDERS: Final = 10_000
_log = logging.getLogger(__name__)


class Vouching(Protocol):
    """Verifies tokens of issuers."""

    async def verify(self, token: str) -> Identity:
        """Who a token says that somebody is. Raises: S3Error, UnavailableError."""
        ...


class Minting(Protocol):
    """Makes leases under roles; the key broker."""

    async def mint(self, role: bytes, *, holder: str, until_us: int) -> tuple[bytes, str]:
        """(certificate, secret) of a new lease under a role."""
        ...


class Identifying(Protocol):
    """Finds who signed a request."""

    async def __call__(self, asked: Asked, *, body_sha256: str, service: str) -> Caller:
        """Who signed it. Raises: S3Error, UnavailableError."""
        ...


class StsState(LeaseState, RoleState, Protocol):
    """What the token service looks up and writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsParts:
    """What the token service works with."""

    issuers: Vouching
    state: StsState
    broker: Minting
    recorder: Recorder
    longest: timedelta
    """How long a lease may last."""
    patience: Patience
    refused: Callable[[Caller | None, S3Error, Asked], None]
    identify: Identifying


class TokenService:
    """Answers POST /. One per event loop."""

    def __init__(self, parts: StsParts) -> None:
        self._with = parts
        self._logins: dict[str, tuple[float, int]] = {}
        """By holder: since when, and how many in that minute."""

    async def answer(self, asked: Asked, operation: Operation) -> web.StreamResponse:
        """Answer a call; refusals are worded as STS words them."""
        assert isinstance(operation, StsCall)
        request_id = secrets.token_hex(16)
        try:
            body = await self._answer(asked, operation, request_id)
        except S3Error as error:
            return self._refuse(asked, error, request_id)
        except BrokerRefusedError as error:
            # A role that has ended, or whose terms it will not certify: trying again changes nothing.
            return self._refuse(asked, S3Error(Code.ACCESS_DENIED, error.message), request_id)
        except UnavailableError as error:
            _log.warning("no lease could be given", extra={"error": error.message})
            sentence = error.public or error.message
            away = S3Error(Code.SERVICE_UNAVAILABLE, sentence, retry_seconds=2.0)
            return self._refuse(asked, away, request_id)
        headers = {"x-amzn-RequestId": request_id, "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers, content_type=_XML)

    async def _answer(self, asked: Asked, operation: StsCall, request_id: str) -> bytes:
        form = operation.query
        if asked.method == "POST":
            data = await read_form(asked, limit=MAX_FORM_BYTES, patience=self._with.patience)
            form = data.decode("utf-8", "surrogateescape")
        call = parse_sts(form)
        if not isinstance(call, WebIdentity):
            lease = await self._caller(asked, form)
            return render_caller(
                lease=lease.id, project=lease.project, holder=lease.holder, request_id=request_id
            )
        identity = await self._with.issuers.verify(call.token)
        role = await asyncio.to_thread(self._with.state.role, call.role)
        if (
            role is None
            or role.issuer != identity.issuer
            or not fulfils(identity.claims, role.conditions)
        ):
            raise S3Error(Code.ACCESS_DENIED, _FORBIDDEN)
        lease, secret = await self._lease(role, identity, call, asked.at)
        return render_web_identity(
            lease=lease.id,
            secret=secret,
            session_token=session_token(lease.certificate),
            expires=lease.not_after,
            role=call,
            subject=identity.subject,
            request_id=request_id,
        )

    async def _caller(self, asked: Asked, form: str) -> Lease:
        """The lease that signed the call."""
        body = form.encode("utf-8", "surrogateescape") if asked.method == "POST" else b""
        digest = sha256(body).hexdigest()
        caller = await self._with.identify(asked, body_sha256=digest, service="sts")
        return caller.lease

    async def _lease(
        self, role: Role, identity: Identity, call: WebIdentity, now: Instant
    ) -> tuple[Lease, str]:
        state = self._with.state
        holder = await asyncio.to_thread(
            state.holder_of, identity.issuer, identity.subject, now=now
        )
        self._check_pace(holder)
        await self._prepare(role, holder)
        seconds = min(call.duration_seconds, role.lease_seconds, self._with.longest.total_seconds())
        until = min(micros(now + timedelta(seconds=seconds)), role.terms.until_us)
        certificate, secret = await self._with.broker.mint(
            role.certificate, holder=holder, until_us=until
        )
        lease = lease_under(read_certificate(certificate), certificate)
        await self._with.recorder.record(
            lease_entry(lease, actor=f"{BY_ROLE}{role.name}", via="sts")
        )
        await asyncio.to_thread(state.add_lease, lease)
        return lease, secret

    def _check_pace(self, holder: str) -> None:
        """Each login is an entry for ever; SDKs keep a lease until it ends. Raises: S3Error."""
        now = time.monotonic()
        since, count = self._logins.get(holder, (now, 0))
        if now - since >= _MINUTE:
            since, count = now, 0
        if count >= _MOST_LOGINS:
            raise S3Error(
                Code.SLOW_DOWN,
                f"{_MOST_LOGINS} logins in a minute: keep a lease until it ends",
                retry_seconds=_MINUTE - (now - since),
            )
        if len(self._logins) >= _MOST_HOLDERS:
            self._logins.clear()
        self._logins[holder] = (since, count + 1)

    async def _prepare(self, role: Role, holder: str) -> None:
        """Nothing above is stopped, and the holder has a cap."""
        terms, state = role.terms, self._with.state
        project = f"{terms.vendor}/{terms.project}"
        own = ScopeId(f"holder:{project}/{holder}")
        above = (f"project:{project}", f"vendor:{terms.vendor}", f"client:{terms.client}")
        found = {}
        for name in (own, *above):
            found[name] = await asyncio.to_thread(state.scope, ScopeId(name))
        for scope in found.values():
            refusal = state_refusal(scope) if scope is not None else None
            if refusal is not None:
                raise of_refusal(refusal)
        holds = await asyncio.to_thread(state.standing_holds)
        stopped = idle_refusal(holds, terms)
        if stopped is not None:
            raise of_refusal(stopped)
        mine = found[own]
        if mine is not None and mine.cap_bytes is not None and mine.cap_objects is not None:
            return  # as it was set at first, or by somebody since
        await self._cap(role, own, mine)

    async def _cap(self, role: Role, own: ScopeId, before: Scope | None) -> None:
        """The entry, then the row, as whoever caps a scope by hand."""
        state = self._with.state
        epoch = await asyncio.to_thread(state.epoch)
        caps = {"cap_bytes": role.holder_bytes, "cap_objects": role.holder_objects}
        entry = await self._with.recorder.record(
            caps_entry(
                before or _unmade(own),
                **caps,
                reason=f"first login under role {role.name}",
                epoch=epoch,
                actor=f"{BY_ROLE}{role.name}",
            )
        )
        await asyncio.to_thread(state.set_caps, own, **caps, entry=entry)

    def _refuse(self, asked: Asked, error: S3Error, request_id: str) -> web.Response:
        self._with.refused(None, error, asked)
        response = web.Response(
            status=error.status,
            body=render_sts_error(error, request_id=request_id),
            headers={"x-amzn-RequestId": request_id, **dict(error.headers)},
            content_type=_XML,
        )
        if asked.request.can_read_body:
            response.force_close()
        return response


def _unmade(scope: ScopeId) -> Scope:
    """A scope that nothing hangs in yet."""
    return Scope(
        id=scope,
        state=ScopeState.LIVE,
        reason="",
        incident="",
        cap_bytes=None,
        cap_objects=None,
        reserved_bytes=0,
        reserved_objects=0,
        changed_epoch=0,
    )
