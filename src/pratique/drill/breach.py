"""The breach, replayed: what a poisoned process gets with what it finds on a contractor's machine.

Three attackers, each with more than the one before: a stolen lease; besides it the service account
(every encrypted part, and the broker's socket of gateways); a whole door with its database. Beside
them the same data behind one bearer token. What counts is plaintext that they end up with.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from pratique.custody.certificate import certify, certify_role, terms_of
from pratique.custody.envelope import (
    HEADER_BYTES,
    OURS,
    PartCipher,
    parse_header,
    part_name,
)
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import SEGMENT_BYTES, Lease, StoredObject
from pratique.custody.ports import PartAsk
from pratique.custody.signing import signed_get
from pratique.drill.breach_scene import Scene
from pratique.edge.custody.broker.places import GATEWAY_SOCKET, broker_folder
from pratique.edge.custody.broker_client import BrokerClient
from pratique.edge.custody.part_places import open_parts
from pratique.errors import PratiqueError
from pratique.values.instants import now_utc

_AT_ONCE: Final = 64
_OK: Final = frozenset({200, 206})


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    what: str
    got: int
    """Bytes of plaintext that nobody among the attempts before had got."""
    told: str
    """What the last refusal said."""


class Attacker(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one attacker tried."""

    name: str
    holds: str
    bound: int
    bound_says: str
    got: int
    attempts: tuple[Attempt, ...]

    @property
    def holds_true(self) -> bool:
        """Whether the bound that was printed before held."""
        return self.got <= self.bound


class BreachReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the breach would have been."""

    all_bytes: int
    worst_case: int
    plain: Attacker
    attackers: tuple[Attacker, ...]

    @property
    def holds(self) -> bool:
        """Whether every bound held, and the bearer's bucket gave everything: else nothing is shown."""
        bounded = all(one.holds_true for one in self.attackers)
        return bounded and self.plain.got == self.all_bytes and self.attackers[0].got > 0


@dataclass(slots=True)
class Loot:
    """Plaintext that an attacker has, by segment: the same bytes twice are worth nothing."""

    scene: Scene
    segments: set[tuple[str, str, int]] = field(default_factory=set)

    def take(self, dataset: str, key: str, start: int, data: bytes) -> None:
        """Count it, if it is the plaintext."""
        if data and self.scene.plaintext[dataset, key][start : start + len(data)] == data:
            last = (start + len(data) - 1) // SEGMENT_BYTES
            for number in range(start // SEGMENT_BYTES, last + 1):
                self.segments.add((dataset, key, number))

    @property
    def bytes(self) -> int:
        """A segment that was touched counts whole, as budgets count."""
        return len(self.segments) * SEGMENT_BYTES


async def replay(scene: Scene, url: str, plain_folder: Path) -> BreachReport:
    """Let everybody try everything. Order: bounds are taken from the scene before anything is read."""
    budget = scene.stolen.budget_bytes
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        plain = await _plain_bucket(scene, session, plain_folder)
        thief = _Thief(scene, session, url)
        with_lease = await thief.tried()
        with_account = await _ServiceAccount(scene, thief.loot).tried()
        with_door = await _OwnedDoor(scene).tried()
    return BreachReport(
        all_bytes=scene.all_bytes,
        worst_case=scene.worst_case,
        plain=plain,
        attackers=(
            Attacker(
                name="stolen lease", holds="a contractor's access key and secret", bound=budget,
                bound_says="what is left of the lease", got=thief.loot.bytes, attempts=with_lease,
            ),
            Attacker(
                name="and the service account",
                holds="besides: every encrypted part, and the broker's socket of gateways",
                bound=budget, bound_says="what is left of the lease", got=thief.loot.bytes,
                attempts=with_account,
            ),
            Attacker(
                name="an owned door",
                holds="everything a door has: database, certificates, parts, the socket",
                bound=scene.broker_bound,
                bound_says=f"{scene.parts_per_hour} parts: what the broker lets out in an hour",
                got=sum(one.got for one in with_door), attempts=with_door,
            ),
        ),
    )  # fmt: skip


# ── as it was: one bearer token for a bucket ─────────────────────────────────────────────────


async def _plain_bucket(scene: Scene, session: aiohttp.ClientSession, folder: Path) -> Attacker:
    token = secrets.token_urlsafe(24)
    for (dataset, key), data in scene.plaintext.items():
        place = folder / dataset / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}"):
            return web.Response(status=403)
        return web.FileResponse(folder / request.path.lstrip("/"))

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    loot = Loot(scene)
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        for dataset, key in scene.plaintext:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(f"{url}/{dataset}/{key}", headers=headers) as found:
                loot.take(dataset, key, 0, await found.read())
    finally:
        await runner.cleanup()
    return Attacker(
        name="bearer access", holds="one service account's token, as in the breach",
        bound=scene.all_bytes, bound_says="everything", got=loot.bytes,
        attempts=(Attempt(what="read every key", got=loot.bytes, told=""),),
    )  # fmt: skip


# ── a stolen lease ───────────────────────────────────────────────────────────────────────────


async def _tried(loot: Loot, what: str, work: Awaitable[str]) -> Attempt:
    before = loot.bytes
    told = await work
    return Attempt(what=what, got=loot.bytes - before, told=told)


class _Thief:
    """Has a lease, and asks the door in every way it can think of."""

    def __init__(self, scene: Scene, session: aiohttp.ClientSession, url: str) -> None:
        self.loot = Loot(scene)
        self._scene, self._session, self._url = scene, session, url
        self._host = url.partition("://")[2]

    async def tried(self) -> tuple[Attempt, ...]:
        stolen = self._scene.stolen
        own = [one for one in self._scene.stored if one.dataset in stolen.selectors]
        others = [one for one in self._scene.stored if one.dataset not in stolen.selectors]
        victims = [lease for lease in self._scene.leases if lease.id != stolen.id]
        steps: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("64 at once, every segment of every key of its dataset",
             lambda: self._sweep(own, stolen, self._scene.secret)),
            ("again, after the refusals", lambda: self._sweep(own, stolen, self._scene.secret)),
            ("the same signed request 200 times", lambda: self._replay(own[0])),
            ("every key of other datasets and clients",
             lambda: self._sweep(others, stolen, self._scene.secret)),
            ("its own secret under other leases' access keys", lambda: self._as_others(victims)),
            ("without a signature, and with a bearer token", lambda: self._bare(own[0])),
            ("a lease of its own making, by web identity", self._re_grant),
            ("paths that lead elsewhere", lambda: self._paths(others[0])),
        )  # fmt: skip
        return tuple([await _tried(self.loot, what, make()) for what, make in steps])

    def _headers(self, path: str, lease_id: str, secret: str, span: str) -> dict[str, str]:
        return signed_get(
            path, host=self._host, access_key=lease_id, secret=secret, region="us-east-1",
            now=now_utc(), headers={"range": span},
        )  # fmt: skip

    async def _get(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        with suppress(aiohttp.ClientError):
            url = URL(f"{self._url}{path}", encoded=True)
            async with self._session.get(url, headers=headers) as answer:
                return answer.status, await answer.read()
        return 0, b"connection broken"

    async def _segment(self, one: StoredObject, number: int, lease_id: str, secret: str) -> str:
        path, start = f"/{one.dataset}/{one.key}", number * SEGMENT_BYTES
        end = min(one.size, start + SEGMENT_BYTES)
        status, body = await self._get(
            path, self._headers(path, lease_id, secret, f"bytes={start}-{end - 1}")
        )
        if status not in _OK:
            return _sentence(body)
        self.loot.take(one.dataset, one.key, start, body)
        return ""

    async def _sweep(self, targets: Iterable[StoredObject], lease: Lease, secret: str) -> str:
        wanted = [(one, n) for one in targets for n in range(-(-one.size // SEGMENT_BYTES))]
        secrets.SystemRandom().shuffle(wanted)
        told = ""
        waiting = iter(wanted)

        async def reader() -> None:
            nonlocal told
            for one, number in waiting:
                told = await self._segment(one, number, lease.id, secret) or told

        await asyncio.gather(*(reader() for _ in range(_AT_ONCE)))
        return told

    async def _replay(self, one: StoredObject) -> str:
        path = f"/{one.dataset}/{one.key}"
        headers = self._headers(path, self._scene.stolen.id, self._scene.secret, "bytes=0-65535")
        answers = await asyncio.gather(*(self._get(path, headers) for _ in range(200)))
        for status, body in answers:
            if status in _OK:
                self.loot.take(one.dataset, one.key, 0, body)
        return next((_sentence(body) for status, body in answers if status not in _OK), "")

    async def _as_others(self, victims: Sequence[Lease]) -> str:
        told = ""
        for victim in victims:
            dataset = victim.selectors[0]
            target = next(one for one in self._scene.stored if one.dataset == dataset)
            told = await self._segment(target, 0, victim.id, self._scene.secret) or told
        return told

    async def _bare(self, one: StoredObject) -> str:
        told = ""
        for headers in ({}, {"authorization": f"Bearer {self._scene.secret}"}):
            status, body = await self._get(f"/{one.dataset}/{one.key}", headers)
            if status in _OK:
                self.loot.take(one.dataset, one.key, 0, body)
            else:
                told = _sentence(body)
        return told

    async def _re_grant(self) -> str:
        form = (
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=p-0&DurationSeconds=3600"
            "&RoleArn=arn:aws:iam::000000000000:role/labelling"
            "&WebIdentityToken=eyJhbGciOiJub25lIn0.eyJzdWIiOiJwLTAifQ."
        )
        kind = {"content-type": "application/x-www-form-urlencoded"}
        async with self._session.post(f"{self._url}/", data=form, headers=kind) as answer:
            body = await answer.read()
        if b"<SecretAccessKey>" in body:
            self.loot.segments.add(("", "a lease was minted", 0))
        return _sentence(body)

    async def _paths(self, one: StoredObject) -> str:
        own = self._scene.stolen.selectors[0]
        told = ""
        for path in (
            f"/{own}/../{one.dataset}/{one.key}",
            f"/{own}/%2e%2e/{one.dataset}/{one.key}",
            f"/{own}%2F..%2F{one.dataset}/{one.key}",
            f"//{one.dataset}/{one.key}",
            f"/{own}/..%5c{one.dataset}%5c{one.key}",
        ):
            headers = self._headers(
                path, self._scene.stolen.id, self._scene.secret, "bytes=0-65535"
            )
            status, body = await self._get(path, headers)
            if status in _OK:
                self.loot.take(one.dataset, one.key, 0, body)
            else:
                told = _sentence(body)
        return told


# ── and the service account ──────────────────────────────────────────────────────────────────


class _ServiceAccount:
    """Reads the bucket of encrypted parts, and may connect to the broker's socket; no database."""

    def __init__(self, scene: Scene, loot: Loot) -> None:
        self._scene, self._loot = scene, loot

    async def tried(self) -> tuple[Attempt, ...]:
        return (
            await _tried(self._loot, "encrypted parts as they lie", self._parts()),
            await _tried(self._loot, "part keys under certificates of its own", self._forged()),
            await _tried(self._loot, "a lease under a role of its own", self._minted()),
        )

    async def _parts(self) -> str:
        with open_parts(self._scene.settings) as parts:
            for one in self._scene.stored:
                data = bytes(await parts.read(part_name(one.id, 0, 0), 0, HEADER_BYTES + one.size))
                self._loot.take(one.dataset, one.key, 0, data[HEADER_BYTES:])
        return "ciphertext"

    async def _forged(self) -> str:
        """Terms that would be the stolen lease's but wider, sealed with keys of its own."""
        own = terms_of(self._scene.stolen)
        wide = msgspec.structs.replace(own, budget_bytes=1 << 50, budget_objects=1 << 30)
        sealed = certify(wide, key=secrets.token_bytes(32))
        told = ""
        async with _broker(self._scene) as broker:
            for certificate in (sealed, sealed[:-1], b"", self._scene.secret.encode()):
                told = (
                    await _opened(self._scene.stored, self._scene, self._loot, broker, certificate)
                    or told
                )
        return told

    async def _minted(self) -> str:
        own = terms_of(self._scene.stolen)
        role = certify_role(own, key=secrets.token_bytes(32))
        async with _broker(self._scene) as broker:
            try:
                certificate, _ = await broker.mint(role, holder="me", until_us=own.until_us)
            except PratiqueError as error:
                return error.message
            return await _opened(self._scene.stored, self._scene, self._loot, broker, certificate)


# ── an owned door ────────────────────────────────────────────────────────────────────────────


class _OwnedDoor:
    """Runs as the door: every lease's certificate, every wrapped key, no budget that it heeds."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._loot = Loot(scene)

    async def tried(self) -> tuple[Attempt, ...]:
        return (
            await _tried(self._loot, "part keys for all, under every lease", self._all()),
            await _tried(self._loot, "again", self._all()),
        )

    async def _all(self) -> str:
        """Each part under a lease that covers it, so that no key is asked for twice."""
        told = ""
        leases = {lease.selectors[0]: lease for lease in self._scene.leases}
        async with _broker(self._scene) as broker:
            for one in sorted(self._scene.stored, key=lambda one: one.dataset not in leases):
                lease = leases.get(one.dataset, self._scene.stolen)
                said = await _opened([one], self._scene, self._loot, broker, lease.certificate)
                told = told or said
        return told


def _broker(scene: Scene) -> BrokerClient:
    return BrokerClient(broker_folder(scene.settings.home) / GATEWAY_SOCKET)


async def _opened(
    wanted: Iterable[StoredObject],
    scene: Scene,
    loot: Loot,
    broker: BrokerClient,
    certificate: bytes,
) -> str:
    """Ask for each part's key, one at a time, and decrypt what can be; gives the last refusal."""
    told = ""
    with open_parts(scene.settings) as parts:
        for one in wanted:
            name = part_name(one.id, 0, 0)
            head = parse_header(await parts.read(name, 0, HEADER_BYTES))
            ask = PartAsk(
                object=one.id, wrapped_key=one.wrapped_key, part=0, variant=0, salt=head.salt
            )
            try:
                [key] = await broker.part_keys(certificate, [ask])
            except BrokerRefusedError as error:
                told = error.message
                continue
            span = OURS.span(0, one.size, one.size)
            sealed = await parts.read(name, span.cipher_start, span.cipher_end)
            cipher = PartCipher(key, head.prefix)
            plain = cipher.decrypt_into(sealed, span, bytearray(span.buffer_bytes))
            loot.take(one.dataset, one.key, 0, bytes(plain))
    return told


def _sentence(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    for name in ("Message", "Code"):
        inside = text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]
        if inside:
            return inside
    return text[:80]
