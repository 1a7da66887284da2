"""Settings → running objects. The only module that names concrete classes of store and edge."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pratique.doors.console.pages import Console, ConsoleParts
from pratique.doors.index.auth import Authenticator
from pratique.doors.index.cooked import Kitchen
from pratique.doors.index.files import FileOptions, FileService
from pratique.doors.index.http import DoorParts, IndexDoor
from pratique.doors.index.loading import IndexView, PageLimits
from pratique.doors.index.metrics import Metrics
from pratique.doors.index.pages import PageService
from pratique.doors.index.sidecars import Sidecars
from pratique.doors.index.studies import Studies
from pratique.doors.index.upkeep import Upkeep, UpkeepParts
from pratique.doors.index.views import ViewRecorder
from pratique.doors.overview import Overview
from pratique.edge.blobs import DiskBlobStore
from pratique.edge.flights import Flights
from pratique.edge.pages import DiskPageStore
from pratique.edge.policy_source import PolicySource
from pratique.edge.test_projects import ADVISORY, BuiltInUpstream
from pratique.edge.upstream import SimpleUpstream
from pratique.home import node_id, prepare_home
from pratique.index.ports import ControlState, Upstream
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore, Recorder
from pratique.settings import Settings
from pratique.store.control import heal_control, open_control
from pratique.store.logs import open_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.store.recorder import GroupCommitRecorder
from pratique.values.instants import Clock, now_utc

log = logging.getLogger(__name__)

_GIB = 1024**3
_MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """An index door that is ready to be served, with the parts that tests and the drill look at."""

    door: IndexDoor
    pages: PageService
    studies: Studies
    control: ControlState
    log: LogStore
    recorder: Recorder
    presence: PresenceStore
    policy: PolicySource
    upkeep: Upkeep


@asynccontextmanager
async def open_pages(settings: Settings, *, clock: Clock = now_utc) -> AsyncIterator[PageService]:
    """The page service alone, for questions from the command line: decides, records nothing.

    Raises: SettingsError, UnavailableError.
    """
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        control = stack.enter_context(closing(open_control(settings)))
        policy = PolicySource(settings.policy_path, builtin=(ADVISORY,))
        upstreams = await _open_upstreams(settings, stack, clock)
        yield _page_service(settings, control, policy, upstreams, clock, note=lambda _: None)


@asynccontextmanager
async def open_door(
    settings: Settings, *, public_url: str, clock: Clock = now_utc, first_worker: bool = True
) -> AsyncIterator[OpenDoor]:
    """Everything that answers requests, from settings; closed in reverse order at the end.

    `public_url` is how people reach the door. Of several workers in one home only the first one
    keeps projections and disk in order. Raises: SettingsError, UnavailableError, IntegrityError.
    """
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        ledger = open_log(settings)
        stack.callback(ledger.close)
        recorder = GroupCommitRecorder(ledger, clock=clock)
        stack.callback(recorder.close)
        note = _noting(recorder)
        control = stack.enter_context(closing(open_control(settings)))
        presence = stack.enter_context(closing(open_presence(settings, log=ledger)))
        policy = PolicySource(settings.policy_path, builtin=(ADVISORY,), note=note)
        upstreams = await _open_upstreams(settings, stack, clock)
        pages = _page_service(settings, control, policy, upstreams, clock, note=note)
        blobs = DiskBlobStore(
            settings.home / "blobs", cap_bytes=int(settings.storage.blob_cap_gib * _GIB)
        )
        flights = Flights(blobs)
        stack.push_async_callback(flights.close)
        sidecars = Sidecars(
            settings.home / "sidecars", blobs=blobs, downloads=flights, upstreams=upstreams
        )
        studies = Studies(pages=pages, sidecars=sidecars, knowledge=control, clock=clock)
        stack.push_async_callback(studies.close)
        metrics = Metrics()
        kitchen = Kitchen(
            pages=pages,
            views=ViewRecorder(note=note, is_recorded=presence.knows_view),
            public_url=public_url,
            max_bytes=settings.storage.page_memory_mib * _MIB,
            metadata_of=sidecars.metadata_kind,
            cooked=studies.look_at,
        )
        upkeep = Upkeep(
            UpkeepParts(
                node=node_id(settings.home),
                note=note,
                recorder=recorder,
                blobs=blobs,
                control=control,
                policy=policy,
                catch_up=_catching_up(presence, control) if first_worker else None,
            )
        )
        authenticator = Authenticator(
            tokens=control,
            epoch=control.epoch,
            clock=clock,
            anonymous=settings.door.anonymous,
            note=note,
        )
        stack.callback(authenticator.flush_all)
        await stack.enter_async_context(upkeep.running())
        overview = Overview(
            settings=settings,
            public_url=public_url,
            ledger=ledger,
            control=control,
            presence=presence,
            policy=policy,
            clock=clock,
            problems=upkeep.problems,
            recorder=recorder,
        )
        files = FileService(
            pages=pages,
            kitchen=kitchen,
            sidecars=sidecars,
            blobs=blobs,
            flights=flights,
            control=control,
            recorder=recorder,
            metrics=metrics,
            options=FileOptions(
                strict=settings.door.file_write == "strict", x_accel=settings.door.x_accel
            ),
            after_commit=upkeep.blob_added,
        )
        console = Console(
            ConsoleParts(
                pages=pages,
                find_block=overview.find_block,
                status=overview.status,
                approver_of=overview.approver_of,
                grant=overview.grant,
                clock=clock,
            )
        )
        door = IndexDoor(
            DoorParts(
                pages=pages,
                kitchen=kitchen,
                files=files,
                console=console,
                authenticator=authenticator,
                origins=control,
                recorder=recorder,
                metrics=metrics,
                problems=upkeep.problems,
                trusted_proxies=frozenset(settings.door.trusted_proxies),
            )
        )
        yield OpenDoor(
            door=door,
            pages=pages,
            studies=studies,
            control=control,
            log=ledger,
            recorder=recorder,
            presence=presence,
            policy=policy,
            upkeep=upkeep,
        )


def _catching_up(presence: PresenceStore, control: ControlState) -> Callable[[], None]:
    def catch_up() -> None:
        # New entries may hold a grant or a revocation whose command was killed half-way.
        if presence.catch_up():
            heal_control(control, presence)

    return catch_up


def _noting(recorder: Recorder) -> Callable[[Draft], None]:
    def note(draft: Draft) -> None:
        recorder.enqueue(draft)

    return note


async def _open_upstreams(
    settings: Settings, stack: AsyncExitStack, clock: Clock
) -> dict[str, Upstream]:
    upstreams: dict[str, Upstream] = {}
    for one in settings.upstream:
        upstreams[one.name] = await stack.enter_async_context(SimpleUpstream(one))
    built_in = BuiltInUpstream(clock)
    upstreams[built_in.name] = built_in
    return upstreams


def _page_service(
    settings: Settings,
    control: ControlState,
    policy: PolicySource,
    upstreams: dict[str, Upstream],
    clock: Clock,
    *,
    note: Callable[[Draft], None],
) -> PageService:
    built_in = next(u for u in upstreams.values() if isinstance(u, BuiltInUpstream))
    return PageService(
        views=[
            IndexView(
                name=index.name,
                upstreams=(*(upstreams[name] for name in index.upstreams), built_in),
            )
            for index in settings.index
        ],
        store=DiskPageStore(Path(settings.home) / "pages"),
        control=control,
        policy=policy,
        clock=clock,
        limits=PageLimits(
            fresh=timedelta(seconds=settings.door.page_seconds),
            stale=timedelta(hours=settings.door.stale_hours),
        ),
        note=note,
    )
