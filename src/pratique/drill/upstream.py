"""The local upstream of a drill: one project, republished hour by hour as the index did."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from pratique.drill.releases import Archive
from pratique.values.instants import Instant, render_instant

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(slots=True)
class _Published:
    archive: Archive
    uploaded_at: Instant


@dataclass(slots=True)
class DrillUpstream:
    """What the index says of one project at this moment; changed by the drill between steps."""

    project: str
    url: str = ""
    quarantined: bool = False
    serial: int = 1
    downloads: list[str] = field(default_factory=list)
    """File names that anybody fetched from here."""
    _files: dict[str, _Published] = field(default_factory=dict)

    def publish(self, archive: Archive, uploaded_at: Instant) -> None:
        """Put a file on the page."""
        self._files[archive.filename] = _Published(archive, uploaded_at)
        self.serial += 1

    def remove(self, filename: str) -> None:
        """Take a file off the page and off the server."""
        del self._files[filename]
        self.serial += 1

    def quarantine(self, *, on: bool) -> None:
        """Empty the page, as the public index does (PEP 792), or restore it."""
        self.quarantined = on
        self.serial += 1

    async def page(self, request: web.Request) -> web.Response:
        """Project page in JSON; other projects do not exist here."""
        if request.match_info["project"] != self.project:
            return web.Response(status=404)
        status = "quarantined" if self.quarantined else "active"
        files = [] if self.quarantined else [_listing(p) for p in self._files.values()]
        body = {
            "meta": {"api-version": "1.4", "_last-serial": self.serial},
            "name": self.project,
            "project-status": {"status": status},
            "versions": sorted(
                {f["filename"].split("-")[1].removesuffix(".tar.gz") for f in files}
            ),
            "files": files,
        }
        return web.Response(body=json.dumps(body), headers={"Content-Type": _JSON})

    async def file(self, request: web.Request) -> web.Response:
        """A file's bytes."""
        published = self._files.get(request.match_info["filename"])
        if published is None or self.quarantined:
            return web.Response(status=404)
        self.downloads.append(published.archive.filename)
        return web.Response(body=published.archive.content, content_type="application/octet-stream")


def _listing(published: _Published) -> dict[str, Any]:
    archive = published.archive
    return {
        "filename": archive.filename,
        "url": f"../../packages/{archive.sha256[:2]}/{archive.filename}",
        "hashes": {"sha256": archive.sha256},
        "size": len(archive.content),
        "upload-time": render_instant(published.uploaded_at),
        "requires-python": ">=3.9,<4.0",
        "yanked": False,
    }


@asynccontextmanager
async def running_upstream(project: str) -> AsyncIterator[DrillUpstream]:
    """Serve a drill's upstream on a free loopback port."""
    upstream = DrillUpstream(project=project)
    app = web.Application()
    app.router.add_get("/simple/{project}/", upstream.page)
    app.router.add_get("/packages/{shard}/{filename}", upstream.file)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        upstream.url = f"http://127.0.0.1:{port}/simple/"
        yield upstream
    finally:
        await runner.cleanup()
