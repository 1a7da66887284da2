"""Readers that mean harm: what they send beside a good signature, and when."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kit.custody import a_lease, an_object, lease_id
from kit.s3_door import Custodian, custodian, s3_door, settled
from kit.waiting import comes
from pratique.custody.model import Lease, LeaseId, ScopeId, ScopeState
from pratique.doors.s3.reads import Journal
from pratique.doors.s3.sending import FIRST_WINDOW, Ask, RefusedError, Sender
from pratique.doors.s3.serving import ServingS3
from pratique.store.errors import StoreUnavailableError
from pratique.store.logs import open_log
from pratique.values.instants import Instant, now_utc

LARGE = secrets.token_bytes(24 << 20)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("tiny", b"tiny")
        made.put("large", LARGE)
        async with s3_door(made.settings) as serving:
            yield made, serving


def signed(
    url: str, lease: Lease, secret: str, path: str, *more: bytes, method: str = "GET"
) -> bytes:
    """A request as it goes over the wire, with header lines that nobody signed."""
    asked = AWSRequest(method, url + path)
    S3SigV4Auth(Credentials(lease.id, secret), "s3", "us-east-1").add_auth(asked)
    lines = [f"{method} {path} HTTP/1.1".encode(), f"Host: {urlsplit(url).netloc}".encode()]
    lines += [f"{name}: {value}".encode() for name, value in asked.headers.items()]
    return b"\r\n".join((*lines, *more, b"", b""))


async def until(instant: Instant) -> None:
    while now_utc() <= instant:
        await asyncio.sleep((instant - now_utc()).total_seconds() + 0.01)


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 16)


async def exchange(url: str, request: bytes) -> tuple[int, bytes]:
    """Status and body of one answer."""
    reader, writer = await connected(url)
    try:
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        return int(head.split()[1]), await reader.readexactly(lengths[0] if lengths else 0)
    finally:
        writer.close()


def read_bytes(made: Custodian) -> dict[str, int]:
    """Bytes of every object that the ledger says were read, by lease."""
    log = open_log(made.settings)
    try:
        found: dict[str, int] = {}
        for entry in log.entries():
            if entry.kind == "reads":
                size = sum(row[4] for row in entry.body["reads"])
                found[entry.subject] = found.get(entry.subject, 0) + size
        return found
    finally:
        log.close()


async def test_no_user_agent_keeps_reads_out_of_the_ledger(
    place: tuple[Custodian, ServingS3],
) -> None:
    """A name that is no text would make an entry that the ledger cannot take."""
    made, serving = place
    one, secret = made.grant()
    other, other_secret = made.grant()
    agents = (b"User-Agent: \xff\xfe", b"User-Agent: \xed\xa0\x80", b'User-Agent: "\\' + b"\xf0")
    for agent in agents:
        hostile = signed(serving.url, one, secret, "/dialogs/tiny", agent)
        plain = signed(serving.url, other, other_secret, "/dialogs/tiny")
        answers = await asyncio.gather(exchange(serving.url, hostile), exchange(serving.url, plain))
        assert answers == [(200, b"tiny"), (200, b"tiny")]
    told = {f"lease:{one.id}": 12, f"lease:{other.id}": 12}
    assert await comes(lambda: read_bytes(made) == told), read_bytes(made)
    await asyncio.sleep(0.2)
    assert read_bytes(made) == told


async def test_a_stream_ends_with_its_lease(place: tuple[Custodian, ServingS3]) -> None:
    """Whether it is read at that moment, or waits for its reader."""
    made, serving = place
    end = now_utc() + timedelta(seconds=4)
    lease, secret = made.grant(not_after=end)
    request = signed(serving.url, lease, secret, "/dialogs/large")
    waiting, other = await connected(serving.url)
    reading, writer = await connected(serving.url)
    other.write(request)
    writer.write(request)
    count = late = 0
    with suppress(ConnectionError):
        while piece := await asyncio.wait_for(reading.read(50_000), 10):
            count, late = count + len(piece), late + (now_utc() >= end)
            await asyncio.sleep(0.02)
    assert FIRST_WINDOW < count < len(LARGE)
    assert late * 0.02 < 1.0, "what was under way already, for no second"
    await asyncio.sleep(0.2)
    with suppress(ConnectionError):
        assert len(await asyncio.wait_for(waiting.read(-1), 10)) < 2_500_000
    other.close()
    writer.close()
    status, body = await exchange(serving.url, signed(serving.url, lease, secret, "/dialogs/tiny"))
    assert (status, b"lease ended at" in body) == (400, True)


async def test_what_is_announced_no_more_is_not_answered() -> None:
    """A read whose key took longer than its announcement counts."""
    lease, stored, slept = a_lease(not_after=now_utc() + timedelta(hours=1)), an_object(), []

    class Reads:
        def announced(self, *_: object) -> bool:
            return len(slept) == 0

        def note(self, *_: object) -> None:
            raise AssertionError

    class Meter:
        def paid(self, *_: object) -> bool:
            return True

    class Plaintext:
        async def read(self, *_: object) -> bytes:
            slept.append(1)
            return b"plain"

    class Sure:
        def stopped(self, *_: object) -> None:
            return None

    parts: Any = (Sure(), Reads(), Plaintext(), Meter(), None)
    sender = Sender(confirmation=parts[0], reads=parts[1], plaintext=parts[2], views=parts[4])
    ask = Ask(
        journal=Journal(lease, "dialogs"), scopes=(), stored=stored, view=None, start=0, end=5,
        status=200, address="192.0.2.1", agent="x",
    )  # fmt: skip
    with pytest.raises(RefusedError, match="too long"):
        await sender.send(parts[4], ask, parts[3], {})


async def test_a_lease_that_does_not_work_learns_nothing(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    elsewhere = made.grant(networks=("192.0.2.0/24",))
    revoked = made.grant()
    ended = made.grant(not_after=now_utc() + timedelta(seconds=4))
    for lease, secret in (revoked, ended):
        status, body = await exchange(serving.url, signed(serving.url, lease, secret, "/"))
        assert (status, b"<Name>dialogs</Name>" in body) == (200, True)
    made.state.set_state(revoked[0].scopes[0], ScopeState.ENDED, reason="over", incident="")
    await settled(serving, revoked[0].scopes[0], stopped=True)
    await until(ended[0].not_after)
    for (lease, secret), status in ((elsewhere, 403), (revoked, 403), (ended, 400)):
        answer = await exchange(serving.url, signed(serving.url, lease, secret, "/"))
        assert (answer[0], b"dialogs" in answer[1]) == (status, False)


async def test_a_failing_store_tells_strangers_nothing_of_itself(
    place: tuple[Custodian, ServingS3], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, serving = place
    words = "cannot use /srv/secret-place/custody.db: connection to db7.internal failed for user pq"

    def fails(*_: object) -> None:
        raise StoreUnavailableError(words)

    lease = made.grant()[0]
    monkeypatch.setattr(serving.open.ground.state, "lease", fails)
    status, body = await exchange(
        serving.url, signed(serving.url, lease, "no secret", "/dialogs/tiny")
    )
    assert (status, b"secret-place" in body, b"db7" in body) == (503, False, False)
    assert b"try again" in body


async def test_guessing_access_keys_keeps_nobody_waiting(
    place: tuple[Custodian, ServingS3], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, serving = place
    lease, secret = made.grant()
    state = serving.open.ground.state
    real, asked, answered = state.lease, [], threading.Event()

    def slow(lease_id: LeaseId) -> Lease | None:
        asked.append(lease_id)
        if lease_id != lease.id:
            answered.wait(20)
        return real(lease_id)

    monkeypatch.setattr(state, "lease", slow)
    scopes = serving.open.ground.confirmation.scopes
    assert await comes(lambda: lease.scopes[0] in scopes)
    guesses = [replace(lease, id=lease_id(n)) for n in range(1000, 1060)]
    guesses.append(replace(lease, id=LeaseId("A" * 128)))
    flood = [
        asyncio.create_task(exchange(serving.url, signed(serving.url, one, "x", "/dialogs/tiny")))
        for one in guesses
    ]
    assert await comes(lambda: asked)
    answer = await exchange(serving.url, signed(serving.url, lease, secret, "/dialogs/tiny"))
    assert answer == (200, b"tiny"), "while those look-ups still hang"
    answered.set()
    assert {status for status, _ in await asyncio.gather(*flood)} == {403, 503}
    assert len(asked) < 20
    assert LeaseId("A" * 128) not in asked


async def test_what_cannot_be_parsed_is_not_logged(
    place: tuple[Custodian, ServingS3], caplog: pytest.LogCaptureFixture
) -> None:
    """A presigned query or a token may stand in it."""
    _, serving = place
    caplog.set_level(logging.DEBUG)
    for query in (b"X-Amz-Signature=canary\xff", b"WebIdentityToken=canary\xff"):
        request = b"GET /dialogs/tiny?" + query + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await exchange(serving.url, request))[0] == 400
    assert "canary" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_why_a_lease_is_stopped_is_told_to_its_holder_only(
    place: tuple[Custodian, ServingS3],
) -> None:
    """An access key stands in every presigned URL; the reason is for whoever has the secret."""
    made, serving = place
    lease, secret = made.grant()
    vendor = ScopeId("vendor:acme")
    made.state.set_state(vendor, ScopeState.SUSPENDED, reason="break-in", incident="INC-42")
    made.admin.suspend(vendor, reason="break-in", incident="INC-42")
    await settled(serving, vendor, stopped=True)
    forged = await exchange(serving.url, signed(serving.url, lease, "guess", "/dialogs/tiny"))
    assert (forged[0], b"INC-42" in forged[1]) == (403, False)
    assert b"SignatureDoesNotMatch" in forged[1]
    proven = await exchange(serving.url, signed(serving.url, lease, secret, "/dialogs/tiny"))
    assert (proven[0], b"INC-42" in proven[1]) == (403, True)


@pytest.mark.parametrize(
    "change",
    [
        "copy = 'canonical'",
        """selectors = '["dialogs"]'""",
        "verbs = 'list read write'",
        "networks = '[]'",
        "not_after = not_after + 1",
    ],
)
async def test_who_writes_to_the_database_widens_no_lease(
    place: tuple[Custodian, ServingS3], change: str
) -> None:
    made, serving = place
    networks = ("127.0.0.0/8",)
    good = made.grant(selectors=("dialogs/t",), networks=networks)
    bent, secret = made.grant(selectors=("dialogs/t",), networks=networks)
    with made.state._database.write() as session:
        session._connection.execute(  # type: ignore[attr-defined]  # what no call of the store does
            f"UPDATE leases SET {change} WHERE id = ?", (bent.id,)
        )
    assert (await exchange(serving.url, signed(serving.url, *good, "/dialogs/tiny")))[0] == 200
    status, body = await exchange(serving.url, signed(serving.url, bent, secret, "/dialogs/tiny"))
    assert (status, b"key broker signed" in body) == (403, True)


async def test_keys_of_parts_are_kept_no_longer_than_their_lease_lasts(
    place: tuple[Custodian, ServingS3],
) -> None:
    made, serving = place
    lease, secret = made.grant(not_after=now_utc() + timedelta(seconds=4))
    answer = await exchange(serving.url, signed(serving.url, lease, secret, "/dialogs/tiny"))
    assert answer == (200, b"tiny")
    plaintext = serving.open.ground.plaintext
    assert len(plaintext._kept) == 1
    await until(lease.not_after)
    plaintext.forget_stopped(lambda *_: None)
    assert len(plaintext._kept) == 0
