"""AWS Signature Version 4: who says to have sent a request, and whether it is true.

Two steps, so that the door can fetch the lease and its day key in between, and asks the broker for
nothing before everything that needs no key has been checked:

1. `parse_claim` reads the header or the presigned query: access key, day, region, what is signed.
   It refuses other schemes, other regions, unsigned `x-amz-*` headers, skew and expiry.
2. `verify` recomputes the signature with the day key and compares in constant time.

Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

import msgspec

from pratique.custody.model import LeaseId
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.sigv4_canonical import canonical_headers, canonical_path, canonical_query
from pratique.custody.sigv4_refusals import (
    bad_query,
    malformed,
    no_hash,
    refuse_scheme,
    refuse_sigv2,
    refuse_sigv4a,
    skewed,
)
from pratique.values.instants import Instant

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = timedelta(minutes=15)
LONGEST_PRESIGNED_SECONDS: Final = 604_800
EMPTY_SHA256: Final = sha256(b"").hexdigest()
_SERVICES: Final = frozenset({"s3", "sts"})
_HEX: Final = b"0123456789abcdef"
_LONGEST_CREDENTIAL: Final = 256
_REPEATED: Final = 512
"""Longest beginning of an Authorization header that is kept."""
_LONGEST_LIST: Final = 4096
"""Characters of a SignedHeaders list; servers take header lines of twice that."""


class Payload(StrEnum):
    """What `x-amz-content-sha256` says of the body."""

    EXACT = "exact"
    """The body's SHA-256 was signed."""
    UNSIGNED = "UNSIGNED-PAYLOAD"
    STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


_BY_NAME: Final = {payload.value: payload for payload in Payload if payload is not Payload.EXACT}


# A Struct, because a frozen dataclass of this size takes 2 µs to build, a fifth of the whole check.
class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a request says of itself. Nothing of it is proven before `verify` returns."""

    access_key: LeaseId
    date: str
    """Day of the key: `20261122`."""
    region: str
    service: str
    """`s3` or `sts`."""
    signed_headers: tuple[str, ...]
    """Sorted, lower-case; `host` and all `x-amz-*` of the request are among them."""
    signature: str
    """64 hexadecimal digits."""
    stamp: str
    """`20261122T101500Z`, as it was signed."""
    at: Instant
    expires: int
    """Seconds that a presigned request is good for; 0 for one that is signed in its header."""
    content_sha256: str
    """As it was signed; empty only for STS, where the door hashes the body."""
    session_token: str
    """Signed along; empty when there is none."""

    @property
    def presigned(self) -> bool:
        """Whether the signature stands in the query."""
        return self.expires > 0

    @property
    def scope(self) -> str:
        """What the day key is good for, as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def payload(self) -> Payload:
        """How the body is to be read."""
        return _BY_NAME.get(self.content_sha256, Payload.EXACT)


def day_key(secret: str, *, date: str, region: str, service: str) -> bytes:
    """The key that signs the requests of one day; the secret itself is never needed again."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def parse_claim(
    *, headers: Mapping[str, str], query: str, regions: frozenset[str], now: Instant
) -> Claim | None:
    """Read who claims to have signed a request; None when nobody does.

    Shape: `headers` as `s3_headers.fold_headers` gives them, `query` raw, without `?`.
    Raises: S3Error for what no key could make valid.
    """
    text = headers.get("authorization")
    presigned = "X-Amz-" in query and ("X-Amz-Signature=" in query or "X-Amz-Credential=" in query)
    if text is not None:
        if presigned:
            raise S3Error(
                Code.INVALID_ARGUMENT,
                "the request is signed twice, in its Authorization header and in its query; "
                "send one signature",
            )
        claim = _from_header(text, headers)
    elif presigned:
        claim = _from_query(query, headers)
    elif "Signature=" in query and "AWSAccessKeyId=" in query:
        refuse_sigv2()
    else:
        return None
    _check_scope(claim, regions)
    _check_signed(claim.signed_headers, headers)
    if claim.presigned:
        _check_presigned_time(claim, now)
    elif abs(claim.at - now) > SKEW:
        raise skewed(claim.stamp, now)
    return claim


def verify(
    claim: Claim,
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    key: bytes,
    body_sha256: str = "",
) -> None:
    """Check that the holder of `key` signed exactly this request.

    Shape: `path` and `query` raw, as they stood in the request line; `headers` as for the claim.
    `body_sha256` is needed where the claim has no hash of its own (STS). The body itself is checked
    while it is read (`aws_chunked`, `checksums`).
    Raises: S3Error, SignatureDoesNotMatch.
    """
    try:
        lines = canonical_headers(headers, claim.signed_headers)
    except KeyError as missing:
        raise S3Error(
            Code.SIGNATURE_DOES_NOT_MATCH,
            f"the header {missing.args[0]} was signed and did not arrive; a proxy may have taken it",
        ) from None
    content = claim.content_sha256 or body_sha256
    if not content:
        raise no_hash()
    wanted = canonical_query(query, without="X-Amz-Signature" if claim.presigned else "")
    canonical = (
        f"{method}\n{canonical_path(path)}\n{wanted}\n{lines}\n{';'.join(claim.signed_headers)}\n"
        f"{content}"
    )
    digest = sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    signed = f"{ALGORITHM}\n{claim.stamp}\n{claim.scope}\n{digest}"
    found = hmac.digest(key, signed.encode(), "sha256").hex()
    if not hmac.compare_digest(found, claim.signature):
        # What was hashed tells a developer which side is wrong, and nothing that was not sent.
        raise S3Error(
            Code.SIGNATURE_DOES_NOT_MATCH,
            "the signature does not match: check the secret key of the lease, and that nothing "
            "between client and door rewrites the path, the query or the Host header",
            fields=(("StringToSign", signed), ("SignedHeaders", ";".join(claim.signed_headers))),
        )


def _from_header(text: str, headers: Mapping[str, str]) -> Claim:
    # The signature comes last, and all that stands before it is the same for a whole day.
    before, found, signature = text.rpartition("Signature=")
    if found and "," not in signature and len(before) <= _REPEATED:
        (access_key, date, region, service), names, _ = _repeated(before)
    else:
        (access_key, date, region, service), names, signature = _authorization(text)
    content = headers.get("x-amz-content-sha256", "")
    if not content and service != "sts":
        raise no_hash()
    stamp = headers.get("x-amz-date") or _stamp_of_date(headers.get("date", ""))
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=names,
        signature=_signature(signature),
        stamp=stamp,
        at=_instant(stamp),
        expires=0,
        content_sha256=_content_sha256(content),
        session_token=headers.get("x-amz-security-token", ""),
    )


def _authorization(text: str) -> tuple[tuple[LeaseId, str, str, str], tuple[str, ...], str]:
    """Credential, signed headers and signature of an Authorization header. Raises: S3Error."""
    scheme, _, rest = text.partition(" ")
    if scheme != ALGORITHM:
        refuse_scheme(scheme)
    fields: dict[str, str] = {}
    for piece in rest.split(","):
        name, found, value = piece.strip(" ").partition("=")
        if not found or name in fields:
            raise malformed("expected Credential=…, SignedHeaders=…, Signature=…, each once")
        fields[name] = value
    try:
        credential, names, signature = (
            fields["Credential"],
            fields["SignedHeaders"],
            fields["Signature"],
        )
    except KeyError as missing:
        raise malformed(f"{missing.args[0]} is missing") from None
    if len(fields) != 3:  # noqa: PLR2004  # the three above
        raise malformed("it has more than Credential, SignedHeaders and Signature")
    return _credential(credential), _signed_names(names), signature


@lru_cache(maxsize=1024)
def _repeated(before: str) -> tuple[tuple[LeaseId, str, str, str], tuple[str, ...], str]:
    return _authorization(f"{before}Signature=")


def _from_query(query: str, headers: Mapping[str, str]) -> Claim:
    fields: dict[str, str] = {}
    for piece in query.split("&"):
        if piece.startswith("X-Amz-"):
            name, _, value = piece.partition("=")
            if name in fields:
                raise bad_query(f"{name} stands in the query more than once")
            fields[name] = unquote(value.replace("+", " "), errors="surrogateescape")
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"):
        if not fields.get(f"X-Amz-{name}"):
            raise bad_query(f"X-Amz-{name} is missing")
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        refuse_scheme(fields["X-Amz-Algorithm"])
    token = fields.get("X-Amz-Security-Token", "")
    if token and "x-amz-security-token" in headers:
        raise bad_query("the session token stands in the query and in a header")
    access_key, date, region, service = _credential(fields["X-Amz-Credential"])
    content = fields.get("X-Amz-Content-Sha256") or headers.get("x-amz-content-sha256", "")
    if not content and service != "sts":
        content = Payload.UNSIGNED.value
    stamp = fields["X-Amz-Date"]
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=_signed_names(fields["X-Amz-SignedHeaders"]),
        signature=_signature(fields["X-Amz-Signature"]),
        stamp=stamp,
        at=_instant(stamp),
        expires=_expires(fields["X-Amz-Expires"]),
        content_sha256=_content_sha256(content),
        session_token=token or headers.get("x-amz-security-token", ""),
    )


# Clients repeat themselves: the same credential, list of headers and second come thousands of times.
# Whoever means harm does not, so what is kept is short, or little of it.
@lru_cache(maxsize=4096)
def _credential(text: str) -> tuple[LeaseId, str, str, str]:
    if len(text) > _LONGEST_CREDENTIAL:
        raise malformed("the credential is longer than any")
    parts = text.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":  # noqa: PLR2004  # key, day, region, service
        raise malformed("expected the credential ACCESS-KEY/YYYYMMDD/REGION/s3/aws4_request")
    key, date, region, service, _ = parts
    if not (0 < len(key) <= 128 and key.isascii() and key.isalnum()):  # noqa: PLR2004  # as IAM
        raise S3Error(Code.INVALID_ACCESS_KEY_ID, "the access key is no lease's")
    if not (len(date) == 8 and date.isascii() and date.isdigit()):  # noqa: PLR2004  # YYYYMMDD
        raise malformed("the credential's date is not written YYYYMMDD")
    return LeaseId(key), date, region, service


@lru_cache(maxsize=128)
def _signed_names(text: str) -> tuple[str, ...]:
    if len(text) > _LONGEST_LIST or not text.isascii() or text != text.lower():
        raise malformed("SignedHeaders must be lower-case names with ';' between them")
    names = tuple(text.split(";"))
    if "" in names or list(names) != sorted(set(names)):
        raise malformed("SignedHeaders must be sorted, each name once")
    if "host" not in names:
        raise S3Error(
            Code.ACCESS_DENIED,
            "the Host header must be signed",
            fields=(("HeadersNotSigned", "host"),),
        )
    return names


@lru_cache(maxsize=1024)
def _instant(stamp: str) -> Instant:
    digits = stamp[:8] + stamp[9:15]
    well_formed = len(stamp) == 16 and stamp[8] == "T" and stamp[15] == "Z"  # noqa: PLR2004  # ISO basic
    if well_formed and digits.isascii() and digits.isdigit():
        try:
            return datetime(
                int(digits[0:4]),
                int(digits[4:6]),
                int(digits[6:8]),
                int(digits[8:10]),
                int(digits[10:12]),
                int(digits[12:14]),
                tzinfo=UTC,
            )
        except ValueError:
            pass
    raise S3Error(
        Code.ACCESS_DENIED,
        "a signed request needs a date: x-amz-date written as 20261122T101500Z, or Date",
    )


def _expires(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_PRESIGNED_SECONDS)):
        seconds = int(text)
        if 1 <= seconds <= LONGEST_PRESIGNED_SECONDS:
            return seconds
    raise bad_query(f"X-Amz-Expires must be 1 to {LONGEST_PRESIGNED_SECONDS} seconds (a week)")


def _stamp_of_date(text: str) -> str:
    """A client without x-amz-date signs the instant of its Date header."""
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return ""
        return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError):
        return ""


def _is_sha256(text: str) -> bool:
    # Deleting the digits is ten times as quick as looking at each of them.
    return len(text) == 64 and text.isascii() and not text.encode().translate(None, _HEX)  # noqa: PLR2004  # hex


def _signature(text: str) -> str:
    if not _is_sha256(text):
        raise S3Error(
            Code.SIGNATURE_DOES_NOT_MATCH, "a signature is 64 lower-case hexadecimal digits"
        )
    return text


def _content_sha256(text: str) -> str:
    if text == EMPTY_SHA256 or text in _BY_NAME or not text or _is_sha256(text):
        return text
    if text.startswith("STREAMING-AWS4-ECDSA-"):
        refuse_sigv4a()
    raise S3Error(
        Code.INVALID_ARGUMENT,
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a SHA-256 in lower-case hex, or one of "
        + ", ".join(name for name in _BY_NAME if name.startswith("STREAMING")),
    )


def _check_scope(claim: Claim, regions: frozenset[str]) -> None:
    if claim.date != claim.stamp[:8]:
        raise malformed(
            f"the credential is of {claim.date}, and the request is dated {claim.stamp[:8]}"
        )
    if claim.service not in _SERVICES:
        raise malformed("the credential's service must be s3")
    if claim.region not in regions:
        wanted = min(regions)
        raise S3Error(
            Code.AUTHORIZATION_HEADER_MALFORMED,
            f"the region {claim.region[:64]!r} is wrong; expecting {wanted!r}",
            # SDKs read this element and try again with the right region by themselves.
            fields=(("Region", wanted),),
        )


def _check_signed(names: tuple[str, ...], headers: Mapping[str, str]) -> None:
    missing = [name for name in headers if name[:6] == "x-amz-" and name not in names]
    if missing:
        listed = ", ".join(sorted(missing))
        raise S3Error(
            Code.ACCESS_DENIED,
            f"there were headers present in the request which were not signed: {listed}",
            fields=(("HeadersNotSigned", listed),),
        )


def _check_presigned_time(claim: Claim, now: Instant) -> None:
    if claim.at - now > SKEW:
        raise skewed(claim.stamp, now)
    expires = claim.at + timedelta(seconds=claim.expires)
    if now > expires:
        raise S3Error(
            Code.ACCESS_DENIED,
            "request has expired: this presigned URL was good until "
            + expires.strftime("%Y-%m-%d %H:%M:%S UTC"),
            fields=(("Expires", expires.strftime("%Y-%m-%dT%H:%M:%SZ")),),
        )
