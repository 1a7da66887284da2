"""Scopes that get no keys, whatever a gateway says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pratique.custody.errors import BrokerRefusedError
from pratique.edge.custody.broker.frames import Stopped
from pratique.edge.custody.broker.holds import BrokerHolds
from pratique.edge.custody.broker.suspension_log import Suspension, SuspensionLog

_SCOPE = re.compile(
    r"(vendor|project|holder|lease|client|dataset):[A-Za-z0-9][A-Za-z0-9._@+/-]{0,400}"
)
_MAX_SCOPES = 100_000
_MAX_OF_GATEWAYS = 50_000
"""An owned gateway cannot take the room that operators need."""
_MAX_REASON = 500


class Suspensions:
    """What is suspended; durable before anybody hears of it."""

    def __init__(self, folder: Path) -> None:
        """Read it. Raises: KeyBrokenError: whoever damages it resumes nothing."""
        self._log = SuspensionLog(folder)
        self.holds = BrokerHolds(folder)
        """Suspensions of parties, which stop kinds of leases."""
        self._held = self._log.load()
        self._of_gateways = sum(held.by_gateway for held in self._held.values())
        self._resumed: dict[str, int] = {}
        """Epochs of resumptions by operators: a gateway that is late does not stop these again."""

    def all(self) -> dict[str, Suspension]:
        """By scope."""
        return dict(sorted(self._held.items()))

    def suspend(self, scope: str, *, reason: str, incident: str) -> None:
        """From now on, and after every restart. Raises: BrokerRefusedError, OSError."""
        if _SCOPE.fullmatch(scope) is None:
            raise BrokerRefusedError("not a scope", reason="request")
        if len(self._held) >= _MAX_SCOPES and scope not in self._held:
            raise BrokerRefusedError(
                "too many suspended scopes; suspend one above", reason="request"
            )
        since = datetime.now(tz=UTC).replace(microsecond=0)
        made = Suspension(reason=reason[:_MAX_REASON], incident=incident[:_MAX_REASON], since=since)
        # Refused from this moment, durable before the answer.
        before = self._held.get(scope)
        self._held[scope] = made
        self._of_gateways -= before is not None and before.by_gateway
        self._keep({scope: made})

    def suspend_for_gateway(self, stopped: Iterable[Stopped]) -> None:
        """As `suspend`, many at once; what is suspended already keeps its words.

        Raises: BrokerRefusedError, OSError.
        """
        since = datetime.now(tz=UTC).replace(microsecond=0)
        made = {
            one.scope: Suspension(
                reason=one.reason[:_MAX_REASON],
                incident=one.incident[:_MAX_REASON],
                since=since,
                by_gateway=True,
            )
            for one in stopped
            if one.scope not in self._held and one.epoch > self._resumed.get(one.scope, -1)
        }
        if not made:
            return
        if any(_SCOPE.fullmatch(scope) is None for scope in made):
            raise BrokerRefusedError("not a scope", reason="request")
        known = self._of_gateways
        if known + len(made) > _MAX_OF_GATEWAYS or len(self._held) + len(made) > _MAX_SCOPES:
            raise BrokerRefusedError("too many suspended scopes", reason="request")
        self._held.update(made)
        self._of_gateways += len(made)
        self._keep(made)

    def resume(self, scope: str, *, epoch: int = -1) -> bool:
        """Whether it was suspended. Raises: OSError; then it still is."""
        self._resumed[scope] = max(epoch, self._resumed.get(scope, -1))
        if scope not in self._held:
            return False
        self._log.append({scope: None})
        self._of_gateways -= self._held.pop(scope).by_gateway
        self._log.fold(self._held)
        return True

    def check(self, scopes: Iterable[str]) -> None:
        """Raise BrokerRefusedError when one of them is suspended."""
        for scope in scopes:
            held = self._held.get(scope)
            if held is not None:
                words = ", ".join(word for word in (held.reason, held.incident) if word)
                kind, _, name = scope.partition(":")
                raise BrokerRefusedError(
                    f"{kind} {name} is suspended{': ' if words else ''}{words}",
                    reason="suspended",
                    scope=scope,
                )

    def _keep(self, made: Mapping[str, Suspension]) -> None:
        self._log.append(made)
        self._log.fold(self._held)
