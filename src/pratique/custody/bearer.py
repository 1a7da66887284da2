"""Bearer tokens: a lease for clients that cannot sign, made from it and weaker than it.

A token is `PREFIX` + lease + `_` + day + `_` + proof, where the proof is an HMAC under the lease's signing
key of that day (SigV4). So the door checks one with the day key that it has anyway, and nobody gets the
lease's secret, a signature or a token for another protocol out of one. What a signature protects and a
token does not: whoever sees one request can send others until the token ends.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from pratique.custody.model import LeaseId
from pratique.custody.s3_errors import Code, S3Error
from pratique.values.instants import Instant

DAYS: Final = 2
"""A token is good on its day and the next (UTC): a lease of twelve hours may last past midnight."""
_TOKEN: Final = re.compile(r"([a-z]{2,8}_)(PQL[A-Z2-7]{17})_([0-9]{8})_([0-9a-f]{64})")
_LONGEST: Final = 256


class Surface(Enum):
    """A protocol that takes bearer tokens; the value is the prefix that its clients know."""

    HUB = "hf_"
    SHARING = "pds_"


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerClaim:
    """What a token says; nothing of it is proven before `check_bearer` returns."""

    lease: LeaseId
    date: str
    """Day of the key: `20261122`."""
    proof: str


def render_bearer(surface: Surface, lease: LeaseId, *, key: bytes, date: str) -> str:
    """The token of a lease for one protocol, from its signing key of a day."""
    return f"{surface.value}{lease}_{date}_{_proof(surface, lease, key, date)}"


def parse_bearer(header: str | None, surface: Surface, *, now: Instant) -> BearerClaim:
    """Read an `Authorization` header.

    Raises: S3Error (AccessDenied) without a token, or with one that is not of this protocol;
    ExpiredToken for one of another day.
    """
    scheme, _, text = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise S3Error(
            Code.ACCESS_DENIED,
            "the request carries no token: this door answers to leases only; get one with "
            "pratique lease grant --as " + ("hf" if surface is Surface.HUB else "delta-profile"),
        )
    found = _TOKEN.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None or found[1] != surface.value:
        raise S3Error(Code.INVALID_ACCESS_KEY_ID, "the token is none of a lease for this protocol")
    days = {f"{now - timedelta(days=back):%Y%m%d}" for back in range(DAYS)}
    if found[3] not in days:
        raise S3Error(
            Code.EXPIRED_TOKEN,
            "the token is of another day: a token is good on its day and the next (UTC); "
            "make a new one while the lease lasts, or ask for a new lease",
        )
    return BearerClaim(lease=LeaseId(found[2]), date=found[3], proof=found[4])


def check_bearer(claim: BearerClaim, surface: Surface, *, key: bytes) -> None:
    """Compare in constant time. Raises: S3Error (SignatureDoesNotMatch)."""
    right = _proof(surface, claim.lease, key, claim.date)
    if not hmac.compare_digest(right, claim.proof):
        raise S3Error(Code.SIGNATURE_DOES_NOT_MATCH, "the token is not the lease's")


def _proof(surface: Surface, lease: LeaseId, key: bytes, date: str) -> str:
    text = f"pratique-bearer-1\n{surface.name}\n{lease}\n{date}"
    return hmac.digest(key, text.encode(), "sha256").hex()
