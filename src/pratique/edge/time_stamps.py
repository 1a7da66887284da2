"""Asks a time stamp authority (RFC 3161) over HTTP; the user names which."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp
import rfc3161_client
from yarl import URL

from pratique import __version__
from pratique.errors import InputError, UnavailableError
from pratique.exposure.bundle.stamps import MAX_TOKEN_BYTES

_SECONDS: Final = 30.0
_OK: Final = 200


def fetch_stamp(url: str, message: bytes) -> bytes:
    """A time stamp response over a message; only its hash leaves.

    What comes back is not verified here.
    Raises: InputError for another kind of URL; UnavailableError when there is no answer.
    """
    address = URL(url)
    if address.scheme not in {"http", "https"} or not address.host:
        raise InputError(f"not the URL of a time stamp authority: {url[:200]!r}")
    request = (
        rfc3161_client.TimestampRequestBuilder()
        .data(message)
        .hash_algorithm(rfc3161_client.base.HashAlgorithm.SHA256)
        .build()
    )
    return asyncio.run(_post(address, request.as_bytes()))


async def _post(url: URL, body: bytes) -> bytes:
    headers = {
        "Content-Type": "application/timestamp-query",
        "User-Agent": f"pratique/{__version__}",
    }
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            token = await response.content.read(MAX_TOKEN_BYTES + 1)
            if response.status != _OK or len(token) > MAX_TOKEN_BYTES:
                raise UnavailableError(f"{url.host} answered {response.status} without a stamp")
            return token
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UnavailableError(
            f"no time stamp from {url.host}: {error!s:.200}",
            remedy="try again later, or leave out --tsa",
        ) from error
