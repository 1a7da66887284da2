"""What one sighting of a bad item says of its asset: the rule table of docs/explain/certainty.md.

Rules are asked in order and the first that applies decides; afterwards a sighting that may lie
wholly outside the span asked about is no more than possible.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pratique.exposure.certainty import Certainty
from pratique.inventory.observed.model import AssetKind, EvidenceClass, PlaceKind, Stage
from pratique.values.spans import DAWN, OPEN, Span

_NAMED_ONLY: Final = frozenset({PlaceKind.LOCK, PlaceKind.MANIFEST})
INERT: Final = frozenset({AssetKind.REPOSITORY, AssetKind.CACHE})
"""Assets in which nothing runs: they hold files that something else installs."""
SHORT_LIVED: Final = frozenset({AssetKind.CI_RUN})
"""Assets whose very existence is that something ran, from what was resolved for it."""


class Seen(NamedTuple):
    """A sighting of an item that a question is about."""

    how: str
    """`digest`, `version`, `ref` or `range`: by what it was recognized."""
    stage: int
    place_kind: str
    asset_kind: str
    span: Span
    evidence_class: int
    bad_from: int = DAWN
    bad_to: int = OPEN
    """The item is bad only in [bad_from, bad_to): a ref while it was moved."""
    pointed: str = ""
    """Of a ref, what is known of where it pointed then: `bad`, `perhaps`, `good` or nothing."""


class Said(NamedTuple):
    """What a sighting says."""

    certainty: Certainty
    rule: str
    stage: int


class Frame(NamedTuple):
    """What sightings are judged against, in microseconds."""

    asked_from: int
    asked_to: int
    window_from: int
    window_to: int
    """The widest of all claims."""
    agreed_from: int = DAWN
    agreed_to: int = OPEN
    """What all claims agree on."""


RULES: Final = {
    "executed": "evidence that its code ran",
    "digest-seen": "this very file or commit was there, by its hash",
    "resolved-and-run": "a lock file or workflow names it, and a run used that while it could be had",
    "name-and-version": "name and version were there; no hash says that it was this very file",
    "moved-ref": "the ref was used while it surely pointed at something bad",
    "moved-ref-perhaps": "the ref was used at a time at which it may have been moved",
    "declared": "an SBOM, a list or a person says that it was there",
    "admitted": "an unpinned requirement admits it; nothing says which release came",
    "listed": "a lock file or list names it; nothing says that it was installed",
    "cache-after-window": "name and version in a cache or mirror, after it had left the index",
    "perhaps-outside": "it may have been there only outside the span asked about",
    "fetched": "our own door delivered the whole file",
    "fetch-unfinished": "our own door began to deliver the file, or the client said it had it already",
    "fetched-in-part": "only parts of the file left our own door",
    "offered": "our own door offered it; no download was seen",
}
"""Rules of presence, with what each means. Those of absence are in `absence`."""


def judge_sighting(seen: Seen, frame: Frame) -> Said | None:
    """What a sighting says; None when the ref pointed at nothing bad then."""
    said = _of_ref(seen, frame) if seen.how == "ref" else _of_item(seen, frame)
    if said is None:
        return None
    if seen.evidence_class >= EvidenceClass.DECLARED and said.rule not in _DECLARED_ANYWAY:
        said = _capped(said, Certainty.PROBABLE, "declared")
    if not seen.span.surely_overlaps(frame.asked_from, frame.asked_to):
        said = _capped(said, Certainty.POSSIBLE, "perhaps-outside")
    return said


_DECLARED_ANYWAY: Final = frozenset({"listed", "admitted", "resolved-and-run"})
"""Rules that ask for no more than a declaration."""


def _capped(said: Said, best: Certainty, rule: str) -> Said:
    return said if said.certainty.rank >= best.rank else Said(best, rule, said.stage)


def _of_item(seen: Seen, frame: Frame) -> Said:
    stage = seen.stage
    if seen.how == "range":
        return Said(Certainty.POSSIBLE, "admitted", stage)
    if stage >= Stage.EXECUTED:
        return Said(Certainty.CONFIRMED, "executed", stage)
    if stage == Stage.LISTED:
        return _of_listing(seen, frame)
    if seen.how == "digest":
        return Said(Certainty.CONFIRMED, "digest-seen", stage)
    in_cache = seen.place_kind in {PlaceKind.CACHE, PlaceKind.DOOR}
    if in_cache and stage == Stage.FETCHED and seen.span.from_lo >= frame.window_to:
        return Said(Certainty.POSSIBLE, "cache-after-window", stage)
    return Said(Certainty.PROBABLE, "name-and-version", stage)


def _of_listing(seen: Seen, frame: Frame) -> Said:
    """A lock file installs nothing, but a run does what its lock file says."""
    if seen.asset_kind in SHORT_LIVED and seen.place_kind in _NAMED_ONLY:
        if seen.span.may_overlap(frame.window_from, frame.window_to):
            return Said(Certainty.PROBABLE, "resolved-and-run", Stage.INSTALLED)
        return Said(Certainty.POSSIBLE, "listed", Stage.LISTED)
    return Said(Certainty.POSSIBLE, "listed", Stage.LISTED)


def _of_ref(seen: Seen, frame: Frame) -> Said | None:
    """A ref counts by where it pointed when it was used: by facts, else by when it was moved.

    It was used at one instant of the span, so only a span that lies wholly in what all claims agree
    on is sure.
    """
    if seen.pointed == "good" or not seen.span.may_overlap(seen.bad_from, seen.bad_to):
        return None
    stage = seen.stage
    used = stage > Stage.LISTED or seen.asset_kind in SHORT_LIVED
    if not used:
        return Said(Certainty.POSSIBLE, "listed", stage)
    stage = max(stage, Stage.INSTALLED)
    surely_from = max(seen.bad_from, frame.agreed_from)
    surely_to = min(seen.bad_to, frame.agreed_to)
    within = surely_from <= seen.span.from_lo and seen.span.to_hi <= surely_to
    if seen.pointed == "bad" or (within and not seen.pointed):
        return Said(Certainty.PROBABLE, "moved-ref", stage)
    return Said(Certainty.POSSIBLE, "moved-ref-perhaps", stage)
