"""Tokens of OpenID Connect issuers: verified by PyJWT with keys that are read from a file or fetched.

1. The token is no longer than STS allows, and names an issuer of the settings and a key (`kid`).
2. The key is one of that issuer's published keys, for signatures; symmetric ones are never taken.
3. PyJWT checks signature, issuer, audience and times; all of them must be there.

Only the issuer's own configured address is ever asked, and at most every half minute for keys that
nobody has published.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import jwt
import msgspec
from yarl import URL

from pratique.custody.roles import Identity
from pratique.custody.s3_errors import Code, S3Error
from pratique.errors import SettingsError, UnavailableError
from pratique.settings import IssuerSettings

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_MOST_BYTES: Final = 256 * 1024
_MOST_KEYS: Final = 100
_FETCH_SECONDS: Final = 5.0
_KEPT_SECONDS: Final = 600.0
_AGAIN_SECONDS: Final = 30.0
_STALE_SECONDS: Final = 86_400.0
_LEEWAY_SECONDS: Final = 60
_SUBJECT_CHARACTERS: Final = 512
_REQUIRED: Final = ("exp", "iat", "iss", "aud")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Keys:
    """Published keys of one issuer."""

    by_id: dict[str, jwt.PyJWK] = field(default_factory=dict)
    loaded: float = 0.0
    until: float = 0.0
    again: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """Verifies tokens. Belongs to one event loop."""

    def __init__(self, issuers: Sequence[IssuerSettings], *, home: Path) -> None:
        """Raises: SettingsError."""
        self._by_url = {issuer.url: issuer for issuer in issuers}
        if len(self._by_url) != len(issuers) or len({one.name for one in issuers}) != len(issuers):
            raise SettingsError("two [[custody.issuer]] tables have the same name or url")
        for issuer in issuers:
            _check(issuer)
        self._home = home
        self._keys = {issuer.name: _Keys() for issuer in issuers}

    async def verify(self, token: str) -> Identity:
        """Who a token says that somebody is. Raises: S3Error (InvalidIdentityToken, ExpiredToken).

        Raises: UnavailableError when the issuer's keys cannot be had.
        """
        issuer, key_id = self._claimed(token)
        key = await self._key(issuer, key_id)
        try:
            # PyJWT compares the header's algorithm with the key's own, which is never symmetric here.
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=issuer.audience,
                issuer=issuer.url,
                leeway=_LEEWAY_SECONDS,
                options={"require": [*_REQUIRED, issuer.holder_claim]},
            )
        except jwt.ExpiredSignatureError:
            raise S3Error(Code.EXPIRED_TOKEN, "the web identity token has expired") from None
        except jwt.PyJWTError as error:
            # The class says what is wrong; the message could quote the token.
            raise _no(f"it does not hold ({type(error).__name__})") from None
        subject = claims.get(issuer.holder_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_CHARACTERS:
            raise _no(f"its claim {issuer.holder_claim} is no text")
        return Identity(issuer=issuer.name, subject=subject, claims=claims)

    def _claimed(self, token: str) -> tuple[IssuerSettings, str]:
        """Issuer and key that a token names; nothing of it is proven."""
        try:
            found = jwt.decode_complete(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _no("it is no JWT") from None
        named, key_id = found["payload"].get("iss"), found["header"].get("kid", "")
        issuer = self._by_url.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise _no("its issuer is not one of [[custody.issuer]]")
        if not isinstance(key_id, str):
            raise _no("its key id is no text")
        return issuer, key_id

    async def _key(self, issuer: IssuerSettings, key_id: str) -> jwt.PyJWK:
        keys = self._keys[issuer.name]
        async with keys.lock:
            now = time.monotonic()
            missing = key_id not in keys.by_id and now >= keys.again
            if now >= keys.until or missing:
                await self._renew(issuer, keys, now)
        found = keys.by_id.get(key_id)
        if found is None:
            raise _no("it is signed with a key that its issuer does not publish")
        return found

    async def _renew(self, issuer: IssuerSettings, keys: _Keys, now: float) -> None:
        """Ask for the keys. While an issuer is away, those that are known go on for a day."""
        keys.again = now + _AGAIN_SECONDS
        try:
            keys.by_id = _parse_keys(await self._load(issuer))
        except UnavailableError as error:
            if not keys.by_id or now > keys.loaded + _STALE_SECONDS:
                keys.by_id = {}
                raise
            _log.warning("keys of an issuer are old", extra={"error": error.message})
            keys.until = keys.again
        else:
            keys.loaded, keys.until = now, now + _KEPT_SECONDS

    async def _load(self, issuer: IssuerSettings) -> bytes:
        if "://" in issuer.jwks:
            return await _fetch(issuer)
        return await asyncio.to_thread(_read, self._home / issuer.jwks)


def _check(issuer: IssuerSettings) -> None:
    if not issuer.url or not issuer.audience or not issuer.jwks or not issuer.holder_claim:
        raise SettingsError(
            f"[[custody.issuer]] {issuer.name!r} is incomplete",
            expected="name, url, audience and jwks",
        )
    if "://" in issuer.jwks and URL(issuer.jwks).scheme != "https":
        raise SettingsError(
            f"[[custody.issuer]] {issuer.name!r}: keys are fetched by https only",
            remedy="give an https URL, or a file",
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UnavailableError(f"the keys of an issuer cannot be read: {error.strerror}") from None
    return _limited(data)


async def _fetch(issuer: IssuerSettings) -> bytes:
    """The published keys; no redirects, so that nobody else is asked."""
    tls = ssl.create_default_context(cafile=issuer.ca_file or None)
    timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(issuer.jwks, ssl=tls, allow_redirects=False) as answer,
        ):
            if answer.status != 200:  # noqa: PLR2004  # OK
                raise _away(issuer, f"it answers {answer.status}")
            data = bytearray()
            async for piece in answer.content.iter_any():
                data += piece
                if len(data) > _MOST_BYTES:
                    break
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _away(issuer, type(error).__name__) from None
    return _limited(bytes(data))


def _limited(data: bytes) -> bytes:
    if len(data) > _MOST_BYTES:
        raise UnavailableError(f"the keys of an issuer are longer than {_MOST_BYTES} bytes")
    return data


def _parse_keys(data: bytes) -> dict[str, jwt.PyJWK]:
    """Keys for signatures by id; what cannot be one is left out. Raises: UnavailableError."""
    try:
        found = msgspec.json.decode(data, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, list):
        raise UnavailableError("the keys of an issuer are no JSON Web Key Set")
    keys = {}
    for one in found[:_MOST_KEYS]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # another issuer's oddity need not stop those that are fine
        if key.algorithm_name in ALGORITHMS:
            keys[str(one.get("kid", ""))] = key
    return keys


def _away(issuer: IssuerSettings, what: str) -> UnavailableError:
    return UnavailableError(f"the keys of the issuer {issuer.name} cannot be fetched: {what}")


def _no(why: str) -> S3Error:
    return S3Error(Code.INVALID_IDENTITY_TOKEN, f"the web identity token is refused: {why}")
