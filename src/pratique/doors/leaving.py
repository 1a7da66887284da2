"""Clients that leave in the middle of an answer: their matter, and no error of ours."""

from __future__ import annotations

from typing import Final

from aiohttp import web

_LEFT: Final = 499
"""What nginx calls a client that closed its connection; nobody receives it."""


def client_left(request: web.BaseRequest) -> web.Response:
    """What a handler gives back when sending failed. Nothing more goes out: an answer may have begun.

    aiohttp would log whatever a handler raises as its error, with a trace.
    """
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=_LEFT)
