"""HTTP of the S3 door: from a request to an operation, and from whatever happens to an answer.

Checklist of every request, in this order:

0. the door knows what time it is (`timekeeping`);
1. the operation is one that is known (`custody.requests`);
2. the signature is the lease's (`auth`);
3. the lease may do this to this dataset and key, now, from there (`custody.authorize`);
4. the operation itself, which for reads pays, records and only then sends (`sending`).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from aiohttp import web

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.operations import Operation
from pratique.custody.requests import classify
from pratique.custody.s3_errors import Code, S3Error, of_broker, of_refusal, render_error
from pratique.custody.s3_headers import fold_headers
from pratique.doors.leaving import client_left
from pratique.doors.s3.auth import Asked, Authentication, Caller
from pratique.doors.s3.origins import Origins
from pratique.doors.s3.sending import RefusedError
from pratique.errors import IntegrityError, PratiqueError, UnavailableError

_log = logging.getLogger(__name__)
_HEALTH = "/_pratique/health"

Handler: TypeAlias = Callable[[Asked, Caller, Operation], Awaitable[web.StreamResponse]]


class Adapter(Protocol):
    """Another protocol over the same leases, below a path that no bucket can have."""

    async def identify(self, asked: Asked) -> Caller:
        """Who asks. Raises: S3Error, UnavailableError."""
        ...

    async def answer(self, asked: Asked, caller: Caller) -> web.StreamResponse:
        """Answer a request. Raises: S3Error, RefusedError, PratiqueError."""
        ...

    def refuse(self, error: S3Error, asked: Asked, request_id: str) -> web.Response:
        """A refusal in the words of its clients."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Parts:
    """What the door is made of; `assembly` fills it."""

    authentication: Authentication
    handlers: Mapping[type, Handler]
    """By class of operation; an operation without one is answered with NotImplemented."""
    unsigned: Mapping[type, Callable[[Asked, Operation], Awaitable[web.StreamResponse]]]
    """Operations that bring their own proof, such as a web identity."""
    refused: Callable[[Caller | None, S3Error, Asked], None]
    """Takes note of a refusal."""
    check_clock: Callable[[], None]
    """Raises S3Error while nothing may be decided by the clock."""
    problems: Callable[[], list[str]]
    """What is not ready, in sentences; empty when all is well."""
    domain: str
    origins: Origins
    """Web pages that may read answers."""
    adapters: Mapping[str, Adapter] = field(default_factory=dict)
    """By the first piece of the path, such as `_hub`."""


class S3Door:
    """Answers requests. One per event loop."""

    def __init__(self, parts: S3Parts) -> None:
        self._parts = parts
        self._process = secrets.token_hex(4).upper()
        self._numbers = itertools.count(1)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever goes wrong becomes an S3 error that tells no secrets."""
        headers = fold_headers(request.raw_headers)
        if request.raw_path == _HEALTH:
            return self._health()
        origins = self._parts.origins
        if request.method == "OPTIONS" and (preflight := origins.preflight(headers)) is not None:
            return preflight
        answer = await self._handle(request, headers)
        if not answer.prepared:  # objects that are streamed have said it in their head
            answer.headers.update(origins.headers(headers))
        return answer

    async def _handle(
        self, request: web.BaseRequest, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        asked = self._parts.authentication.read(request, headers)
        request_id = self.request_id()
        adapter = self._adapter(asked) if asked.path.startswith("/_") else None
        refuse = self._refuse if adapter is None else adapter.refuse
        try:
            self._parts.check_clock()
            answer = await (
                self._answer(asked) if adapter is None else self._answer_as(adapter, asked)
            )
        except ConnectionError:
            return client_left(request)
        except asyncio.CancelledError:
            raise
        except S3Error as error:
            return refuse(error, asked, request_id)
        except RefusedError as error:
            return refuse(of_refusal(error.refusal), asked, request_id)
        except PratiqueError as error:
            return refuse(_translated(error), asked, request_id)
        except Exception:  # noqa: BLE001 - whatever it is, it is told as an S3 error without its words
            _log.exception("request failed", extra={"request": request_id})
            sentence = "Pratique failed to answer; nothing was let through"
            return refuse(S3Error(Code.INTERNAL_ERROR, sentence), asked, request_id)
        if not answer.prepared:
            answer.headers["x-amz-request-id"] = request_id
        return answer

    def request_id(self) -> str:
        """A name for the next request."""
        return f"{self._process}{next(self._numbers):08X}"

    async def _answer(self, asked: Asked) -> web.StreamResponse:
        operation = classify(
            method=asked.method,
            host=asked.headers.get("host", ""),
            path=asked.path,
            query=asked.query,
            headers=asked.headers,
            domain=self._parts.domain,
        )
        unsigned = self._parts.unsigned.get(type(operation))
        if unsigned is not None:
            return await unsigned(asked, operation)
        handler = self._parts.handlers.get(type(operation)) or _not_implemented
        return await self._noting(
            asked,
            self._parts.authentication.identify,
            lambda caller: handler(asked, caller, operation),
        )

    def _adapter(self, asked: Asked) -> Adapter | None:
        """Whose path it is. A bucket's own host has keys below any path, so there it is nobody's."""
        domain, host = self._parts.domain, asked.headers.get("host", "").lower()
        name, _, port = host.rpartition(":")
        if domain and (name if port.isdigit() else host).endswith(f".{domain}"):
            return None
        return self._parts.adapters.get(asked.path[1:].partition("/")[0])

    async def _answer_as(self, adapter: Adapter, asked: Asked) -> web.StreamResponse:
        return await self._noting(
            asked, adapter.identify, lambda caller: adapter.answer(asked, caller)
        )

    async def _noting(
        self,
        asked: Asked,
        identify: Callable[[Asked], Awaitable[Caller]],
        answer: Callable[[Caller], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Who asks, then the answer; refusals are taken note of, whoever words them."""
        caller = None
        try:
            caller = await identify(asked)
            return await answer(caller)
        except S3Error as error:
            self._parts.refused(caller, error, asked)
            raise
        except RefusedError as error:
            self._parts.refused(caller, of_refusal(error.refusal), asked)
            raise

    def _refuse(self, error: S3Error, asked: Asked, request_id: str) -> web.Response:
        headers = {"x-amz-request-id": request_id, **dict(error.headers)}
        if asked.method == "HEAD" or error.code is Code.NOT_MODIFIED:
            # A HEAD has no body; the sentence travels where a person with curl still sees it.
            headers["x-pratique-reason"] = _one_line(error.message)
            return web.Response(status=error.status, headers=headers)
        body = render_error(error, resource=asked.path, request_id=request_id)
        response = web.Response(
            status=error.status, body=body, headers=headers, content_type="application/xml"
        )
        if asked.request.can_read_body:
            response.force_close()  # what is left of the body would be taken for the next request
        return response

    def _health(self) -> web.Response:
        problems = self._parts.problems()
        text = "ok\n" if not problems else "".join(f"{line}\n" for line in problems)
        return web.Response(status=503 if problems else 200, text=text)


async def _not_implemented(
    _asked: Asked, _caller: Caller, operation: Operation
) -> web.StreamResponse:
    name = type(operation).__name__
    raise S3Error(Code.NOT_IMPLEMENTED, f"{name} is not implemented by this door")


def _translated(error: PratiqueError) -> S3Error:
    if isinstance(error, BrokerRefusedError):
        return of_broker(error)
    if isinstance(error, UnavailableError):
        _log.warning("cannot answer", extra={"error": error.message})
        sentence = error.public or error.message
        if not error.retry_helps:  # such as a part that is gone
            return S3Error(Code.INTERNAL_ERROR, sentence)
        return S3Error(Code.SERVICE_UNAVAILABLE, sentence, retry_seconds=2.0)
    if isinstance(error, IntegrityError):
        _log.error("integrity", extra={"error": error.message})
        return S3Error(Code.INTERNAL_ERROR, error.message)
    return S3Error(Code.INVALID_REQUEST, error.message)


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ").encode("ascii", "replace").decode()[:300]
