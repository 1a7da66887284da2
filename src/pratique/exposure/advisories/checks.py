"""Contradictions in what advisories say, each named in a sentence.

Advisories are corrected for days, and answers rest on them meanwhile: PYSEC-2026-206 marked every
version of a project, a first report called one of two bad releases clean. None of these checks
changes what counts; they say what a person should look at. Source: docs/howto/advisories.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from pratique.exposure.advisories.matching import affects_version
from pratique.exposure.advisories.model import Advisory, AdvisoryRevision, Affected, Window
from pratique.exposure.advisories.order import key_of
from pratique.values.instants import Instant, render_instant
from pratique.values.spans import DAWN, OPEN, to_micros_or_null

Known = Mapping[tuple[str, str], Sequence[str]]
"""(type, name) → versions that items or index pages have shown; raw texts."""

_FEW: Final = 2
"""Of fewer known versions, "every" says nothing."""
_NAMED: Final = 8
_SLACK: Final = timedelta(minutes=1)
"""Windows that differ by less are the same."""

_VERSION: Final = re.compile(
    r"(?<![\w./:@-])v?(\d+(?:\.\d+){1,3}(?:(?:a|b|rc|\.post|\.dev|-[a-z]+\.?)\d+)?)(?![\w/:@]|\.\d)"
)
_LINK: Final = re.compile(
    r"\S+://\S+|CVSS:\S+|\b\d{1,3}(?:\.|\[\.\])(?:\d{1,3}(?:\.|\[\.\])){2}\d{1,3}\b"
)
_GOOD_BEFORE: Final = re.compile(
    r"(?:fixed|patched|upgrad\w*|updat\w*|downgrad\w*|pin\w*|clean|safe|good|unaffected|before|prior"
    r"|until|below|above|after|since|python|node|wsgi)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
_GOOD_AFTER: Final = re.compile(
    r"^\W{0,3}(?:is|was|are|were)\W+(?:\w+\W+)?(?:clean|safe|fine|unaffected|not affected)",
    re.IGNORECASE,
)


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Two things said that cannot both be so, or one that can hardly be so."""

    rule: str
    """`text-against-versions`, `called-clean`, `every-version`, `window-shorter`, `never-listed`,
    `published-late`, `dates`, `aliases-disagree`, `withdrawn-alone`."""
    sentence: str
    package: str = ""
    versions: tuple[str, ...] = ()


def check_advisory(
    advisory: Advisory,
    *,
    known: Known | None = None,
    listed: Known | None = None,
    others: Iterable[Advisory] = (),
) -> tuple[Contradiction, ...]:
    """Everything about an advisory that does not fit together.

    `known`: versions that any evidence has named; `listed`: versions on index pages that the door
    recorded; `others`: advisories that may speak of the same.
    """
    return (
        *_text(advisory),
        *_sweeping(advisory, known or {}),
        *_windows(advisory),
        *_never_listed(advisory, listed or {}),
        *_dates(advisory),
        *_aliases(advisory, others),
    )


# ── text against versions ────────────────────────────────────────────────────────────────────


def versions_in_text(text: str) -> tuple[tuple[str, bool], ...]:
    """(version, whether the text calls it good) as a text names them, in order, once each."""
    bare = _LINK.sub(lambda match: " " * len(match.group()), text)
    found: dict[str, bool] = {}
    for match in _VERSION.finditer(bare):
        good = bool(
            _GOOD_BEFORE.search(bare[max(0, match.start() - 48) : match.start()])
            or _GOOD_AFTER.search(bare[match.end() : match.end() + 40])
        )
        # Named once as bad is named as bad: "affects 1.2; upgrade from 1.2 to 1.3".
        found[match.group(1)] = found.get(match.group(1), good) and good
    return tuple(found.items())


def _text(advisory: Advisory) -> Iterator[Contradiction]:
    revision = advisory.revision
    told = versions_in_text(f"{revision.summary}\n{revision.details}")
    affected = [one for one in revision.affected if one.versions or one.ranges]
    if not told or not affected or any(one.everything for one in affected):
        return
    bad = [text for text, good in told if not good]
    fixes = {text for one in affected for each in one.ranges for kind, text in each.events
             if kind in {"fixed", "limit"}}  # fmt: skip
    missing = [
        v for v in bad if v not in fixes and not any(affects_version(a, v) for a in affected)
    ]
    if missing:
        yield Contradiction(
            rule="text-against-versions",
            sentence=f"the text names {_list(missing)}, which neither versions nor ranges include",
            versions=tuple(missing),
        )
    called = [v for v, good in told if good and any(_lists(one, v) for one in affected)]
    if called:
        yield Contradiction(
            rule="called-clean",
            sentence=f"the text calls {_list(called)} good or fixed, and the versions include it",
            versions=tuple(called),
        )
    yield from _untold(affected, bad)


def _untold(affected: Sequence[Affected], bad: Sequence[str]) -> Iterator[Contradiction]:
    for one in affected:
        keys = {key_of(one.type, text) for text in bad}
        untold = [text for text in one.versions if key_of(one.type, text) not in keys]
        if bad and untold and len(untold) < len(one.versions) and len(one.versions) <= _NAMED:
            yield Contradiction(
                rule="text-against-versions",
                sentence=f"the versions include {_list(untold)}, of which the text says nothing",
                package=f"{one.type}/{one.name}",
                versions=tuple(untold),
            )


def _lists(one: Affected, version: str) -> bool:
    return key_of(one.type, version) in {key_of(one.type, text) for text in one.versions}


# ── ranges against what is known ─────────────────────────────────────────────────────────────


def _sweeping(advisory: Advisory, known: Known) -> Iterator[Contradiction]:
    told = [v for v, good in versions_in_text(advisory.revision.details) if not good]
    for one in advisory.revision.affected:
        versions = sorted(set(known.get((one.type, one.name), ())))
        if len(versions) < _FEW and not one.everything:
            continue
        hit = [version for version in versions if affects_version(one, version)]
        if len(hit) < len(versions):
            continue
        which = f"every one of {len(versions)} known versions" if versions else "every version"
        text = f", while the text names {_list(told)}" if told else ""
        yield Contradiction(
            rule="every-version",
            sentence=f"{one.type}/{one.name}: the advisory means {which}{text};"
            " true of a project that was bad from the start, and of mistakes",
            package=f"{one.type}/{one.name}",
        )


def _never_listed(advisory: Advisory, listed: Known) -> Iterator[Contradiction]:
    for one in advisory.revision.affected:
        pages = listed.get((one.type, one.name))
        if not pages:
            continue
        keys = {key_of(one.type, text) for text in pages}
        absent = [text for text in one.versions if key_of(one.type, text) not in keys]
        if absent:
            yield Contradiction(
                rule="never-listed",
                sentence=f"{one.type}/{one.name}: no index page that this door recorded listed"
                f" {_list(absent)} ({len(keys)} other versions were); it may have come and gone"
                " between two pages, or the number is wrong",
                package=f"{one.type}/{one.name}",
                versions=tuple(absent),
            )


# ── windows ──────────────────────────────────────────────────────────────────────────────────


def _windows(advisory: Advisory) -> Iterator[Contradiction]:
    for one in advisory.windows:
        same = [other for other in advisory.windows if _same_thing(one, other)]
        # A window of some versions begins when those came: only equal claims differ at the start.
        equal = [other for other in same if other.versions == one.versions]
        first = min(equal, key=lambda each: to_micros_or_null(each.start) or DAWN)
        last = max(same, key=lambda each: to_micros_or_null(each.end) or OPEN)
        for word, other, mine, theirs in (
            ("starts", first, one.start, first.start),
            ("ends", last, one.end, last.end),
        ):
            if _apart(mine, theirs):
                yield Contradiction(
                    rule="window-shorter",
                    sentence=f"{one.channel}: {one.source!r} {word} at {_at(mine)},"
                    f" {other.source!r} at {_at(theirs)}{_difference(mine, theirs)};"
                    " the widest counts",
                    package=one.package or other.package,
                    versions=one.versions or other.versions,
                )


def _same_thing(one: Window, other: Window) -> bool:
    versions = not one.versions or not other.versions or set(one.versions) & set(other.versions)
    packages = not one.package or not other.package or one.package == other.package
    return one.channel == other.channel and bool(versions) and packages


def _apart(one: Instant | None, other: Instant | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > _SLACK


def _at(moment: Instant | None) -> str:
    return "a time nobody says" if moment is None else render_instant(moment)


def _difference(one: Instant | None, other: Instant | None) -> str:
    if one is None or other is None:
        return ""
    minutes = int(abs(one - other).total_seconds()) // 60
    return f", {minutes // 60} h {minutes % 60} min apart"


# ── dates and other records ──────────────────────────────────────────────────────────────────


def _dates(advisory: Advisory) -> Iterator[Contradiction]:
    revision = advisory.revision
    published = revision.published
    if published is None:
        return
    if revision.modified is not None and revision.modified < published:
        yield Contradiction(
            rule="dates",
            sentence=f"modified at {_at(revision.modified)}, before it was published at"
            f" {_at(published)}",
        )
    starts = [one.start for one in advisory.windows if one.start is not None]
    ends = [one.end for one in advisory.windows if one.end is not None]
    if starts and published < min(starts):
        yield Contradiction(
            rule="dates",
            sentence=f"published at {_at(published)}, before anything could be had"
            f" ({_at(min(starts))})",
        )
    if ends and published > max(ends):
        yield Contradiction(
            rule="published-late",
            sentence=f"published at {_at(published)}, after the last window had ended"
            f" ({_at(max(ends))}): nobody was warned by it in time",
        )
    overlay = advisory.overlay
    aware = overlay.first_aware if overlay is not None else None
    if aware is not None and published > aware.at + _SLACK:
        yield Contradiction(
            rule="published-late",
            sentence=f"published at {_at(published)}, known since {_at(aware.at)} ({aware.source})",
        )


def _aliases(advisory: Advisory, others: Iterable[Advisory]) -> Iterator[Contradiction]:
    mine = advisory.revision
    for other in others:
        theirs = other.revision
        if theirs.id == mine.id or not _same_incident(mine, theirs):
            continue
        if (mine.withdrawn is None) != (theirs.withdrawn is None):
            gone, stays = (mine, theirs) if mine.withdrawn is not None else (theirs, mine)
            yield Contradiction(
                rule="withdrawn-alone",
                sentence=f"{gone.id} was withdrawn, its alias {stays.id} was not",
            )
            continue
        yield from _disagreeing(advisory, other)


def _same_incident(one: AdvisoryRevision, other: AdvisoryRevision) -> bool:
    return not {one.id, *one.aliases}.isdisjoint({other.id, *other.aliases})


def _disagreeing(one: Advisory, other: Advisory) -> Iterator[Contradiction]:
    theirs = {(each.type, each.name): each for each in other.affected}
    for each in one.affected:
        against = theirs.get((each.type, each.name))
        if against is None:
            continue
        more = [v for v in each.versions if not affects_version(against, v)]
        less = [v for v in against.versions if not affects_version(each, v)]
        for versions, has, lacks in ((more, one, other), (less, other, one)):
            if versions:
                yield Contradiction(
                    rule="aliases-disagree",
                    sentence=f"{has.revision.id} includes {_list(versions)}, its alias"
                    f" {lacks.revision.id} does not",
                    package=f"{each.type}/{each.name}",
                    versions=tuple(versions),
                )


def _list(versions: Sequence[str]) -> str:
    some = ", ".join(versions[:_NAMED])
    return some if len(versions) <= _NAMED else f"{some} and {len(versions) - _NAMED} more"
