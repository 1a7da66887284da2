"""A package index on loopback that serves what a test tells it, and lies where it is told to.

    with FakeUpstream() as upstream:
        filename, content = make_wheel("demo", "1.0")
        upstream.add_file("demo", filename, content, upload_time=datetime(2026, 3, 1, tzinfo=UTC))
        upstream.fault("/packages/*", stall(after=1000), times=1)
        ...                                  # point anything at upstream.url
        assert upstream.count("/simple/demo/") == 1

It runs in a thread of its own, so that synchronous tests and client processes can use it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import io
import json
import socket
import ssl
import threading
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from aiohttp import web

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"

ENDLESS_LIMIT = 512 * 1024 * 1024
"""Where an "endless" body ends after all, so that a broken test does not run for ever."""

Respond = Callable[[], web.StreamResponse]
Fault = Callable[[web.Request, Respond], Awaitable[web.StreamResponse]]
"""Gets the request and a way to the honest answer; gives (or sends) the answer that goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request as it arrived."""

    method: str
    path: str
    """Raw path, still quoted, without query."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(slots=True, kw_only=True)
class FakeFile:
    """One file of a project; tests may change any field at run time."""

    filename: str
    content: bytes
    upload_time: datetime | None
    yanked: bool | str
    requires_python: str | None
    hashes: dict[str, str]
    core_metadata: bytes | bool | None
    provenance: dict[str, Any] | None
    extra: dict[str, Any]
    path: str
    """Path on the server: /packages/ab/cd/<rest of hash>/<filename>."""


@dataclass(slots=True, kw_only=True)
class FakeProject:
    """One project."""

    name: str
    serial: int = 1
    status: str = ""
    reason: str = ""
    files: dict[str, FakeFile] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    """Further top-level keys of the JSON page."""


class FakeUpstream:
    """A package index on loopback. Options are attributes: change them while it runs."""

    def __init__(
        self,
        *,
        html_only: bool = False,
        no_upload_time: bool = False,
        no_size: bool = False,
        no_serial: bool = False,
        etags: bool = True,
        ranges: bool = True,
        gzip_pages: bool = False,
        relative_urls: bool = False,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.html_only = html_only
        self.no_upload_time = no_upload_time
        self.no_size = no_size
        self.no_serial = no_serial
        self.etags = etags
        self.ranges = ranges
        self.gzip_pages = gzip_pages
        self.relative_urls = relative_urls
        self.credentials = credentials
        self.projects: dict[str, FakeProject] = {}
        self.requests: list[SeenRequest] = []
        self._tls = tls
        self._faults: list[_PlannedFault] = []
        self._lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-upstream", daemon=True)
        self._runner: web.AppRunner | None = None
        # Bound but never listening: keeps the port ours while the server is "down".
        self._reservation = _bind(0)
        self.port: int = self._reservation.getsockname()[1]

    # ── life ────────────────────────────────────────────────────────────────────────────────

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Base of the Simple API, with trailing slash."""
        return f"{self.origin}/simple/"

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()
        self._call(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._reservation.close()

    def up(self) -> None:
        """Listen (again), on the same port."""
        self._call(self._up())

    def down(self) -> None:
        """Stop listening and drop every connection: clients get "connection refused"."""
        self._call(self._down())

    # ── contents ────────────────────────────────────────────────────────────────────────────

    def add_file(
        self,
        project: str,
        filename: str,
        content: bytes,
        *,
        upload_time: datetime | None = None,
        yanked: bool | str = False,
        requires_python: str | None = None,
        hashes: dict[str, str] | None = None,
        core_metadata: bytes | bool | None = None,
        provenance: dict[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> FakeFile:
        """Publish a file and raise the project's serial.

        hashes: default is the right sha256; `{}` publishes none. core_metadata: True takes METADATA
        out of the wheel, bytes are served as they are, None does not offer any. extra: merged into
        the file's JSON object (a `url` there counts for HTML too).
        """
        digest = hashlib.sha256(content).hexdigest()
        file = FakeFile(
            filename=filename,
            content=content,
            upload_time=upload_time,
            yanked=yanked,
            requires_python=requires_python,
            hashes={"sha256": digest} if hashes is None else dict(hashes),
            core_metadata=_metadata_of(content) if core_metadata is True else core_metadata,
            provenance=provenance,
            extra=dict(extra or {}),
            path=f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{quote(filename)}",
        )
        with self._lock:
            entry = self.add_project(project)
            entry.files[filename] = file
            entry.serial += 1
        return file

    def add_project(self, project: str) -> FakeProject:
        """Publish a project (without files, if it is new)."""
        with self._lock:
            return self.projects.setdefault(project, FakeProject(name=project))

    def remove_file(self, project: str, filename: str) -> None:
        """Delete a file, as an index does when its uploader or an admin removes it."""
        with self._lock:
            del self.projects[project].files[filename]
            self.projects[project].serial += 1

    def remove_project(self, project: str) -> None:
        """Delete a project: its page answers 404 from now on."""
        with self._lock:
            del self.projects[project]

    def set_status(self, project: str, status: str, reason: str = "") -> None:
        """Set the project's status marker (PEP 792)."""
        with self._lock:
            entry = self.add_project(project)
            entry.status, entry.reason = status, reason
            entry.serial += 1

    def set_serial(self, project: str, serial: int) -> None:
        """Set the serial, also backwards (a rollback)."""
        with self._lock:
            self.projects[project].serial = serial

    def touch(self, project: str) -> None:
        """Raise the serial after a field was changed by hand."""
        with self._lock:
            self.projects[project].serial += 1

    def file_url(self, project: str, filename: str) -> str:
        """Absolute URL of a file."""
        return self.origin + self.projects[project].files[filename].path

    # ── faults and observations ─────────────────────────────────────────────────────────────

    def fault(self, pattern: str, fault: Fault, *, times: int | None = None) -> None:
        """Answer requests whose path matches the pattern (`/packages/*`) with this fault.

        The newest matching fault counts; after `times` answers it is used up.
        """
        with self._lock:
            self._faults.insert(0, _PlannedFault(pattern=pattern, fault=fault, left=times))

    def clear_faults(self) -> None:
        """Be honest again."""
        with self._lock:
            self._faults.clear()

    def count(self, pattern: str = "*", *, method: str = "") -> int:
        """How many requests matched so far."""
        return len(self.seen(pattern, method=method))

    def seen(self, pattern: str = "*", *, method: str = "") -> list[SeenRequest]:
        """Requests that matched so far."""
        return [
            r
            for r in list(self.requests)
            if fnmatchcase(r.path, pattern) and (not method or r.method == method)
        ]

    # ── inside ──────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _up(self) -> None:
        if self._runner is not None:
            return
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05
        )
        await self._runner.setup()
        site = web.SockSite(self._runner, _bind(self.port), ssl_context=self._tls)
        await site.start()

    async def _down(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        self.requests.append(
            SeenRequest(
                method=request.method,
                path=path,
                query=request.rel_url.raw_query_string,
                headers={k.lower(): v for k, v in request.headers.items()},
            )
        )
        fault = self._next_fault(path)
        if fault is not None:
            return await fault(request, lambda: self._answer(request, path))
        return self._answer(request, path)

    def _next_fault(self, path: str) -> Fault | None:
        with self._lock:
            for planned in self._faults:
                if fnmatchcase(path, planned.pattern) and planned.left != 0:
                    if planned.left is not None:
                        planned.left -= 1
                    return planned.fault
        return None

    def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        if self.credentials is not None and not self._authorized(request):
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        with self._lock:
            if path == "/simple/":
                return self._index(request)
            if path.startswith("/simple/"):
                return self._page(request, path.removeprefix("/simple/").rstrip("/"))
            return self._file(request, path)

    def _authorized(self, request: web.Request) -> bool:
        assert self.credentials is not None
        given = request.headers.get("Authorization", "")
        return given == "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()

    def _wants_json(self, request: web.Request) -> bool:
        accept = request.headers.get("Accept", "")
        return not self.html_only and (JSON_TYPE in accept or "simple.latest+json" in accept)

    def _html_type(self, request: web.Request) -> str:
        return HTML_TYPE if HTML_TYPE in request.headers.get("Accept", "") else "text/html"

    def _index(self, request: web.Request) -> web.Response:
        names = sorted(self.projects)
        if self._wants_json(request):
            body = {"meta": {"api-version": "1.4"}, "projects": [{"name": n} for n in names]}
            return web.Response(body=json.dumps(body).encode(), content_type=JSON_TYPE)
        links = "".join(f'<a href="/simple/{n}/">{html.escape(n)}</a><br>\n' for n in names)
        return web.Response(
            text=f"<!DOCTYPE html><html><body>{links}</body></html>",
            content_type=self._html_type(request),
        )

    def _page(self, request: web.Request, name: str) -> web.Response:
        project = self.projects.get(name)
        if project is None:
            return web.Response(status=404, text="no such project")
        if self._wants_json(request):
            body, kind = json.dumps(self.page_json(project)).encode(), JSON_TYPE
        else:
            body, kind = self.page_html(project).encode(), self._html_type(request)
        headers = {"Content-Type": kind, "Vary": "Accept"}
        if not self.no_serial:
            headers["X-PyPI-Last-Serial"] = str(project.serial)
        etag = f'"{project.serial}-{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.etags:
            headers["ETag"] = etag
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers=headers)
        response = web.Response(body=body, headers=headers)
        if self.gzip_pages:
            response.enable_compression(web.ContentCoding.gzip)
        return response

    def page_json(self, project: FakeProject) -> dict[str, Any]:
        """The project page as a JSON value."""
        meta: dict[str, Any] = {"api-version": "1.4"}
        if not self.no_serial:
            meta["_last-serial"] = project.serial
        page: dict[str, Any] = {
            "meta": meta,
            "name": project.name,
            "versions": sorted({_version_of(f.filename) for f in project.files.values()}),
            "files": [self._entry(project, f) for f in project.files.values()],
        }
        if project.status:
            page["project-status"] = {"status": project.status}
            if project.reason:
                page["project-status"]["reason"] = project.reason
        return {**page, **project.extra}

    def _entry(self, project: FakeProject, file: FakeFile) -> dict[str, Any]:
        base = "../.." if self.relative_urls else self.origin
        entry: dict[str, Any] = {
            "filename": file.filename,
            "url": base + file.path,
            "hashes": file.hashes,
            "yanked": file.yanked,
        }
        if not self.no_size:
            entry["size"] = len(file.content)
        if file.upload_time is not None and not self.no_upload_time:
            moment = file.upload_time.astimezone(UTC)
            entry["upload-time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if file.requires_python is not None:
            entry["requires-python"] = file.requires_python
        if file.core_metadata is not None:
            offered: Any = file.core_metadata
            if isinstance(offered, bytes):
                offered = {"sha256": hashlib.sha256(offered).hexdigest()}
            entry["core-metadata"] = entry["data-dist-info-metadata"] = offered
        if file.provenance is not None:
            entry["provenance"] = self.origin + _provenance_path(project.name, file.filename)
        return {**entry, **file.extra}

    def page_html(self, project: FakeProject) -> str:
        """The project page as HTML (PEP 503, 592, 658, 714, 740, 792)."""
        head = '<meta name="pypi:repository-version" content="1.4">'
        if project.status:
            head += f'<meta name="pypi:project-status" content="{html.escape(project.status)}">'
        if project.reason:
            head += (
                f'<meta name="pypi:project-status-reason" content="{html.escape(project.reason)}">'
            )
        links = "\n".join(self._anchor(self._entry(project, f)) for f in project.files.values())
        return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{links}\n</body></html>\n"

    def _anchor(self, entry: dict[str, Any]) -> str:
        fragment = "".join(f"#{kind}={value}" for kind, value in list(entry["hashes"].items())[:1])
        attributes = [("href", entry["url"] + fragment)]
        if "requires-python" in entry:
            attributes.append(("data-requires-python", entry["requires-python"]))
        if entry["yanked"]:
            reason = entry["yanked"] if isinstance(entry["yanked"], str) else ""
            attributes.append(("data-yanked", reason))
        offered = entry.get("core-metadata")
        if offered:
            value = f"sha256={offered['sha256']}" if isinstance(offered, dict) else "true"
            attributes += [("data-core-metadata", value), ("data-dist-info-metadata", value)]
        if "provenance" in entry:
            attributes.append(("data-provenance", entry["provenance"]))
        text = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes)
        return f"<a {text}>{html.escape(entry['filename'])}</a><br>"

    def _file(self, request: web.Request, path: str) -> web.StreamResponse:
        for project in self.projects.values():
            for file in project.files.values():
                if path == file.path:
                    return self._bytes(request, file.content)
                if path == file.path + ".metadata" and isinstance(file.core_metadata, bytes):
                    return self._bytes(request, file.core_metadata)
                if file.provenance is not None and path == _provenance_path(
                    project.name, file.filename
                ):
                    return web.Response(
                        body=json.dumps(file.provenance).encode(),
                        content_type="application/vnd.pypi.integrity.v1+json",
                    )
        return web.Response(status=404, text="no such file")

    def _bytes(self, request: web.Request, content: bytes) -> web.Response:
        headers = {"Content-Type": "application/octet-stream"}
        if not self.ranges:
            return web.Response(body=content, headers=headers)
        headers["Accept-Ranges"] = "bytes"
        asked = request.headers.get("Range", "")
        span = _parse_range(asked, len(content)) if asked else None
        if span is None:
            return web.Response(body=content, headers=headers)
        start, stop = span
        if start >= stop:
            headers["Content-Range"] = f"bytes */{len(content)}"
            return web.Response(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return web.Response(status=206, body=content[start:stop], headers=headers)


# ── faults ──────────────────────────────────────────────────────────────────────────────────


def status(
    code: int, *, reason: str | None = None, headers: Mapping[str, str] | None = None
) -> Fault:
    """Answer with this status code."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        return web.Response(status=code, reason=reason, headers=headers, text=f"fault {code}")

    return fault


def other_bytes(body: bytes, *, content_type: str = "application/octet-stream") -> Fault:
    """Answer 200 with these bytes instead of the right ones (wrong hash, garbage JSON, …)."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Type": content_type})

    return fault


def garbage(content_type: str = JSON_TYPE) -> Fault:
    """A page that is not what its content type says."""
    return other_bytes(
        b'{"meta": {"api-version": "1.0"}, "files": [{"file', content_type=content_type
    )


def flipped_byte(*, at: int = 0) -> Fault:
    """The right length with one byte changed."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        response = honest()
        body = bytearray(_body_of(response))
        body[at] ^= 0xFF
        return web.Response(body=bytes(body), headers={"Content-Type": response.content_type})

    return fault


def wrong_length(difference: int) -> Fault:
    """Announce this many bytes more (or fewer, if negative) than are sent; then close."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        body = _body_of(honest())
        response = _Unchecked(headers={"Content-Length": str(len(body) + difference)})
        response.force_close()
        await response.prepare(request)
        await response.write(body)
        _close(request)
        return response

    return fault


def truncated(*, keep: int) -> Fault:
    """No Content-Length (chunked) and only the first bytes, ended as if that were all."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        body = _body_of(honest())
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(body[:keep])
        await response.write_eof()
        return response

    return fault


def longer(extra: bytes) -> Fault:
    """The right body without Content-Length, then more bytes."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(_body_of(honest()) + extra)
        await response.write_eof()
        return response

    return fault


def drip(*, piece: int, seconds: float) -> Fault:
    """Send the right body, this many bytes at a time with a pause after each."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        right = honest()
        body = _body_of(right)
        response = web.StreamResponse(headers={"Content-Type": right.content_type})
        response.content_length = len(body)
        await response.prepare(request)
        for start in range(0, len(body), piece):
            await response.write(body[start : start + piece])
            await asyncio.sleep(seconds)
        return response

    return fault


def stall(*, after: int | None = None, seconds: float = 60) -> Fault:
    """Say nothing at all, or stop in the middle of the body after so many bytes."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        if after is None:
            await asyncio.sleep(seconds)
            return honest()
        right = honest()
        body = _body_of(right)
        response = web.StreamResponse(headers={"Content-Type": right.content_type})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:after])
        await asyncio.sleep(seconds)
        await response.write(body[after:])
        return response

    return fault


def gate(opened: threading.Event, *, after: int = 0, seconds: float = 30) -> Fault:
    """Send the first bytes, then wait until the test opens the gate, then the rest."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        right = honest()
        body = _body_of(right)
        response = web.StreamResponse(headers={"Content-Type": right.content_type})
        response.content_length = len(body)
        if after:
            await response.prepare(request)
            await response.write(body[:after])
        deadline = asyncio.get_running_loop().time() + seconds
        while not opened.is_set() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        if not after:
            return right
        await response.write(body[after:])
        return response

    return fault


def endless(*, content_type: str = "application/octet-stream", piece: int = 65536) -> Fault:
    """A body that does not end (until `ENDLESS_LIMIT`)."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(ENDLESS_LIMIT // piece):
            await response.write(b" " * piece)
        return response

    return fault


def compressed(body: bytes, *, encoding: str, content_type: str = JSON_TYPE) -> Fault:
    """Bytes that claim to be compressed (a bomb, for instance)."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        return web.Response(
            body=body, headers={"Content-Type": content_type, "Content-Encoding": encoding}
        )

    return fault


def redirect(location: str, *, code: int = 302) -> Fault:
    """Redirect to another place."""
    return status(code, headers={"Location": location})


def redirect_loop() -> Fault:
    """Redirect to the same place."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": str(request.rel_url)})

    return fault


def endless_redirects() -> Fault:
    """Redirect to a new place every time."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        hop = int(request.query.get("hop", "0")) + 1
        return web.Response(status=302, headers={"Location": f"{request.path}?hop={hop}"})

    return fault


def reset(*, after: int | None = None) -> Fault:
    """Reset the connection: at once, or after so many bytes of the body."""

    async def fault(request: web.Request, honest: Respond) -> web.StreamResponse:
        response = web.StreamResponse()
        if after is not None:
            body = _body_of(honest())
            response.content_length = len(body)
            await response.prepare(request)
            await response.write(body[:after])
            await asyncio.sleep(0.05)  # lets the bytes out before the reset overtakes them
        transport = request.transport
        if transport is not None:
            sock = transport.get_extra_info("socket")
            # Linger of zero makes the close an RST.
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            transport.abort()
        return response

    return fault


class _Unchecked(web.StreamResponse):
    """A response that may send more or fewer bytes than it announced."""

    _length_check = False


@dataclass(slots=True, kw_only=True)
class _PlannedFault:
    pattern: str
    fault: Fault
    left: int | None


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _body_of(response: web.StreamResponse) -> bytes:
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    return response.body


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _parse_range(text: str, size: int) -> tuple[int, int] | None:
    unit, _, span = text.partition("=")
    first, dash, last = span.partition("-")
    if unit != "bytes" or not dash or "," in span:
        return None
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _provenance_path(project: str, filename: str) -> str:
    return f"/integrity/{project}/{quote(filename)}/provenance"


def _version_of(filename: str) -> str:
    if filename.endswith(".whl"):
        return filename.split("-")[1]
    return filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[2]


def _metadata_of(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return archive.read(name)
