"""The vendor's side: evidence sent to a customer's door with the token that it gave.

The token goes to that server only: redirects are not followed, and plain http is for loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from pratique.edge.sweep.push import PushLimits, PushTarget, push_session, refusal_detail
from pratique.errors import UnavailableError

EVIDENCE_PATH: Final = "/_pratique/party/evidence"
SELF_PATH: Final = "/_pratique/party/self"
_ANSWER_BYTES: Final = 64 << 20


def push_evidence(
    target: PushTarget,
    pieces: Mapping[str, bytes],
    told: Mapping[str, str],
    *,
    limits: PushLimits | None = None,
) -> dict[str, dict[str, Any]]:
    """Send files by their names; gives what the server recorded of each.

    Raises: UnavailableError at the first that was not taken; earlier ones are recorded.
    """
    return asyncio.run(_push(target, pieces, told, limits or PushLimits()))


def fetch_own_view(target: PushTarget, *, limits: PushLimits | None = None) -> dict[str, Any]:
    """What the server knows of the party of the token. Raises: UnavailableError."""

    async def ask() -> dict[str, Any]:
        async with push_session(target, limits or PushLimits()) as session:
            return await _asked(session, "GET", target.url + SELF_PATH, None, {})

    return asyncio.run(ask())


async def _push(
    target: PushTarget, pieces: Mapping[str, bytes], told: Mapping[str, str], limits: PushLimits
) -> dict[str, dict[str, Any]]:
    answers = {}
    async with push_session(target, limits) as session:
        for name, content in pieces.items():
            query = {"filename": name, **{key: value for key, value in told.items() if value}}
            url = target.url + EVIDENCE_PATH
            answers[name] = await _asked(session, "POST", url, content, query)
    return answers


async def _asked(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    content: bytes | None,
    query: Mapping[str, str],
) -> dict[str, Any]:
    try:
        async with session.request(
            method, url, params=query, data=content, allow_redirects=False
        ) as response:
            answer = await response.content.read(_ANSWER_BYTES)
            while chunk := await response.content.read(_ANSWER_BYTES - len(answer)):
                answer += chunk
            status = response.status
    except aiohttp.ClientConnectorCertificateError as error:
        raise UnavailableError(
            "the server's certificate is not trusted", remedy="--ca-file names its authority"
        ) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError(
            f"the server cannot be reached ({type(error).__name__})", remedy="try again later"
        ) from error
    if status == 401:  # noqa: PLR2004 - the status is its own name
        raise UnavailableError(
            "the server does not know the token, or it expired or was revoked",
            remedy="ask for a token of the role party",
        )
    if status not in {200, 201}:
        raise UnavailableError(refusal_detail(answer) or f"the server answered {status}")
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise UnavailableError("the server answered nothing that a door would answer") from None
