"""Time stamps of an authority (RFC 3161): this checkpoint existed before that instant.

An authority that does not know us cannot be asked to date back. A stamp over the checkpoint dates
everything that the log held then.
"""

from __future__ import annotations

from typing import NamedTuple

import rfc3161_client
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.errors import InputError, IntegrityError
from pratique.values.instants import Instant, as_instant

MAX_TOKEN_BYTES = 64 * 1024
"""Tokens with their chain take some 5,000 bytes."""


class Stamped(NamedTuple):
    """What a stamp says."""

    at: Instant
    """The checkpoint existed before this."""
    authority: str
    """Subject of the certificate that signed it."""


class StampError(IntegrityError):
    """A time stamp does not hold."""


def verify_stamp(token: bytes, certificates: bytes, message: bytes) -> Stamped:
    """Check a time stamp response over a message.

    `certificates` is PEM: the authority's root, and whatever lies between; trusted by the caller.
    Raises: StampError saying what does not hold; InputError when the certificates cannot be read.
    """
    known = _certificates(certificates)
    roots = [one for one in known if one.subject == one.issuer]
    if not roots:
        raise InputError(
            "no root certificate of the time stamp authority",
            expected="a PEM file with the authority's root and what lies between",
        )
    response = _decode(token)
    builder = rfc3161_client.VerifierBuilder(
        roots=roots, intermediates=[one for one in known if one not in roots]
    )
    leaf = next((one for one in known if _stamps_time(one)), None)
    try:
        if leaf is not None and not response.signed_data.certificates:
            builder = builder.tsa_certificate(leaf)
        builder.build().verify_message(response, message)
        at = as_instant(response.tst_info.gen_time)
        return Stamped(at=at, authority=_authority(response, leaf))
    except (rfc3161_client.VerificationError, ValueError) as error:
        # Parts of the response are parsed only when they are looked at.
        raise StampError(f"the time stamp does not hold: {error}") from error


def _decode(token: bytes) -> rfc3161_client.TimeStampResponse:
    if len(token) > MAX_TOKEN_BYTES:
        raise StampError(f"a time stamp of {len(token)} bytes")
    try:
        return rfc3161_client.decode_timestamp_response(token)
    except ValueError as error:
        if "InvalidSetOrdering" in str(error):
            # Many authorities write their chain in the order of signing, which DER does not allow.
            raise StampError(
                "the time stamp lists its certificates in an order that strict readers refuse "
                "(InvalidSetOrdering)",
                remedy="ask the authority for a stamp without its chain and give the chain as PEM, "
                "or check it with: openssl ts -verify",
            ) from error
        raise StampError(
            f"not a time stamp: {error}", expected="an RFC 3161 response (.tsr)"
        ) from error


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise InputError(f"not certificates in PEM: {error}") from error


def _stamps_time(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage.value


def _authority(response: rfc3161_client.TimeStampResponse, given: x509.Certificate | None) -> str:
    """Of the certificate that signed; verification has checked that there is exactly one."""
    inside = [x509.load_der_x509_certificate(one) for one in response.signed_data.certificates]
    leaf = next((one for one in inside if _stamps_time(one)), given)
    return leaf.subject.rfc4514_string() if leaf is not None else "unnamed"
