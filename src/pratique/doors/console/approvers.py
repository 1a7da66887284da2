"""What is kept for approvers: pages that only they see, and forms that carry a token of theirs.

A form asks for a token of its own: no other site can make a browser send it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from pratique.doors.index.answers import problem
from pratique.doors.index.auth import Refused
from pratique.index.ports import Identity

MAX_FORM_BYTES: Final = 16 * 1024

ApproverOf = Callable[[str, str], Identity | Refused]
"""The approver whose token this is, given by somebody at this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A form without an approver's token: nothing is done."""

    status: int
    why: str


def denial(who: Identity, shown: str) -> web.Response | None:
    """The answer to whoever may not see a page (`shown`: "Parties are"); None: an approver asks."""
    if who.role == "anonymous":
        login = {"WWW-Authenticate": 'Basic realm="pratique", charset="UTF-8"'}
        return problem(401, f"{shown} shown to approvers: log in", headers=login)
    if who.role != "approver":
        return problem(403, f"{shown} shown to approvers only")
    return None


async def read_form(request: web.BaseRequest) -> Mapping[str, str] | None:
    """Fields of a small urlencoded form; None when it is none."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(4096):
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return None
    try:
        text = body.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError:  # undecodable bytes and too many fields alike
        return None


async def form_approver(
    form: Mapping[str, str], address: str, approver_of: ApproverOf
) -> Identity | Denied:
    """Whose token a form carries; to guess one costs time."""
    found = approver_of(form.get("token", "").strip(), address)
    if not isinstance(found, Refused):
        return found
    await asyncio.sleep(found.delay_seconds)
    if found.status == 401:  # noqa: PLR2004 - an HTTP status
        # 401 would make a browser ask for a login that this form does not use.
        return Denied(status=403, why="that is not the token of an approver")
    return Denied(status=found.status, why=found.reason)
