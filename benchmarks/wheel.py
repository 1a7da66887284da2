"""A warm 40 MB wheel: CPU per download, beside nginx sending the same file by sendfile.

Two ways to run the door: alone (the kernel sends the file for it), and behind nginx with X-Accel,
where the door only decides and records and nginx sends the bytes. What the door itself spends there
is measured on requests for one byte: whole files are bound by memory, some twenty a second, and the
door's idle moments would be counted as theirs. Each waits for its ledger entry (`strict`), and one
commit serves all who wait, so few clients cost more each than many; both are shown.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import peers
import upstream
from harness import (
    ROOT,
    CannotRunError,
    Load,
    Report,
    Server,
    arguments,
    free_port,
    get,
    load,
    page,
    run_main,
    scratch,
    server,
    tool,
)  # fmt: skip

PROJECT = "heavy"
VERSION = "1.0"
MEGABYTES = 40
CONNECTIONS = 4
MANY_CONNECTIONS = 32
ONE_BYTE = {"Range": "bytes=0-0"}
X_ACCEL = '[door]\nx_accel = true\ntrusted_proxies = ["127.0.0.1"]\n'


@contextlib.contextmanager
def behind_nginx(door: Server, home: Path, folder: Path) -> Iterator[Server]:
    """nginx as docs/operate/nginx.conf sets it up, on a loopback port and without TLS."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    shipped = (ROOT / "docs" / "operate" / "nginx.conf").read_text("utf-8")
    site = shipped.replace("server 127.0.0.1:8420;", f"server {door.base.removeprefix('http://')};")
    site = site.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    site = re.sub(r"^\s*ssl_certificate(_key)? .*$", "", site, flags=re.MULTILINE)
    site = site.replace("/var/lib/pratique/blobs/", f"{home}/blobs/")
    config = folder / "nginx.conf"
    config.write_text(peers.nginx_frame(folder, site), "utf-8")
    command: list[str | Path] = [tool("nginx", "nginx-light"), "-c", config, "-p", folder]
    with server("nginx", command, port=port, folder=folder, ready="/readyz") as started:
        yield started


def file_path(door: Server) -> str:
    """Path of the wheel at the door, from its page there; fetched once, so that it is warm."""
    url = str(page(f"{door.base}/pypi/simple/{PROJECT}/")["files"][0]["url"])
    path = re.sub(r"^https?://[^/]+", "", url)
    path = path if path.startswith("/") else f"/pypi/packages/{path.split('packages/', 1)[1]}"
    body = get(door.base + path)
    if len(body) < MEGABYTES * 1024 * 1024:
        raise CannotRunError(f"the door sent {len(body):,} bytes of {MEGABYTES} MB")
    return path


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(name="wheel", small=options.small)
    rounds, seconds = (1, 2.0) if options.small else (3, 5.0)
    measured: dict[str, list[Load]] = {}
    own: dict[int, list[float]] = {CONNECTIONS: [], MANY_CONNECTIONS: []}
    with scratch() as folder, contextlib.ExitStack() as stack:
        root = folder / "root"
        name = upstream.add_wheel(root, PROJECT, VERSION, megabytes=MEGABYTES)
        source = stack.enter_context(peers.upstream(root, folder / "upstream"))
        url = source.base + "/simple/"
        limit = stack.enter_context(peers.nginx(root, folder / "nginx"))
        alone = stack.enter_context(peers.pratique(folder / "alone", upstream_url=url))
        second = stack.enter_context(
            peers.pratique(folder / "second", upstream_url=url, settings=X_ACCEL)
        )
        front = stack.enter_context(
            behind_nginx(second, folder / "second" / "home", folder / "front")
        )
        targets = {
            "nginx, sendfile": (limit, f"/files/{name}"),
            "pratique alone": (alone, file_path(alone)),
            "nginx + pratique (X-Accel)": (front, file_path(front)),
        }
        for _ in range(rounds):
            for label, (target, path) in targets.items():
                done = load(target, path, headers={}, seconds=seconds, connections=CONNECTIONS)
                measured.setdefault(label, []).append(done)
            for connections, found in own.items():
                before = second.cpu()
                done = load(
                    front,
                    file_path(front),
                    headers=ONE_BYTE,
                    seconds=seconds,
                    connections=connections,
                )
                found.append((second.cpu() - before) * 1000 / done.requests)
        shutil.rmtree(root / "files")
    cpu = {label: statistics.median(run.cpu_ms for run in runs) for label, runs in measured.items()}
    door_cpu = {connections: statistics.median(found) for connections, found in own.items()}
    report.columns = ("server", "CPU ms/file", "files/s")
    for label, runs in measured.items():
        report.row(label, cpu[label], statistics.median(run.per_second for run in runs))
    for connections, value in door_cpu.items():
        report.row(f"  of which pratique, {connections} clients", value, "")
    report.notes.append(
        f"{MEGABYTES} MB, {CONNECTIONS} connections; each delivery is two ledger entries"
    )
    ratio = cpu["pratique alone"] / cpu["nginx, sendfile"]
    report.at_most("warm wheel without nginx, × nginx sendfile", ratio, 3, "×")
    report.at_most(
        "warm wheel behind nginx, the door's CPU", door_cpu[MANY_CONNECTIONS], 0.5, " ms"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
