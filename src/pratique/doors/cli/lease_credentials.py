"""A lease's credentials in the spelling that a client reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from pratique.settings import Settings
from pratique.values.instants import Instant, render_instant

SPELLINGS: Final = ("plain", "env", "aws-profile", "credential-process", "boto3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a holder needs; the secret is shown once and kept nowhere."""

    access_key: str
    secret_key: str
    endpoint: str
    region: str
    ends_at: Instant


def endpoint_of(settings: Settings) -> str:
    """How clients reach the S3 door, as far as settings say."""
    scheme = "https" if settings.door.tls_certificate else "http"
    return f"{scheme}://{settings.custody.s3_domain or settings.custody.s3_listen}"


def render_credentials(given: Credentials, spelling: str) -> str:
    """The text that is printed once."""
    match spelling:
        case "env":
            return (
                f"AWS_ACCESS_KEY_ID={given.access_key}\n"
                f"AWS_SECRET_ACCESS_KEY={given.secret_key}\n"
                f"AWS_REGION={given.region}\n"
                f"AWS_DEFAULT_REGION={given.region}\n"
                f"AWS_ENDPOINT_URL_S3={given.endpoint}"
            )
        case "aws-profile":
            return (
                f"[profile {given.access_key}]\n"
                f"aws_access_key_id = {given.access_key}\n"
                f"aws_secret_access_key = {given.secret_key}\n"
                f"region = {given.region}\n"
                f"endpoint_url = {given.endpoint}\n"
                "s3 =\n  addressing_style = path\n  signature_version = s3v4"
            )
        case "credential-process":
            return json.dumps(
                {
                    "Version": 1,
                    "AccessKeyId": given.access_key,
                    "SecretAccessKey": given.secret_key,
                    "Expiration": render_instant(given.ends_at),
                }
            )
        case "boto3":
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
        case _:
            return (
                f"access key  {given.access_key}\n"
                f"secret key  {given.secret_key}\n"
                f"endpoint    {given.endpoint}"
            )
