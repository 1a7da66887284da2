"""Lock files of parties' repositories as they were last seen, and which of their pins are open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pratique.errors import PratiqueError
from pratique.exposure.ports import NOW_TX, Watched
from pratique.inventory.check import Material, check
from pratique.inventory.findings.rules import UNHASHED, UNPINNED, WEAK_HASH
from pratique.inventory.locks import lock_kind, read_lock
from pratique.inventory.observed.entries import LookBody
from pratique.inventory.observed.model import Evidence, PlaceKind
from pratique.parties.checks.facts import LockedBuild
from pratique.values.instants import Instant
from pratique.values.spans import to_micros

if TYPE_CHECKING:
    from pratique.store.presence import PresenceStore

_OPEN_PINS: Final = frozenset({UNHASHED.id, UNPINNED.id, WEAK_HASH.id})
_KINDS: Final = frozenset({PlaceKind.LOCK.value, PlaceKind.MANIFEST.value})
_TOLD: Final = 20
_MOST: Final = 5_000
"""Lock files read in one check."""


class _Judged(NamedTuple):
    loose: tuple[str, ...]
    total: int
    unread: str


class LockLooks:
    """Reads the newest look at each lock file again, by the bytes that were kept of it."""

    def __init__(self, presence: PresenceStore, evidence: Callable[[str], bytes | None]) -> None:
        self._presence = presence
        self._evidence = evidence
        self._judged: dict[str, _Judged] = {}

    def newest(self, assets: Mapping[int, str], *, now: Instant) -> Iterator[LockedBuild]:
        """Of each lock file of these assets (name by number) what its newest look says."""
        if not assets:
            return
        moment = to_micros(now)
        queries = self._presence.inventory
        last: dict[int, Watched] = {}
        for row in queries.watched(assets.keys(), moment, moment, tx=NOW_TX):
            if row.place not in last or last[row.place].entry < row.entry:
                last[row.place] = row
        places = {
            place.id: place
            for place in queries.places(last.keys())
            if place.kind in _KINDS and not last[place.id].ended and _is_lock(place.locator)
        }
        looks = {last[number].entry: place for number, place in places.items()}
        for entry in self._presence.custody.entries(sorted(looks)[:_MOST]):
            place = looks[entry.sequence]
            try:
                evidence = msgspec.convert(entry.body, LookBody).evidence
            except msgspec.ValidationError:
                evidence = ()
            judged = self._judge(evidence[0]) if evidence else _unread("no bytes of it were kept")
            yield LockedBuild(
                party="",
                asset=assets[place.asset],
                locator=place.locator,
                loose=judged.loose,
                loose_total=judged.total,
                unread=judged.unread,
                entry=entry.sequence,
            )

    def _judge(self, evidence: Evidence) -> _Judged:
        known = self._judged.get(evidence.sha256)
        if known is None:
            known = self._judged[evidence.sha256] = self._read(evidence)
        return known

    def _read(self, evidence: Evidence) -> _Judged:
        try:
            data = self._evidence(evidence.sha256)
            if data is None:
                return _unread("the bytes of its last look are not kept here")
            document = read_lock(evidence.locator, data)
        except PratiqueError as error:
            return _unread(error.message)
        report = check(Material(documents=(document,), launches={}), door=None, answers=None)
        loose = [one.message for one in report.findings if one.rule.id in _OPEN_PINS]
        return _Judged(tuple(loose[:_TOLD]), len(loose), "")


def _unread(why: str) -> _Judged:
    return _Judged((), 0, why)


def _is_lock(locator: str) -> bool:
    """Whether a locator names a lock file of Python's; what names only wishes (`.in`) is none."""
    path = locator.partition("@")[0]
    return lock_kind(path) is not None and not path.endswith(".in")
