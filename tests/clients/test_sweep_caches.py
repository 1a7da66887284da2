"""What real clients leave behind is found again: in their caches and in their environments."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from kit.clients import client_named, isolated_environment
from kit.environments import unavailable
from kit.shop import OLD, OpenShop, Shop
from pratique.edge.sweep import caches, environments
from pratique.edge.sweep.context import SweepContext
from pratique.inventory.observed.model import AssetKind, EvidenceClass, PlaceKind, Sighting, Stage
from pratique.values.instants import now_utc, parse_instant

pytestmark = pytest.mark.clients


def cached(root: Path) -> list[Sighting]:
    """What the cache readers find below a folder, as the walk would ask them."""
    ctx = SweepContext(asset="host", asset_kind=AssetKind.HOST, machine="", now=now_utc)
    found: list[Sighting] = []
    claimed: list[str] = []
    for folder, names, _files in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or any(str(path).startswith(f"{one}/") for one in claimed):
                continue
            for reader in caches.READERS:
                if reader.claims(path, is_dir=True):
                    claimed.append(str(path))
                    for look in reader.read(path, ctx):
                        assert (look.place_kind, look.whole, look.gaps) == (
                            PlaceKind.CACHE,
                            True,
                            (),
                        )
                        assert look.evidence_class is EvidenceClass.OBSERVED
                        found += look.sightings
    return found


def secure(open_shop: OpenShop) -> Shop:
    """pip keeps nothing that came without TLS."""
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    shop.stock_demo(newest=OLD)
    return shop


@pytest.mark.parametrize("name", ["pip-22", "pip-23", "pip-current", "uv", "poetry"])
def test_what_was_fetched_is_found_after_the_environment_is_gone(
    open_shop: OpenShop, name: str, tmp_path: Path
) -> None:
    client = client_named(name)
    shop = secure(open_shop)
    digest = hashlib.sha256(_file(shop, "demo", "2.0")).hexdigest()
    where = tmp_path / "work"
    before = now_utc()
    result = client.install("demo==2.0", index_url=shop.index_url, where=where, ca=shop.door.ca)
    after = now_utc()
    assert result.installed == {"demo": "2.0"}, result
    for gone in ("site", "project"):
        shutil.rmtree(where / gone, ignore_errors=True)
    found = [one for one in cached(where / "cache") if one.item.type == "pypi"]
    assert {(one.item.name, one.item.version) for one in found} == {("demo", "2.0")}
    assert f"sha256:{digest}" in {one.item.digest for one in found}
    slack = timedelta(milliseconds=20)
    for one in found:
        assert one.stage is Stage.FETCHED
        assert before - slack <= parse_instant(one.since_hi) <= after + slack


@pytest.mark.parametrize("name", ["pip-current", "uv"])
def test_the_dates_of_environments_are_those_of_the_install(
    open_shop: OpenShop, name: str, tmp_path: Path
) -> None:
    client = client_named(name)
    shop = secure(open_shop)
    before = now_utc()
    result = client.install(
        "demo==2.0", index_url=shop.index_url, where=tmp_path / "work", ca=shop.door.ca
    )
    after = now_utc()
    contents = environments.read_site(str(result.site), after)
    (one,) = contents.distributions
    assert (one.head.name, one.head.version, one.notes) == ("demo", "2.0", ())
    assert one.installer == ("uv" if name == "uv" else "pip")
    slack = timedelta(milliseconds=20)
    assert before - slack <= parse_instant(one.since_lo) <= after + slack


def _file(shop: Shop, name: str, version: str) -> bytes:
    from kit.distributions import make_wheel  # noqa: PLC0415 - the same arguments give the same bytes

    return make_wheel(name, version)[1]


# npm.


@contextmanager
def registry(packages: dict[str, str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """An npm registry on loopback with one version of each package."""
    tarballs = {name: _tarball(name, version) for name, version in packages.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.replace("%2f", "/").replace("%2F", "/").strip("/")
            name = path.partition("/-/")[0]
            body = tarballs.get(name, b"")
            if not path.endswith(".tgz") and body:
                body = self._page(name)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _page(self, name: str) -> bytes:
            version = packages[name]
            integrity = (
                "sha512-" + base64.b64encode(hashlib.sha512(tarballs[name]).digest()).decode()
            )
            url = f"{address}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
            one = {
                "name": name,
                "version": version,
                "dist": {"tarball": url, "integrity": integrity},
            }
            return json.dumps(
                {"name": name, "dist-tags": {"latest": version}, "versions": {version: one}}
            ).encode()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address, tarballs
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _tarball(name: str, version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        content = json.dumps({"name": name, "version": version}).encode()
        info = tarfile.TarInfo("package/package.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_npm(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        unavailable("npm is not installed")
    project = tmp_path / "project"
    project.mkdir()
    wanted = {"left": "1.2.3", "@acme/right": "0.1.0-beta.1"}
    (project / "package.json").write_text(
        json.dumps({"name": "p", "version": "1.0.0", "dependencies": wanted})
    )
    with registry(wanted) as (address, tarballs):
        done = subprocess.run(
            [npm, "install", "--registry", f"{address}/", "--cache", tmp_path / "cache",
             "--no-audit", "--no-fund"],
            cwd=project, env={**isolated_environment(tmp_path), "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ctx = SweepContext(asset="host", asset_kind=AssetKind.HOST, machine="", now=now_utc)
    (look,) = environments.NodeReader().read(project / "node_modules", ctx)
    for found, stage in (
        (look.sightings, Stage.INSTALLED),
        (cached(tmp_path / "cache"), Stage.FETCHED),
    ):
        assert {(one.item.name, one.item.version, one.item.digest) for one in found} == {
            (name, version, f"sha512:{hashlib.sha512(tarballs[name]).hexdigest()}")
            for name, version in wanted.items()
        }
        assert {one.stage for one in found} == {stage}
