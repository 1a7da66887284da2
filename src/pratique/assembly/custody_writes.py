"""Settings → everything of the S3 door that writes."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pratique.custody.operations import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CopyObject,
    CreateMultipartUpload,
    DeleteObject,
    DeleteObjects,
    ListMultipartUploads,
    ListParts,
    PutObject,
    UploadPart,
    UploadPartCopy,
)
from pratique.custody.write_budget import WriteLimit
from pratique.doors.s3.bodies import Patience
from pratique.doors.s3.completing import Completing
from pratique.doors.s3.copies import Copies, CopyParts
from pratique.doors.s3.http import Handler
from pratique.doors.s3.memory import ByteBudget
from pratique.doors.s3.quota import Quota
from pratique.doors.s3.removals import Removals
from pratique.doors.s3.sending import Sender
from pratique.doors.s3.slow import SlowAnswers
from pratique.doors.s3.storing import Remembered, Storing
from pratique.doors.s3.sweeping import UploadSweep
from pratique.doors.s3.uploads import UploadBook, Uploads
from pratique.doors.s3.writes import Committing, ObjectWrites

if TYPE_CHECKING:  # it opens us
    from pratique.assembly.custody import S3Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWrites:
    """Handlers, and what tests look at."""

    handlers: Mapping[type, Handler]
    memory: ByteBudget
    sweep: UploadSweep
    slow: SlowAnswers


@asynccontextmanager
async def open_writes(ground: S3Ground, sender: Sender) -> AsyncIterator[OpenWrites]:
    """What answers writes, and the sweep of forgotten uploads, until the block ends."""
    custody = ground.settings.custody
    memory = ByteBudget(custody.write_memory_mib << 20)
    storing = Storing(ground.parts, memory, room=_room(ground))
    book = UploadBook(state=ground.state, broker=ground.broker, storing=storing, clock=ground.clock)
    sweep = UploadSweep(book, longest=timedelta(days=custody.upload_days), clock=ground.clock)
    slow = SlowAnswers()
    handlers = _handlers(ground, sender, storing, book, slow)
    async with sweep.running():
        try:
            yield OpenWrites(handlers=handlers, memory=memory, sweep=sweep, slow=slow)
        finally:
            await slow.close()


def _write_limit(ground: S3Ground) -> WriteLimit:
    custody = ground.settings.custody
    return WriteLimit(
        bytes=int(custody.write_budget_gib * (1 << 30)), objects=custody.write_budget_objects
    )


def _room(ground: S3Ground) -> Callable[[], int] | None:
    """How much may be written where parts lie; a bucket says so itself when it is full."""
    custody = ground.settings.custody
    if custody.parts.startswith("s3:"):
        return None
    reserve = int(custody.write_reserve_gib * (1 << 30))
    folder = Path(custody.parts) if custody.parts else ground.settings.home

    def free() -> int:
        # A folder of its own comes with its first part; what it will lie on is there.
        there = next(one for one in (folder, *folder.parents) if one.exists())
        return shutil.disk_usage(there).free - reserve

    return Remembered(free)


def _committing(ground: S3Ground, storing: Storing) -> Committing:
    return Committing(
        allowing=ground.allowing,
        state=ground.state,
        recorder=ground.recorder,
        storing=storing,
        views=ground.views,
        clock=ground.clock,
    )


def _handlers(
    ground: S3Ground, sender: Sender, storing: Storing, book: UploadBook, slow: SlowAnswers
) -> Mapping[type, Handler]:
    allowing, broker, clock = ground.allowing, ground.broker, ground.clock
    quota = Quota(ground.state, _write_limit(ground))
    patience = Patience(idle_seconds=ground.settings.custody.write_idle_seconds)
    committing = _committing(ground, storing)
    writes = ObjectWrites(
        allowing=allowing,
        broker=broker,
        storing=storing,
        committing=committing,
        patience=patience,
        quota=quota,
    )
    uploads = Uploads(
        allowing=allowing,
        broker=broker,
        storing=storing,
        book=book,
        patience=patience,
        quota=quota,
        clock=clock,
    )
    completing = Completing(
        allowing=allowing,
        broker=broker,
        parts=ground.parts,
        storing=storing,
        committing=committing,
        book=book,
        patience=patience,
        slow=slow,
        clock=clock,
    )
    removals = Removals(
        allowing=allowing,
        state=ground.state,
        recorder=ground.recorder,
        patience=patience,
        clock=clock,
    )
    copies = Copies(
        CopyParts(
            allowing=allowing,
            broker=broker,
            meters=ground.meters,
            sender=sender,
            views=ground.views,
            storing=storing,
            committing=committing,
            book=book,
            slow=slow,
            quota=quota,
        )
    )
    return {
        PutObject: writes.put,
        DeleteObject: removals.one,
        DeleteObjects: removals.many,
        CopyObject: copies.copy,
        CreateMultipartUpload: uploads.create,
        UploadPart: uploads.part,
        UploadPartCopy: copies.part,
        ListParts: uploads.parts,
        ListMultipartUploads: uploads.all,
        CompleteMultipartUpload: completing.answer,
        AbortMultipartUpload: uploads.abort,
    }
