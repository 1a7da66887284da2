"""Roles: terms that an operator made, under which people and jobs who log in elsewhere get leases.

A role names one issuer of identities and conditions on its claims; whoever fulfils them all may take
it. Its own certificate bounds every lease that is made under it (`certificate.within_role`), and the cap
of the holder's scope bounds all leases of one holder together: logging in again gives no new budget.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from pratique.custody.certificate import Terms, read_role
from pratique.custody.model import Copy, Lease, LeaseId, Verb
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.values.instants import Instant, render_instant
from pratique.values.spans import from_micros

BY_ROLE: Final = "role:"
"""What `granted_by` of a lease begins with that was made under a role."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CLAIM: Final = re.compile(r"[A-Za-z0-9_:./-]{1,128}")
_MOST_CONDITIONS: Final = 20
_PATTERN_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody whom an issuer vouches for."""

    issuer: str
    """Name of the issuer in the settings."""
    subject: str
    """What its holder claim says."""
    claims: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Terms of leases to come, and who may take them."""

    name: str
    certificate: bytes
    """The broker's statement of the terms; no secret."""
    issuer: str
    """Name of a `[[custody.issuer]]`."""
    conditions: tuple[tuple[str, str], ...]
    """Claims and what each must be; `*` stands for anything within it."""
    lease_seconds: int
    holder_bytes: int
    """What one holder may disclose with all leases of the role's project together."""
    holder_objects: int
    added_by: str
    added_at: Instant

    @property
    def terms(self) -> Terms:
        """The terms, as its certificate says."""
        return read_role(self.certificate)


def parse_role_name(text: str) -> str:
    """Read the name of a role. Raises: InputError."""
    if _NAME.fullmatch(text) is None:
        raise InputError(
            f"not a name for a role: {text[:80]!r}",
            expected="up to 64 letters, digits, '.', '_' and '-'",
        )
    return text


def parse_condition(text: str) -> tuple[str, str]:
    """Read `CLAIM=PATTERN`. Raises: InputError."""
    claim, found, pattern = text.partition("=")
    printable = pattern.isprintable() and 0 < len(pattern) <= _PATTERN_CHARACTERS
    if _CLAIM.fullmatch(claim) is None or not found or not printable:
        raise InputError(
            f"not a condition: {text[:120]!r}",
            expected="CLAIM=VALUE, such as repository=acme/labelling; '*' stands for anything",
        )
    if not pattern.strip("*?"):
        raise InputError(f"the condition {text[:120]!r} lets everybody in")
    return claim, pattern.replace("[", "[[]")


def check_conditions(conditions: tuple[tuple[str, str], ...]) -> None:
    """Refuse a role that anybody of its issuer could take. Raises: InputError."""
    if not 0 < len(conditions) <= _MOST_CONDITIONS:
        raise InputError(
            "a role without conditions on claims",
            expected="one or more --claim: an issuer such as a public forge gives tokens to everybody",
        )


def fulfils(claims: Mapping[str, object], conditions: tuple[tuple[str, str], ...]) -> bool:
    """Whether every condition holds. A claim that is a list fulfils one with any of its texts."""
    return bool(conditions) and all(
        any(fnmatchcase(text, pattern) for text in _texts(claims.get(claim)))
        for claim, pattern in conditions
    )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, list):
        return tuple(one for one in value if isinstance(one, str))
    return ()


def lease_under(terms: Terms, certificate: bytes) -> Lease:
    """The lease that a certificate states, which the broker just made under a role."""
    return Lease(
        id=LeaseId(terms.lease),
        holder=terms.holder,
        vendor=terms.vendor,
        project=terms.project,
        client=terms.client,
        purpose=terms.purpose,
        selectors=terms.selectors,
        verbs=frozenset(Verb(verb) for verb in terms.verbs),
        copy=Copy(terms.copy),
        budget_bytes=terms.budget_bytes,
        budget_objects=terms.budget_objects,
        rate=terms.rate,
        networks=terms.networks,
        granted_at=from_micros(terms.granted_us),
        not_before=from_micros(terms.from_us),
        not_after=from_micros(terms.until_us),
        granted_by=terms.granted_by,
        certificate=certificate,
    )


def session_token(certificate: bytes) -> str:
    """What a lease under a role is used with, besides its secret; the same on every node."""
    digest = hashlib.sha256(b"pratique-session-1\x00" + certificate).digest()
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def session_problem(lease: Lease, token: str) -> str:
    """What is wrong with a request's session token; empty when it is the one of the lease, or it has none."""
    if not lease.granted_by.startswith(BY_ROLE):
        return "this lease has no session token; unset AWS_SESSION_TOKEN" if token else ""
    known = session_token(lease.certificate).encode()
    if hmac.compare_digest(known, token.encode("utf-8", "surrogateescape")):
        return ""
    return "the session token is missing or not of this lease; log in again"


def role_entry(role: Role, *, action: str, actor: str) -> Draft:
    """A role is `added` or `removed`. Patterns of claims are names of organisations, not of people."""
    terms = role.terms
    return Draft(
        kind="role",
        subject=f"role:{role.name}",
        actor=actor,
        body={
            "action": action,
            "issuer": role.issuer,
            "conditions": [list(one) for one in role.conditions],
            "vendor": terms.vendor,
            "project": terms.project,
            "client": terms.client,
            "purpose": terms.purpose,
            "selectors": list(terms.selectors),
            "verbs": list(terms.verbs),
            "copy": terms.copy,
            "budget_bytes": terms.budget_bytes,
            "budget_objects": terms.budget_objects,
            "holder_bytes": role.holder_bytes,
            "holder_objects": role.holder_objects,
            "lease_seconds": role.lease_seconds,
            "not_after": render_instant(from_micros(terms.until_us)),
            "certificate_sha256": hashlib.sha256(role.certificate).hexdigest(),
        },
    )
