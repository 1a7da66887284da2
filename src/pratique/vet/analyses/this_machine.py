"""Whether an address is this very machine. Exact: `127.0.0.1.collector.example` is not."""

from __future__ import annotations

from ipaddress import ip_address


def is_this_machine(address: str) -> bool:
    """Whether a host, `host:port` or URL names the machine itself; whatever is not sure does not."""
    host = address.partition("://")[2] or address
    for end in "/?#\\":
        host = host.partition(end)[0]
    host = host.rpartition("@")[2].lower()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    if host == "localhost":
        return True
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified
