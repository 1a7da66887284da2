"""From what is asked to what is looked for: advisories, releases, digests, windows, behaviour.

Items are matched once, exactly, before any asset is looked at; the number of assets does not matter
here. Source: docs/explain/certainty.md, "What counts as it".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from pratique.exposure.advisories.model import (
    Advisory,
    Affected,
    How,
    Match,
    Payload,
    Trigger,
    Window,
)
from pratique.exposure.incident import AdvisoryUsed, Asked, WindowLine

if TYPE_CHECKING:
    from pratique.exposure.ports import FactQueries, ItemRow

_HINTS: Final = 3
_STRENGTH: Final = {How.DIGEST: 0, How.VERSION: 1, How.REF: 2, How.RANGE: 3}


class AdvisoryLibrary(Protocol):
    """Where recorded advisories are looked up."""

    def newest(self, id_: str, *, tx: int) -> Advisory | None:
        """The newest revision below `tx` with its overlay; None when none is recorded."""
        ...

    def mentioning(self, what: str, *, tx: int) -> Sequence[str]:
        """Ids of recorded advisories that name `package:TYPE/NAME`."""
        ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for."""

    asked: Asked
    used: tuple[AdvisoryUsed, ...]
    advisories: tuple[Advisory, ...]
    by_hand: tuple[Affected, ...]
    clean: frozenset[str]
    windows: tuple[WindowLine, ...]
    payloads: tuple[Payload, ...]
    unasked: tuple[str, ...]
    """Recorded advisories that name a project asked for, and were not asked about."""

    @property
    def affected(self) -> tuple[Affected, ...]:
        """What advisories and people say is bad."""
        return (*(each for one in self.advisories for each in one.affected), *self.by_hand)

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """(type, name) of every project looked for."""
        return frozenset((one.type, one.name) for one in self.affected if one.name)

    @property
    def digests(self) -> frozenset[str]:
        """Everything known to be bad by its hash."""
        listed = {digest for one in self.affected for digest in one.digests}
        listed.update(d for one in self.affected for ref in one.refs for d in ref.digests)
        return frozenset(listed)

    @property
    def unclaimed(self) -> tuple[str, ...]:
        """What no window speaks of: it may always have been there, whatever is said of the rest."""
        if self.asked.windows or not self.windows:
            return ()
        covered: set[tuple[str, str]] = set()
        files: set[str] = set()
        found: list[str] = []
        for one in self.advisories:
            packages = {window.package for window in one.windows}
            told = {name for name in one.names if not packages.isdisjoint({"", "/".join(name)})}
            covered |= told
            if told or packages:
                files.update(digest for each in one.affected for digest in each.digests)
            found += ["/".join(name) for name in one.names if name[1] and name not in told]
        for each in self.by_hand:
            if each.name and (each.type, each.name) not in covered:
                found.append(f"{each.type}/{each.name}")
            elif not each.name and not files.issuperset(each.digests):
                found.append("a file known by its hash only")
        return tuple(sorted(set(found)))

    @property
    def claims(self) -> tuple[WindowLine, ...]:
        """Windows that sharpen: none where an advisory or a release asked for has none at all."""
        own = {"/".join(name) for one in self.advisories if one.windows for name in one.names}
        return self.windows if own.issuperset(self.unclaimed) else ()

    @property
    def findable(self) -> bool:
        """Whether each advisory names something that could be recognized."""
        return all(
            advisory.affected
            and all(
                one.versions or one.ranges or one.digests or one.refs or one.everything
                for one in advisory.affected
            )
            for advisory in self.advisories
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """Advisories asked for of which nothing is recorded."""
        return tuple(one.id for one in self.used if not one.revision)

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences: what is wrong with the advisories that were asked for."""
        found = [
            f"Advisory {one} is not recorded here, so nobody is cleared." for one in self.missing
        ]
        if self.unclaimed:
            some = ", ".join(self.unclaimed[:_HINTS])
            found.append(
                f"No window speaks of {some}: only what was watched from the beginning, or from"
                " --from, is cleared of it."
            )
        if not self.findable:
            found.append("An advisory names nothing that can be looked for, so nobody is cleared.")
        for one in self.used:
            if one.withdrawn:
                found.append(f"Advisory {one.id} was withdrawn; it was followed all the same.")
            found += [f"Advisory {one.id}: {problem}" for problem in one.problems]
        found += [
            f"Advisory {one} is recorded and names a project asked about: --advisory {one} adds its"
            " windows, digests and behaviour."
            for one in self.unasked[:_HINTS]
        ]
        return tuple(found)

    def triggers(self, item: ItemRow) -> frozenset[Trigger]:
        """What makes the payload of an item run."""
        package = f"{item.type}/{item.name}"
        return frozenset(
            trigger
            for one in self.payloads
            if one.package in {"", package} and (not one.versions or item.version in one.versions)
            for trigger in one.trigger
        )

    @property
    def persists(self) -> bool:
        """Whether something stays behind when the release is removed."""
        return any(one.persists for one in self.payloads)


def resolve_question(asked: Asked, library: AdvisoryLibrary, *, tx: int) -> Wanted:
    """Look up the advisories of a question and join what they say with what was asked by hand."""
    found = {one: library.newest(one, tx=tx) for one in asked.advisories}
    known = [one for one in found.values() if one is not None]
    by_hand = [
        Affected(type=one.type, name=one.name, versions=(one.version,)) for one in asked.releases
    ]
    if asked.digests:
        by_hand.append(Affected(type="", name="", digests=asked.digests))
    return Wanted(
        asked=asked,
        used=tuple(_used(name, one) for name, one in found.items()),
        advisories=tuple(known),
        by_hand=tuple(by_hand),
        clean=_clean(known, by_hand),
        windows=(*asked.windows, *(_line(each) for one in known for each in one.windows)),
        payloads=tuple(each for one in known for each in one.payload),
        unasked=_unasked(asked, library, tx),
    )


def _clean(known: Iterable[Advisory], by_hand: Iterable[Affected]) -> frozenset[str]:
    """Files that are good; what anybody calls bad is not among them, whoever contradicts."""
    bad = {digest for one in by_hand for digest in one.digests}
    for advisory in known:
        bad.update(digest for one in advisory.affected for digest in one.digests)
    return frozenset(digest for one in known for digest in one.clean) - bad


def _unasked(asked: Asked, library: AdvisoryLibrary, tx: int) -> tuple[str, ...]:
    """What whoever asks for a release by hand may not know of."""
    packages = dict.fromkeys(f"package:{one.type}/{one.name}" for one in asked.releases)
    named = {id_ for what in packages for id_ in library.mentioning(what, tx=tx)}
    return tuple(sorted(named - set(asked.advisories)))


def _used(name: str, found: Advisory | None) -> AdvisoryUsed:
    if found is None:
        return AdvisoryUsed(id=name, revision="", entry=-1, source="", modified="", summary="")
    revision = found.revision
    modified = "" if revision.modified is None else revision.modified.isoformat()
    return AdvisoryUsed(
        id=name,
        revision=revision.revision,
        entry=revision.entry,
        source=revision.source,
        modified=modified.replace("+00:00", "Z"),
        summary=revision.summary,
        withdrawn=revision.withdrawn is not None,
        problems=revision.defects,
    )


def _line(window: Window) -> WindowLine:
    return WindowLine(
        channel=window.channel,
        start=window.start,
        end=window.end,
        source=window.source,
        confidence=window.confidence.value,
    )


def is_of_door(wanted: Wanted) -> bool:
    """Whether all that is looked for could be looked up in what a Python index delivered.

    It knows files by release and SHA-256: nothing of other registries, of refs, of other hashes. It
    lists versions without local labels, so a range that tells builds apart cannot be looked up.
    """
    return all(
        one.type in {"pypi", ""}
        and not one.refs
        and not any("+" in text for each in one.ranges for _, text in each.events)
        and all(digest.startswith("sha256:") for digest in one.digests)
        for one in wanted.affected
    )


class Found(NamedTuple):
    """Items known that are meant."""

    rows: Mapping[int, ItemRow]
    matches: Mapping[int, Match]
    others: tuple[ItemRow, ...]
    """Items of the same projects that are not meant."""
    gaps: tuple[str, ...]
    """Sentences: what could not be decided, and how it was taken."""


def find_items(wanted: Wanted, queries: FactQueries, *, tx: int) -> Found:
    """Match what is known against what is looked for.

    A file's identity is its hash: what the named releases were seen to hash to is looked for under
    every name.
    """
    rows: dict[int, ItemRow] = {}
    if wanted.names:
        rows.update((row.id, row) for row in queries.items_named(wanted.names, tx=tx))
    if wanted.digests:
        rows.update((row.id, row) for row in queries.items_with_digest(wanted.digests, tx=tx))
    matches, gaps = match_rows(wanted, list(rows.values()))
    told = _projects_with_digests(wanted.affected)
    files = set()
    for number, match in list(matches.items()):
        row = rows[number]
        if match.how is How.VERSION and row.digest and (row.type, row.name) not in told:
            matches[number] = match._replace(how=How.DIGEST)
            files.add(row.digest)
    if files:
        for row in queries.items_with_digest(files, tx=tx):
            if row.id not in matches and row.digest not in wanted.clean:
                rows[row.id] = row
                matches[row.id] = Match(How.DIGEST, sure=True, said=row.digest)
    others = tuple(
        row
        for row in rows.values()
        if row.id not in matches and (row.type, row.name) in wanted.names
    )
    return Found({number: rows[number] for number in matches}, matches, others, gaps)


def match_rows(wanted: Wanted, rows: Sequence[ItemRow]) -> tuple[dict[int, Match], tuple[str, ...]]:
    """What each advisory means, and what was asked by hand; the best reason for each item."""
    from pratique.exposure.advisories.matching import match_items, resolve  # noqa: PLC0415 - loads packaging

    found = match_items(wanted.by_hand, rows) if wanted.by_hand else {}
    gaps: list[str] = []
    for advisory in wanted.advisories:
        told = resolve(advisory, rows)
        gaps += told.gaps
        for number, match in told.matches.items():
            known = found.get(number)
            if known is None or _STRENGTH[match.how] < _STRENGTH[known.how]:
                found[number] = match
    clean = {row.id for row in rows if row.digest and row.digest in wanted.clean}
    return {n: match for n, match in found.items() if n not in clean}, tuple(gaps)


def _projects_with_digests(affected: Iterable[Affected]) -> frozenset[tuple[str, str]]:
    """Projects whose bad files are known by hash: there another hash is not surely a bad file.

    Where no hash of a bad release is known, a sighting with name, version and hash is that file.
    """
    return frozenset((one.type, one.name) for one in affected if one.digests or one.refs)
