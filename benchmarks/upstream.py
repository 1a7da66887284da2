"""A package index on loopback that serves a folder: pages as kept, files as made.

    <root>/simple/<project>.json     →  /simple/<project>/
    <root>/files/<name>              →  /files/<name>

Its list of projects (which proxpi asks for before anything else) names only what stands there, so
that no peer ever downloads the public index's list. `fill_real` keeps pages of the public index
there; `fill_realistic` makes pages of the sizes that the public index has.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from harness import JSON_TYPE, CannotRunError

FILES_PER_PROJECT = (
    (0.30, 4),
    (0.25, 20),
    (0.20, 60),
    (0.13, 150),
    (0.08, 400),
    (0.03, 1000),
    (0.01, 3000),
)
"""Share of projects and their number of files: what the dependencies of data work look like."""


def fill_real(root: Path, projects: list[str]) -> None:
    """Keep today's pages of these projects, byte for byte."""
    folder = root / "simple"
    folder.mkdir(parents=True, exist_ok=True)
    for project in projects:
        url = f"{PYPI_SIMPLE_ENDPOINT.rstrip('/')}/{project}/"
        request = urllib.request.Request(url, headers={"Accept": JSON_TYPE})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read()
        except OSError as error:
            raise CannotRunError(
                f"the public index did not answer for {project}: {error}"
            ) from error
        (folder / f"{project}.json").write_bytes(body)


def fill_realistic(root: Path, count: int, *, prefix: str = "made", seed: int = 1) -> list[str]:
    """Make pages for `count` projects; the same seed makes the same pages."""
    chance = random.Random(seed)
    sizes = [size for share, size in FILES_PER_PROJECT for _ in range(round(share * count))]
    sizes = (sizes + [FILES_PER_PROJECT[1][1]] * count)[:count]
    chance.shuffle(sizes)
    names = []
    for number, size in enumerate(sizes):
        name = f"{prefix}-{number:04d}"
        write_page(root, name, made_page(name, size, chance))
        names.append(name)
    return names


def write_page(root: Path, project: str, content: dict[str, object]) -> None:
    folder = root / "simple"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{project}.json").write_text(json.dumps(content), "utf-8")


def made_page(name: str, files: int, chance: random.Random) -> dict[str, object]:
    """A page whose files have every key that the public index gives."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    entries, versions = [], []
    for number in range(files):
        version = f"{number // 200}.{number // 8 % 25}.{number % 8}"
        digest = f"{chance.getrandbits(256):064x}"
        filename = f"{name.replace('-', '_')}-{version}-cp311-cp311-manylinux_2_28_x86_64.whl"
        versions.append(version)
        entries.append({
            "filename": filename,
            "url": f"/files/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}",
            "hashes": {"sha256": digest},
            "requires-python": ">=3.9",
            "size": chance.randrange(10_000, 40_000_000),
            "upload-time": (start + timedelta(hours=number * 13)).isoformat().replace("+00:00", "Z"),
            "yanked": False,
            "core-metadata": {"sha256": f"{chance.getrandbits(256):064x}"},
        })  # fmt: skip
    meta = {"api-version": "1.4", "_last-serial": 1_000_000 + files}
    return {"meta": meta, "name": name, "versions": versions, "files": entries}


def add_wheel(root: Path, project: str, version: str, *, megabytes: int) -> str:
    """A wheel of about this size whose content does not compress, and its page; gives its name."""
    entry = wheel_entry(root, project, version, size=megabytes * 1024 * 1024)
    page: dict[str, object] = {
        "meta": {"api-version": "1.1"},
        "name": project,
        "versions": [version],
        "files": [entry],
    }
    write_page(root, project, page)
    return str(entry["filename"])


def wheel_entry(
    root: Path, project: str, version: str, *, size: int, uploaded: str = "2024-01-01T00:00:00Z"
) -> dict[str, object]:
    """Make a wheel whose content does not compress; gives its entry on a page."""
    files = root / "files"
    files.mkdir(parents=True, exist_ok=True)
    stem = f"{project.replace('-', '_')}-{version}"
    path = files / f"{stem}-py3-none-any.whl"
    chance = random.Random(stem)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{project}/data.bin", chance.randbytes(size))
        metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return {
        "filename": path.name,
        "url": f"/files/{path.name}",
        "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "size": path.stat().st_size,
        "upload-time": uploaded,
    }


def application(root: Path) -> web.Application:
    async def project(request: web.Request) -> web.StreamResponse:
        path = root / "simple" / f"{request.match_info['name']}.json"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": JSON_TYPE})

    async def projects(_request: web.Request) -> web.StreamResponse:
        names = sorted(path.stem for path in (root / "simple").glob("*.json"))
        content = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
        return web.Response(body=json.dumps(content).encode(), headers={"Content-Type": JSON_TYPE})

    async def without_slash(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMovedPermanently(request.path + "/")

    app = web.Application()
    app.router.add_get("/simple/", projects)
    app.router.add_get("/simple/{name:[a-z0-9-]+}", without_slash)
    app.router.add_get("/simple/{name:[a-z0-9-]+}/", project)
    (root / "files").mkdir(parents=True, exist_ok=True)
    app.router.add_static("/files/", root / "files")
    return app


if __name__ == "__main__":
    web.run_app(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), print=None)
