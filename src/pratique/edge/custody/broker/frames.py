"""What is said over the broker's sockets: a length of four bytes, then one MessagePack array.

A call is `[id, operation, certificate, body]`, an answer `[id, reason, body]`: reason is empty when the
body is what was asked for; else it is one word and the body a `Refused`. Admin calls have no certificate.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any, Final

import msgspec

from pratique.custody.model import Hold
from pratique.errors import InputError

LENGTH: Final = struct.Struct(">I")
MAX_GATEWAY_FRAME: Final = 1 << 20
MAX_ADMIN_FRAME: Final = 32 << 20
MAX_ASKS: Final = 4_096


class WireError(InputError):
    """A peer sent what no peer of ours sends; the connection is closed."""


class Call(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One call."""

    id: int
    operation: str
    certificate: bytes
    body: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One answer; they come in any order."""

    id: int
    reason: str
    body: msgspec.Raw


class _Body(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of bodies."""


class Refused(_Body, frozen=True):
    """Why not."""

    message: str
    scope: str = ""
    remedy: str = ""


class Nothing(_Body, frozen=True):
    """No body."""


# ── calls of gateways ────────────────────────────────────────────────────────────────────────


class SigningKey(_Body, frozen=True):
    """`signing-key`: answered by 32 bytes."""

    date: str
    region: str
    service: str = "s3"
    """`s3` or `sts`."""


class PartBody(_Body, frozen=True):
    """One part of `part-keys`."""

    object: str
    wrapped: bytes
    part: int
    variant: int
    salt: bytes


class PartKeys(_Body, frozen=True):
    """`part-keys`: answered by as many keys."""

    asks: tuple[PartBody, ...]


class WriteBody(_Body, frozen=True):
    """One part of `write-keys`."""

    object: str
    wrapped: bytes
    part: int
    variant: int


class WriteKeys(_Body, frozen=True):
    """`write-keys`: answered by as many pairs of salt and key."""

    asks: tuple[WriteBody, ...]


class NewObject(_Body, frozen=True):
    """`new-object-key`: answered by key and wrapped key."""

    dataset: str
    object: str


class StagingKey(_Body, frozen=True):
    """`staging-key`: answered by key and wrapped key of an upload; a new one if `wrapped` is empty."""

    dataset: str
    upload: str
    wrapped: bytes


class MarkBits(_Body, frozen=True):
    """`mark-bits`: answered by the packed codeword."""

    dataset: str
    count: int


class MarkCommitment(_Body, frozen=True):
    """`mark-commitment`: answered by what the ledger says of the lease's codeword, hex."""

    dataset: str
    count: int


class Mint(_Body, frozen=True):
    """`mint`, with the certificate of a role: answered by a `Certified` lease with an id of the broker's."""

    holder: str
    until_us: int


class Stopped(_Body, frozen=True):
    """One scope of `suspend`."""

    scope: str
    reason: str
    incident: str
    epoch: int
    """When it changed, as the doors' store counts: what was resumed since stays so."""


class StopParties(_Body, frozen=True):
    """`hold`: suspensions of parties (`custody.model.Hold`). Gateways may add them, never release them."""

    holds: tuple[Hold, ...]


class Release(_Body, frozen=True):
    """`release`, of an operator: the id of a hold that was lifted."""

    hold: str


class StopScopes(_Body, frozen=True):
    """`suspend`, of a gateway: it may stop scopes, never resume them."""

    scopes: tuple[Stopped, ...]


# ── calls of operators ───────────────────────────────────────────────────────────────────────


class Name(_Body, frozen=True):
    """`make-client`, `rotate-client`, `rotate-dataset`, `end-rotation`, `destroy-…`."""

    name: str


class RewrapBody(_Body, frozen=True):
    """One key of `rewrap`: an object's, or with `upload` and `lease` that of an upload in parts."""

    wrapped: bytes
    object: str = ""
    upload: str = ""
    lease: str = ""


class Rewrap(_Body, frozen=True):
    """`rewrap`: answered by as many keys under their dataset's newest key."""

    asks: tuple[RewrapBody, ...]


class MakeDataset(_Body, frozen=True):
    """`make-dataset`."""

    dataset: str
    client: str


class Certify(_Body, frozen=True):
    """`certify`, `certify-role`: terms as `custody.certificate.render_terms` spells them."""

    terms: bytes


class Certified(_Body, frozen=True):
    """Certificate, and the secret that a lease's holder is shown once (empty for a role)."""

    certificate: bytes
    secret: str


class Suspend(_Body, frozen=True):
    """`suspend`."""

    scope: str
    reason: str
    incident: str


class Resume(_Body, frozen=True):
    """`resume`."""

    scope: str
    epoch: int
    """As of which; what a gateway has heard before is not heard any more."""


class CodewordAsk(_Body, frozen=True):
    """`codewords`: bits of leases at positions, and the positions' biases, for attribution."""

    dataset: str
    leases: tuple[str, ...]
    positions: tuple[int, ...]


class CodewordAnswer(_Body, frozen=True):
    """Bits packed, one value for each lease."""

    biases: tuple[float, ...]
    bits: tuple[bytes, ...]


class CommitAsk(_Body, frozen=True):
    """`commitment`: of a lease's codeword (and of the dataset's mark key), for the ledger."""

    dataset: str
    lease: str
    count: int


class Commitment(_Body, frozen=True):
    """Hex SHA-256 of both."""

    codeword: str
    key: str


class Opening(_Body, frozen=True):
    """`reveal`: what a commitment is made of, for whoever must check that a leak names this lease."""

    salt: bytes
    codeword: bytes


class KeyInfo(_Body, frozen=True):
    """A key, without the key."""

    name: str
    kind: str
    """`client` or `dataset`."""
    client: str
    generation: int
    state: str
    """`live` or `destroyed`."""
    since: datetime


class Changed(_Body, frozen=True):
    """What became of a key: `make-client`, `make-dataset`, `rotate-client`, `destroy-…`."""

    client: str
    generation: int
    datasets: tuple[str, ...]


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`status`: of the broker."""

    pid: int
    uid: int
    started_at: datetime
    confinement: str
    lacking: tuple[str, ...]
    gateway_users: tuple[int, ...]
    separate_user: bool
    parts_per_hour: int
    all_parts_per_hour: int
    caps: dict[str, int]
    """Hourly cap of each vendor that has one of its own."""
    parts: dict[str, tuple[int, int]]
    """Of each vendor: parts within the hour, and ever."""
    suspended: dict[str, str]
    """Scope → reason."""
    clients: int
    datasets: int


_CALLS = msgspec.msgpack.Decoder(Call)
_ANSWERS = msgspec.msgpack.Decoder(Answer)
_ENCODER = msgspec.msgpack.Encoder()


def render_call(number: int, operation: str, certificate: bytes, body: msgspec.Struct) -> bytes:
    """A whole frame."""
    return _framed(Call(number, operation, certificate, msgspec.Raw(_ENCODER.encode(body))))


def render_answer(number: int, reason: str, body: Any) -> bytes:  # noqa: ANN401 - whatever an operation gives
    """A whole frame."""
    return _framed(Answer(number, reason, msgspec.Raw(_ENCODER.encode(body))))


def _framed(message: Call | Answer) -> bytes:
    data = _ENCODER.encode(message)
    return LENGTH.pack(len(data)) + data


def parse_call(data: bytes) -> Call:
    """One frame's content. Raises: WireError."""
    try:
        return _CALLS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WireError("not a call to the broker") from None


def parse_answer(data: bytes) -> Answer:
    """One frame's content. Raises: WireError."""
    try:
        return _ANSWERS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WireError("not an answer of the broker") from None
