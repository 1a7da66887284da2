"""Answers that take their time: completions and copies of large objects.

What is quick has its own status. What is not is answered 200 at once, blanks keep the connection alive,
and an error stands in the body; S3 does so and its clients know it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from aiohttp import web

from pratique.custody.s3_errors import Code, S3Error, of_refusal, render_error
from pratique.doors.s3.auth import Asked
from pratique.doors.s3.sending import RefusedError

PROMPT_SECONDS: Final = 3.0
_BREATH_SECONDS: Final = 5.0
_PROLOG: Final = b'<?xml version="1.0" encoding="UTF-8"?>'
_log = logging.getLogger(__name__)


class SlowAnswers:
    """Runs the work behind such answers. Belongs to the event loop's thread."""

    def __init__(self, *, prompt_seconds: float = PROMPT_SECONDS) -> None:
        self._prompt_seconds = prompt_seconds
        self._running: set[asyncio.Task[bytes]] = set()

    async def answer(self, asked: Asked, work: Coroutine[None, None, bytes]) -> web.StreamResponse:
        """Answer with the XML that `work` gives. Raises: what it raises, if that is soon.

        The work goes on when the client hangs up: SDKs ask again.
        """
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=self._prompt_seconds)
        if done:
            return web.Response(body=await task, content_type="application/xml")
        return await _slowly(asked, task)

    async def close(self) -> None:
        """End what is running; it leaves nothing visible behind."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.info("a long write failed", extra={"error": type(error).__name__})


async def _slowly(asked: Asked, task: asyncio.Task[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/xml"})
    await response.prepare(asked.request)
    await response.write(_PROLOG)
    while not task.done():
        await response.write(b" ")
        await asyncio.wait({task}, timeout=_BREATH_SECONDS)
    try:
        body = await task
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the status is out; whatever it is becomes an S3 error
        body = render_error(_as_s3(error), resource=asked.path, request_id="")
    await response.write(body[body.index(b"?>") + 2 :])  # the prolog was sent
    await response.write_eof()
    return response


def _as_s3(error: Exception) -> S3Error:
    if isinstance(error, S3Error):
        return error
    if isinstance(error, RefusedError):
        return of_refusal(error.refusal)
    _log.warning("a long write failed", extra={"error": type(error).__name__})
    return S3Error(
        Code.INTERNAL_ERROR, "the write could not be finished; nothing changed, try again"
    )
