"""From the bytes of a release file, as they arrive, to a report.

Owns: the order of things. Never: I/O; a verdict `clean` over something that was not examined.

    vetting = Vetting("litellm-1.82.8-py3-none-any.whl", context=Context(project="litellm"), base=base)
    for chunk in chunks:
        vetting.feed(chunk)          # contents are analysed while the rest is still on its way
    outcome = vetting.finish()       # .report, .release, .new
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pratique.vet.limits import DEFAULT, VetLimits
from pratique.vet.model import ContentFacts, Context, Language, ReleaseFacts, Report

ContentKey: TypeAlias = "tuple[str, Language]"
"""sha256 in hex, and how the content is read."""
Known: TypeAlias = "Callable[[str, Language], ContentFacts | None]"
"""Asks the store for facts of a content that was analysed before."""


def know_nothing(_sha256: str, _language: Language) -> ContentFacts | None:
    """A store without facts."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a release is judged against: its approved predecessor, or the project that it copies."""

    release: ReleaseFacts
    contents: Mapping[ContentKey, ContentFacts]
    """Facts of all its contents that have some."""
    read: Callable[[str], bytes | None] | None = None
    """Gives a member's bytes by path, when the archive is at hand: only lines that were added are then
    looked at. `old_files` makes one from the archive's bytes."""
    clone: bool = False
    """Whether it is another project, which this one copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What vetting gives back; the second and third are for the store."""

    report: Report
    release: ReleaseFacts
    new: Mapping[ContentKey, ContentFacts] = field(default_factory=dict)
    """Facts that were made now, and were not known before."""


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
    ) -> None: ...

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file, and analyse the members that they complete."""

    def finish(self) -> Outcome:
        """Judge what was read."""
        raise NotImplementedError


def vet_archive(
    data: bytes | memoryview,
    filename: str,
    *,
    context: Context | None = None,
    base: Base | None = None,
    known: Known = know_nothing,
    limits: VetLimits = DEFAULT,
) -> Outcome:
    """Vet a file that is there as a whole."""
    vetting = Vetting(filename, context=context, base=base, known=known, limits=limits)
    vetting.feed(data)
    return vetting.finish()


def facts_of(
    data: bytes | memoryview,
    filename: str,
    *,
    known: Known = know_nothing,
    limits: VetLimits = DEFAULT,
) -> Base:
    """Make the base from an archive that was approved: its facts without a judgement."""
    raise NotImplementedError
