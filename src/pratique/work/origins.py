"""Where a file came from, by hashes alone, and what a delivery of it still lacks.

A submission is where a file begins; a transform leads from its inputs to its outputs. Whoever
delivers shows for each file: who submitted what it was made from, that it was looked through, and
that somebody else accepted these very bytes. What was only said, not seen, is told as said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pratique.values.counting import counted
from pratique.work.model import ReviewVerdict, Submission, Transform, TransformKind, Work

REQUIRED: Final = (TransformKind.PII, TransformKind.DUPLICATES)
"""What a file must have gone through before it is delivered."""

_WORDS: Final = {
    TransformKind.OPEN: "opening",
    TransformKind.PII: "scan for data about people",
    TransformKind.DUPLICATES: "search for near-duplicates",
    TransformKind.OTHER: "other step",
}
MOST_LEAST: Final = 0.5
"""A scan that counts from a higher score on has looked past most of what there is."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """How one file came to be."""

    sha256: str
    submissions: tuple[str, ...]
    """Ids, in the order of their entries."""
    transforms: tuple[str, ...]
    reviews: tuple[str, ...]
    """Reviews of exactly these bytes."""
    people: tuple[str, ...]
    """Who submitted what it was made from."""
    lacks: tuple[str, ...]
    """What is not shown, as sentences; empty: it may be delivered."""
    entries: tuple[int, ...]
    """Ledger sequences of all of it."""


def same_person(name: str) -> str:
    """A name as it is compared: nobody becomes somebody else by other letters or spaces."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(one for one in plain if one.isalnum())


def _is_partial(step: Transform) -> bool:
    """Whether a scan left data about people, or looked for some sorts of it or for the surest only."""
    if step.kind is not TransformKind.PII:
        return False
    left = step.parameters.get("mode") == "report" and bool(step.found.keys() - {"unread"})
    try:
        least = float(step.parameters.get("least", "0"))
    except ValueError:
        return True
    return left or bool(step.parameters.get("sorts")) or not least <= MOST_LEAST


@dataclass(slots=True)
class _Found:
    submissions: dict[str, Submission]
    transforms: dict[str, Transform]


class Origins:
    """Answers about the files of one project's work."""

    def __init__(self, work: Work, *, required: Sequence[TransformKind] = REQUIRED) -> None:
        self._work = work
        self._required = required
        self._made_by: dict[str, list[Transform]] = {}
        self._submitted: dict[str, list[Submission]] = {}
        for transform in work.transforms.values():
            for file in transform.outputs:
                self._made_by.setdefault(file.sha256, []).append(transform)
        for submission in work.submissions.values():
            for file in submission.files:
                self._submitted.setdefault(file.sha256, []).append(submission)

    def of(self, sha256: str) -> Origin:
        """How a file came to be, as far as the work ledger knows."""
        found = self._walk(sha256)
        people = sorted({one.by for one in found.submissions.values()})
        reviews = [
            one
            for one in self._work.reviews.values()
            if any(file.sha256 == sha256 for file in one.files)
        ]
        ids = [*found.submissions, *found.transforms, *(one.id for one in reviews)]
        entries = sorted(self._work.recorded[one].entry for one in ids)
        return Origin(
            sha256=sha256,
            submissions=tuple(self._in_order(found.submissions)),
            transforms=tuple(self._in_order(found.transforms)),
            reviews=tuple(self._in_order([one.id for one in reviews])),
            people=tuple(people),
            lacks=tuple(self._lacks(sha256, found, people)),
            entries=tuple(entries),
        )

    def made_from(self, sha256: str) -> tuple[str, ...]:
        """Hashes of files that were made from this one, directly or further on, in order of finding."""
        found: dict[str, None] = {}
        waiting = [sha256]
        while waiting:
            one = waiting.pop()
            for transform in self._work.transforms.values():
                if any(file.sha256 == one for file in transform.inputs):
                    new = [f.sha256 for f in transform.outputs if f.sha256 not in found]
                    found.update(dict.fromkeys(new))
                    waiting += [each for each in new if each != sha256]
        found.pop(sha256, None)
        return tuple(found)

    def _walk(self, sha256: str) -> _Found:
        found = _Found({}, {})
        seen = {sha256}
        waiting = [sha256]
        while waiting:
            one = waiting.pop()
            for submission in self._submitted.get(one, ()):
                found.submissions[submission.id] = submission
            for transform in self._made_by.get(one, ()):
                found.transforms[transform.id] = transform
                new = [file.sha256 for file in transform.inputs if file.sha256 not in seen]
                seen.update(new)
                waiting += new
        return found

    def _seen(self, sha256: str) -> list[Transform]:
        """Steps between which nothing happened that was only said: that could have put anything in."""
        found: dict[str, Transform] = {}
        seen, waiting = {sha256}, [sha256]
        while waiting:
            for transform in self._made_by.get(waiting.pop(), ()):
                if transform.observed:
                    found[transform.id] = transform
                    new = [one.sha256 for one in transform.inputs if one.sha256 not in seen]
                    seen.update(new)
                    waiting += new
        return list(found.values())

    def _lacks(self, sha256: str, found: _Found, people: Sequence[str]) -> Iterable[str]:
        if self._work.unreadable:
            # One of them may be a rejection.
            some = ", ".join(map(str, self._work.unreadable[:5]))
            number = counted(len(self._work.unreadable), "entry", "entries")
            yield f"{number} about work cannot be read: {some}"
        if not found.submissions:
            yield "nobody is known to have submitted what it was made from"
        seen = self._seen(sha256)
        for kind in self._required:
            of_it = [one for one in seen if one.kind is kind]
            if not of_it:
                yield f"no {_WORDS[kind]} of it was seen here"
            elif all(map(_is_partial, of_it)):
                yield (
                    f"{kind.value} left something: it looked for some sorts or for the surest only, or"
                    " reported what it found"
                )
        yield from self._unreviewed(sha256, people)

    def _unreviewed(self, sha256: str, people: Sequence[str]) -> Iterable[str]:
        of_it = [
            one
            for one in self._work.reviews.values()
            if any(file.sha256 == sha256 for file in one.files)
        ]
        newest = {same_person(one.by): one for one in of_it}  # what somebody said last counts
        own = set(map(same_person, people))
        if any(one.verdict is ReviewVerdict.REJECTED for one in newest.values()):
            who = [one.by for one in newest.values() if one.verdict is ReviewVerdict.REJECTED]
            yield f"{', '.join(who)} rejected it"
        others = [
            one
            for one in newest.values()
            if one.verdict is ReviewVerdict.ACCEPTED and same_person(one.by) not in own
        ]
        if not others:
            yield "nobody but who submitted it has accepted these bytes"

    def _in_order(self, ids: Iterable[str]) -> list[str]:
        return sorted(ids, key=lambda one: self._work.recorded[one].entry)
