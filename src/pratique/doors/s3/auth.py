"""Who asks: from a signed request to a lease, before anything about data is looked at."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Lease, LeaseId
from pratique.custody.roles import session_problem
from pratique.custody.s3_errors import Code, S3Error, of_broker, of_refusal
from pratique.custody.sigv4 import Claim, parse_claim, verify
from pratique.custody.sigv4_refusals import malformed
from pratique.doors.index.auth import peer_address
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.leases import UNKNOWN, LeaseBook, LiveLease
from pratique.values.instants import Clock, Instant

_AGENT_CHARACTERS = 120


# Structs: all are built for every request.
class Question(msgspec.Struct, frozen=True):
    """What a request says, read once."""

    method: str
    path: str
    """Raw, without the query."""
    query: str
    """Raw, without `?`."""
    headers: Mapping[str, str]
    """As `s3_headers.fold_headers` gives them."""
    address: str
    at: Instant

    @property
    def agent(self) -> str:
        """The client's name for itself, cut; text, whatever was sent, for the ledger takes no other."""
        name = self.headers.get("user-agent", "")[:_AGENT_CHARACTERS]
        return name if name.isascii() else name.encode("utf-8", "replace").decode()


class Asked(Question, frozen=True):
    """A question, with the request to answer it to."""

    request: web.BaseRequest


class Caller(msgspec.Struct, frozen=True):
    """Who signed a request."""

    live: LiveLease
    claim: Claim
    key: bytes
    """Signing key of the day; streamed bodies are checked with it."""

    @property
    def lease(self) -> Lease:
        """The lease."""
        return self.live.lease


class Authentication:
    """Finds the lease of a request and checks the signature."""

    def __init__(
        self,
        *,
        book: LeaseBook,
        confirmation: Confirmation,
        regions: frozenset[str],
        clock: Clock,
        trusted_proxies: frozenset[str],
    ) -> None:
        self._book = book
        self._confirmation = confirmation
        self._regions = regions
        self._clock = clock
        self._trusted = trusted_proxies

    def read(self, request: web.BaseRequest, headers: Mapping[str, str]) -> Asked:
        """Take a request apart."""
        path, _, query = request.raw_path.partition("?")
        address = self._address(request.remote or "", headers)
        return Asked(request.method, path, query, headers, address, self._clock(), request)

    def question(self, method: str, target: str, headers: Mapping[str, str], peer: str) -> Question:
        """Take a request apart that is nothing but a head; `peer` is where it came from."""
        path, _, query = target.partition("?")
        address = peer if peer not in self._trusted else self._address(peer, headers)
        return Question(method, path, query, headers, address, self._clock())

    def _address(self, peer: str, headers: Mapping[str, str]) -> str:
        return peer_address(peer, headers.get("x-forwarded-for"), self._trusted)

    async def identify(self, asked: Asked, *, body_sha256: str = "", service: str = "s3") -> Caller:
        """Who signed it. Raises: S3Error; UnavailableError where state or broker are away.

        A lease that is stopped is told so only to whoever knows its secret: the signature comes first.
        """
        claim = self._claim(asked, service)
        live, key = await self.day_key(claim.access_key, claim.date, claim.region, service=service)
        return _proven(asked, claim, live, key, body_sha256)

    def identify_at_once(self, asked: Question) -> Caller | None:
        """As `identify`, where lease and key are known; None where they have to be asked for.

        Raises: S3Error.
        """
        claim = self._claim(asked, "s3")
        live = self._book.known(claim.access_key)
        key = live and live.keys.get((claim.date, claim.region, "s3"))
        return _proven(asked, claim, live, key) if live and key else None

    def _claim(self, asked: Question, service: str) -> Claim:
        claim = parse_claim(
            headers=asked.headers, query=asked.query, regions=self._regions, now=asked.at
        )
        if claim is None:
            raise S3Error(
                Code.ACCESS_DENIED,
                "the request is not signed: this door answers to leases only; get credentials with "
                "pratique lease grant",
            )
        if claim.service != service:
            raise malformed(f"the credential's service must be {service} here")
        return claim

    async def day_key(
        self, lease: LeaseId, date: str, region: str, *, service: str = "s3"
    ) -> tuple[LiveLease, bytes]:
        """A lease, and its signing key of a day, which proves nothing before something fits it.

        Raises: S3Error; UnavailableError.
        """
        live = await self._book.find(lease)
        if live is None:
            raise of_refusal(UNKNOWN)
        try:
            return live, await self._book.signing_key(
                live, date=date, region=region, service=service
            )
        except BrokerRefusedError as error:
            # The scope's own sentence where there is one, else the broker's.
            stopped = self._confirmation.stopped(live.scopes, live.lease)
            raise (of_refusal(stopped) if stopped else of_broker(error)) from error


def _proven(
    asked: Question, claim: Claim, live: LiveLease, key: bytes, body_sha256: str = ""
) -> Caller:
    """Whoever knows the key signed exactly this. Raises: S3Error."""
    verify(
        claim,
        method=asked.method,
        path=asked.path,
        query=asked.query,
        headers=asked.headers,
        key=key,
        body_sha256=body_sha256,
    )
    problem = session_problem(live.lease, claim.session_token)
    if problem:
        raise S3Error(Code.INVALID_TOKEN, problem)
    return Caller(live, claim, key)
