"""A lease's credentials in the spelling that a client reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import click

from pratique.custody.bearer import Surface, render_bearer
from pratique.custody.scopes import parse_lease_id
from pratique.custody.sigv4 import day_key
from pratique.doors.cli.options import format_option
from pratique.errors import InputError
from pratique.settings import CustodySettings, Settings
from pratique.values.instants import Instant, now_utc, render_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a holder needs; the secret is shown once and kept nowhere."""

    access_key: str
    secret_key: str
    endpoint: str
    region: str
    begins_at: Instant
    """Bearer tokens are of this day, and good on it and the next."""
    ends_at: Instant | None
    """None: not known here."""


def endpoint_of(settings: Settings) -> str:
    """How clients reach the S3 door, as far as settings say."""
    scheme = "https" if settings.door.tls_certificate else "http"
    return f"{scheme}://{settings.custody.s3_domain or settings.custody.s3_listen}"


def render_credentials(given: Credentials, spelling: str) -> str:
    """The text that is printed once."""
    return _RENDERERS[spelling](given)


def _plain(given: Credentials) -> str:
    return (
        f"access key  {given.access_key}\n"
        f"secret key  {given.secret_key}\n"
        f"endpoint    {given.endpoint}"
    )


def _env(given: Credentials) -> str:
    return (
        f"AWS_ACCESS_KEY_ID={given.access_key}\n"
        f"AWS_SECRET_ACCESS_KEY={given.secret_key}\n"
        f"AWS_REGION={given.region}\n"
        f"AWS_DEFAULT_REGION={given.region}\n"
        f"AWS_ENDPOINT_URL_S3={given.endpoint}"
    )


def _aws_profile(given: Credentials) -> str:
    return (
        f"[profile {given.access_key}]\n"
        f"aws_access_key_id = {given.access_key}\n"
        f"aws_secret_access_key = {given.secret_key}\n"
        f"region = {given.region}\n"
        f"endpoint_url = {given.endpoint}\n"
        "s3 =\n  addressing_style = path\n  signature_version = s3v4"
    )


def _credential_process(given: Credentials) -> str:
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": given.access_key,
            "SecretAccessKey": given.secret_key,
            **_ending(given, "Expiration"),
        }
    )


def _boto3(given: Credentials) -> str:
    return (
        "import boto3, botocore.config\n\n"
        "s3 = boto3.client(\n"
        '    "s3",\n'
        f'    endpoint_url="{given.endpoint}",\n'
        f'    region_name="{given.region}",\n'
        f'    aws_access_key_id="{given.access_key}",\n'
        f'    aws_secret_access_key="{given.secret_key}",\n'
        '    config=botocore.config.Config(signature_version="s3v4"),\n'
        ")"
    )


def _rclone(given: Credentials) -> str:
    return (
        f"[{given.access_key.lower()}]\n"
        "type = s3\n"
        "provider = Other\n"
        f"endpoint = {given.endpoint}\n"
        f"region = {given.region}\n"
        f"access_key_id = {given.access_key}\n"
        f"secret_access_key = {given.secret_key}\n"
        "no_check_bucket = true"
    )


def _hf(given: Credentials) -> str:
    return (
        f"HF_ENDPOINT={given.endpoint}/_hub\n"
        f"HF_TOKEN={_bearer(given, Surface.HUB)}\n"
        "HF_HUB_DISABLE_XET=1"
    )


def _delta_profile(given: Credentials) -> str:
    return json.dumps(
        {
            "shareCredentialsVersion": 1,
            "endpoint": f"{given.endpoint}/_sharing",
            "bearerToken": _bearer(given, Surface.SHARING),
            **_ending(given, "expirationTime"),
        },
        indent=2,
    )


def _label_studio(given: Credentials) -> str:
    """Body of `POST /api/storages/s3` and of `PATCH` when a lease is renewed; bucket and project are added.

    Source: label_studio 1.23.2, io_storages/s3/models.py. The endpoint is not in it: the server takes
    an internal one from its environment only.
    """
    return json.dumps(
        {
            "aws_access_key_id": given.access_key,
            "aws_secret_access_key": given.secret_key,
            "region_name": given.region,
            "presign": True,
            "presign_ttl": 1,
        },
        indent=2,
    )


_RENDERERS: Final[Mapping[str, Callable[[Credentials], str]]] = {
    "plain": _plain,
    "env": _env,
    "aws-profile": _aws_profile,
    "credential-process": _credential_process,
    "boto3": _boto3,
    "rclone": _rclone,
    "hf": _hf,
    "label-studio": _label_studio,
    "delta-profile": _delta_profile,
}
SPELLINGS: Final = tuple(_RENDERERS)


def _ending(given: Credentials, name: str) -> dict[str, str]:
    return {} if given.ends_at is None else {name: render_instant(given.ends_at)}


def _bearer(given: Credentials, surface: Surface) -> str:
    date = f"{given.begins_at:%Y%m%d}"
    key = day_key(given.secret_key, date=date, region=given.region, service="s3")
    return render_bearer(surface, parse_lease_id(given.access_key), key=key, date=date)


@click.command()
@click.option(
    "--as",
    "spelling",
    type=click.Choice(SPELLINGS),
    default="env",
    show_default=True,
    help="How to print the credentials.",
)
@click.option("--endpoint", help="Address of the S3 door; without it, AWS_ENDPOINT_URL_S3.")
@format_option
def credentials(spelling: str, endpoint: str | None, form: str) -> None:
    """Print a lease's credentials as another client reads them.

    Works where the holder works, without a home folder or a server: reads AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL_S3. A new token of today comes from it too.
    """
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    where = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3", "")
    if not secret or not where:
        raise InputError(
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL_S3 are not all set",
            remedy="set them as pratique lease grant --as env has printed them",
        )
    given = Credentials(
        access_key=parse_lease_id(os.environ.get("AWS_ACCESS_KEY_ID", "")),
        secret_key=secret,
        endpoint=where.rstrip("/"),
        region=os.environ.get("AWS_REGION") or CustodySettings().s3_region,
        begins_at=now_utc(),
        ends_at=None,
    )
    text = render_credentials(given, spelling)
    click.echo(json.dumps({"credentials": text}) if form == "json" else text)
