"""Who we are at an S3 that is not ours: what the user's own AWS configuration says.

Environment, profile (`AWS_PROFILE`, `~/.aws`), web identity, and the machine's own role, in the order of
AWS's tools. Nothing of it is ever an argument, a setting, or in a log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from awscrt.auth import AwsCredentialsProvider
from awscrt.exceptions import AwsCrtError
from awscrt.io import ClientBootstrap

from pratique.errors import InputError, UnavailableError

DEFAULT_REGION: Final = "us-east-1"
_ASK_SECONDS: Final = 20.0
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """A bucket, or what lies below a prefix of one."""

    bucket: str
    prefix: str
    """Empty, or ends with a slash."""
    endpoint: str
    """`http(s)://HOST[:PORT]`; empty: AWS itself."""
    region: str

    @property
    def name(self) -> str:
        """As people write it."""
        return f"s3://{self.bucket}/{self.prefix}"


def parse_place(
    text: str, *, endpoint: str, region: str = "", environ: Mapping[str, str] = os.environ
) -> BucketPlace:
    """Read `s3://BUCKET[/PREFIX]` with its endpoint. Raises: InputError."""
    scheme, _, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or _BUCKET.fullmatch(bucket) is None:
        raise InputError(
            f"not a bucket: {text[:120]!r}", expected="s3://BUCKET or s3://BUCKET/PREFIX"
        )
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    given = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return BucketPlace(
        bucket=bucket,
        prefix=prefix,
        endpoint=_endpoint(endpoint or environ.get("AWS_ENDPOINT_URL_S3", "")),
        region=given or DEFAULT_REGION,
    )


def _endpoint(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        # Not quoted: it holds a password.
        raise InputError(
            "an endpoint with a user name in it",
            remedy="keep credentials in your AWS configuration",
        )
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise InputError(
            f"not an endpoint: {text[:120]!r}", expected="https://HOST or http://HOST:PORT"
        )
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """For one moment; they may be those of a role, and end."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str | None = field(repr=False)
    expires_at: datetime | None


class AwsAccess:
    """The default chain. Safe from any thread; what it found is kept until shortly before its end."""

    def __init__(self) -> None:
        self._provider: AwsCredentialsProvider | None = None

    def provider(self) -> AwsCredentialsProvider:
        """The chain itself."""
        if self._provider is None:
            self._provider = AwsCredentialsProvider.new_default_chain(
                ClientBootstrap.get_or_create_static_default()
            )
        return self._provider

    def now(self) -> Credentials:
        """What counts now. Raises: UnavailableError when nothing gives any."""
        try:
            found = self.provider().get_credentials().result(_ASK_SECONDS)
        except (AwsCrtError, TimeoutError):
            raise UnavailableError(
                "no AWS credentials are found",
                remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, for this process",
            ) from None
        return Credentials(
            access_key_id=found.access_key_id,
            secret_access_key=found.secret_access_key,
            token=found.session_token or None,
            expires_at=found.expiration,
        )
