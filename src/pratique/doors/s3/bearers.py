"""Who asks, for protocols whose clients send a token instead of a signature."""

from __future__ import annotations

from typing import Final

from pratique.custody.bearer import Surface, check_bearer, parse_bearer
from pratique.custody.model import LeaseId
from pratique.custody.sigv4 import Claim, Payload
from pratique.doors.s3.auth import Asked, Authentication, Caller
from pratique.values.instants import Instant

_STAMP: Final = "%Y%m%dT%H%M%SZ"


class Bearers:
    """Finds the lease of a token and checks it, with the same book and broker as signatures."""

    def __init__(self, surface: Surface, *, authentication: Authentication, region: str) -> None:
        self._surface = surface
        self._authentication = authentication
        self._region = region

    async def identify(self, asked: Asked) -> Caller:
        """Whose token it is. Raises: S3Error; UnavailableError where state or broker are away."""
        claim = parse_bearer(asked.headers.get("authorization"), self._surface, now=asked.at)
        live, key = await self._authentication.day_key(claim.lease, claim.date, self._region)
        check_bearer(claim, self._surface, key=key)
        return Caller(live, _as_claim(asked, claim.lease, claim.date, self._region), key)

    async def signing_key(self, lease: LeaseId, at: Instant) -> bytes:
        """The key that signs what is good at an instant. Raises: S3Error, UnavailableError."""
        _, key = await self._authentication.day_key(lease, f"{at:%Y%m%d}", self._region)
        return key


def _as_claim(asked: Asked, lease: LeaseId, date: str, region: str) -> Claim:
    """What a signed request would have said; nothing is signed, and the body is not either."""
    return Claim(
        access_key=lease,
        date=date,
        region=region,
        service="s3",
        signed_headers=(),
        signature="",
        stamp=asked.at.strftime(_STAMP),
        at=asked.at,
        expires=0,
        content_sha256=Payload.UNSIGNED.value,
        session_token="",
    )
