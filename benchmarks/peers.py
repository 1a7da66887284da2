"""The servers we are measured beside: nginx, proxpi, devpi, direct, and Pratique itself.

    python benchmarks/peers.py        installs proxpi and devpi below .tools/peers/ (locked, hashed)

Each is set up as its own documentation recommends for speed: caches warm and long-lived, several
threads, access logs off where that is an option. Peers live in environments of their own.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from harness import BIN, ROOT, TOOLS, CannotRunError, Server, free_port, get, run_main, server, tool

PEERS = TOOLS / "peers"
DEVPI_INDEX = "root/mirror"
"""devpi's user and the mirror that is made for it."""
DAY = 86_400


# ── installing ───────────────────────────────────────────────────────────────────────────────


def install(name: str) -> Path:
    """Make a peer's environment from its lock, once; gives its bin folder."""
    lock = ROOT / "requirements" / "peers" / f"{name}.txt"
    place = PEERS / name
    stamp = place / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return place / "bin"
    print(f"installing {name} below .tools/peers ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
    subprocess.run(
        [place / "bin" / "python", "-m", "pip", "install", "-qq", "--require-hashes",
         "--disable-pip-version-check", "--no-deps", "-r", lock],
        check=True,
    )  # fmt: skip
    stamp.write_bytes(lock.read_bytes())
    return place / "bin"


# ── upstream ─────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def upstream(root: Path, folder: Path, *, port: int | None = None) -> Iterator[Server]:
    """The index on loopback that serves what stands in `root`."""
    port = port or free_port()
    command: list[str | Path] = [
        sys.executable,
        ROOT / "benchmarks" / "upstream.py",
        root,
        str(port),
    ]
    with server("upstream", command, port=port, folder=folder, ready="/simple/none/") as started:
        yield started


# ── Pratique ─────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def pratique(
    folder: Path, *, upstream_url: str = "", settings: str = "", policy: str = "", port: int | None = None,
) -> Iterator[Server]:  # fmt: skip
    """Our door with a home of its own. `settings` is added to its pratique.toml."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    text = settings
    if upstream_url:
        text += f'\n[[upstream]]\nname = "public"\nurl = "{upstream_url}"\n'
    (home / "pratique.toml").write_text(text, "utf-8")
    if policy:
        (home / "policy.toml").write_text(policy, "utf-8")
    port = port or free_port()
    command: list[str | Path] = [
        BIN / "pratique",
        "up",
        "--home",
        home,
        "--listen",
        f"127.0.0.1:{port}",
        "--s3-listen",
        "off",
    ]
    with server("pratique", command, port=port, folder=folder, ready="/readyz") as started:
        yield started


# ── nginx ────────────────────────────────────────────────────────────────────────────────────

_NGINX = """
{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  default_type application/octet-stream; types {{ }}
  open_file_cache max=100; etag on;
{site}
}}
"""

_STATIC = """
  server {{
    listen 127.0.0.1:{port};
    location /pages/ {{
      root {root}; default_type application/vnd.pypi.simple.v1+json;
      add_header Content-Encoding gzip; add_header Vary "Accept, Accept-Encoding";
    }}
    location /files/ {{ root {root}; }}
    location = /ready {{ return 200; }}
  }}
"""


def nginx_frame(folder: Path, site: str) -> str:
    """A whole nginx configuration around a site: one worker, everything below `folder`."""
    # Started by root, its worker would give up the right to read our private temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    return _NGINX.format(folder=folder, site=site, user=user)


@contextlib.contextmanager
def nginx(root: Path, folder: Path) -> Iterator[Server]:
    """The physical limit: files that are ready, sent by the kernel. Serves /pages/ (as gzip) and /files/."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(nginx_frame(folder, _STATIC.format(root=root, port=port)), "utf-8")
    command: list[str | Path] = [tool("nginx", "nginx-light"), "-c", config, "-p", folder]
    with server("nginx", command, port=port, folder=folder, ready="/ready") as started:
        yield started


# ── proxpi ───────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def proxpi(folder: Path, *, upstream_url: str) -> Iterator[Server]:
    """proxpi behind gunicorn with threads, its index cache kept for a day."""
    port = free_port()
    environ = {
        "PROXPI_INDEX_URL": upstream_url,
        "PROXPI_INDEX_TTL": str(DAY),
        "PROXPI_CACHE_DIR": str(folder / "cache"),
        "PROXPI_DOWNLOAD_TIMEOUT": "60",
        "PROXPI_LOGGING_LEVEL": "WARNING",
    }
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [
        install("proxpi") / "gunicorn", "--threads", "8", "--workers", "1", "--bind", f"127.0.0.1:{port}",
        "--no-control-socket", "proxpi.server:app",
    ]  # fmt: skip
    with server(
        "proxpi", command, port=port, folder=folder, ready="/health", environ=environ
    ) as started:
        yield started


# ── devpi ────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def devpi(folder: Path, *, upstream_url: str) -> Iterator[Server]:
    """devpi with one mirror that never asks for the list of all projects.

    Its default mirror would download that list, so it is never created; ours is created with
    `mirror_no_project_list`, and unless devpi says that it accepted that, nothing is asked of it.
    """
    port = free_port()
    bins = install("devpi")
    store = folder / "devpi"
    subprocess.run(
        [bins / "devpi-init", "--serverdir", store, "--no-root-pypi"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    command: list[str | Path] = [
        bins / "devpi-server", "--serverdir", store, "--host", "127.0.0.1", "--port", str(port),
        "--threads", "8", "--mirror-cache-expiry", str(DAY),
    ]  # fmt: skip
    with server("devpi", command, port=port, folder=folder, ready="/+api") as started:
        _make_mirror(started.base, upstream_url)
        yield started


def _make_mirror(base: str, upstream_url: str) -> None:
    answer = _send(f"{base}/+login", "POST", {"user": "root", "password": ""}, {})
    token = base64.b64encode(f"root:{answer['result']['password']}".encode()).decode()
    wanted = {
        "type": "mirror", "mirror_url": upstream_url, "volatile": True,
        "mirror_no_project_list": True, "mirror_cache_expiry": DAY,
    }  # fmt: skip
    _send(f"{base}/{DEVPI_INDEX}", "PUT", wanted, {"X-Devpi-Auth": token})
    made = json.loads(get(f"{base}/{DEVPI_INDEX}?no_projects=", {"Accept": "application/json"}))
    if made["result"].get("mirror_no_project_list") is not True:
        raise CannotRunError("devpi did not accept mirror_no_project_list; it is not measured")


def _send(
    url: str, method: str, content: dict[str, object], headers: dict[str, str]
) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(
        url,
        data=json.dumps(content).encode(),
        method=method,
        headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        result: dict[str, dict[str, str]] = json.load(answer)
        return result


def main() -> int:
    for name in ("proxpi", "devpi"):
        install(name)
    for program, package in (("nginx", "nginx-light"), ("wrk", "wrk")):
        print(f"{program}: {tool(program, package)}")
    return 0


if __name__ == "__main__":
    run_main(main)
