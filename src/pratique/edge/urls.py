"""Which places an upstream may send us to.

Attack: whoever controls a page of an upstream controls its file links and redirects. Without this
check a link to `http://169.254.169.254/…` or `http://localhost:9200/…` would be fetched from
inside the network, and its answer handed to a client (server-side request forgery).

The check is made twice: on the URL of every hop, and on the addresses its host resolves to (by the
resolver that the connection itself uses, so that a name cannot change in between).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from urllib.parse import urlsplit
from urllib.request import (  # type: ignore[attr-defined] # typeshed leaves one out
    getproxies_environment,
    proxy_bypass_environment,
)

from yarl import URL

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressKind(StrEnum):
    """What sort of place an IP address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    SPECIAL = "special"
    """Link-local (cloud metadata lives there), multicast, reserved: never a package index."""


def kind_of_address(text: str) -> AddressKind | None:
    """Tell what sort of place a literal address is; None when the text is not an address.

    IPv4 addresses wrapped in IPv6 (mapped, 6to4, Teredo, NAT64) count as what they wrap.
    """
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return _kind(_unwrapped(address))


def _unwrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _kind(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> AddressKind:
    if address.is_loopback or address.is_unspecified:  # 0.0.0.0 reaches the own machine
        return AddressKind.LOOPBACK
    if address.is_link_local or address.is_multicast or address.is_reserved:
        return AddressKind.SPECIAL
    return AddressKind.PUBLIC if address.is_global else AddressKind.PRIVATE


def shown_url(url: URL | str) -> str:
    """A URL for errors and logs: no user, password, query or fragment (each may be a secret)."""
    parts = urlsplit(str(url))
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def normalized_pattern(text: str) -> str:
    """A name pattern in the spelling of normalized project names: `Acme_*` is `acme-*`."""
    return re.sub(r"[-_.]+", "-", text).lower()


class LinkGuard:
    """Decides for one upstream whether a URL and an address may be asked.

    1. Only http and https; from https never to http.
    2. No user or password inside links.
    3. `file_hosts` given: only these and the index's own host. Otherwise: the own host, or https.
    4. Addresses that are not public: only for the own host, hosts in `file_hosts`, the configured
       proxy, or addresses of the same sort as the index's own (an index on loopback may keep its
       files on loopback, one in a private network in that network).
    """

    def __init__(
        self, index_url: URL, *, file_hosts: Iterable[str] = (), proxy_hosts: Iterable[str] = ()
    ) -> None:
        self._index = index_url
        self._own = _lowered(index_url.host)
        self._file_hosts = frozenset(_lowered(h) for h in file_hosts)
        self._exempt = self._file_hosts | {self._own} | {_lowered(h) for h in proxy_hosts}
        literal = kind_of_address(self._own)
        # Kinds of place that the index itself lives at; learned from DNS when it has a name.
        self._own_kinds: set[AddressKind] = {literal} if literal else set()

    def refusal(self, url: URL, *, came_from: URL) -> str:
        """Why this URL may not be asked; empty when it may."""
        host = _lowered(url.host)
        if url.scheme not in {"http", "https"} or not host:
            return f"link with scheme {url.scheme[:20]!r}"
        if came_from.scheme == "https" and url.scheme != "https":
            return "link from https to http"
        if url.user or url.password:
            return "link with a user name or password in it"
        if self._file_hosts and host not in self._exempt:
            return f"link to {host}, which is not in file_hosts"
        if not self._file_hosts and host != self._own and url.scheme != "https":
            return f"link to another host ({host}) without https"
        kind = kind_of_address(host)
        if kind is not None and not self._kind_allowed(host, kind):
            return f"link to a {kind.value} address ({host})"
        return ""

    def address_allowed(self, host: str, address: str) -> bool:
        """Whether a connection to this address may be made for this host name."""
        host = _lowered(host)
        kind = kind_of_address(address)
        if kind is None:
            return False
        if host == self._own:
            self._own_kinds.add(kind)
        return self._kind_allowed(host, kind)

    def _kind_allowed(self, host: str, kind: AddressKind) -> bool:
        if kind is AddressKind.PUBLIC or host in self._exempt:
            return True
        return kind is not AddressKind.SPECIAL and kind in self._own_kinds


def _lowered(host: str | None) -> str:
    return (host or "").rstrip(".").lower()


class Proxies:
    """Proxies of the environment (`https_proxy`, `http_proxy`, `no_proxy`), as curl reads them.

    Not aiohttp's own reading (`trust_env`), because that one also takes passwords from ~/.netrc.
    """

    def __init__(self, proxies: Mapping[str, str] | None = None) -> None:
        self._proxies = dict(getproxies_environment() if proxies is None else proxies)

    def hosts(self) -> frozenset[str]:
        """Hosts of the configured proxies."""
        given = (self._proxies.get(scheme) for scheme in ("http", "https", "all"))
        return frozenset(h for text in given if text and (h := URL(text).host))

    def proxy_for(self, url: URL) -> URL | None:
        """The proxy to ask for this URL; never one for the own machine."""
        host = url.host or ""
        if host == "localhost" or kind_of_address(host) is AddressKind.LOOPBACK:
            return None
        text = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not text or proxy_bypass_environment(host, self._proxies):
            return None
        return URL(text)
