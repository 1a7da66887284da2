"""From an upstream to a page in memory: origin control, freshness, single flight, staleness."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pratique.doors.index.errors import PageUnavailableError, UnknownIndexError
from pratique.edge.flights import SingleFlight
from pratique.errors import UnavailableError
from pratique.index.model import ProjectPage
from pratique.index.parse_json import parse_json_page
from pratique.index.ports import (
    FetchedPage,
    OriginState,
    PageMissing,
    PageStore,
    PageUnchanged,
    StoredPage,
    Upstream,
)
from pratique.ledger.entries import Draft
from pratique.values.instants import Clock, Instant
from pratique.values.names import ProjectName

log = logging.getLogger(__name__)

BREAKER_SECONDS = 10
"""After an upstream failed, nobody waits for it again for this long; stored pages are served."""
_MISSING_SECONDS = 60
"""How long a definite "no such project" is remembered."""
_MISSING_NAMES = 10_000
_LOADED_BYTES = 4 * 1024 * 1024
"""Parsed pages kept in memory, counted by the size of their JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexView:
    """A configured view: its name and its upstreams in the order of asking."""

    name: str
    upstreams: tuple[Upstream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPage:
    """An upstream's page in memory, with how fresh it is."""

    page: ProjectPage
    upstream: Upstream
    fetched_at: Instant
    stale_since: Instant | None
    """When the upstream was found not answering; None while it answers."""
    weight: int
    """Bytes of the page's JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """How long pages stay good."""

    fresh: timedelta
    stale: timedelta


@dataclass(slots=True)
class _Breaker:
    """Remembers per upstream since when it has been failing. Owned by the event loop."""

    failed_at: dict[str, Instant] = field(default_factory=dict)

    def is_open(self, upstream: str, now: Instant) -> bool:
        failed = self.failed_at.get(upstream)
        return failed is not None and now < failed + timedelta(seconds=BREAKER_SECONDS)


class PageLoader:
    """Gives pages of the name's origin. Lives on one event loop."""

    def __init__(
        self,
        *,
        views: Sequence[IndexView],
        store: PageStore,
        origins: OriginState,
        clock: Clock,
        limits: PageLimits,
        note: Callable[[Draft], None],
    ) -> None:
        self.views: Mapping[str, IndexView] = {view.name: view for view in views}
        """Configured index views by name."""
        self._store = store
        self._origins = origins
        self._clock = clock
        self._limits = limits
        self._note = note
        self._breaker = _Breaker()
        self._loaded: OrderedDict[tuple[str, ProjectName], LoadedPage] = OrderedDict()
        self._loaded_bytes = 0
        self._missing: OrderedDict[tuple[str, ProjectName], Instant] = OrderedDict()
        self._flights: SingleFlight[tuple[str, ProjectName], LoadedPage | None] = SingleFlight()

    async def load(self, index: str, project: ProjectName) -> LoadedPage | None:
        """The page of the name's origin, fetched if need be; None when it exists nowhere."""
        view = self.views.get(index)
        if view is None:
            raise UnknownIndexError(index, sorted(self.views))
        loaded = self._loaded.get((index, project))
        if loaded is not None and self._is_fresh(loaded):
            self._loaded.move_to_end((index, project))
            return loaded
        missing_until = self._missing.get((index, project))
        if missing_until is not None and self._clock() < missing_until:
            return None
        return await self._flights.do((index, project), lambda: self._load_once(view, project))

    def _is_fresh(self, loaded: LoadedPage) -> bool:
        now = self._clock()
        if loaded.stale_since is not None:
            return now < loaded.stale_since + timedelta(seconds=BREAKER_SECONDS)
        return loaded.fetched_at <= now < loaded.fetched_at + self._limits.fresh

    async def _load_once(self, view: IndexView, project: ProjectName) -> LoadedPage | None:
        for upstream in self._candidates(view, project):
            loaded = await self._load_from(view.name, upstream, project)
            if loaded is None:
                continue
            self._pin(view, project, upstream)
            self._keep((view.name, project), loaded)
            return loaded
        self._drop((view.name, project))
        self._missing[view.name, project] = self._clock() + timedelta(seconds=_MISSING_SECONDS)
        while len(self._missing) > _MISSING_NAMES:
            self._missing.popitem(last=False)
        return None

    def _candidates(self, view: IndexView, project: ProjectName) -> Sequence[Upstream]:
        """Upstreams that may answer for this name, in order: origin control.

        1. A pinned name asks only its origin. 2. A reserved name asks only who reserved it.
        3. Otherwise private upstreams first, and a public one only after each private one has
        said definitely that it has no such project (an error is not such an answer).
        """
        pinned = self._origins.origin(view.name, project)
        if pinned is not None:
            origin = [u for u in view.upstreams if u.name == pinned]
            if not origin:
                raise PageUnavailableError(
                    f"{project} belongs to the upstream {pinned!r}, which index {view.name!r} "
                    "no longer has",
                    remedy=f"put {pinned!r} back into pratique.toml",
                )
            return origin
        claimed = [u for u in view.upstreams if u.claims(project)]
        if claimed:
            return claimed
        return sorted(view.upstreams, key=lambda u: not u.private)

    def _pin(self, view: IndexView, project: ProjectName, upstream: Upstream) -> None:
        if self._origins.origin(view.name, project) is not None:
            return
        holds = self._origins.pin_origin(view.name, project, upstream.name)
        if holds != upstream.name:  # another process pinned it elsewhere in the meantime
            raise PageUnavailableError(
                f"{project} was just pinned to {holds!r}", remedy="ask again"
            )
        self._note(
            Draft(
                kind="origin",
                subject=f"{view.name}/{project}",
                actor="door:index",
                body={"upstream": upstream.name},
            )
        )

    def _keep(self, key: tuple[str, ProjectName], loaded: LoadedPage) -> None:
        self._drop(key)
        self._loaded_bytes += loaded.weight
        self._loaded[key] = loaded
        self._missing.pop(key, None)
        while self._loaded_bytes > _LOADED_BYTES and len(self._loaded) > 1:
            _, dropped = self._loaded.popitem(last=False)
            self._loaded_bytes -= dropped.weight

    def _drop(self, key: tuple[str, ProjectName]) -> None:
        old = self._loaded.pop(key, None)
        if old is not None:
            self._loaded_bytes -= old.weight

    async def _load_from(
        self, index: str, upstream: Upstream, project: ProjectName
    ) -> LoadedPage | None:
        now = self._clock()
        stored = self._store.load(upstream.name, project)
        if stored is not None and stored.fetched_at <= now < stored.fetched_at + self._limits.fresh:
            return self._parsed(upstream, project, stored)
        if self._breaker.is_open(upstream.name, now):
            return self._stale(upstream, project, stored, "it failed a moment ago")
        try:
            answer = await upstream.fetch_page(project, etag=stored.etag if stored else "")
        except UnavailableError as error:
            if error.retry_helps:  # one unreadable page says nothing about the others
                self._breaker.failed_at[upstream.name] = now
            log.warning("upstream failed", extra={"upstream": upstream.name, "error": str(error)})
            return self._stale(upstream, project, stored, error.message)
        self._breaker.failed_at.pop(upstream.name, None)
        match answer:
            case PageMissing():
                # What was taken down must not come back as a stale page when upstream fails later.
                self._store.forget(upstream.name, project)
                return None
            case PageUnchanged():
                if stored is None:
                    raise PageUnavailableError(f"{upstream.name} says 304 to a first request")
                self._store.touch(upstream.name, project, fetched_at=now)
                return self._parsed(upstream, project, stored, fetched_at=now)
            case FetchedPage():
                return self._accept(index, upstream, project, stored, answer)

    def _accept(
        self,
        index: str,
        upstream: Upstream,
        project: ProjectName,
        stored: StoredPage | None,
        fetched: FetchedPage,
    ) -> LoadedPage:
        """Take a fetched page unless it goes back in time (a stale cache or a replay)."""
        offered = fetched.page.last_serial
        seen = self._origins.serial(upstream.name, project)
        if seen is not None and offered is not None and offered < seen:
            self._note(
                Draft(
                    kind="rollback",
                    subject=f"{index}/{project}",
                    actor="door:index",
                    body={"upstream": upstream.name, "seen": seen, "offered": offered},
                )
            )
            return self._stale(upstream, project, stored, f"serial {offered} after {seen}")
        if offered is not None and offered != seen:
            self._origins.raise_serial(upstream.name, project, offered)
        now = self._clock()
        self._store.save(
            upstream.name,
            project,
            StoredPage(
                url=fetched.page.url,
                body=fetched.body,
                etag=fetched.etag,
                fetched_at=now,
                last_serial=offered,
            ),
        )
        return LoadedPage(
            page=fetched.page,
            upstream=upstream,
            fetched_at=now,
            stale_since=None,
            weight=len(fetched.body),
        )

    def _stale(
        self, upstream: Upstream, project: ProjectName, stored: StoredPage | None, why: str
    ) -> LoadedPage:
        now = self._clock()
        if stored is None or now > stored.fetched_at + self._limits.stale:
            raise PageUnavailableError(
                f"upstream {upstream.name!r} cannot be asked for {project} ({why})",
                remedy="try again in a moment; stored pages are served for "
                f"{self._limits.stale // timedelta(hours=1)} h",
            )
        return self._parsed(upstream, project, stored, stale_since=now)

    def _parsed(
        self,
        upstream: Upstream,
        project: ProjectName,
        stored: StoredPage,
        *,
        fetched_at: Instant | None = None,
        stale_since: Instant | None = None,
    ) -> LoadedPage:
        serial = "" if stored.last_serial is None else str(stored.last_serial)
        page = parse_json_page(stored.body, url=stored.url, project=project, serial_header=serial)
        return LoadedPage(
            page=page,
            upstream=upstream,
            fetched_at=fetched_at or stored.fetched_at,
            stale_since=stale_since,
            weight=len(stored.body),
        )
