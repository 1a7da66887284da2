"""Who asks: HTTP basic credentials → identity, and slowing those who guess.

The user name is `__token__` or the token's own name; the password is the token. Only the SHA-256
of a token is stored, so a stolen database opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Literal

from pratique.index.ports import Identity, TokenRecord, TokenState
from pratique.ledger.entries import Draft
from pratique.values.instants import Clock, Instant

_FREE_FAILURES = 3
"""Typing mistakes that cost nothing."""
_BLOCK_FAILURES = 20
"""Failures within the window after which an address is refused unheard."""
_WINDOW = timedelta(seconds=60)
_LONGEST_DELAY_SECONDS = 5.0
_ADDRESSES = 10_000
"""Addresses remembered; beyond that the longest silent one is forgotten."""
_NAMES_LOGGED = 10
UNKNOWN_ADDRESS = "unknown"
"""Whoever is behind a trusted proxy that did not say; never local."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request may not be heard: wait `delay_seconds`, then answer `status`."""

    status: Literal[401, 403, 429, 503]
    reason: str
    delay_seconds: float = 0.0


@dataclass(slots=True)
class _Failures:
    """Failed attempts of one address. Owned by the event loop."""

    since: Instant
    count: int = 0
    noted: int = 0
    names: set[str] = field(default_factory=set)


class Authenticator:
    """Tells identities from `Authorization` headers."""

    def __init__(
        self,
        *,
        tokens: TokenState,
        epoch: Callable[[], int],
        clock: Clock,
        anonymous: Literal["loopback", "everyone", "nobody"],
        note: Callable[[Draft], None],
        party_stopped: Callable[[str], str | None],
    ) -> None:
        """`party_stopped`: why a party's tokens do not work, empty: they do, None: it cannot be told."""
        self._tokens = tokens
        self._party_stopped = party_stopped
        self._epoch = epoch
        self._clock = clock
        self._anonymous = anonymous
        self._note = note
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._known: dict[str, tuple[int, TokenRecord]] = {}

    def identify(self, authorization: str | None, address: str) -> Identity | Refused:
        """Tell who asks.

        Shape: an Identity, or how to refuse. The caller sleeps `delay_seconds` before answering a
        refusal, so that guessing costs time and nothing else is slowed.
        """
        if authorization is None:
            return self._without_credentials(address)
        return self._checked(_parse_basic(authorization), address)

    def approver(self, secret: str, address: str) -> Identity | Refused:
        """Tell which approver a token typed into a form belongs to; failures count as logins do."""
        return self._checked(_Basic("__token__", secret), address, role="approver")

    def _checked(self, given: _Basic | None, address: str, *, role: str = "") -> Identity | Refused:
        failures = self._failures.get(address)
        if failures is not None and self._clock() - failures.since > _WINDOW:
            self.flush(address)
            failures = None
        if failures is not None and failures.count >= _BLOCK_FAILURES:
            failures.count += 1
            return Refused(status=429, reason="Too many failed logins; wait a minute")
        if given is not None:
            record = self._record_of(given.secret)
            fits = record is not None and role in {"", record.role}
            if record is not None and fits and self._is_good(record, given.name):
                return self._suspended(record) or Identity(
                    actor=f"{record.role}:{record.name}",
                    role=record.role,
                    token_id=record.id,
                    party=record.party,
                )
        return self._failed(address, given.name if given else "")

    def _without_credentials(self, address: str) -> Identity | Refused:
        allowed = self._anonymous == "everyone" or (
            self._anonymous == "loopback" and _is_loopback(address)
        )
        if allowed:
            return Identity(actor=f"anonymous:{address}", role="anonymous")
        return Refused(status=401, reason="A Pratique token is needed")

    def _record_of(self, secret: str) -> TokenRecord | None:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        epoch = self._epoch()
        cached = self._known.get(digest)
        if cached is not None and cached[0] == epoch:
            return cached[1]
        record = self._tokens.token_by_secret(digest)
        if record is not None:
            self._known[digest] = (epoch, record)
        else:
            self._known.pop(digest, None)
        return record

    def _is_good(self, record: TokenRecord, name: str) -> bool:
        now = self._clock()
        return (
            record.revoked_at is None
            and (record.expires_at is None or now < record.expires_at)
            and name in {"__token__", record.name}
        )

    def _suspended(self, record: TokenRecord) -> Refused | None:
        """Why a good token does not work: its party is suspended, or nobody can tell."""
        if not record.party or record.role == "party":
            return None  # evidence is what a suspended party is asked for
        reason = self._party_stopped(record.party)
        if reason is None:
            return Refused(
                status=503,
                reason=f"Cannot confirm that {record.party} is not suspended; try again",
            )
        return Refused(status=403, reason=reason) if reason else None

    def _failed(self, address: str, name: str) -> Refused:
        now = self._clock()
        failures = self._failures.setdefault(address, _Failures(since=now))
        self._failures.move_to_end(address)
        failures.count += 1
        if name and len(failures.names) < _NAMES_LOGGED:
            failures.names.add(name[:40])
        # The first failure and each doubling are logged at once; the rest when the window ends.
        if failures.count & (failures.count - 1) == 0:
            self._note_failures(address, failures)
        while len(self._failures) > _ADDRESSES:
            self.flush(next(iter(self._failures)))
        excess = failures.count - _FREE_FAILURES
        delay = min(0.1 * 2.0**excess, _LONGEST_DELAY_SECONDS) if excess > 0 else 0.0
        return Refused(
            status=401,
            reason="The Pratique token is not known, expired or revoked",
            delay_seconds=delay,
        )

    def _note_failures(self, address: str, failures: _Failures) -> None:
        attempts = failures.count - failures.noted
        if attempts <= 0:
            return
        failures.noted = failures.count
        self._note(
            Draft(
                kind="auth-failed",
                subject=f"address:{address}",
                actor=f"anonymous:{address}",
                body={
                    "attempts": attempts,
                    "window_seconds": int(_WINDOW.total_seconds()),
                    "names": sorted(failures.names),
                },
            )
        )

    def flush(self, address: str) -> None:
        """Log what is still unlogged of an address and forget it."""
        failures = self._failures.pop(address, None)
        if failures is not None:
            self._note_failures(address, failures)

    def flush_all(self) -> None:
        """Log every address's unlogged failures (at shutdown)."""
        for address in list(self._failures):
            self.flush(address)


@dataclass(frozen=True, slots=True)
class _Basic:
    name: str
    secret: str


def _parse_basic(header: str) -> _Basic | None:
    """Read `Basic` credentials (RFC 7617); None when they are not well formed."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, separator, secret = text.partition(":")
    return _Basic(name, secret) if separator and secret else None


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def peer_address(peer: str, forwarded: str | None, trusted: frozenset[str]) -> str:
    """The client's address: the peer's, unless the peer is a trusted proxy that forwards another.

    The last address a trusted proxy added counts; what the client itself wrote before it does not.
    A trusted proxy that names nobody speaks for somebody unknown, who must not pass for local.
    """
    if peer not in trusted:
        return peer
    hops = [part.strip() for part in (forwarded or "").split(",")]
    # When every hop is a proxy of ours, one of them asks for itself: the last that was named.
    client = next((hop for hop in reversed(hops) if hop not in trusted), hops[-1])
    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        return UNKNOWN_ADDRESS
