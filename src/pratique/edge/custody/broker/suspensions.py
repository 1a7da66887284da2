"""Scopes that get no keys, whatever a gateway says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.edge.custody.broker.frames import Stopped
from pratique.edge.custody.broker.holds import BrokerHolds
from pratique.edge.custody.broker.key_files import write_durably

_SCOPE = re.compile(
    r"(vendor|project|holder|lease|client|dataset):[A-Za-z0-9][A-Za-z0-9._@+/-]{0,400}"
)
_MAX_SCOPES = 100_000
_MAX_OF_GATEWAYS = 50_000
"""An owned gateway cannot take the room that operators need."""
_MAX_REASON = 500


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """Why a scope gets nothing."""

    reason: str
    incident: str
    since: datetime
    by_gateway: bool = False


class Suspensions:
    """The file `suspended`; durable before anybody hears of it."""

    def __init__(self, folder: Path) -> None:
        """Read it. Raises: KeyBrokenError: whoever damages it resumes nothing."""
        self._path = folder / "suspended"
        self.holds = BrokerHolds(folder)
        """Suspensions of parties, which stop kinds of leases."""
        self._held: dict[str, Suspension] = {}
        self._resumed: dict[str, int] = {}
        """Epochs of resumptions by operators: a gateway that is late does not stop these again."""
        try:
            self._held = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Suspension])
        except FileNotFoundError:
            pass
        except msgspec.DecodeError:
            raise KeyBrokenError(
                f"{self._path} is damaged", remedy="put it back from its copy"
            ) from None

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
        self._held[scope] = made
        self._save(self._held)

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
        known = sum(held.by_gateway for held in self._held.values())
        if known + len(made) > _MAX_OF_GATEWAYS or len(self._held) + len(made) > _MAX_SCOPES:
            raise BrokerRefusedError("too many suspended scopes", reason="request")
        self._held.update(made)
        self._save(self._held)

    def resume(self, scope: str, *, epoch: int = -1) -> bool:
        """Whether it was suspended. Raises: OSError; then it still is."""
        self._resumed[scope] = max(epoch, self._resumed.get(scope, -1))
        if scope not in self._held:
            return False
        left = {name: held for name, held in self._held.items() if name != scope}
        self._save(left)
        self._held = left
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

    def _save(self, held: dict[str, Suspension]) -> None:
        write_durably(self._path, msgspec.json.encode(held, order="sorted"))
