"""Settings → an S3 door. Names the concrete classes of custody's store and edge.

Owns: what is opened in which order and closed in reverse. Never: decides about a read.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pratique.assembly.custody_adapters import Shared, open_adapters
from pratique.assembly.custody_writes import OpenWrites, open_writes
from pratique.custody.model import ObjectId
from pratique.custody.operations import (
    GetObject,
    HeadBucket,
    ListBuckets,
    ListObjects,
    ReadBucketSetting,
    StsCall,
)
from pratique.custody.ports import PartStore, Views
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Authentication
from pratique.doors.s3.bodies import Patience
from pratique.doors.s3.confirmation import Confirmation
from pratique.doors.s3.http import S3Door, S3Parts
from pratique.doors.s3.leases import LeaseBook
from pratique.doors.s3.listings import Listings
from pratique.doors.s3.metering import Meters
from pratique.doors.s3.objects import ObjectReads
from pratique.doors.s3.origins import Origins
from pratique.doors.s3.plaintext import Plaintext
from pratique.doors.s3.quick import QuickReads
from pratique.doors.s3.reads import ReadLog
from pratique.doors.s3.refusals import Refusals
from pratique.doors.s3.sending import Sender
from pratique.doors.s3.stopping import Stopping
from pratique.doors.s3.sts import StsParts, TokenService
from pratique.doors.s3.timekeeping import DoorClock
from pratique.doors.s3.upkeep import Upkeep
from pratique.doors.s3.views import MarkedViews
from pratique.edge.custody.broker.places import GATEWAY_SOCKET, broker_folder
from pratique.edge.custody.broker_client import BrokerClient
from pratique.edge.custody.oidc import Issuers
from pratique.edge.custody.part_places import open_parts
from pratique.home import prepare_home
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore, Recorder
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.custody_heal import heal_at_start, record_rules
from pratique.store.logs import open_log
from pratique.store.recorder import GroupCommitRecorder
from pratique.store.replication import replication_warning
from pratique.values.instants import Clock, now_utc

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Ground:
    """What everything in an open S3 door stands on."""

    settings: Settings
    clock: DoorClock
    log: LogStore
    recorder: Recorder
    state: CustodyStore
    broker: BrokerClient
    parts: PartStore
    confirmation: Confirmation
    meters: Meters
    allowing: Allowing
    plaintext: Plaintext
    reads: ReadLog
    views: Views


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenS3:
    """An S3 door that is ready to be served, with the parts that tests and drills look at."""

    door: S3Door
    quick: QuickReads
    ground: S3Ground
    writes: OpenWrites


@asynccontextmanager
async def open_s3(settings: Settings, *, clock: Clock = now_utc) -> AsyncIterator[OpenS3]:
    """Everything that answers S3 requests, from settings; closed in reverse order at the end.

    Raises: SettingsError, UnavailableError, IntegrityError.
    """
    prepare_home(settings.home)
    async with AsyncExitStack() as stack:
        ground = await _open_ground(stack, settings, clock)
        refusals = Refusals(lambda draft: _note(ground.recorder, draft))
        upkeep = Upkeep(
            meters=ground.meters,
            refusals=refusals,
            record_rules=lambda: record_rules(
                ground.state,
                lambda drafts: ground.log.append(drafts, now=clock()),
                actor="door:s3",
            ),
        )
        await stack.enter_async_context(upkeep.running())
        stopping = Stopping(
            confirmation=ground.confirmation, broker=ground.broker, plaintext=ground.plaintext
        )
        await stack.enter_async_context(stopping.running())
        sender = Sender(
            confirmation=ground.confirmation,
            reads=ground.reads,
            plaintext=ground.plaintext,
            views=ground.views,
            clock=ground.clock,
        )
        writes = await stack.enter_async_context(open_writes(ground, sender))
        door, quick = _door(ground, refusals, sender, writes)
        yield OpenS3(door=door, quick=quick, ground=ground, writes=writes)


async def _open_ground(stack: AsyncExitStack, settings: Settings, clock: Clock) -> S3Ground:
    log = stack.enter_context(closing(open_log(settings)))
    recorder = GroupCommitRecorder(log, clock=clock)
    stack.callback(recorder.close)
    state = stack.enter_context(closing(open_custody(settings)))
    # A suspension that the ledger has is in force, even if its row was lost.
    await asyncio.to_thread(heal_at_start, settings, log, state)
    await asyncio.to_thread(_look_at_replicas, settings)
    broker = await stack.enter_async_context(
        BrokerClient(_gateway_socket(settings), rewrapped=lambda one: _rewrapped(state, one))
    )
    parts = stack.enter_context(open_parts(settings))
    tolerance = timedelta(seconds=settings.custody.clock_tolerance_seconds)
    door_clock = DoorClock(clock, log, tolerance=tolerance)
    await stack.enter_async_context(door_clock.running())
    confirmation = Confirmation(state, clock_right=lambda: door_clock.right)
    await confirmation.start()
    stack.push_async_callback(confirmation.close)
    reads = ReadLog(recorder, process=secrets.token_hex(8))
    stack.callback(reads.close)  # before the recorder is, which then commits what was queued
    return S3Ground(
        settings=settings,
        clock=door_clock,
        log=log,
        recorder=recorder,
        state=state,
        broker=broker,
        parts=parts,
        confirmation=confirmation,
        meters=Meters(state, clock=door_clock),
        allowing=Allowing(state, confirmation),
        plaintext=Plaintext(parts, broker, clock=door_clock),
        reads=reads,
        views=MarkedViews(state=state, broker=broker, parts=parts, recorder=recorder),
    )


def _look_at_replicas(settings: Settings) -> None:
    warning = replication_warning(settings)
    if warning:
        _log.warning("replicas may forget", extra={"why": warning})


async def _rewrapped(state: CustodyStore, object_id: ObjectId) -> bytes:
    """An object's wrapped key as it is now; empty, which opens nothing, when there is no such object."""
    found = await asyncio.to_thread(state.object_by_id, object_id)
    return found.wrapped_key if found is not None else b""


def _gateway_socket(settings: Settings) -> Path:
    own = settings.custody.broker_socket
    return Path(own) if own else broker_folder(settings.home) / GATEWAY_SOCKET


def _door(
    ground: S3Ground, refusals: Refusals, sender: Sender, writes: OpenWrites
) -> tuple[S3Door, QuickReads]:
    custody = ground.settings.custody
    book = LeaseBook(ground.state, ground.broker, known=ground.confirmation.scopes)
    origins = Origins(custody.s3_origins)
    objects = ObjectReads(
        allowing=ground.allowing,
        confirmation=ground.confirmation,
        meters=ground.meters,
        sender=sender,
        views=ground.views,
        origins=origins,
    )
    listings = Listings(allowing=ground.allowing, state=ground.state, region=custody.s3_region)
    trusted_proxies = frozenset(ground.settings.door.trusted_proxies)
    authentication = Authentication(
        book=book,
        confirmation=ground.confirmation,
        regions=frozenset({custody.s3_region}),
        clock=ground.clock,
        trusted_proxies=trusted_proxies,
    )
    shared = Shared(
        authentication=authentication,
        allowing=ground.allowing,
        objects=objects,
        state=ground.state,
        region=custody.s3_region,
        trusted_proxies=trusted_proxies,
    )
    door = S3Door(
        S3Parts(
            authentication=authentication,
            handlers={
                GetObject: objects.answer,
                ListBuckets: listings.buckets,
                HeadBucket: listings.head,
                ListObjects: listings.objects,
                ReadBucketSetting: listings.setting,
                **writes.handlers,
            },
            unsigned={StsCall: _tokens(ground, refusals, authentication).answer},
            refused=refusals.add,
            check_clock=ground.clock.check,
            problems=lambda: _problems(ground),
            domain=custody.s3_domain,
            origins=origins,
            adapters=open_adapters(shared),
        )
    )
    return door, QuickReads(
        authentication=authentication,
        objects=objects,
        domain=custody.s3_domain,
        request_id=door.request_id,
    )


def _tokens(ground: S3Ground, refusals: Refusals, authentication: Authentication) -> TokenService:
    custody = ground.settings.custody
    return TokenService(
        StsParts(
            issuers=Issuers(custody.issuer, home=ground.settings.home),
            state=ground.state,
            broker=ground.broker,
            recorder=ground.recorder,
            longest=timedelta(hours=custody.lease_longest_hours),
            patience=Patience(idle_seconds=custody.write_idle_seconds),
            refused=refusals.add,
            identify=authentication.identify,
        )
    )


def _problems(ground: S3Ground) -> list[str]:
    problems = []
    if ground.clock.problem():
        problems.append(ground.clock.problem())
    if not ground.confirmation.fresh:
        problems.append("the state of leases cannot be confirmed")
    if not ground.recorder.healthy:
        problems.append("the ledger cannot write")
    return problems


def _note(recorder: Recorder, draft: Draft) -> None:
    recorder.enqueue(draft)
