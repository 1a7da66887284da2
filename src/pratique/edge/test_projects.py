"""The two test projects that exist on every instance, so that anybody can see the firewall work.

`pratique-test-held`    1.0 is old and passes; 2.0 was uploaded within the hour and is in cool-down.
`pratique-test-denied`  1.0 passes; 2.0 is named by an advisory that comes with the product.

They are served by an upstream of their own and go through the same decisions as everything else:
with a cool-down of zero hours `pratique-test-held==2.0` installs, and rightly so.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from pratique.edge.errors import UpstreamError
from pratique.index.parse_json import parse_json_page
from pratique.index.ports import FetchedPage, PageMissing, PageUnchanged, UpstreamStream
from pratique.values.instants import Clock, Instant, render_instant
from pratique.values.names import ProjectName

HELD = ProjectName("pratique-test-held")
DENIED = ProjectName("pratique-test-denied")
UPSTREAM = "built-in"

_BASE = "https://built-in.example/"
_OLD = datetime(2026, 1, 1, tzinfo=UTC)

ADVISORY = json.dumps(
    {
        "schema_version": "1.7.0",
        "id": "MAL-0000-pratique-test",
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": "Not malware: an inert release by which the firewall shows that it denies",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": DENIED},
                "versions": ["2.0"],
            }
        ],
    }
).encode()
"""OSV record that denies `pratique-test-denied` 2.0 on every instance."""


@dataclass(slots=True, kw_only=True)
class _Content:
    content: bytes
    length: int | None

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.content


class BuiltInUpstream:
    """Serves the test projects. Fulfils `index.ports.Upstream`."""

    name = UPSTREAM
    private = False
    hashless = "hold"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def claims(self, project: ProjectName) -> bool:
        """Both names belong to this upstream alone."""
        return project in {HELD, DENIED}

    async def fetch_page(
        self, project: ProjectName, *, etag: str = ""
    ) -> FetchedPage | PageUnchanged | PageMissing:
        """The project's page; its newest file is always less than two hours old."""
        if not self.claims(project):
            return PageMissing()
        now = self._clock()
        fresh = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        new = fresh if project == HELD else _OLD
        if etag == _etag(new):
            return PageUnchanged()
        files = [_listing(project, "1.0", _OLD), _listing(project, "2.0", new)]
        url = f"{_BASE}simple/{project}/"
        body = json.dumps(
            {
                "meta": {"api-version": "1.1"},
                "name": project,
                "versions": ["1.0", "2.0"],
                "files": files,
            }
        ).encode()
        page = parse_json_page(body, url=url, project=project)
        return FetchedPage(page=page, body=body, etag=_etag(new))

    def open_file(
        self, url: str, *, max_bytes: int | None = None
    ) -> AbstractAsyncContextManager[UpstreamStream]:
        """One of the four wheels."""
        del max_bytes  # they are two kilobytes
        return _open(url)

    async def fetch_wheel_metadata(self, url: str, *, size: int | None) -> bytes | None:
        """METADATA of one of the wheels."""
        del size
        name, version, *_ = url.rpartition("/")[2].split("-")
        return _metadata(name.replace("_", "-"), version)


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[UpstreamStream]:
    filename = url.rpartition("/")[2]
    name, version, *_ = filename.split("-")
    project = ProjectName(name.replace("_", "-"))
    if project not in {HELD, DENIED} or filename != _filename(project, version):
        raise UpstreamError(what="no such file", upstream=UPSTREAM, url=url, retry_helps=False)
    content = _wheel(project, version)
    yield _Content(content=content, length=len(content))


def _etag(new: Instant) -> str:
    return f'"{render_instant(new)}"'


def _filename(project: ProjectName, version: str) -> str:
    return f"{project.replace('-', '_')}-{version}-py3-none-any.whl"


def _listing(project: ProjectName, version: str, uploaded: Instant) -> dict[str, object]:
    content = _wheel(project, version)
    filename = _filename(project, version)
    return {
        "filename": filename,
        "url": f"{_BASE}packages/{project}/{filename}",
        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
        "size": len(content),
        "upload-time": render_instant(uploaded),
        "yanked": False,
    }


def _metadata(project: str, version: str) -> bytes:
    return (
        f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        "Summary: Shows that the Pratique firewall works; does nothing\n"
    ).encode()


@cache
def _wheel(project: ProjectName, version: str) -> bytes:
    """An inert wheel: one module with one string. The same bytes on every machine."""
    name = project.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f'"""Inert. You got {project} {version}."""\n'.encode(),
        f"{info}/METADATA": _metadata(project, version),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: pratique\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_urlsafe(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _urlsafe(data: bytes) -> str:
    """Digest as RECORD files write it (PEP 376, PEP 427)."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
