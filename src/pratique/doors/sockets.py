"""Addresses, sockets and TLS of the doors."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path

from pratique.edge.tls import ensure_local_tls
from pratique.errors import SettingsError
from pratique.settings import Settings
from pratique.values.instants import Clock


def parse_listen(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`; an IPv6 address stands in brackets.

    Raises: SettingsError.
    """
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - highest port
        raise SettingsError(
            f"cannot listen on {text!r}", expected="HOST:PORT, such as 127.0.0.1:8420"
        )
    return host, int(port)


def bind(host: str, port: int, *, shared: bool) -> socket.socket:
    """A socket at an address, before anything that links to its port is opened.

    `shared`: several processes take the same port. Raises: SettingsError.
    """
    try:
        version = ipaddress.ip_address(host).version
        family = socket.AF_INET6 if version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    except ValueError:
        family = socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            remedy="stop what listens there, or choose another address (--listen, --s3-listen)",
        ) from error
    return bound


def tls_context(
    settings: Settings, host: str, clock: Clock
) -> tuple[ssl.SSLContext | None, Path | None]:
    """TLS as `[door]` sets it, None for plain HTTP; and the authority, where the door made one.

    Raises: SettingsError.
    """
    certificate, key = settings.door.tls_certificate, settings.door.tls_key
    if not certificate:
        return None, None
    authority = None
    if certificate == "auto":
        files = ensure_local_tls(settings.home / "tls", host, now=clock())
        certificate, key, authority = str(files.certificate), str(files.key), files.authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"cannot use the certificate {certificate}: {error}",
            expected='PEM files in [door] tls_certificate and tls_key, or tls_certificate = "auto"',
        ) from error
    return context, authority
