"""What commands about leases and scopes work with: the stores, the key broker, an approver."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique.custody.budget import rest_bytes, rest_objects
from pratique.custody.certificate import terms_of
from pratique.custody.granting import check_four_eyes
from pratique.custody.holds import idle_refusal
from pratique.custody.model import Hold, Lease, Scope, ScopeId, ScopeState
from pratique.custody.roles import Role
from pratique.custody.scopes import parse_lease_id
from pratique.custody.sizes import human_bytes
from pratique.custody.worst_case import boundless_roles, worst_with_logins
from pratique.doors.cli.asking import typed
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.doors.scope_changes import change_scope
from pratique.errors import InputError
from pratique.index.ports import TokenRecord
from pratique.settings import Settings
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.custody_heal import heal_custody, record_rules
from pratique.values.instants import Instant, now_utc

TOKEN_VARIABLE: Final = "PRATIQUE_APPROVER_TOKEN"  # noqa: S105 - the name of a variable
_NAMED: Final = 5
ASKER_VARIABLE: Final = "PRATIQUE_OPERATOR_TOKEN"


def certify_lease(settings: Settings, lease: Lease) -> tuple[bytes, str]:
    """The key broker's statement of a lease's terms, and the lease's secret key.

    Raises: BrokerRefusedError, UnavailableError.
    """
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - most commands need no broker

    with broker_running(settings) as admin:
        return admin.certify(terms_of(lease))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyDesk:
    """An installation's custody, open for one command."""

    stores: Stores
    custody: CustodyStore

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.stores.settings

    @property
    def longest(self) -> timedelta:
        """How long a lease may last."""
        return timedelta(hours=self.settings.custody.lease_longest_hours)

    def existing(self, scope: ScopeId) -> Scope:
        """A scope that is there. Raises: InputError."""
        found = self.custody.scope(scope)
        if found is None:
            kind = scope.partition(":")[0]
            near = [one.id for one in self.custody.scopes() if one.id.startswith(f"{kind}:")]
            raise InputError(
                f"no scope {scope!r}: no lease or dataset has made it",
                expected=f"one of {', '.join(near[:10])}" if near else "",
                remedy="see: pratique scope list",
            )
        return found

    def existing_lease(self, text: str) -> Lease:
        """A lease that is there. Raises: InputError."""
        found = self.custody.lease(parse_lease_id(text))
        if found is None:
            raise InputError(f"no lease {text}", remedy="see: pratique lease list --all")
        return found

    def change(self, scope: Scope, state: ScopeState, *, reason: str, incident: str = "") -> int:
        """Suspend, resume or end a scope, as the operator; gives the ledger entry."""
        return change_scope(
            self.custody, self.stores.log, scope, state,
            reason=reason, incident=incident, actor=operator(), now=now_utc(),
        )  # fmt: skip

    def tell_broker(self, scope: ScopeId, state: ScopeState, *, reason: str, incident: str) -> str:
        """Let the broker refuse by itself, as the second line; gives what is wrong if it cannot."""
        from pratique.edge.custody.broker_admin import tell_of_scope  # noqa: PLC0415 - as above

        found = replace(self.existing(scope), state=state, reason=reason, incident=incident)
        return tell_of_scope(self.settings, found)


@contextmanager
def open_desk(home: Path | None) -> Iterator[CustodyDesk]:
    """Open everything and heal it from the ledger."""
    with open_stores(home) as stores, closing(open_custody(stores.settings)) as custody:
        heal_custody(custody, stores.presence)
        record_rules(
            custody, lambda drafts: stores.log.append(drafts, now=now_utc()), actor=operator()
        )
        yield CustodyDesk(stores=stores, custody=custody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks or decides."""

    actor: str
    token: str
    """Id of the token that they are known by; empty: by the system's user only."""


def asker_of(stores: Stores, *, now: Instant) -> Person:
    """Who asks: the system's user, and by the token of PRATIQUE_OPERATOR_TOKEN where there is one.

    Raises: InputError when it is no living token, or none is given and `four_eyes_tokens` wants one.
    """
    secret = os.environ.get(ASKER_VARIABLE, "")
    if secret:
        return Person(actor=operator(), token=_approver_token(stores, secret, now).id)
    if stores.settings.custody.four_eyes_tokens:
        raise InputError(
            "who asks must be known by a token here ([custody] four_eyes_tokens)",
            expected=f"your own token in {ASKER_VARIABLE}",
        )
    return Person(actor=operator(), token="")


def approver_of(stores: Stores, *, now: Instant) -> Person:
    """Who decides, known by a token: from PRATIQUE_APPROVER_TOKEN, else typed without an echo.

    Raises: InputError when it is no living token of an approver.
    """
    secret = os.environ.get(TOKEN_VARIABLE, "")
    if not secret:
        secret = typed("Approver's token", hidden=True, instead=f"set {TOKEN_VARIABLE}")
    record = _approver_token(stores, secret, now)
    return Person(actor=f"approver:{record.name}", token=record.id)


def check_second(stores: Stores, asked: Person, approver: Person) -> None:
    """Refuse an approver who asked: by name, by token, or by a token of the same name. Raises: InputError."""
    names = [one.name for one in stores.control.tokens() if one.id == asked.token]
    for asked_by in (asked.actor, *(f"approver:{name}" for name in names)):
        check_four_eyes(
            asked_by=asked_by,
            approver=approver.actor,
            asked_token=asked.token,
            approver_token=approver.token,
        )


def approver_actor(stores: Stores, *, now: Instant) -> str:
    """As `approver_of`: the actor."""
    return approver_of(stores, now=now).actor


def _approver_token(stores: Stores, secret: str, now: Instant) -> TokenRecord:
    digest = hashlib.sha256(secret.strip().encode()).hexdigest()
    record = stores.control.token_by_secret(digest)
    living = (
        record is not None
        and record.revoked_at is None
        and (record.expires_at is None or record.expires_at > now)
    )
    if record is None or not living or record.role != "approver":
        raise InputError(
            "that is not the living token of an approver",
            remedy="make one with: pratique token create NAME --role approver",
        )
    return record


def lease_state(
    lease: Lease, scopes: dict[ScopeId, Scope], now: Instant, *, holds: Collection[Hold]
) -> str:
    """`living`, `not-yet`, `expired`, `suspended` or `revoked`."""
    found = [scopes[one] for one in lease.scopes if one in scopes]
    if any(scope.state is ScopeState.ENDED for scope in found):
        return "revoked"
    if lease.not_after <= now:
        return "expired"
    if any(scope.state is ScopeState.SUSPENDED for scope in found) or idle_refusal(holds, lease):
        return "suspended"
    return "not-yet" if now < lease.not_before else "living"


def unexpired(leases: Iterable[Lease], now: Instant) -> list[Lease]:
    """Leases that may still disclose something, now or later."""
    return [lease for lease in leases if lease.not_after > now]


def worst_line(worst: int, in_hand: int, logins: Logins | None = None) -> str:
    """The number that a console shows, in words."""
    held = f", and {human_bytes(in_hand)} that doors have in hand," if in_hand else ""
    line = (
        f"If every lease were in the wrong hands now, {human_bytes(worst)}{held} could still leave."
    )
    if logins is None or not logins.roles:
        return line
    if logins.bytes is not None:
        return f"{line} With everybody who can still log in by a role: {human_bytes(logins.bytes)}."
    names = ", ".join(logins.boundless[:_NAMED])
    return (
        f"{line} Nothing bounds what could leave by those who can still log in by role {names}: set a cap "
        "on its project, vendor or client."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """What people who log in by roles could add."""

    roles: int
    bytes: int | None
    """With every lease; None: nothing bounds it."""
    boundless: tuple[str, ...]

    @property
    def told(self) -> dict[str, Any]:
        """For programs."""
        return {"with_logins_bytes": self.bytes, "boundless_roles": list(self.boundless)}


def logins_of(
    scopes: Collection[Scope], leases: Collection[Lease], roles: Collection[Role], *, now: Instant
) -> Logins:
    """What roles add to the worst case."""
    return Logins(
        roles=len(roles),
        bytes=worst_with_logins(scopes, leases, roles, now=now),
        boundless=boundless_roles(scopes, roles, now=now),
    )


def caps_line(scope: Scope) -> dict[str, Any]:
    """A scope for programs: its state, caps and what was given."""
    return {
        "id": scope.id,
        "state": scope.state.value,
        "reason": scope.reason,
        "incident": scope.incident,
        "cap_bytes": scope.cap_bytes,
        "cap_objects": scope.cap_objects,
        "reserved_bytes": scope.reserved_bytes,
        "reserved_objects": scope.reserved_objects,
    }


def left_words(scope: Scope) -> list[str]:
    """What is left of a scope's caps, for people; empty where it has none."""
    size, objects = rest_bytes(scope), rest_objects(scope)
    words = []
    if size is not None:
        words.append(f"{human_bytes(size)} left of {human_bytes(scope.cap_bytes or 0)}")
    if objects is not None:
        words.append(f"{objects:,} objects left of {scope.cap_objects or 0:,}")
    return words


def echo_json(answer: object) -> None:
    """Print an answer for programs."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
