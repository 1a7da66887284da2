"""Which known items an advisory means: decided once per item, exactly, before any asset is looked at.

1. A digest says it for sure, and a digest known to be clean says the opposite.
2. Where refs are said to have moved, they decide for refs, and only while they were moved.
3. Else name and version: listed texts, and ranges by the order of their type. 1.82.70 is not 1.82.7.
4. A requirement without a version matches when it admits a bad version.
5. A version that has no order is compared as text only; where that leaves a question, it is a gap.

Source: OSV schema, "Evaluation"; docs/howto/advisories.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from packaging.version import Version

from pratique.exposure.advisories.model import (
    Advisory,
    Affected,
    How,
    Match,
    MovedRef,
    Range,
    is_whole,
)
from pratique.exposure.advisories.order import (
    REF_TYPES,
    SEMVER_TYPES,
    Ordered,
    bound,
    is_commit,
    key_of,
    ordered,
    partial,
    pep440,
    semantic,
)
from pratique.exposure.ports import ItemRow
from pratique.policy.advisories import is_affected, matches_version
from pratique.policy.osv import Advisory as PolicyAdvisory
from pratique.policy.osv_wire import usable_events
from pratique.policy.spelling import version_key_of_text
from pratique.values.names import ProjectName
from pratique.values.spans import DAWN, OPEN, to_micros

_NAMED: Final = 5
"""Versions named in one sentence."""
_BEST: Final = {How.DIGEST: 0, How.VERSION: 1, How.REF: 2, How.RANGE: 3}


class Resolution(NamedTuple):
    """What an advisory means among the items known."""

    matches: dict[int, Match]
    """By item id."""
    gaps: tuple[str, ...]
    """Sentences: what could not be decided, and how it was taken."""


def match_items(
    affected: Sequence[Affected], rows: Sequence[ItemRow], *, clean: Collection[str] = ()
) -> dict[int, Match]:
    """The items that are meant, with the best reason for each."""
    deciders: dict[tuple[str, str], list[_Decider]] = {}
    by_digest: dict[str, str] = {}
    for one in affected:
        deciders.setdefault((one.type, one.name), []).append(_Decider(one))
        by_digest.update((digest, digest) for digest in _whole_digests(one))
    found: dict[int, Match] = {}
    for row in rows:
        if row.digest and row.digest in clean:
            continue
        if row.digest in by_digest:
            found[row.id] = Match(How.DIGEST, sure=True, said=row.digest)
            continue
        matches = [m for each in deciders.get((row.type, row.name), ()) for m in each.decide(row)]
        if matches:
            found[row.id] = _joined(matches)
    return found


def resolve(advisory: Advisory, rows: Sequence[ItemRow]) -> Resolution:
    """As `match_items`, of a whole advisory, with what could not be decided."""
    matches = match_items(advisory.affected, rows, clean=advisory.clean)
    return Resolution(matches=matches, gaps=tuple(_gaps(advisory.affected, rows, matches)))


def affects_version(affected: Affected, version: str) -> bool:
    """Whether the advisory speaks of this version of its project, digests and refs left aside."""
    return _Decider(affected).version(version) is not None


def _whole_digests(one: Affected) -> Iterator[str]:
    yield from (digest for digest in one.digests if is_whole(digest))
    yield from (digest for ref in one.refs for digest in ref.digests if is_whole(digest))


def _joined(matches: Sequence[Match]) -> Match:
    """The best reason; of several equally good ones the widest time."""
    best = min(_BEST[one.how] for one in matches)
    equal = [one for one in matches if _BEST[one.how] == best]
    return equal[0]._replace(
        start=min(one.start for one in equal), end=max(one.end for one in equal)
    )


class _Decider:
    """One `Affected`, prepared for many items."""

    def __init__(self, affected: Affected) -> None:
        self.affected = affected
        self._keys = {key_of(affected.type, text): text for text in affected.versions}
        self._prefixes = tuple(
            digest
            for digest in (*affected.digests, *(d for ref in affected.refs for d in ref.digests))
            if not is_whole(digest)
        )
        self._python = _as_policy(affected) if affected.type == "pypi" else None

    def decide(self, row: ItemRow) -> Iterator[Match]:
        """Reasons why an item of this project is meant."""
        if row.digest:
            for prefix in self._prefixes:
                if row.digest.startswith(prefix):
                    yield Match(How.DIGEST, sure=True, said=prefix)
        # What is pinned by its whole digest cannot be moved.
        if self.affected.refs and row.version and not is_commit(row.version):
            yield from self._refs(row)
            return
        if row.version:
            said = self.version(row.version)
            if said is not None:
                yield Match(How.VERSION, sure=False, said=said)
            elif row.type in REF_TYPES and self._moves_along(row.version):
                yield Match(How.RANGE, sure=False, said=row.version)
            return
        if self._admits(row):
            yield Match(How.RANGE, sure=False, said=row.range or "any version")

    def version(self, text: str) -> str | None:
        """What in the advisory speaks of a version; None: nothing."""
        one = self.affected
        if one.everything:
            return "every version"
        listed = self._keys.get(key_of(one.type, text))
        if listed is not None:
            return listed
        if self._python is not None:
            version = pep440(text)
            if version is not None and matches_version(self._python, version):
                return _said(one, text)
            return None
        return next((_words(each) for each in one.ranges if _in_range(one.type, each, text)), None)

    def _refs(self, row: ItemRow) -> Iterator[Match]:
        for ref in self.affected.refs:
            if not _names(ref, row.version):
                continue
            if row.digest and ref.digests and _same_algorithm(row.digest, ref.digests):
                continue  # it is known what it pointed at, and that was not the bad content
            yield Match(
                How.REF,
                sure=False,
                start=DAWN if ref.start is None else to_micros(ref.start),
                end=OPEN if ref.end is None else to_micros(ref.end),
                said=ref.ref if ref.ref != "*" else "every ref",
            )

    def _moves_along(self, text: str) -> bool:
        """Whether a ref such as `v45` may have stood for an affected version."""
        numbers = partial(text)
        if numbers is None or len(numbers) == 3:  # noqa: PLR2004 - a whole version was compared
            return False
        spelled = ".".join(map(str, numbers))
        return any(_npm_meets(each, spelled) for each in self.affected.ranges) or any(
            (version := semantic(listed)) is not None
            and (version.major, version.minor)[: len(numbers)] == numbers
            for listed in self.affected.versions
        )

    def _admits(self, row: ItemRow) -> bool:
        """Whether a requirement may have brought an affected version."""
        one = self.affected
        bad = [*one.digests, *(digest for ref in one.refs for digest in ref.digests)]
        if row.digest and bad and _same_algorithm(row.digest, bad):
            return False  # the item is known by its content, and that is not the bad one
        if not row.range or one.everything:
            return True
        if not one.versions and all(each.type == "GIT" for each in one.ranges):
            return bool(one.digests or one.ranges)  # which versions are bad is not said: any may be
        if one.type == "pypi":
            return self._python_admits(row.range)
        if one.type in SEMVER_TYPES:
            from pratique.exposure.advisories.npm_ranges import npm_bounds  # noqa: PLC0415 - loads semver

            spans = npm_bounds(row.range)
            versions = [semantic(text) for text in one.versions]
            return any(
                span.admits(version)
                for span in spans
                for version in versions
                if version is not None
            ) or any(_npm_meets(each, row.range) for each in one.ranges)
        return True

    def _python_admits(self, text: str) -> bool:
        from packaging.specifiers import (  # noqa: PLC0415 - slow to load, and few questions meet ranges
            InvalidSpecifier,
            SpecifierSet,
        )

        try:
            wanted = SpecifierSet(text)
        except InvalidSpecifier:
            return True
        one = self.affected
        versions = [v for v in map(pep440, one.versions) if v is not None]
        if any(wanted.contains(version, prereleases=True) for version in versions):
            return True
        if self._python is None or not self._python.ranges:
            return False
        # Two spans meet exactly where the start of one lies in the other. Holes (`!=`) and open
        # ends (`>`) are closed for that, because what lies right behind them is admitted.
        closed = SpecifierSet(
            ",".join(
                f"{'>=' if each.operator == '>' else each.operator}{each.version}"
                for each in wanted
                if each.operator != "!="
            )
        )
        starts = [_start(each) for each in one.ranges if each.type != "GIT"]
        if any(closed.contains(start, prereleases=True) for part in starts for start in part):
            return True
        lower = [v for each in closed if (v := _lower(each.operator, each.version)) is not None]
        return matches_version(self._python, max(lower, default=Version("0.dev0")))


def _lower(operator: str, text: str) -> Version | None:
    return None if operator in {"<", "<="} else pep440(text.removesuffix(".*"))


def _start(each: Range) -> list[Version]:
    return [
        version
        for kind, text in each.events
        if kind == "introduced" and (version := pep440(text)) is not None
    ]


def _as_policy(one: Affected) -> PolicyAdvisory:
    """The same, as the policy's own matcher takes it: one evaluation of PEP 440 ranges, not two."""
    events = tuple(
        usable
        for each in one.ranges
        if each.type != "GIT"
        if (usable := usable_events(each.events, []))
    )
    keys = {key for text in one.versions if (key := version_key_of_text(text)) is not None}
    return PolicyAdvisory(
        id="",
        project=ProjectName(one.name),
        malware=False,
        reviewed_by="",
        versions=tuple(sorted(keys)),
        ranges=events,
        everything=False,
        sha256=(),
    )


def _said(one: Affected, text: str) -> str:
    return next(
        (_words(each) for each in one.ranges if _in_range("pypi", each, text)), f"version {text}"
    )


def _bounds(type_: str, each: Range) -> list[tuple[Ordered, str]] | None:
    """A range's events in rising order; None when it cannot be ordered."""
    if each.type == "GIT":
        return None
    unlimited = ("limit", "*") in each.events
    found: list[tuple[Ordered, str]] = []
    for kind, text in each.events:
        if unlimited and kind == "limit":
            continue
        place = bound(type_, each.type, text)
        if place is None and kind == "introduced":
            place = bound(type_, each.type, "0")
        if place is not None:
            found.append((place, kind))
    return sorted(found, key=lambda event: _Key(event[0])) if found else None


class _Key:
    """Sorting by `<` alone."""

    __slots__ = ("place",)

    def __init__(self, place: Ordered) -> None:
        self.place = place

    def __lt__(self, other: _Key) -> bool:
        return self.place < other.place


def _in_range(type_: str, each: Range, text: str) -> bool:
    bounds = _bounds(type_, each)
    candidate = ordered(type_, each.type, text)
    return bounds is not None and candidate is not None and is_affected(bounds, candidate)


def _npm_meets(each: Range, requirement: str) -> bool:
    """Whether a requirement and a range share a version: where one starts, the other holds."""
    bounds = _bounds("npm", each)
    if bounds is None:
        return each.type != "GIT"
    from pratique.exposure.advisories.npm_ranges import npm_bounds  # noqa: PLC0415 - loads semver

    spans = npm_bounds(requirement)
    lowest = bound("npm", each.type, "0")
    starts = [place for place, kind in bounds if kind == "introduced"]
    for span in spans:
        low = lowest if span.low is None else span.low
        if low is not None and is_affected(bounds, low) and (span.high is None or low < span.high):
            return True
        for start in starts:
            below = span.low is not None and start < span.low
            above = span.high is not None and not start < span.high
            if not below and not above:
                return True
    return False


def _names(ref: MovedRef, version: str) -> bool:
    if ref.ref == "*":
        return version not in ref.spared
    return version == ref.ref


def _same_algorithm(digest: str, others: Iterable[str]) -> bool:
    algorithm = digest.partition(":")[0]
    return all(other.partition(":")[0] == algorithm for other in others)


def _words(each: Range) -> str:
    signs = {"introduced": ">=", "fixed": "<", "last_affected": "<=", "limit": "<"}
    return ",".join(f"{signs.get(kind, kind)}{text}" for kind, text in each.events)[:200]


def _gaps(
    affected: Sequence[Affected], rows: Sequence[ItemRow], matches: dict[int, Match]
) -> Iterator[str]:
    for one in affected:
        package = f"{one.type}/{one.name}"
        versioned = [each for each in one.ranges if each.type != "GIT"]
        if (
            len(versioned) < len(one.ranges)
            and not versioned
            and not one.versions
            and not one.digests
        ):
            yield f"{package}: the advisory names only commits; no release can be told from them"
        if not versioned or one.everything:
            continue
        unclear = [
            row.version
            for row in rows
            if (row.type, row.name) == (one.type, one.name)
            and row.version
            and row.id not in matches
            and not is_commit(row.version)
            and not any(_decidable(one.type, each, row.version) for each in versioned)
        ]
        if unclear:
            some = ", ".join(sorted(set(unclear))[:_NAMED])
            yield (
                f"{package}: {len(set(unclear))} versions cannot be ordered ({some}), so that nobody"
                f" can say whether {_words(versioned[0])} includes them; they are compared as text only"
            )


def _decidable(type_: str, each: Range, text: str) -> bool:
    return _bounds(type_, each) is not None and ordered(type_, each.type, text) is not None
