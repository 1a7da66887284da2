"""Credential files of clouds and clusters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

import msgspec

from pratique.inventory.errors import LockError
from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import (
    NotUnderstoodError,
    json_of,
    list_at,
    name_of,
    sections_of,
    table_at,
    text_of,
    word_at,
)
from pratique.inventory.text import SourceText
from pratique.inventory.yaml_text import parse_mapping


def aws_credentials(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A key per profile. Profiles that only name a role or a process hold no key of their own."""
    for profile, table in sections_of(text_of(data)):
        secret = table.get("aws_secret_access_key", "")
        session = table.get("aws_session_token", "")
        if not secret and not session:
            continue
        yield Identity(
            kind="aws-session" if session else "aws-access-key",
            name=f"{path}:{name_of(profile) or 'default'}",
            locator=path,
            fingerprint=fingerprints.of(secret or session),
            local=True,
        )


def nothing_more(_path: str, data: bytes, _fingerprints: Fingerprints) -> Iterator[Identity]:
    """A file that counts as one credential, or as none but the leases in it."""
    text_of(data)
    return iter(())


def google(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A service account by its address, which is the same everywhere; a person's login by its path."""
    content = json_of(data)
    kind = word_at(content, "type")
    if kind == "service_account":
        yield Identity(
            kind="gcp-service-account",
            name=word_at(content, "client_email") or path,
            locator=path,
            fingerprint=fingerprints.of(_text(content, "private_key")),
            local=not word_at(content, "client_email"),
        )
    elif kind in {"authorized_user", "external_account", "impersonated_service_account"}:
        yield Identity(
            kind="gcp-credentials",
            name=path,
            locator=path,
            fingerprint=fingerprints.of(_text(content, "refresh_token")),
            local=True,
        )


def azure_profile(path: str, data: bytes, _fingerprints: Fingerprints) -> Iterator[Identity]:
    """Accounts that are logged in."""
    for one in list_at(json_of(data.removeprefix(b"\xef\xbb\xbf")), "subscriptions"):
        user = word_at(table_at(one, "user"), "name")
        if user:
            yield Identity(kind="azure-account", name=user, locator=path)


def kubeconfig(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A user per entry, with the contexts that use it."""
    try:
        content = parse_mapping(SourceText(path, data))
    except LockError:
        raise NotUnderstoodError("it is not YAML") from None
    for one in list_at(content, "users"):
        name, user = word_at(one, "name"), table_at(one, "user")
        if not name:
            continue
        value = next(
            (
                text
                for key in ("token", "client-key-data", "password")
                if (text := _text(user, key))
            ),
            "",
        )
        yield Identity(
            kind="kubernetes-user",
            name=f"{path}:{name}",
            locator=path,
            fingerprint=fingerprints.of(value),
            local=True,
        )


def service_account_token(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """The account that a pod runs as, told by the middle part of its token."""
    parts = data.strip().split(b".")
    subject = _subject(parts[1]) if len(parts) == 3 else ""  # noqa: PLR2004 - header, claims, signature
    yield Identity(
        kind="kubernetes-service-account",
        name=subject or path,
        locator=path,
        fingerprint=fingerprints.of(data.strip()),
        local=not subject,
    )


def _subject(claims: bytes) -> str:
    try:
        decoded = base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4))
        return word_at(msgspec.json.decode(decoded), "sub")
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return ""


def _text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
