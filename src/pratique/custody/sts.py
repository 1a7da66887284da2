"""The two calls of AWS's token service that SDKs need: log in with an OIDC token, and who am I."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.custody.model import LeaseId
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import Parameters
from pratique.custody.xml_text import element, xml_document
from pratique.values.instants import Instant, render_instant

STS_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
MAX_FORM_BYTES: Final = 64 * 1024
_TOKEN_CHARACTERS: Final = 20_000
"""As STS allows."""
_DURATION: Final = (900, 43_200)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """AssumeRoleWithWebIdentity, as it was asked; the token is not verified yet."""

    role: str
    """What stands behind the last slash of `RoleArn`: the name of terms that leases are made of."""
    session: str
    token: str
    duration_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentity:
    """GetCallerIdentity."""


StsRequest: TypeAlias = WebIdentity | CallerIdentity


def parse_sts(form: str) -> StsRequest:
    """Read the form of a call.

    Raises: S3Error, rendered by `s3_errors.render_sts_error`.
    """
    if len(form) > MAX_FORM_BYTES:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"a form has at most {MAX_FORM_BYTES} bytes")
    parameters = Parameters(form)
    action = parameters.text("Action")
    if action == "GetCallerIdentity":
        return CallerIdentity()
    if action != "AssumeRoleWithWebIdentity":
        raise S3Error(
            Code.NOT_IMPLEMENTED,
            "this door knows AssumeRoleWithWebIdentity and GetCallerIdentity only; other leases "
            "are granted with `pratique lease grant`",
        )
    token = parameters.text("WebIdentityToken")
    if not 0 < len(token) <= _TOKEN_CHARACTERS or not token.isascii():
        raise S3Error(Code.INVALID_IDENTITY_TOKEN, "WebIdentityToken is missing or no JWT")
    return WebIdentity(
        role=_name(parameters.text("RoleArn").rpartition("/")[2], "RoleArn"),
        session=_name(parameters.text("RoleSessionName"), "RoleSessionName"),
        token=token,
        duration_seconds=parameters.number(
            "DurationSeconds", default=3600, low=_DURATION[0], high=_DURATION[1]
        ),
    )


def render_web_identity(
    *,
    lease: LeaseId,
    secret: str,
    session_token: str,
    expires: Instant,
    role: WebIdentity,
    subject: str,
    request_id: str,
) -> bytes:
    """The answer to a login. It has the secret in it: it goes to the client and nowhere else."""
    credentials = (
        element("AccessKeyId", lease)
        + element("SecretAccessKey", secret)
        + element("SessionToken", session_token)
        + element("Expiration", render_instant(expires.replace(microsecond=0)))
    )
    user = element("Arn", _arn(role.role, role.session)) + element("AssumedRoleId", lease)
    return _answer(
        "AssumeRoleWithWebIdentity",
        f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"
        + element("SubjectFromWebIdentityToken", subject),
        request_id,
    )


def render_caller(*, lease: LeaseId, project: str, holder: str, request_id: str) -> bytes:
    """Who a lease says that its holder is."""
    inner = (
        element("Arn", _arn(project, holder))
        + element("UserId", lease)
        + element("Account", _ACCOUNT)
    )
    return _answer("GetCallerIdentity", inner, request_id)


_ACCOUNT: Final = "000000000000"
"""There is no AWS account; SDKs want twelve digits."""


def _arn(role: str, session: str) -> str:
    return f"arn:aws:sts::{_ACCOUNT}:assumed-role/{role}/{session}"


def _answer(action: str, result: str, request_id: str) -> bytes:
    return xml_document(
        f"{action}Response",
        f"<{action}Result>{result}</{action}Result>",
        f"<ResponseMetadata>{element('RequestId', request_id)}</ResponseMetadata>",
        namespace=STS_NAMESPACE,
    )


def _name(text: str, what: str) -> str:
    allowed = text.replace("-", "").replace("_", "").replace(".", "").replace("@", "")
    if not (0 < len(text) <= 64 and allowed.isascii() and allowed.isalnum()):  # noqa: PLR2004  # as STS
        raise S3Error(
            Code.INVALID_ARGUMENT, f"{what} is missing, or has other characters than A-Za-z0-9-_.@"
        )
    return text
