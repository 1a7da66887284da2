"""Logging in with a web identity: unmodified SDKs, and tokens that nobody may get anything for."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from kit.custody import a_lease
from kit.holds import a_hold
from kit.s3_door import CLIENT_CONFIG, Custodian, custodian, s3_door
from pratique.custody.certificate import terms_of
from pratique.custody.model import Lease, LeaseId, ScopeId, ScopeState, Verb
from pratique.custody.roles import Role
from pratique.doors.s3.serving import ServingS3
from pratique.settings import IssuerSettings
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

ISSUER = "https://tokens.forge.example"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "repo:acme/labelling:ref:refs/heads/main"


@dataclass(kw_only=True)
class Login:
    """A door with one issuer, whose key the test holds."""

    made: Custodian
    serving: ServingS3
    key: RSAPrivateKey
    home: Path

    def token(self, **changes: Any) -> str:
        """A token as the forge makes them; `changes` replace claims, None takes one away."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600,
            "repository": "acme/labelling",
        } | changes  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm="RS256", headers={"kid": "k1"})

    def role(self, name: str = "labelling", **changes: Any) -> Role:
        """A role that is stored; `changes` are of its terms."""
        now = now_utc()
        terms = a_lease(
            id=LeaseId("PQL" + "A" * 17),
            holder="role",
            granted_at=now,
            not_before=now - timedelta(minutes=1),
            not_after=now + timedelta(days=30),
            granted_by=f"role:{name}",
        )
        lease = _replaced(terms, changes)
        role = Role(
            name=name,
            certificate=self.made.admin.certify_role(terms_of(lease)),
            issuer="forge",
            conditions=(("repository", "acme/*"), ("sub", "repo:acme/*")),
            lease_seconds=3600,
            holder_bytes=3 * 65536,
            holder_objects=10,
            added_by="operator:ana",
            added_at=now,
        )
        self.made.state.add_role(role)
        return role

    def sts(self) -> Any:
        """boto3's own client of the token service, without credentials."""
        return boto3.client(
            "sts", endpoint_url=self.serving.url, region_name="us-east-1",
            aws_access_key_id="", aws_secret_access_key="", config=CLIENT_CONFIG,
        )  # fmt: skip

    def assume(self, token: str, role: str = "labelling", **more: Any) -> dict[str, Any]:
        """Log in."""
        answer = self.sts().assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::000000000000:role/{role}",
            RoleSessionName="ci",
            WebIdentityToken=token,
            **more,
        )
        return dict(answer)

    def s3(self, answer: dict[str, Any], **changes: str) -> Any:
        """boto3 with what a login gave."""
        given = answer["Credentials"]
        names = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        } | changes
        return boto3.client(
            "s3", endpoint_url=self.serving.url, region_name="us-east-1", config=CLIENT_CONFIG,
            **names,
        )  # fmt: skip


def _replaced(lease: Lease, changes: dict[str, Any]) -> Lease:
    return replace(lease, **changes)


def jwk(key: RSAPrivateKey, **more: str) -> dict[str, Any]:
    found = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return dict(found) | {"kid": "k1", "use": "sig", "alg": "RS256"} | more


@pytest.fixture
async def login(tmp_path: Path) -> AsyncIterator[Login]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk(key)]}))
    issuer = IssuerSettings(name="forge", url=ISSUER, audience=AUDIENCE, jwks="keys.json")
    with custodian(tmp_path, issuer=(issuer,)) as made:
        made.dataset()
        made.put("a", b"x" * 200_000)
        made.put("b", b"y" * 200_000)
        async with s3_door(made.settings) as serving:
            yield Login(made=made, serving=serving, key=key, home=tmp_path)


async def call(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


def refused(work: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


async def test_an_sdk_logs_in_with_environment_variables_only(
    login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login.role()
    token = tmp_path / "token"
    token.write_text(login.token())
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/labelling")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ENDPOINT_URL", login.serving.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def work() -> bytes:
        s3 = boto3.Session().client("s3")
        return bytes(s3.get_object(Bucket="dialogs", Key="a", Range="bytes=0-9")["Body"].read())

    assert await call(work) == b"x" * 10


async def test_a_lease_by_login_is_in_the_ledger_under_a_pseudonym(login: Login) -> None:
    login.role()
    answer = await call(lambda: login.assume(login.token(), DurationSeconds=900))
    again = await call(lambda: login.assume(login.token()))
    left = (answer["Credentials"]["Expiration"] - now_utc()).total_seconds()
    assert 800 < left <= 900
    leases = [
        login.made.state.lease(LeaseId(one["Credentials"]["AccessKeyId"]))
        for one in (answer, again)
    ]
    assert leases[0] is not None
    assert leases[1] is not None
    assert leases[0].holder == leases[1].holder
    assert leases[0].holder.startswith("w-")
    log = open_log(login.made.settings)
    try:
        entries = [entry for entry in log.entries() if entry.kind in {"lease", "scope"}]
    finally:
        log.close()
    assert [entry.kind for entry in entries] == ["scope", "lease", "lease"]
    assert {entry.body["via"] for entry in entries if entry.kind == "lease"} == {"sts"}
    text = str([entry.body for entry in entries]) + str([entry.subject for entry in entries])
    for secret in (
        SUBJECT,
        answer["Credentials"]["SecretAccessKey"],
        answer["Credentials"]["SessionToken"],
    ):
        assert secret not in text


async def test_logging_in_again_gives_no_new_budget(login: Login) -> None:
    login.role()

    def read(key: str) -> None:
        s3 = login.s3(login.assume(login.token()))
        s3.get_object(Bucket="dialogs", Key=key, Range="bytes=0-131071")["Body"].read()

    await call(lambda: read("a"))
    code, message = await call(lambda: refused(lambda: read("b")))
    assert code == "AccessDenied"
    assert "holder" in message


async def test_the_session_token_is_part_of_the_credentials(login: Login) -> None:
    login.role()
    answer = await call(lambda: login.assume(login.token()))
    other = await call(
        lambda: login.assume(login.token(sub="repo:acme/labelling:ref:refs/heads/dev"))
    )

    def work() -> None:
        ask = {"Bucket": "dialogs", "Key": "a", "Range": "bytes=0-0"}
        assert login.s3(answer).get_object(**ask)["Body"].read() == b"x"
        wrong = other["Credentials"]["SessionToken"]
        for token in ("nonsense", wrong):
            forged = login.s3(answer, aws_session_token=token)
            assert refused(partial(forged.get_object, **ask))[0] == "InvalidToken"
        bare = boto3.client(
            "s3", endpoint_url=login.serving.url, region_name="us-east-1", config=CLIENT_CONFIG,
            aws_access_key_id=answer["Credentials"]["AccessKeyId"],
            aws_secret_access_key=answer["Credentials"]["SecretAccessKey"],
        )  # fmt: skip
        assert refused(lambda: bare.get_object(**ask))[0] == "InvalidToken"

    await call(work)


async def test_tokens_that_get_nothing(login: Login) -> None:
    login.role()
    login.role("other", purpose="labelling")
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600,
        "repository": "acme/labelling",
    }  # fmt: skip
    elliptic = ec.generate_private_key(ec.SECP256R1())

    def made(algorithm: str, key: Any, **headers: Any) -> str:
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "k1"} | headers)

    bad = {
        "expired": (login.token(exp=now - 3600, iat=now - 7200), "ExpiredToken"),
        "audience": (login.token(aud="other"), "InvalidIdentityToken"),
        "no audience": (login.token(aud=None), "InvalidIdentityToken"),
        "no expiry": (login.token(exp=None), "InvalidIdentityToken"),
        "not yet": (login.token(nbf=now + 3600), "InvalidIdentityToken"),
        "issuer": (login.token(iss="https://evil.example"), "InvalidIdentityToken"),
        "no subject": (login.token(sub=None), "InvalidIdentityToken"),
        "odd subject": (login.token(sub=""), "InvalidIdentityToken"),
        "other repository": (login.token(repository="evil/labelling"), "AccessDenied"),
        "no claim": (login.token(repository=None), "AccessDenied"),
        "prefix": (login.token(repository="acme-evil/x"), "AccessDenied"),
        "nonsense": ("a.b.c", "InvalidIdentityToken"),
        "none": (made("none", None), "InvalidIdentityToken"),
        "symmetric": (made("HS256", "x" * 64), "InvalidIdentityToken"),
        "another's key": (made("RS256", stranger), "InvalidIdentityToken"),
        "another key id": (made("RS256", stranger, kid="k2"), "InvalidIdentityToken"),
        "another algorithm": (made("ES256", elliptic), "InvalidIdentityToken"),
        "key in the header": (made("RS256", stranger, jwk=jwk(stranger)), "InvalidIdentityToken"),
    }  # fmt: skip

    def work() -> None:
        for name, (token, expected) in bad.items():
            code, message = refused(partial(login.assume, token))
            assert code == expected, name
            assert token not in message
        code, message = refused(lambda: login.assume(login.token(), role="absent"))
        same = refused(lambda: login.assume(login.token(repository="evil/x")))
        assert (code, message) == same, "which roles exist is nobody's business"

    await call(work)
    assert login.made.state.leases() == ()


async def test_a_stopped_vendor_gets_no_lease(login: Login) -> None:
    login.role(verbs=frozenset({Verb.READ}))
    state = login.made.state
    await call(lambda: login.assume(login.token()))
    state.set_state(
        ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-7"
    )
    code, message = await call(lambda: refused(lambda: login.assume(login.token())))
    assert code == "AccessDenied"
    assert "INC-7" in message
    assert len(state.leases()) == 1


async def test_a_suspended_party_gets_no_lease_and_is_told_why(login: Login) -> None:
    login.role(verbs=frozenset({Verb.READ}))
    await call(lambda: login.assume(login.token()))
    login.made.state.add_hold(a_hold(), ())
    code, message = await call(lambda: refused(lambda: login.assume(login.token())))
    assert code == "AccessDenied"
    assert "lease suspended: vendor acme, stolen laptop, INC-42" in message
    assert len(login.made.state.leases()) == 1


async def test_a_role_that_ended_gives_nothing(login: Login) -> None:
    login.role(not_before=now_utc() - timedelta(days=2), not_after=now_utc() - timedelta(days=1))
    code, _ = await call(lambda: refused(lambda: login.assume(login.token())))
    assert code == "AccessDenied"
    assert login.made.state.leases() == ()


async def test_keys_change_and_issuers_are_away(login: Login) -> None:
    login.role()
    await call(lambda: login.assume(login.token()))
    # Keys that are known go on while the file is gone.
    (login.home / "keys.json").unlink()
    await call(lambda: login.assume(login.token()))


async def test_who_am_i(login: Login) -> None:
    login.role()
    lease, secret = login.made.grant()
    answer = await call(lambda: login.assume(login.token()))
    given = answer["Credentials"]

    def ask(key: str, secret: str, token: str | None = None) -> dict[str, Any]:
        sts = boto3.client(
            "sts", endpoint_url=login.serving.url, region_name="us-east-1", config=CLIENT_CONFIG,
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        )  # fmt: skip
        return dict(sts.get_caller_identity())

    def work() -> None:
        assert ask(lease.id, secret)["UserId"] == lease.id
        assert ask(lease.id, secret)["Arn"].endswith("assumed-role/dialogs/p-17")
        token = given["SessionToken"]
        mine = ask(given["AccessKeyId"], given["SecretAccessKey"], token)
        assert mine["UserId"] == given["AccessKeyId"]
        assert refused(partial(ask, given["AccessKeyId"], given["SecretAccessKey"]))[0] == (
            "InvalidToken"
        )
        assert refused(partial(ask, lease.id, secret[::-1]))[0] == "SignatureDoesNotMatch"

    await call(work)


async def test_a_holder_who_logs_in_all_the_time_is_slowed_down(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.doors.s3.sts._MOST_LOGINS", 3)
    login.role()

    def work() -> None:
        for _ in range(3):
            login.assume(login.token())
        assert refused(lambda: login.assume(login.token()))[0] == "SlowDown"
        login.assume(login.token(sub="repo:acme/labelling:other"))

    await call(work)
    assert len(login.made.state.leases()) == 4
