"""The file service: one file, sidecar or attestation to one client.

Order of steps for a file that may pass: 1. locate and decide; 2. the ledger takes the delivery
(durable under `strict`); 3. bytes flow, the last ones only after hash, length, verdict and a second
look at the decision; 4. the ledger takes how it ended; 5. the file is remembered as delivered. A
crash after 2 leaves a delivery without an end, which counts as fetched: the error is on the safe
side. A file that nobody has vetted is vetted before 2 when it is stored or small, so that a refusal
still has a status and a reason; a larger one along with 3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from pratique.doors.index.answers import problem, refusal
from pratique.doors.index.cooked import Kitchen
from pratique.doors.index.deliveries import Deliveries, agent_of
from pratique.doors.index.locate import Finder, Located
from pratique.doors.index.pages import PageService
from pratique.doors.index.sending import (
    Body,
    Sent,
    file_headers,
    not_modified,
    send_blob,
    send_stream,
    takes_part_for_whole,
)
from pratique.doors.index.sidecars import Kind, Sidecars, file_key
from pratique.doors.index.vetting import VettingService
from pratique.edge.flights import Flight, Flights
from pratique.errors import IntegrityError, UnavailableError
from pratique.index.ports import BlobStore, ControlState, Identity, Upstream
from pratique.ledger.store import Recorder
from pratique.policy.model import VettingFacts
from pratique.values.digests import Sha256

log = logging.getLogger(__name__)

_HOLD_BACK_BYTES = 64 * 1024
"""How much of a file under way is kept until its hash is known. A wheel's directory of contents
is at its end, and a compressed archive without its last block does not unpack."""
_VETTED_FIRST_BYTES = 4 * 1024 * 1024
"""A file up to this size is sent once it was vetted: it would wait for the tail anyway."""
_VETTED_FIRST_MOST_BYTES = 32 * 1024 * 1024
"""The same for clients that could not tell why the tail did not come; beyond, they would give up
waiting for the first byte."""
_OF_VETTING = frozenset({"verdict", "capability-gain"})
ACCEL_LOCATION = "/_pratique_blobs/"
"""Internal location in docs/operate/nginx.conf."""


class ClosedMeanwhileError(IntegrityError):
    """The file was closed while it was on its way to a client; its tail stays here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How files are answered."""

    strict: bool
    x_accel: bool


class FileService:
    """Answers everything below `/{index}/packages/`."""

    def __init__(
        self,
        *,
        pages: PageService,
        kitchen: Kitchen,
        sidecars: Sidecars,
        blobs: BlobStore,
        flights: Flights,
        control: ControlState,
        recorder: Recorder,
        deliveries: Deliveries,
        options: FileOptions,
        after_commit: Callable[[], None],
        vetting: VettingService | None = None,
    ) -> None:
        self._pages = pages
        self._finder = Finder(pages)
        self._kitchen = kitchen
        self._sidecars = sidecars
        self._blobs = blobs
        self._flights = flights
        self._control = control
        self._recorder = recorder
        self._deliveries = deliveries
        self._options = options
        self._after_commit = after_commit
        self._vetting = vetting

    async def answer(
        self, request: web.BaseRequest, index: str, path: str, identity: Identity
    ) -> web.StreamResponse:
        """Answer GET or HEAD of a path below `/{index}/packages/` (unquoted)."""
        base, kind = _sidecar_of(path)
        located = await self._finder.locate(index, base, asset=asset_of(identity))
        if located is None:
            return problem(404, "No such file on this index", title="Not found")
        if self._was_refused_by_an_older_engine(located):
            located = await self._vetted(located, asset=asset_of(identity))
        if not located.decision.outcome.lets_bytes_through:
            return self._refuse(request, located, kind or "file", identity)
        if kind is not None:
            return await self._sidecar(request, located, kind, identity)
        return await self._file(request, located, identity)

    # ── refusals ─────────────────────────────────────────────────────────────────────────────

    def _refuse(
        self, request: web.BaseRequest, located: Located, door: str, identity: Identity
    ) -> web.StreamResponse:
        block_url = self._kitchen.block_url(located.described, located.position)
        self._deliveries.refused(request, located, door, identity)
        return refusal(located.decision, block_url)

    # ── sidecars ─────────────────────────────────────────────────────────────────────────────

    async def _sidecar(
        self, request: web.BaseRequest, located: Located, kind: Kind, identity: Identity
    ) -> web.StreamResponse:
        get = self._sidecars.metadata if kind == "metadata" else self._sidecars.provenance
        try:
            content = await get(located)
        except IntegrityError as error:
            self._deliveries.damaged(located, error)
            return problem(502, "The upstream's sidecar is not what its page says")
        if content is None:
            # The page promised metadata that could not be made: promise no more.
            self._kitchen.forget(located.described.index, located.described.project.project)
            return problem(404, f"No {kind} for this file", title="Not found")
        etag = f'"{located.file.sha256}.{kind}"' if located.file.sha256 else ""
        unchanged = bool(etag) and not_modified(request, etag)
        if request.method == "GET":
            status = 304 if unchanged else 200
            self._recorder.enqueue(
                self._deliveries.begun(request, located, kind, identity, status=status)
            )
            if self._vetting is not None and kind == "metadata":
                self._vetting.expect(located)
        content_type = "application/json" if kind == "provenance" else "text/plain; charset=utf-8"
        if unchanged:
            return web.Response(status=304, headers=file_headers(etag, content_type))
        return web.Response(body=content, headers=file_headers(etag, content_type))

    # ── files ────────────────────────────────────────────────────────────────────────────────

    async def _file(
        self, request: web.BaseRequest, located: Located, identity: Identity
    ) -> web.StreamResponse:
        digest = located.file.sha256
        blob = self._blobs.path(digest) if digest is not None else None
        if request.method == "HEAD":
            return await self._head(request, located)
        etag = f'"{digest}"' if digest is not None else ""
        held_by_client = bool(etag) and not_modified(request, etag)
        if self._vets_first(request, located, held_by_client=held_by_client):
            located = await self._vetted(located, asset=asset_of(identity))
            if not located.decision.outcome.lets_bytes_through:
                return self._refuse(request, located, "file", identity)
            blob = self._blobs.path(digest) if digest is not None else None
        status = 304 if held_by_client else 200
        draft = self._deliveries.begun(request, located, "file", identity, status=status)
        if self._options.strict:
            await self._recorder.record(draft)
        else:
            self._recorder.enqueue(draft)
        sent = Sent()
        if digest is not None and blob is None:
            blob = self._blobs.path(digest)  # a download may have ended while the ledger wrote
        try:
            if held_by_client:
                sent.complete = True
                return web.Response(status=304, headers=file_headers(etag, _content_type(located)))
            if blob is not None and digest is not None:
                if self._vets_first(request, located, held_by_client=False):
                    located = await self._vetted(located, asset=asset_of(identity))
                if not located.decision.outcome.lets_bytes_through:
                    return self._refuse(request, located, "file", identity)
                return await send_blob(request, self._stored(digest, located), sent)
            return await self._first_time(request, located, sent, identity)
        finally:
            self._deliveries.ended(draft, located, identity, sent)

    async def _head(self, request: web.BaseRequest, located: Located) -> web.StreamResponse:
        digest, size = located.file.sha256, located.file.size
        if digest is not None and self._blobs.path(digest) is not None:
            return await send_blob(request, self._stored(digest, located), Sent())
        headers = file_headers(f'"{digest}"' if digest else "", _content_type(located))
        if size is None:
            size = await self._upstream_length(located)
        if size is not None:
            headers["Content-Length"] = str(size)
        return web.Response(headers=headers)

    async def _upstream_length(self, located: Located) -> int | None:
        upstream = self._upstream(located)
        async with upstream.open_file(located.file.url) as stream:
            return stream.length

    def _stored(self, digest: Sha256, located: Located) -> Body:
        path = self._blobs.path(digest)
        if path is None:
            raise UnavailableError("the stored file was removed a moment ago", remedy="ask again")
        accel = f"{ACCEL_LOCATION}sha256/{digest[:2]}/{digest}" if self._options.x_accel else ""
        return Body(
            path=path,
            etag=f'"{digest}"',
            content_type=_content_type(located),
            accel_path=accel,
        )

    # ── vetting ──────────────────────────────────────────────────────────────────────────────

    def _vets_first(
        self, request: web.BaseRequest, located: Located, *, held_by_client: bool
    ) -> bool:
        """Whether the verdict comes before the answer: whenever it costs no stream its head start."""
        digest, size = located.file.sha256, located.file.size
        if self._vetting is None or digest is None or not self._vetting.wants(located):
            return False
        part_for_whole = takes_part_for_whole(agent_of(request))
        most = _VETTED_FIRST_MOST_BYTES if part_for_whole else _VETTED_FIRST_BYTES
        small = size is not None and size <= most
        stored = self._blobs.path(digest) is not None
        return small or stored or held_by_client or "Range" in request.headers

    def _was_refused_by_an_older_engine(self, located: Located) -> bool:
        """Whether today's engine should be asked before the file is refused once more."""
        digest, decision = located.file.sha256, located.decision
        return (
            self._vetting is not None
            and digest is not None
            and decision.rule in _OF_VETTING
            and not decision.outcome.lets_bytes_through
            and not self._vetting.is_of_today(digest)
        )

    async def _vetted(self, located: Located, *, asset: str) -> Located:
        """The file with its verdict, decided again."""
        assert self._vetting is not None
        digest = located.file.sha256
        try:
            if digest is not None and self._blobs.path(digest) is not None:
                await self._vetting.vet_stored(located, digest)
            else:
                await self._vetting.vet_arriving(located, self._join(located))
        except IntegrityError as error:
            self._deliveries.damaged(located, error)
            raise
        return await self._located_again(located, asset=asset)

    def _examined(self, located: Located, flight: Flight) -> asyncio.Task[VettingFacts] | None:
        """Begin to vet a file along with its download."""
        if self._vetting is None or not self._vetting.wants(located):
            return None
        task = asyncio.ensure_future(self._vetting.vet_arriving(located, flight))
        # A client may leave, or the download fail, before anybody looks at it.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return task

    async def _located_again(self, located: Located, *, asset: str) -> Located:
        path = unquote(located.file.door_path)
        again = await self._finder.locate(located.described.index, path, asset=asset)
        if again is None:
            raise ClosedMeanwhileError(
                f"{located.file.filename} left the index while it was downloaded"
            )
        return again

    # ── first downloads ──────────────────────────────────────────────────────────────────────

    async def _first_time(
        self, request: web.BaseRequest, located: Located, sent: Sent, identity: Identity
    ) -> web.StreamResponse:
        """Answer while the file arrives; a range waits for all of it, since parts prove nothing."""
        flight = self._join(located)
        examination = self._examined(located, flight)

        async def release() -> None:
            if located.file.sha256 is None:
                self._pin(located, flight.done.result())
            if examination is not None:
                await asyncio.shield(examination)
            again = await self._located_again(located, asset=asset_of(identity))
            if self._vetting is not None and self._vetting.wants(again):
                raise UnavailableError(
                    f"{located.file.filename} was not vetted", remedy="ask again"
                )
            if not again.decision.outcome.lets_bytes_through:
                self._deliveries.refused(request, again, "file", identity)
                raise ClosedMeanwhileError(
                    f"{located.file.filename} was closed while it was downloaded: "
                    f"{again.decision.reason}"
                )

        try:
            if "Range" in request.headers:
                digest = await flight.wait()
                await release()
                return await send_blob(request, self._stored(digest, located), sent)
            length = await flight.started()
            return await send_stream(
                request,
                flight.read(hold_back=_HOLD_BACK_BYTES, release=release),
                length=length,
                etag=f'"{located.file.sha256}"' if located.file.sha256 else "",
                content_type=_content_type(located),
                sent=sent,
            )
        except ClosedMeanwhileError:
            raise
        except IntegrityError as error:
            self._deliveries.damaged(located, error)
            raise

    def _join(self, located: Located) -> Flight:
        upstream, file = self._upstream(located), located.file
        flight = self._flights.join(
            file_key(upstream, file),
            lambda: upstream.open_file(file.url),
            expected_sha256=file.sha256,
            expected_size=file.size,
        )
        flight.done.add_done_callback(lambda _: self._after_commit())
        return flight

    def _pin(self, located: Located, digest: Sha256) -> None:
        """A file without a published hash gets its hash with its first download."""
        described, file = located.described, located.file
        holds = self._control.pin_hash(described.upstream, file.url, digest)
        if holds != digest:
            raise IntegrityError(
                f"{file.filename} has changed since it was first downloaded",
                expected=f"sha256 {holds}, got {digest}",
            )
        self._pages.forget(described.index, described.project.project)
        self._kitchen.forget(described.index, described.project.project)

    def _upstream(self, located: Located) -> Upstream:
        view = self._pages.views[located.described.index]
        for upstream in view.upstreams:
            if upstream.name == located.described.upstream:
                return upstream
        raise UnavailableError(
            f"the file's upstream {located.described.upstream!r} is not configured any more",
            remedy="put it back into pratique.toml",
        )


def _sidecar_of(path: str) -> tuple[str, Kind | None]:
    for kind in ("metadata", "provenance"):
        if path.endswith(f".{kind}"):
            return path.removesuffix(f".{kind}"), kind
    return path, None


def _content_type(located: Located) -> str:
    name = located.file.filename
    if name.endswith((".whl", ".zip", ".egg")):
        return "application/zip"
    return "application/gzip" if name.endswith((".tar.gz", ".tgz")) else "application/octet-stream"


def asset_of(identity: Identity) -> str:
    """Name that waivers for one asset are matched with."""
    return identity.actor.partition(":")[2] if identity.role == "asset" else ""
