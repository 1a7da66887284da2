"""A lease's certificate: its terms in one canonical spelling, and the broker's MAC over them.

Whoever writes the leases' table cannot widen a lease: the broker believes certificates only, and
makes them only for an operator. A certificate is no secret, and names no key.

    "PQL1" · HMAC-SHA256 (32 bytes) · terms as a MessagePack array in the order of `Terms`
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from pratique.custody.errors import CertificateError
from pratique.custody.model import Copy, Lease, ScopeId, Verb, scopes_above
from pratique.custody.scopes import LEASE_ID
from pratique.values.instants import Instant, render_instant

MAX_CERTIFICATE: Final = 32 * 1024

_LEASE_MAGIC, _ROLE_MAGIC = b"PQL1", b"PQR1"
_MAC_BYTES = 32
_MAC_DOMAIN = b"pratique-certificate-1\x00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


class Terms(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What a lease allows, as the broker signs it. Times are microseconds since 1970 in UTC."""

    lease: str
    holder: str
    vendor: str
    project: str
    client: str
    purpose: str
    selectors: tuple[str, ...]
    verbs: tuple[str, ...]
    copy: str
    budget_bytes: int
    budget_objects: int
    rate: int
    networks: tuple[str, ...]
    granted_us: int
    from_us: int
    until_us: int
    granted_by: str

    @property
    def scopes(self) -> tuple[ScopeId, ...]:
        """The scopes that the lease hangs in, narrowest first, as `Lease.scopes`."""
        return scopes_above(self.lease, self.vendor, self.project, self.holder, self.client)

    @property
    def datasets(self) -> frozenset[str]:
        """Datasets that the selectors reach into."""
        return frozenset(selector.partition("/")[0] for selector in self.selectors)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Terms)


def terms_of(lease: Lease) -> Terms:
    """The terms of a lease; sets are sorted, so that equal terms are spelled alike."""
    return Terms(
        lease=lease.id,
        holder=lease.holder,
        vendor=lease.vendor,
        project=lease.project,
        client=lease.client,
        purpose=lease.purpose,
        selectors=tuple(sorted(lease.selectors)),
        verbs=tuple(sorted(lease.verbs)),
        copy=lease.copy,
        budget_bytes=lease.budget_bytes,
        budget_objects=lease.budget_objects,
        rate=lease.rate,
        networks=tuple(sorted(lease.networks)),
        granted_us=micros(lease.granted_at),
        from_us=micros(lease.not_before),
        until_us=micros(lease.not_after),
        granted_by=lease.granted_by,
    )


def render_terms(terms: Terms) -> bytes:
    """Their one spelling: what an operator sends to the broker, and what its MAC covers."""
    return _ENCODER.encode(terms)


def parse_terms(data: bytes) -> Terms:
    """Read terms and check what can be checked of them alone. Raises: CertificateError."""
    try:
        terms = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CertificateError("not the terms of a lease") from None
    if _ENCODER.encode(terms) != data:
        raise CertificateError("the terms of a lease are not in their canonical spelling")
    return _checked(terms)


def certify(terms: Terms, *, key: bytes) -> bytes:
    """The broker's certificate of these terms."""
    return _signed(_LEASE_MAGIC, terms, key)


def certify_role(terms: Terms, *, key: bytes) -> bytes:
    """A role: terms within which gateways may have leases made, for people who log in elsewhere (STS).

    It is no lease itself, and no lease is a role.
    """
    return _signed(_ROLE_MAGIC, terms, key)


def open_certificate(data: bytes, *, key: bytes) -> Terms:
    """The terms, verified with the broker's key. Raises: CertificateError for every other one."""
    return _opened(_LEASE_MAGIC, data, key)


def open_role(data: bytes, *, key: bytes) -> Terms:
    """The terms of a role, verified. Raises: CertificateError."""
    return _opened(_ROLE_MAGIC, data, key)


def read_certificate(data: bytes) -> Terms:
    """What a certificate claims, unverified: for showing, and for comparing with a stored lease."""
    return parse_terms(_taken_apart(_LEASE_MAGIC, data)[1])


def read_role(data: bytes) -> Terms:
    """What a role claims, unverified: for showing."""
    return parse_terms(_taken_apart(_ROLE_MAGIC, data)[1])


def within_role(
    role: Terms, *, lease: str, holder: str, granted_us: int, from_us: int, until_us: int
) -> Terms:
    """Terms of a lease under a role: another holder and a shorter time, all else the same.

    Raises: CertificateError when the time is not within the role's.
    """
    if not role.from_us <= from_us < until_us <= role.until_us:
        raise CertificateError("a role's leases begin and end within its own time")
    return msgspec.structs.replace(
        role, lease=lease, holder=holder, granted_us=granted_us, from_us=from_us, until_us=until_us
    )


def is_certified(lease: Lease) -> bool:
    """Whether a stored lease says what its certificate claims, but for the budget, which its scope has.

    Whether the certificate is the broker's, the broker says. So who can write to the leases' table
    neither widens a prefix nor takes the marks away.
    """
    try:
        claimed = read_certificate(lease.certificate)
    except CertificateError:
        return False
    stored = msgspec.structs.replace(
        terms_of(lease), budget_bytes=claimed.budget_bytes, budget_objects=claimed.budget_objects
    )
    return stored == claimed


def check_terms(
    terms: Terms, *, now: Instant, verb: Verb | None = None, dataset: str | None = None
) -> None:
    """Raise CertificateError unless the lease holds now, and covers verb and dataset."""
    at = micros(now)
    if at < terms.from_us:
        raise CertificateError(f"lease {terms.lease} begins at {_shown(terms.from_us)}")
    if at >= terms.until_us:
        raise CertificateError(f"lease {terms.lease} ended at {_shown(terms.until_us)}")
    if verb is not None and verb not in terms.verbs:
        raise CertificateError(
            f"lease {terms.lease} does not allow to {verb}", expected=", ".join(terms.verbs)
        )
    if dataset is not None and dataset not in terms.datasets:
        raise CertificateError(f"lease {terms.lease} has nothing in the dataset {dataset!r}")


def micros(moment: Instant) -> int:
    """Microseconds since 1970, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def _shown(at: int) -> str:
    return render_instant(_EPOCH + at * _MICROSECOND)


def _signed(magic: bytes, terms: Terms, key: bytes) -> bytes:
    body = render_terms(_checked(terms))
    return magic + _mac(magic, body, key) + body


def _opened(magic: bytes, data: bytes, key: bytes) -> Terms:
    mac, body = _taken_apart(magic, data)
    if not hmac.compare_digest(mac, _mac(magic, body, key)):
        raise CertificateError("the certificate is not this broker's, or was changed")
    return parse_terms(body)


def _mac(magic: bytes, body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _MAC_DOMAIN + magic + body, "sha256")


def _taken_apart(magic: bytes, data: bytes) -> tuple[bytes, bytes]:
    start = len(magic) + _MAC_BYTES
    if not start < len(data) <= MAX_CERTIFICATE or not data.startswith(magic):
        raise CertificateError("not a certificate of a lease")
    return data[len(magic) : start], data[start:]


def _checked(terms: Terms) -> Terms:
    """Names that scopes are made of hold no separator; the rest is what a lease can be."""
    _named("holder", terms.holder)
    _named("vendor", terms.vendor)
    _named("project", terms.project)
    _named("client", terms.client)
    if LEASE_ID.fullmatch(terms.lease) is None:
        raise CertificateError("not a lease id", expected="PQL and 17 of A-Z and 2-7")
    if not terms.verbs or not _among(terms.verbs, Verb) or not _among((terms.copy,), Copy):
        raise CertificateError("a lease allows some of: list, read, write, delete")
    for values in (terms.selectors, terms.verbs, terms.networks):
        if list(values) != sorted(set(values)):
            raise CertificateError("the terms of a lease are not sorted")
    if not terms.selectors or "" in terms.datasets:
        raise CertificateError("a lease selects at least one dataset")
    if min(terms.budget_bytes, terms.budget_objects, terms.rate) < 0:
        raise CertificateError("a lease's budget and rate are not below zero")
    if not terms.from_us < terms.until_us:
        raise CertificateError("a lease ends after it begins")
    return terms


def _named(what: str, name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise CertificateError(
            f"not a name for a {what}: {name[:80]!r}",
            expected="up to 128 letters, digits and ._@+-, beginning with a letter or digit",
        )


def _among(values: Iterable[str], words: Iterable[str]) -> bool:
    known = set(words)
    return all(value in known for value in values)
