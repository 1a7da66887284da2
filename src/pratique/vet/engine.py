"""From the bytes of a release file, as they arrive, to a report.

Owns: the order of things. Never: I/O; a verdict `clean` over something that was not examined.

    vetting = Vetting("litellm-1.82.8-py3-none-any.whl", context=Context(project="litellm"), base=base)
    for chunk in chunks:
        vetting.feed(chunk)          # contents are analysed while the rest is still on its way
    outcome = vetting.finish()       # .report, .release, .new

What happens in which order, and why: docs/explain/vetting.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from pratique.vet.archive_signs import archive_signs
from pratique.vet.archives.model import Member, ProblemClass, Reading
from pratique.vet.archives.reader import open_archive
from pratique.vet.base import Base, ContentKey, Known
from pratique.vet.collector import at_rest, forget_startup
from pratique.vet.content.registry import warm_contents
from pratique.vet.contents import Contents
from pratique.vet.gate import matcher
from pratique.vet.limits import DEFAULT, THOROUGH, VetLimits
from pratique.vet.links import LINK_AS_CODE
from pratique.vet.listed import Listed, Met
from pratique.vet.loaded import loaded_by
from pratique.vet.model import (
    ENGINE,
    ContentFacts,
    Context,
    FileEntry,
    Language,
    Metadata,
    PlacedSign,
    Regime,
    ReleaseFacts,
    Report,
)
from pratique.vet.old_facts import facts_of_old
from pratique.vet.old_files import open_old
from pratique.vet.release.clones import shipped_index
from pratique.vet.release.metadata import read_metadata
from pratique.vet.release.rules.wheel_not_in_sdist import compare_with_sdist
from pratique.vet.release.view import ReleaseView, open_view
from pratique.vet.score import Weights, shipped_weights
from pratique.vet.verdict import Case, bounded_sentences, judge, rules_by_name, unknown_report

__all__ = [
    "Base",
    "ContentKey",
    "Known",
    "Outcome",
    "Vetting",
    "facts_of",
    "vet_archive",
    "warm_up",
]


_SMALLEST = b"\0" * 10_240
"""A tar without members."""


def know_nothing(_sha256: str, _language: Language) -> ContentFacts | None:
    """A store without facts."""
    return None


def warm_up() -> None:
    """Load every table that vetting needs, so that nothing is read from disk later."""
    matcher()
    shipped_weights()
    shipped_index()
    rules_by_name()
    warm_contents()
    vet_archive(_SMALLEST, "warm-1.0.tar")
    forget_startup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What vetting gives back; all but the report is for the store."""

    report: Report
    release: ReleaseFacts
    new: Mapping[ContentKey, ContentFacts] = field(default_factory=dict)
    """Facts that were made now, and were not known before."""
    partial: bool = False
    """Whether some contents have no facts, because only what was added to them was looked at. As a base
    the release is then whole only with its archive (`Base.read`)."""


class Vetting:
    """A release file being vetted while it arrives.

    Order: any number of `feed`, then one `finish`. No exception on hostile bytes.
    """

    def __init__(
        self,
        filename: str,
        *,
        context: Context | None = None,
        base: Base | None = None,
        known: Known = know_nothing,
        limits: VetLimits = DEFAULT,
        weights: Weights | None = None,
        sibling: Base | None = None,
        sha256: str = "",
        listed: Listed | None = None,
    ) -> None:
        """`sibling`: for a wheel, the facts of the sdist of the same release, where they are at hand.

        `sha256`: of the whole file, from a caller who proves it before the outcome counts. `listed`:
        indicators of one's own, beside the shipped ones.
        """
        self._filename = filename
        self._context = context or Context()
        self._base = base
        self._sibling = sibling
        self._limits = limits
        self._weights = weights or shipped_weights()
        self._contents = Contents(filename, base=base, known=known, limits=limits)
        self._archive = open_archive(
            filename, limits=limits.archive, open_scanner=self._contents.open_scanner
        )
        self._met = Met(listed) if listed is not None else None
        self._sha256 = sha256
        self._hash = None if sha256 else hashlib.sha256()
        self._size = 0
        self._failed: list[str] = []

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file, and analyse the members that they complete."""
        if self._hash is not None:
            self._hash.update(chunk)
        self._size += len(chunk)
        if self._failed:
            return
        try:
            with at_rest():
                for member in self._archive.feed(chunk):
                    self._take(member)
        except Exception as error:  # noqa: BLE001 - our mistake on hostile bytes: the rest is unread
            self._failed.append(f"reading stopped at byte {self._size:,}: {type(error).__name__}")

    def _take(self, member: Member) -> None:
        self._contents.take(member)
        if self._met is not None and member.path in self._contents.entries:
            self._met.take(member, self._contents.entries[member.path].language)

    def finish(self, archive: bytes | memoryview | None = None) -> Outcome:
        """Judge what was read.

        Shape: with `archive`, the whole of it, what only readers see that begin at its end is examined
        too; without it, there being such a thing makes `unknown`.
        """
        with at_rest():
            return self._finish(archive)

    def _finish(self, archive: bytes | memoryview | None) -> Outcome:
        reading = self._read_to_end(archive)
        release, unread = self._release(reading)
        contents = self._contents
        try:
            report = self._judge(release, reading, unread)
        except Exception as error:  # noqa: BLE001 - our mistake on hostile facts: never `clean`
            sentence = f"judging failed: {type(error).__name__}"
            report = unknown_report((*unread, sentence), limits=self._limits)
        return Outcome(
            report=report, release=release, new=contents.new, partial=bool(contents.carried)
        )

    def base(self, archive: bytes | memoryview | None = None) -> Base:
        """The facts of what was fed, without a judgement; instead of `finish`."""
        release, _ = self._release(self._read_to_end(archive))
        return Base(release=release, contents=dict(self._contents.facts))

    def _read_to_end(self, archive: bytes | memoryview | None) -> Reading | None:
        if self._failed:
            return None
        try:
            for member in self._archive.end(archive):
                self._take(member)
            project = self._context.project or self._filename.partition("-")[0]
            self._contents.settle(canonicalize_name(project))
            return self._archive.finish()
        except Exception as error:  # noqa: BLE001 - our mistake on hostile bytes: the rest is unread
            self._failed.append(f"reading failed at the end: {type(error).__name__}")
            return None

    def _release(self, reading: Reading | None) -> tuple[ReleaseFacts, tuple[str, ...]]:
        contents = self._contents
        unread = [*self._failed]
        if reading is not None:
            unread += [
                f"{problem.path}: {problem.sentence}" if problem.path else problem.sentence
                for problem in reading.problems
                if problem.problem_class is ProblemClass.UNREAD
                and not (problem.code == LINK_AS_CODE and problem.path in contents.links.followed)
            ]
        if contents.links.cut:
            unread.append(
                "links: more than are followed, so code may have names it was not read under"
            )
        try:
            metadata = read_metadata(contents.metadata)
        except Exception as error:  # noqa: BLE001 - our mistake on hostile metadata
            metadata = Metadata()
            unread.append(f"reading the metadata failed: {type(error).__name__}")
        release = ReleaseFacts(
            engine=ENGINE,
            filename=self._filename,
            sha256=self._sha256 if self._hash is None else self._hash.hexdigest(),
            kind=reading.kind.value if reading is not None else "other",
            size=self._size,
            files=tuple(sorted(contents.entries.values(), key=lambda entry: entry.path)),
            metadata=metadata,
            problems=bounded_sentences(unread, self._limits.sentences),
        )
        for entry in release.files:
            for sentence in contents.facts_at(entry).unfinished:
                unread.append(f"{entry.path}: {sentence}")
        return release, tuple(unread)

    def _judge(
        self, release: ReleaseFacts, reading: Reading | None, unread: tuple[str, ...]
    ) -> Report:
        contents = self._contents
        base = self._open_base()
        view = open_view(
            release, contents.facts_at, like=base.placement if base is not None else None
        )
        regime = Regime.FIRST
        if self._base is not None:
            regime = Regime.CLONE if self._base.clone else Regime.DIFF
        elif contents.original is not None:
            regime = Regime.CLONE
        case = Case(
            view=view,
            base=base,
            regime=regime,
            context=self._context,
            unread=unread,
            contents=len(contents.facts),
            analysed=contents.analysed,
            more=(
                *archive_signs(reading.problems if reading else ()),
                *self._not_in_sdist(view, base),
                *(self._met.signs(view) if self._met is not None else ()),
            ),
        )
        return judge(case, weights=self._weights, limits=self._limits)

    def _not_in_sdist(self, view: ReleaseView, base: ReleaseView | None) -> tuple[PlacedSign, ...]:
        sibling = self._sibling
        if sibling is None or (view.release.kind, sibling.release.kind) != ("wheel", "sdist"):
            return ()

        unknown = frozenset(
            entry.path
            for entry in sibling.release.files
            if (entry.sha256, entry.language) not in sibling.contents
        )

        def facts(entry: FileEntry) -> ContentFacts:
            known = sibling.contents.get((entry.sha256, entry.language))
            return known or ContentFacts(language=entry.language, size=entry.size)

        source = open_view(sibling.release, facts)
        return tuple(compare_with_sdist(view, source, base, unknown))

    def _open_base(self) -> ReleaseView | None:
        base = self._base
        if base is None:
            return None
        facts = facts_of_old(base, self._contents, self._limits)
        if all(
            facts(entry) is base.contents.get((entry.sha256, entry.language))
            for entry in base.release.files
        ):
            return view_of(base)
        return open_view(base.release, facts)


def vet_archive(
    data: bytes | memoryview,
    filename: str,
    *,
    context: Context | None = None,
    base: Base | None = None,
    known: Known = know_nothing,
    limits: VetLimits = DEFAULT,
    weights: Weights | None = None,
    sibling: Base | None = None,
    listed: Listed | None = None,
) -> Outcome:
    """Vet a file that is there as a whole."""
    vetting = Vetting(
        filename,
        context=context,
        base=base,
        known=known,
        limits=limits,
        weights=weights,
        sibling=sibling,
        listed=listed,
    )
    vetting.feed(data)
    return vetting.finish(data)


def facts_of(
    data: bytes | memoryview,
    filename: str,
    *,
    known: Known = know_nothing,
    limits: VetLimits = THOROUGH,
) -> Base:
    """Make the base from an archive that was approved: its facts, thoroughly, without a judgement."""
    vetting = Vetting(filename, known=known, limits=limits)
    vetting.feed(data)
    built = vetting.base(archive=data)
    base = Base(release=built.release, contents=built.contents, read=open_old(data, filename))
    prepare(base)
    return base


def prepare(base: Base) -> None:
    """Work out what every judgement against it needs, so that none has to."""
    loaded_by(base)
    view_of(base)


def view_of(base: Base) -> ReleaseView:
    """The view of a base by its own facts, made once."""
    known = base.made.get("view")
    if isinstance(known, ReleaseView):
        return known
    contents = base.contents

    def facts(entry: FileEntry) -> ContentFacts:
        known = contents.get((entry.sha256, entry.language))
        return known or ContentFacts(language=entry.language, size=entry.size)

    view = base.made["view"] = open_view(base.release, facts)
    return view
