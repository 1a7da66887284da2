"""What is said to a sender whose signature cannot be used, and what to do about it."""

from __future__ import annotations

from typing import NoReturn

from pratique.custody.s3_errors import Code, S3Error
from pratique.values.instants import Instant


def skewed(stamp: str, now: Instant) -> S3Error:
    """The clocks of sender and door differ by too much."""
    return S3Error(
        Code.REQUEST_TIME_TOO_SKEWED,
        "the difference between the request's time and this clock is more than 15 minutes: "
        "set the clock of the machine that sends",
        fields=(
            ("RequestTime", stamp),
            ("ServerTime", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
            ("MaxAllowedSkewMilliseconds", "900000"),
        ),
    )


def no_hash() -> S3Error:
    """Nothing says what the body is."""
    return S3Error(
        Code.INVALID_REQUEST, "missing required header for this request: x-amz-content-sha256"
    )


def malformed(detail: str) -> S3Error:
    """The Authorization header is not what it must be."""
    return S3Error(
        Code.AUTHORIZATION_HEADER_MALFORMED, f"the authorization header is malformed: {detail}"
    )


def bad_query(detail: str) -> S3Error:
    """The parameters of a presigned request are not what they must be."""
    return S3Error(Code.AUTHORIZATION_QUERY_PARAMETERS_ERROR, f"the presigned URL is bad: {detail}")


def refuse_scheme(scheme: str) -> NoReturn:
    """Another scheme than Signature Version 4.

    Raises: S3Error, always.
    """
    if scheme == "AWS":
        refuse_sigv2()
    if scheme.startswith("AWS4-ECDSA-"):
        refuse_sigv4a()
    raise S3Error(
        Code.INVALID_REQUEST,
        "this door reads signatures of AWS Signature Version 4 (AWS4-HMAC-SHA256) only; give the client "
        "the access key and the secret of a lease",
    )


def refuse_sigv2() -> NoReturn:
    """The scheme before this one.

    Raises: S3Error, always.
    """
    raise S3Error(
        Code.INVALID_REQUEST,
        "Signature Version 2 is not accepted; please use AWS4-HMAC-SHA256 (boto3: "
        "Config(signature_version='s3v4'); others call it SigV4)",
    )


def refuse_sigv4a() -> NoReturn:
    """Signatures for several regions, with public keys.

    Raises: S3Error, always.
    """
    raise S3Error(
        Code.NOT_IMPLEMENTED,
        "multi-region signatures (SigV4A, AWS4-ECDSA-P256-SHA256) are not accepted; please use "
        "AWS4-HMAC-SHA256, and no multi-region access point",
    )
