"""The page service: from a project's name to decided files.

One request's path: `describe` → origin of the name → page (stored, or fetched once for all who
wait) → facts per file → `policy.decide_page` → `Described`. Every other part of the door (pages,
files, sidecars, block pages, the command line) starts from a `Described`; nothing else decides.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from urllib.parse import unquote

from pratique.doors.index.gather import Gathered, gather_facts
from pratique.doors.index.loading import (
    BREAKER_SECONDS,
    IndexView,
    LoadedPage,
    PageLimits,
    PageLoader,
)
from pratique.index.model import PageFile, ProjectPage
from pratique.index.ports import (
    ControlState,
    PageStore,
)
from pratique.ledger.entries import Draft
from pratique.policy.compile import CompiledPolicy
from pratique.policy.decide import decide_page, decide_stale_page, with_page_facts
from pratique.policy.model import Decision, FileFacts, ProjectFacts
from pratique.values.instants import Clock, Instant
from pratique.values.names import ProjectName

_DESCRIBED_FILES = 4_000
"""Decided files kept in memory over all pages: about 2 kB each with the parsed page and its
rendered spans. At least one page is always kept, however large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """What must still be so for a decided page to be answered without deciding again.

    Small on purpose: answers that are kept keep this, not the thousands of facts behind them.
    """

    policy: CompiledPolicy
    epoch: int
    decided_at: Instant
    fresh_until: Instant
    recheck_at: Instant | None


@dataclass(frozen=True, kw_only=True)
class Described:
    """A project's page as it may be answered now: one decision per file, deciding facts beside it."""

    index: str
    project: ProjectFacts
    gathered: Gathered
    decisions: tuple[Decision, ...]
    stale: bool
    currency: Currency

    @property
    def policy(self) -> CompiledPolicy:
        """The policy that decided."""
        return self.currency.policy

    @property
    def page(self) -> ProjectPage:
        """The page as its upstream published it."""
        return self.gathered.page

    @property
    def upstream(self) -> str:
        """Name of the upstream that the project's name belongs to."""
        return self.project.origin

    @property
    def files(self) -> tuple[PageFile, ...]:
        """Files in page order, then kept ones."""
        return self.gathered.files

    @property
    def facts(self) -> tuple[FileFacts, ...]:
        """What is known of each file."""
        return self.gathered.facts

    @property
    def rows(self) -> Sequence[tuple[PageFile, FileFacts, Decision]]:
        """Files with what is known and what was decided of each, in page order."""
        return tuple(zip(self.files, self.facts, self.decisions, strict=True))

    @cached_property
    def by_path(self) -> Mapping[str, int]:
        """Position of each file by its unquoted path below `/{index}/packages/`."""
        return {unquote(file.door_path): i for i, file in enumerate(self.files)}


class PageService:
    """Gives described pages; owns the memory of parsed ones. Lives on one event loop."""

    def __init__(
        self,
        *,
        views: Sequence[IndexView],
        store: PageStore,
        control: ControlState,
        policy: Callable[[], CompiledPolicy],
        clock: Clock,
        limits: PageLimits,
        note: Callable[[Draft], None],
    ) -> None:
        self._loader = PageLoader(
            views=views, store=store, origins=control, clock=clock, limits=limits, note=note
        )
        self._control = control
        self._policy = policy
        self._clock = clock
        self._limits = limits
        self._described: OrderedDict[tuple[str, ProjectName, str], Described] = OrderedDict()

    @property
    def views(self) -> Mapping[str, IndexView]:
        """Configured index views by name."""
        return self._loader.views

    def is_current(self, currency: Currency) -> bool:
        """Whether a decided page may still be answered without deciding again.

        Every cached answer asks this first: shared state, policy, time and upstream freshness.
        """
        now = self._clock()
        return (
            currency.epoch == self._control.epoch()
            and currency.policy is self._policy()
            and currency.decided_at <= now < currency.fresh_until
            and (currency.recheck_at is None or now < currency.recheck_at)
        )

    async def describe(
        self, index: str, project: ProjectName, *, asset: str = ""
    ) -> Described | None:
        """Decide every file of a project for an asset; None when no such project exists here.

        Raises: UnknownIndexError, PageUnavailableError (upstream down and nothing stored).
        """
        key = (index, project, self.audience(asset))
        cached = self._described.get(key)
        if cached is not None and self.is_current(cached.currency):
            self._described.move_to_end(key)
            return cached
        loaded = await self._loader.load(index, project)
        described = self._decide(index, project, loaded, asset=key[2])
        if described is None:
            self._described.pop(key, None)
            return None
        self._remember(key, described)
        return described

    def forget(self, index: str, project: ProjectName) -> None:
        """Gather a project's facts anew at the next request, because one was just learned.

        For facts whose change does not raise the epoch, such as a hash pinned at a download.
        """
        for key in [k for k in self._described if k[:2] == (index, project)]:
            del self._described[key]

    # ── deciding ─────────────────────────────────────────────────────────────────────────────

    def audience(self, asset: str) -> str:
        """Whom answers to an asset are kept for: itself if it has waivers of its own, else everybody.

        Without this every asset would have its pages decided and cooked for it alone.
        """
        own = bool(asset) and any(w.asset == asset for w in self._control.waivers())
        return asset if own else ""

    def _decide(
        self, index: str, project: ProjectName, loaded: LoadedPage | None, *, asset: str
    ) -> Described | None:
        # The epoch is read before the state it stands for, so that a change in between makes the
        # answer look old rather than new.
        epoch = self._control.epoch()
        policy = self._policy()
        now = self._clock()
        gathered = self._gathered((index, project, asset), loaded, epoch)
        if gathered is None:
            return None
        fetched_at = loaded.fetched_at if loaded else now
        stale = loaded is None or loaded.stale_since is not None
        facts = with_page_facts(gathered.project, gathered.facts, policy, now)
        last = self._described.get((index, project, asset))
        decisions = tuple(
            decide_stale_page(facts, gathered.facts, policy, now, confirmed_at=fetched_at)
            if stale
            else (
                last.decisions
                if last is not None and _still_decided(last, gathered, facts, policy, now)
                else decide_page(facts, gathered.facts, policy, now)
            )
        )
        rechecks = [d.recheck_at for d in decisions if d.recheck_at is not None]
        fresh_until = (
            now + timedelta(seconds=BREAKER_SECONDS) if stale else fetched_at + self._limits.fresh
        )
        return Described(
            index=index,
            project=facts,
            gathered=gathered,
            decisions=decisions,
            stale=stale,
            currency=Currency(
                policy=policy,
                epoch=epoch,
                decided_at=now,
                fresh_until=fresh_until,
                recheck_at=min(rechecks, default=None),
            ),
        )

    def _gathered(
        self, key: tuple[str, ProjectName, str], loaded: LoadedPage | None, epoch: int
    ) -> Gathered | None:
        """Facts of a page; the last ones again when neither the page nor shared state changed."""
        page = loaded.page if loaded else None
        last = self._described.get(key)
        if (
            last is not None
            and page is not None
            and last.page is page
            and last.currency.epoch == epoch
        ):
            return last.gathered
        index, project, asset = key
        return gather_facts(
            index=index,
            project=project,
            page=page,
            upstream=loaded.upstream if loaded else None,
            control=self._control,
            asset=asset,
        )

    def _remember(self, key: tuple[str, ProjectName, str], described: Described) -> None:
        self._described[key] = described
        self._described.move_to_end(key)
        total = sum(len(d.files) for d in self._described.values())
        while len(self._described) > 1 and (total > _DESCRIBED_FILES):
            _, dropped = self._described.popitem(last=False)
            total -= len(dropped.files)


def _still_decided(
    last: Described, gathered: Gathered, project: ProjectFacts, policy: CompiledPolicy, now: Instant
) -> bool:
    """Whether the same was decided of the same facts: what changed elsewhere raised the epoch only."""
    currency = last.currency
    return (
        not last.stale
        and currency.policy is policy
        and currency.decided_at <= now
        and (currency.recheck_at is None or now < currency.recheck_at)
        and last.project == project
        and last.facts == gathered.facts
    )
