"""A real nginx on loopback, running docs/operate/nginx.conf itself.

    with running_nginx(door_port=…, blobs=home / "blobs", folder=tmp_path) as edge:
        ...                                     # edge.url is https, edge.ca trusts it

Only the lines that the file marks with "change" are changed, each exactly once.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from kit.door import free_port
from kit.environments import REPOSITORY, unavailable

CONFIGURATION = REPOSITORY / "docs" / "operate" / "nginx.conf"
_START_SECONDS = 15.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running nginx."""

    port: int
    ca: Path
    """Certificate of the authority that signed its certificate."""
    access_log: Path

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return f"https://127.0.0.1:{self.port}"


def find_nginx() -> str:
    """Path of nginx; skips (or fails) the test when there is none."""
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        unavailable("nginx is not installed")
    return found


def documented_configuration(
    *, listen: int, door_port: int, certificate: Path, key: Path, blobs: Path
) -> str:
    """The documented file with its marked lines changed."""
    text = CONFIGURATION.read_text("utf-8")
    changes = {
        "server 127.0.0.1:8420;": f"server 127.0.0.1:{door_port};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{listen} ssl http2;",
        "server_name pratique.example;": "server_name 127.0.0.1;",
        "/etc/pratique/tls/cert.pem": str(certificate),
        "/etc/pratique/tls/key.pem": str(key),
        "alias /var/lib/pratique/blobs/;": f"alias {blobs}/;",
    }
    for documented, changed in changes.items():
        assert text.count(documented) == 1, f"nginx.conf no longer has one {documented!r}"
        text = text.replace(documented, changed)
    return text


@contextmanager
def running_nginx(*, door_port: int, blobs: Path, folder: Path) -> Iterator[Nginx]:
    """Start nginx with everything it writes below `folder`; stop it at the end."""
    program = find_nginx()
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    listen = free_port()
    (folder / "door.conf").write_text(
        documented_configuration(
            listen=listen, door_port=door_port, certificate=certificate, key=key, blobs=blobs
        ),
        "utf-8",
    )
    (folder / "nginx.conf").write_text(_surroundings(folder), "utf-8")
    log = folder / "error.log"
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(log)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        _wait_until_listening(server, listen, log)
        yield Nginx(port=listen, ca=ca, access_log=folder / "access.log")
    finally:
        server.terminate()
        try:
            server.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(timeout=_STOP_SECONDS)


def _surroundings(folder: Path) -> str:
    """What Debian's own nginx.conf would bring, with every path below `folder`."""
    # A master that is root would give its workers to a user who cannot enter pytest's folders.
    user = "user root;\n" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    record = "$request_method $uri $status $body_bytes_sent $upstream_http_x_accel_redirect"
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        "events { worker_connections 256; }\n"
        "http {\n"
        f"    log_format seen '{record}';\n"
        f"    access_log {folder}/access.log seen;\n"
        "    default_type application/octet-stream;\n"
        f"{temporary}"
        f"    include {folder}/door.conf;\n"
        "}\n"
    )


def _wait_until_listening(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    text = log.read_text("utf-8") if log.exists() else ""
    server.kill()
    server.wait(timeout=_STOP_SECONDS)
    pytest.fail(f"nginx did not start listening:\n{text[-4000:]}")
