"""What a gateway may ask: always under a lease's certificate, and never for more than it says.

1. The certificate is the broker's own. 2. Nothing it hangs in is suspended. 3. Its terms cover the
call, now. 4. What is asked for belongs to a dataset of the lease, and to its client. 5. The meter has
been charged, durably. Only then does a key leave.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from pratique.custody.certificate import (
    Terms,
    certify,
    check_terms,
    micros,
    open_certificate,
    open_role,
    within_role,
)
from pratique.custody.codewords import MAX_MARKS, codeword, commitment, commitment_salt
from pratique.custody.envelope import SALT_BYTES, derive_part_key, part_aad
from pratique.custody.errors import BrokerRefusedError, CertificateError, KeyBrokenError
from pratique.custody.model import Copy, ObjectId, Verb
from pratique.custody.wrapping import (
    NONCE_BYTES,
    parse_wrapped,
    unwrap_object_key,
    unwrap_staging_key,
    wrap_object_key,
    wrap_staging_key,
)
from pratique.edge.custody.broker.counting import part_digest
from pratique.edge.custody.broker.frames import (
    MAX_ASKS,
    Call,
    Certified,
    MarkBits,
    MarkCommitment,
    Mint,
    NewObject,
    PartKeys,
    RewrapBody,
    SigningKey,
    StagingKey,
    StopParties,
    StopScopes,
    WriteBody,
    WriteKeys,
)
from pratique.edge.custody.broker.keyring import DatasetKey, KeyRing
from pratique.edge.custody.broker.meter import Meter
from pratique.edge.custody.broker.suspensions import Suspensions
from pratique.edge.custody.broker.timekeeping import BrokerClock
from pratique.edge.custody.drawn_ids import draw_lease_id
from pratique.values.instants import Instant

_OBJECT_ID = re.compile(r"[0-9a-f]{32}")
_DATE = re.compile(r"[0-9]{8}")
_REGION = re.compile(r"[a-z0-9-]{1,64}")
_PARTS = 1 << 24
_DAY = timedelta(days=1)
_QUICK_MARKS = 5_000
"""More take longer than other calls should wait."""

Handler = Callable[[Terms, bytes, Instant], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What both sides of the broker work with."""

    ring: KeyRing
    meter: Meter
    suspensions: Suspensions
    clock: BrokerClock


class GatewaySide:
    """Operations of `gateway.sock`."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._handlers: dict[str, Handler] = {
            "signing-key": self._signing_key,
            "part-keys": self._part_keys,
            "write-keys": self._write_keys,
            "new-object-key": self._new_object_key,
            "staging-key": self._staging_key,
            "mark-bits": self._mark_bits,
            "mark-commitment": self._mark_commitment,
        }

    async def answer(self, call: Call) -> Any:  # noqa: ANN401 - whatever the operation gives
        """Do it. Raises: BrokerRefusedError, also for what is no operation."""
        try:
            if call.operation == "ping":
                return True
            if call.operation == "suspend":
                return self._suspend(call)
            if call.operation == "hold":
                self._held.suspensions.holds.add(
                    msgspec.msgpack.decode(call.body, type=StopParties).holds
                )
                return True
            if call.operation == "mint":
                return self._mint(call)
            handler = self._handlers.get(call.operation)
            if handler is None:
                raise BrokerRefusedError("no such operation", reason="request")
            terms = open_certificate(call.certificate, key=self._held.ring.master.certificates)
            if call.operation != "signing-key":
                # That one opens nothing, and without it a door could tell nobody why: it would have to
                # tell whoever claims to have the lease.
                self._held.suspensions.check(terms.scopes)
                self._held.suspensions.holds.check(terms)
            return await handler(terms, bytes(call.body), self._held.clock())
        except CertificateError as error:
            raise BrokerRefusedError(error.message, reason="certificate") from None
        except KeyBrokenError as error:
            raise BrokerRefusedError(error.message, reason="key") from None
        except (msgspec.DecodeError, UnicodeError):
            raise BrokerRefusedError("not what this operation takes", reason="request") from None

    async def _signing_key(self, terms: Terms, body: bytes, now: Instant) -> bytes:
        asked = msgspec.msgpack.decode(body, type=SigningKey)
        if _DATE.fullmatch(asked.date) is None or _REGION.fullmatch(asked.region) is None:
            raise BrokerRefusedError("not a date and a region", reason="request")
        check_terms(terms, now=now)
        # A clock may be wrong by minutes around midnight, and a presigned URL be a week old; other days
        # are nobody's business.
        near = {f"{now + _DAY * days:%Y%m%d}" for days in range(-8, 2)}
        if asked.date not in near:
            raise BrokerRefusedError("keys are for this week", reason="request")
        if asked.service not in {"s3", "sts"}:
            raise BrokerRefusedError("keys are for s3 and sts", reason="request")
        return self._held.ring.master.signing_key(
            terms.lease, date=asked.date, region=asked.region, service=asked.service
        )

    async def _part_keys(self, terms: Terms, body: bytes, now: Instant) -> list[bytes]:
        asks = msgspec.msgpack.decode(body, type=PartKeys).asks
        _check_count(len(asks))
        check_terms(terms, now=now, verb=Verb.READ)
        keys: list[bytes] = []
        digests: list[bytes] = []
        for ask in asks:
            if len(ask.salt) != SALT_BYTES:
                raise BrokerRefusedError("not a part's salt", reason="request")
            if ask.variant and terms.copy != Copy.MARKED:
                raise BrokerRefusedError("this lease reads canonical bytes", reason="certificate")
            key = self._object_key(terms, ask.object, ask.wrapped, now)
            keys.append(derive_part_key(key, ask.salt, _aad(ask.object, ask.part, ask.variant)))
            digests.append(part_digest(terms.lease, ask.object, ask.part, ask.variant))
        await self._held.meter.charge(terms.vendor, digests)
        return keys

    async def _write_keys(
        self, terms: Terms, body: bytes, now: Instant
    ) -> list[tuple[bytes, bytes]]:
        asks = msgspec.msgpack.decode(body, type=WriteKeys).asks
        _check_count(len(asks))
        check_terms(terms, now=now, verb=Verb.WRITE)
        return [
            fresh_part_key(self._object_key(terms, ask.object, ask.wrapped, now), ask)
            for ask in asks
        ]

    async def _new_object_key(self, terms: Terms, body: bytes, now: Instant) -> tuple[bytes, bytes]:
        asked = msgspec.msgpack.decode(body, type=NewObject)
        check_terms(terms, now=now, verb=Verb.WRITE, dataset=asked.dataset)
        self._check_dataset(terms, asked.dataset)
        return new_object_key(self._held.ring, asked.dataset, asked.object)

    async def _staging_key(self, terms: Terms, body: bytes, now: Instant) -> tuple[bytes, bytes]:
        """The key of an upload in parts: for the lease that began it, and for nothing that is an object."""
        asked = msgspec.msgpack.decode(body, type=StagingKey)
        check_terms(terms, now=now, verb=Verb.WRITE, dataset=asked.dataset)
        held = self._check_dataset(terms, asked.dataset)
        if _OBJECT_ID.fullmatch(asked.upload) is None:
            raise BrokerRefusedError("not an upload id", reason="request")
        if not asked.wrapped:
            return new_staging_key(self._held.ring, asked, terms.lease)
        parsed = parse_wrapped(asked.wrapped)
        if parsed.dataset != asked.dataset:
            raise BrokerRefusedError("the upload is of another dataset", reason="request")
        under = held.under(parsed.generation)
        key = unwrap_staging_key(parsed, under=under, upload=asked.upload, lease=terms.lease)
        return key, asked.wrapped

    async def _mark_bits(self, terms: Terms, body: bytes, now: Instant) -> bytes:
        asked = msgspec.msgpack.decode(body, type=MarkBits)
        key = self._mark_key(terms, asked, now)
        return await _codeword(key, terms.lease, asked.count)

    async def _mark_commitment(self, terms: Terms, body: bytes, now: Instant) -> str:
        asked = msgspec.msgpack.decode(body, type=MarkCommitment)
        key = self._mark_key(terms, asked, now)
        word = await _codeword(key, terms.lease, asked.count)
        return commitment(commitment_salt(key, terms.lease), word)

    def _mark_key(self, terms: Terms, asked: MarkBits | MarkCommitment, now: Instant) -> bytes:
        check_terms(terms, now=now, verb=Verb.READ, dataset=asked.dataset)
        self._check_dataset(terms, asked.dataset)
        if terms.copy != Copy.MARKED or not 0 <= asked.count <= MAX_MARKS:
            raise BrokerRefusedError("this lease has no marks", reason="request")
        return self._held.ring.mark_key(asked.dataset)

    def _suspend(self, call: Call) -> bool:
        """What the doors know to be stopped, so that an owned one gets nothing for it any more."""
        asked = msgspec.msgpack.decode(call.body, type=StopScopes)
        self._held.suspensions.suspend_for_gateway(asked.scopes)
        return True

    def _mint(self, call: Call) -> Certified:
        """A lease under a role, for somebody whom the gateway knows from elsewhere.

        Its id is chosen here: secrets follow from ids, and a gateway that could name one would be told
        the secret of whoever has it.
        """
        key, now = self._held.ring.master.certificates, self._held.clock()
        role = open_role(call.certificate, key=key)
        asked = msgspec.msgpack.decode(call.body, type=Mint)
        self._held.suspensions.check(role.scopes)
        self._held.suspensions.holds.check_mint(role)
        check_terms(role, now=now)
        at = micros(now)
        terms = within_role(
            role,
            lease=draw_lease_id(),
            holder=asked.holder,
            granted_us=at,
            from_us=at,
            until_us=asked.until_us,
        )
        self._held.suspensions.check(terms.scopes)
        certificate = certify(terms, key=key)
        return Certified(certificate, self._held.ring.master.lease_secret(terms.lease))

    def _object_key(self, terms: Terms, object_id: str, wrapped: bytes, now: Instant) -> bytes:
        parsed = parse_wrapped(wrapped)
        check_terms(terms, now=now, dataset=parsed.dataset)
        held = self._check_dataset(terms, parsed.dataset)
        under = held.under(parsed.generation)
        return unwrap_object_key(parsed, under=under, object_id=ObjectId(object_id))

    def _check_dataset(self, terms: Terms, dataset: str) -> DatasetKey:
        """The dataset's key, once it is sure that the lease may have anything of it."""
        self._held.suspensions.check((f"dataset:{dataset}",))
        self._held.suspensions.holds.check(terms, dataset)
        held = self._held.ring.dataset(dataset)
        if held.file.client != terms.client:
            raise BrokerRefusedError(
                f"dataset {dataset} is not the data of client {terms.client}", reason="certificate"
            )
        return held


async def _codeword(key: bytes, lease: str, count: int) -> bytes:
    if count <= _QUICK_MARKS:
        return codeword(key, lease, count)
    return await asyncio.to_thread(codeword, key, lease, count)


def fresh_part_key(object_key: bytes, ask: WriteBody) -> tuple[bytes, bytes]:
    """A salt of the broker's own choosing and the key it gives: of no part that exists."""
    salt = secrets.token_bytes(SALT_BYTES)
    return salt, derive_part_key(object_key, salt, _aad(ask.object, ask.part, ask.variant))


def new_object_key(ring: KeyRing, dataset: str, object_id: str) -> tuple[bytes, bytes]:
    """A key, and the same under its dataset's key. Raises: BrokerRefusedError."""
    if _OBJECT_ID.fullmatch(object_id) is None:
        raise BrokerRefusedError("not an object id", reason="request")
    held, key = ring.dataset(dataset), secrets.token_bytes(32)
    wrapped = wrap_object_key(
        key,
        under=held.key,
        dataset=dataset,
        generation=held.file.generation,
        object_id=ObjectId(object_id),
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return key, wrapped


def rewrapped(ring: KeyRing, ask: RewrapBody) -> bytes:
    """A wrapped key under its dataset's newest key; as it is when it is already. Raises: KeyBrokenError."""
    parsed = parse_wrapped(ask.wrapped)
    held = ring.dataset(parsed.dataset)
    newest = held.file.generation
    if parsed.generation == newest:
        return ask.wrapped
    under, nonce = held.under(parsed.generation), secrets.token_bytes(NONCE_BYTES)
    if ask.upload:
        return wrap_staging_key(
            unwrap_staging_key(parsed, under=under, upload=ask.upload, lease=ask.lease),
            under=held.key,
            dataset=parsed.dataset,
            generation=newest,
            upload=ask.upload,
            lease=ask.lease,
            nonce=nonce,
        )
    return wrap_object_key(
        unwrap_object_key(parsed, under=under, object_id=ObjectId(ask.object)),
        under=held.key,
        dataset=parsed.dataset,
        generation=newest,
        object_id=ObjectId(ask.object),
        nonce=nonce,
    )


def new_staging_key(ring: KeyRing, asked: StagingKey, lease: str) -> tuple[bytes, bytes]:
    """A key for the parts of an upload, and the same under its dataset's key."""
    held, key = ring.dataset(asked.dataset), secrets.token_bytes(32)
    wrapped = wrap_staging_key(
        key,
        under=held.key,
        dataset=asked.dataset,
        generation=held.file.generation,
        upload=asked.upload,
        lease=lease,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return key, wrapped


def _aad(object_id: str, part: int, variant: int) -> bytes:
    known = _OBJECT_ID.fullmatch(object_id) is not None
    if not known or not 0 <= part < _PARTS or variant not in {0, 1}:
        raise BrokerRefusedError("not a part of an object", reason="request")
    return part_aad(ObjectId(object_id), part, variant)


def _check_count(asks: int) -> None:
    if not 0 < asks <= MAX_ASKS:
        raise BrokerRefusedError(f"1 to {MAX_ASKS} parts at a time", reason="request")
