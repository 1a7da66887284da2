"""Sends what waits in a spool to a server, oldest first, until it is all there or nothing answers.

1. The token goes to that server only: redirects are not followed, and plain http is for loopback.
2. Bytes go out as they lie in the spool; the server knows a batch by its name and takes it once.
3. 201 and 200: durable there, so the batch is removed. 403, 413, 422: it will never be taken, so it is
   set aside with the reason and the next one goes. Anything else: everything keeps waiting.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from pratique import __version__
from pratique.edge.sweep.careful import UnreadableError, read_whole
from pratique.edge.sweep.spool import Spool, Waiting
from pratique.errors import InputError

INTAKE_PATH: Final = "/_pratique/intake"
BATCH_HEADER: Final = "X-Pratique-Batch"
_TOKEN_BYTES: Final = 4096
_ANSWER_BYTES: Final = 64 << 10
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TAKEN: Final = frozenset({200, 201})
_NEVER: Final = frozenset({403, 413, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTarget:
    """A server, and who we are to it."""

    url: str
    """Base URL without a trailing slash."""
    token: str = field(repr=False)
    ca_file: Path | None = None


@dataclass(slots=True, kw_only=True)
class PushReport:
    """What became of the batches."""

    sent: int = 0
    known: int = 0
    """Of those, the server had them already."""
    refused: list[str] = field(default_factory=list)
    """Why batches were set aside."""
    waiting: int = 0
    trouble: str = ""
    """Why the rest waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushLimits:
    """Bounds of sending; tests make them short."""

    connect_seconds: float = 5.0
    batch_seconds: float = 120.0


class _Receipt(msgspec.Struct):
    batch: str
    new: bool


class _Problem(msgspec.Struct):
    detail: str = ""


def parse_target(url: str, token_file: Path, *, ca_file: Path | None = None) -> PushTarget:
    """A target from what was typed. Raises: InputError; the token is in no message."""
    where = urlsplit(url)
    if where.scheme not in {"https", "http"} or not where.hostname or where.query or where.fragment:
        raise InputError("not the address of a server", expected="https://HOST[:PORT]")
    if where.username or where.password:
        raise InputError(
            "the address holds a password", remedy="put the token into a file: --token-file"
        )
    if where.scheme == "http" and where.hostname not in _LOOPBACK:
        raise InputError(
            "a token must not go over plain http",
            expected=f"https://{where.hostname}",
            remedy="open the server's door with TLS, or put a proxy with TLS in front of it",
        )
    return PushTarget(url=url.rstrip("/"), token=_read_token(token_file), ca_file=ca_file)


def _read_token(path: Path) -> str:
    try:
        # Mounted secrets are links; a person named this one.
        token = read_whole(os.path.realpath(path), _TOKEN_BYTES).decode("ascii").strip()
    except UnreadableError as error:
        raise InputError(f"cannot read the token file {path}: {error.message}") from error
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise InputError(
            f"{path} does not hold a token",
            expected="one line, as `pratique token create` prints it",
        )
    return token


def push(
    spool: Spool,
    target: PushTarget,
    *,
    limits: PushLimits | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> PushReport:
    """Send what waits. Raises: InputError (unusable CA file), StorageError."""
    return asyncio.run(_push(spool, target, limits or PushLimits(), stop, progress))


async def _push(
    spool: Spool,
    target: PushTarget,
    limits: PushLimits,
    stop: Callable[[], bool],
    progress: Callable[[str, int, int], None],
) -> PushReport:
    report = PushReport()
    with spool.exclusive() as mine:
        if not mine:
            report.trouble = "another process is sending this spool"
        else:
            waiting = spool.waiting()
            async with push_session(target, limits) as session:
                for number, one in enumerate(waiting):
                    progress("sending", number, len(waiting))
                    if stop():
                        report.trouble = "stopped"
                        break
                    content = spool.read(one)
                    if content is None:
                        report.refused.append(
                            f"batch {one.id[:12]}: its bytes were changed on disk"
                        )
                        continue
                    report.trouble = await _send(session, target, spool, one, content, report)
                    if report.trouble:
                        break
    report.waiting = len(spool.waiting())
    return report


async def _send(
    session: aiohttp.ClientSession,
    target: PushTarget,
    spool: Spool,
    one: Waiting,
    content: bytes,
    report: PushReport,
) -> str:
    """Send one batch; gives why the rest must wait, "" when the next one may go."""
    try:
        async with session.post(
            target.url + INTAKE_PATH,
            data=content,
            headers={BATCH_HEADER: one.id, "Content-Type": "application/json"},
            allow_redirects=False,
        ) as response:
            answer = await response.content.read(_ANSWER_BYTES)
            status = response.status
    except aiohttp.ClientConnectorCertificateError:
        return "the server's certificate is not trusted (--ca-file names its authority)"
    except aiohttp.ClientConnectorError as error:
        return f"the server cannot be reached ({error.strerror or 'no connection'})"
    except TimeoutError:
        return "the server took too long"
    except (aiohttp.ClientError, OSError) as error:
        return f"the connection failed ({type(error).__name__})"
    if status in _TAKEN and (receipt := _receipt(answer)) is not None and receipt.batch == one.id:
        spool.done(one)
        report.sent += 1
        report.known += not receipt.new
        return ""
    if status in _NEVER:
        why = refusal_detail(answer) or f"the server answered {status}"
        spool.refuse(one, why)
        report.refused.append(why)
        return ""
    if status == 401:  # noqa: PLR2004 - the status is its own name
        return "the server does not know the token, or it expired or was revoked"
    return (
        refusal_detail(answer) or f"the server answered {status}, which is no answer of an intake"
    )


def _receipt(answer: bytes) -> _Receipt | None:
    try:
        return msgspec.json.decode(answer, type=_Receipt)
    except (msgspec.DecodeError, RecursionError):
        return None


def refusal_detail(answer: bytes) -> str:
    """What a refusal says, fit for a terminal."""
    try:
        detail = msgspec.json.decode(answer, type=_Problem).detail[:400]
    except (msgspec.DecodeError, RecursionError):
        return ""
    return "".join(c if c.isprintable() else "?" for c in detail)


@asynccontextmanager
async def push_session(
    target: PushTarget, limits: PushLimits
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that knows the token, and trusts whom the target says.

    Raises: InputError for a CA file that cannot be used.
    """
    trust: ssl.SSLContext | bool = True
    if target.ca_file is not None:
        try:
            trust = ssl.create_default_context(cafile=str(target.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"cannot read {target.ca_file}: {error.strerror or 'no certificates in it'}",
                expected="certificates in PEM",
            ) from error
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(
            total=limits.batch_seconds, sock_connect=limits.connect_seconds
        ),
        connector=aiohttp.TCPConnector(limit=1, ssl=trust),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Authorization": aiohttp.encode_basic_auth("__token__", target.token),
            "User-Agent": f"pratique-sweep/{__version__}",
        },
    ) as session:
        yield session
