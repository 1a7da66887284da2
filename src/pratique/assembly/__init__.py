"""Settings → running objects. The only place that names concrete classes of store and edge.

Owns: what is opened in which order and closed in reverse; which class fulfils which protocol.
Never: decides anything about a file. Start reading at `open_door`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass

from pratique.assembly import parties
from pratique.assembly.custody_console import custody_console
from pratique.assembly.parts import open_upstreams, page_service
from pratique.doors.console.pages import Console, ConsoleParts
from pratique.doors.incident_desk import IncidentDesk
from pratique.doors.index.auth import Authenticator
from pratique.doors.index.cooked import Kitchen
from pratique.doors.index.deliveries import Deliveries
from pratique.doors.index.files import FileOptions, FileService
from pratique.doors.index.following import Following, FollowingParts
from pratique.doors.index.grounds import GroundParts, Grounds
from pratique.doors.index.http import DoorParts, IndexDoor
from pratique.doors.index.metrics import Metrics
from pratique.doors.index.pages import PageService
from pratique.doors.index.parties import PartyHolds
from pratique.doors.index.sidecars import Sidecars
from pratique.doors.index.studies import Studies
from pratique.doors.index.upkeep import Upkeep, UpkeepParts
from pratique.doors.index.vetting import VettingParts, VettingService
from pratique.doors.index.views import ViewRecorder
from pratique.doors.intake.service import Intake, IntakeParts
from pratique.doors.overview import Overview
from pratique.edge.blobs import DiskBlobStore
from pratique.edge.flights import Flights
from pratique.edge.policy_source import PolicySource
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.edge.test_projects import ADVISORY
from pratique.edge.vetting.indicators import check_known_bad
from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.pool import VettingPool
from pratique.home import node_id, prepare_home
from pratique.index.ports import ControlState, Upstream
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore, Recorder
from pratique.settings import Settings
from pratique.store.control import heal_control, open_control
from pratique.store.custody import open_custody
from pratique.store.incidents import AnswerDesk, StandingAnswers
from pratique.store.logs import open_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.store.recorder import GroupCommitRecorder
from pratique.store.vetting import VettingStore, open_vetting
from pratique.store.vetting_audits import AuditStore, open_audits
from pratique.values.instants import Clock, now_utc
from pratique.vet.model import ENGINE
from pratique.vet.score import shipped_digest

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
    vetting: VettingService | None
    """None when vetting is off."""
    pool: VettingPool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What everything in an open door stands on."""

    settings: Settings
    public_url: str
    clock: Clock
    ledger: LogStore
    recorder: Recorder
    note: Callable[[Draft], None]
    control: ControlState
    presence: PresenceStore
    policy: PolicySource
    facts: VettingStore
    audits: AuditStore
    upstreams: dict[str, Upstream]
    pages: PageService
    blobs: DiskBlobStore
    downloads: Flights
    metrics: Metrics


@asynccontextmanager
async def open_door(
    settings: Settings, *, public_url: str, clock: Clock = now_utc, first_worker: bool = True
) -> AsyncIterator[OpenDoor]:
    """Everything that answers requests, from settings; closed in reverse order at the end.

    `public_url` is how people reach the door. Of several workers in one home only the first one
    keeps projections in order. Raises: SettingsError, UnavailableError, IntegrityError.
    """
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        ground = await _open_ground(stack, settings, public_url=public_url, clock=clock)
        sidecars = Sidecars(
            settings.home / "sidecars",
            blobs=ground.blobs,
            downloads=ground.downloads,
            upstreams=ground.upstreams,
        )
        pool, vetting = await _open_vetting(stack, ground)
        studies = Studies(
            pages=ground.pages,
            sidecars=sidecars,
            knowledge=ground.control,
            clock=clock,
            vetting=vetting if settings.vet.ahead else None,
        )
        stack.push_async_callback(studies.close)
        if vetting is not None and settings.vet.ahead and first_worker:
            await stack.enter_async_context(_following(ground, vetting, studies))
        authenticator = Authenticator(
            tokens=ground.control,
            epoch=ground.control.epoch,
            clock=clock,
            anonymous=settings.door.anonymous,
            note=ground.note,
            party_stopped=_party_holds(stack, ground).stopped,
        )
        stack.callback(authenticator.flush_all)
        upkeep = _upkeep(ground, pool, first_worker=first_worker)
        await stack.enter_async_context(upkeep.running())
        yield OpenDoor(
            door=_door(ground, sidecars, studies, authenticator, upkeep, vetting, pool),
            pages=ground.pages,
            studies=studies,
            control=ground.control,
            log=ground.ledger,
            recorder=ground.recorder,
            presence=ground.presence,
            policy=ground.policy,
            upkeep=upkeep,
            vetting=vetting,
            pool=pool,
        )


def _party_holds(stack: AsyncExitStack, ground: _Ground) -> PartyHolds:
    """Asks whether parties are suspended; from the start where tokens of parties are out."""
    found = PartyHolds(lambda: open_custody(ground.settings))
    stack.callback(found.close)
    if any(token.party for token in ground.control.tokens()):
        found.watch()
    return found


async def _open_vetting(
    stack: AsyncExitStack, ground: _Ground
) -> tuple[VettingPool | None, VettingService | None]:
    settings = ground.settings
    if settings.vet.mode == "off":
        return None, None
    listed = check_known_bad(settings.vet.known_bad)
    # The door opens at once, and files wait for workers; but an installation that insists on walls
    # is told right away when there are none.
    pool = await stack.enter_async_context(
        VettingPool(
            PoolOptions.of(settings.vet), in_background=not settings.vet.require_confinement
        )
    )
    ground.metrics.watch_workers(pool.status)
    grounds = Grounds(
        GroundParts(
            pool=pool,
            facts=ground.facts,
            pages=ground.pages,
            blobs=ground.blobs,
            downloads=ground.downloads,
            upstreams=ground.upstreams,
            clock=ground.clock,
        )
    )
    vetting = VettingService(
        VettingParts(
            pool=pool,
            grounds=grounds,
            facts=ground.facts,
            audits=ground.audits,
            pages=ground.pages,
            blobs=ground.blobs,
            control=ground.control,
            record=_recording(ground),
            metrics=ground.metrics,
            clock=ground.clock,
            engine=ENGINE,
            weights=shipped_digest() + (f"+{listed}" if listed else ""),
        )
    )
    stack.push_async_callback(vetting.close)
    return pool, vetting


@asynccontextmanager
async def _following(
    ground: _Ground, vetting: VettingService, studies: Studies
) -> AsyncIterator[None]:
    following = Following(
        FollowingParts(
            pages=ground.pages,
            vetting=vetting,
            blobs=ground.blobs,
            projects=ground.control.projects,
            look_at=studies.look_at,
            every_seconds=60.0 * ground.settings.vet.follow_minutes,
        )
    )
    task = asyncio.create_task(following.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _open_ground(
    stack: AsyncExitStack, settings: Settings, *, public_url: str, clock: Clock
) -> _Ground:
    ledger = open_log(settings)
    stack.callback(ledger.close)
    recorder = GroupCommitRecorder(ledger, clock=clock)
    stack.callback(recorder.close)
    note = _noting(recorder)
    control = stack.enter_context(closing(open_control(settings)))
    presence = stack.enter_context(closing(open_presence(settings, log=ledger)))
    policy = PolicySource(settings.policy_path, builtin=(ADVISORY,), note=note)
    upstreams = await open_upstreams(settings, stack, clock)
    blobs = DiskBlobStore(
        settings.home / "blobs", cap_bytes=int(settings.storage.blob_cap_gib * _GIB)
    )
    downloads = Flights(blobs)
    stack.push_async_callback(downloads.close)
    return _Ground(
        settings=settings,
        public_url=public_url,
        clock=clock,
        ledger=ledger,
        recorder=recorder,
        note=note,
        control=control,
        presence=presence,
        policy=policy,
        facts=stack.enter_context(closing(open_vetting(settings))),
        audits=stack.enter_context(closing(open_audits(settings))),
        upstreams=upstreams,
        pages=page_service(settings, control, policy, upstreams, clock, note=note),
        blobs=blobs,
        downloads=downloads,
        metrics=Metrics(),
    )


def _upkeep(ground: _Ground, pool: VettingPool | None, *, first_worker: bool) -> Upkeep:
    return Upkeep(
        UpkeepParts(
            node=node_id(ground.settings.home),
            note=ground.note,
            recorder=ground.recorder,
            blobs=ground.blobs,
            control=ground.control,
            policy=ground.policy,
            vetting_problem=lambda: pool.status().problem if pool is not None else "",
            catch_up=_catching_up(ground.presence, ground.control) if first_worker else None,
            answer_incidents=_answering(ground) if first_worker else None,
            check_parties=(
                parties.checking(ground.settings, ground.ledger, ground.presence, ground.clock)
                if first_worker
                else None
            ),
        )
    )


def _door(
    ground: _Ground,
    sidecars: Sidecars,
    studies: Studies,
    authenticator: Authenticator,
    upkeep: Upkeep,
    vetting: VettingService | None,
    pool: VettingPool | None,
) -> IndexDoor:
    kitchen = Kitchen(
        pages=ground.pages,
        views=ViewRecorder(note=ground.note, is_recorded=ground.presence.knows_view),
        public_url=ground.public_url,
        max_bytes=ground.settings.storage.page_memory_mib * _MIB,
        metadata_of=sidecars.metadata_kind,
        cooked=studies.look_at,
    )
    files = FileService(
        pages=ground.pages,
        kitchen=kitchen,
        sidecars=sidecars,
        blobs=ground.blobs,
        flights=ground.downloads,
        control=ground.control,
        recorder=ground.recorder,
        deliveries=Deliveries(
            control=ground.control, recorder=ground.recorder, metrics=ground.metrics
        ),
        options=FileOptions(
            strict=ground.settings.door.file_write == "strict",
            x_accel=ground.settings.door.x_accel,
        ),
        after_commit=upkeep.blob_added,
        vetting=vetting,
    )
    return IndexDoor(
        DoorParts(
            pages=ground.pages,
            kitchen=kitchen,
            files=files,
            console=_console(ground, authenticator, upkeep, pool),
            intake=_intake(ground),
            parties=parties.door(ground.settings, ground.ledger, ground.presence, ground.clock),
            register=parties.register(ground.ledger, ground.presence, ground.control, ground.clock),
            authenticator=authenticator,
            origins=ground.control,
            recorder=ground.recorder,
            metrics=ground.metrics,
            problems=upkeep.problems,
            trusted_proxies=frozenset(ground.settings.door.trusted_proxies),
        )
    )


def _intake(ground: _Ground) -> Intake:
    presence = ground.presence
    return Intake(
        IntakeParts(
            append=lambda drafts: ground.ledger.append(drafts, now=ground.clock()),
            is_recorded=presence.inventory.is_recorded,
            find_batch=presence.find_batch,
            # Enough for what was just appended; a longer backlog is upkeep's.
            recorded=lambda: presence.catch_up(batches=2),
            find_party=parties.finding(presence),
            now=ground.clock,
        )
    )


def _console(
    ground: _Ground, authenticator: Authenticator, upkeep: Upkeep, pool: VettingPool | None
) -> Console:
    overview = Overview(
        settings=ground.settings,
        public_url=ground.public_url,
        ledger=ground.ledger,
        control=ground.control,
        presence=ground.presence,
        policy=ground.policy,
        clock=ground.clock,
        problems=upkeep.problems,
        vetting=lambda: pool.status().sentence if pool is not None else "",
        recorder=ground.recorder,
    )
    return Console(
        ConsoleParts(
            pages=ground.pages,
            find_block=overview.find_block,
            status=overview.status,
            approver_of=authenticator.approver,
            grant=overview.grant,
            reports=ground.facts,
            audits=ground.audits,
            incidents=_incident_desk(ground),
            custody=custody_console(
                ground.settings, presence=ground.presence, ledger=ground.ledger, clock=ground.clock
            ),
            parties=parties.party_console(
                ground.settings,
                presence=ground.presence,
                ledger=ground.ledger,
                control=ground.control,
                clock=ground.clock,
            ),
            clock=ground.clock,
        )
    )


def _incident_desk(ground: _Ground) -> IncidentDesk:
    evidence = EvidenceStore(ground.settings.home / EVIDENCE_FOLDER).get
    return IncidentDesk(
        desk=AnswerDesk(ground.ledger, ground.presence, evidence),
        presence=ground.presence,
        evidence=evidence,
        clock=ground.clock,
    )


def _catching_up(presence: PresenceStore, control: ControlState) -> Callable[[], None]:
    def catch_up() -> None:
        # New entries may hold a grant or a revocation whose command was killed half-way.
        if presence.catch_up(batches=1):
            heal_control(control, presence)

    return catch_up


def _answering(ground: _Ground) -> Callable[[], object]:
    evidence = EvidenceStore(ground.settings.home / EVIDENCE_FOLDER)
    desk = AnswerDesk(ground.ledger, ground.presence, evidence.get)
    standing = StandingAnswers(desk, actor="door:index")
    return lambda: standing.tick(now=ground.clock())


def _recording(ground: _Ground) -> Callable[[Draft], Awaitable[object]]:
    """Writing down what decides about bytes: durable first, unless files go out `fast`."""
    if ground.settings.door.file_write == "strict":
        return ground.recorder.record

    async def enqueue(draft: Draft) -> None:
        ground.note(draft)

    return enqueue


def _noting(recorder: Recorder) -> Callable[[Draft], None]:
    def note(draft: Draft) -> None:
        recorder.enqueue(draft)

    return note
