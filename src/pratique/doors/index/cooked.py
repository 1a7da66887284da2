"""Pages ready to send, kept as long as nothing that decided them has changed.

A cooked page is bytes, an ETag and the id of the view it shows. It carries the `Validity` of the
decisions it shows, and is answered only while that holds: a changed policy, waiver, verdict, token
epoch, clock or upstream page makes it unusable at the next request, not at a later one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import repeat

from multidict import CIMultiDict, CIMultiDictProxy

from pratique.doors.index.pages import Currency, Described, PageService
from pratique.doors.index.views import ViewRecorder
from pratique.index.cook import Metadata, Offer, compress, render_html, render_json
from pratique.index.etags import strong_etag
from pratique.index.model import PageFile
from pratique.index.negotiate import Encoding, Representation
from pratique.index.view import block_id
from pratique.policy.model import Outcome
from pratique.values.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class CookedPage:
    """A page in one representation and encoding.

    It does not hold the `Described` it was made from: thousands of facts per page would stay in
    memory for as long as the finished bytes do.
    """

    subject: str
    """`INDEX/PROJECT`, as the ledger writes it."""
    body: bytes
    etag: str
    view: str
    stale: bool
    headers: CIMultiDictProxy[str]
    currency: Currency


_Key = tuple[str, ProjectName, str, Representation, Encoding]


class Kitchen:
    """Cooks pages and keeps them below a memory limit. Lives on one event loop."""

    def __init__(
        self,
        *,
        pages: PageService,
        views: ViewRecorder,
        public_url: str,
        max_bytes: int,
        metadata_of: Callable[[PageFile], Metadata],
        cooked: Callable[[Described], None],
    ) -> None:
        self._pages = pages
        self._views = views
        self._public_url = public_url.rstrip("/")
        self._max_bytes = max_bytes
        self._metadata_of = metadata_of
        self._cooked = cooked
        self._shelf: OrderedDict[_Key, CookedPage] = OrderedDict()
        self._bytes = 0
        self._generation = 0
        """Raised whenever something may be offered differently although its decision stands."""

    async def page(
        self,
        index: str,
        project: ProjectName,
        *,
        asset: str,
        representation: Representation,
        encoding: Encoding,
    ) -> CookedPage | None:
        """The page to answer now, or None when there is no such project.

        Raises: as `PageService.describe`.
        """
        key = (index, project, self._pages.audience(asset), representation, encoding)
        ready = self._shelf.get(key)
        if ready is not None and self._pages.is_current(ready.currency):
            self._shelf.move_to_end(key)
            return ready
        described = await self._pages.describe(index, project, asset=asset)
        if described is None:
            self._drop(key)
            return None
        cooked = self._cook(described, representation, encoding)
        self._keep(key, cooked)
        self._cooked(described)
        return cooked

    def forget(self, index: str, project: ProjectName) -> None:
        """Drop a project's pages, because what is known of its sidecars has changed."""
        self._generation += 1
        for key in [k for k in self._shelf if k[0] == index and k[1] == project]:
            self._drop(key)

    def block_url(self, described: Described, position: int) -> str:
        """Link to the page that explains a closed door; empty for an open one."""
        decision = described.decisions[position]
        if decision.outcome is Outcome.ALLOW and decision.audited is None:
            return ""
        return f"{self._public_url}/b/{block_of(described, position)}"

    def _cook(
        self, described: Described, representation: Representation, encoding: Encoding
    ) -> CookedPage:
        view = self._views.record(described)
        offers = self._offers(described)
        render = render_json if representation is Representation.JSON else render_html
        base = f"{self._public_url}/{described.index}/packages/"
        body = render(described.page, offers, provenance_base=base)
        etag = strong_etag(body, representation=representation, encoding=encoding)
        if encoding is Encoding.GZIP:
            body = compress(body)
        headers = CIMultiDict(
            {
                "Content-Type": representation.content_type,
                "ETag": etag,
                "Cache-Control": "no-cache",
                "Vary": "Accept, Accept-Encoding",
                "X-Pratique-View": view,
            }
        )
        if encoding is Encoding.GZIP:
            headers["Content-Encoding"] = "gzip"
        if described.page.last_serial is not None:
            headers["X-PyPI-Last-Serial"] = str(described.page.last_serial)
        if described.stale:
            headers["Warning"] = '110 pratique "upstream does not answer; page kept from earlier"'
        return CookedPage(
            subject=f"{described.index}/{described.project.project}",
            body=body,
            etag=etag,
            view=view,
            stale=described.stale,
            headers=CIMultiDictProxy(headers),
            currency=described.currency,
        )

    def _offers(self, described: Described) -> list[Offer]:
        """What is offered of each file; offers that nothing has changed are the same objects.

        Thousands per page, of which a changed policy or verdict touches a few: what is rendered of
        the others is found again by their identity.
        """
        page = described.page
        generation, before = page.__dict__.get("_offers", (None, ()))
        kept: Iterable[Offer | None] = before
        if generation != self._generation or len(before) != len(described.files):
            kept = repeat(None)
        offers = [
            old
            if old is not None and old.file is file and old.decision is decision
            else self._offer(described, i)
            for i, (file, decision, old) in enumerate(
                zip(described.files, described.decisions, kept, strict=False)
            )
        ]
        page.__dict__["_offers"] = (self._generation, offers)
        return offers

    def _offer(self, described: Described, position: int) -> Offer:
        file = described.files[position]
        return Offer(
            file=file,
            decision=described.decisions[position],
            block_url=self.block_url(described, position),
            metadata=self._metadata_of(file),
            metadata_sha256=file.core_metadata_sha256,
        )

    def _keep(self, key: _Key, cooked: CookedPage) -> None:
        self._drop(key)
        self._shelf[key] = cooked
        self._bytes += len(cooked.body)
        while self._bytes > self._max_bytes and len(self._shelf) > 1:
            self._drop(next(iter(self._shelf)))

    def _drop(self, key: _Key) -> None:
        old = self._shelf.pop(key, None)
        if old is not None:
            self._bytes -= len(old.body)


def block_of(described: Described, position: int) -> str:
    """Id of the block page of one file under its present decision."""
    file, decision = described.files[position], described.decisions[position]
    return block_id(
        described.index,
        described.project.project,
        file.filename,
        file.sha256 or "",
        decision.rule,
    )
