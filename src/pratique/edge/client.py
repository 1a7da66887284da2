"""The HTTP client of one upstream: where requests may go and what they carry.

1. Every hop is checked by `urls.LinkGuard`; redirects are followed here, never by the library.
2. Every address a host resolves to is checked by the resolver that the connection uses.
3. Our credentials go to the index's own origin only; nothing of any client goes anywhere; no
   cookies, no ~/.netrc.
4. Foreign errors become `UpstreamError`s here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pratique import __version__
from pratique.edge.errors import (
    UnsafeLinkError,
    UpstreamBrokenError,
    UpstreamContentError,
    UpstreamError,
    UpstreamLimitError,
)
from pratique.edge.urls import LinkGuard, Proxies, shown_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that the settings do not name; tests make them short."""

    page_seconds: float = 60.0
    """A whole page, redirects and retry included."""
    header_seconds: float = 30.0
    """Until an upstream begins to answer, redirects and name resolution included."""
    file_seconds: float = 4 * 3600.0
    least_bytes_per_second: int = 4096
    """Average below which a body is given up (slow drip), once `grace_seconds` are over."""
    grace_seconds: float = 30.0
    redirects: int = 5
    connections_per_host: int = 32
    files_at_once: int = 24
    """Below `connections_per_host`, so that large files never keep pages waiting."""


class RefusedAddressError(OSError):
    """A host name leads to an address that its upstream may not send us to."""


class GuardedResolver(AbstractResolver):
    """Resolves names and leaves out addresses that the guard refuses."""

    def __init__(self, guard: LinkGuard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of the host that may be asked.

        Raises: RefusedAddressError when there are addresses, but none of them may be.
        """
        found = await self._inner.resolve(host, port, family)
        allowed = [r for r in found if self._guard.address_allowed(host, r["host"])]
        if found and not allowed:
            raise RefusedAddressError(f"{host} leads to {found[0]['host']}")
        return allowed

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


class UpstreamClient:
    """Sends GET requests for one upstream. Owned by one event loop."""

    def __init__(
        self,
        *,
        upstream: str,
        index_url: URL,
        guard: LinkGuard,
        authorization: str,
        tls: ssl.SSLContext,
        connect_seconds: float,
        idle_seconds: float,
        limits: Limits,
        proxies: Proxies,
        resolver: AbstractResolver | None,
    ) -> None:
        self._upstream = upstream
        self._index_url = index_url
        self._guard = guard
        self._authorization = authorization
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_seconds, sock_read=idle_seconds
        )
        self._limits = limits
        self._proxies = proxies
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def get(
        self, url: URL, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for a URL and follow redirects; gives the answer that is no redirect.

        Raises: UpstreamError for refused links, too many redirects, and whatever breaks before
        the answer has begun. The body is the caller's; so are its errors.
        """
        try:
            async with asyncio.timeout(self._limits.header_seconds):
                answer = await self._follow(url, headers)
        except TimeoutError as error:
            raise self._limit(url, "no answer in time") from error
        try:
            yield answer
        finally:
            answer.release()  # closes the connection unless the body was read to its end

    async def _follow(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        came_from = self._index_url
        seen: set[URL] = set()
        for _ in range(self._limits.redirects + 1):
            refusal = self._guard.refusal(url, came_from=came_from)
            if refusal:
                raise UnsafeLinkError(
                    upstream=self._upstream, url=shown_url(url), what=refusal, retry_helps=False
                )
            if url in seen:
                raise self._limit(url, "redirects go round in circles", retry_helps=False)
            seen.add(url)
            answer = await self._send(url, headers)
            if answer.status not in _REDIRECTS:
                return answer
            came_from, url = url, self._target(answer)
            answer.release()
        raise self._limit(url, "too many redirects", retry_helps=False)

    async def _send(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        own = dict(headers)
        if self._authorization and url.origin() == self._index_url.origin():
            own["Authorization"] = self._authorization
        try:
            return await self._open_session().get(
                url,
                headers=own,
                allow_redirects=False,
                proxy=self._proxies.proxy_for(url),
                ssl=self._tls,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self.translated(url, error) from error

    def _target(self, answer: aiohttp.ClientResponse) -> URL:
        location = answer.headers.get("Location", "")
        try:
            return answer.url.join(URL(location, encoded=True)).with_fragment(None)
        except ValueError as error:
            raise UpstreamContentError(
                upstream=self._upstream,
                url=shown_url(answer.url),
                what="redirect to something that is no URL",
                retry_helps=False,
            ) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=self._limits.connections_per_host,
                resolver=GuardedResolver(
                    self._guard, self._resolver or aiohttp.resolver.ThreadedResolver()
                ),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                headers={"User-Agent": f"pratique/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def translated(self, url: URL, error: Exception) -> UpstreamError:
        """The UpstreamError for what aiohttp raised."""
        shown = shown_url(url)
        if isinstance(error, aiohttp.ClientSSLError):
            return self._failed(shown, f"TLS failed ({error})", retry_helps=False)
        if isinstance(error, aiohttp.ClientConnectorError):
            if isinstance(error.os_error, RefusedAddressError):
                return UnsafeLinkError(
                    upstream=self._upstream,
                    url=shown,
                    what=f"link to an address that is not public ({error.os_error})",
                    retry_helps=False,
                )
            return self._failed(shown, f"cannot connect: {error.os_error}")
        if isinstance(error, TimeoutError):
            return self._limit(url, "timed out")
        if isinstance(error, aiohttp.InvalidURL):
            return self._failed(shown, "not a usable URL", retry_helps=False)
        if isinstance(
            error,
            aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | OSError,
        ):
            return UpstreamBrokenError(
                upstream=self._upstream,
                url=shown,
                what=f"the connection broke ({type(error).__name__})",
                retry_helps=True,
            )
        return self._failed(shown, f"no proper answer ({type(error).__name__})")

    def _failed(self, shown: str, what: str, *, retry_helps: bool = True) -> UpstreamError:
        return UpstreamError(upstream=self._upstream, url=shown, what=what, retry_helps=retry_helps)

    def _limit(self, url: URL, what: str, *, retry_helps: bool = True) -> UpstreamLimitError:
        return UpstreamLimitError(
            upstream=self._upstream, url=shown_url(url), what=what, retry_helps=retry_helps
        )
