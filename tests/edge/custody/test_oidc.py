"""Keys of issuers over HTTPS: limits, redirects, rotation, and issuers that are away."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique.custody.s3_errors import S3Error
from pratique.edge.custody import oidc
from pratique.edge.custody.oidc import Issuers
from pratique.edge.tls import ensure_local_tls
from pratique.errors import SettingsError, UnavailableError
from pratique.settings import IssuerSettings
from pratique.values.instants import now_utc

ISSUER = "https://login.example"


class Publisher:
    """An issuer's key page, and how it behaves."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PrivateKey] = {"k1": ed25519.Ed25519PrivateKey.generate()}
        self.asked = 0
        self.body: bytes | None = None
        self.status = 200
        self.url = ""
        self.ca = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": "https://evil.example/"})
        return web.Response(body=self.body if self.body is not None else self.page())

    def page(self) -> bytes:
        found = []
        for name, key in self.keys.items():
            shown = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
            found.append({**shown, "kid": name, "use": "sig"})
        return json.dumps({"keys": found}).encode()

    def token(self, kid: str = "k1", **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "us", "sub": "ana", "iat": now, "exp": now + 60} | changes
        return jwt.encode(claims, self.keys[kid], algorithm="EdDSA", headers={"kid": kid})

    def issuers(self, home: Path) -> Issuers:
        one = IssuerSettings(
            name="login", url=ISSUER, audience="us", jwks=self.url, ca_file=self.ca
        )
        return Issuers((one,), home=home)


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[Publisher]:
    made = Publisher()
    files = ensure_local_tls(tmp_path / "tls", "127.0.0.1", now=now_utc())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    app = web.Application()
    app.router.add_get("/keys", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    made.url, made.ca = f"https://127.0.0.1:{port}/keys", str(files.authority)
    yield made
    await runner.cleanup()


async def test_keys_are_fetched_once_and_again_when_they_change(
    publisher: Publisher, tmp_path: Path
) -> None:
    issuers = publisher.issuers(tmp_path)
    for _ in range(3):
        found = await issuers.verify(publisher.token())
        assert (found.issuer, found.subject) == ("login", "ana")
    assert publisher.asked == 1
    publisher.keys["k2"] = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(S3Error, match="does not publish"):
        await issuers.verify(publisher.token("k2"))
    assert publisher.asked == 1, "unknown keys do not make us ask each time"
    issuers._keys["login"].again = 0.0
    assert (await issuers.verify(publisher.token("k2"))).subject == "ana"
    del publisher.keys["k1"]
    issuers._keys["login"].until = 0.0
    await issuers.verify(publisher.token("k2"))
    publisher.keys["k1"] = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(S3Error):
        await issuers.verify(publisher.token("k1"))


async def test_pages_that_are_no_keys(publisher: Publisher, tmp_path: Path) -> None:
    oct_key = {"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}
    for body in (
        b"", b"nonsense", b"[]", b'{"keys": 1}', b'{"keys": [1, {}]}', b"x" * (300 * 1024),
        json.dumps({"keys": [oct_key]}).encode(),
    ):  # fmt: skip
        publisher.body = body
        with pytest.raises((UnavailableError, S3Error)):
            await publisher.issuers(tmp_path).verify(publisher.token())
    publisher.body = None
    for status in (302, 404, 500):
        publisher.status = status
        with pytest.raises(UnavailableError, match=str(status)):
            await publisher.issuers(tmp_path).verify(publisher.token())


async def test_known_keys_go_on_while_an_issuer_is_away(
    publisher: Publisher, tmp_path: Path
) -> None:
    issuers = publisher.issuers(tmp_path)
    await issuers.verify(publisher.token())
    publisher.status = 500
    issuers._keys["login"].until = 0.0
    await issuers.verify(publisher.token())
    issuers._keys["login"].until = 0.0
    issuers._keys["login"].loaded -= oidc._STALE_SECONDS + 1
    with pytest.raises(UnavailableError):
        await issuers.verify(publisher.token())


async def test_a_certificate_that_nobody_vouches_for(publisher: Publisher, tmp_path: Path) -> None:
    publisher.ca = ""
    with pytest.raises(UnavailableError):
        await publisher.issuers(tmp_path).verify(publisher.token())


def test_settings_that_would_be_unsafe(tmp_path: Path) -> None:
    good = IssuerSettings(name="a", url=ISSUER, audience="us", jwks="keys.json")
    for issuers in (
        (IssuerSettings(name="a", url=ISSUER, audience="us", jwks="http://login.example/keys"),),
        (IssuerSettings(name="a", url=ISSUER, audience="", jwks="keys.json"),),
        (good, IssuerSettings(name="b", url=ISSUER, audience="us", jwks="keys.json")),
        (good, IssuerSettings(name="a", url="https://x.example", audience="us", jwks="keys.json")),
    ):
        with pytest.raises(SettingsError):
            Issuers(issuers, home=tmp_path)
