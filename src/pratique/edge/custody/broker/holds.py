"""Suspensions of parties as the broker knows them: by the terms that it signed, not by what a door says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.custody.holds import Held, hold_refusal, idle_refusal, standing_refusal
from pratique.custody.model import Hold, HoldId, Refusal
from pratique.edge.custody.broker.key_files import write_durably

_ID: Final = re.compile(r"S-[A-Z2-7]{12}")
_MOST: Final = 10_000
_MOST_WITH_GATEWAYS: Final = 5_000
"""An owned gateway cannot take the room that operators need."""
_MOST_BYTES: Final = 64 << 20
_MOST_BYTES_WITH_GATEWAYS: Final = 32 << 20
_MOST_NAMES: Final = 500
_LONGEST: Final = 1_000
"""Characters of reason and incident together."""


class BrokerHolds:
    """The file `holds`; durable before anybody hears of it. A hold that was released stays so."""

    def __init__(self, folder: Path) -> None:
        """Read it. Raises: KeyBrokenError: whoever damages it resumes nothing."""
        self._path = folder / "holds"
        self._held: dict[HoldId, Hold] = {}
        self._released: set[str] = set()
        """Since this process began: a door that is late does not stop these again."""
        try:
            self._held = msgspec.json.decode(self._path.read_bytes(), type=dict[HoldId, Hold])
        except FileNotFoundError:
            pass
        except msgspec.DecodeError:
            raise KeyBrokenError(
                f"{self._path} is damaged", remedy="put it back from its copy"
            ) from None

    def sentences(self) -> dict[str, str]:
        """What is said of each, by id."""
        return {one.id: hold_refusal(one).sentence for one in self._held.values()}

    def add(self, holds: Iterable[Hold]) -> None:
        """What gateways know: from now on, and after every restart; what stands keeps its words.

        Raises: BrokerRefusedError, OSError.
        """
        new = {
            one.id: one
            for one in holds
            if one.id not in self._held and one.id not in self._released and not one.lifted
        }
        self._take(new, most=_MOST_WITH_GATEWAYS, most_bytes=_MOST_BYTES_WITH_GATEWAYS)

    def put(self, holds: Iterable[Hold]) -> None:
        """As `add`, by an operator, whose word counts.

        A gateway sees a hold in the doors' store before the operator says it here: one that is owned could
        have said something else under its id.
        """
        new = {
            one.id: one
            for one in holds
            if one != self._held.get(one.id) and one.id not in self._released and not one.lifted
        }
        self._take(new, most=_MOST, most_bytes=_MOST_BYTES)

    def _take(self, new: dict[HoldId, Hold], *, most: int, most_bytes: int) -> None:
        if not new:
            return
        if not all(map(_sound, new.values())):
            raise BrokerRefusedError("not a hold", reason="request")
        held = self._held | new
        data = _encoded(held)
        if len(held) > most or len(data) > most_bytes:
            raise BrokerRefusedError("too many holds", reason="request")
        # Refused from this moment, durable before the answer.
        self._held = held
        write_durably(self._path, data)

    def release(self, hold: str) -> bool:
        """Whether it stood; operators only. Raises: OSError; then it still does."""
        if _ID.fullmatch(hold) is None:
            raise BrokerRefusedError("not the id of a hold", reason="request")
        left = {name: one for name, one in self._held.items() if name != hold}
        if len(left) != len(self._held):
            write_durably(self._path, _encoded(left))
        stood, self._held = len(left) != len(self._held), left
        self._released.add(hold)
        return stood

    def check(self, terms: Held, dataset: str = "") -> None:
        """Raise BrokerRefusedError when one stops what these terms do with a dataset."""
        _raise(standing_refusal(self._held.values(), terms, dataset))

    def check_mint(self, role: Held) -> None:
        """Raise BrokerRefusedError when a lease under a role could do nothing."""
        _raise(idle_refusal(self._held.values(), role))


def _encoded(held: Mapping[HoldId, Hold]) -> bytes:
    return msgspec.json.encode(held, order="sorted")


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise BrokerRefusedError(refusal.sentence, reason="suspended", scope=refusal.scope)


def _sound(hold: Hold) -> bool:
    names = (*hold.vendors, hold.client, hold.project, hold.dataset, hold.party)
    return (
        _ID.fullmatch(hold.id) is not None
        and bool(hold.vendors) != bool(hold.client)
        and len(hold.vendors) <= _MOST_NAMES
        and max(map(len, names)) <= _LONGEST
        and len(hold.reason) + len(hold.incident) <= _LONGEST
        # Holds are told in the order of their age, on operators' terminals too.
        and hold.since.tzinfo is not None
        and (hold.party + hold.reason + hold.incident).isprintable()
    )
