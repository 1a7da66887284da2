"""Reading approved files thoroughly, when workers have nothing else to do.

Of a file that somebody waits for only what may matter is parsed. The release after it is compared
with it, and what was not parsed of the old one would then have to be, while somebody waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from pratique.errors import PratiqueError
from pratique.index.ports import BlobStore
from pratique.values.digests import Sha256
from pratique.vet.base import ContentKey
from pratique.vet.exchange import KnownSource, Vetted

log = logging.getLogger(__name__)

_QUEUE = 1_000
"""Files waiting; the oldest are dropped, and read if their successor needs it."""
_QUIET_SECONDS = 1.0
"""Between looks whether the workers are free: whoever waits for a file comes first."""
_MOST_BYTES = 64 * 1024 * 1024
"""Larger ones are mostly native code and data, which are read whole in any case."""


class Reader(Protocol):
    """What reads; `edge.vetting.pool` fulfils it."""

    @property
    def can_spare(self) -> bool:
        """Whether it has a worker beside another's at all."""
        ...

    @property
    def quiet(self) -> bool:
        """Whether nobody is using it, and somebody who came would find a worker beside another's."""
        ...

    async def vet_file(
        self,
        path: Path,
        filename: str = "",
        *,
        known: KnownSource | None = None,
        thorough: bool = False,
    ) -> Vetted:
        """Read a file."""
        ...


class Kept(Protocol):
    """Where facts are kept; `store.vetting` fulfils it."""

    def content_facts(self, keys: Iterable[ContentKey]) -> Mapping[ContentKey, bytes]:
        """Facts of those contents that have some."""
        ...

    def add_facts(
        self,
        contents: Mapping[ContentKey, bytes],
        *,
        release: tuple[Sha256, bytes] | None = None,
        thorough: bool = False,
    ) -> None:
        """Keep what was found in one file."""
        ...

    def is_thorough(self, sha256: Sha256) -> bool:
        """Whether a release file was read thoroughly."""
        ...


class Readings:
    """A queue of files to be read, one at a time. Lives on one event loop."""

    def __init__(self, reader: Reader, kept: Kept, blobs: BlobStore) -> None:
        self._reader = reader
        self._kept = kept
        self._blobs = blobs
        self._queue: OrderedDict[Sha256, str] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def add(self, digest: Sha256, filename: str) -> None:
        """Read a stored file when there is time: never with one worker, whom somebody may need."""
        if not self._reader.can_spare:
            return
        self._queue[digest] = filename
        while len(self._queue) > _QUEUE:
            self._queue.popitem(last=False)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def settle(self) -> None:
        """Wait until everything in the queue has been read."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Stop; what was not read is read when it is needed."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while self._queue:
            await asyncio.sleep(_QUIET_SECONDS)
            if not self._reader.quiet:
                continue
            digest, filename = self._queue.popitem(last=False)
            try:
                await self._read(digest, filename)
            except (PratiqueError, OSError) as error:  # as when it is evicted this moment
                log.info("a file was not read thoroughly", extra={"why": str(error)})

    async def _read(self, digest: Sha256, filename: str) -> None:
        path = self._blobs.path(digest)
        if path is None or path.stat().st_size > _MOST_BYTES or self._kept.is_thorough(digest):
            return
        vetted = await self._reader.vet_file(path, filename, known=self._known, thorough=True)
        if vetted.failure or not vetted.release:
            return
        contents = {(c.sha256, c.language): c.facts for c in vetted.new}
        await asyncio.to_thread(
            self._kept.add_facts, contents, release=(digest, vetted.release), thorough=True
        )

    async def _known(self, keys: tuple[ContentKey, ...]) -> Mapping[ContentKey, bytes]:
        return self._kept.content_facts(keys)
