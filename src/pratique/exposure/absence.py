"""When absence counts: the rule table for assets at which nothing bad was seen.

Only coverage clears. An asset is cleared when something watched it, as a whole and without a gap,
over all of its life in which it could have had the item; everything else is unknown, and says what
would have to look. docs/explain/certainty.md has the table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from pratique.exposure.certainty import Certainty
from pratique.exposure.ports import Watched
from pratique.inventory.observed.model import ONE_PLACE, AssetKind, LookMode, PlaceKind
from pratique.values.instants import render_instant
from pratique.values.spans import DAWN, OPEN, Span, from_micros

PATIENCE_MICROS: Final = 10 * 60 * 1_000_000
"""How long ago something that watches all the time may last have said so and still count until now:
two of the five-minute periods in which watchers report."""

WITNESSES: Final[Mapping[str, frozenset[str]]] = {
    AssetKind.CI_RUN: frozenset({PlaceKind.CI_LOG, PlaceKind.ASSET}),
    AssetKind.IMAGE: frozenset({PlaceKind.LAYER, PlaceKind.ENVIRONMENT, PlaceKind.ASSET}),
    AssetKind.ENVIRONMENT: frozenset({PlaceKind.ENVIRONMENT, PlaceKind.ASSET}),
    AssetKind.REPOSITORY: frozenset({PlaceKind.LOCK, PlaceKind.MANIFEST, PlaceKind.ASSET}),
    AssetKind.CACHE: frozenset({PlaceKind.CACHE, PlaceKind.ASSET}),
}
"""Looks that can show what an asset of a kind did not have. A lock file says nothing of what else a
run installed, an SBOM is somebody's claim, a look for credentials is about credentials."""
_WHOLE_ASSET: Final = frozenset({PlaceKind.ASSET})
_BORN_WITH_RECORD: Final = frozenset({AssetKind.CI_RUN, AssetKind.REPOSITORY})
"""Assets whose own record begins when they do: a run's log, a repository's history."""

RULES: Final = {
    "whole-life": "all of it was read, from its beginning to its end",
    "immutable": "it is named by its hash, and all of it was read",
    "watched": "it was watched as a whole, all the time",
    "other-release": "its only place surely held another release all the time",
    "bound-to-door": "it can install from nowhere but our door, which watched all the time",
    "outside-life": "it surely existed only before or after the item could be had",
    "door-watched": "our door watched all the time and nothing came through it to this asset",
    "door-refused": "it asked our door for the file and was refused: something there wants it",
    "door-gap": "our door did not watch all the time",
    "never-looked": "nothing has looked at it",
    "not-witnessed": "nothing has looked at it that could show what it did not have",
    "unreadable": "something there could not be read",
    "not-since": "cleared up to an instant; nothing is known since",
    "sampled-only": "it was only looked at now and then",
    "not-covered": "there is a time at which nothing watched it",
    "elsewhere": "only our door knows it, and whether it can install from elsewhere is not recorded",
    "unreadable-entry": "ledger entries that nobody can read may be about it",
    "advisory-missing": "an advisory that was asked for is not recorded here",
}
"""Rules of absence, with what each means."""


class Absence(NamedTuple):
    """What can be said of an asset at which nothing bad was seen."""

    certainty: Certainty
    rule: str
    missing: str = ""
    """Of `unknown`: what would have to look, in words that assets share."""
    detail: str = ""
    """What is special about this asset: an instant, a number of gaps."""


class Watch(NamedTuple):
    """A look, with the kind of its place."""

    place_kind: str
    look: Watched


def judge_absence(
    kind: str,
    name: str,
    watches: Sequence[Watch],
    start: int,
    end: int,
    *,
    patience: int = 0,
    others: Collection[Span] = (),
) -> Absence:
    """Whether looks clear an asset over `[start, end)`.

    `watches`: of every place of the asset, as `FactQueries.watched` gives them. `patience`: how long
    before `end` a watcher may have been heard last (`PATIENCE_MICROS` when `end` is now). `others`:
    when the only place of the asset held another release of *every* project asked for.
    """
    if not watches:
        return _unknown("never-looked", _HOW_TO_LOOK.get(kind, "a sweep"))
    witnesses = WITNESSES.get(kind, _WHOLE_ASSET)
    counted = [one for one in watches if one.place_kind in witnesses]
    if not counted:
        return _unknown("not-witnessed", _HOW_TO_LOOK.get(kind, "a sweep of all its roots"))
    if kind not in ONE_PLACE:
        counted = [one for one in counted if one.place_kind == PlaceKind.ASSET] or counted
    if kind == AssetKind.CI_RUN:
        return _judge_run([one.look for one in counted], start, end)
    if kind == AssetKind.IMAGE and "sha256:" in name:
        return _judge_content([one.look for one in counted])
    places: dict[int, list[Watched]] = {}
    for one in counted:
        places.setdefault(one.look.place, []).append(one.look)
    said = [_judge_place(kind, looks, start, end, patience) for looks in places.values()]
    worst = max(said, key=_severity)
    if (
        worst.rule in {"sampled-only", "not-since"}
        and kind == AssetKind.ENVIRONMENT
        and len(places) == 1
        and any(span.surely_covers(start, end) for span in others)
    ):
        return Absence(Certainty.CLEARED, "other-release")
    return worst


_HOW_TO_LOOK: Final[Mapping[str, str]] = {
    AssetKind.CI_RUN: "the whole log of the run (sweep its CI logs)",
    AssetKind.IMAGE: "a sweep of the image archive",
    AssetKind.ENVIRONMENT: "a sweep of the environment",
    AssetKind.REPOSITORY: "a sweep of the repository with its history",
    AssetKind.CACHE: "a sweep of the cache",
    AssetKind.VENDOR_SYSTEM: "the vendor's own answer, or its SBOMs and logs",
}

_SEVERITY: Final = ("unreadable", "not-covered", "sampled-only", "not-since")


def _severity(said: Absence) -> int:
    """The worst place decides about the asset."""
    return len(_SEVERITY) - _SEVERITY.index(said.rule) if said.rule in _SEVERITY else 0


def _unknown(rule: str, missing: str, detail: str = "") -> Absence:
    return Absence(Certainty.UNKNOWN, rule, missing, detail)


def _unread(looks: Sequence[Watched]) -> Absence:
    count = sum(max(look.gaps, 1) for look in looks)
    noun = "thing" if count == 1 else "things"
    return _unknown(
        "unreadable", "what could not be read there", f"{count} {noun}, see entry {looks[-1].entry}"
    )


def _judge_run(looks: Sequence[Watched], start: int, end: int) -> Absence:
    """A run is over and its log is all of it; several logs are its jobs, and each must be whole."""
    told = [look for look in looks if look.mode == LookMode.EVENT]
    over = all(look.ended for look in looks)
    if told and len(told) == len(looks):
        began_later = min(look.at_lo for look in told) >= end
        ended_before = over and max(look.at_hi for look in told) <= start
        if began_later or ended_before:
            return Absence(Certainty.CLEARED, "outside-life")
    unread = [look for look in looks if not look.whole]
    if unread:
        return _unread(unread)
    if over:
        return Absence(Certainty.CLEARED, "whole-life")
    return _unknown("not-covered", "the rest of the run's log: it had not ended when it was read")


def _judge_content(looks: Sequence[Watched]) -> Absence:
    """What is named by its hash never changes, so one whole look at each part is enough."""
    unread = [look for look in looks if not look.whole]
    return _unread(unread) if unread else Absence(Certainty.CLEARED, "immutable")


def _judge_place(
    kind: str, looks: Sequence[Watched], start: int, end: int, patience: int
) -> Absence:
    """One place over `[start, end)`, cut to what is known of its life."""
    told = sorted((look for look in looks if look.mode == LookMode.EVENT), key=lambda o: o.at_lo)
    born = told[0].at_lo if told and kind in _BORN_WITH_RECORD else DAWN
    newest = max(looks, key=lambda look: look.at_hi)
    died = newest.at_hi if newest.ended else OPEN
    start, until = max(start, born), min(end, died)
    if start >= until and (born > DAWN or died < OPEN):
        return Absence(Certainty.CLEARED, "outside-life")
    reached, gap = _watched_until(told, start, until)
    if reached >= until or (reached > start and gap == OPEN and until - reached <= patience):
        return Absence(Certainty.CLEARED, "watched")
    unread = [o for o in looks if not o.whole and o.at_hi >= start and o.at_lo < until]
    if unread:
        return _unread(unread)
    if reached > start and gap == OPEN:
        return _unknown("not-since", "a newer look", f"last looked at {_moment(reached)}")
    if told:
        detail = f"{_moment(reached)} to {_moment(gap)}"
        return _unknown("not-covered", "looks over the whole time", f"nothing watched {detail}")
    return _unknown("sampled-only", _SAMPLED.get(kind, _SAMPLED_MACHINE))


_SAMPLED_MACHINE: Final = (
    "event-driven coverage (sweep --watch): a short-lived environment between two looks would not"
    " be seen"
)
_SAMPLED: Final[Mapping[str, str]] = {
    AssetKind.ENVIRONMENT: "event-driven coverage (sweep --watch): what was installed and removed"
    " between two looks would not be seen",
    AssetKind.REPOSITORY: "its git history: a lock file that was replaced between two looks would"
    " not be seen",
    AssetKind.IMAGE: "the image by its digest: a tag may have meant another image between two looks",
}


def _watched_until(told: Sequence[Watched], start: int, until: int) -> tuple[int, int]:
    """How far whole event looks reach from `start` without a gap, and where the next one begins."""
    reached = start
    for look in told:
        if not look.whole or look.at_hi <= reached:
            continue
        if look.at_lo > reached:
            return reached, min(look.at_lo, until)
        reached = min(look.at_hi, until)
    return reached, OPEN


def _moment(micros: int) -> str:
    if micros <= DAWN:
        return "the beginning"
    return "now" if micros >= OPEN else render_instant(from_micros(micros))
