"""An S3 door in a process of its own that dies by SIGKILL at a chosen step of a write.

`python -m kit.s3_victim HOME STEP COUNT`; prints its URL. Steps: `part`, `entry-before`, `entry`, `row`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pratique.doors.s3 import confirmation
from pratique.doors.s3.serving import bind_s3, serve_s3
from pratique.edge.custody.disk_parts import DiskParts
from pratique.settings import CustodySettings, Settings
from pratique.store.custody_uploads import UploadTables
from pratique.store.recorder import GroupCommitRecorder


class Fate:
    """Counts one step, and ends the process at its number."""

    def __init__(self, step: str, count: int) -> None:
        self.step, self.left = step, count

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(fate: Fate) -> None:
    """Put the steps into the real classes."""
    write: Callable[..., Any] = DiskParts.write
    record: Callable[..., Any] = GroupCommitRecorder.record
    commit: Callable[..., Any] = UploadTables.commit_object

    async def written(self: Any, name: str, data: Any) -> None:
        await write(self, name, data)
        fate("part")

    def recorded(self: Any, draft: Any) -> Any:
        if draft.kind != "object":
            return record(self, draft)
        fate("entry-before")
        future = record(self, draft)
        future.add_done_callback(lambda _: fate("entry"))
        return future

    def committed(self: Any, *args: Any, **kwargs: Any) -> Any:
        done = commit(self, *args, **kwargs)
        fate("row")
        return done

    DiskParts.write = written  # type: ignore[method-assign]  # the victim dies in them
    GroupCommitRecorder.record = recorded  # type: ignore[method-assign]  # the victim dies in them
    UploadTables.commit_object = committed  # type: ignore[method-assign]  # the victim dies in them


async def main(home: Path, step: str, count: int) -> None:
    """Serve until it dies."""
    arm(Fate(step, count))
    # It dies where it was told to, and refuses nothing because a busy machine stood still before.
    confirmation.CONFIRMED_SECONDS = 20.0  # type: ignore[misc]  # final for everybody but tests
    settings = Settings(home=home, custody=CustodySettings(s3_listen="127.0.0.1:0"))
    with bind_s3(settings) as bound:
        async with serve_s3(settings, bound) as serving:
            print(serving.url, flush=True)  # noqa: T201 - its parent reads it
            await asyncio.sleep(120)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
