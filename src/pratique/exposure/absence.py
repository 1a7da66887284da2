"""When absence counts: the rule table for assets at which nothing bad was seen.

Only coverage clears. An asset is cleared when something watched it, as a whole and without a gap,
over all of its life in which it could have had the item; everything else is unknown, and says what
would have to look. docs/explain/certainty.md has the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pratique.exposure.certainty import Certainty
from pratique.exposure.ports import Watched
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind
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

RULES: Final = {
    "whole-life": "all of it was read, from its beginning to its end",
    "immutable": "it is named by its hash, and all of it was read",
    "watched": "it was watched as a whole, all the time",
    "whole-history": "its whole history was read, up to the end of the time in question",
    "other-release": "its only place surely held another release all the time",
    "bound-to-door": "it can install from nowhere but our door, which watched all the time",
    "outside-life": "it surely existed only before or after the item could be had",
    "door-watched": "our door watched all the time and nothing came through it to this asset",
    "door-refused": "it asked our door for the file and was refused: something there wants it",
    "door-unasked": "our door's record cannot be asked for all that is looked for",
    "door-gap": "our door did not watch all the time",
    "never-looked": "nothing has looked at it",
    "not-witnessed": "nothing has looked at it that could show what it did not have",
    "unreadable": "not all of it was read: only some roots were swept, or something could not be read",
    "not-since": "cleared up to an instant; nothing is known since",
    "sampled-only": "it was only looked at now and then",
    "not-covered": "there is a time at which nothing watched it",
    "elsewhere": "only our door knows it, and whether it can install from elsewhere is not recorded",
    "two-machines": "two machines use its name, and what was watched may have been the other one",
    "unreadable-entry": "ledger entries that nobody can read may be about it",
    "advisory-missing": "an advisory that was asked for is not recorded here",
    "advisory-unclear": "what an advisory names cannot all be recognized",
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
        return unknown_because(kind, "never-looked")
    witnesses = WITNESSES.get(kind, _WHOLE_ASSET)
    counted = [one for one in watches if one.place_kind in witnesses]
    if not counted:
        return unknown_because(kind, "not-witnessed")
    if kind == AssetKind.CI_RUN:
        return _judge_run(_by_place(counted), start, end)
    if kind == AssetKind.IMAGE and "sha256:" in name:
        return _judge_content([one.look for one in counted])
    if start >= end:
        return unknown_because(kind, "not-covered", "no time is asked about")
    if kind == AssetKind.REPOSITORY:
        return _judge_history(counted, start, end, patience)
    places = _by_place(counted)
    said = [_judge_place(kind, looks, start, end, patience) for looks in places]
    if any(one.certainty is Certainty.CLEARED for one in said):
        return Absence(Certainty.CLEARED, "watched")
    dated = kind == AssetKind.ENVIRONMENT and len(places) == 1
    if dated and said[0].rule == "sampled-only" and _throughout(others, start, end):
        return Absence(Certainty.CLEARED, "other-release")
    return min(said, key=lambda one: _TOLD_FIRST.index(one.rule))


def _by_place(watches: Iterable[Watch]) -> list[list[Watched]]:
    places: dict[int, list[Watched]] = {}
    for one in watches:
        places.setdefault(one.look.place, []).append(one.look)
    return list(places.values())


def _throughout(others: Iterable[Span], start: int, end: int) -> bool:
    return any(span.surely_covers(start, end) for span in others)


_TOLD_FIRST: Final = ("unreadable", "not-since", "not-covered", "sampled-only")
"""Of several places of an asset that is not cleared, the one that is told of."""

_HOW_TO_LOOK: Final[Mapping[str, str]] = {
    AssetKind.CI_RUN: "the whole log of the run (sweep its CI logs)",
    AssetKind.IMAGE: "a sweep of the image archive",
    AssetKind.ENVIRONMENT: "a sweep of the environment",
    AssetKind.REPOSITORY: "a sweep of the repository with its history",
    AssetKind.CACHE: "a sweep of the cache",
    AssetKind.VENDOR_SYSTEM: "the vendor's own answer, or its SBOMs and logs",
}


def unknown_because(kind: str, rule: str, detail: str = "") -> Absence:
    """That nothing is known of an asset of a kind, and what would have to look."""
    match rule:
        case "never-looked":
            missing = _HOW_TO_LOOK.get(kind, "a sweep")
        case "not-witnessed":
            missing = _HOW_TO_LOOK.get(kind, "a sweep of all its roots")
        case "sampled-only":
            missing = _SAMPLED.get(kind, _SAMPLED_MACHINE)
        case "not-covered" if kind == AssetKind.CI_RUN:
            missing = "the rest of the run's log: it had not ended when it was read"
        case _:
            missing = _MISSING[rule]
    return Absence(Certainty.UNKNOWN, rule, missing, detail)


_MISSING: Final[Mapping[str, str]] = {
    "unreadable": "what was not read there: the other roots of it, or what could not be read",
    "not-since": "a newer look",
    "not-covered": "looks over the whole time",
}


def _unread(kind: str, looks: Sequence[Watched]) -> Absence:
    count = sum(max(look.gaps, 1) for look in looks)
    noun = "thing" if count == 1 else "things"
    return unknown_because(kind, "unreadable", f"{count} {noun}, see entry {looks[-1].entry}")


def _judge_run(places: Sequence[Sequence[Watched]], start: int, end: int) -> Absence:
    """A run is over and its log is all of it; several logs are its jobs, and each must be whole."""
    if all(any(look.ended and look.whole for look in looks) for looks in places):
        return Absence(Certainty.CLEARED, "whole-life")
    every = [look for looks in places for look in looks]
    if all(look.mode == LookMode.EVENT for look in every):
        over = all(any(look.ended for look in looks) for looks in places)
        began_later = min(look.at_lo for look in every) >= end
        ended_before = over and max(look.at_hi for look in every) <= start
        if began_later or ended_before:
            return Absence(Certainty.CLEARED, "outside-life")
    unread = [look for look in every if not look.whole]
    if unread:
        return _unread(AssetKind.CI_RUN, unread)
    return unknown_because(AssetKind.CI_RUN, "not-covered")


def _judge_content(looks: Sequence[Watched]) -> Absence:
    """What is named by its hash never changes, so one whole look at each part is enough."""
    unread = [look for look in looks if not look.whole]
    return _unread(AssetKind.IMAGE, unread) if unread else Absence(Certainty.CLEARED, "immutable")


def _judge_history(watches: Sequence[Watch], start: int, end: int, patience: int) -> Absence:
    """A repository's history is its past: one whole look at it covers all time before the look."""
    unread = [
        one.look
        for one in watches
        if not one.look.whole and one.look.at_hi >= start and one.look.at_lo < end
    ]
    if unread:
        return _unread(AssetKind.REPOSITORY, unread)
    read = any(
        one.look.mode == LookMode.EVENT for one in watches if one.place_kind != PlaceKind.ASSET
    )
    whole = [one.look for one in watches if one.place_kind == PlaceKind.ASSET and one.look.whole]
    if not read or not whole:
        return unknown_because(AssetKind.REPOSITORY, "sampled-only")
    newest = max(look.at_lo for look in whole)
    if newest + patience >= end:
        return Absence(Certainty.CLEARED, "whole-history")
    return unknown_because(AssetKind.REPOSITORY, "not-since", f"last looked at {_moment(newest)}")


def _judge_place(
    kind: str, looks: Sequence[Watched], start: int, end: int, patience: int
) -> Absence:
    """One place over `[start, end)`. That it was gone once does not say that it stayed so."""
    told = sorted((look for look in looks if look.mode == LookMode.EVENT), key=lambda o: o.at_lo)
    reached, gap = _watched_until(told, start, end)
    if reached >= end or (reached > start and gap == OPEN and end - reached <= patience):
        return Absence(Certainty.CLEARED, "watched")
    unread = [look for look in looks if not look.whole and look.at_hi >= start and look.at_lo < end]
    if unread:
        return _unread(kind, unread)
    if reached > start and gap == OPEN:
        return unknown_because(kind, "not-since", f"last looked at {_moment(reached)}")
    if told:
        detail = f"{_moment(reached)} to {_moment(gap)}"
        return unknown_because(kind, "not-covered", f"nothing watched {detail}")
    return unknown_because(kind, "sampled-only")


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
