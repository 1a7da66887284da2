"""Asks a running door what it offers: the client side of the index door's JSON pages.

1. The door must show that it is one: its pages carry `X-Pratique-View`. A plain index would find
   nothing held and nothing denied, which must not look like an all-clear.
2. The token goes to that door only; redirects are not followed.
3. Whatever is not a usable page becomes `Unanswered`, never an empty page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from pratique import __version__
from pratique.errors import ValueFormatError
from pratique.inventory.addresses import DoorAddress
from pratique.inventory.offers import Answer, NoSuchProject, Offer, OfferedFile, Unanswered
from pratique.policy.model import Outcome
from pratique.values.digests import parse_sha256
from pratique.values.names import ProjectName

VIEW_HEADER: Final = "X-Pratique-View"
_ACCEPT: Final = "application/vnd.pypi.simple.v1+json"
_PROBE: Final = ProjectName("pratique-test-held")
"""Exists on every door (edge/test_projects.py)."""
_OUTCOMES: Final = frozenset(outcome.value for outcome in Outcome)


class _Note(msgspec.Struct, frozen=True):
    outcome: str = "allow"
    rule: str = ""
    reason: str = ""
    until: str | None = None
    block: str = ""


class _File(msgspec.Struct, frozen=True):
    filename: str
    url: str = ""
    hashes: dict[str, str] = msgspec.field(default_factory=dict)
    note: _Note = msgspec.field(name="_pratique", default_factory=_Note)


class _Page(msgspec.Struct, frozen=True):
    files: list[_File]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """Bounds of asking; tests make them short."""

    at_once: int = 8
    connect_seconds: float = 5.0
    answer_seconds: float = 60.0
    """For one page; a cold page waits for the door's upstream."""
    page_bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class _Asking:
    """One round of questions; `ended` says why the rest need not be asked any more."""

    session: aiohttp.ClientSession
    limits: ClientLimits
    ended: str = ""
    answers: dict[ProjectName, Answer] = field(default_factory=dict)


def ask_door(
    door: DoorAddress,
    names: Iterable[ProjectName],
    *,
    token: str = "",
    limits: ClientLimits | None = None,
    on_answer: Callable[[], None] = lambda: None,
) -> dict[ProjectName, Answer]:
    """Ask a door for the pages of all projects.

    Shape: an answer for every name; when the door is none, or does not answer, all are `Unanswered`.
    """
    wanted = tuple(dict.fromkeys(names))
    return asyncio.run(_ask_all(door, wanted, token, limits or ClientLimits(), on_answer))


def find_file_url(
    index_url: str, project: ProjectName, *, filename: str, limits: ClientLimits | None = None
) -> str:
    """Ask any index where it keeps a file; empty when it does not say. Sends no credentials."""
    return asyncio.run(_file_url(index_url, project, filename, limits or ClientLimits()))


def is_door(door: DoorAddress, *, token: str = "", limits: ClientLimits | None = None) -> bool:
    """Whether there is a door at an address, answering now."""

    async def probe() -> bool:
        async with _session(limits or ClientLimits(), token) as session:
            asking = _Asking(session=session, limits=limits or ClientLimits())
            return isinstance(await _ask(asking, door, _PROBE), Offer)

    return asyncio.run(probe())


async def _ask_all(
    door: DoorAddress,
    names: tuple[ProjectName, ...],
    token: str,
    limits: ClientLimits,
    on_answer: Callable[[], None],
) -> dict[ProjectName, Answer]:
    async with _session(limits, token) as session:
        asking = _Asking(session=session, limits=limits)
        probe = await _ask(asking, door, _PROBE)
        match probe:
            case Unanswered():
                asking.ended = probe.reason
            case NoSuchProject():
                asking.ended = "there is no Pratique door at this address"
            case Offer():
                pass
        waiting = iter(names)

        async def work() -> None:
            for name in waiting:
                asking.answers[name] = await _ask(asking, door, name)
                on_answer()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(limits.at_once, len(names))):
                group.create_task(work())
        return asking.answers


async def _ask(asking: _Asking, door: DoorAddress, name: ProjectName) -> Answer:
    if asking.ended:
        return Unanswered(reason=asking.ended)
    url = f"{door.simple}/{name}/"
    try:
        async with asking.session.get(url, allow_redirects=False) as response:
            return await _read(asking, response)
    except aiohttp.ClientConnectorError as error:
        asking.ended = f"the door cannot be reached ({error.strerror or 'no connection'})"
        return Unanswered(reason=asking.ended)
    except TimeoutError:
        return Unanswered(reason="the door took too long")
    except (aiohttp.ClientError, OSError) as error:
        return Unanswered(reason=f"the connection failed ({type(error).__name__})")


async def _read(asking: _Asking, response: aiohttp.ClientResponse) -> Answer:
    if response.status in {401, 403}:
        asking.ended = "the door wants a token (set PRATIQUE_TOKEN)"
        return Unanswered(reason=asking.ended)
    if response.status in {404, 410}:
        return NoSuchProject()
    if response.status != 200:  # noqa: PLR2004 - the status, not a number
        return Unanswered(reason=f"the door answered {response.status}")
    if VIEW_HEADER not in response.headers:
        return Unanswered(reason="the answer is not from a Pratique door")
    page = await _page(response, asking.limits.page_bytes)
    if page is None:
        return Unanswered(reason="the page cannot be read")
    return Offer(files=tuple(_offered(file) for file in page.files))


async def _page(response: aiohttp.ClientResponse, max_bytes: int) -> _Page | None:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            return None
    try:
        return msgspec.json.decode(body, type=_Page)
    except (msgspec.DecodeError, RecursionError):
        return None


def _offered(file: _File) -> OfferedFile:
    note = file.note
    try:
        digest = parse_sha256(file.hashes["sha256"]) if "sha256" in file.hashes else None
    except ValueFormatError:
        digest = None
    return OfferedFile(
        filename=file.filename,
        sha256=digest,
        # An outcome that this version does not know lets nothing pass.
        outcome=Outcome(note.outcome) if note.outcome in _OUTCOMES else Outcome.DENY,
        rule=note.rule,
        reason=note.reason,
        until=note.until or "",
        block=note.block,
    )


async def _file_url(
    index_url: str, project: ProjectName, filename: str, limits: ClientLimits
) -> str:
    async with _session(limits, "") as session:
        try:
            url = f"{index_url.rstrip('/')}/{project}/"
            async with session.get(url, allow_redirects=False) as response:
                page = await _page(response, limits.page_bytes) if response.ok else None
                base = response.url
        except (aiohttp.ClientError, OSError, TimeoutError):
            return ""
        for file in page.files if page else ():
            if file.filename == filename:
                return str(base.join(URL(file.url)))
    return ""


@asynccontextmanager
async def _session(limits: ClientLimits, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(
        total=limits.answer_seconds, sock_connect=limits.connect_seconds
    )
    headers = {"Accept": _ACCEPT, "User-Agent": f"pratique-lock/{__version__}"}
    if token:
        headers["Authorization"] = aiohttp.encode_basic_auth("__token__", token)
    async with aiohttp.ClientSession(
        timeout=timeout,
        connector=aiohttp.TCPConnector(limit=limits.at_once),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
    ) as session:
        yield session
