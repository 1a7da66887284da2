"""Credentials in the words of each client, made where the holder works."""

from __future__ import annotations

import configparser
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from pratique.custody.bearer import Surface, check_bearer, parse_bearer
from pratique.custody.sigv4 import day_key
from pratique.doors.cli.lease import lease
from pratique.doors.cli.lease_credentials import SPELLINGS, Credentials, render_credentials
from pratique.errors import InputError
from pratique.values.instants import now_utc

KEY, SECRET = "PQLABCDEFGHIJKLMNOPQ", "canary-secret"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIVEN = Credentials(
    access_key=KEY,
    secret_key=SECRET,
    endpoint="https://s3.example",
    region="us-east-1",
    begins_at=NOW,
    ends_at=NOW + timedelta(hours=8),
)


def _proven(token: str, surface: Surface, now: datetime) -> None:
    claim = parse_bearer(f"Bearer {token}", surface, now=now)
    key = day_key(SECRET, date=claim.date, region="us-east-1", service="s3")
    check_bearer(claim, surface, key=key)
    assert SECRET not in token


def test_hugging_face() -> None:
    lines = dict(line.split("=", 1) for line in render_credentials(GIVEN, "hf").splitlines())
    assert lines["HF_ENDPOINT"] == "https://s3.example/_hub"
    assert lines["HF_HUB_DISABLE_XET"] == "1"
    _proven(lines["HF_TOKEN"], Surface.HUB, NOW)


def test_a_profile_of_delta_sharing() -> None:
    profile = json.loads(render_credentials(GIVEN, "delta-profile"))
    assert profile["shareCredentialsVersion"] == 1
    assert profile["endpoint"] == "https://s3.example/_sharing"
    assert profile["expirationTime"].startswith("2026-11-22T20:00:00")
    _proven(profile["bearerToken"], Surface.SHARING, NOW)


def test_rclone() -> None:
    config = configparser.ConfigParser()
    config.read_string(render_credentials(GIVEN, "rclone"))
    [section] = config.sections()
    assert config[section]["secret_access_key"] == SECRET
    assert config[section]["provider"] == "Other"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_holder_makes_them_from_the_environment(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example/")
    done = CliRunner().invoke(lease, ["credentials", "--as", spelling])
    assert (done.exit_code, KEY in done.output.upper()) == (0, True)
    assert (SECRET in done.output) is (spelling not in {"hf", "delta-profile"})
    if spelling == "hf":
        token = done.output.split("HF_TOKEN=")[1].split()[0]
        _proven(token, Surface.HUB, now_utc())


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(lease, ["credentials"])
    assert isinstance(done.exception, InputError)
    assert "AWS_SECRET_ACCESS_KEY" in done.exception.message
