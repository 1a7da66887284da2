"""HTTP as a test needs it: paths sent as they are written, reason phrases and broken bodies kept."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"

_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes
    broken: str = ""
    """How the body ended when it did not end properly."""

    @property
    def content(self) -> bytes:
        """The body without its content coding."""
        return (
            gzip.decompress(self.body) if self.header("Content-Encoding") == "gzip" else self.body
        )

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    @property
    def is_problem(self) -> bool:
        """Whether it is a problem document (RFC 9457)."""
        return self.headers.get_content_type() == "application/problem+json"

    def header(self, name: str) -> str:
        """A header, or an empty string."""
        return self.headers.get(name, "")


def ask(
    url: str,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    login: tuple[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request on a connection of its own; `path` goes out exactly as given.

    A form is sent as a browser does.
    """
    where = urlsplit(url)
    assert where.hostname is not None
    connection: http.client.HTTPConnection
    if where.scheme == "https":
        connection = http.client.HTTPSConnection(
            where.hostname, where.port, timeout=_SECONDS, context=trust
        )
    else:
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=_SECONDS)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**basic(login), **(headers or {})}.items():
            connection.putheader(name, value)
        content = urlencode(form).encode() if form is not None else None
        if content is not None:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        response = connection.getresponse()
        broken = ""
        try:
            body = response.read()
        except http.client.IncompleteRead as error:
            body, broken = error.partial, "incomplete"
        except (ConnectionError, ssl.SSLError) as error:
            body, broken = b"", type(error).__name__
        return Answer(
            status=response.status,
            reason=response.reason,
            headers=response.headers,
            body=body,
            broken=broken,
        )
    finally:
        connection.close()


def basic(login: tuple[str, str] | None) -> dict[str, str]:
    """An Authorization header (RFC 7617), or nothing."""
    if login is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}


def send_raw(url: str, data: bytes) -> bytes:
    """Send bytes that no HTTP library would; gives everything that comes back until the end."""
    where = urlsplit(url)
    received = b""
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=3) as sock:
        sock.sendall(data)
        try:
            while len(received) < 1_000_000 and (chunk := sock.recv(65536)):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received
