"""What operators ask over `admin.sock`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from pratique.custody.certificate import certify, certify_role, parse_terms
from pratique.custody.codewords import (
    MAX_MARKS,
    Positions,
    codeword,
    commitment,
    commitment_salt,
    key_commitment,
    lease_key,
    pack_bits,
)
from pratique.custody.envelope import derive_part_key, part_aad
from pratique.custody.errors import BrokerRefusedError, CertificateError, KeyBrokenError
from pratique.custody.model import ObjectId
from pratique.custody.wrapping import parse_wrapped, unwrap_object_key
from pratique.edge.custody.broker.confinement import Confinement
from pratique.edge.custody.broker.frames import (
    MAX_ASKS,
    Call,
    Certified,
    Certify,
    Changed,
    CodewordAnswer,
    CodewordAsk,
    CommitAsk,
    Commitment,
    KeyInfo,
    MakeDataset,
    Name,
    NewObject,
    Opening,
    PartKeys,
    Release,
    Resume,
    Rewrap,
    Status,
    StopParties,
    Suspend,
    WriteKeys,
)
from pratique.edge.custody.broker.gateway import Held, fresh_part_key, new_object_key, rewrapped
from pratique.edge.custody.broker.options import BrokerOptions
from pratique.values.instants import Instant, render_instant

_MAX_BITS = 10_000_000
"""Leases by positions in one call: some 0.6 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What `status` tells of the process."""

    options: BrokerOptions
    gateway_uids: frozenset[int]
    confinement: Confinement
    started_at: Instant


class AdminSide:
    """Operations of `admin.sock`."""

    def __init__(self, held: Held, surroundings: Surroundings) -> None:
        self._held, self._surroundings = held, surroundings
        self._handlers: dict[str, Callable[[bytes], Any]] = {
            "status": self._status,
            "keys": self._keys,
            "make-client": self._make_client,
            "make-dataset": self._make_dataset,
            "rotate-client": self._rotate_client,
            "rotate-dataset": self._rotate_dataset,
            "rewrap": self._rewrap,
            "end-rotation": self._end_rotation,
            "destroy-client": self._destroy_client,
            "destroy-dataset": self._destroy_dataset,
            "certify": self._certify,
            "certify-role": self._certify_role,
            "accept-clock": self._accept_clock,
            "suspend": self._suspend,
            "resume": self._resume,
            "hold": self._hold,
            "release": self._release,
            "new-object-key": self._new_object_key,
            "write-keys": self._write_keys,
            "check-keys": self._check_keys,
            "codewords": self._codewords,
            "commitment": self._commitment,
            "reveal": self._reveal,
        }

    def answer(self, call: Call) -> Any:  # noqa: ANN401 - whatever the operation gives
        """Do it. Raises: BrokerRefusedError, OSError when a file cannot be written."""
        handler = self._handlers.get(call.operation)
        if handler is None:
            raise BrokerRefusedError("no such operation", reason="request")
        try:
            return handler(bytes(call.body))
        except CertificateError as error:
            raise BrokerRefusedError(
                error.message, reason="certificate", remedy=error.expected
            ) from None
        except KeyBrokenError as error:
            raise BrokerRefusedError(error.message, reason="key") from None
        except (msgspec.DecodeError, UnicodeError, ValueError):
            raise BrokerRefusedError("not what this operation takes", reason="request") from None

    # ── keys ─────────────────────────────────────────────────────────────────────────────────

    def _make_client(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        return Changed(name, self._held.ring.make_client(name), ())

    def _make_dataset(self, body: bytes) -> Changed:
        asked = msgspec.msgpack.decode(body, type=MakeDataset)
        made = self._held.ring.make_dataset(asked.dataset, asked.client)
        return Changed(asked.client, made.file.generation, (asked.dataset,))

    def _rotate_client(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        generation, datasets = self._held.ring.rotate_client(name)
        return Changed(name, generation, tuple(sorted(datasets)))

    def _rotate_dataset(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        kept = self._held.ring.rotate_dataset(name).file
        return Changed(kept.client, kept.generation, (name,))

    def _rewrap(self, body: bytes) -> list[bytes]:
        asks = msgspec.msgpack.decode(body, type=Rewrap).asks
        if len(asks) > MAX_ASKS:
            raise BrokerRefusedError(f"at most {MAX_ASKS} keys at a time", reason="request")
        return [rewrapped(self._held.ring, ask) for ask in asks]

    def _end_rotation(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        kept = self._held.ring.end_rotation(name).file
        return Changed(kept.client, kept.generation, (name,))

    def _destroy_client(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        stone, datasets = self._held.ring.destroy_client(name)
        return Changed(name, stone.generation, tuple(sorted(datasets)))

    def _destroy_dataset(self, body: bytes) -> Changed:
        name = msgspec.msgpack.decode(body, type=Name).name
        stone = self._held.ring.destroy_dataset(name)
        return Changed(stone.client, stone.generation, (name,))

    def _keys(self, _body: bytes) -> list[KeyInfo]:
        ring = self._held.ring
        found = [
            KeyInfo(name, "client", name, held.generation, "live", held.made_at)
            for name, held in ring.clients.items()
        ]
        found += [
            KeyInfo(name, "client", name, stone.generation, "destroyed", stone.destroyed_at)
            for name, stone in ring.gone_clients.items()
            if name not in ring.clients
        ]
        found += [
            KeyInfo(
                name, "dataset", held.file.client, held.file.generation, "live", held.file.made_at
            )
            for name, held in ring.datasets.items()
        ]
        found += [
            KeyInfo(
                name, "dataset", stone.client, stone.generation, "destroyed", stone.destroyed_at
            )
            for name, stone in ring.gone_datasets.items()
        ]
        return sorted(found, key=lambda info: (info.client, info.kind, info.name))

    def _new_object_key(self, body: bytes) -> tuple[bytes, bytes]:
        asked = msgspec.msgpack.decode(body, type=NewObject)
        return new_object_key(self._held.ring, asked.dataset, asked.object)

    def _write_keys(self, body: bytes) -> list[tuple[bytes, bytes]]:
        asks = msgspec.msgpack.decode(body, type=WriteKeys).asks
        if len(asks) > MAX_ASKS:
            raise BrokerRefusedError(f"at most {MAX_ASKS} parts at a time", reason="request")
        return [fresh_part_key(self._object_key(ask.object, ask.wrapped), ask) for ask in asks]

    def _check_keys(self, body: bytes) -> list[bytes]:
        """Keys of parts for an integrity sweep: no lease, no vendor, so nothing to charge."""
        asks = msgspec.msgpack.decode(body, type=PartKeys).asks
        if len(asks) > MAX_ASKS:
            raise BrokerRefusedError(f"at most {MAX_ASKS} parts at a time", reason="request")
        keys = []
        for ask in asks:
            aad = part_aad(ObjectId(ask.object), ask.part, ask.variant)
            keys.append(derive_part_key(self._object_key(ask.object, ask.wrapped), ask.salt, aad))
        return keys

    def _object_key(self, object_id: str, wrapped: bytes) -> bytes:
        parsed = parse_wrapped(wrapped)
        under = self._held.ring.dataset(parsed.dataset).under(parsed.generation)
        return unwrap_object_key(parsed, under=under, object_id=ObjectId(object_id))

    # ── leases and scopes ────────────────────────────────────────────────────────────────────

    def _certify(self, body: bytes) -> Certified:
        terms = parse_terms(msgspec.msgpack.decode(body, type=Certify).terms)
        self._check_client(terms.client, terms.datasets)
        master = self._held.ring.master
        return Certified(certify(terms, key=master.certificates), master.lease_secret(terms.lease))

    def _certify_role(self, body: bytes) -> Certified:
        terms = parse_terms(msgspec.msgpack.decode(body, type=Certify).terms)
        self._check_client(terms.client, terms.datasets)
        return Certified(certify_role(terms, key=self._held.ring.master.certificates), "")

    def _check_client(self, client: str, datasets: frozenset[str]) -> None:
        """One lease, one client. Sealed datasets have no key here, so nothing to compare."""
        for dataset in sorted(datasets):
            held = self._held.ring.datasets.get(dataset)
            if held is not None and held.file.client != client:
                raise BrokerRefusedError(
                    f"dataset {dataset} is not the data of client {client}", reason="certificate"
                )

    def _suspend(self, body: bytes) -> bool:
        asked = msgspec.msgpack.decode(body, type=Suspend)
        self._held.suspensions.suspend(asked.scope, reason=asked.reason, incident=asked.incident)
        return True

    def _hold(self, body: bytes) -> bool:
        self._held.suspensions.holds.put(msgspec.msgpack.decode(body, type=StopParties).holds)
        return True

    def _release(self, body: bytes) -> bool:
        return self._held.suspensions.holds.release(msgspec.msgpack.decode(body, type=Release).hold)

    def _resume(self, body: bytes) -> bool:
        asked = msgspec.msgpack.decode(body, type=Resume)
        return self._held.suspensions.resume(asked.scope, epoch=asked.epoch)

    # ── marks ────────────────────────────────────────────────────────────────────────────────

    def _codewords(self, body: bytes) -> CodewordAnswer:
        asked = msgspec.msgpack.decode(body, type=CodewordAsk)
        if len(asked.leases) * len(asked.positions) > _MAX_BITS:
            raise BrokerRefusedError("too many leases at a time", reason="request")
        key = self._held.ring.mark_key(asked.dataset)
        positions = Positions(key, asked.positions)
        bits = (pack_bits(positions.bits(lease_key(key, lease))) for lease in asked.leases)
        return CodewordAnswer(positions.biases, tuple(bits))

    def _commitment(self, body: bytes) -> Commitment:
        asked = msgspec.msgpack.decode(body, type=CommitAsk)
        if not 0 <= asked.count <= MAX_MARKS:
            raise BrokerRefusedError(f"0 to {MAX_MARKS} marks", reason="request")
        key = self._held.ring.mark_key(asked.dataset)
        word = codeword(key, asked.lease, asked.count)
        return Commitment(commitment(commitment_salt(key, asked.lease), word), key_commitment(key))

    def _reveal(self, body: bytes) -> Opening:
        asked = msgspec.msgpack.decode(body, type=CommitAsk)
        if not 0 <= asked.count <= MAX_MARKS:
            raise BrokerRefusedError(f"0 to {MAX_MARKS} marks", reason="request")
        key = self._held.ring.mark_key(asked.dataset)
        return Opening(commitment_salt(key, asked.lease), codeword(key, asked.lease, asked.count))

    # ── the process ──────────────────────────────────────────────────────────────────────────

    def _accept_clock(self, _body: bytes) -> str:
        was = self._held.clock.accept()
        return render_instant(was) if was is not None else ""

    def _status(self, _body: bytes) -> Status:
        around, caps = self._surroundings, self._surroundings.options.caps
        users = around.gateway_uids
        window = self._held.meter.window
        return Status(
            pid=os.getpid(),
            uid=os.geteuid(),
            started_at=around.started_at,
            confinement=around.confinement.sentence,
            lacking=around.confinement.lacking,
            gateway_users=tuple(sorted(users)),
            separate_user=bool(users - {os.geteuid(), 0}),
            parts_per_hour=caps.parts_per_hour,
            all_parts_per_hour=caps.all_parts_per_hour,
            caps={vendor: caps.hourly(vendor) for vendor in sorted(caps.vendor)},
            parts=window.vendors(),
            suspended={
                **{scope: held.reason for scope, held in self._held.suspensions.all().items()},
                **self._held.suspensions.holds.sentences(),
            },
            clients=len(self._held.ring.clients),
            datasets=len(self._held.ring.datasets),
        )
